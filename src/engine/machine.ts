import type { Anomaly, AnomalyKind, HistoryLine, Order, Payment, Resolution, Source, TradeState } from '../model.ts'
import type { Change } from '../store/store.ts'
import { acceptedFee, mayBeThere, refundedFee } from './refund-fees.ts'
import { ruleRefund, TELL_AFTER } from './refund-machine.ts'
import type { RefundObservation } from './refund-machine.ts'
import { CALL_GRACE, isOwed, nextDue } from './schedule.ts'

/**
 * The rules about money, all of them, as one pure function: no clock, no store, no network.
 *
 * Whoever brings news (a notification, a query, the answer to a close) brings it here, so that the same checks meet it. A payment that WeChat
 * took is always recorded; weaker news never overwrites stronger; what cannot be right is set aside with its evidence.
 */

/** What happens when a payment arrives for an order that was closed or had failed: keep it for the operator, give it back, or deliver all the same. */
export type LatePayment = 'hold' | 'refund' | 'fulfil'

export interface Policy {
  latePayment: LatePayment
}

/** Trade states that mean: not paid, and may still be. */
type UnpaidState = Exclude<TradeState, 'SUCCESS' | 'REFUND' | 'CLOSED' | 'REVOKED'>

/** News about one order. `polled`: somebody asked WeChat beside the schedule. Whatever the answer, it moves nothing in the schedule of an order that is still to be settled. */
export type Observation =
  /** WeChat accepted the order. */
  | { seen: 'prepaid'; prepayId: string; prepayExpiresAt: Date }
  /** WeChat refused the order for good. */
  | { seen: 'prepay-refused'; reason: string }
  /** The answer to the order was lost, or WeChat was busy: it may exist. */
  | { seen: 'prepay-unknown'; reason: string }
  /**
   * WeChat took money, and has `refunded` some or all of it; `unlisted`: no list says by which refunds. `rival` is the live order of the same key, asked for only where it matters; `taken` says, in
   * the store's words, that its transaction has paid another order.
   */
  | {
      seen: 'payment'
      source: Source
      polled?: boolean
      payment: Payment
      refunded?: boolean
      unlisted?: boolean
      rival?: Order | 'none'
      taken?: string
    }
  /** A message that is not believed by itself says so: worth a question. */
  | { seen: 'payment-hinted'; source: Source; transactionId: string }
  /** A payment was tried and failed; the order can still be paid. */
  | { seen: 'payment-failed'; source: Source; reason: string }
  | { seen: 'unpaid'; source: Source; polled?: boolean; tradeState: UnpaidState }
  | { seen: 'closed'; source: Source }
  | { seen: 'not-exist'; source: Source; polled?: boolean }
  /** WeChat could not be asked, or did not answer. */
  | { seen: 'no-answer'; source: Source; polled?: boolean; reason: string }
  /** Somebody wants the order closed. */
  | { seen: 'close-wanted'; source: Source; reason: string }
  | { seen: 'fulfilled' }
  /** `claims` is that of the claim under which it was tried. */
  | { seen: 'fulfil-failed'; claims: number; reason: string }
  /** Nothing came of a claim, as its process ends: the work was not begun, or was cut off. Anybody may do it now. */
  | { seen: 'given-back'; claims: number; reason: string }
  /** An operator decides about a payment on hold, or one that was set aside since it did not fit. */
  | { seen: 'hold-resolved'; action: Resolution['action']; note: string; payment: Payment; taken?: string }
  | RefundObservation

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
}

/**
 * What `observation` makes of `order` at `now`, by the clock of the process that brings it. WeChat's clock, by which an order expires, shows `wechatNow`.
 */
export function decide(
  order: Order,
  observation: Observation,
  policy: Policy,
  now: Date,
  wechatNow: Date = now,
): Decision {
  switch (observation.seen) {
    case 'prepaid': {
      const { prepayId, prepayExpiresAt } = observation
      if (!isOpen(order)) return ignored('the order is no longer open')
      return changed('changed', 'prepaid', { state: 'prepaid', prepayId, prepayExpiresAt, attempts: 0 })
    }
    case 'prepay-refused':
      if (order.state === 'created') return changed('changed', 'refused by WeChat', { state: 'failed', liveKey: null })
      // An earlier call whose answer was lost may have created it all the same: WeChat is asked before it is given up.
      if (order.state === 'unknown') return changed('changed', 'to be closed', { state: 'closing', attempts: 0 })
      return ignored('an earlier answer stands')
    case 'prepay-unknown':
      if (order.state !== 'created') return ignored('an earlier answer stands')
      return changed('changed', 'the order may exist at WeChat', { state: 'unknown' })
    case 'payment':
      return settle(observation)
    case 'payment-hinted': {
      if (order.payment?.transactionId === observation.transactionId) return ignored('known already', 'repeated')
      if (order.payment !== undefined) {
        return unchanged('refused', `refused: the order is paid by ${order.payment.transactionId}`)
      }
      const text = 'refused: not believed by itself, and WeChat is asked'
      return { outcome: 'refused', change: { order: askedSoon(), history: [entry(text, order)], anomalies: [] } }
    }
    case 'payment-failed':
      return ignored('the order can still be paid')
    case 'unpaid':
      return reached('not paid yet')
    case 'closed':
      if (isFinal(order)) return weaker()
      return changed('changed', 'closed', { state: 'closed', liveKey: null })
    case 'not-exist':
      // Right after ordering WeChat may not know the number yet, so this proves nothing; an order to be closed is closed there all the same.
      return reached('not known to WeChat yet')
    case 'no-answer':
      if (isFinal(order)) return weaker()
      return asked('changed', 'to be asked again', order.attempts + 1)
    case 'close-wanted':
      if (!isOpen(order)) {
        return ignored(order.state === 'closing' ? 'under way already' : 'the order is no longer open')
      }
      return changed('changed', 'to be closed', { state: 'closing', attempts: 0 })
    case 'fulfilled':
      if (order.payment === undefined || order.fulfilment === 'done') return ignored('nothing is due')
      // It ran to its end, and what it wrote is committed together with this, whatever was decided meanwhile.
      return changed('changed', order.fulfilment === 'due' ? 'done' : `done, although ${order.fulfilment} meanwhile`, {
        fulfilment: 'done',
        attempts: 0,
      })
    case 'fulfil-failed': {
      if (order.fulfilment !== 'due') return ignored('nothing is due')
      if (order.claims !== observation.claims) return ignored('somebody else has taken it over')
      const attempts = order.attempts + 1
      const found =
        attempts >= TELL_AFTER
          ? [anomaly('hook-failing', order.payment!, `onPaid has failed ${attempts} times: ${observation.reason}`)]
          : []
      return changed('changed', 'to be tried again', { attempts }, found)
    }
    case 'given-back': {
      if (order.dueAt === null) return ignored('nothing is due')
      if (order.claims !== observation.claims) return ignored('somebody else has taken it over')
      const next = { ...order, dueAt: now }
      return { outcome: 'changed', change: { order: next, history: [entry('for anybody to do', next)], anomalies: [] } }
    }
    case 'hold-resolved':
      return resolve(observation)
    default:
      return refund(observation)
  }

  function refund(observation: RefundObservation): Decision {
    if (observation.seen === 'refund-hinted' && (observation.appid ?? order.appid) !== order.appid) {
      return unchanged('refused', `refused: the order is of ${order.appid}, not of ${observation.appid}`)
    }
    const { outcome, text, refunds, anomaly: found } = ruleRefund(order, observation, now)
    const anomalies = found === undefined ? [] : [{ ...found, outTradeNo: order.outTradeNo, at: now }]
    if (refunds === undefined) {
      const told =
        observation.seen === 'refund-hinted' ||
        (observation.seen === 'refund-reported' && observation.source === 'notify')
      const next = told ? askedSoon() : order
      return { outcome, change: { order: next, history: [entry(text, next)], anomalies } }
    }
    // Whoever gives all of it back has decided that nothing is to be delivered for it: no finding, as nobody has to decide anything more.
    const over =
      (order.fulfilment === 'due' || order.fulfilment === 'held') &&
      acceptedFee({ ...order, refunds }) >= order.payment!.totalFee
    const decision = over
      ? changed(
          outcome,
          `${text}; all of it goes back, so onPaid is no longer owed`,
          { refunds, fulfilment: 'dismissed' },
          anomalies,
        )
      : changed(outcome, text, { refunds }, anomalies)
    return afterHook(decision)
  }

  /** onPaid may be running under a lease, or wait for its next try: its time stands, and the refunds have theirs after it. */
  function afterHook(decision: Decision & { change: Change }): Decision {
    const next = decision.change.order
    if (order.fulfilment === 'due' && next.dueAt !== null && (isOwed(next) || next.dueAt < order.dueAt!)) {
      next.dueAt = order.dueAt
    }
    return decision
  }

  /** Money was taken, or given back, says a hint: an unpaid order is asked about at once, even one that is closed, though not again and again. */
  function askedSoon(): Order {
    // What is said to have been asked in the future was asked by a clock that is ahead: a moment ago, for all we know.
    const asked = Math.min(order.queriedAt?.getTime() ?? 0, now.getTime())
    const soon = new Date(Math.max(now.getTime(), asked + CALL_GRACE))
    return order.payment === undefined && (order.dueAt === null || soon < order.dueAt)
      ? { ...order, dueAt: soon }
      : order
  }

  function settle({
    payment,
    rival,
    taken,
    refunded = false,
    unlisted = false,
  }: Observation & { seen: 'payment' }): Decision {
    // What an operator took in is what later news of it has to equal.
    const fault = mismatch(order.payment ?? order, payment)
    if (fault !== undefined) {
      return setAside('mismatch', payment, refunded ? `${fault}; WeChat has refunded some or all of it` : fault)
    }
    // How much went back, and why, is for a person to find out: nothing is delivered, or given back again, before.
    const back = () => [
      anomaly('refunded', payment, 'WeChat has refunded some or all of it, by a refund that is not known here'),
    ]
    if (order.payment !== undefined) {
      if (order.payment.transactionId === payment.transactionId) {
        if (refunded && !order.refunds.some(mayBeThere)) {
          if (order.fulfilment === 'due') {
            return afterHook(changed('changed', 'refunded elsewhere, on hold', { fulfilment: 'held' }, back()))
          }
          if (unlisted) return unchanged('repeated', 'known already, and refunded elsewhere', back())
        }
        return ignored('known already', 'repeated')
      }
      return setAside(
        'second-transaction',
        payment,
        `the order is paid by ${order.payment.transactionId}, and now ${payment.transactionId} claims it`,
      )
    }
    if (taken !== undefined) return setAside('reused-transaction', payment, taken)
    if (refunded) {
      return changed(
        isFinal(order) ? 'late' : 'settled',
        'paid and refunded elsewhere, on hold',
        { ...(!isFinal(order) && { state: 'paid' }), payment, fulfilment: 'held' },
        back(),
      )
    }
    if (!isFinal(order)) return changed('settled', 'paid', { state: 'paid', payment, fulfilment: 'due', attempts: 0 })
    if (rival === undefined) return { outcome: 'rival-needed' }
    const kind = rival !== 'none' && rival.payment !== undefined ? 'duplicate' : 'late'
    const found = anomaly(kind, payment, `paid after the order was ${order.state}`)
    if (policy.latePayment === 'fulfil' && rival === 'none') {
      return changed(
        'late',
        'paid late, to be fulfilled',
        { state: 'paid', liveKey: order.key, payment, fulfilment: 'due', attempts: 0 },
        [found],
      )
    }
    if (policy.latePayment === 'refund') {
      return giveBack('late', { payment, fulfilment: 'dismissed' }, `${kind}, to be given back`, 'paid after closing', [
        found,
      ])
    }
    return changed('late', `${kind}, on hold`, { payment, fulfilment: 'held' }, [found])
  }

  /**
   * Money that did not fit is decided about as money on hold is, and the order that it was for ends by that: taken in, if it is delivered for or given back, or
   * closed, on WeChat's word. What is delivered takes the key, so that nobody pays for the same thing again: the store refuses that while another order has it.
   */
  function resolve({ action, note, payment, taken }: Observation & { seen: 'hold-resolved' }): Decision {
    if (taken !== undefined) return unchanged('refused', taken)
    if (
      order.payment !== undefined &&
      (order.payment.transactionId !== payment.transactionId || mismatch(order.payment, payment) !== undefined)
    ) {
      return action === 'dismiss'
        ? ignored('not what the order was paid by', 'repeated')
        : unchanged(
            'refused',
            `the order is paid by ${order.payment.transactionId}: move this money in the merchant platform`,
          )
    }
    const money = order.payment ?? payment
    const fulfilment = order.fulfilment === 'none' ? 'held' : order.fulfilment
    if (action === 'refund' && (fulfilment === 'held' || fulfilment === 'dismissed')) {
      return giveBack(
        'changed',
        { ...(!isFinal(order) && { state: 'failed', liveKey: null }), payment: money, fulfilment: 'dismissed' },
        'given back by the operator',
        note,
        [],
      )
    }
    if (fulfilment === 'held') {
      if (action === 'dismiss') {
        return changed('changed', 'dismissed by the operator', {
          ...(!isFinal(order) && { state: 'closing', attempts: 0 }),
          fulfilment: 'dismissed',
        })
      }
      return changed('changed', 'to be fulfilled, says the operator', {
        state: 'paid',
        liveKey: order.key,
        payment: money,
        fulfilment: 'due',
        attempts: 0,
      })
    }
    const same = action === 'fulfil' ? ['due', 'done'] : action === 'dismiss' ? ['dismissed', 'done'] : []
    return same.includes(fulfilment)
      ? ignored('decided so before', 'repeated')
      : unchanged('refused', `decided otherwise before (${fulfilment})`)
  }

  /** Refunds whatever of the payment has not been refunded yet. */
  function giveBack(
    outcome: Outcome,
    part: Partial<Order>,
    text: string,
    reason: string,
    anomalies: Anomaly[],
  ): Decision {
    const paid = { ...order, ...part }
    const refundFee = paid.payment!.totalFee - refundedFee(paid)
    const key = `${order.outTradeNo}:all-${order.refunds.filter(({ origin }) => origin === 'local').length + 1}`
    const wanted = { seen: 'refund-wanted' as const, source: 'operator' as const, key, refundFee, reason }
    if (refundFee <= 0) return changed(outcome, text, part, anomalies)
    const { refunds, text: why } = ruleRefund(paid, wanted, now)
    return refunds === undefined ? unchanged('refused', why) : changed(outcome, text, { ...part, refunds }, anomalies)
  }

  function changed(
    outcome: Outcome,
    text: string,
    part: Partial<Order>,
    anomalies: Anomaly[] = [],
  ): Decision & { change: Change } {
    const next = { ...order, ...part, ...queried() }
    next.dueAt = nextDue(next, now, wechatNow)
    return { outcome, change: { order: next, history: [entry(text, next)], anomalies } }
  }

  /** WeChat can be reached, and the order stands as it did: a close that keeps failing goes on counting its tries. */
  function reached(text: string): Decision {
    if (isFinal(order)) return weaker()
    return asked('changed', text, isOpen(order) ? 0 : order.attempts)
  }

  /** By this a closed order that a hint made due has been asked about. */
  function weaker(): Decision {
    return order.payment === undefined && order.dueAt !== null
      ? changed('ignored', 'ignored: weaker than what is known', {})
      : ignored('weaker than what is known')
  }

  /** WeChat was asked, and the order is as unsettled as before. */
  function asked(outcome: Outcome, text: string, attempts: number, anomalies: Anomaly[] = []): Decision {
    if (!('polled' in observation && observation.polled)) {
      return changed(outcome, text, { attempts }, anomalies)
    }
    return unchanged(outcome, text, anomalies)
  }

  /** Whatever it said, WeChat was asked about the order: the next question can wait. */
  function queried(): Partial<Order> {
    return isAnswer() ? { queriedAt: now } : {}
  }

  function isAnswer(): boolean {
    return sourceOf(observation) === 'query' && !observation.seen.startsWith('refund')
  }

  function ignored(why: string, outcome: Outcome = 'ignored'): Decision {
    return unchanged(outcome, `ignored: ${why}`)
  }

  function unchanged(outcome: Outcome, text: string, anomalies: Anomaly[] = []): Decision {
    const next = isAnswer() ? { ...order, ...queried() } : order
    return { outcome, change: { order: next, history: [entry(text, next)], anomalies } }
  }

  function setAside(kind: AnomalyKind, payment: Payment, reason: string): Decision {
    const found = [anomaly(kind, payment, reason)]
    const text = `refused: ${reason}`
    // WeChat was asked and its answer is of no use: it is asked less and less often, until a person has said what to do. What came unasked does not touch the row.
    if (!isFinal(order) && isAnswer()) {
      return order.fulfilment === 'dismissed'
        ? changed('refused', `${text}; over, as was decided`, { state: 'failed', liveKey: null }, found)
        : asked('refused', text, order.attempts + 1, found)
    }
    return order.payment === undefined && isAnswer()
      ? changed('refused', text, {}, found)
      : unchanged('refused', text, found)
  }

  function anomaly(kind: AnomalyKind, payment: Payment, reason: string): Anomaly {
    return {
      id: `${kind}:${order.outTradeNo}:${payment.transactionId}`,
      kind,
      outTradeNo: order.outTradeNo,
      at: now,
      reason,
      payment,
    }
  }

  function entry(outcome: string, next: Order): HistoryLine {
    return {
      outTradeNo: order.outTradeNo,
      at: now,
      source: sourceOf(observation),
      seen: describe(observation),
      outcome,
      from: order.state,
      to: next.state,
    }
  }
}

/** Whether the order may still be ordered again under its number. */
export function isOpen(order: Order): boolean {
  return order.state === 'created' || order.state === 'unknown' || order.state === 'prepaid'
}

/** Whether the order is paid, closed or failed. */
export function isFinal(order: Order): boolean {
  return order.state === 'paid' || order.state === 'closed' || order.state === 'failed'
}

/** Every payment is compared with the order in all of these, whoever brought it. */
function mismatch(expected: Order | Payment, payment: Payment): string | undefined {
  for (const name of ['outTradeNo', 'appid', 'mchId', 'totalFee', 'currency', 'openid'] as const) {
    if (payment[name] !== expected[name]) return `${name} is ${payment[name]}, the order's is ${expected[name]}`
  }
  return undefined
}

function sourceOf(observation: Observation): Source {
  if ('source' in observation) return observation.source
  if (observation.seen === 'hold-resolved') return 'operator'
  if (observation.seen.startsWith('refund')) return 'refund'
  return observation.seen.startsWith('fulfil') || observation.seen === 'given-back' ? 'fulfil' : 'order'
}

function describe(observation: Observation): string {
  switch (observation.seen) {
    case 'payment':
      return `payment ${observation.payment.transactionId}${observation.refunded ? ', refunded' : ''}`
    case 'unpaid':
      return observation.tradeState
    case 'payment-hinted':
      return `payment-hinted ${observation.transactionId}`
    case 'hold-resolved':
      return `${observation.action}: ${observation.note}`
    case 'refund-wanted':
      return `refund of ${observation.refundFee} fen wanted: ${observation.key}`
    case 'refund-reported':
      return `refund ${observation.report.outRefundNo} is ${observation.report.state}`
    default: {
      const number = 'outRefundNo' in observation ? ` ${observation.outRefundNo}` : ''
      return 'reason' in observation && observation.reason !== undefined
        ? `${observation.seen}${number}: ${observation.reason}`
        : `${observation.seen}${number}`
    }
  }
}
