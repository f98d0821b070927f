import type { Order, Refund, RefundState } from '../../model.ts'

/** States of refunds that WeChat has accepted. */
const ACCEPTED: readonly RefundState[] = ['processing', 'success', 'abnormal']
const LIVE: readonly RefundState[] = ['created', 'unknown', ...ACCEPTED]

/** Fen already refunded or in progress, which cannot be refunded again. An unknown or abnormal refund counts; a rumour does not. */
export function refundedFee({ refunds }: Order): number {
  return feeOf(refunds, LIVE)
}

/** The part of this that WeChat has accepted. */
export function acceptedFee({ refunds }: Order): number {
  return feeOf(refunds, ACCEPTED)
}

/**
 * The fen already being refunded, if with another refund reported by WeChat they would exceed the payment; `undefined` if that fits. Our own requests
 * that WeChat has not accepted do not count, as they may still be refused.
 */
export function inItsWay({ refunds, payment }: Order, refund: Refund, refundFee: number): number | undefined {
  const others = feeOf(
    refunds.filter((each) => each !== refund),
    ACCEPTED,
  )
  const more = refundFee > feeOf([refund], ACCEPTED)
  return more && others + refundFee > payment!.totalFee ? others : undefined
}

/** So far named only by an unsigned notification. It counts for nothing, and is dropped if WeChat does not know it. */
export function isRumour({ origin, refundId }: Refund): boolean {
  return origin === 'external' && refundId === undefined
}

/** Whether WeChat may have this refund, and may report the trade as refunded because of it. */
export function mayBeThere(refund: Refund): boolean {
  return !isRumour(refund) && refund.state !== 'failed'
}

function feeOf(refunds: readonly Refund[], states: readonly RefundState[]): number {
  return refunds
    .filter((refund) => states.includes(refund.state) && !isRumour(refund))
    .reduce((sum, { refundFee }) => sum + refundFee, 0)
}
