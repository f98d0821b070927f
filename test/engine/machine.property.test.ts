import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/engine/machine.ts'
import type { Observation } from '../../src/engine/machine/observation.ts'
import type { Order, Payment, RefundState, Source } from '../../src/model.ts'
import { size } from '../sizes.ts'
import { at, HOUR, MINUTE, newOrder, paymentOf, SECOND } from './helpers.ts'

/** `npm run property` does a million runs; `FC_SEED` and `FC_PATH`, as printed by a failure, repeat it. */
const { FC_RUNS = size(2000, 10_000), FC_SEED, FC_PATH } = process.env
const parameters = {
  numRuns: Number(FC_RUNS),
  ...(FC_SEED !== undefined && { seed: Number(FC_SEED) }),
  ...(FC_PATH !== undefined && { path: FC_PATH }),
}
// For a long run: tap's default timeout is 30 s.
t.setTimeout(30_000 + Number(FC_RUNS) * 5)

const first: Order = { ...newOrder(), dueAt: at(30 * SECOND) }
const rival = newOrder({ outTradeNo: '20260301120000tea00000000000002', state: 'prepaid' })
const paidRival = newOrder({ ...rival, state: 'paid', payment: paymentOf(rival, { transactionId: '4200000002' }) })

/** What can happen to an order: news of any kind, or a claim. */
type Event = Observation | { seen: 'claim'; leaseMs: number }

const source = fc.constantFrom<Source>('notify', 'query', 'close', 'order', 'operator')
const reason = fc.constantFrom('timeout', 'NOAUTH')
const rivals = fc.constantFrom<Order | 'none'>('none', rival, paidRival)
const payments = fc.oneof(
  { weight: 4, arbitrary: fc.constant(paymentOf(first)) },
  { weight: 1, arbitrary: fc.constant(paymentOf(first, { transactionId: '4200000009' })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<Partial<Payment>>(
        { outTradeNo: 'another' },
        { appid: 'another' },
        { mchId: 'another' },
        { openid: 'another' },
        { totalFee: 1 },
        { currency: 'USD' },
      )
      .map((part) => paymentOf(first, part)),
  },
)

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    seen: fc.constant('prepaid' as const),
    prepayId: fc.constant('wx1'),
    prepayExpiresAt: fc.constant(at(2 * HOUR)),
  }),
  fc.record({ seen: fc.constantFrom('prepay-refused' as const, 'prepay-unknown' as const), reason }),
  fc.record({
    seen: fc.constant('payment' as const),
    source,
    polled: fc.boolean(),
    refunded: fc.boolean(),
    payment: payments,
  }),
  fc.record({ seen: fc.constant('payment' as const), source, payment: payments, rival: rivals }),
  fc.record({ seen: fc.constant('payment' as const), source, payment: payments, taken: fc.constant('taken') }),
  fc.record({
    seen: fc.constant('unpaid' as const),
    source,
    polled: fc.boolean(),
    tradeState: fc.constantFrom('NOTPAY' as const, 'USERPAYING' as const, 'PAYERROR' as const, 'ACCEPT' as const),
  }),
  fc.record({ seen: fc.constant('closed' as const), source }),
  fc.record({ seen: fc.constant('not-exist' as const), source, polled: fc.boolean() }),
  fc.record({ seen: fc.constant('no-answer' as const), source, polled: fc.boolean(), reason }),
  fc.record({
    seen: fc.constant('payment-hinted' as const),
    source,
    transactionId: fc.constantFrom('4200000001', '4200000009'),
  }),
  fc.record({ seen: fc.constantFrom('payment-failed' as const, 'close-wanted' as const), source, reason }),
  fc.constant({ seen: 'fulfilled' as const }),
  fc.record({
    seen: fc.constantFrom('fulfil-failed' as const, 'given-back' as const),
    claims: fc.integer({ min: 0, max: 3 }),
    reason,
  }),
  fc.record({
    seen: fc.constant('hold-resolved' as const),
    action: fc.constantFrom('refund' as const, 'fulfil' as const, 'dismiss' as const),
    note: fc.constant('by phone'),
    payment: payments,
  }),
  fc.record({
    seen: fc.constant('refund-wanted' as const),
    source,
    key: fc.constantFrom('a', 'b'),
    refundFee: fc.constantFrom(1, 1250),
  }),
  fc.record({
    seen: fc.constant('refund-accepted' as const),
    outRefundNo: fc.constant(`${first.outTradeNo}-1`),
    refundId: fc.constant('5030000001'),
  }),
  fc.record({
    seen: fc.constant('refund-refused' as const),
    outRefundNo: fc.constant(`${first.outTradeNo}-1`),
    reason,
  }),
  fc.record({
    seen: fc.constant('refund-hinted' as const),
    source: fc.constant('notify' as const),
    outRefundNo: fc.constant('console-1'),
    refundFee: fc.constant(1250),
  }),
  fc.record({
    seen: fc.constant('refund-reported' as const),
    source: fc.constant('query' as const),
    report: fc.record({
      outRefundNo: fc.constant('console-1'),
      outTradeNo: fc.constant(first.outTradeNo),
      refundId: fc.constant('5000'),
      refundFee: fc.constantFrom(1, 1250),
      state: fc.constantFrom('processing' as const, 'success' as const),
    }),
  }),
  fc.record({ seen: fc.constant('claim' as const), leaseMs: fc.constant(MINUTE) }),
)

const life = fc.record({
  latePayment: fc.constantFrom('hold' as const, 'refund' as const, 'fulfil' as const),
  steps: fc.array(
    fc.record({
      event,
      waitMs: fc.constantFrom(0, SECOND, MINUTE, HOUR),
      // How far the clock of the process that brings the news is ahead of WeChat's.
      aheadMs: fc.constantFrom(0, 0, 90 * SECOND, -90 * SECOND, HOUR, -HOUR),
    }),
    { minLength: 1, maxLength: 30, size: 'max' },
  ),
  rival: rivals,
})

const FINAL = ['paid', 'closed', 'failed']
const TERMS = [
  'outTradeNo',
  'key',
  'appid',
  'mchId',
  'openid',
  'description',
  'totalFee',
  'currency',
  'attach',
  'clientIp',
  'createdAt',
  'expiresAt',
] as const
const LEGAL_FULFILMENTS = [
  'none → due',
  'none → held',
  'none → dismissed',
  'held → due',
  'held → dismissed',
  'due → done',
  'due → held',
  'due → dismissed',
]
/** The right payment arrives after a mismatched one was dismissed. */
const RIGHT_AT_LAST = ['dismissed → held', 'dismissed → due']
/** A held or dismissed order becomes done if the hook was already running. */
const OVERTAKEN = ['held → done', 'dismissed → done']

/** The fen that WeChat refunds or may refund. */
const asked = ({ refunds }: Order, ...states: RefundState[]) =>
  refunds
    .filter(({ state, origin, refundId }) => states.includes(state) && (origin === 'local' || refundId !== undefined))
    .reduce((sum, { refundFee }) => sum + refundFee, 0)
const allAccepted = (order: Order) =>
  order.payment !== undefined && asked(order, 'processing', 'success', 'abnormal') >= order.payment.totalFee
const allAsked = (order: Order) =>
  order.payment !== undefined &&
  asked(order, 'created', 'unknown', 'processing', 'success', 'abnormal') >= order.payment.totalFee
const runs = (order: Order) => order.fulfilment === 'due' && !allAsked(order)

/** Checks what holds for an order at any time. */
function checkOrder(order: Order): void {
  assert.equal(
    order.liveKey,
    order.state === 'closed' || order.state === 'failed' ? null : order.key,
    'the key is free if and only if the order is closed or has failed',
  )
  const owes = runs(order) || !FINAL.includes(order.state) || order.refunds.some(({ dueAt }) => dueAt !== null)
  // After a hint WeChat is queried even about a closed order.
  const hinted = order.payment === undefined && order.dueAt !== null
  assert.equal(order.dueAt !== null, owes || hinted, 'an order is due if and only if it owes something')
  if (order.state === 'paid') assert.ok(order.payment, 'a paid order has its payment')
  if (allAccepted(order)) assert.notEqual(order.fulfilment, 'held', 'refunded money does not wait for a decision')
  if (order.payment === undefined) {
    assert.ok(order.fulfilment === 'none' || order.fulfilment === 'dismissed', 'without a payment nothing is owed')
  } else assert.notEqual(order.fulfilment, 'none', 'every payment is due, held, dismissed or done')
}

/** Checks what holds for each step. */
function checkStep(
  before: Order,
  observation: Observation,
  { outcome, change }: ReturnType<typeof decide>,
  now: Date,
  wechatNow: Date,
): void {
  assert.ok(change)
  const { order: after, history, anomalies } = change
  for (const name of TERMS) assert.equal(after[name], before[name], `${name} never changes`)
  assert.equal(after.claims, before.claims, 'only the store counts claims')
  if (before.state === 'paid') assert.equal(after.state, 'paid', 'a paid order stays paid')
  if (before.payment !== undefined) assert.equal(after.payment, before.payment, 'an order has at most one payment')
  if (FINAL.includes(before.state) && observation.seen !== 'payment' && observation.seen !== 'hold-resolved') {
    assert.equal(after.state, before.state, 'only a payment or a decision changes a final state')
  }
  const legal = [
    ...LEGAL_FULFILMENTS,
    ...(observation.seen === 'fulfilled' ? OVERTAKEN : []),
    ...(before.payment === undefined ? RIGHT_AT_LAST : []),
  ]
  if (after.fulfilment !== before.fulfilment) {
    assert.ok(
      legal.includes(`${before.fulfilment} → ${after.fulfilment}`),
      `${before.fulfilment} → ${after.fulfilment}`,
    )
  }
  if (after.dueAt !== before.dueAt) {
    const expiry = before.expiresAt.getTime() + now.getTime() - wechatNow.getTime()
    const latest = Math.max(now.getTime() + 30 * MINUTE, expiry)
    assert.ok(
      after.dueAt === null ||
        after.dueAt.getTime() <= latest ||
        after.refunds.some(({ dueAt }) => dueAt === after.dueAt),
      'owed work is retried soon, by any clock',
    )
    assert.ok(
      after.dueAt === null || after.dueAt >= now || after.refunds.some(({ dueAt }) => dueAt === after.dueAt),
      'the due time is not in the past, unless a refund was already waiting',
    )
  }
  if (
    before.fulfilment === 'due' &&
    after.fulfilment !== 'done' &&
    after.dueAt !== null &&
    observation.seen !== 'fulfil-failed' &&
    observation.seen !== 'given-back'
  ) {
    assert.ok(
      runs(after) ? after.dueAt === before.dueAt : after.dueAt >= before.dueAt!,
      'only its own failure or the end of its process moves the due time of onPaid, which may be running, and no other work is due before it',
    )
  }
  if (after !== before && allAccepted(after)) {
    assert.ok(after.fulfilment !== 'due', 'refunded money is not fulfilled')
  }
  if (
    'polled' in observation &&
    observation.polled &&
    !FINAL.includes(before.state) &&
    (['state', 'fulfilment', 'payment'] as const).every((name) => after[name] === before[name])
  ) {
    assert.deepEqual(
      [after.dueAt, after.attempts],
      [before.dueAt, before.attempts],
      'a poll does not change the schedule',
    )
  }
  if (FINAL.includes(after.state) && after.payment === undefined && after.dueAt !== null) {
    assert.ok(
      after.dueAt === before.dueAt ||
        ['refund-hinted', 'refund-reported', 'payment-hinted', 'given-back'].includes(observation.seen),
      'a closed order is due only after a hint',
    )
    const answered =
      ['payment', 'unpaid', 'not-exist', 'closed', 'no-answer'].includes(observation.seen) &&
      'source' in observation &&
      observation.source === 'query'
    assert.ok(!answered, 'and only until WeChat was queried')
  }
  assert.equal(history.length, 1, 'every piece of news adds one line of history')
  assert.deepEqual([history[0]!.from, history[0]!.to, history[0]!.at], [before.state, after.state, now])

  if (observation.seen.startsWith('refund')) return
  if (observation.seen !== 'payment') {
    assert.ok(anomalies.length === 0 || (observation.seen === 'fulfil-failed' && anomalies[0]!.kind === 'hook-failing'))
    if (observation.seen === 'hold-resolved' && outcome === 'changed') {
      if (observation.action !== 'dismiss') {
        assert.equal(
          after.payment?.transactionId,
          observation.payment.transactionId,
          "a decision is about the order's payment, or makes the payment the order's",
        )
      }
      assert.ok(
        after.fulfilment === (observation.action === 'fulfil' ? 'due' : 'dismissed'),
        'a decision is carried out',
      )
    }
    return
  }
  const { payment } = observation
  // Once an operator has accepted a mismatched payment, later news is compared with that payment.
  const fits = (['outTradeNo', 'appid', 'mchId', 'openid', 'totalFee', 'currency'] as const).every(
    (name) => payment[name] === (before.payment ?? before)[name],
  )
  if (!fits) {
    const ended = before.fulfilment === 'dismissed' && observation.source === 'query' && !FINAL.includes(before.state)
    assert.deepEqual(
      [outcome, anomalies[0]?.kind, after.payment, after.state],
      ['refused', 'mismatch', before.payment, ended ? 'failed' : before.state],
      'a mismatched payment changes nothing and is reported',
    )
  } else if (before.payment === undefined && observation.taken !== undefined) {
    assert.deepEqual(
      [outcome, anomalies.map(({ kind }) => kind), after.payment],
      ['refused', ['reused-transaction'], undefined],
      'a transaction that paid another order is reported, and pays nothing',
    )
  } else if (before.payment === undefined) {
    assert.equal(after.payment, payment, 'a matching payment is recorded')
    assert.equal(
      anomalies.length,
      FINAL.includes(before.state) || observation.refunded ? 1 : 0,
      'a late or refunded payment is reported too',
    )
    if (observation.refunded) assert.equal(after.fulfilment, 'held', 'a refunded payment is not fulfilled')
  } else {
    const same = before.payment.transactionId === payment.transactionId
    const known =
      observation.refunded &&
      before.fulfilment === 'due' &&
      before.refunds.every(({ origin, refundId, state }) => state === 'failed' || (origin === 'external' && !refundId))
        ? ['changed', ['refunded']]
        : ['repeated', []]
    assert.deepEqual([outcome, anomalies.map(({ kind }) => kind)], same ? known : ['refused', ['second-transaction']])
  }
}

t.test('the rules hold after every step in random lives of an order', async (t) => {
  const reached = {
    states: new Set<string>(),
    fulfilments: new Set<string>(),
    outcomes: new Set<string>(),
    anomalies: new Set<string>(),
  }

  fc.assert(
    fc.property(life, ({ latePayment, steps, rival }) => {
      let order = Object.freeze(first)
      let wechatNow = order.createdAt
      let payments = 0
      for (const { event, waitMs, aheadMs } of steps) {
        wechatNow = new Date(wechatNow.getTime() + waitMs)
        const now = new Date(wechatNow.getTime() + aheadMs)
        if (event.seen === 'claim') {
          if (order.dueAt === null) continue
          order = Object.freeze({ ...order, dueAt: new Date(now.getTime() + event.leaseMs), claims: order.claims + 1 })
          continue
        }
        let observation: Observation = event
        let decision = decide(order, observation, { latePayment }, now, wechatNow)
        if (decision.outcome === 'rival-needed') {
          assert.equal(decision.change, undefined, 'nothing is written until the rival is known')
          observation = { ...(event as Observation & { seen: 'payment' }), rival }
          decision = decide(order, observation, { latePayment }, now, wechatNow)
        }
        checkStep(order, observation, decision, now, wechatNow)
        const { outcome, change } = decision
        reached.outcomes.add(outcome)
        for (const { kind } of change!.anomalies) reached.anomalies.add(kind)
        if (outcome === 'settled' || outcome === 'late') payments++
        assert.ok(payments <= 1, 'an order is settled once')
        order = Object.freeze(change!.order)
        checkOrder(order)
        reached.states.add(order.state)
        reached.fulfilments.add(order.fulfilment)
      }
    }),
    parameters,
  )

  t.same(
    [...reached.states].sort(),
    ['closed', 'closing', 'created', 'failed', 'paid', 'prepaid', 'unknown'],
    'every state was reached',
  )
  t.same([...reached.fulfilments].sort(), ['dismissed', 'done', 'due', 'held', 'none'])
  t.same([...reached.outcomes].sort(), ['changed', 'ignored', 'late', 'refused', 'repeated', 'settled'])
  t.same([...reached.anomalies].sort(), [
    'duplicate',
    'late',
    'mismatch',
    'refund-mismatch',
    'refund-refused',
    'refunded',
    'reused-transaction',
    'second-transaction',
  ])
})
