import type { FastifyInstance } from 'fastify'
import { canEnd, type ConsoleRefund, type EndOptions } from '../../ledger/refund-rules.ts'
import type { RefundEnd } from '../../ledger/refunds.ts'
import type { Deliver, OfMerchant, OnSide } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, type InWorld, mchId, type OfOrder, oneOf, side, strict, text } from '../schemas.ts'
import { resultView } from './notifications.ts'

interface OfRefund extends InWorld {
  readonly outRefundNo: string
}
type Settle = EndOptions & OfMerchant & { readonly status: RefundEnd; readonly deliver?: Deliver }

const settle = strict(
  {
    status: oneOf('SUCCESS', 'CHANGE', 'REFUNDCLOSE'),
    channel: oneOf('ORIGINAL', 'BALANCE', 'OTHER_BALANCE', 'OTHER_BANKCARD'),
    receivedBy: text(64),
    deliver: oneOf('await', 'background', 'hold'),
    mchId,
  },
  'status',
)

const ofMerchant = strict({ mchId })

const consoleRefund = strict({
  refundFee: integer(1),
  outRefundNo: text(64),
  desc: text(80),
  account: oneOf('REFUND_SOURCE_UNSETTLED_FUNDS', 'REFUND_SOURCE_RECHARGE_FUNDS'),
  notifyUrl: { type: ['string', 'null'], maxLength: 256 },
  mchId,
  side,
})

export function refundRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld; Querystring: OfMerchant }>(
    '/worlds/:world/refunds',
    { schema: { querystring: ofMerchant } },
    async ({ params, query: { mchId } }) =>
      worlds
        .find(params.world)
        .refunds()
        .filter((refund) => (mchId ?? refund.mchId) === refund.mchId),
  )

  app.get<{ Params: OfRefund; Querystring: OfMerchant }>(
    '/worlds/:world/refunds/:outRefundNo',
    { schema: { querystring: ofMerchant } },
    async (request) => worlds.find(request.params.world).getRefund(request.params.outRefundNo, request.query),
  )

  app.post<{ Params: OfOrder; Body: ConsoleRefund & OnSide }>(
    '/worlds/:world/orders/:outTradeNo/refunds',
    { schema: { body: consoleRefund } },
    async (request) => worlds.find(request.params.world).refund(request.params.outTradeNo, request.body),
  )

  app.post<{ Params: OfRefund; Body: Settle }>(
    '/worlds/:world/refunds/:outRefundNo/settle',
    { schema: { body: settle } },
    async (request) => {
      const world = worlds.find(request.params.world)
      const { outRefundNo } = request.params
      const { status, deliver = 'await', ...options } = request.body
      const where = {
        mchId:
          options.mchId ??
          (
            world.refunds().find((refund) => refund.outRefundNo === outRefundNo && canEnd(refund)) ??
            world.getRefund(outRefundNo)
          ).mchId,
      }
      const result = await (deliver === 'await'
        ? world.settleRefund(outRefundNo, status, options)
        : world.settleRefund(outRefundNo, status, { ...options, deliver }))
      return { ...(result && resultView(result)), refund: world.getRefund(outRefundNo, where) }
    },
  )
}
