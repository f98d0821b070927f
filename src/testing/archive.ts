import assert from 'node:assert/strict'
import type { Anomaly, Order, Resolution } from '../model.ts'
import type { Archived } from '../store/store.ts'
import type { Case } from './case.ts'
import { add, at, bareRefund, change, fullRefund, newAnomaly, newOrder, newPayment, same, times } from './rows.ts'

const BEFORE = at(1000)
const DISMISSED: Resolution = { action: 'dismiss', note: 'done', at: at(5) }

/** A part of an order that is over. */
const OVER: Partial<Order> = { state: 'closed', liveKey: null, expiresAt: at(10) }

const byNumber = (one: Archived, other: Archived) => one.order.outTradeNo.localeCompare(other.order.outTradeNo)

export const ARCHIVE: Case[] = [
  [
    'archive takes out what is done and unchanged, with everything that goes with it, and leaves the rest alone',
    async ({ store, ownWrite }) => {
      const paid = async (part: (order: Order) => Partial<Order>) => {
        const order = newOrder()
        const given = { ...order, ...part(order) }
        return await add(store, { ...given, payment: newPayment(given), liveKey: given.liveKey })
      }
      const state = 'paid'
      const settled = { state, fulfilment: 'done' } as const
      const found = async ({ outTradeNo }: Order, resolution?: Resolution) => {
        const anomaly: Anomaly = newAnomaly({ id: `late:${outTradeNo}`, kind: 'late', outTradeNo })
        await store.insertAnomaly(anomaly)
        if (resolution !== undefined) await store.resolveAnomaly(anomaly.id, resolution)
        return { ...anomaly, resolution }
      }
      const [closed, failed, refunded, dismissed] = [
        await add(store, OVER),
        await add(store, { ...OVER, state: 'failed' }),
        await paid((order) => ({ ...settled, refunds: [fullRefund(order, '红茶')] })),
        await paid(() => ({ state, fulfilment: 'dismissed' })),
      ]
      const resolved = await found(refunded, DISMISSED)
      const late = await add(store, OVER)
      await store.updateOrder(late.outTradeNo, () => ({
        order: late,
        history: [{ ...change(late).history[0]!, at: BEFORE }],
        anomalies: [],
      }))
      const doubtful = await add(store, OVER)
      await found(doubtful)
      const others = [
        late,
        doubtful,
        await add(store, { ...OVER, createdAt: BEFORE }),
        await add(store, { ...OVER, dueAt: at(5) }),
        await add(store, { state: 'prepaid' }),
        await add(store, { state: 'closing' }),
        await paid(() => ({ state, fulfilment: 'due' })),
        await paid(() => ({ state, fulfilment: 'held' })),
        await paid((order) => ({ ...settled, refunds: [{ ...bareRefund(order), state: 'abnormal' }] })),
        await paid((order) => ({ ...settled, refunds: [{ ...fullRefund(order, ''), dueAt: at(7) }] })),
        await paid((order) => ({
          ...settled,
          refunds: [{ ...fullRefund(order, ''), dueAt: null, fulfilment: 'due' }],
        })),
      ]
      const own = ownWrite()
      const handed: Archived[] = []
      // A refund whose time has come has work, even if it is over.
      await store.updateOrder(refunded.outTradeNo, (order) => ({
        order: { ...order, refunds: order.refunds.map((refund) => ({ ...refund, dueAt: null })) },
        history: [],
        anomalies: [],
      }))
      const expected: Archived[] = []
      for (const { outTradeNo } of [closed, failed, refunded, dismissed]) {
        expected.push({
          order: (await store.findOrder(outTradeNo))!,
          history: await store.history(outTradeNo),
          anomalies: outTradeNo === refunded.outTradeNo ? [resolved] : [],
        })
      }
      const count = await store.archive({
        before: BEFORE,
        async to(orders, tx) {
          handed.push(...orders)
          await own.write(tx)
        },
      })
      same(count, expected.length)
      same(handed.sort(byNumber), expected.sort(byNumber))
      await own.isCommitted(true)
      for (const { order } of expected) {
        same(await store.findOrder(order.outTradeNo), undefined)
        same(await store.findLiveOrder(order.key, order.mchId), undefined)
        same(await store.history(order.outTradeNo), [])
        same(await store.updateOrder(order.outTradeNo, () => assert.fail('it is gone')), undefined)
      }
      same(await store.findAnomaly(resolved.id), undefined)
      for (const order of others) same(await store.findOrder(order.outTradeNo), order)
      same((await store.anomalies(10)).length, 1)
      same(await store.archive({ before: BEFORE }), 0)
      const again = newOrder({ key: refunded.key, liveKey: refunded.key, state, fulfilment: 'done' })
      same(await store.insertOrder(change({ ...again, payment: refunded.payment! })), { inserted: true })
    },
  ],

  [
    'what cannot be handed over is not archived',
    async ({ store, ownWrite }) => {
      const order = await add(store, OVER)
      const own = ownWrite()
      const full = new Error('the disk is full')
      await assert.rejects(
        store.archive({
          before: BEFORE,
          async to(_orders, tx) {
            await own.write(tx)
            throw full
          },
        }),
        (error) => error === full,
      )
      await own.isCommitted(false)
      same(await store.findOrder(order.outTradeNo), order)
      same((await store.history(order.outTradeNo)).length, 1)
      same(await store.archive({ before: BEFORE }), 1)
    },
  ],

  [
    'many orders are archived in steps, past those that stay',
    async ({ store }) => {
      const stays = times(2, () => newOrder({ ...OVER, dueAt: null, fulfilment: 'held' }))
      for (const order of stays) await store.insertOrder(change(order))
      const numbers: string[] = []
      for (let n = 0; n < 101; n++) numbers.push((await add(store, OVER)).outTradeNo)
      const steps: string[][] = []
      const count = await store.archive({
        before: BEFORE,
        to(orders) {
          steps.push(orders.map(({ order }) => order.outTradeNo))
        },
      })
      same(count, 101)
      assert.ok(steps.every(({ length }) => length <= 100))
      same(steps.flat().sort(), numbers.sort())
      for (const order of stays) same(await store.findOrder(order.outTradeNo), order)
    },
  ],
]
