import { Type } from '@sinclair/typebox'
import type { Worlds } from '../mock.ts'
import type { RequestPaymentParams } from '../wechat/request-payment.ts'
import type { ControlApp } from './index.ts'
import { notificationView } from './notifications.ts'
import { InWorld, OfOrder, OneOf, Strict } from './schemas.ts'

const Pay = Strict({
  openid: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  bankType: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
  coupons: Type.Optional(Type.Array(Strict({
    fee: Type.Integer({ minimum: 1 }),
    id: Type.Optional(Type.String({ minLength: 1, maxLength: 20 })),
    type: Type.Optional(OneOf('CASH', 'NO_CASH'))
  }))),
  deliver: Type.Optional(OneOf('await', 'background', 'hold'))
})

// The emulated client checks the parameters itself and says more about them than a schema could.
const PaymentParams = Type.Unsafe<RequestPaymentParams>({ type: 'object' })

export function orderRoutes (app: ControlApp, worlds: Worlds): void {
  app.get('/worlds/:world/orders', { schema: { params: InWorld } }, async request => worlds.find(request.params.world).orders())

  app.get('/worlds/:world/orders/:outTradeNo', { schema: { params: OfOrder } }, async request =>
    worlds.find(request.params.world).order(request.params.outTradeNo))

  app.post('/worlds/:world/orders/:outTradeNo/pay', { schema: { params: OfOrder, body: Pay } }, async request => {
    const world = worlds.find(request.params.world)
    const { outTradeNo } = request.params
    const { deliver = 'await', ...options } = request.body
    const result = deliver === 'await'
      ? await world.pay(outTradeNo, options)
      : { notification: notificationView(await world.pay(outTradeNo, { ...options, deliver })) }
    return { ...result, order: world.order(outTradeNo) }
  })

  app.post('/worlds/:world/request-payment', { schema: { params: InWorld, body: PaymentParams } }, async request =>
    worlds.find(request.params.world).requestPayment(request.body))
}
