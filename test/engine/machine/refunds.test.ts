import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../../src/engine/machine.ts'
import { acceptedFee, refundedFee } from '../../../src/engine/machine/refund-fees.ts'
import { MAX_REFUNDS } from '../../../src/engine/machine/refunds.ts'
import type { RefundObservation } from '../../../src/engine/machine/refund-observation.ts'
import type { Order, RefundAccount, RefundReport } from '../../../src/model.ts'
import { size } from '../../sizes.ts'
import { at, newOrder, paymentOf } from '../helpers.ts'

const first = newOrder({ state: 'paid', payment: paymentOf(newOrder()), fulfilment: 'done' })

const outRefundNo = fc.constantFrom(...[1, 2, 3].map((n) => `${first.outTradeNo}-${n}`), 'console-1')
const fee = fc.constantFrom(1, 300, 500, 750, 1250, 2000)
const news: fc.Arbitrary<RefundObservation> = fc.oneof(
  fc.record({
    seen: fc.constant('refund-wanted' as const),
    source: fc.constant('operator' as const),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    refundFee: fee,
  }),
  fc.record({
    seen: fc.constant('refund-redirected' as const),
    source: fc.constant('operator' as const),
    outRefundNo,
    refundAccount: fc.constantFrom<RefundAccount>('UNSETTLED', 'AVAILABLE'),
  }),
  fc.record({ seen: fc.constant('refund-accepted' as const), outRefundNo, refundId: fc.constant('5000') }),
  fc.record({
    seen: fc.constantFrom('refund-unsure' as const, 'refund-refused' as const, 'refund-no-answer' as const),
    outRefundNo,
    reason: fc.constant('timeout'),
  }),
  fc.record({
    seen: fc.constant('refund-hinted' as const),
    source: fc.constant('notify' as const),
    outRefundNo,
    refundFee: fee,
  }),
  fc.record({
    seen: fc.constant('refund-reported' as const),
    source: fc.constant('query' as const),
    report: fc.record({
      outRefundNo,
      outTradeNo: fc.constantFrom(first.outTradeNo, first.outTradeNo, first.outTradeNo, 'another'),
      refundId: fc.constant('5000'),
      refundFee: fee,
      state: fc.constantFrom<RefundReport['state']>('processing', 'success', 'closed', 'abnormal'),
    }),
  }),
  fc.record({ seen: fc.constant('refund-not-exist' as const), outRefundNo }),
  fc.record({ seen: fc.constant('refund-fulfilled' as const), outRefundNo }),
  fc.record({
    seen: fc.constant('refund-fulfil-failed' as const),
    outRefundNo,
    claims: fc.constantFrom(0, 1),
    reason: fc.constant('closed'),
  }),
)

/** Checks what holds from one row to the next, whatever the news. */
function check(before: Order, after: Order, observation: RefundObservation): void {
  assert.equal(after.state, 'paid')
  assert.deepEqual(after.payment, before.payment)
  assert.ok(after.refunds.length <= MAX_REFUNDS)
  assert.equal(
    new Set(after.refunds.map((refund) => refund.outRefundNo)).size,
    after.refunds.length,
    'refund numbers are unique',
  )
  assert.equal(new Set(after.refunds.map(({ key }) => key)).size, after.refunds.length, 'keys are unique')
  assert.ok(acceptedFee(after) <= first.totalFee, 'accepted refunds never exceed the payment')
  if (observation.seen === 'refund-wanted' && after !== before) {
    assert.ok(refundedFee(after) <= first.totalFee, 'requested refunds never exceed the payment')
  }
  if (observation.seen === 'refund-accepted') {
    const known = after.refunds.find((each) => each.outRefundNo === observation.outRefundNo)
    assert.ok(
      known === undefined ||
        !['created', 'unknown', 'failed'].includes(known.state) ||
        acceptedFee(after) + known.refundFee > first.totalFee,
      'an accepted refund is booked, unless it is too much',
    )
  }
  for (const old of before.refunds) {
    const now = after.refunds.find((each) => each.outRefundNo === old.outRefundNo)
    if (now === undefined) {
      assert.ok(
        old.origin === 'external' && old.refundId === undefined,
        'only refunds that WeChat never confirmed disappear',
      )
      assert.ok(
        observation.seen === 'refund-not-exist' || observation.seen === 'refund-reported',
        'and only when WeChat says so',
      )
      continue
    }
    if (old.origin === 'local') {
      assert.equal(now.refundFee, old.refundFee, 'the amount of a refund of ours never changes')
    }
    if (old.state === 'success') assert.equal(now.state, 'success', 'a successful refund stays successful')
    if (old.fulfilment === 'done') assert.equal(now.fulfilment, 'done', 'onRefunded never becomes due again')
    if (now.fulfilment === 'due') assert.equal(now.state, 'success', 'onRefunded is due only for successful refunds')
  }
  for (const { state, fulfilment, dueAt } of after.refunds) {
    const owes = ['created', 'unknown', 'processing'].includes(state) || fulfilment === 'due'
    assert.ok(!owes || dueAt !== null, `${state} is pursued`)
  }
  const times = after.refunds.flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt.getTime()]))
  if (after !== before) {
    assert.equal(
      after.dueAt?.getTime(),
      times.length === 0 ? undefined : Math.min(...times),
      'the order is due when its first refund is',
    )
  }
}

t.test('random lives of the refunds of an order', async (t) => {
  fc.assert(
    fc.property(fc.array(news, { maxLength: 40, size: 'max' }), (steps) => {
      let order: Order = { ...first, claims: 1 }
      for (const [n, observation] of steps.entries()) {
        const after = decide(order, observation, { latePayment: 'hold' }, at(n * 60_000)).change!.order
        check(order, after, observation)
        order = after
      }
    }),
    { numRuns: Number(process.env.FC_RUNS ?? size(1000, 10_000)) },
  )
  t.pass()
})
