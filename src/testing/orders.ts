import assert from 'node:assert/strict'
import type { Order } from '../model.ts'
import type { Case } from './case.ts'
import {
  TEXTS,
  OWNER,
  at,
  newOrder,
  full,
  newPayment,
  newAnomaly,
  line,
  change,
  increment,
  add,
  isRefused,
  oneWins,
  same,
  times,
} from './rows.ts'

export const ORDERS: Case[] = [
  [
    'insertOrder adds a row that findOrder and findLiveOrder return',
    async ({ store }) => {
      const order = await add(store, { outTradeNo: 'order-1', key: 'cart-1' })
      same(await store.findOrder('order-1'), order)
      same(await store.findLiveOrder('cart-1', OWNER.mchId), order)
    },
  ],

  [
    'a row is added together with its history and anomalies',
    async ({ store }) => {
      const order = newOrder()
      const found = newAnomaly({ id: 'late:1', outTradeNo: order.outTradeNo })
      same(await store.insertOrder({ order, history: [line(order, 'one'), line(order, 'two')], anomalies: [found] }), {
        inserted: true,
      })
      same(
        (await store.history(order.outTradeNo)).map(({ seen }) => seen),
        ['one', 'two'],
      )
      same(await store.anomalies(100), [found])
    },
  ],

  [
    'missing rows are undefined, and missing lists are empty',
    async ({ store }) => {
      await add(store, { key: 'closed', liveKey: null })
      assert.equal(await store.findOrder('nobody'), undefined)
      assert.equal(await store.findLiveOrder('nobody', OWNER.mchId), undefined)
      assert.equal(
        await store.findLiveOrder('closed', OWNER.mchId),
        undefined,
        'an order whose liveKey is null is not live',
      )
      assert.equal(await store.updateOrder('nobody', () => assert.fail('there is no row to decide about')), undefined)
      assert.deepEqual(await store.claimDue(OWNER, at(0), 10, 1000, { outTradeNo: 'nobody' }), [])
      assert.deepEqual(await store.history('nobody'), [])
      assert.deepEqual(await store.anomalies(100), [])
      assert.equal(await store.findAnomaly('nobody'), undefined)
      same(await store.countDue(OWNER.mchId, at(0), at(0)), { due: 0, stuck: 0 })
      assert.equal(await store.getSession('nobody'), undefined)
      await store.deleteSession('nobody')
    },
  ],

  [
    'a live key is unique among the orders of its merchant: others may have the same',
    async ({ store }) => {
      const orders = [await add(store, { key: 'cart' }), await add(store, { key: 'cart', mchId: '1900000002' })]
      await isRefused(store, newOrder({ key: 'cart', mchId: '1900000002' }), orders[1]!)
      for (const order of orders) same(await store.findLiveOrder('cart', order.mchId), order)
      assert.equal(await store.findLiveOrder('cart', '1900000003'), undefined)
      const [first, second] = orders as [Order, Order]
      const closed = { ...first, liveKey: null }
      await store.updateOrder(first.outTradeNo, () => change(closed))
      assert.equal(await store.findLiveOrder('cart', first.mchId), undefined)
      same(await store.findLiveOrder('cart', second.mchId), second)
      await store.updateOrder(first.outTradeNo, () => change(first))
      same(await store.findLiveOrder('cart', first.mchId), first)
    },
  ],

  [
    'insertOrder returns the row of the same outTradeNo and writes nothing',
    async ({ store }) => {
      const first = await add(store, { outTradeNo: 'order-1', key: 'first' })
      const second = newOrder({ outTradeNo: 'order-1', key: 'second' })
      await isRefused(store, second, first)
      assert.equal(await store.findLiveOrder('second', OWNER.mchId), undefined)
    },
  ],

  [
    'insertOrder returns the live row of the same key and writes nothing',
    async ({ store }) => {
      const first = await add(store, { outTradeNo: 'order-1', key: 'cart' })
      const second = newOrder({ outTradeNo: 'order-2', key: 'cart' })
      await isRefused(store, second, first)
      assert.equal(await store.findOrder('order-2'), undefined)
    },
  ],

  [
    'any number of orders of one key may exist if at most one is live',
    async ({ store }) => {
      await add(store, { key: 'cart', liveKey: null })
      await add(store, { key: 'cart', liveKey: null })
      const live = await add(store, { key: 'cart' })
      await add(store, { key: 'cart', liveKey: null })
      same(await store.findLiveOrder('cart', OWNER.mchId), live)
    },
  ],

  [
    'of 20 inserts of one key at once one wins, and the others get its row',
    async ({ store }) => {
      await oneWins(
        store,
        times(20, () => newOrder({ key: 'cart' })),
      )
    },
  ],

  [
    'of 20 inserts of one outTradeNo at once one wins, and the others get its row',
    async ({ store }) => {
      await oneWins(
        store,
        times(20, (n) => newOrder({ outTradeNo: 'order-1', key: `cart-${n}` })),
      )
    },
  ],

  [
    'outTradeNo and key are compared exactly: case, accents and spaces count',
    async ({ store }) => {
      const keys = ['resume', 'Resume', 'résumé', 'resume ', ' resume', '简历', '簡歷']
      const numbers = ['abcdef', 'ABCDEF', 'abcdeF', 'abcdef-', 'abcdef_', 'abcdef|', 'abcdef*']
      const orders: Order[] = []
      for (const [n, key] of keys.entries()) orders.push(await add(store, { outTradeNo: numbers[n]!, key }))
      for (const order of orders) {
        same(await store.findOrder(order.outTradeNo), order)
        same(await store.findLiveOrder(order.key, OWNER.mchId), order)
      }
    },
  ],

  [
    'a row with every field, in any language and of any size, is read back exactly',
    async ({ store }) => {
      for (const text of TEXTS) {
        const order = await add(store, full(newOrder(), text))
        same(await store.findOrder(order.outTradeNo), order)
      }
    },
  ],

  [
    'fields that are absent stay absent, and null stays null',
    async ({ store }) => {
      const { outTradeNo } = await add(store, {
        attach: undefined,
        prepayId: undefined,
        queriedAt: undefined,
        payment: undefined,
        liveKey: null,
        dueAt: null,
      })
      const found = await store.findOrder(outTradeNo)
      for (const name of ['attach', 'prepayId', 'prepayExpiresAt', 'queriedAt', 'payment'] as const) {
        assert.equal(found?.[name], undefined, name)
      }
      for (const name of ['liveKey', 'dueAt'] as const) assert.equal(found?.[name], null, name)
    },
  ],

  [
    'updateOrder passes the current row to decide and resolves with the new one',
    async ({ store }) => {
      const order = await add(store)
      const next = full(order, '红茶')
      const updated = await store.updateOrder(order.outTradeNo, (current) => {
        same(current, order)
        return change(next)
      })
      same(updated, { order: next, raised: [] })
      same(await store.findOrder(order.outTradeNo), next)

      const [one, two] = next.refunds
      const refunded: Order = {
        ...next,
        refunds: [one!, { ...two!, state: 'closed', dueAt: at(6) }, { ...one!, outRefundNo: `${order.outTradeNo}-0` }],
      }
      await store.updateOrder(order.outTradeNo, () => change(refunded))
      same(
        await store.findOrder(order.outTradeNo),
        refunded,
        'refunds change with their order, and keep their positions',
      )

      const emptied = {
        ...next,
        attach: undefined,
        prepayId: undefined,
        prepayExpiresAt: undefined,
        queriedAt: undefined,
        payment: undefined,
        liveKey: null,
        dueAt: null,
        refunds: [],
      }
      await store.updateOrder(order.outTradeNo, () => change(emptied))
      same(await store.findOrder(order.outTradeNo), emptied)
    },
  ],

  [
    'updateOrder changes no other row',
    async ({ store }) => {
      const [one, two] = [await add(store), await add(store)]
      await store.updateOrder(one.outTradeNo, (current) =>
        change({ ...current, state: 'closed', liveKey: null, dueAt: null }),
      )
      same(await store.findOrder(two.outTradeNo), two)
    },
  ],

  [
    'updateOrder leaves the row unchanged if decide returns undefined',
    async ({ store }) => {
      const order = await add(store)
      same(await store.updateOrder(order.outTradeNo, () => undefined), { order, raised: [] })
      same(await store.findOrder(order.outTradeNo), order)
      assert.equal((await store.history(order.outTradeNo)).length, 1)
    },
  ],

  [
    'a decide that throws writes nothing, and its error is passed on',
    async ({ store }) => {
      const order = await add(store)
      const error = new Error('decide')
      await assert.rejects(
        store.updateOrder(order.outTradeNo, () => {
          throw error
        }),
        (thrown) => thrown === error,
      )
      same(await store.findOrder(order.outTradeNo), order)
      same((await store.updateOrder(order.outTradeNo, increment))?.order.attempts, 1)
    },
  ],

  [
    'none of 50 simultaneous changes of one row is lost',
    async ({ store }) => {
      const { outTradeNo } = await add(store)
      await Promise.all(times(50, () => store.updateOrder(outTradeNo, increment)))
      same((await store.findOrder(outTradeNo))?.attempts, 50)
      same(
        (await store.history(outTradeNo)).map(({ seen }) => seen),
        ['added', ...times(50, (n) => `attempt ${n + 1}`)],
      )
    },
  ],

  [
    'a row is changed together with its history and anomalies',
    async ({ store }) => {
      const order = await add(store)
      const found = newAnomaly({ id: 'late:1' })
      const next = { ...order, state: 'paid' as const, payment: newPayment(order) }
      const updated = await store.updateOrder(order.outTradeNo, () => ({
        order: next,
        history: [line(next, 'one'), line(next, 'two')],
        anomalies: [found],
      }))
      same(updated, { order: next, raised: [found] })
      same(
        (await store.history(order.outTradeNo)).map(({ seen }) => seen),
        ['added', 'one', 'two'],
      )
      same(await store.anomalies(100), [found])
    },
  ],

  [
    'a refused change writes no history and no anomaly',
    async ({ store }) => {
      const holder = await add(store, { key: 'cart' })
      const order = await add(store, { key: 'cart', liveKey: null })
      const next = { ...order, state: 'paid' as const, liveKey: 'cart' }
      await assert.rejects(
        store.updateOrder(order.outTradeNo, () => ({
          order: next,
          history: [line(next, 'never')],
          anomalies: [newAnomaly({ id: 'never' })],
        })),
        { code: 'WECHAT_ORDER_CONFLICT' },
        'the live key of another order cannot be taken',
      )
      same(await store.findOrder(order.outTradeNo), order)
      same(await store.findLiveOrder('cart', OWNER.mchId), holder)
      assert.equal((await store.history(order.outTradeNo)).length, 1)
      assert.deepEqual(await store.anomalies(100), [])
    },
  ],

  [
    'a released live key can be taken by another order',
    async ({ store }) => {
      const first = await add(store, { key: 'cart' })
      await store.updateOrder(first.outTradeNo, (current) => change({ ...current, state: 'closed', liveKey: null }))
      const second = await add(store, { key: 'cart' })
      same(await store.findLiveOrder('cart', OWNER.mchId), second)
    },
  ],

  [
    'a live key that no order has can be taken back',
    async ({ store }) => {
      const order = await add(store, { key: 'cart', liveKey: null })
      const late = { ...order, state: 'paid' as const, liveKey: 'cart' }
      await store.updateOrder(order.outTradeNo, () => change(late))
      same(await store.findLiveOrder('cart', OWNER.mchId), late)
    },
  ],
]
