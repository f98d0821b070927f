import assert from 'node:assert/strict'
import type { Order } from '../model.ts'
import type { Claim } from '../store/store.ts'
import type { Case } from './case.ts'
import {
  ACCOUNT,
  OTHER,
  OWNER,
  add,
  at,
  change,
  done,
  full,
  increment,
  isGiven,
  newOrder,
  newPayment,
  same,
  times,
} from './rows.ts'

export const CLAIMS: Case[] = [
  [
    'claimDue takes what is due, longest overdue first, up to its limit',
    async ({ store }) => {
      for (const ms of [300, 100, 200, -100, 301]) await add(store, { outTradeNo: `due-${ms}`, dueAt: at(ms) })
      await add(store, { dueAt: null })
      const claim = async (limit: number) =>
        (await store.claimDue(OWNER, at(300), limit, 60_000)).map(({ order }) => order.outTradeNo)
      same(await claim(2), ['due--100', 'due-100'])
      same(await claim(100), ['due-200', 'due-300'], 'due now counts as due; a millisecond later or never does not')
    },
  ],

  [
    'a claim moves dueAt to the end of the lease and increments claims',
    async ({ store }) => {
      const order = await add(store, { dueAt: at(0) })
      for (const n of [1, 2, 3]) {
        const claimed = { ...order, dueAt: at(n * 60_000), claims: n }
        same(await store.claimDue(OWNER, at((n - 1) * 60_000), 10, 60_000), [{ order: claimed, claims: n }])
        same(await store.findOrder(order.outTradeNo), claimed)
        assert.deepEqual(await store.claimDue(OWNER, at(n * 60_000 - 1), 10, 60_000), [], 'the lease has not ended yet')
      }
    },
  ],

  [
    'claimDue by number takes only that row, and only if it is due',
    async ({ store }) => {
      const [one, two] = [await add(store, { dueAt: at(0) }), await add(store, { dueAt: at(5) })]
      assert.deepEqual(await store.claimDue(OWNER, at(4), 10, 1000, { outTradeNo: two.outTradeNo }), [])
      same(
        (await store.claimDue(OWNER, at(5), 10, 1000, { outTradeNo: two.outTradeNo })).map(
          ({ order }) => order.outTradeNo,
        ),
        [two.outTradeNo],
      )
      same(
        (await store.claimDue(OWNER, at(5), 10, 1000)).map(({ order }) => order.outTradeNo),
        [one.outTradeNo],
      )
    },
  ],

  [
    'claimDue takes the rows of its owner alone, also by number',
    async ({ store }) => {
      const others = [
        { ...ACCOUNT, appid: 'wx0000000000000002' },
        { ...ACCOUNT, mchId: '1900000002' },
        { appid: ACCOUNT.appid.toUpperCase(), mchId: ACCOUNT.mchId },
      ]
      const theirs: Order[] = []
      for (const [n, account] of others.entries()) theirs.push(await add(store, { ...account, dueAt: at(n - 10) }))
      const ours = await add(store, { dueAt: at(0) })
      for (const { outTradeNo } of theirs) {
        assert.deepEqual(await store.claimDue(OWNER, at(0), 1, 1000, { outTradeNo }), [])
      }
      const numbers = (claims: Claim[]) => claims.map(({ order }) => order.outTradeNo)
      same(numbers(await store.claimDue(OWNER, at(0), 1, 60_000)), [ours.outTradeNo])
      same(numbers(await store.claimDue(OWNER, at(0), 10, 60_000)), [])
      for (const [n, { appid, mchId }] of others.entries()) {
        same(await store.findOrder(theirs[n]!.outTradeNo), theirs[n], 'which is left unchanged')
        same(numbers(await store.claimDue({ appids: [appid], mchId }, at(0), 10, 60_000)), [theirs[n]!.outTradeNo])
      }
    },
  ],

  [
    'claimDue takes the rows of all apps of its owner, the longest due first',
    async ({ store }) => {
      const appids = [ACCOUNT.appid, 'wx0000000000000002', 'wx0000000000000003']
      const orders: Order[] = []
      for (const [n, appid] of appids.entries()) orders.push(await add(store, { appid, dueAt: at(-n) }))
      const others = [
        await add(store, { appid: 'wx0000000000000004', dueAt: at(-9) }),
        await add(store, { appid: appids[1]!, mchId: '1900000002', dueAt: at(-9) }),
      ]
      const owner = { appids, mchId: ACCOUNT.mchId }
      const numbers = (claims: Claim[]) => claims.map(({ order }) => order.outTradeNo)
      same(numbers(await store.claimDue(owner, at(0), 2, 1000)), [orders[2]!.outTradeNo, orders[1]!.outTradeNo])
      same(numbers(await store.claimDue(owner, at(0), 9, 1000, { outTradeNo: orders[0]!.outTradeNo })), [
        orders[0]!.outTradeNo,
      ])
      same(await store.claimDue(owner, at(0), 9, 1000), [])
      for (const order of others) same(await store.findOrder(order.outTradeNo), order)
    },
  ],

  [
    'a claim by number counts like any other: the previous claimer loses the row',
    async ({ store }) => {
      const order = await add(store, { state: 'paid', fulfilment: 'due', dueAt: at(0) })
      const claims: Claim[] = []
      for (const n of [1, 2]) {
        const [claim] = await store.claimDue(OWNER, at((n - 1) * 60_000), 1, 60_000, { outTradeNo: order.outTradeNo })
        same(claim, { order: { ...order, dueAt: at(n * 60_000), claims: n }, claims: n })
        same(await store.findOrder(order.outTradeNo), claim?.order)
        claims.push(claim!)
      }
      const [early, late] = claims
      assert.equal(await store.fulfil(early!, async () => {}, done), 'lost')
      assert.equal(await store.fulfil(late!, async () => {}, done), 'done')
    },
  ],

  [
    'a plan says in the same change what becomes of the orders that it knows; the others get their lease',
    async ({ store }) => {
      const orders: Order[] = []
      for (let n = 0; n < 4; n++) orders.push(await add(store, { dueAt: at(n), attempts: n % 2 }))
      const seen: Order[] = []
      const plan = (order: Order) => {
        seen.push(order)
        return order.attempts === 1
          ? undefined
          : { ...change({ ...order, queriedAt: at(7), dueAt: at(50_000) }, 'asked'), anomalies: [] }
      }
      const claims = [
        ...(await store.claimDue(OWNER, at(3), 3, 60_000, { claimer: 'one', plan })),
        ...(await store.claimDue(OWNER, at(3), 1, 60_000, {
          outTradeNo: orders[3]!.outTradeNo,
          claimer: 'one',
          plan,
        })),
      ]
      const claimed = orders.map((order) => ({ ...order, claims: 1, claimedBy: 'one' }))
      same(seen, claimed, 'the plan sees the claim')
      const byNumber = (one: { outTradeNo: string }, other: { outTradeNo: string }) =>
        one.outTradeNo < other.outTradeNo ? -1 : 1
      const expected = claimed.map((order) =>
        order.attempts === 1
          ? { order: { ...order, dueAt: at(60_003) }, claims: 1 }
          : { order: { ...order, queriedAt: at(7), dueAt: at(50_000) }, claims: 1, planned: true },
      )
      same(
        claims.sort((a, b) => byNumber(a.order, b.order)),
        expected,
      )
      for (const { order } of expected) {
        same(await store.findOrder(order.outTradeNo), order)
        same(
          (await store.history(order.outTradeNo)).map(({ seen }) => seen),
          order.attempts === 1 ? ['added'] : ['added', 'asked'],
        )
      }
      same(await store.claimDue(OWNER, at(49_999), 10, 1), [])
      same((await store.claimDue(OWNER, at(50_000), 10, 1)).length, 2)
    },
  ],

  [
    'every method that returns a row returns the whole row, with its payment and refunds',
    async ({ store }) => {
      const orders: Order[] = []
      for (const [n, text] of ['红茶', '绿茶'].entries()) {
        orders.push(await add(store, { ...full(newOrder(), text), dueAt: at(n) }))
      }
      for (const order of orders) {
        const { outTradeNo, key } = order
        same(await store.findOrder(outTradeNo), order, 'findOrder')
        same(await store.findLiveOrder(key, OWNER.mchId), order, 'findLiveOrder')
        same(
          await store.insertOrder(change(newOrder({ outTradeNo }))),
          { inserted: false, existing: order },
          'insertOrder of the same number',
        )
        same(
          await store.insertOrder(change(newOrder({ key }))),
          { inserted: false, existing: order },
          'insertOrder of the same key',
        )
        same(await store.updateOrder(outTradeNo, isGiven(order)), { order, raised: [] }, 'updateOrder')
      }
      const before = ({ order }: Claim, n: number): Order => ({ ...order, dueAt: at(n), claims: 0 })
      same((await store.claimDue(OWNER, at(1), 10, 59_999)).map(before), orders, 'claimDue')
      for (const [n, { outTradeNo }] of orders.entries()) {
        const [claim] = await store.claimDue(OWNER, at(60_000), 1, 60_000, { outTradeNo })
        same(before(claim!, n), orders[n], 'claimDue by number')
        assert.equal(await store.fulfil(claim!, async () => {}, isGiven(claim!.order)), 'done')
      }
    },
  ],

  [
    'no two simultaneous claimers get the same row',
    async ({ store }) => {
      const orders: Order[] = []
      for (let n = 0; n < 20; n++) orders.push(await add(store, { dueAt: at(n) }))
      const claims = (await Promise.all(times(10, () => store.claimDue(OWNER, at(1000), 4, 60_000)))).flat()
      claims.push(...(await store.claimDue(OWNER, at(1000), 100, 60_000)))
      same(claims.map(({ order }) => order.outTradeNo).sort(), orders.map(({ outTradeNo }) => outTradeNo).sort())
      const byNumber = (
        await Promise.all(
          times(10, () => store.claimDue(OWNER, at(100_000), 1, 60_000, { outTradeNo: orders[0]!.outTradeNo })),
        )
      ).flat()
      assert.equal(byNumber.length, 1)
    },
  ],

  [
    'a claim by number waits for running changes of its row',
    async ({ store }) => {
      for (let round = 0; round < 5; round++) {
        const { outTradeNo } = await add(store, { dueAt: at(0) })
        const changes = times(10, () => store.updateOrder(outTradeNo, increment))
        const claims = await store.claimDue(OWNER, at(0), 1, 60_000, { outTradeNo })
        await Promise.all(changes)
        assert.equal(claims.length, 1, 'nobody else claims the row again')
      }
    },
  ],

  [
    "simultaneous claims and changes of one row do not lose each other's effects",
    async ({ store }) => {
      const { outTradeNo } = await add(store, { dueAt: at(0) })
      const claims: Claim[] = []
      await Promise.all(
        times(10, async (n) => {
          await store.updateOrder(outTradeNo, increment)
          claims.push(...(await store.claimDue(OWNER, at(n * 60_000), 1, 1)))
          await store.updateOrder(outTradeNo, increment)
        }),
      )
      const order = await store.findOrder(outTradeNo)
      same([order?.attempts, order?.claims], [20, claims.length])
    },
  ],

  [
    'bringForward makes due what a fast clock has put too far into the future, and leaves leases and expiries alone',
    async ({ store }) => {
      const paid = async (dueAt: Date | null) => {
        const order = newOrder({ state: 'paid', fulfilment: 'due', claims: 2, dueAt })
        return await add(store, { ...order, payment: newPayment(order) })
      }
      const astray = [
        await paid(at(1001)),
        await paid(new Date('2040-01-01T00:00:00.000Z')),
        await add(store, { dueAt: at(2000), expiresAt: at(1000) }),
      ]
      const others = [
        await paid(at(1000)),
        await paid(at(-1)),
        await paid(null),
        await add(store, { dueAt: at(2000), expiresAt: at(1001) }),
        await add(store, { dueAt: at(1000), expiresAt: at(0) }),
        await add(store, { dueAt: null, expiresAt: at(0) }),
        await add(store, { mchId: OTHER, dueAt: at(2000), expiresAt: at(0) }),
      ]
      assert.equal(await store.bringForward(OWNER.mchId, at(1000), at(5)), astray.length)
      for (const order of astray) same(await store.findOrder(order.outTradeNo), { ...order, dueAt: at(5) })
      for (const order of others) same(await store.findOrder(order.outTradeNo), order)
      assert.equal(await store.bringForward(OWNER.mchId, at(1000), at(5)), 0)
      assert.equal(await store.bringForward(OTHER, at(1000), at(5)), 1)
    },
  ],

  [
    'takeOver makes due what a dead process had claimed, and leaves everything else alone',
    async ({ store }) => {
      const claimed = async (dueAt: Date, claimer?: string) => {
        const { outTradeNo } = await add(store, { dueAt: at(0) })
        await store.claimDue(OWNER, at(0), 1, dueAt.getTime() - at(0).getTime(), {
          outTradeNo,
          claimer,
        })
        const order = await store.findOrder(outTradeNo)
        assert.equal(order?.claimedBy, claimer)
        return order
      }
      const asked = async (queriedAt?: Date) => {
        const order = await claimed(at(1_000_000), 'dead')
        await store.updateOrder(order!.outTradeNo, (current) => change({ ...current, queriedAt }))
        return await store.findOrder(order!.outTradeNo)
      }
      const taken = [await claimed(at(1000), 'dead'), await claimed(at(500), 'dead'), await asked(at(100))]
      const others = [
        await claimed(at(1001), 'dead'),
        await claimed(at(5), 'dead'),
        await claimed(at(1000), 'Dead'),
        await claimed(at(1000)),
        await add(store, { dueAt: at(1000) }),
        await asked(at(99)),
        await asked(undefined),
      ]
      assert.equal(await store.takeOver('dead', at(5), at(1000), at(100)), taken.length)
      for (const order of taken) same(await store.findOrder(order!.outTradeNo), { ...order, dueAt: at(5) })
      for (const order of others) same(await store.findOrder(order!.outTradeNo), order)
      const [late] = await store.claimDue(OWNER, at(5), 1, 1000, { outTradeNo: taken[0]!.outTradeNo })
      same([late?.claims, late?.order.claimedBy], [2, undefined])
      assert.equal(await store.takeOver('dead', at(5), at(1000), at(100)), 0)
    },
  ],

  [
    'beat returns the latest beat of every process that has not been taken over',
    async ({ store }) => {
      const sorted = (beats: { claimer: string }[]) => beats.sort((a, b) => (a.claimer < b.claimer ? -1 : 1))
      same(await store.beat('one', 1), [{ claimer: 'one', beats: 1 }])
      same(sorted(await store.beat('One', 1)), [
        { claimer: 'One', beats: 1 },
        { claimer: 'one', beats: 1 },
      ])
      same(sorted(await store.beat('one', 2)), [
        { claimer: 'One', beats: 1 },
        { claimer: 'one', beats: 2 },
      ])
      await store.takeOver('one', at(0), at(0), at(0))
      same(await store.beat('One', 2), [{ claimer: 'One', beats: 2 }])
    },
  ],

  [
    'countDue counts what is due for a merchant, and how much of that has waited too long',
    async ({ store }) => {
      for (const ms of [-300, -200, -100, 0, 1]) await add(store, { dueAt: at(ms) })
      await add(store, { dueAt: null })
      for (const ms of [-300, 0]) await add(store, { mchId: OTHER, dueAt: at(ms) })
      same(await store.countDue(OWNER.mchId, at(0), at(-200)), { due: 4, stuck: 1 })
      same(await store.countDue(OWNER.mchId, at(1), at(-99)), { due: 5, stuck: 3 })
      same(await store.countDue(OTHER, at(0), at(-200)), { due: 2, stuck: 1 })
      await store.claimDue(OWNER, at(0), 100, 60_000)
      same(await store.countDue(OWNER.mchId, at(1), at(0)), { due: 1, stuck: 0 })
    },
  ],
]
