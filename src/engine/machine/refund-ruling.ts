import type { AnomalyKind, Order, Refund } from '../../model.ts'
import { backoff, CALL_GRACE } from '../schedule.ts'
import { inItsWay, isRumour } from './refund-fees.ts'

/** After this many failures, about 45 minutes, an anomaly is raised. Retries continue. */
export const TELL_AFTER = 10

/** The decision. Without `refunds` nothing changes. */
export interface RefundDecision {
  outcome: 'changed' | 'repeated' | 'ignored' | 'refused'
  text: string
  refunds?: readonly Refund[]
  anomaly?: { kind: AnomalyKind; id: string; reason: string }
}

/** One order, one piece of news about its refunds, and the possible decisions. */
export class RefundRuling {
  /** May include a refund added by this news. */
  readonly order: Order
  readonly now: Date

  constructor(order: Order, now: Date) {
    this.order = order
    this.now = now
  }

  later(ms: number): Date {
    return new Date(this.now.getTime() + ms)
  }

  fresh(outRefundNo: string, key: string, refundFee: number): Refund {
    return {
      outRefundNo,
      key,
      refundFee,
      origin: 'local',
      state: 'created',
      createdAt: this.now,
      attempts: 0,
      dueAt: this.later(CALL_GRACE),
      fulfilment: 'none',
    }
  }

  add(text: string, refund: Refund): RefundDecision {
    return { outcome: 'changed', text, refunds: [...this.order.refunds, refund] }
  }

  /** The refund changes. */
  become(text: string, refund: Refund, part: Partial<Refund>): RefundDecision {
    const refunds = this.order.refunds.map((each) => (each === refund ? { ...refund, ...part } : each))
    return { outcome: 'changed', text, refunds }
  }

  /** The refund changes, and a person has to look at it. */
  report(kind: AnomalyKind, reason: string, refund: Refund, decision: RefundDecision): RefundDecision {
    const { outRefundNo, origin } = refund
    // The number of a refund made elsewhere is unique for its merchant only.
    const number = origin === 'local' ? outRefundNo : `${this.order.outTradeNo}:${outRefundNo}`
    return { ...decision, anomaly: { kind, id: `${kind}:${number}`, reason } }
  }

  /** There is no such refund. */
  drop(text: string, refund: Refund): RefundDecision {
    return { outcome: 'changed', text, refunds: this.order.refunds.filter((each) => each !== refund) }
  }

  ignore(): RefundDecision {
    return { outcome: 'ignored', text: 'ignored: weaker than what is known' }
  }

  /** WeChat was asked outside the schedule, with no result. */
  keep(): RefundDecision {
    return { outcome: 'ignored', text: 'ignored: the next work and its time stay' }
  }

  refuse(text: string): RefundDecision {
    return { outcome: 'refused', text }
  }

  /** The refund is requested or queried again after a growing wait. */
  retry(text: string, refund: Refund, part: Partial<Refund> = {}, wait = backoff): RefundDecision {
    const attempts = refund.attempts + 1
    return this.become(text, refund, { ...part, attempts, dueAt: this.later(wait(attempts)) })
  }

  /** The request may have arrived: it is repeated under the same number. */
  unsure(refund: Refund, reason: string, isOperators = false): RefundDecision {
    const decision = this.retry('to be requested again under the same number', refund, { state: 'unknown' })
    const attempts = refund.attempts + 1
    if (attempts < TELL_AFTER && !isOperators) return decision
    return this.report('refund-stuck', `requested ${attempts} times without success: ${reason}`, refund, decision)
  }

  /** More than was paid cannot be refunded. Another refund may have been closed meanwhile and still count here, so query this one again. */
  tooMuch(refund: Refund, refundFee: number): RefundDecision {
    const { order } = this
    const already = `together with the ${inItsWay(order, refund, refundFee)} fen already being refunded, that exceeds the ${order.payment!.totalFee} fen paid`
    return this.mismatch(refund, `WeChat reports ${refundFee} fen for ${refund.outRefundNo}; ${already}`)
  }

  /** Set aside: the refund is unchanged, and is queried less and less often. */
  mismatch(refund: Refund, reason: string): RefundDecision {
    const part = isRumour(refund) ? { state: 'processing' as const } : {}
    const decision = this.retry(`refused: ${reason}`, refund, part)
    return this.report('refund-mismatch', reason, refund, { ...decision, outcome: 'refused' })
  }
}
