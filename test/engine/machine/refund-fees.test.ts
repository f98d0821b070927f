import t from 'tap'
import { acceptedFee, inItsWay, isRumour, mayBeThere, refundedFee } from '../../../src/engine/machine/refund-fees.ts'
import type { Refund, RefundState } from '../../../src/model.ts'
import { at, newOrder, paymentOf } from '../helpers.ts'

function refund(state: RefundState, refundFee: number, part: Partial<Refund> = {}): Refund {
  return {
    outRefundNo: `${state}-${refundFee}`,
    key: `${state}-${refundFee}`,
    refundFee,
    origin: 'local',
    state,
    createdAt: at(0),
    attempts: 0,
    dueAt: null,
    fulfilment: 'none',
    ...part,
  }
}

const rumour = refund('processing', 64, { origin: 'external' })
const console_ = refund('success', 32, { origin: 'external', refundId: '5000' })
const all = [
  refund('created', 1),
  refund('unknown', 2),
  refund('processing', 4),
  refund('abnormal', 8),
  refund('success', 16),
  console_,
  rumour,
  refund('failed', 128),
  refund('closed', 256),
]
const order = newOrder({ state: 'paid', payment: paymentOf(newOrder(), { totalFee: 100 }), refunds: all })

t.test('which refunds count', async (t) => {
  t.equal(refundedFee(order), 63, 'requested and accepted refunds count, but rumours and ended refunds do not')
  t.equal(acceptedFee(order), 60, 'only what WeChat has accepted')
  t.same(all.filter(isRumour), [rumour])
  t.same(
    all.filter((each) => !mayBeThere(each)),
    [rumour, refund('failed', 128)],
  )
})

t.test('how much already refunded stands in the way of one more refund', async (t) => {
  const cases: [what: string, refund: Refund, refundFee: number, inItsWay: number | undefined][] = [
    ['a new refund that fits', refund('created', 40), 40, undefined],
    ['a new refund that does not fit', refund('created', 41), 41, 60],
    ['a refund of ours that WeChat accepts', all[1]!, 40, undefined],
    ['the same, but too much', all[1]!, 41, 60],
    ['a confirmed rumour', rumour, 40, undefined],
    ['the same, but too much', rumour, 41, 60],
    ['a refund that already counts', console_, 32, undefined],
    ['it grows', console_, 72, undefined],
    ['it grows too much', console_, 73, 28],
    ['it shrinks', console_, 1, undefined],
  ]
  for (const [what, refund, refundFee, expected] of cases) t.equal(inItsWay(order, refund, refundFee), expected, what)
  const over = { ...order, refunds: [...all, refund('processing', 90)] }
  t.equal(inItsWay(over, console_, 32), undefined, 'a refund booked before this rule existed continues')
  t.equal(inItsWay(over, console_, 33), 118)
})
