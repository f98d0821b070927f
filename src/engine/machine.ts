import type { HistoryLine, Order } from '../model.ts'
import type { Change } from '../store/store.ts'
import type { Observation } from './machine/observation.ts'
import { resolve, settle } from './machine/payments.ts'
import { acceptedFee } from './machine/refund-fees.ts'
import { TELL_AFTER } from './machine/refund-ruling.ts'
import { ruleRefund } from './machine/refunds.ts'
import type { RefundObservation } from './machine/refund-observation.ts'
import { SHIPPING } from './machine/shipping.ts'
import { afterHook, isFinal, isOpen, Ruling } from './machine/ruling.ts'
import type { Decision, Policy } from './machine/ruling.ts'
import { CALL_GRACE, nextDue } from './schedule.ts'

/**
 * The rules about money, all of them, as one pure function: no clock, no store, no network.
 *
 * All news comes here (a notification, a query, the answer to a close) and passes the same checks. A payment that WeChat took is always recorded;
 * weaker news never overwrites stronger; news that cannot be right is set aside with its evidence.
 *
 * @returns How `observation` changes `order` at `now`, by the clock of the process that observed it. Orders expire by WeChat's clock, which shows `wechatNow`.
 */
export function decide(
  order: Order,
  observation: Observation,
  policy: Policy,
  now: Date,
  wechatNow: Date = now,
): Decision {
  const ruling = new Ruling(order, observation, policy, now, wechatNow)
  if (isOfRefund(observation)) return refund(observation, ruling)
  return (RULES[observation.seen] as (news: Observation, ruling: Ruling) => Decision)(observation, ruling)
}

/**
 * What a claim makes of an open order that only needs a query: the next query is planned at once, so that an answer without news needs no
 * change. `undefined` if the answer always matters.
 */
export function planQuery(order: Order, now: Date, wechatNow: Date): Change | undefined {
  if (!isOpen(order) || order.attempts > 0 || order.expiresAt <= wechatNow) return undefined
  const { outTradeNo, state } = order
  const line: HistoryLine = {
    outTradeNo,
    at: now,
    source: 'query',
    seen: 'asked',
    outcome: 'any answer but NOTPAY is noted',
    from: state,
    to: state,
  }
  return {
    order: { ...order, queriedAt: now, dueAt: nextDue(order, now, wechatNow) },
    history: [line],
    anomalies: [],
  }
}

type Seen = Exclude<Observation['seen'], RefundObservation['seen']>

const RULES: { [Name in Seen]: (news: Observation & { seen: Name }, ruling: Ruling) => Decision } = {
  prepaid({ prepayId, payUrl, prepayExpiresAt }, ruling) {
    if (!isOpen(ruling.order)) return ruling.ignore('the order is no longer open')
    return ruling.become('changed', 'prepaid', { state: 'prepaid', prepayId, payUrl, prepayExpiresAt, attempts: 0 })
  },

  'prepay-refused'(_, ruling) {
    const { state } = ruling.order
    if (state === 'created') return ruling.become('changed', 'refused by WeChat', { state: 'failed', liveKey: null })
    // An earlier call whose answer was lost may have created it: query WeChat before giving it up.
    if (state === 'unknown') return ruling.become('changed', 'to be closed', { state: 'closing', attempts: 0 })
    return ruling.ignore('an earlier answer stands')
  },

  'prepay-unknown'(_, ruling) {
    if (ruling.order.state !== 'created') return ruling.ignore('an earlier answer stands')
    return ruling.become('changed', 'the order may exist at WeChat', { state: 'unknown' })
  },

  payment: settle,

  'payment-hinted'({ transactionId }, ruling) {
    const { payment } = ruling.order
    if (payment?.transactionId === transactionId) return ruling.ignore('already known', 'repeated')
    if (payment !== undefined) return ruling.keep('refused', `refused: the order is paid by ${payment.transactionId}`)
    return ruling.write('refused', 'refused: not proof on its own, so WeChat is queried', askedSoon(ruling))
  },

  'payment-failed': (_, ruling) => ruling.ignore('the order can still be paid'),

  unpaid: (_, ruling) => reached('not paid yet', ruling),

  closed(_, ruling) {
    if (isFinal(ruling.order)) return weaker(ruling)
    return ruling.become('changed', 'closed', { state: 'closed', liveKey: null })
  },

  // Right after ordering WeChat may not know the number yet, so this proves nothing; an order to be closed is closed there all the same.
  'not-exist': (_, ruling) => reached('not known to WeChat yet', ruling),

  'no-answer'(_, ruling) {
    if (isFinal(ruling.order)) return weaker(ruling)
    return ruling.wait('to be queried again', ruling.order.attempts + 1)
  },

  'close-wanted'(_, ruling) {
    const { order } = ruling
    if (order.state === 'closing') return ruling.ignore('already in progress')
    if (!isOpen(order)) return ruling.ignore('the order is no longer open')
    return ruling.become('changed', 'to be closed', { state: 'closing', attempts: 0 })
  },

  fulfilled(_, ruling) {
    const { payment, fulfilment } = ruling.order
    if (payment === undefined || fulfilment === 'done') return ruling.ignore('nothing is due')
    // It has completed, and its writes are committed together with this, even if an operator decided otherwise meanwhile.
    const text = fulfilment === 'due' ? 'done' : `done, although ${fulfilment} meanwhile`
    return ruling.become('changed', text, { fulfilment: 'done', attempts: 0 })
  },

  'fulfil-failed'({ claims, reason }, ruling) {
    const { order } = ruling
    if (order.fulfilment !== 'due') return ruling.ignore('nothing is due')
    if (order.claims !== claims) return ruling.ignore('another process has taken it over')
    const attempts = order.attempts + 1
    const failing = `onPaid has failed ${attempts} times: ${reason}`
    const found = attempts >= TELL_AFTER ? [ruling.anomaly('hook-failing', order.payment!, failing)] : []
    return ruling.become('changed', 'to be tried again', { attempts }, found)
  },

  'given-back'({ claims }, ruling) {
    const { order, now } = ruling
    if (order.dueAt === null) return ruling.ignore('nothing is due')
    if (order.claims !== claims) return ruling.ignore('another process has taken it over')
    return ruling.write('changed', 'for any process to do', { ...order, dueAt: now })
  },

  'hold-resolved': resolve,
  ...SHIPPING,
}

function refund(observation: RefundObservation, ruling: Ruling): Decision {
  const { order, now } = ruling
  const isHint = observation.seen === 'refund-hinted'
  if (isHint && (observation.appid ?? order.appid) !== order.appid) {
    return ruling.keep('refused', `refused: the order belongs to ${order.appid}, not ${observation.appid}`)
  }
  const { outcome, text, refunds, anomaly: found } = ruleRefund(order, observation, now)
  const anomalies = found === undefined ? [] : [{ ...found, outTradeNo: order.outTradeNo, at: now }]
  if (refunds === undefined) {
    const isTold = isHint || (observation.seen === 'refund-reported' && observation.source === 'notify')
    return ruling.write(outcome, text, isTold ? askedSoon(ruling) : order, anomalies)
  }
  // A full refund decides that nothing is delivered. That is not a finding, as no decision is left to make.
  const isOver =
    (order.fulfilment === 'due' || order.fulfilment === 'held') &&
    acceptedFee({ ...order, refunds }) >= order.payment!.totalFee
  return afterHook(
    order,
    isOver
      ? ruling.become(
          outcome,
          `${text}; all of it is refunded, so onPaid is no longer owed`,
          { refunds, fulfilment: 'dismissed' },
          anomalies,
        )
      : ruling.become(outcome, text, { refunds }, anomalies),
  )
}

function isOfRefund(observation: Observation): observation is RefundObservation {
  return observation.seen.startsWith('refund-')
}

/** WeChat can be reached, and the order is unchanged. A close that keeps failing keeps counting its attempts. */
function reached(text: string, ruling: Ruling): Decision {
  if (isFinal(ruling.order)) return weaker(ruling)
  return ruling.wait(text, isOpen(ruling.order) ? 0 : ruling.order.attempts)
}

/** The order is final and stays so. If a hint had made it due, this was the answer. */
function weaker(ruling: Ruling): Decision {
  const { payment, dueAt } = ruling.order
  return payment === undefined && dueAt !== null
    ? ruling.become('ignored', 'ignored: weaker than what is known', {})
    : ruling.ignore('weaker than what is known')
}

/** A hint says that money was taken or refunded: query an unpaid order at once, even a closed one, but not again and again. */
function askedSoon({ order, now }: Ruling): Order {
  // A query dated in the future was recorded by a clock that is ahead, so it may have been a moment ago.
  const asked = Math.min(order.queriedAt?.getTime() ?? 0, now.getTime())
  const soon = new Date(Math.max(now.getTime(), asked + CALL_GRACE))
  return order.payment === undefined && (order.dueAt === null || soon < order.dueAt) ? { ...order, dueAt: soon } : order
}
