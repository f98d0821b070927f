import type { AnomalyKind, Order, Refund, RefundReport, Source } from '../../model.ts'
import { inItsWay, isRumour, refundedFee } from './refund-fees.ts'
import { backoff, CALL_GRACE, isDue, pollWait, RUMOUR_WAIT } from '../schedule.ts'

/**
 * The rules about refunds: what one piece of news makes of an order's refunds. Part of the machine, and pure.
 *
 * Neither live refunds nor those that WeChat reports ever add up to more than was paid, a key is never refunded twice, and every repetition has the same
 * number.
 */

export type RefundObservation =
  /** Somebody wants money given back. */
  | { seen: 'refund-wanted'; source: Source; key: string; refundFee: number; reason?: string | undefined }
  /** WeChat accepted the refund; the money is on its way. */
  | { seen: 'refund-accepted'; outRefundNo: string; refundId: string }
  /** The answer was lost, or WeChat wants it asked again. */
  | { seen: 'refund-unsure'; outRefundNo: string; reason: string }
  /** WeChat refused the refund, and when asked does not know its number. */
  | { seen: 'refund-refused'; outRefundNo: string; reason: string }
  /** An unsigned notification, which may name the order's app, says that something happened to a refund: only a reason to ask. */
  | { seen: 'refund-hinted'; source: Source; appid?: string; outRefundNo: string; refundFee: number }
  | { seen: 'refund-reported'; source: Source; report: RefundReport }
  | { seen: 'refund-not-exist'; outRefundNo: string }
  | { seen: 'refund-no-answer'; outRefundNo: string; reason: string }
  | { seen: 'refund-fulfilled'; outRefundNo: string }
  | { seen: 'refund-fulfil-failed'; outRefundNo: string; claims: number; reason: string }

/** The decision. Without `refunds` nothing changes. */
export interface RefundRuling {
  outcome: 'changed' | 'repeated' | 'ignored' | 'refused'
  text: string
  refunds?: readonly Refund[]
  anomaly?: { kind: AnomalyKind; id: string; reason: string }
}

/** A paid order takes at most 50 partial refunds (refund, pay.weixin.qq.com micropay 9_4). The same number of hints is followed at once. */
export const MAX_REFUNDS = 50

/** WeChat books with a delay: only after this many tries, over about twenty minutes, we believe that it does not know a refund. */
export const SURE_AFTER = 8

/** After this many failures, about 45 minutes, an anomaly asks for a person. Retries go on. */
export const TELL_AFTER = 10

export function ruleRefund(order: Order, observation: RefundObservation, now: Date): RefundRuling {
  if (observation.seen === 'refund-wanted') return want(observation)
  const outRefundNo = observation.seen === 'refund-reported' ? observation.report.outRefundNo : observation.outRefundNo
  const known = order.refunds.find((refund) => refund.outRefundNo === outRefundNo)
  if (known === undefined) {
    if (observation.seen === 'refund-hinted') return hinted(observation.refundFee)
    if (observation.seen === 'refund-reported' && observation.report.outTradeNo === order.outTradeNo) {
      if (order.payment === undefined) return unpaid()
      const stranger = {
        ...fresh(outRefundNo, `external:${outRefundNo}`, observation.report.refundFee),
        origin: 'external' as const,
      }
      return report({ ...order, refunds: [...order.refunds, stranger] }, stranger, observation.report)
    }
    return { outcome: 'ignored', text: 'no such refund' }
  }

  switch (observation.seen) {
    case 'refund-accepted':
      // Even after a refusal: of two calls at once WeChat may refuse one and accept the other, and then the money goes back.
      if (known.state !== 'created' && known.state !== 'unknown' && known.state !== 'failed') return ignored()
      if (inItsWay(order, known, known.refundFee) !== undefined) return tooMuch(order, known, known.refundFee)
      return changed('accepted by WeChat', known, {
        state: 'processing',
        refundId: observation.refundId,
        attempts: 0,
        dueAt: later(pollWait(0)),
      })
    case 'refund-unsure':
      // Likewise a lost answer to one call casts doubt on the refusal of the other: ask about the refund once more, without requesting it.
      if (known.state === 'failed') {
        return changed('refused before, and to be asked about', known, { dueAt: later(pollWait(0)) })
      }
      if (known.state !== 'created' && known.state !== 'unknown') return ignored()
      return unsure(known, observation.reason)
    case 'refund-refused': {
      if (known.state !== 'created' && known.state !== 'unknown') return ignored()
      // WeChat books with a delay: after an answer was lost, neither a refusal nor an unknown number proves anything yet.
      if (known.attempts > 0 && known.attempts < SURE_AFTER) return unsure(known, observation.reason)
      const anomaly = {
        kind: 'refund-refused' as const,
        id: `refund-refused:${outRefundNo}`,
        reason: observation.reason,
      }
      return { ...changed('refused by WeChat', known, { state: 'failed', dueAt: null }), anomaly }
    }
    case 'refund-hinted':
      // A rumour is asked about anyway, and no sooner for being repeated.
      if (known.state === 'success' || isRumour(known)) return { outcome: 'repeated', text: 'ignored: known already' }
      return askedSoon(known)
    case 'refund-reported':
      return report(order, known, observation.report)
    case 'refund-not-exist':
      if (known.state === 'success') return ignored()
      if (isPolled(known, now)) return unmoved()
      if (isRumour(known)) {
        if (known.attempts + 1 >= SURE_AFTER) return gone('not known to WeChat, so there is no such refund', known)
        return changed('not known to WeChat yet', known, {
          attempts: known.attempts + 1,
          dueAt: later(backoff(known.attempts + 1)),
        })
      }
      if (known.state === 'processing') {
        return changed('not known to WeChat', known, {
          attempts: known.attempts + 1,
          dueAt: later(pollWait(known.attempts + 1)),
        })
      }
      return changed('not known to WeChat', known, { dueAt: null })
    case 'refund-no-answer':
      if (known.state === 'success') return ignored()
      if (isPolled(known, now)) return unmoved()
      // For a rumour only answers count.
      if (isRumour(known)) return changed('to be asked about again', known, { dueAt: later(RUMOUR_WAIT) })
      return changed('to be asked about again', known, {
        attempts: known.attempts + 1,
        dueAt: later(backoff(known.attempts + 1)),
      })
    case 'refund-fulfilled':
      if (known.fulfilment !== 'due') return ignored()
      return changed('done', known, { fulfilment: 'done', dueAt: null })
    case 'refund-fulfil-failed':
      if (known.fulfilment !== 'due') return ignored()
      if (order.claims !== observation.claims) {
        return { outcome: 'ignored', text: 'ignored: somebody else has taken it over' }
      }
      return {
        ...changed('to be tried again', known, {
          attempts: known.attempts + 1,
          dueAt: later(backoff(known.attempts + 1)),
        }),
        ...(known.attempts + 1 >= TELL_AFTER && {
          anomaly: {
            kind: 'hook-failing',
            id: `hook-failing:${outRefundNo}`,
            reason: `onRefunded has failed ${known.attempts + 1} times for ${outRefundNo}: ${observation.reason}`,
          },
        }),
      }
  }

  function unsure(refund: Refund, reason: string): RefundRuling {
    const attempts = refund.attempts + 1
    const anomaly = {
      kind: 'refund-stuck' as const,
      id: `refund-stuck:${refund.outRefundNo}`,
      reason: `asked for ${attempts} times, and not taken: ${reason}`,
    }
    return {
      ...changed('to be asked for again under the same number', refund, {
        state: 'unknown',
        attempts,
        dueAt: later(backoff(attempts)),
      }),
      ...(attempts >= TELL_AFTER && { anomaly }),
    }
  }

  function want({ key, refundFee, reason }: RefundObservation & { seen: 'refund-wanted' }): RefundRuling {
    if (order.payment === undefined) return { outcome: 'refused', text: 'the order is not paid' }
    const same = order.refunds.find((refund) => refund.key === key)
    if (same !== undefined) {
      return same.refundFee === refundFee
        ? { outcome: 'repeated', text: 'ignored: asked for already' }
        : { outcome: 'refused', text: `the key ${key} stands for a refund of ${same.refundFee} fen, not ${refundFee}` }
    }
    const left = Math.max(0, order.payment.totalFee - refundedFee(order))
    if (refundFee > left) {
      return { outcome: 'refused', text: `${refundFee} fen are more than the ${left} fen that can still be refunded` }
    }
    if (order.refunds.filter((refund) => refund.state !== 'failed' && !isRumour(refund)).length >= MAX_REFUNDS) {
      return { outcome: 'refused', text: `the order has had ${MAX_REFUNDS} refunds` }
    }
    const refund = { ...fresh(nextNumber(), key, refundFee), reason }
    return {
      outcome: 'changed',
      text: `refund ${refund.outRefundNo} of ${refundFee} fen`,
      refunds: [...order.refunds, refund],
    }
  }

  /** The order's number and a counter, skipping numbers that a hint has named. */
  function nextNumber(): string {
    for (let n = order.refunds.length + 1; ; n++) {
      const number = `${order.outTradeNo}-${n}`
      if (!order.refunds.some((refund) => refund.outRefundNo === number)) return number
    }
  }

  function report(
    within: Order,
    refund: Refund,
    { outTradeNo, state, refundFee, refundId, succeededAt }: RefundReport,
  ): RefundRuling {
    const elsewhere = outTradeNo !== order.outTradeNo
    if (elsewhere && isRumour(refund)) return gone(`it belongs to ${outTradeNo}`, refund)
    if (elsewhere || (refundFee !== refund.refundFee && refund.origin === 'local')) {
      const asked = `asked for were ${refund.refundFee} of ${order.outTradeNo}`
      return mismatch(
        within,
        refund,
        `WeChat reports ${refundFee} fen of ${outTradeNo} for ${refund.outRefundNo}, ${asked}`,
      )
    }
    if (refund.state === 'success') {
      return { outcome: state === 'success' ? 'repeated' : 'ignored', text: 'ignored: the money is back already' }
    }
    if (state !== 'closed' && inItsWay(within, refund, refundFee) !== undefined) {
      return tooMuch(within, refund, refundFee)
    }
    const part = { refundId, refundFee, attempts: 0 }
    switch (state) {
      case 'success':
        return changed(
          'the money is back',
          refund,
          { ...part, state, succeededAt, fulfilment: 'due', dueAt: now },
          within,
        )
      case 'processing':
        return changed(
          'under way',
          refund,
          { ...part, state, attempts: refund.attempts + 1, dueAt: later(pollWait(refund.attempts + 1)) },
          within,
        )
      case 'closed':
        return {
          ...changed('closed by WeChat', refund, { ...part, state, dueAt: null }, within),
          anomaly: {
            kind: 'refund-refused',
            id: `refund-refused:${refund.outRefundNo}`,
            reason: 'WeChat closed the refund',
          },
        }
      case 'abnormal':
        return {
          ...changed('cannot reach the payer', refund, { ...part, state, dueAt: null }, within),
          anomaly: {
            kind: 'refund-abnormal',
            id: `refund-abnormal:${refund.outRefundNo}`,
            reason: "the payer's account takes no refund: settle it in the merchant platform",
          },
        }
    }
  }

  /** More than was paid cannot go back. Another refund may have been closed meanwhile and still count here, so ask about this one again. */
  function tooMuch(within: Order, refund: Refund, refundFee: number): RefundRuling {
    const already = `with the ${inItsWay(within, refund, refundFee)} fen that go back already it is more than the ${within.payment!.totalFee} paid`
    return mismatch(within, refund, `WeChat reports ${refundFee} fen for ${refund.outRefundNo}; ${already}`)
  }

  /** Set aside: the refund stays as it was, and is asked about less and less often. */
  function mismatch(within: Order, refund: Refund, reason: string): RefundRuling {
    const attempts = refund.attempts + 1
    const part = {
      attempts,
      dueAt: later(backoff(attempts)),
      ...(isRumour(refund) && { state: 'processing' as const }),
    }
    return {
      ...changed(`refused: ${reason}`, refund, part, within),
      outcome: 'refused',
      anomaly: { kind: 'refund-mismatch', id: `refund-mismatch:${refund.outRefundNo}`, reason },
    }
  }

  function hinted(refundFee: number): RefundRuling {
    if (order.payment === undefined) return unpaid()
    if (order.refunds.filter(isRumour).length >= MAX_REFUNDS) {
      return { outcome: 'refused', text: `refused: ${MAX_REFUNDS} others are to be asked about` }
    }
    const refund: Refund = {
      ...fresh(outRefundNo, `external:${outRefundNo}`, refundFee),
      origin: 'external',
      state: 'processing',
      dueAt: now,
    }
    const text = 'a refund made elsewhere, to be asked about'
    return { outcome: 'changed', text, refunds: [...order.refunds, refund] }
  }

  function unpaid(): RefundRuling {
    return { outcome: 'refused', text: 'refused: no payment of the order is known' }
  }

  /** Anybody can replay a recorded notification: only the first one after WeChat accepted the refund is followed at once. */
  function askedSoon(refund: Refund): RefundRuling {
    const soon = refund.state === 'processing' && refund.attempts === 0 ? now : later(CALL_GRACE)
    const isNear = refund.dueAt !== null && refund.dueAt <= soon
    if (isNear) return { outcome: 'repeated', text: 'ignored: to be asked about anyway' }
    return changed('to be asked about', refund, { dueAt: soon })
  }

  function gone(text: string, refund: Refund): RefundRuling {
    return { outcome: 'changed', text, refunds: order.refunds.filter((each) => each !== refund) }
  }

  function changed(text: string, refund: Refund, part: Partial<Refund>, within = order): RefundRuling {
    return {
      outcome: 'changed',
      text,
      refunds: within.refunds.map((each) => (each === refund ? { ...refund, ...part } : each)),
    }
  }

  function ignored(): RefundRuling {
    return { outcome: 'ignored', text: 'ignored: weaker than what is known' }
  }

  /** WeChat was asked outside the schedule, with no result. */
  function unmoved(): RefundRuling {
    return { outcome: 'ignored', text: 'ignored: what is to be done, and when, stays' }
  }

  function fresh(outRefundNo: string, key: string, refundFee: number): Refund {
    return {
      outRefundNo,
      key,
      refundFee,
      origin: 'local',
      state: 'created',
      createdAt: now,
      attempts: 0,
      dueAt: later(CALL_GRACE),
      fulfilment: 'none',
    }
  }

  function later(ms: number): Date {
    return new Date(now.getTime() + ms)
  }
}

/**
 * Whether WeChat was asked outside the schedule, so that no result changes nothing. The schedule requests a refund that is not accepted yet, instead of asking
 * about it, and asks about a rumour after growing waits, without which its answers would mean nothing.
 */
function isPolled(refund: Refund, now: Date): boolean {
  return isRumour(refund) ? !isDue(refund.dueAt, now) : refund.state === 'created' || refund.state === 'unknown'
}
