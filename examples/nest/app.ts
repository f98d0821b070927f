import 'reflect-metadata'
import { Catch, Controller, Get, Inject, Injectable, Module, NotFoundException, Param, UseGuards } from '@nestjs/common'
import type {
  ArgumentsHost,
  CanActivate,
  DynamicModule,
  ExceptionFilter,
  ExecutionContext,
  OnModuleInit,
} from '@nestjs/common'
import { APP_FILTER, HttpAdapterHost, NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import wechatPay, { memoryStore, WechatError } from '../../src/index.ts'
import type { PaidOrder } from '../../src/index.ts'
import type { Account } from '../apps/account.ts'

// Nest on the Fastify adapter. Decorators cannot be stripped like types, so the compiler builds it: tsc -p examples/nest --noEmit false --outDir build

const ACCOUNT = Symbol('account')

@Injectable()
export class Carts {
  readonly #carts = new Map([['cart-1', { total: 1250, isPaid: false }]])

  find(id: string) {
    const cart = this.#carts.get(id)
    if (!cart) throw new NotFoundException('No such cart.')
    return cart
  }

  deliver({ key }: PaidOrder) {
    this.find(key).isPaid = true
  }
}

/** The instance of Fastify behind Nest, where the plugin lives. */
function fastifyOf({ httpAdapter }: HttpAdapterHost) {
  return (httpAdapter as unknown as FastifyAdapter).getInstance()
}

/** Registers the plugin when the module starts: its hooks are methods of your services. */
@Injectable()
export class Payments implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly carts: Carts,
    @Inject(ACCOUNT) private readonly account: Account,
  ) {}

  async onModuleInit() {
    await fastifyOf(this.host).register(wechatPay, {
      ...this.account,
      store: memoryStore(),
      price: ({ body }) => {
        const { cart: id } = body as { cart: string }
        return { key: id, description: 'Tea', totalFee: this.carts.find(id).total }
      },
      onPaid: (order) => {
        this.carts.deliver(order)
      },
    })
  }

  get wechat() {
    return fastifyOf(this.host).wechat
  }
}

/** Admits only users of the mini program. */
@Injectable()
export class UserGuard implements CanActivate {
  constructor(private readonly payments: Payments) {}

  async canActivate(context: ExecutionContext) {
    const http = context.switchToHttp()
    const requireUser = this.payments.wechat.requireUser as (
      request: FastifyRequest,
      reply: FastifyReply,
    ) => Promise<void>
    await requireUser(http.getRequest(), http.getResponse())
    return true
  }
}

/** Answers an error of `fastify.wechat` in your guards and controllers with its own status. Nest 12 turns errors that it does not know into a 500. */
@Catch(WechatError)
export class WechatErrorFilter implements ExceptionFilter<WechatError> {
  catch({ statusCode, code, message }: WechatError, host: ArgumentsHost) {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    reply.code(statusCode).send({ statusCode, code, message })
  }
}

@Controller('carts')
export class CartsController {
  constructor(private readonly carts: Carts) {}

  @Get(':id')
  @UseGuards(UserGuard)
  find(@Param('id') id: string) {
    return this.carts.find(id)
  }
}

@Module({})
export class ShopModule {
  static with(account: Account): DynamicModule {
    return {
      module: ShopModule,
      controllers: [CartsController],
      providers: [
        Carts,
        Payments,
        { provide: ACCOUNT, useValue: account },
        { provide: APP_FILTER, useClass: WechatErrorFilter },
      ],
    }
  }
}

export async function build(account: Account) {
  const adapter = new FastifyAdapter({ requestTimeout: 10_000 })
  const app = await NestFactory.create<NestFastifyApplication>(ShopModule.with(account), adapter, { logger: false })
  return await app.init()
}
