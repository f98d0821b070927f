import { publish } from '../base/diagnostics.ts'
import { WechatError } from '../errors.ts'
import type { Log } from '../hooks.ts'
import type { Anomaly, Order, Payment, RefundReport, Source } from '../model.ts'
import type { Claim, Store, Updated } from '../store/store.ts'
import type { Outbox } from './claims/jobs.ts'
import { decide } from './machine.ts'
import { isForeign, sourceOf } from './machine/observation.ts'
import type { Observation } from './machine/observation.ts'
import { liveKeyOf } from './machine/ruling.ts'
import type { Decision, Outcome, Policy } from './machine/ruling.ts'

/** A piece of news that was committed. */
export interface Recorded {
  before: Order
  order: Order
  source: Source
  outcome: Outcome
}

/** Callbacks of the engine. They must not throw. `log` is that of the request which brought the news. */
export interface Observer {
  /** Called once per finding. */
  anomaly(anomaly: Anomaly, log?: Log): void
  /** News was committed: `order` is what it made of `before`. */
  recorded?(news: Recorded, log?: Log): void
  /** An order has work due at once, e.g. `onPaid`. */
  due(outTradeNo: string, log?: Log): void
  /** A slot for the work that a notification causes, if one is free: the order is then claimed in the same change. Always end it. */
  reserve?(): Slot | undefined
  /** With a queue: due work becomes a job. */
  outbox?: Outbox | undefined
}

/** The right to work on one order now. */
export interface Slot {
  /** The end of the lease of an order claimed now. */
  leaseEnd(): Date
  /** The name of this process. */
  claimer: string
  /** Does the work of the claim, once it is committed. Without a claim the slot is free again. */
  end(committed: Claim | undefined, log?: Log): void
}

export interface NewsDeps {
  mchId: string
  store: Store
  policy: Policy
  observer: Observer
  now: () => Date
  wechatNow: () => Date
}

/** The result of a piece of news. */
export interface Observed {
  order: Order
  outcome: Outcome
  /** One phrase: what changed, or why nothing did. */
  why: string
}

export interface News {
  /**
   * Decides about the order under its lock, commits the decision, and tells the observer. `undefined` for an unknown number. In a transaction of the caller, `tx`,
   * the caller commits it, and no observer hears of it: a sweep finds what it makes due.
   */
  observe(outTradeNo: string, observation: Observation, log?: Log, tx?: unknown): Promise<Observed | undefined>
  /** As `observe`, for a verified payment (of a service provider: with its sub-merchant). For an unknown number it becomes a finding. */
  observePayment(source: Source, payment: Payment, log?: Log, subMchId?: string): Promise<Observed | undefined>
  /** A refund notification about an unknown order, e.g. an archived one, becomes a finding. */
  noteUnknownRefund(
    refund: Pick<RefundReport, 'outTradeNo' | 'outRefundNo' | 'refundFee'>,
    log?: Log,
    subMchId?: string,
  ): Promise<undefined>
}

type PaymentSeen = Observation & { seen: 'payment' }

/** Takes news about orders to the machine, and its decisions to the store. */
export function createNews({ mchId, store, policy, observer, now, wechatNow }: NewsDeps): News {
  async function observe(
    outTradeNo: string,
    observation: Observation,
    log?: Log,
    tx?: unknown,
  ): Promise<Observed | undefined> {
    const slot = observation.seen === 'payment' && observation.source === 'notify' ? observer.reserve?.() : undefined
    let decision: Decision
    let claim: Claim | undefined
    let before: Order
    let updated: Updated | undefined
    let foreign = false
    try {
      updated = await store.updateOrder(
        outTradeNo,
        (current) => {
          foreign = isForeign(observation, current)
          if (foreign) return undefined
          before = current
          decision = decide(current, observation, policy, now(), wechatNow())
          const { change } = decision
          claim = slot !== undefined && decision.claim ? claimOf(change!.order, slot) : undefined
          if (claim !== undefined) return { ...change!, order: claim.order }
          return change && observer.outbox ? observer.outbox(change, current, now()) : change
        },
        tx,
      )
    } catch (error) {
      slot?.end(undefined)
      return await observe(outTradeNo, await explained(error, outTradeNo, observation), log)
    }
    slot?.end(claim, log)
    if (updated === undefined || foreign) return undefined
    const { order, raised } = updated
    const { outcome, change } = decision!
    if (outcome === 'rival-needed') {
      return await observe(outTradeNo, await withRival(observation as PaymentSeen, order), log)
    }
    if (tx !== undefined) return { order, outcome, why: change!.history.at(-1)!.outcome }
    observer.recorded?.({ before: before!, order, source: sourceOf(observation), outcome }, log)
    for (const anomaly of raised) observer.anomaly(anomaly, log)
    const isSettlement = outcome === 'settled' || outcome === 'late'
    if (isSettlement && observation.seen === 'payment') {
      const { source } = observation
      publish('fastify-wechat-pay:settlement', () => ({ outTradeNo, source, late: outcome === 'late' }))
    }
    const mayBeDue = isSettlement || outcome === 'changed' || observation.seen.endsWith('-hinted')
    if (mayBeDue && order.dueAt !== null && order.dueAt <= now()) observer.due(outTradeNo, log)
    return { order, outcome, why: change!.history.at(-1)!.outcome }
  }

  /** The same news, with the reason why the store refused the decision. */
  async function explained(error: unknown, outTradeNo: string, observation: Observation): Promise<Observation> {
    const code = error instanceof WechatError ? error.code : undefined
    if (code === 'WECHAT_TRANSACTION_TAKEN' && 'payment' in observation) {
      return { ...observation, taken: (error as WechatError).message.replace(/\.$/, '') }
    }
    if (code === 'WECHAT_ORDER_CONFLICT' && observation.seen === 'payment') {
      // A late payment would have taken the key back, but another order has taken it meanwhile.
      return await withRival(observation, (await store.findOrder(outTradeNo))!)
    }
    throw error
  }

  /** Adds the live order of the key, which decides what happens to a late payment. */
  async function withRival(observation: PaymentSeen, order: Order): Promise<Observation> {
    return { ...observation, rival: (await store.findLiveOrder(liveKeyOf(order), order.mchId)) ?? 'none' }
  }

  async function noteUnknown(about: Omit<Anomaly, 'kind' | 'at'>, log: Log | undefined): Promise<undefined> {
    const anomaly: Anomaly = { ...about, kind: 'unknown-order', at: now() }
    if (await store.insertAnomaly(anomaly)) observer.anomaly(anomaly, log)
  }

  return {
    observe,

    async observePayment(source, payment, log, subMchId) {
      const observed = await observe(payment.outTradeNo, { seen: 'payment', source, payment, subMchId }, log)
      if (observed !== undefined) return observed
      const { mchId, outTradeNo, transactionId } = payment
      const id = `unknown-order:${mchId}/${outTradeNo}:${transactionId}`
      return await noteUnknown({ id, outTradeNo, reason: noSuchOrder(subMchId), payment }, log)
    },

    async noteUnknownRefund({ outTradeNo, outRefundNo, refundFee }, log, subMchId) {
      const id = `unknown-order:${mchId}/${outTradeNo}:refund:${outRefundNo}`
      const reason = `WeChat reports the refund ${outRefundNo} of ${refundFee} fen, but ${noSuchOrder(subMchId)}`
      return await noteUnknown({ id, outTradeNo, reason }, log)
    },
  }
}

function noSuchOrder(subMchId: string | undefined): string {
  return `there is no order with this number${subMchId === undefined ? '' : ` of the sub-merchant ${subMchId}`}`
}

/** The claim of an order that no other process can have seen, as it is not committed yet. */
function claimOf(order: Order, slot: Slot): Claim {
  const claims = order.claims + 1
  return { order: { ...order, dueAt: slot.leaseEnd(), claims, claimedBy: slot.claimer }, claims }
}
