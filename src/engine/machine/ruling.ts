import type { Anomaly, AnomalyKind, Order, Payment } from '../../model.ts'
import type { Change } from '../../store/store.ts'
import { describe, sourceOf } from './observation.ts'
import type { Observation } from './observation.ts'
import { isOwed, nextDue } from '../schedule.ts'

/** What happens when a payment arrives for an order that was closed or had failed: keep it for the operator, give it back, or deliver all the same. */
export type LatePayment = 'hold' | 'refund' | 'fulfil'

export interface Policy {
  latePayment: LatePayment
}

/**
 * - `settled`: this news made the order paid
 * - `repeated`: known already; nothing changes
 * - `late`: recorded on an order that is not payable any more
 * - `changed`: the order's state or schedule changed
 * - `ignored`: weaker than what is known, or of no consequence
 * - `refused`: cannot be right; set aside with its evidence
 * - `rival-needed`: bring the live order of the key and ask again
 */
export type Outcome = 'settled' | 'repeated' | 'late' | 'changed' | 'ignored' | 'refused' | 'rival-needed'

export interface Decision {
  outcome: Outcome
  change?: Change
  /** `onPaid` is to run at once: the process that brings the news may claim the order in the same change. */
  claim?: true
}

export type Changed = Decision & { change: Change }

/** One order, one piece of news, and the four ways to decide about it: become, keep, ignore, wait. */
export class Ruling {
  readonly order: Order
  readonly policy: Policy
  readonly now: Date
  readonly #observation: Observation
  readonly #wechatNow: Date
  /** WeChat answered a question about the order, so the next one can wait. */
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
    next.dueAt = nextDue(next, this.now, this.#wechatNow)
    return this.write(outcome, text, next, anomalies)
  }

  /** The order and its schedule stay. */
  keep(outcome: Outcome, text: string, anomalies: Anomaly[] = []): Changed {
    return this.write(outcome, text, this.isAnswer ? { ...this.order, queriedAt: this.now } : this.order, anomalies)
  }

  /** The news has no consequence. */
  ignore(why: string, outcome: Outcome = 'ignored'): Changed {
    return this.keep(outcome, `ignored: ${why}`)
  }

  /** The order is as unsettled as before: it is asked about again by its schedule, which a poll does not move. */
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

/** onPaid may be running under a lease, or wait for its next try: its time stands, and the refunds have theirs after it. */
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
