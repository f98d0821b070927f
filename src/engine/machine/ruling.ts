import type { Anomaly, AnomalyKind, Order, Payment, Refund } from '../../model.ts'
import type { Change } from '../../store/store.ts'
import { describe, sourceOf } from './observation.ts'
import type { Observation } from './observation.ts'
import { isDue, isOwed, nextDue } from '../schedule.ts'

/** What happens to a payment for an order that was closed or had failed: hold it for the operator, refund it, or deliver anyway. */
export type LatePayment = 'hold' | 'refund' | 'fulfil'

export interface Policy {
  latePayment: LatePayment
}

/**
 * - `settled`: this news made the order paid
 * - `repeated`: already known; nothing changes
 * - `late`: recorded on an order that is no longer payable
 * - `changed`: the order's state or schedule changed
 * - `ignored`: weaker than what is known, or of no consequence
 * - `refused`: cannot be right; set aside with its evidence
 * - `rival-needed`: call again with the live order of the key
 */
export type Outcome = 'settled' | 'repeated' | 'late' | 'changed' | 'ignored' | 'refused' | 'rival-needed'

export interface Decision {
  outcome: Outcome
  change?: Change
  /** `onPaid` should run at once: the process that observed the news may claim the order in the same change. */
  claim?: true
}

export type Changed = Decision & { change: Change }

/** The key that only one live order of the merchant may have. Each sub-merchant of a service provider has its own. */
export function liveKeyOf({ key, subMchId }: Pick<Order, 'key' | 'subMchId'>): string {
  return subMchId === undefined ? key : `${subMchId}:${key}`
}

/** One order, one piece of news, and the four ways to decide about it: become, keep, ignore, wait. */
export class Ruling {
  readonly order: Order
  readonly policy: Policy
  readonly now: Date
  readonly #observation: Observation
  readonly #wechatNow: Date
  /** WeChat answered a query about the order, so the next one can wait. */
  readonly isAnswer: boolean

  constructor(order: Order, observation: Observation, policy: Policy, now: Date, wechatNow: Date) {
    this.order = order
    this.policy = policy
    this.now = now
    this.#observation = observation
    this.#wechatNow = wechatNow
    this.isAnswer = ['query', 'bill'].includes(sourceOf(observation)) && !observation.seen.startsWith('refund')
  }

  /** The order changes, and its schedule with it. */
  become(outcome: Outcome, text: string, part: Partial<Order>, anomalies: Anomaly[] = []): Changed {
    const next = { ...this.order, ...part, ...(this.isAnswer && { queriedAt: this.now }) }
    next.dueAt = this.#settled(next, nextDue(next, this.now, this.#wechatNow))
    return this.write(outcome, text, next, anomalies)
  }

  /** The next query of an unpaid order is not moved by less than a second, e.g. when clocks are compared again: not writing is cheaper. */
  #settled({ payment, refunds }: Order, next: Date | null): Date | null {
    const { dueAt } = this.order
    if (next === null || dueAt === null || dueAt <= this.now) return next
    const isLate = ({ dueAt }: Refund) => isDue(dueAt, this.now)
    // onRefunded runs under a claim, which goes on to whatever else is due: until then its lease stands, or two claims would run the same hooks.
    if (this.order.refunds.some((refund) => refund.fulfilment === 'due' && isLate(refund)) && refunds.some(isLate)) {
      return dueAt
    }
    return payment === undefined && Math.abs(next.getTime() - dueAt.getTime()) < 1000 ? dueAt : next
  }

  /** The order and its schedule stay. */
  keep(outcome: Outcome, text: string, anomalies: Anomaly[] = []): Changed {
    return this.write(outcome, text, this.isAnswer ? { ...this.order, queriedAt: this.now } : this.order, anomalies)
  }

  /** The news has no consequence. */
  ignore(why: string, outcome: Outcome = 'ignored'): Changed {
    return this.keep(outcome, `ignored: ${why}`)
  }

  /** The order is still unsettled: its schedule, which a poll does not move, queries it again. */
  wait(text: string, attempts: number, outcome: Outcome = 'changed', anomalies: Anomaly[] = []): Changed {
    const isPolled = 'polled' in this.#observation && this.#observation.polled === true
    return isPolled ? this.keep(outcome, text, anomalies) : this.become(outcome, text, { attempts }, anomalies)
  }

  /** Commits `next` with its line of history. */
  write(outcome: Outcome, text: string, next: Order, anomalies: Anomaly[] = []): Changed {
    const line = {
      outTradeNo: this.order.outTradeNo,
      at: this.now,
      source: sourceOf(this.#observation),
      seen: describe(this.#observation),
      outcome: text,
      from: this.order.state,
      to: next.state,
    }
    return { outcome, change: { order: next, history: [line], anomalies } }
  }

  anomaly(kind: AnomalyKind, payment: Payment, reason: string): Anomaly {
    const { outTradeNo } = this.order
    return { id: `${kind}:${outTradeNo}:${payment.transactionId}`, kind, outTradeNo, at: this.now, reason, payment }
  }
}

/** onPaid may be running under a lease or waiting for its next attempt: its due time stays, and refunds come after it. */
export function afterHook(order: Order, decision: Changed): Changed {
  const next = decision.change.order
  if (order.fulfilment === 'due' && next.dueAt !== null && (isOwed(next) || next.dueAt < order.dueAt!)) {
    next.dueAt = order.dueAt
  }
  return decision
}

/** Whether the order may still be ordered again under its number. */
export function isOpen(order: Order): boolean {
  return order.state === 'created' || order.state === 'unknown' || order.state === 'prepaid'
}

/** Whether the order is paid, closed or failed. */
export function isFinal(order: Order): boolean {
  return order.state === 'paid' || order.state === 'closed' || order.state === 'failed'
}
