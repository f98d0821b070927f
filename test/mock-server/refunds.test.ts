import t from 'tap'
import type { Order, Payment } from '../../mock-server/orders.ts'
import {
  couponRefundFee,
  createRefundBook,
  divideRefund,
  liveRefunds,
  rechargeRefundFee,
  refundedFee,
  refundSettlement,
  type Refund,
} from '../../mock-server/refunds.ts'
import { NOON } from './helpers.ts'

const refund = (values: Partial<Refund> = {}): Refund => ({
  outRefundNo: 'r1',
  refundId: '5001',
  ordinal: 0,
  outTradeNo: 'tea-1',
  refundFee: 10,
  cashRefundFee: 10,
  coupons: [],
  desc: '',
  account: 'REFUND_SOURCE_UNSETTLED_FUNDS',
  source: 'API',
  notifyUrl: '',
  requestedAt: new Date(NOON),
  status: 'PROCESSING',
  channel: 'ORIGINAL',
  receivedBy: '支付用户零钱',
  endedAt: undefined,
  dueAt: undefined,
  cancelTimer: () => {},
  notificationId: undefined,
  ...values,
})

const payment = (...fees: number[]): Payment => ({
  transactionId: '42',
  openid: 'o',
  bankType: 'OTHERS',
  coupons: fees.map((fee, n) => ({ fee, id: `c${n}` })),
  paidAt: new Date(NOON),
})

t.test('refunds are found by each of their numbers', async (t) => {
  const book = createRefundBook()
  const [one, two] = [refund(), refund({ outRefundNo: 'r2', refundId: '5002' })]
  book.add(one)
  book.add(two)
  book.add(refund({ outRefundNo: 'r3', refundId: '5003', outTradeNo: 'tea-2' }))
  t.equal(book.find('r1'), one)
  t.equal(book.findId('5002'), two)
  t.same(book.ofOrder('tea-1'), [one, two])
  t.same(book.ofOrder('tea-3'), [])
  t.equal(book.find('r4'), undefined)
  t.equal(book.findId('5004'), undefined)
  t.equal(book.list().length, 3)
})

t.test('a closed refund gives its money back, every other one holds it', async (t) => {
  const refunds = (['PROCESSING', 'SUCCESS', 'CHANGE', 'REFUNDCLOSE'] as const).map((status, n) =>
    refund({ status, refundFee: 10 ** n }),
  )
  t.equal(refundedFee(refunds), 111)
  t.same(
    liveRefunds(refunds).map(({ status }) => status),
    ['PROCESSING', 'SUCCESS', 'CHANGE'],
  )
})

t.test('a refund is divided in proportion', async (t) => {
  const shares = (total: number, coupons: number[], fee: number) => {
    const { coupons: parts, cashRefundFee } = divideRefund(total, payment(...coupons), [], fee)
    return [...parts.map(({ fee }) => fee), cashRefundFee]
  }
  t.same(shares(100, [], 30), [30])
  t.same(shares(100, [40], 50), [20, 30])
  t.same(shares(100, [10, 20], 100), [10, 20, 70])
  t.same(shares(100, [50, 50], 1), [0, 1, 0], 'nothing is refunded in cash when no cash was paid')
  t.same(divideRefund(10, { ...payment(), coupons: [{ fee: 5, id: 'c', type: 'CASH' }] }, [], 10).coupons, [
    { fee: 5, id: 'c', type: 'CASH' },
  ])
})

t.test('however an order is refunded, the parts add up, and in the end each part has come back', async (t) => {
  for (const coupons of [[], [1], [33, 33], [50, 50], [1, 1, 1], [99], [7, 13, 17]]) {
    for (const steps of [[1, 1, 98], [33, 33, 34], [99, 1], Array(50).fill(2), [100]] as number[][]) {
      const paid = payment(...coupons)
      const done: Refund[] = []
      for (const [n, refundFee] of steps.entries()) {
        const attempt = () => refund({ refundFee, ...divideRefund(100, paid, done, refundFee) })
        // One that is closed leaves no trace in the next ones.
        if (n % 2) done.push({ ...attempt(), status: 'REFUNDCLOSE' })
        const made = attempt()
        t.equal(couponRefundFee(made) + made.cashRefundFee, refundFee)
        t.ok(
          [...made.coupons.map(({ fee }) => fee), made.cashRefundFee].every((fee) => fee >= 0),
          JSON.stringify(made),
        )
        done.push(made)
      }
      const returned = (n: number) => liveRefunds(done).reduce((sum, made) => sum + made.coupons[n]!.fee, 0)
      t.same(
        coupons.map((_, n) => returned(n)),
        coupons,
        JSON.stringify([coupons, steps]),
      )
    }
  }
})

t.test('granted coupons are not settled with the merchant', async (t) => {
  const coupons = [
    { fee: 30, id: 'a', type: 'NO_CASH' as const },
    { fee: 20, id: 'b', type: 'CASH' as const },
    { fee: 10, id: 'c' },
  ]
  const order = { totalFee: 100, payment: { ...payment(), coupons } } as unknown as Order
  const half = refund({ refundFee: 50, coupons: coupons.map(({ fee, ...rest }) => ({ ...rest, fee: fee / 2 })) })
  t.same(refundSettlement(order, half), { totalFee: 70, refundFee: 35 })
  t.equal(rechargeRefundFee(half), 10, 'those that the payer had bought are')
})

t.test('refunds of an order that is gone have gone under each of their numbers; the ordinals go on', async (t) => {
  const book = createRefundBook()
  t.equal(book.next(), 0)
  for (const [ordinal, outTradeNo] of ['tea-1', 'tea-2', 'tea-1'].entries()) {
    book.add(refund({ outTradeNo, ordinal, outRefundNo: `r${ordinal}`, refundId: `500${ordinal}` }))
  }
  book.forget((outTradeNo) => outTradeNo === 'tea-1')
  t.same(
    book.list().map(({ outRefundNo }) => outRefundNo),
    ['r1'],
  )
  t.equal(book.find('r0') ?? book.findId('5002'), undefined)
  t.same(book.ofOrder('tea-1'), [])
  t.match(book.findId('5001'), { outRefundNo: 'r1' })
  t.equal(book.next(), 3)

  const restored = createRefundBook()
  restored.load(book.dump())
  t.equal(restored.next(), 2)
  restored.load([])
  t.equal(restored.next(), 0)
})
