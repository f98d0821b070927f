import type { FastifyInstance } from 'fastify'
import type { FailOptions } from '../../ledger/cashier.ts'
import type { TradeState } from '../../ledger/orders.ts'
import type { RequestPaymentParams } from '../../wechat/phone/request-payment.ts'
import type { Deliver, OfMerchant, OnSide, PayOptions, World } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, type InWorld, mchId, type OfOrder, oneOf, side, strict, text } from '../schemas.ts'
import { resultView } from './notifications.ts'

type Pay = PayOptions & { readonly deliver?: Deliver }

const pay = strict({
  openid: text(128),
  bankType: text(32),
  coupons: { type: 'array', items: strict({ fee: integer(1), id: text(20), type: oneOf('CASH', 'NO_CASH') }, 'fee') },
  deliver: oneOf('await', 'background', 'hold'),
  mchId,
  side,
})

const fail = strict({ err_code: text(32), err_code_des: text(128), notify: { type: 'boolean' }, mchId, side })

const onSide = strict({ mchId, side })
const ofState = strict({ state: oneOf('NOTPAY', 'SUCCESS', 'REFUND', 'CLOSED'), mchId })

/** Where it is: known beforehand, because the order is shown afterwards. */
function whereToPay(world: World, outTradeNo: string, { mchId: of, side: on }: OnSide): Required<OnSide> {
  const { mchId, side } = world.order(outTradeNo, {
    ...(of !== undefined && { mchId: of }),
    ...(on !== undefined && { side: on }),
    tradeState: 'NOTPAY',
  })
  return { mchId, side }
}

export function orderRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld; Querystring: OfMerchant & { readonly state?: TradeState } }>(
    '/worlds/:world/orders',
    { schema: { querystring: ofState } },
    async ({ params, query: { state, mchId } }) =>
      worlds
        .find(params.world)
        .orders()
        .filter((order) => (state ?? order.tradeState) === order.tradeState && (mchId ?? order.mchId) === order.mchId),
  )

  app.get<{ Params: OfOrder; Querystring: OnSide }>(
    '/worlds/:world/orders/:outTradeNo',
    { schema: { querystring: onSide } },
    async (request) => worlds.find(request.params.world).order(request.params.outTradeNo, request.query),
  )

  app.post<{ Params: OfOrder; Body: Pay }>(
    '/worlds/:world/orders/:outTradeNo/pay',
    { schema: { body: pay } },
    async (request) => {
      const world = worlds.find(request.params.world)
      const { outTradeNo } = request.params
      const { deliver = 'await', ...rest } = request.body
      const where = whereToPay(world, outTradeNo, rest)
      const options = { ...rest, ...where }
      return {
        ...resultView(
          await (deliver === 'await' ? world.pay(outTradeNo, options) : world.pay(outTradeNo, { ...options, deliver })),
        ),
        order: world.order(outTradeNo, where),
      }
    },
  )

  app.post<{ Params: OfOrder; Body: FailOptions & OnSide }>(
    '/worlds/:world/orders/:outTradeNo/fail',
    { schema: { body: fail } },
    async (request) => {
      const world = worlds.find(request.params.world)
      const { outTradeNo } = request.params
      const where = whereToPay(world, outTradeNo, request.body)
      return { ...(await world.fail(outTradeNo, { ...request.body, ...where })), order: world.order(outTradeNo, where) }
    },
  )

  app.post<{ Params: OfOrder; Body: OnSide }>(
    '/worlds/:world/orders/:outTradeNo/expire',
    { schema: { body: onSide } },
    async (request) => worlds.find(request.params.world).expire(request.params.outTradeNo, request.body),
  )

  // The emulated client checks the parameters itself and says more about them than a schema could.
  app.post<{ Params: InWorld; Body: RequestPaymentParams }>(
    '/worlds/:world/request-payment',
    { schema: { body: { type: 'object' } } },
    async (request) => worlds.find(request.params.world).requestPayment(request.body),
  )
}
