import assert from 'node:assert/strict'
import type { Order } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { Case } from './case.ts'
import { add, at, bareRefund, full, newOrder, same } from './rows.ts'

const BOUNDS = ['', '\uffff'] as const

const numbers = (orders: Order[]) => orders.map(({ outTradeNo }) => outTradeNo)

/** An order with refunds made at these times. */
async function refunded(store: Store, outTradeNo: string, ...moments: number[]): Promise<Order> {
  const refunds = moments.map((ms, n) => ({
    ...bareRefund({ outTradeNo }),
    outRefundNo: `${outTradeNo}-${n + 1}`,
    createdAt: at(ms),
  }))
  return await add(store, { outTradeNo, key: outTradeNo, state: 'paid', refunds })
}

export const LISTING: Case[] = [
  [
    'findOrders returns the existing orders, each in its current state',
    async ({ store }) => {
      const [first, second] = [await add(store, { outTradeNo: 'a', key: 'a' }), await refunded(store, 'b', 1, 2)]
      await add(store, { outTradeNo: 'c', key: 'c' })
      const found = await store.findOrders(['b', 'nobody', 'a', 'A', 'a '])
      same(
        found.sort((a, b) => (a.outTradeNo < b.outTradeNo ? -1 : 1)),
        [first, second],
      )
      assert.deepEqual(await store.findOrders(['nobody']), [])
      assert.deepEqual(await store.findOrders([]), [])
    },
  ],

  [
    'ordersBetween returns the orders of a range of numbers, sorted, one page at a time',
    async ({ store }) => {
      const names = ['Z', 'a', 'a-1', 'a|', 'aB', 'ab', 'b']
      for (const outTradeNo of names.toReversed()) await add(store, { outTradeNo, key: outTradeNo })
      const sorted = names.toSorted()
      same(numbers(await store.ordersBetween(...BOUNDS, 100)), sorted)
      same(numbers(await store.ordersBetween('Z', 'b', 100)), sorted.slice(1, -1))
      same(numbers(await store.ordersBetween('a', 'zz', 2)), ['a-1', 'aB'])
      const order = full(newOrder({ outTradeNo: 'full', key: 'full' }), '红茶 250g')
      same(await store.insertOrder({ order, history: [], anomalies: [] }), { inserted: true })
      same(await store.ordersBetween('b', 'g', 1), [order])
    },
  ],

  [
    'refundedBetween returns the orders with a refund made between two times, in the same way',
    async ({ store }) => {
      await add(store, { outTradeNo: 'none', key: 'none' })
      await refunded(store, 'd', 5, 15)
      const second = await refunded(store, 'b', 10)
      await refunded(store, 'c', 20)
      await refunded(store, 'a', 12, 13)
      await refunded(store, 'e', 9)
      same(numbers(await store.refundedBetween(at(10), at(20), '', 100)), ['a', 'b', 'd'])
      same(await store.refundedBetween(at(10), at(20), 'a', 1), [second])
      assert.deepEqual(await store.refundedBetween(at(21), at(99), '', 100), [])
    },
  ],
]
