import type { FastifyInstance } from 'fastify'
import { strict } from '../../base/schema.ts'
import type { FailOptions } from '../../ledger/cashier.ts'
import { TRADE_STATE, type TradeState } from '../../ledger/orders.ts'
import type { ConsoleRefund } from '../../ledger/refund-rules.ts'
import type { AppPaymentParams } from '../../wechat/phone/app-payment.ts'
import type { RequestPaymentParams } from '../../wechat/phone/request-payment.ts'
import { OF_MERCHANT, type OfMerchant } from '../../world/parties.ts'
import { WHERE, FAIL, PAY, REFUND, type PayOptions } from '../../world/payments.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, type InWorld, type OfOrder } from '../schemas.ts'
import { notifiedView } from './notifications.ts'

const ofState = strict({ state: TRADE_STATE, ...OF_MERCHANT })
const forced = strict({ state: TRADE_STATE, ...OF_MERCHANT }, 'state')

export function orderRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld; Querystring: OfMerchant & { readonly state?: TradeState } }>(
    '/worlds/:world/orders',
    { schema: about('The orders.', { querystring: ofState }) },
    async ({ params, query: { state, mchId } }) =>
      worlds
        .find(params.world)
        .orders()
        .filter((order) => (state ?? order.tradeState) === order.tradeState && (mchId ?? order.mchId) === order.mchId),
  )

  app.get<{ Params: OfOrder; Querystring: OfMerchant }>(
    '/worlds/:world/orders/:outTradeNo',
    { schema: about('One order.', { querystring: WHERE }) },
    async ({ params, query }) => worlds.find(params.world).order(params.outTradeNo, query),
  )

  app.post<{ Params: OfOrder; Body: PayOptions }>(
    '/worlds/:world/orders/:outTradeNo/pay',
    {
      schema: about('The user pays; returns the notification and its first delivery with the verdict.', { body: PAY }),
    },
    async ({ params, body }) => notifiedView(await worlds.find(params.world).pay(params.outTradeNo, body)),
  )

  app.post<{ Params: OfOrder; Body: FailOptions & OfMerchant }>(
    '/worlds/:world/orders/:outTradeNo/fail',
    { schema: about('The user tries to pay and fails.', { body: FAIL }) },
    async ({ params, body }) => notifiedView(await worlds.find(params.world).fail(params.outTradeNo, body)),
  )

  app.post<{ Params: OfOrder; Body: OfMerchant }>(
    '/worlds/:world/orders/:outTradeNo/expire',
    { schema: about('An order expires.', { body: WHERE }) },
    async ({ params, body }) => worlds.find(params.world).expire(params.outTradeNo, body),
  )

  app.post<{ Params: OfOrder; Body: OfMerchant & { readonly state: TradeState } }>(
    '/worlds/:world/orders/:outTradeNo/state',
    { schema: about('Forces a trade_state on an order, for orderquery.', { body: forced }) },
    async ({ params, body: { state, ...options } }) =>
      worlds.find(params.world).forceState(params.outTradeNo, state, options),
  )

  app.post<{ Params: OfOrder; Body: ConsoleRefund & OfMerchant }>(
    '/worlds/:world/orders/:outTradeNo/refunds',
    { schema: about('The merchant refunds manually, in its console.', { body: REFUND }) },
    async ({ params, body }) => worlds.find(params.world).refundFromConsole(params.outTradeNo, body),
  )

  // The emulated client checks the parameters itself, with better messages than a schema could give.
  app.post<{ Params: InWorld; Body: RequestPaymentParams }>(
    '/worlds/:world/request-payment',
    {
      schema: about('Checks the parameters of wx.requestPayment as the client does.', { body: { type: 'object' } }),
    },
    async ({ params, body }) => worlds.find(params.world).requestPayment(body),
  )

  app.post<{ Params: InWorld; Body: AppPaymentParams }>(
    '/worlds/:world/app-payment',
    {
      schema: about("Checks the values that an app hands to WeChat's SDK, as the SDK does.", {
        body: { type: 'object' },
      }),
    },
    async ({ params, body }) => worlds.find(params.world).appPayment(body),
  )
}
