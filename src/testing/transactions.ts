import assert from 'node:assert/strict'
import type { Order } from '../model.ts'
import type { Case } from './case.ts'
import { OTHER, OWNER, newOrder, newPayment, newAnomaly, change, add, same } from './rows.ts'

export const TRANSACTIONS: Case[] = [
  [
    'a transaction that paid one order is refused for any other, which stays unchanged',
    async ({ store }) => {
      const first = await add(store)
      const payment = newPayment(first)
      await store.updateOrder(first.outTradeNo, () => change({ ...first, state: 'paid', payment }))

      const refused = { code: 'WECHAT_TRANSACTION_TAKEN', message: new RegExp(`\\b${first.outTradeNo}\\b`) }
      const second = await add(store)
      const anomalies = [newAnomaly({ id: 'never' })]
      await assert.rejects(
        store.updateOrder(second.outTradeNo, (current) => ({
          ...change({
            ...current,
            state: 'paid',
            liveKey: null,
            payment: { ...payment, outTradeNo: current.outTradeNo },
          }),
          anomalies,
        })),
        refused,
      )
      same(await store.findOrder(second.outTradeNo), second)
      same(await store.findLiveOrder(second.key, OWNER.mchId), second)
      assert.equal((await store.history(second.outTradeNo)).length, 1)

      const third = newOrder({ payment })
      await assert.rejects(store.insertOrder({ ...change(third), anomalies }), refused)
      assert.equal(await store.findOrder(third.outTradeNo), undefined)
      assert.equal(await store.findLiveOrder(third.key, OWNER.mchId), undefined)
      assert.deepEqual(await store.history(third.outTradeNo), [])
      assert.deepEqual(await store.anomalies(100), [])
    },
  ],

  [
    'an order added with a payment owns its transaction',
    async ({ store }) => {
      const order = newOrder()
      const first = await add(store, { ...order, payment: newPayment(order) })
      const { outTradeNo } = await add(store)
      await assert.rejects(
        store.updateOrder(outTradeNo, (current) => change({ ...current, payment: first.payment })),
        { code: 'WECHAT_TRANSACTION_TAKEN' },
      )
    },
  ],

  [
    'an order may record its own transaction again',
    async ({ store }) => {
      const order = await add(store)
      const paid = { ...order, state: 'paid' as const, payment: newPayment(order) }
      for (const next of [paid, { ...paid, attempts: 1 }, order, paid]) {
        await store.updateOrder(order.outTradeNo, () => change(next))
        same(await store.findOrder(order.outTradeNo), next)
      }
    },
  ],

  [
    'of 10 orders that record one transaction at once one gets it, and the others stay unchanged',
    async ({ store }) => {
      const orders: Order[] = []
      for (let n = 0; n < 10; n++) orders.push(await add(store))
      const payment = { ...newPayment(orders[0]!), transactionId: 'contested' }
      const results = await Promise.allSettled(
        orders.map((order) => store.updateOrder(order.outTradeNo, () => change({ ...order, state: 'paid', payment }))),
      )
      const winners = results.flatMap(({ status }, n) => (status === 'fulfilled' ? n : []))
      assert.equal(winners.length, 1, `${winners.length} of ${orders.length} orders got the transaction`)
      for (const [n, order] of orders.entries()) {
        const [won, result] = [n === winners[0], results[n]!]
        if (result.status === 'rejected') assert.equal(result.reason.code, 'WECHAT_TRANSACTION_TAKEN')
        same(await store.findOrder(order.outTradeNo), won ? { ...order, state: 'paid', payment } : order)
        assert.equal((await store.history(order.outTradeNo)).length, won ? 2 : 1)
      }
    },
  ],

  [
    'a transaction belongs to its merchant: an order of another merchant may record the same one',
    async ({ store }) => {
      const first = await add(store)
      const payment = newPayment(first)
      const paid = { ...first, state: 'paid' as const, payment }
      await store.updateOrder(first.outTradeNo, () => change(paid))
      const mchId = OTHER
      const theirs = await add(store, { mchId })
      const theirPaid = { ...theirs, payment: { ...payment, outTradeNo: theirs.outTradeNo, mchId } }
      same((await store.updateOrder(theirs.outTradeNo, () => change(theirPaid)))?.order, theirPaid)
      same(await store.findOrder(theirs.outTradeNo), theirPaid)
      same(await store.findOrder(first.outTradeNo), paid)
      for (const [owner, holder] of [
        [OWNER.mchId, first],
        [mchId, theirs],
      ] as const) {
        const { outTradeNo } = await add(store, { mchId: owner })
        await assert.rejects(
          store.updateOrder(outTradeNo, (current) => change({ ...current, payment })),
          { code: 'WECHAT_TRANSACTION_TAKEN', message: new RegExp(`\\b${holder.outTradeNo}\\b`) },
        )
      }
    },
  ],

  [
    'transactions are compared exactly: case, accents and spaces count',
    async ({ store }) => {
      for (const transactionId of ['4200a', '4200A', '4200á', '4200a ', ' 4200a']) {
        const order = await add(store)
        const payment = { ...newPayment(order), transactionId }
        same((await store.updateOrder(order.outTradeNo, () => change({ ...order, payment })))?.order.payment, payment)
      }
    },
  ],
]
