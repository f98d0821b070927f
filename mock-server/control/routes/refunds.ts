import type { FastifyInstance } from 'fastify'
import { strict } from '../../base/schema.ts'
import type { RefundEnd } from '../../ledger/refunds.ts'
import { OF_MERCHANT, type OfMerchant } from '../../world/parties.ts'
import { SETTLE, STATUS, type SettleOptions } from '../../world/payments.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, type InWorld } from '../schemas.ts'
import { notifiedView } from './notifications.ts'

interface OfRefund extends InWorld {
  readonly outRefundNo: string
}

const settle = strict({ status: STATUS, ...SETTLE.properties }, 'status')
const ofMerchant = strict(OF_MERCHANT)

export function refundRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld; Querystring: OfMerchant }>(
    '/worlds/:world/refunds',
    { schema: about('The refunds.', { querystring: ofMerchant }) },
    async ({ params, query: { mchId } }) =>
      worlds
        .find(params.world)
        .refunds()
        .filter((refund) => (mchId ?? refund.mchId) === refund.mchId),
  )

  app.get<{ Params: OfRefund; Querystring: OfMerchant }>(
    '/worlds/:world/refunds/:outRefundNo',
    { schema: about('One refund.', { querystring: ofMerchant }) },
    async ({ params, query }) => worlds.find(params.world).refund(params.outRefundNo, query),
  )

  app.post<{ Params: OfRefund; Body: SettleOptions & { readonly status: RefundEnd } }>(
    '/worlds/:world/refunds/:outRefundNo/settle',
    { schema: about('Ends a refund and notifies.', { body: settle }) },
    async ({ params, body: { status, ...options } }) =>
      notifiedView(await worlds.find(params.world).settleRefund(params.outRefundNo, status, options)),
  )
}
