import type { Order, Refund, RefundState } from '../../model.ts'

/** States of refunds that WeChat has accepted. */
const ACCEPTED: readonly RefundState[] = ['processing', 'success', 'abnormal']
const LIVE: readonly RefundState[] = ['created', 'unknown', ...ACCEPTED]

/** Fen refunded or on the way, which no new refund may include. An unknown or abnormal refund counts; a rumour does not. */
export function refundedFee({ refunds }: Order): number {
  return feeOf(refunds, LIVE)
}

/** The part of this that WeChat has accepted. */
export function acceptedFee({ refunds }: Order): number {
  return feeOf(refunds, ACCEPTED)
}

/**
 * The fen that go back already, if another refund reported by WeChat would make them more than was paid; `undefined` if it fits. Our requests that WeChat has
 * not accepted do not count: they may still be refused.
 */
export function inItsWay({ refunds, payment }: Order, refund: Refund, refundFee: number): number | undefined {
  const others = feeOf(
    refunds.filter((each) => each !== refund),
    ACCEPTED,
  )
  const more = refundFee > feeOf([refund], ACCEPTED)
  return more && others + refundFee > payment!.totalFee ? others : undefined
}

/** Named only by an unsigned notification so far: it counts for nothing, and is dropped if WeChat does not know it. */
export function isRumour({ origin, refundId }: Refund): boolean {
  return origin === 'external' && refundId === undefined
}

/** Whether WeChat may have this refund, so that a trade may be reported as refunded because of it. */
export function mayBeThere(refund: Refund): boolean {
  return !isRumour(refund) && refund.state !== 'failed'
}

function feeOf(refunds: readonly Refund[], states: readonly RefundState[]): number {
  return refunds
    .filter((refund) => states.includes(refund.state) && !isRumour(refund))
    .reduce((sum, { refundFee }) => sum + refundFee, 0)
}
