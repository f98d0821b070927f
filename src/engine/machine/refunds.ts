import type { Order, Refund, RefundReport } from '../../model.ts'
import { CALL_GRACE, isDue, pollWait, RUMOUR_WAIT } from '../schedule.ts'
import { inItsWay, isRumour, refundedFee } from './refund-fees.ts'
import type { RefundObservation } from './refund-observation.ts'
import { RefundRuling, TELL_AFTER } from './refund-ruling.ts'
import type { RefundDecision } from './refund-ruling.ts'

/** A paid order can have at most 50 partial refunds (refund, pay.weixin.qq.com micropay 9_4). At most as many hints are followed at once. */
export const MAX_REFUNDS = 50

/** WeChat books with a delay, so we believe that it does not know a refund only after this many attempts, over about twenty minutes. */
export const SURE_AFTER = 8

/**
 * The rules about refunds: how one piece of news changes an order's refunds. Part of the machine, and pure.
 *
 * Neither live refunds nor those reported by WeChat ever add up to more than was paid, a key is never refunded twice, and every repeat has the same number.
 */
export function ruleRefund(order: Order, news: RefundObservation, now: Date): RefundDecision {
  const ruling = new RefundRuling(order, now)
  if (news.seen === 'refund-wanted') return want(news, ruling)
  const outRefundNo = news.seen === 'refund-reported' ? news.report.outRefundNo : news.outRefundNo
  const known = order.refunds.find((refund) => refund.outRefundNo === outRefundNo)
  if (known === undefined) return discover(news, ruling)
  return (RULES[news.seen] as (news: RefundObservation, refund: Refund, ruling: RefundRuling) => RefundDecision)(
    news,
    known,
    ruling,
  )
}

type Seen = Exclude<RefundObservation['seen'], 'refund-wanted'>
type News<Name extends Seen> = Extract<RefundObservation, { seen: Name }>

/** News of a refund that the order has. */
const RULES: { [Name in Seen]: (news: News<Name>, refund: Refund, ruling: RefundRuling) => RefundDecision } = {
  'refund-accepted'({ refundId }, refund, ruling) {
    // Even after a refusal: of two simultaneous calls WeChat may refuse one and accept the other, and then the money is refunded.
    if (!isOpen(refund) && refund.state !== 'failed') return ruling.ignore()
    if (inItsWay(ruling.order, refund, refund.refundFee) !== undefined) return ruling.tooMuch(refund, refund.refundFee)
    const dueAt = ruling.later(pollWait(0))
    return ruling.become('accepted by WeChat', refund, { state: 'processing', refundId, attempts: 0, dueAt })
  },

  'refund-unsure'({ reason, isOperators }, refund, ruling) {
    // Likewise a lost answer to one call casts doubt on the refusal of the other: query the refund again without requesting it.
    if (refund.state === 'failed') {
      return ruling.become('refused before, and to be queried', refund, { dueAt: ruling.later(pollWait(0)) })
    }
    return isOpen(refund) ? ruling.unsure(refund, reason, isOperators) : ruling.ignore()
  },

  'refund-redirected'({ refundAccount }, refund, ruling) {
    if (!isOpen(refund)) return ruling.refuse(`it is ${refund.state}, and WeChat takes its number no more`)
    const dueAt = ruling.later(CALL_GRACE)
    return ruling.become(`to come out of ${refundAccount}`, refund, { refundAccount, dueAt })
  },

  'refund-refused'({ reason }, refund, ruling) {
    if (!isOpen(refund)) return ruling.ignore()
    // WeChat books with a delay: after an answer was lost, neither a refusal nor an unknown number proves anything yet.
    if (refund.attempts > 0 && refund.attempts < SURE_AFTER) return ruling.unsure(refund, reason)
    const decision = ruling.become('refused by WeChat', refund, { state: 'failed', dueAt: null })
    return ruling.report('refund-refused', reason, refund, decision)
  },

  'refund-hinted'(_, refund, ruling) {
    // A rumour is queried anyway, and repeating it does not make that sooner.
    if (refund.state === 'success' || isRumour(refund)) return { outcome: 'repeated', text: 'ignored: already known' }
    return askedSoon(refund, ruling)
  },

  'refund-reported': ({ report }, refund, ruling) => reported(report, refund, ruling),

  'refund-not-exist'(_, refund, ruling) {
    if (refund.state === 'success') return ruling.ignore()
    if (isPolled(refund, ruling.now)) return ruling.keep()
    if (isRumour(refund)) {
      return refund.attempts + 1 >= SURE_AFTER
        ? ruling.drop('not known to WeChat, so there is no such refund', refund)
        : ruling.retry('not known to WeChat yet', refund)
    }
    if (refund.state === 'processing') return ruling.retry('not known to WeChat', refund, {}, pollWait)
    return ruling.become('not known to WeChat', refund, { dueAt: null })
  },

  'refund-no-answer'(_, refund, ruling) {
    if (refund.state === 'success') return ruling.ignore()
    if (isPolled(refund, ruling.now)) return ruling.keep()
    const text = 'to be queried again'
    // For a rumour, only WeChat's answers count as attempts.
    if (isRumour(refund)) return ruling.become(text, refund, { dueAt: ruling.later(RUMOUR_WAIT) })
    return ruling.retry(text, refund)
  },

  'refund-fulfilled'(_, refund, ruling) {
    if (refund.fulfilment !== 'due') return ruling.ignore()
    return ruling.become('done', refund, { fulfilment: 'done', dueAt: null })
  },

  'refund-fulfil-failed'({ claims, reason }, refund, ruling) {
    if (refund.fulfilment !== 'due') return ruling.ignore()
    if (ruling.order.claims !== claims) {
      return { outcome: 'ignored', text: 'ignored: another process has taken it over' }
    }
    const decision = ruling.retry('to be tried again', refund)
    const attempts = refund.attempts + 1
    if (attempts < TELL_AFTER) return decision
    const failing = `onRefunded has failed ${attempts} times for ${refund.outRefundNo}: ${reason}`
    return ruling.report('hook-failing', failing, refund, decision)
  },
}

function want(
  { key, refundFee, reason, refundAccount }: RefundObservation & { seen: 'refund-wanted' },
  ruling: RefundRuling,
): RefundDecision {
  const { order } = ruling
  if (order.payment === undefined) return ruling.refuse('the order is not paid')
  const same = order.refunds.find((refund) => refund.key === key)
  if (same?.refundFee === refundFee) return { outcome: 'repeated', text: 'ignored: already requested' }
  if (same !== undefined) {
    return ruling.refuse(`the key ${key} stands for a refund of ${same.refundFee} fen, not ${refundFee}`)
  }
  const left = Math.max(0, order.payment.totalFee - refundedFee(order))
  if (refundFee > left) {
    return ruling.refuse(`${refundFee} fen are more than the ${left} fen that can still be refunded`)
  }
  if (order.refunds.filter((refund) => refund.state !== 'failed' && !isRumour(refund)).length >= MAX_REFUNDS) {
    return ruling.refuse(`the order has had ${MAX_REFUNDS} refunds`)
  }
  const refund = { ...ruling.fresh(nextNumber(order), key, refundFee), reason, refundAccount }
  return ruling.add(`refund ${refund.outRefundNo} of ${refundFee} fen`, refund)
}

/** The order's number and a counter, skipping numbers that a hint has named. */
function nextNumber({ outTradeNo, refunds }: Order): string {
  for (let n = refunds.length + 1; ; n++) {
    const number = `${outTradeNo}-${n}`
    if (!refunds.some((refund) => refund.outRefundNo === number)) return number
  }
}

/** News of a refund that the order does not have: it was made elsewhere, such as in the merchant platform. */
function discover(news: News<Seen>, ruling: RefundRuling): RefundDecision {
  const { order, now } = ruling
  const named = news.seen === 'refund-reported' ? news.report : news
  if (!('refundFee' in named) || ('outTradeNo' in named && named.outTradeNo !== order.outTradeNo)) {
    return { outcome: 'ignored', text: 'no such refund' }
  }
  if (order.payment === undefined) return ruling.refuse('refused: no payment of the order is known')
  const { outRefundNo, refundFee } = named
  const stranger: Refund = {
    ...ruling.fresh(outRefundNo, `external:${outRefundNo}`, refundFee),
    origin: 'external',
  }
  if ('outTradeNo' in named) {
    return reported(named, stranger, new RefundRuling({ ...order, refunds: [...order.refunds, stranger] }, now))
  }
  if (order.refunds.filter(isRumour).length >= MAX_REFUNDS) {
    return ruling.refuse(`refused: ${MAX_REFUNDS} others are still to be queried`)
  }
  return ruling.add('a refund made elsewhere, to be queried', { ...stranger, state: 'processing', dueAt: now })
}

function reported(
  { outTradeNo, state, refundFee, refundId, succeededAt }: RefundReport,
  refund: Refund,
  ruling: RefundRuling,
): RefundDecision {
  const { order, now } = ruling
  const elsewhere = outTradeNo !== order.outTradeNo
  if (elsewhere && isRumour(refund)) return ruling.drop(`it belongs to ${outTradeNo}`, refund)
  if (elsewhere || (refundFee !== refund.refundFee && refund.origin === 'local')) {
    const asked = `requested were ${refund.refundFee} of ${order.outTradeNo}`
    const said = `WeChat reports ${refundFee} fen of ${outTradeNo} for ${refund.outRefundNo}`
    return ruling.mismatch(refund, `${said}, ${asked}`)
  }
  if (refund.state === 'success') {
    return { outcome: state === 'success' ? 'repeated' : 'ignored', text: 'ignored: the money is already back' }
  }
  if (state !== 'closed' && inItsWay(order, refund, refundFee) !== undefined) return ruling.tooMuch(refund, refundFee)
  const part = { state, refundId, refundFee, attempts: 0, dueAt: null }
  switch (state) {
    case 'success':
      return ruling.become('the money is back', refund, { ...part, succeededAt, fulfilment: 'due', dueAt: now })
    case 'processing':
      return ruling.retry('in progress', refund, { ...part }, pollWait)
    case 'closed': {
      const decision = ruling.become('closed by WeChat', refund, part)
      return ruling.report('refund-refused', 'WeChat closed the refund', refund, decision)
    }
    case 'abnormal': {
      const reason =
        "the payer's account takes no refund: settle it with refunds.settleAbnormal (API v3), or in the merchant platform"
      return ruling.report('refund-abnormal', reason, refund, ruling.become('cannot reach the payer', refund, part))
    }
  }
}

/** Anybody can replay a recorded notification: only the first one after WeChat accepted the refund is followed at once. */
function askedSoon(refund: Refund, ruling: RefundRuling): RefundDecision {
  const soon = refund.state === 'processing' && refund.attempts === 0 ? ruling.now : ruling.later(CALL_GRACE)
  const isNear = refund.dueAt !== null && refund.dueAt <= soon
  if (isNear) return { outcome: 'repeated', text: 'ignored: will be queried anyway' }
  return ruling.become('to be queried', refund, { dueAt: soon })
}

/** Whether WeChat has not accepted the refund, as far as we know. */
function isOpen({ state }: Refund): boolean {
  return state === 'created' || state === 'unknown'
}

/**
 * Whether the query was made outside the schedule, so that a missing result changes nothing. The schedule requests a refund that is not accepted yet
 * again instead of querying it, and queries a rumour after growing waits, without which the answers would prove nothing.
 */
function isPolled(refund: Refund, now: Date): boolean {
  return isRumour(refund) ? !isDue(refund.dueAt, now) : isOpen(refund)
}
