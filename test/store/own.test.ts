import t from 'tap'
import type { Anomaly, Order } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { ofMerchant } from '../../src/store/own.ts'
import type { Store } from '../../src/store/store.ts'
import { ACCOUNT, at, change, newOrder, paymentOf } from './orders.ts'

const [OURS, THEIRS] = [ACCOUNT.mchId, '1900000002']

/** One store with an order of two merchants each, and what each of them sees. */
async function shared() {
  const store = memoryStore() as Store
  const orders = { ours: newOrder('ours'), theirs: newOrder('theirs', { mchId: THEIRS, key: 'ours', liveKey: 'ours' }) }
  for (const order of Object.values(orders)) await store.insertOrder(change(order))
  return { store, ...orders, us: ofMerchant(store, OURS), them: ofMerchant(store, THEIRS) }
}

t.test('orders of another merchant do not exist', async (t) => {
  const { us, them, ours, theirs } = await shared()
  for (const [view, own, other] of [
    [us, ours, theirs],
    [them, theirs, ours],
  ] as const) {
    t.strictSame(await view.findOrder(own.outTradeNo), own)
    t.equal(await view.findOrder(other.outTradeNo), undefined)
    t.strictSame(await view.findOrders(['ours', 'theirs', 'nobody']), [own])
    t.strictSame(await view.findLiveOrder('ours', own.mchId), own)
    t.equal((await view.history(own.outTradeNo)).length, 1)
    t.strictSame(await view.history(other.outTradeNo), [])
    t.strictSame(await view.history('nobody'), [])
  }
})

t.test('nothing changes an order of another merchant', async (t) => {
  const { us, store, theirs } = await shared()
  const paid = (order: Order) => change({ ...order, state: 'paid', payment: paymentOf(order) })
  t.equal(await us.updateOrder('theirs', () => t.fail('nobody decides about it') as never), undefined)
  t.strictSame(await store.findOrder('theirs'), theirs)
  t.equal(await us.updateOrder('nobody', paid), undefined)
  t.match(await us.updateOrder('ours', paid), { order: { state: 'paid' } })
  await t.rejects(us.insertOrder(change(newOrder('theirs', { key: 'other', liveKey: 'other' }))), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: "The number theirs is another merchant's.",
  })
  t.match(await us.insertOrder(change(newOrder('more', { key: 'ours', liveKey: 'ours' }))), {
    inserted: false,
    existing: { outTradeNo: 'ours' },
  })
  t.strictSame(await us.insertOrder(change(newOrder('new'))), { inserted: true })
})

t.test('each merchant has its own findings, and those without an owner belong to all', async (t) => {
  const { us, them, theirs } = await shared()
  const payment = (order: Order, mchId = order.mchId) => ({ ...paymentOf(order), mchId })
  const found: [id: string, whose: 'ours' | 'theirs' | 'all', part: Partial<Anomaly>][] = [
    ['late:1', 'ours', { kind: 'late', outTradeNo: 'ours' }],
    ['late:2', 'theirs', { kind: 'late', outTradeNo: 'theirs' }],
    ['mismatch:1', 'theirs', { outTradeNo: 'theirs', payment: payment(theirs, OURS) }],
    ['unknown-order:1', 'ours', { kind: 'unknown-order', outTradeNo: 'theirs', payment: payment(theirs, OURS) }],
    ['unknown-order:2', 'theirs', { kind: 'unknown-order', outTradeNo: 'nobody', payment: payment(theirs) }],
    ['late:3', 'theirs', { kind: 'late', outTradeNo: 'nobody', payment: payment(theirs) }],
    [`bill-differs:${OURS}/theirs`, 'ours', { kind: 'bill-differs', outTradeNo: 'theirs' }],
    [`bill-differs:${THEIRS}/nobody`, 'theirs', { kind: 'bill-differs', outTradeNo: 'nobody' }],
    [`unknown-order:${OURS}/theirs:refund:1`, 'ours', { kind: 'unknown-order', outTradeNo: 'theirs' }],
    ['late:4', 'all', { kind: 'late', outTradeNo: 'nobody' }],
  ]
  for (const [id, , part] of found) {
    await us.insertAnomaly({ id, kind: 'mismatch', outTradeNo: '', at: at(0), reason: '', ...part })
  }
  for (const [view, name] of [
    [us, 'ours'],
    [them, 'theirs'],
  ] as const) {
    const expected = found.filter(([, whose]) => whose === name || whose === 'all').map(([id]) => id)
    const all = await view.anomalies(100)
    t.strictSame(all.map(({ id }) => id).toSorted(), expected.toSorted())
    const pages: Anomaly[] = []
    let page: Anomaly[]
    do {
      page = await view.anomalies(2, pages.at(-1))
      pages.push(...page)
    } while (page.length === 2)
    t.strictSame(pages, all, 'in pages of which none is short but the last')
    for (const [id] of found) t.equal((await view.findAnomaly(id))?.id, expected.includes(id) ? id : undefined, id)
    t.equal(await view.findAnomaly('nobody'), undefined)
  }
})
