import type { FastifyInstance } from 'fastify'
import type { FailOptions } from '../cashier.ts'
import type { Worlds } from '../mock.ts'
import type { RequestPaymentParams } from '../wechat/request-payment.ts'
import type { Deliver, PayOptions } from '../world.ts'
import { notificationView } from './notifications.ts'
import { integer, oneOf, strict, text, type InWorld, type OfOrder } from './schemas.ts'

type Pay = PayOptions & { readonly deliver?: Deliver }

const pay = strict({
  openid: text(128),
  bankType: text(32),
  coupons: { type: 'array', items: strict({ fee: integer(1), id: text(20), type: oneOf('CASH', 'NO_CASH') }, 'fee') },
  deliver: oneOf('await', 'background', 'hold')
})

const fail = strict({ err_code: text(32), err_code_des: text(128), notify: { type: 'boolean' } })

export function orderRoutes (app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>('/worlds/:world/orders', async request => worlds.find(request.params.world).orders())

  app.get<{ Params: OfOrder }>('/worlds/:world/orders/:outTradeNo', async request =>
    worlds.find(request.params.world).order(request.params.outTradeNo))

  app.post<{ Params: OfOrder, Body: Pay }>('/worlds/:world/orders/:outTradeNo/pay', { schema: { body: pay } }, async request => {
    const world = worlds.find(request.params.world)
    const { outTradeNo } = request.params
    const { deliver = 'await', ...options } = request.body
    const result = deliver === 'await'
      ? await world.pay(outTradeNo, options)
      : { notification: notificationView(await world.pay(outTradeNo, { ...options, deliver })) }
    return { ...result, order: world.order(outTradeNo) }
  })

  app.post<{ Params: OfOrder, Body: FailOptions }>('/worlds/:world/orders/:outTradeNo/fail', { schema: { body: fail } }, async request => {
    const world = worlds.find(request.params.world)
    const { outTradeNo } = request.params
    return { ...await world.fail(outTradeNo, request.body), order: world.order(outTradeNo) }
  })

  app.post<{ Params: OfOrder, Body: object }>('/worlds/:world/orders/:outTradeNo/expire', { schema: { body: strict({}) } }, async request =>
    worlds.find(request.params.world).expire(request.params.outTradeNo))

  // The emulated client checks the parameters itself and says more about them than a schema could.
  app.post<{ Params: InWorld, Body: RequestPaymentParams }>('/worlds/:world/request-payment', { schema: { body: { type: 'object' } } }, async request =>
    worlds.find(request.params.world).requestPayment(request.body))
}
