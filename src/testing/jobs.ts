import assert from 'node:assert/strict'
import type { Case } from './case.ts'
import { add, change, increment, same } from './rows.ts'

export const JOBS: Case[] = [
  [
    'what a change does also, such as enqueueing a job, runs once the change is decided and commits with it',
    async ({ store, ownWrite }) => {
      const order = await add(store)
      const own = ownWrite()
      const ran: string[] = []
      const updated = await store.updateOrder(order.outTradeNo, (current) => {
        ran.push('decide')
        return {
          ...change({ ...current, attempts: 7 }),
          async also(tx) {
            await own.write(tx)
            ran.push('also')
          },
        }
      })
      assert.deepEqual(ran.slice(-2), ['decide', 'also'])
      same(updated, { order: { ...order, attempts: 7 }, raised: [] })
      same(await store.findOrder(order.outTradeNo), updated?.order)
      await own.isCommitted(true)
    },
  ],

  [
    'a change whose also throws writes nothing, and the error is passed on',
    async ({ store, ownWrite }) => {
      const order = await add(store)
      const own = ownWrite()
      const error = new Error('the queue is full')
      let lent: unknown
      await assert.rejects(
        store.updateOrder(order.outTradeNo, (current) => ({
          ...change({ ...current, attempts: 7 }),
          async also(tx) {
            lent = tx
            await own.write(tx)
            throw error
          },
        })),
        (thrown) => thrown === error,
      )
      await Promise.allSettled([own.write(lent)])
      same(await store.findOrder(order.outTradeNo), order)
      assert.equal((await store.history(order.outTradeNo)).length, 1)
      await own.isCommitted(false)
    },
  ],

  [
    'of changes of one row that do something else as well none is lost',
    async ({ store }) => {
      const { outTradeNo } = await add(store)
      await Promise.all(
        Array.from({ length: 10 }, async (_, n) => {
          await store.updateOrder(outTradeNo, (current) => ({
            ...increment(current)!,
            also: n % 2 === 0 ? async () => {} : undefined,
          }))
        }),
      )
      same((await store.findOrder(outTradeNo))?.attempts, 10)
    },
  ],
]
