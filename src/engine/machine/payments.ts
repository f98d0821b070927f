import type { Anomaly, AnomalyKind, Order, Payment } from '../../model.ts'
import type { Observation } from './observation.ts'
import { mayBeThere, refundedFee } from './refund-fees.ts'
import { ruleRefund } from './refunds.ts'
import { afterHook, isFinal, liveKeyOf } from './ruling.ts'
import type { Decision, Outcome, Ruling } from './ruling.ts'

/** WeChat took money: record it, in any state of the order. */
export function settle(
  { payment, rival, taken, refunded = false, unlisted = false }: Observation & { seen: 'payment' },
  ruling: Ruling,
): Decision {
  const { order, policy } = ruling
  // Once an operator has accepted a payment, later news has to equal that payment.
  const fault = mismatch(order.payment ?? order, payment)
  if (fault !== undefined) {
    return setAside(ruling, 'mismatch', payment, refunded ? `${fault}; WeChat has refunded some or all of it` : fault)
  }
  if (order.payment !== undefined) {
    if (order.payment.transactionId !== payment.transactionId) {
      const both = `the order is paid by ${order.payment.transactionId}, and now ${payment.transactionId} claims it`
      return setAside(ruling, 'second-transaction', payment, both)
    }
    if (refunded && !order.refunds.some(mayBeThere)) {
      if (order.fulfilment === 'due') {
        const held = { fulfilment: 'held' as const }
        return afterHook(order, ruling.become('changed', 'refunded elsewhere, on hold', held, refundedElsewhere()))
      }
      if (unlisted) return ruling.keep('repeated', 'already known, and refunded elsewhere', refundedElsewhere())
    }
    return ruling.ignore('already known', 'repeated')
  }
  if (taken !== undefined) return setAside(ruling, 'reused-transaction', payment, taken)
  if (refunded) {
    return ruling.become(
      isFinal(order) ? 'late' : 'settled',
      'paid and refunded elsewhere, on hold',
      { ...(!isFinal(order) && { state: 'paid' }), payment, fulfilment: 'held' },
      refundedElsewhere(),
    )
  }
  if (!isFinal(order)) {
    return {
      ...ruling.become('settled', 'paid', { state: 'paid', payment, fulfilment: 'due', attempts: 0 }),
      claim: true,
    }
  }
  if (rival === undefined) return { outcome: 'rival-needed' }
  const kind = rival !== 'none' && rival.payment !== undefined ? 'duplicate' : 'late'
  const found = [ruling.anomaly(kind, payment, `paid after the order was ${order.state}`)]
  // If the payer was forgotten, nobody can tell whether the right person paid.
  const latePayment = order.tradeType === 'JSAPI' && order.openid === undefined ? 'hold' : policy.latePayment
  if (latePayment === 'fulfil' && rival === 'none') {
    return ruling.become(
      'late',
      'paid late, to be fulfilled',
      { state: 'paid', liveKey: liveKeyOf(order), payment, fulfilment: 'due', attempts: 0 },
      found,
    )
  }
  if (latePayment === 'refund') {
    const part: Partial<Order> = { payment, fulfilment: 'dismissed' }
    return giveBack(ruling, 'late', part, `${kind}, to be refunded`, 'paid after closing', found)
  }
  return ruling.become('late', `${kind}, on hold`, { payment, fulfilment: 'held' }, found)

  /** A person has to find out how much was refunded, and why. Until then nothing is delivered and nothing more is refunded. */
  function refundedElsewhere(): Anomaly[] {
    return [
      ruling.anomaly('refunded', payment, 'WeChat has refunded some or all of it, by a refund that is not known here'),
    ]
  }
}

/**
 * A decision about a payment on hold or a mismatched one. It ends the order: `fulfil` makes it paid, `refund` failed, and `dismiss` closed, once
 * WeChat confirms it. A fulfilled order takes its key, so that nobody pays for the same thing again; the store refuses that while another order has
 * the key.
 */
export function resolve(
  { action, note, payment, taken }: Observation & { seen: 'hold-resolved' },
  ruling: Ruling,
): Decision {
  const { order } = ruling
  if (taken !== undefined) return ruling.keep('refused', taken)
  if (
    order.payment !== undefined &&
    (order.payment.transactionId !== payment.transactionId || mismatch(order.payment, payment) !== undefined)
  ) {
    return action === 'dismiss'
      ? ruling.ignore('not what the order was paid by', 'repeated')
      : ruling.keep(
          'refused',
          `the order is paid by ${order.payment.transactionId}: move this money in the merchant platform`,
        )
  }
  const money = order.payment ?? payment
  const fulfilment = order.fulfilment === 'none' ? 'held' : order.fulfilment
  if (action === 'refund' && (fulfilment === 'held' || fulfilment === 'dismissed')) {
    return giveBack(
      ruling,
      'changed',
      { ...(!isFinal(order) && { state: 'failed', liveKey: null }), payment: money, fulfilment: 'dismissed' },
      'refunded by the operator',
      note,
    )
  }
  if (fulfilment === 'held') {
    if (action === 'dismiss') {
      return ruling.become('changed', 'dismissed by the operator', {
        ...(!isFinal(order) && { state: 'closing', attempts: 0 }),
        fulfilment: 'dismissed',
      })
    }
    return ruling.become('changed', 'to be fulfilled, by decision of the operator', {
      state: 'paid',
      liveKey: liveKeyOf(order),
      payment: money,
      fulfilment: 'due',
      attempts: 0,
    })
  }
  const same = action === 'fulfil' ? ['due', 'done'] : action === 'dismiss' ? ['dismissed', 'done'] : []
  return same.includes(fulfilment)
    ? ruling.ignore('already decided so', 'repeated')
    : ruling.keep('refused', `already decided otherwise (${fulfilment})`)
}

/** Refunds the part of the payment that has not been refunded yet. */
function giveBack(
  ruling: Ruling,
  outcome: Outcome,
  part: Partial<Order>,
  text: string,
  reason: string,
  anomalies: Anomaly[] = [],
): Decision {
  const { order, now } = ruling
  const paid = { ...order, ...part }
  const refundFee = paid.payment!.totalFee - refundedFee(paid)
  const key = `${order.outTradeNo}:all-${order.refunds.filter(({ origin }) => origin === 'local').length + 1}`
  const wanted = { seen: 'refund-wanted' as const, source: 'operator' as const, key, refundFee, reason }
  if (refundFee <= 0) return ruling.become(outcome, text, part, anomalies)
  const { refunds, text: why } = ruleRefund(paid, wanted, now)
  return refunds === undefined
    ? ruling.keep('refused', why)
    : ruling.become(outcome, text, { ...part, refunds }, anomalies)
}

/** The news cannot be right: keep the evidence for a person to decide about. */
function setAside(ruling: Ruling, kind: AnomalyKind, payment: Payment, reason: string): Decision {
  const { order, isAnswer } = ruling
  const found = [ruling.anomaly(kind, payment, reason)]
  const text = `refused: ${reason}`
  // News that was not asked for does not touch the row.
  if (!isAnswer) return ruling.keep('refused', text, found)
  // The answer does not help: query less and less often, until a person has decided.
  if (!isFinal(order)) {
    return order.fulfilment === 'dismissed'
      ? ruling.become('refused', `${text}; the order has ended, as decided`, { state: 'failed', liveKey: null }, found)
      : ruling.wait(text, order.attempts + 1, 'refused', found)
  }
  return order.payment === undefined ? ruling.become('refused', text, {}, found) : ruling.keep('refused', text, found)
}

/**
 * Every payment has to equal the order in all of these, from any source. Only in a mini program must the payer be who ordered: anybody can scan a QR code. A payer who was
 * forgotten cannot be compared. The text stays in the history, so it does not name openids.
 */
function mismatch(expected: Order | Payment, payment: Payment): string | undefined {
  const isAnybodys = ('tradeType' in expected && expected.tradeType !== 'JSAPI') || !expected.openid
  for (const name of ['outTradeNo', 'appid', 'mchId', 'totalFee', 'currency', 'openid'] as const) {
    if (name === 'openid' && isAnybodys) continue
    if (payment[name] === expected[name]) continue
    if (name === 'openid') return "the payer is another than the order's"
    return `${name} is ${payment[name]}, the order's is ${expected[name]}`
  }
  return undefined
}
