import type { Order } from '../model.ts'
import { refundedFee } from './machine/refund-fees.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** When to query WeChat about an unpaid order, counted from ordering (pay.weixin.qq.com doc 4012075249, plan A). */
export const QUERY_CADENCE: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  MINUTE,
  3 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
]

/** A close that may still be in progress is left alone this long. */
export const CALL_GRACE = 30 * SECOND

/** No work waits longer for its next attempt, except for the expiry of an open order. */
export const LONGEST_WAIT = 30 * MINUTE

/** How far the clocks of processes may differ before one stops trusting times recorded by another. */
export const CLOCKS_APART = 5 * MINUTE

/** The wait after this many failed attempts: 5 s, 10 s, 20 s … at most 30 min. */
export function backoff(attempts: number): number {
  return Math.min(5 * SECOND * 2 ** (attempts - 1), LONGEST_WAIT)
}

/** When a refund in progress is queried, after the n-th answer: every minute, then less often (refund pages: 5, 10, 20, 30 min). */
const POLL_MINUTES = [1, 1, 1, 1, 1, 5, 10, 20, 30]

/** The wait after this many answers that a refund is in progress. */
export function pollWait(answers: number): number {
  return POLL_MINUTES[Math.min(answers, POLL_MINUTES.length - 1)]! * MINUTE
}

/** A rumoured refund is queried again this long after WeChat did not answer. */
export const RUMOUR_WAIT = 5 * MINUTE

/** Whether something is due. A time further away than any wait was recorded by a clock that was ahead, and may be long past. */
export function isDue(dueAt: Date | null, now: Date): boolean {
  return dueAt !== null && (dueAt <= now || dueAt > furthest(now))
}

/** A later due time was recorded by a clock that was ahead, unless it is the expiry of an open order. Leases may be longer than any wait. */
export function furthest(now: Date, leaseMs = 0): Date {
  return later(now, Math.max(LONGEST_WAIT, leaseMs) + CLOCKS_APART)
}

/** When the order, one of its refunds or its shipping next has work due, or `null`. An order's age is measured by WeChat's clock, waits by ours. */
export function nextDue(order: Order, now: Date, wechatNow: Date): Date | null {
  let first = ownDue(order, now, wechatNow)
  // Shipping waits for onPaid, whose attempts have waits of their own.
  const ships = order.shipping !== undefined && !isOwed(order)
  const others = ships ? [...order.refunds, order.shipping!] : order.refunds
  for (const { dueAt } of others) if (dueAt !== null && (first === null || dueAt < first)) first = dueAt
  return first
}

function ownDue(order: Order, now: Date, wechatNow: Date): Date | null {
  if (isOwed(order)) return order.attempts === 0 ? now : later(now, backoff(order.attempts))
  switch (order.state) {
    case 'paid':
    case 'closed':
    case 'failed':
      return null
    case 'closing':
      return later(now, closeWait(order))
    case 'created':
    case 'unknown':
    case 'prepaid': {
      const age = wechatNow.getTime() - order.createdAt.getTime()
      const left = order.expiresAt.getTime() - wechatNow.getTime()
      if (left <= 0) return later(now, closeWait(order))
      const wait = (QUERY_CADENCE.find((each) => each > age) ?? Infinity) - age
      // An order dated in the future was made by a clock that was ahead, so its age is unknown.
      return later(now, Math.min(wait, left, age < 0 ? CLOCKS_APART : Infinity))
    }
  }
}

/** The calls that close an order may be in progress, or keep failing. */
function closeWait({ attempts }: Order): number {
  return Math.max(CALL_GRACE, backoff(attempts))
}

/** Whether `onPaid` has to run. Not while a refund of the whole payment is requested: if WeChat accepts it, nothing is owed. */
export function isOwed(order: Order): boolean {
  return order.fulfilment === 'due' && refundedFee(order) < order.payment!.totalFee
}

export function later(from: Date, ms: number): Date {
  return new Date(from.getTime() + ms)
}
