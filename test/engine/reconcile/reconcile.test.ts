import { randomInt } from 'node:crypto'
import t from 'tap'
import { createReconcile } from '../../../src/engine/reconcile/reconcile.ts'
import type { Reconciliation } from '../../../src/engine/reconcile/report.ts'
import { newOutTradeNo } from '../../../src/engine/reconcile/numbers.ts'
import type { PayApi, TradeReport } from '../../../src/client/pay.ts'
import { WechatError } from '../../../src/errors.ts'
import type { Anomaly, Order, Payment, Refund, RefundReport } from '../../../src/model.ts'
import type { TradeRow } from '../../../src/protocol/trade-bill.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { createOrders } from '../../../src/engine/orders.ts'
import { errors, fakePay, HOUR, newOrder, paymentOf } from '../helpers.ts'
import { billOf, rowOf } from './bills.ts'

const DAY = '2026-03-01'
/** Noon of that day in China. */
const NOON = new Date('2026-03-01T04:00:00Z')

/** WeChat's answers to queries, and its bill of the day. */
function day(bill: readonly (TradeRow | string)[] | Error | Buffer = []) {
  const trades = new Map<string, TradeReport>()
  const refunds = new Map<string, RefundReport>()
  const asked: string[] = []
  const found: Anomaly[] = []
  let failing: Error | undefined
  let listing = true
  const store = memoryStore() as Store
  const pay: PayApi = {
    ...fakePay(),
    async *tradeBill(date) {
      asked.push(`bill ${date}`)
      if (bill instanceof Error) throw bill
      yield Buffer.isBuffer(bill) ? bill : billOf(bill)
    },
    async query(outTradeNo) {
      asked.push(`query ${outTradeNo}`)
      if (failing !== undefined) throw failing
      return trades.get(outTradeNo) ?? { tradeState: 'NOT_EXIST' }
    },
    async queryRefund(outRefundNo) {
      asked.push(`refund ${outRefundNo}`)
      return refunds.get(outRefundNo)
    },
    async listRefunds(outTradeNo) {
      return listing ? [...refunds.values()].filter((report) => report.outTradeNo === outTradeNo) : []
    },
  }
  const now = () => new Date(NOON.getTime() + 24 * HOUR)
  const raised = (anomaly: Anomaly) => {
    found.push(anomaly)
  }
  const { appid, mchId } = newOrder()
  const orders = createOrders({
    appids: [appid],
    mchId,
    pay,
    store,
    policy: { latePayment: 'hold' },
    observer: { anomaly: raised, due() {} },
    now,
    newOutTradeNo: (at) => newOutTradeNo(at, randomInt),
  })
  const reconcile = createReconcile({ pay, store, orders, raised, now })
  return {
    trades,
    refunds,
    asked,
    found,
    store,
    orders,
    reconcile: async () => await reconcile(DAY),
    fail(error: Error | undefined) {
      failing = error
    },
    unlisted() {
      listing = false
    },
    async add(...all: Order[]): Promise<void> {
      for (const order of all) await store.insertOrder({ order, history: [], anomalies: [] })
    },
  }
}

let count = 0
/** An unpaid order made at noon. */
function unpaid(part: Partial<Order> = {}): Order {
  const key = `cart-${++count}`
  const outTradeNo = newOutTradeNo(NOON, randomInt)
  return newOrder({ outTradeNo, key, liveKey: key, state: 'prepaid', prepayId: 'wx1', createdAt: NOON, ...part })
}

function paidOrder(payment: Partial<Payment> = {}, part: Partial<Order> = {}): Order {
  const order = unpaid({ state: 'paid', fulfilment: 'done', ...part })
  const transactionId = `4200${String(++count).padStart(6, '0')}`
  return { ...order, payment: paymentOf(order, { transactionId, paidAt: NOON, ...payment }) }
}

function refundOf(order: Order, part: Partial<Refund> = {}): Refund {
  return {
    outRefundNo: `${order.outTradeNo}-1`,
    key: 'part',
    refundFee: 250,
    origin: 'local',
    state: 'success',
    refundId: `5000${order.outTradeNo}`,
    createdAt: NOON,
    attempts: 0,
    dueAt: null,
    fulfilment: 'done',
    ...part,
  }
}

const reportOf = (order: Order, part: Partial<RefundReport> = {}): RefundReport => ({
  outRefundNo: `${order.outTradeNo}-1`,
  outTradeNo: order.outTradeNo,
  refundId: `5000${order.outTradeNo}`,
  refundFee: 250,
  state: 'success',
  succeededAt: NOON,
  ...part,
})

const outcomes = ({ differences }: Reconciliation) => differences.map(({ kind, outcome }) => `${kind}: ${outcome}`)

t.test('equal entries need no query', async (t) => {
  const refunded = paidOrder()
  const all = Array.from({ length: 1100 }, () => paidOrder())
  const { reconcile, add, asked, found } = day([
    ...all.map((order) => rowOf(order)),
    rowOf(refunded),
    rowOf(refunded, { refund: { refundFee: 250 } }),
  ])
  await add(...all, { ...refunded, refunds: [refundOf(refunded)] })
  t.match(await reconcile(), { rows: 1102, equal: 1102, differences: [], summary: { count: 1102 } })
  t.strictSame(asked, [`bill ${DAY}`])
  t.strictSame(found, [])
})

t.test('a payment that only WeChat knew is processed as usual, with the source bill', async (t) => {
  const [order, closed] = [unpaid({ state: 'unknown' }), unpaid({ state: 'closed', liveKey: null })]
  const { reconcile, add, trades, store, found } = day([rowOf(order), rowOf(closed, { transactionId: '42' })])
  await add(order, closed)
  trades.set(order.outTradeNo, { tradeState: 'SUCCESS', payment: paymentOf(order) })
  trades.set(closed.outTradeNo, { tradeState: 'SUCCESS', payment: paymentOf(closed, { transactionId: '42' }) })
  t.strictSame(outcomes(await reconcile()), ['theirs-only: healed', 'theirs-only: healed'])
  t.match(await store.findOrder(order.outTradeNo), { state: 'paid', fulfilment: 'due' })
  t.match(await store.findOrder(closed.outTradeNo), { state: 'closed', fulfilment: 'held', payment: {} })
  t.match(found, [{ kind: 'late', outTradeNo: closed.outTradeNo }], 'late, as from any other source')
  t.match(await store.history(order.outTradeNo), [{ source: 'bill', outcome: 'paid' }])
})

t.test('refunds made in the merchant platform, listed or not', async (t) => {
  for (const isListed of [true, false]) {
    const [known, lost] = [paidOrder(), unpaid()]
    const { reconcile, add, trades, refunds, store, found, unlisted } = day([
      rowOf(known, { refund: { refundFee: 250 } }),
      rowOf(lost, { refund: { refundFee: 250 } }),
      rowOf(known),
      rowOf(lost),
    ])
    if (!isListed) unlisted()
    await add(known, lost)
    trades.set(lost.outTradeNo, { tradeState: 'REFUND', payment: paymentOf(lost) })
    for (const order of [known, lost]) refunds.set(`${order.outTradeNo}-1`, reportOf(order))
    const report = await reconcile()
    t.strictSame(outcomes(report), ['theirs-only: healed', 'theirs-only: healed', 'theirs-only: healed'])
    t.match(await store.findOrder(known.outTradeNo), {
      refunds: [{ origin: 'external', state: 'success', fulfilment: 'due' }],
    })
    t.match(await store.findOrder(lost.outTradeNo), { fulfilment: 'held', refunds: [{ state: 'success' }] })
    t.match(found, [{ kind: 'refunded', outTradeNo: lost.outTradeNo }], 'a person has to decide how much to deliver')
  }
})

t.test('a difference that WeChat cannot settle waits for a person, and is reported once', async (t) => {
  const [amount, revoked, unknown, refund, other] = [paidOrder(), paidOrder(), unpaid(), paidOrder(), unpaid()]
  const gone = unpaid()
  const { reconcile, add, trades, refunds, asked, found, store } = day([
    rowOf(amount, { totalFee: 1 }),
    rowOf(revoked, { tradeState: 'REVOKED' }),
    rowOf(unknown),
    rowOf(gone),
    rowOf(refund),
    rowOf(refund, { refund: { refundFee: 250 } }),
    rowOf(other, { transactionId: '77' }),
  ])
  await add(amount, revoked, refund, other)
  trades.set(amount.outTradeNo, { tradeState: 'SUCCESS', payment: amount.payment! })
  trades.set(revoked.outTradeNo, { tradeState: 'REVOKED' })
  trades.set(unknown.outTradeNo, { tradeState: 'SUCCESS', payment: paymentOf(unknown) })
  trades.set(other.outTradeNo, {
    tradeState: 'SUCCESS',
    payment: paymentOf(other, { transactionId: '77', totalFee: 1 }),
  })
  const report = await reconcile()
  t.match(report, { equal: 1, open: 6, healed: 0 })
  t.strictSame(
    report.differences.map(({ kind, reason }) => [kind, reason.replace(/\d{14}\w+/, 'N')]),
    [
      [
        'amount-differs',
        `a query contradicts the bill: the store has paid, 1250 fen, ${amount.payment!.transactionId}`,
      ],
      [
        'state-differs',
        `a query contradicts the bill: the store has paid, 1250 fen, ${revoked.payment!.transactionId}`,
      ],
      ['theirs-only', 'paid at WeChat, but the store has no order with this number'],
      ['theirs-only', 'the order is not in the store, and a query says NOT_EXIST'],
      ['theirs-only', 'a query says that WeChat does not know the refund'],
      ['theirs-only', "waits for a person: totalFee is 1, the order's is 1250"],
    ],
  )
  const kinds = found.map(({ kind }) => kind)
  t.strictSame(kinds, ['bill-differs', 'bill-differs', 'unknown-order', 'bill-differs', 'bill-differs', 'mismatch'])
  t.match(found[0], { reason: /\(ours: paid, 1250 fen, \d+; the bill's: paid, 1 fen, \d+\)$/ })
  t.equal(refunds.size, 0)

  const questions = asked.length
  t.match(await reconcile(), { open: 6 })
  t.equal(asked.length, questions + 1, 'the second run downloads only the bill')
  t.equal(found.length, 6)
  for (const { id } of found) await store.resolveAnomaly(id, { action: 'dismiss', note: 'seen', at: NOON })
  t.match(await reconcile(), {
    open: 0,
    decided: 6,
    differences: Array.from({ length: 6 }, () => ({ reason: 'dismiss: seen' })),
  })
})

t.test("an entry only in the store may be in WeChat's bill of another day", async (t) => {
  const [nextDay, denied, unlike, refunded] = [paidOrder(), paidOrder(), paidOrder(), paidOrder()]
  const night = (at: string) => paidOrder({ paidAt: new Date(at) })
  const [before, after] = [night('2026-02-28T15:59:59Z'), night('2026-03-01T16:00:00Z')]
  const foreign = paidOrder({}, { appid: 'wxfedcba9876543210' })
  const odd: Order = {
    ...refunded,
    refunds: [
      refundOf(refunded),
      refundOf(refunded, { outRefundNo: 'denied' }),
      refundOf(refunded, { outRefundNo: 'seen' }),
      refundOf(refunded, { outRefundNo: 'elsewhere', origin: 'external' }),
      refundOf(refunded, { outRefundNo: 'asked for', refundId: undefined, state: 'unknown' }),
      refundOf(refunded, { outRefundNo: 'of another day', createdAt: new Date('2026-03-01T16:00:00Z') }),
    ],
  }
  const { reconcile, add, trades, refunds, found } = day([
    rowOf(refunded),
    rowOf(refunded, { refund: { outRefundNo: 'seen', refundFee: 250 } }),
  ])
  await add(nextDay, denied, unlike, before, after, foreign, odd, unpaid())
  trades.set(nextDay.outTradeNo, { tradeState: 'SUCCESS', payment: nextDay.payment! })
  trades.set(denied.outTradeNo, { tradeState: 'NOTPAY' })
  trades.set(unlike.outTradeNo, { tradeState: 'REFUND', payment: { ...unlike.payment!, transactionId: '43' } })
  refunds.set(`${odd.outTradeNo}-1`, reportOf(odd))
  const report = await reconcile()
  t.match(report, { equal: 2, elsewhere: 2, open: 3 })
  t.strictSame(outcomes(report), ['ours-only: open', 'ours-only: open', 'ours-only: open'])
  t.strictSame(
    new Set(report.differences.map(({ reason }) => reason)),
    new Set([
      'the bill does not have the payment, and a query says that the order is NOTPAY',
      'the bill does not have the payment, and a query says that the order is paid by 43',
      'the bill does not have the refund, and a query says that WeChat does not know it',
    ]),
  )
  t.strictSame(new Set(found.map(({ kind }) => kind)), new Set(['bill-differs']))
})

t.test('a store with more orders than one page', async (t) => {
  const all = Array.from({ length: 1201 }, () => paidOrder())
  const missing = all.at(-1)!
  const { reconcile, add } = day(all.slice(0, -1).map((order) => rowOf(order)))
  await add(...all)
  t.match(await reconcile(), { equal: 1200, open: 1, differences: [{ outTradeNo: missing.outTradeNo }] })
})

t.test('trades of another system under the same merchant number are counted and left alone', async (t) => {
  const other = paidOrder({}, { appid: 'wxfedcba9876543210' })
  const { reconcile, add, asked } = day([
    rowOf(newOrder({ outTradeNo: 'till-7' })),
    rowOf(newOrder({ outTradeNo: 'ä|*' })),
    rowOf(unpaid(), { appid: 'wxfedcba9876543210' }),
    rowOf(other),
  ])
  await add(other)
  t.match(await reconcile(), { rows: 4, foreign: 4, equal: 0, differences: [] })
  t.equal(asked.length, 1)
})

t.test('unreadable lines are counted, and up to a hundred are listed', async (t) => {
  const { reconcile } = day(Array.from({ length: 150 }, () => '`odd'))
  const { rows, unreadableRows, unreadable } = await reconcile()
  t.match({ rows, unreadableRows }, { rows: 0, unreadableRows: 150 })
  t.equal(unreadable.length, 100)
  t.match(unreadable[0], { line: 2, reason: /has 1 values/ })
})

t.test('a day without trades, and a bill that is missing', async (t) => {
  const order = paidOrder()
  const none = day(new WechatError('WECHAT_REFUSED', 'none', { wechatCode: 'NO_STATEMENT_EXIST' }))
  await none.add(order)
  t.match(await none.reconcile(), { rows: 0, summary: undefined, open: 1 }, 'what only the store has is a difference')

  const creating = new WechatError('WECHAT_UNAVAILABLE', 'not yet', { wechatCode: 'STATEMENT_CREATING' })
  await t.rejects(day(creating).reconcile(), creating)

  const lost = unpaid()
  const cut = day(billOf([rowOf(lost)]).subarray(0, -10))
  await cut.add(lost)
  await t.rejects(cut.reconcile(), { code: 'WECHAT_REPLY_INVALID' })
  t.equal(cut.asked.length, 1, 'an incomplete bill is not used')
})

t.test(
  'when WeChat cannot be queried, differences are left to the next run, and after five failures queries stop',
  async (t) => {
    const all = Array.from({ length: 10_003 }, () => unpaid())
    const { reconcile, add, fail, asked, found } = day(all.map((order) => rowOf(order)))
    await add(...all)
    fail(errors.timeout())
    const report = await reconcile()
    t.match(report, { unasked: 10_000, open: 0, more: 3, healed: 0 })
    t.equal(asked.length, 6)
    t.match(report.differences[0], { reason: 'WeChat could not be queried: WeChat did not answer in time.' })
    t.match(report.differences.at(-1), { reason: /^No more queries after 5 failures/ })
    t.strictSame(found, [], 'the next run finds it')
  },
)
