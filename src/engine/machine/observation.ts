import type { Order, Payment, Resolution, Source, TradeState } from '../../model.ts'
import type { RefundObservation } from './refund-observation.ts'
import type { ShippingObservation } from './shipping-observation.ts'

/** Trade states that mean: not paid, and may still be. */
type UnpaidState = Exclude<TradeState, 'SUCCESS' | 'REFUND' | 'CLOSED' | 'REVOKED'>

/**
 * News about one order. `polled`: the query was made outside the schedule, and its answer does not move the schedule of an unsettled order. `subMchId`: it is
 * only for an order of this sub-merchant.
 */
export type Observation =
  /** WeChat accepted the order. */
  | { seen: 'prepaid'; prepayId?: string; payUrl?: string; prepayExpiresAt: Date }
  /** WeChat refused the order for good. */
  | { seen: 'prepay-refused'; reason: string }
  /** The answer to the order was lost, or WeChat was busy: it may exist. */
  | { seen: 'prepay-unknown'; reason: string }
  /**
   * WeChat took money, and may have `refunded` some or all of it; `unlisted`: no list names the refunds. `rival` is the live order of the same key, requested
   * only if it matters; `taken` is the store's message that the transaction has paid another order.
   */
  | {
      seen: 'payment'
      source: Source
      polled?: boolean
      payment: Payment
      subMchId?: string | undefined
      refunded?: boolean
      unlisted?: boolean
      rival?: Order | 'none'
      taken?: string
    }
  /** A message claims it but proves nothing: ask WeChat. */
  | { seen: 'payment-hinted'; source: Source; transactionId: string; subMchId?: string | undefined }
  /** A payment was tried and failed; the order can still be paid. */
  | { seen: 'payment-failed'; source: Source; reason: string; subMchId?: string | undefined }
  | { seen: 'unpaid'; source: Source; polled?: boolean; tradeState: UnpaidState }
  | { seen: 'closed'; source: Source; reason?: string }
  | { seen: 'not-exist'; source: Source; polled?: boolean }
  /** WeChat could not be asked, or did not answer. */
  | { seen: 'no-answer'; source: Source; polled?: boolean; reason: string }
  /** Somebody wants the order closed. */
  | { seen: 'close-wanted'; source: Source; reason: string }
  | { seen: 'fulfilled' }
  /** `claims` identifies the claim of the run. */
  | { seen: 'fulfil-failed'; claims: number; reason: string }
  /** A claim without a result, as its process ends: the work was not begun, or was aborted. Any process may do it now. */
  | { seen: 'given-back'; claims: number; reason: string }
  /** An operator's decision about a payment on hold, or one that was set aside because it did not fit. */
  | { seen: 'hold-resolved'; action: Resolution['action']; note: string; payment: Payment; taken?: string }
  | RefundObservation
  | ShippingObservation

/** Whether it is about another sub-merchant's order with the same number. */
export function isForeign(observation: Observation, { subMchId }: Order): boolean {
  return 'subMchId' in observation && observation.subMchId !== undefined && observation.subMchId !== subMchId
}

/** The source that history names for it. */
export function sourceOf(observation: Observation): Source {
  if ('source' in observation) return observation.source
  if (observation.seen === 'hold-resolved') return 'operator'
  if (observation.seen.startsWith('refund')) return 'refund'
  if (observation.seen.startsWith('ship')) return 'fulfil'
  return observation.seen.startsWith('fulfil') || observation.seen === 'given-back' ? 'fulfil' : 'order'
}

/** What history says was seen. */
export function describe(observation: Observation): string {
  switch (observation.seen) {
    case 'payment':
      return `payment ${observation.payment.transactionId}${observation.refunded ? ', refunded' : ''}`
    case 'unpaid':
      return observation.tradeState
    case 'payment-hinted':
      return `payment-hinted ${observation.transactionId}`
    case 'hold-resolved':
      return `${observation.action}: ${observation.note}`
    case 'refund-wanted':
      return `refund of ${observation.refundFee} fen wanted: ${observation.key}`
    case 'refund-reported':
      return `refund ${observation.report.outRefundNo} is ${observation.report.state}`
    default: {
      const number = 'outRefundNo' in observation ? ` ${observation.outRefundNo}` : ''
      return 'reason' in observation && observation.reason !== undefined
        ? `${observation.seen}${number}: ${observation.reason}`
        : `${observation.seen}${number}`
    }
  }
}
