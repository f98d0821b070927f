import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Orders } from '../engine/orders.ts'
import { WechatError } from '../errors.ts'
import type { Order } from '../model.ts'
import { readIpAddress } from '../protocol/ip-address.ts'
import type { Answers } from './answers.ts'
import type { Users } from './user.ts'
import { cancelOrderSchema, createOrderSchema, getOrderSchema } from './schemas.ts'

export interface OrderRoutesDeps {
  orders: Orders
  users: Users
  answers: Answers
  orderTtlMs: number
  /** WeChat's time. */
  now: () => Date
}

/**
 * `POST /orders`.
 *
 * @param body The schema of its body; without one, any body reaches the hook `price`.
 */
export function createOrderRoute(
  scope: FastifyInstance,
  { users: { authenticate }, answers, orders, orderTtlMs, now }: OrderRoutesDeps,
  body?: unknown,
): void {
  const schema = body === undefined ? createOrderSchema : { ...createOrderSchema, body }
  scope.post('/orders', { schema }, async (request) => {
    const identity = await authenticate(request)
    const price = await answers.price(request, identity)
    const terms = {
      ...price,
      appid: identity.appid,
      openid: identity.openid,
      clientIp: clientIp(request),
      expiresAt: price.expiresAt ?? new Date(now().getTime() + orderTtlMs),
    }
    const { order, payParams } = await orders.create(terms).catch((error: unknown) => {
      if (error instanceof WechatError) {
        const { code, wechatCode, wechatText } = error
        if (code === 'WECHAT_ACCOUNT_REFUSED') {
          request.log.error({ wechatCode, wechatText }, 'Nobody can order: WeChat Pay refuses this server')
        } else if (code === 'WECHAT_REFUSED') {
          request.log.warn({ key: terms.key, wechatCode, wechatText }, 'WeChat Pay refused this order')
        }
      }
      throw error
    })
    return { outTradeNo: order.outTradeNo, ...payParams }
  })
}

/** `GET /orders/:outTradeNo`, `POST /orders/:outTradeNo/cancel`: the payer's own orders, by token. */
export function orderRoutes(scope: FastifyInstance, { orders, users: { authenticate } }: OrderRoutesDeps): void {
  const typed = scope.withTypeProvider<TypeBoxTypeProvider>()

  typed.get('/orders/:outTradeNo', { schema: getOrderSchema }, async (request) => {
    const order = await ownOrder(request, request.params.outTradeNo)
    try {
      return view(await orders.look(order))
    } catch (error) {
      request.log.warn(
        { outTradeNo: order.outTradeNo, err: error },
        'WeChat could not be queried about the order; the reply has its last known state',
      )
      return view(order)
    }
  })

  typed.post('/orders/:outTradeNo/cancel', { schema: cancelOrderSchema }, async (request) => {
    const order = await ownOrder(request, request.params.outTradeNo)
    return view((await orders.cancel(order.outTradeNo, 'cancelled by the payer'))!)
  })

  async function ownOrder(request: FastifyRequest, outTradeNo: string): Promise<Order> {
    const { openid, appid } = await authenticate(request)
    const order = await orders.get(outTradeNo)
    if (order === undefined || order.openid !== openid || order.appid !== appid) {
      throw new WechatError('WECHAT_ORDER_NOT_FOUND', `You have no order ${outTradeNo}.`)
    }
    return order
  }
}

/**
 * The payer's address, which WeChat requires. With `trustProxy` Fastify passes on what proxies wrote, sometimes with a port, `unknown`, or anything
 * the client made up; a UNIX socket has none. No order fails because of that: the farthest valid address counts, the socket's address being the
 * nearest.
 */
function clientIp(request: FastifyRequest): string {
  const written = [...(request.ips ?? [request.ip])].reverse()
  const addresses = written.map((text) => readIpAddress(String(text).replace(PORT, '$1$2')))
  return addresses.find((address) => address !== undefined) ?? '127.0.0.1'
}

/** `[2001:db8::1]:443`, `[2001:db8::1]` and `203.0.113.7:443` */
const PORT = /^(?:\[(.*)\](?::\d+)?|([\d.]+):\d+)$/

function view(order: Order) {
  const { outTradeNo, key, state, totalFee, description, payment } = order
  return {
    outTradeNo,
    key,
    state,
    paid: payment !== undefined,
    totalFee,
    description,
    ...(payment && { transactionId: payment.transactionId, paidAt: payment.paidAt.toISOString() }),
    createdAt: order.createdAt.toISOString(),
    expiresAt: order.expiresAt.toISOString(),
  }
}
