import type { PayApi, TradeReport } from '../client/pay.ts'
import type { Order, RefundReport } from '../model.ts'
import type { Observation } from './machine/observation.ts'
import { isRumour } from './machine/refund-fees.ts'

/**
 * Queries WeChat about an order and applies the answer. `polled`: outside the schedule. `onReply` is called as soon as WeChat has answered, and returns
 * whether NOTPAY would change nothing. `source` is the reason for the query.
 */
export type Query = (order: Order, polled: boolean, onReply?: () => boolean, source?: Asked) => Promise<Order>

/** By the schedule, by a client, or because a bill differs. */
export type Asked = 'query' | 'bill'

export interface QueryDeps {
  pay: Pick<PayApi, 'query' | 'listRefunds'>
  /** Applies a piece of news to the order. */
  apply: (order: Order, observation: Observation) => Promise<Order>
}

/**
 * A trade reported as refunded names neither the amount nor the refunds, so its refunds are listed, if the API can, and applied one by one. If that
 * fails, the payment is still recorded but not fulfilled, the error is passed on, and the next query tries again.
 */
export function createQuery({ pay, apply }: QueryDeps): Query {
  async function applyRefunds(order: Order, reports: RefundReport[], source: Asked): Promise<Order> {
    let current = order
    for (const report of reports) {
      if (isNews(current, report)) current = await apply(current, { seen: 'refund-reported', source, report })
    }
    return current
  }

  return async (order, polled, onReply, source = 'query') => {
    const { outTradeNo } = order
    let report: TradeReport
    try {
      report = await pay.query(outTradeNo, order)
    } catch (error) {
      await apply(order, { seen: 'no-answer', source, polled, reason: (error as Error).message })
      throw error
    }
    const isExpected = onReply?.() === true
    if (isExpected && report.tradeState === 'NOTPAY') return order
    if (report.tradeState !== 'REFUND') return await apply(order, reported(report, polled, source))
    const news = { seen: 'payment', source, polled, payment: report.payment, refunded: true } as const
    let refunds: RefundReport[]
    try {
      // Closed refunds first: they make room for refunds accepted later.
      refunds = ((await pay.listRefunds?.(outTradeNo, order)) ?? []).sort((a, b) => rank(a) - rank(b))
    } catch (error) {
      await apply(order, news)
      throw error
    }
    const all = { ...news, unlisted: refunds.length === 0 }
    // Refunds belong to a payment. If that is known, they come first, to show how much of it has not been refunded.
    return order.payment === undefined
      ? await applyRefunds(await apply(order, all), refunds, source)
      : await apply(await applyRefunds(order, refunds, source), all)
  }
}

function rank({ state }: RefundReport): number {
  return state === 'closed' ? 0 : 1
}

function isNews({ refunds }: Order, { outRefundNo, state, refundFee }: RefundReport): boolean {
  const known = refunds.find((refund) => refund.outRefundNo === outRefundNo)
  return known === undefined || isRumour(known) || known.state !== state || known.refundFee !== refundFee
}

function reported(report: Exclude<TradeReport, { tradeState: 'REFUND' }>, polled: boolean, source: Asked): Observation {
  switch (report.tradeState) {
    case 'SUCCESS':
      return { seen: 'payment', source, polled, payment: report.payment }
    case 'CLOSED':
    case 'REVOKED':
      return { seen: 'closed', source }
    case 'NOT_EXIST':
      return { seen: 'not-exist', source, polled }
    default:
      return { seen: 'unpaid', source, polled, tradeState: report.tradeState }
  }
}
