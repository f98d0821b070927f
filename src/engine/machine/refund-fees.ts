import type { Order, Refund, RefundState } from '../../model.ts'

/** What WeChat has taken. */
const ACCEPTED: readonly RefundState[] = ['processing', 'success', 'abnormal']
const LIVE: readonly RefundState[] = ['created', 'unknown', ...ACCEPTED]

/** Fen given back or on the way: what a new refund may not touch again. An unknown or abnormal one keeps its amount; a rumour has none. */
export function refundedFee({ refunds }: Order): number {
  return feeOf(refunds, LIVE)
}

/** What of this WeChat has accepted. */
export function acceptedFee({ refunds }: Order): number {
  return feeOf(refunds, ACCEPTED)
}

/**
 * What goes back already, if WeChat's word about one more refund would make it more than was paid; `undefined` if it fits. What we have asked for and WeChat has not
 * accepted does not count: it may still be refused.
 */
export function inItsWay({ refunds, payment }: Order, refund: Refund, refundFee: number): number | undefined {
  const others = feeOf(
    refunds.filter((each) => each !== refund),
    ACCEPTED,
  )
  const more = refundFee > feeOf([refund], ACCEPTED)
  return more && others + refundFee > payment!.totalFee ? others : undefined
}

/** Named by an unsigned notification, and by nothing that WeChat has signed yet: it counts for nothing, and goes away when WeChat does not know it. */
export function isRumour({ origin, refundId }: Refund): boolean {
  return origin === 'external' && refundId === undefined
}

/** Whether WeChat has it, or may have: a trade that it reports as refunded may be so by this one. */
export function mayBeThere(refund: Refund): boolean {
  return !isRumour(refund) && refund.state !== 'failed'
}

function feeOf(refunds: readonly Refund[], states: readonly RefundState[]): number {
  return refunds
    .filter((refund) => states.includes(refund.state) && !isRumour(refund))
    .reduce((sum, { refundFee }) => sum + refundFee, 0)
}
