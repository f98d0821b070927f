import { AsyncLocalStorage } from 'node:async_hooks'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type {
  Account,
  Anomaly,
  HistoryEntry,
  HistoryLine,
  Order,
  Payment,
  Refund,
  Resolution,
  TokenSession,
} from './model.ts'
import type { Change, Claim, Decide, Store } from './store/store.ts'

/** A table of your own that a test writes to, to see that your writes commit and roll back with the order. */
export interface Probe<Tx> {
  /** Writes a row named `id` through the transaction. */
  write(tx: Tx, id: string): Promise<void>
  /** Whether a committed row named `id` exists, read outside of any transaction. */
  read(id: string): Promise<boolean>
}

export interface StoreContractOptions<Tx> {
  /** Makes an empty store; called once for each case. */
  makeStore: () => Store<Tx> | Promise<Store<Tx>>
  /** Gives back what `makeStore` opened; called after each case, failed or not. */
  closeStore?: (store: Store<Tx>) => void | Promise<void>
  /** For stores with transactions. Without it nothing is checked of what `onPaid` writes. */
  probe?: Probe<Tx>
  /** For a database that lets one transaction write at a time, such as SQLite: changes made beside a running `onPaid` may wait for its end. */
  oneWriter?: boolean
  /** How long a change beside a running `onPaid` may take before it counts as locked out, real ms. Default 5000. */
  patienceMs?: number
}

/** One promise of the contract, as a test of any runner. */
export interface ContractCase {
  name: string
  /** Rejects when the promise is broken. */
  run: () => Promise<void>
}

/**
 * Everything that the engine relies on in a {@link Store}, as test cases for any test runner. A store that passes all of them keeps money safe.
 *
 * @example
 * ```ts
 * import test from 'node:test' // or tap, vitest, jest …
 * import { storeContract } from 'fastify-wechat-pay/testing'
 *
 * const cases = storeContract({
 *   makeStore: async () => {
 *     await pool.query('truncate wechat_orders, wechat_transactions, wechat_history, wechat_repeats, wechat_anomalies, wechat_sessions')
 *     return myStore(pool)
 *   },
 *   probe: {
 *     write: async (tx, id) => { await tx.query('insert into probe (id) values ($1)', [id]) },
 *     read: async (id) => (await pool.query('select from probe where id = $1', [id])).rowCount === 1
 *   }
 * })
 * for (const { name, run } of cases) test(name, run)
 * ```
 */
export function storeContract<Tx>(options: StoreContractOptions<Tx>): ContractCase[] {
  const { makeStore, closeStore, probe, oneWriter = false, patienceMs = 5000 } = options
  return CASES.map(([name, check]) => ({
    name,
    async run() {
      const store = await makeStore()
      // What a work calls is a part of the work; somebody else's change is not.
      const outside = AsyncLocalStorage.snapshot()
      try {
        await check({
          store,
          ownWrite: () => (probe === undefined ? NO_WRITE : ownWrite(probe)),
          beside: async (start) => {
            const change = outside(start)
            if (!oneWriter) await within(patienceMs, change)
            return { change }
          },
        })
      } finally {
        await closeStore?.(store)
      }
    },
  }))
}

interface Setting {
  store: Store
  /** A row of the user's own. */
  ownWrite: () => OwnWrite
  /** Starts, inside of a running work, a change that somebody else makes meanwhile, and waits for it where it need not wait for the work. */
  beside: <T>(start: () => Promise<T>) => Promise<{ change: Promise<T> }>
}

interface OwnWrite {
  write(tx: unknown): Promise<void>
  isCommitted(expected: boolean): Promise<void>
}

const NO_WRITE: OwnWrite = { async write() {}, async isCommitted() {} }

const CASES: [name: string, check: (setting: Setting) => Promise<void>][] = [
  [
    'insertOrder adds a row that findOrder and findLiveOrder give back',
    async ({ store }) => {
      const order = await add(store, { outTradeNo: 'order-1', key: 'cart-1' })
      same(await store.findOrder('order-1'), order)
      same(await store.findLiveOrder('cart-1'), order)
    },
  ],

  [
    'a row is added together with its history and its anomalies',
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
      same(await store.anomalies(), [found])
    },
  ],

  [
    'what does not exist is undefined, or empty',
    async ({ store }) => {
      await add(store, { key: 'closed', liveKey: null })
      assert.equal(await store.findOrder('nobody'), undefined)
      assert.equal(await store.findLiveOrder('nobody'), undefined)
      assert.equal(await store.findLiveOrder('closed'), undefined, 'an order whose liveKey is null is not live')
      assert.equal(await store.updateOrder('nobody', () => assert.fail('there is no row to decide about')), undefined)
      assert.deepEqual(await store.claimDue(ACCOUNT, at(0), 10, 1000, 'nobody'), [])
      assert.deepEqual(await store.history('nobody'), [])
      assert.deepEqual(await store.anomalies(), [])
      assert.equal(await store.findAnomaly('nobody'), undefined)
      same(await store.countDue(at(0), at(0)), { due: 0, stuck: 0 })
      assert.equal(await store.getSession('nobody'), undefined)
      await store.deleteSession('nobody')
    },
  ],

  [
    'insertOrder answers with the row of the same outTradeNo and writes nothing',
    async ({ store }) => {
      const first = await add(store, { outTradeNo: 'order-1', key: 'first' })
      const second = newOrder({ outTradeNo: 'order-1', key: 'second' })
      await isRefused(store, second, first)
      assert.equal(await store.findLiveOrder('second'), undefined)
    },
  ],

  [
    'insertOrder answers with the live row of the same key and writes nothing',
    async ({ store }) => {
      const first = await add(store, { outTradeNo: 'order-1', key: 'cart' })
      const second = newOrder({ outTradeNo: 'order-2', key: 'cart' })
      await isRefused(store, second, first)
      assert.equal(await store.findOrder('order-2'), undefined)
    },
  ],

  [
    'any number of orders of one key may exist while at most one is live',
    async ({ store }) => {
      await add(store, { key: 'cart', liveKey: null })
      await add(store, { key: 'cart', liveKey: null })
      const live = await add(store, { key: 'cart' })
      await add(store, { key: 'cart', liveKey: null })
      same(await store.findLiveOrder('cart'), live)
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
        same(await store.findLiveOrder(order.key), order)
      }
    },
  ],

  [
    'a row with every field, in any language and of any size, comes back exactly',
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
    'updateOrder gives decide the row as it stands and resolves with what it becomes',
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
      same(await store.findOrder(order.outTradeNo), refunded, 'refunds change with their order, and keep their places')

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
    'updateOrder leaves the row when decide says undefined',
    async ({ store }) => {
      const order = await add(store)
      same(await store.updateOrder(order.outTradeNo, () => undefined), { order, raised: [] })
      same(await store.findOrder(order.outTradeNo), order)
      assert.equal((await store.history(order.outTradeNo)).length, 1)
    },
  ],

  [
    'a decide that throws writes nothing, and its error passes through',
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
    'of 50 changes of one row at once none is lost',
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
    'a row is changed together with its history and its anomalies',
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
      same(await store.anomalies(), [found])
    },
  ],

  [
    'a change that is refused leaves no history and no anomaly behind',
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
      same(await store.findLiveOrder('cart'), holder)
      assert.equal((await store.history(order.outTradeNo)).length, 1)
      assert.deepEqual(await store.anomalies(), [])
    },
  ],

  [
    'a live key that was given up can be taken by another order',
    async ({ store }) => {
      const first = await add(store, { key: 'cart' })
      await store.updateOrder(first.outTradeNo, (current) => change({ ...current, state: 'closed', liveKey: null }))
      const second = await add(store, { key: 'cart' })
      same(await store.findLiveOrder('cart'), second)
    },
  ],

  [
    'a live key that nobody holds can be taken back',
    async ({ store }) => {
      const order = await add(store, { key: 'cart', liveKey: null })
      const late = { ...order, state: 'paid' as const, liveKey: 'cart' }
      await store.updateOrder(order.outTradeNo, () => change(late))
      same(await store.findLiveOrder('cart'), late)
    },
  ],

  [
    'a transaction that has paid one order is refused to any other, which stays as it was',
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
      same(await store.findLiveOrder(second.key), second)
      assert.equal((await store.history(second.outTradeNo)).length, 1)

      const third = newOrder({ payment })
      await assert.rejects(store.insertOrder({ ...change(third), anomalies }), refused)
      assert.equal(await store.findOrder(third.outTradeNo), undefined)
      assert.equal(await store.findLiveOrder(third.key), undefined)
      assert.deepEqual(await store.history(third.outTradeNo), [])
      assert.deepEqual(await store.anomalies(), [])
    },
  ],

  [
    'an order that is added with its payment has its transaction',
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
    'of 10 orders that record one transaction at once one gets it, and the others stay as they were',
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
    'transactions are compared exactly: case, accents and spaces count',
    async ({ store }) => {
      for (const transactionId of ['4200a', '4200A', '4200á', '4200a ', ' 4200a']) {
        const order = await add(store)
        const payment = { ...newPayment(order), transactionId }
        same((await store.updateOrder(order.outTradeNo, () => change({ ...order, payment })))?.order.payment, payment)
      }
    },
  ],

  [
    'an anomaly is raised once, however often and however close together it is found',
    async ({ store }) => {
      const { outTradeNo } = await add(store)
      const found = newAnomaly({ id: 'mismatch:1', outTradeNo })
      const raised = await Promise.all(
        times(10, async () => {
          const updated = await store.updateOrder(outTradeNo, (current) => ({
            order: current,
            history: [],
            anomalies: [found],
          }))
          return updated!.raised
        }),
      )
      same(raised.flat(), [found])
      same(await store.anomalies(), [found])
    },
  ],

  [
    'insertAnomaly says whether the finding is new, and anomalies come back exactly, the oldest first',
    async ({ store }) => {
      const found = TEXTS.map((text, n) =>
        newAnomaly({
          id: `unknown-order:${n}`,
          at: at(n),
          reason: text,
          payment: { ...newPayment(newOrder()), attach: text },
        }),
      )
      const bare = newAnomaly({ id: 'late:bare', kind: 'late', at: at(100) })
      for (const anomaly of [...found, bare]) assert.equal(await store.insertAnomaly(anomaly), true)
      assert.equal(await store.insertAnomaly(bare), false)
      same(await store.anomalies(), [...found, bare])
      for (const anomaly of found) same(await store.findAnomaly(anomaly.id), anomaly)

      const answers = await Promise.all(times(10, () => store.insertAnomaly(newAnomaly({ id: 'at-once' }))))
      assert.deepEqual(answers.filter(Boolean), [true])

      const order = await add(store)
      same(await store.updateOrder(order.outTradeNo, () => ({ ...change(order), anomalies: [bare] })), {
        order,
        raised: [],
      })
    },
  ],

  [
    'an anomaly is resolved once, and then kept but no longer listed',
    async ({ store }) => {
      const [first, second] = [newAnomaly({ id: 'late:1', at: at(1) }), newAnomaly({ id: 'late:2', at: at(2) })]
      for (const anomaly of [first, second]) await store.insertAnomaly(anomaly)
      const resolution: Resolution = { action: 'dismiss', note: TEXTS.join('\n'), at: at(3) }
      assert.equal(await store.resolveAnomaly('nobody', resolution), false)
      const answers = await Promise.all(
        times(10, (n) => store.resolveAnomaly(first.id, n === 0 ? resolution : { ...resolution, note: 'too late' })),
      )
      assert.deepEqual(answers.filter(Boolean), [true])
      same(await store.anomalies(), [second])
      same({ ...(await store.findAnomaly(first.id)), resolution: undefined }, first)

      assert.equal(await store.resolveAnomaly(second.id, resolution), true)
      same(await store.findAnomaly(second.id), { ...second, resolution })
      assert.equal(await store.insertAnomaly(second), false, 'a finding that was resolved is not new')
      same(await store.anomalies(), [])
    },
  ],

  [
    'history comes back exactly, in the order it was written, whatever its times',
    async ({ store }) => {
      const order = await add(store)
      const written = [line(order, 'added')]
      for (const [n, text] of TEXTS.entries()) {
        const lines = [line(order, text, at(-n)), line(order, `${text}!`, at(-n))]
        await store.updateOrder(order.outTradeNo, () => ({ order, history: lines, anomalies: [] }))
        written.push(...lines)
      }
      await store.updateOrder((await add(store)).outTradeNo, increment)
      same(await store.history(order.outTradeNo), written.map(once))
    },
  ],

  [
    'a line that says the same again is counted where it was said first, with the last time, however many others come between',
    async ({ store }) => {
      const [order, other] = [await add(store), await add(store)]
      const first = line(order, 'ping')
      const others: HistoryLine[] = [
        { ...first, source: 'query' },
        { ...first, seen: 'ping ' },
        { ...first, outcome: 'Ping' },
        { ...first, from: 'paid', to: 'paid' },
        { ...first, outTradeNo: other.outTradeNo },
      ]
      const rounds = 5
      for (let n = 0; n < rounds; n++) {
        for (const each of [first, ...others]) {
          const history = [{ ...each, at: at(n) }]
          await store.updateOrder(each.outTradeNo, (current) => ({ order: current, history, anomalies: [] }))
        }
      }
      const counted = (each: HistoryLine) => ({ ...each, count: rounds, lastAt: at(rounds - 1) })
      same(await store.history(order.outTradeNo), [
        once(line(order, 'added')),
        ...[first, ...others.slice(0, -1)].map(counted),
      ])
      same(await store.history(other.outTradeNo), [once(line(other, 'added')), counted(others.at(-1)!)])
    },
  ],

  [
    'of 20 lines at once that say the same one remains, which counts all of them',
    async ({ store }) => {
      const order = await add(store)
      await Promise.all(
        times(20, () => store.updateOrder(order.outTradeNo, (current) => change({ ...current }, 'ping'))),
      )
      same(await store.history(order.outTradeNo), [
        once(line(order, 'added')),
        { ...line(order, 'ping'), count: 20, lastAt: at(0) },
      ])
    },
  ],

  [
    'a line that a fulfil says again is counted too',
    async ({ store }) => {
      const claim = await claimed(store)
      const { outTradeNo } = claim.order
      for (let n = 0; n < 2; n++) {
        await store.fulfil(
          claim,
          async () => {},
          (current) => ({
            order: current,
            history: [{ ...line(current, 'ping'), from: current.state }],
            anomalies: [],
          }),
        )
      }
      same(
        (await store.history(outTradeNo)).map(({ seen, count }) => [seen, count]),
        [
          ['added', 1],
          ['ping', 2],
        ],
      )
    },
  ],

  [
    'claimDue takes what is due, the longest due first, up to its limit',
    async ({ store }) => {
      for (const ms of [300, 100, 200, -100, 301]) await add(store, { outTradeNo: `due-${ms}`, dueAt: at(ms) })
      await add(store, { dueAt: null })
      const claim = async (limit: number) =>
        (await store.claimDue(ACCOUNT, at(300), limit, 60_000)).map(({ order }) => order.outTradeNo)
      same(await claim(2), ['due--100', 'due-100'])
      same(
        await claim(100),
        ['due-200', 'due-300'],
        'what is due now is due, what is due a millisecond later or never is not',
      )
    },
  ],

  [
    'a claim moves dueAt to the end of the lease and counts',
    async ({ store }) => {
      const order = await add(store, { dueAt: at(0) })
      for (const n of [1, 2, 3]) {
        const claimed = { ...order, dueAt: at(n * 60_000), claims: n }
        same(await store.claimDue(ACCOUNT, at((n - 1) * 60_000), 10, 60_000), [{ order: claimed, claims: n }])
        same(await store.findOrder(order.outTradeNo), claimed)
        assert.deepEqual(
          await store.claimDue(ACCOUNT, at(n * 60_000 - 1), 10, 60_000),
          [],
          'the lease has not ended yet',
        )
      }
    },
  ],

  [
    'claimDue by number takes that row alone, and only if it is due',
    async ({ store }) => {
      const [one, two] = [await add(store, { dueAt: at(0) }), await add(store, { dueAt: at(5) })]
      assert.deepEqual(await store.claimDue(ACCOUNT, at(4), 10, 1000, two.outTradeNo), [])
      same(
        (await store.claimDue(ACCOUNT, at(5), 10, 1000, two.outTradeNo)).map(({ order }) => order.outTradeNo),
        [two.outTradeNo],
      )
      same(
        (await store.claimDue(ACCOUNT, at(5), 10, 1000)).map(({ order }) => order.outTradeNo),
        [one.outTradeNo],
      )
    },
  ],

  [
    'claimDue takes the rows of its account alone, also by number',
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
        assert.deepEqual(await store.claimDue(ACCOUNT, at(0), 1, 1000, outTradeNo), [])
      }
      const numbers = (claims: Claim[]) => claims.map(({ order }) => order.outTradeNo)
      same(numbers(await store.claimDue(ACCOUNT, at(0), 1, 60_000)), [ours.outTradeNo])
      same(numbers(await store.claimDue(ACCOUNT, at(0), 10, 60_000)), [])
      for (const [n, account] of others.entries()) {
        same(await store.findOrder(theirs[n]!.outTradeNo), theirs[n], 'which is left as it was')
        same(numbers(await store.claimDue(account, at(0), 10, 60_000)), [theirs[n]!.outTradeNo])
      }
    },
  ],

  [
    'a claim by number counts as any other: whoever held the row before has lost it',
    async ({ store }) => {
      const order = await add(store, { state: 'paid', fulfilment: 'due', dueAt: at(0) })
      const claims: Claim[] = []
      for (const n of [1, 2]) {
        const [claim] = await store.claimDue(ACCOUNT, at((n - 1) * 60_000), 1, 60_000, order.outTradeNo)
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
    'whatever hands out a row hands out the whole of it, with its payment and its refunds',
    async ({ store }) => {
      const orders: Order[] = []
      for (const [n, text] of ['红茶', '绿茶'].entries()) {
        orders.push(await add(store, { ...full(newOrder(), text), dueAt: at(n) }))
      }
      for (const order of orders) {
        const { outTradeNo, key } = order
        same(await store.findOrder(outTradeNo), order, 'findOrder')
        same(await store.findLiveOrder(key), order, 'findLiveOrder')
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
      same((await store.claimDue(ACCOUNT, at(1), 10, 59_999)).map(before), orders, 'claimDue')
      for (const [n, { outTradeNo }] of orders.entries()) {
        const [claim] = await store.claimDue(ACCOUNT, at(60_000), 1, 60_000, outTradeNo)
        same(before(claim!, n), orders[n], 'claimDue by number')
        assert.equal(await store.fulfil(claim!, async () => {}, isGiven(claim!.order)), 'done')
      }
    },
  ],

  [
    'of many claimers at once no two get the same row',
    async ({ store }) => {
      const orders: Order[] = []
      for (let n = 0; n < 20; n++) orders.push(await add(store, { dueAt: at(n) }))
      const claims = (await Promise.all(times(10, () => store.claimDue(ACCOUNT, at(1000), 4, 60_000)))).flat()
      claims.push(...(await store.claimDue(ACCOUNT, at(1000), 100, 60_000)))
      same(claims.map(({ order }) => order.outTradeNo).sort(), orders.map(({ outTradeNo }) => outTradeNo).sort())
      const byNumber = (
        await Promise.all(times(10, () => store.claimDue(ACCOUNT, at(100_000), 1, 60_000, orders[0]!.outTradeNo)))
      ).flat()
      assert.equal(byNumber.length, 1)
    },
  ],

  [
    'a claim by number waits for the changes of its row that are under way',
    async ({ store }) => {
      for (let round = 0; round < 5; round++) {
        const { outTradeNo } = await add(store, { dueAt: at(0) })
        const changes = times(10, () => store.updateOrder(outTradeNo, increment))
        const claims = await store.claimDue(ACCOUNT, at(0), 1, 60_000, outTradeNo)
        await Promise.all(changes)
        assert.equal(claims.length, 1, 'nobody else asks for the row again')
      }
    },
  ],

  [
    'claims and changes of one row at once lose nothing of each other',
    async ({ store }) => {
      const { outTradeNo } = await add(store, { dueAt: at(0) })
      const claims: Claim[] = []
      await Promise.all(
        times(10, async (n) => {
          await store.updateOrder(outTradeNo, increment)
          claims.push(...(await store.claimDue(ACCOUNT, at(n * 60_000), 1, 1)))
          await store.updateOrder(outTradeNo, increment)
        }),
      )
      const order = await store.findOrder(outTradeNo)
      same([order?.attempts, order?.claims], [20, claims.length])
    },
  ],

  [
    'bringForward makes due what a clock that was ahead has put off, and leaves leases and expiries alone',
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
      ]
      assert.equal(await store.bringForward(at(1000), at(5)), astray.length)
      for (const order of astray) same(await store.findOrder(order.outTradeNo), { ...order, dueAt: at(5) })
      for (const order of others) same(await store.findOrder(order.outTradeNo), order)
      assert.equal(await store.bringForward(at(1000), at(5)), 0)
    },
  ],

  [
    'countDue counts what is due, and how much of it has waited too long',
    async ({ store }) => {
      for (const ms of [-300, -200, -100, 0, 1]) await add(store, { dueAt: at(ms) })
      await add(store, { dueAt: null })
      same(await store.countDue(at(0), at(-200)), { due: 4, stuck: 1 })
      same(await store.countDue(at(1), at(-99)), { due: 5, stuck: 3 })
      await store.claimDue(ACCOUNT, at(0), 100, 60_000)
      same(await store.countDue(at(1), at(0)), { due: 1, stuck: 0 })
    },
  ],

  [
    'fulfil runs the work, then decide on the row, and commits both',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      const ran: string[] = []
      const outcome = await store.fulfil(
        claim,
        async (tx) => {
          await own.write(tx)
          ran.push('work')
        },
        (current) => {
          ran.push('decide')
          return done(current)
        },
      )
      assert.equal(outcome, 'done')
      assert.equal(ran[0], 'work')
      await own.isCommitted(true)
      same(await store.findOrder(claim.order.outTradeNo), { ...claim.order, fulfilment: 'done', dueAt: null })
      same(
        (await store.history(claim.order.outTradeNo)).map(({ seen }) => seen),
        ['added', 'done'],
      )
    },
  ],

  [
    'a fulfil whose decide leaves the row commits the work',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      assert.equal(await store.fulfil(claim, own.write, () => undefined), 'done')
      await own.isCommitted(true)
      same(await store.findOrder(claim.order.outTradeNo), claim.order)
    },
  ],

  [
    'a fulfil decides on the row as it stands, not as it was claimed',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const { outTradeNo } = claim.order
      const changed: Order = {
        ...claim.order,
        payment: newPayment(claim.order),
        refunds: [bareRefund(claim.order)],
        attempts: 1,
      }
      await store.updateOrder(outTradeNo, () => change(changed))
      const own = ownWrite()
      assert.equal(await store.fulfil(claim, own.write, done), 'done')
      await own.isCommitted(true)
      same(await store.findOrder(outTradeNo), { ...changed, fulfilment: 'done', dueAt: null })
    },
  ],

  [
    'a fulfil commits the anomalies of its decide, known ones once, and a lost one none',
    async ({ store }) => {
      const early = await claimed(store)
      const [late] = await store.claimDue(ACCOUNT, early.order.dueAt!, 1, 60_000)
      const [known, found] = [newAnomaly({ id: 'late:1', at: at(1) }), newAnomaly({ id: 'late:2', at: at(2) })]
      await store.insertAnomaly(known)
      const finding: Decide = (current) => ({ ...done(current)!, anomalies: [known, found] })
      assert.equal(await store.fulfil(early, async () => {}, finding), 'lost')
      same(await store.anomalies(), [known])
      assert.equal(await store.fulfil(late!, async () => {}, finding), 'done')
      same(await store.anomalies(), [known, found])
    },
  ],

  [
    'a work that throws rolls back and leaves the order due',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      const error = new Error('work')
      await assert.rejects(
        store.fulfil(
          claim,
          async (tx) => {
            await own.write(tx)
            throw error
          },
          done,
        ),
        (thrown) => thrown === error,
      )
      await own.isCommitted(false)
      same(await store.findOrder(claim.order.outTradeNo), claim.order)
      assert.equal((await store.claimDue(ACCOUNT, claim.order.dueAt!, 1, 1000)).length, 1)
    },
  ],

  [
    'what a work forgets to wait for, and writes after it has failed, is not kept',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      let through: unknown
      await assert.rejects(
        store.fulfil(
          claim,
          async (tx) => {
            through = tx
            throw new Error('work')
          },
          done,
        ),
      )
      await Promise.allSettled([own.write(through)])
      await own.isCommitted(false)
    },
  ],

  [
    'a decide that throws rolls the work back',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      const error = new Error('decide')
      await assert.rejects(
        store.fulfil(claim, own.write, () => {
          throw error
        }),
        (thrown) => thrown === error,
      )
      await own.isCommitted(false)
      same(await store.findOrder(claim.order.outTradeNo), claim.order)
    },
  ],

  [
    'a claim that was overtaken before the work is lost, and the work rolls back',
    async ({ store, ownWrite }) => {
      const early = await claimed(store)
      const [late] = await store.claimDue(ACCOUNT, early.order.dueAt!, 1, 60_000)
      const own = ownWrite()
      assert.equal(await store.fulfil(early, own.write, done), 'lost')
      await own.isCommitted(false)
      same(await store.findOrder(early.order.outTradeNo), late!.order)
      assert.equal(await store.fulfil(late!, async () => {}, done), 'done')
    },
  ],

  [
    'of a work and a claim that overtakes it while it runs only one succeeds',
    async ({ store, ownWrite, beside }) => {
      const early = await claimed(store)
      const own = ownWrite()
      let overtaking: { change: Promise<Claim[]> } | undefined
      const outcome = await store.fulfil(
        early,
        async (tx) => {
          await own.write(tx)
          overtaking = await beside(() => store.claimDue(ACCOUNT, early.order.dueAt!, 1, 60_000))
        },
        done,
      )
      const [late] = await overtaking!.change
      assert.equal(outcome, late === undefined ? 'done' : 'lost')
      await own.isCommitted(outcome === 'done')
      same((await store.findOrder(early.order.outTradeNo))?.fulfilment, outcome === 'done' ? 'done' : 'due')
    },
  ],

  [
    'a lease that ended while nobody else claimed the row still holds',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      await store.updateOrder(claim.order.outTradeNo, (current) => change({ ...current, dueAt: at(-1) }))
      const own = ownWrite()
      assert.equal(await store.fulfil(claim, own.write, done), 'done')
      await own.isCommitted(true)
    },
  ],

  [
    'a change of the row while the work runs is neither held up nor lost',
    async ({ store, beside }) => {
      const claim = await claimed(store)
      const { outTradeNo } = claim.order
      let changing: { change: Promise<unknown> } | undefined
      assert.equal(
        await store.fulfil(
          claim,
          async () => {
            changing = await beside(() =>
              store.updateOrder(outTradeNo, (current) =>
                change({ ...current, attempts: 1, refunds: [bareRefund(current)] }),
              ),
            )
          },
          done,
        ),
        'done',
      )
      await changing?.change
      same(await store.findOrder(outTradeNo), {
        ...claim.order,
        fulfilment: 'done',
        dueAt: null,
        attempts: 1,
        refunds: [bareRefund(claim.order)],
      })
      same((await store.history(outTradeNo)).length, 3)
    },
  ],

  [
    'sessions are kept, replaced and deleted by the hash of their token',
    async ({ store }) => {
      const session: TokenSession = {
        tokenHash: 'a'.repeat(64),
        appid: 'wx0000000000000001',
        openid: 'o-contract',
        unionid: 'u-contract',
        expiresAt: at(1),
      }
      const other: TokenSession = { ...session, tokenHash: 'b'.repeat(64), unionid: undefined }
      await store.putSession(session)
      await store.putSession(other)
      same(await store.getSession(session.tokenHash), session)
      same(await store.getSession(other.tokenHash), other)

      const renewed = { ...session, openid: 'o-2', unionid: undefined, expiresAt: at(2) }
      await store.putSession(renewed)
      same(await store.getSession(session.tokenHash), renewed)

      await store.deleteSession(session.tokenHash)
      assert.equal(await store.getSession(session.tokenHash), undefined)
      same(await store.getSession(other.tokenHash), other)
    },
  ],
]

/** What databases, drivers and query builders get wrong when left to their defaults. */
const TEXTS = [
  '红茶 250g，两盒——“特价”',
  '😀👩‍👩‍👧‍👦🇨🇳',
  'it\'s 100% \\ "quoted" `ticked` $1 ? :name @p1 {} -- /* */ ; \\n',
  ' spaces around ',
  '',
  'null',
  '0',
]

/** Whose orders these are. */
const ACCOUNT: Account = { appid: 'wx0000000000000001', mchId: '1900000001' }

const START = Date.parse('2026-02-28T15:59:59.999Z')

function at(ms: number): Date {
  return new Date(START + ms)
}

/** Counts orders, so that each has a number of its own. */
let made = 0

function newOrder(part: Partial<Order> = {}): Order {
  const outTradeNo = `contract-${++made}`
  return {
    outTradeNo,
    key: outTradeNo,
    liveKey: part.key ?? outTradeNo,
    ...ACCOUNT,
    openid: 'o-contract',
    description: 'Tea',
    totalFee: 1250,
    currency: 'CNY',
    clientIp: '203.0.113.7',
    state: 'created',
    createdAt: at(0),
    expiresAt: at(7_200_000),
    refunds: [],
    fulfilment: 'none',
    attempts: 0,
    dueAt: null,
    claims: 0,
    ...part,
  }
}

/** The order with every field in use. */
function full(order: Order, text: string): Order {
  return {
    ...order,
    description: text,
    attach: text,
    totalFee: Number.MAX_SAFE_INTEGER,
    clientIp: '2001:db8:ffff:ffff:ffff:ffff:255.255.255.255',
    expiresAt: new Date('2040-01-01T00:00:00.001Z'),
    state: 'paid',
    prepayId: 'wx282359599990000000000000000000'.padEnd(64, 'x'),
    prepayExpiresAt: at(1),
    queriedAt: at(2),
    payment: { ...newPayment(order), totalFee: Number.MAX_SAFE_INTEGER, attach: text, bankType: 'ICBC_DEBIT' },
    refunds: [fullRefund(order, text), bareRefund(order)],
    fulfilment: 'held',
    attempts: 2,
    dueAt: at(-1),
  }
}

function fullRefund({ outTradeNo }: Order, text: string): Refund {
  return {
    ...bareRefund({ outTradeNo }),
    outRefundNo: `${outTradeNo}-2`,
    key: `key ${text}`,
    refundFee: Number.MAX_SAFE_INTEGER - 1,
    reason: text,
    origin: 'external',
    state: 'success',
    refundId: `5030${outTradeNo}`,
    succeededAt: at(4),
    attempts: 3,
    dueAt: at(5),
    fulfilment: 'done',
  }
}

function bareRefund({ outTradeNo }: Pick<Order, 'outTradeNo'>): Refund {
  return {
    outRefundNo: `${outTradeNo}-1`,
    key: 'refund',
    refundFee: 1,
    origin: 'local',
    state: 'created',
    createdAt: at(0),
    attempts: 0,
    dueAt: null,
    fulfilment: 'none',
  }
}

function newPayment({ outTradeNo, appid, mchId, openid, totalFee, currency }: Order): Payment {
  return { transactionId: `4200${outTradeNo}`, outTradeNo, appid, mchId, openid, totalFee, currency, paidAt: at(0) }
}

function newAnomaly(part: Partial<Anomaly>): Anomaly {
  return {
    id: 'mismatch:0',
    kind: 'mismatch',
    outTradeNo: 'contract-0',
    at: at(0),
    reason: 'totalFee is 1, the order is over 1250',
    ...part,
  }
}

function line({ outTradeNo, state }: Order, seen: string, when = at(0)): HistoryLine {
  return { outTradeNo, at: when, source: 'notify', seen, outcome: seen, from: 'created', to: state }
}

/** A line as it is kept that was said once. */
function once(said: HistoryLine): HistoryEntry {
  return { ...said, count: 1, lastAt: said.at }
}

function change(order: Order, seen = 'changed'): Change {
  return { order, history: [line(order, seen)], anomalies: [] }
}

function increment(current: Order): Change {
  const attempts = current.attempts + 1
  return change({ ...current, attempts }, `attempt ${attempts}`)
}

const done: Decide = (current) => change({ ...current, fulfilment: 'done', dueAt: null }, 'done')

/** Leaves the row, and fails when it is not this one. */
function isGiven(order: Order): Decide {
  return (current) => {
    same(current, order)
    return undefined
  }
}

async function add(store: Store, part?: Partial<Order>): Promise<Order> {
  const order = newOrder(part)
  same(await store.insertOrder(change(order, 'added')), { inserted: true })
  return order
}

/** A paid order that somebody has just claimed. */
async function claimed(store: Store): Promise<Claim> {
  await add(store, { state: 'paid', fulfilment: 'due', dueAt: at(0) })
  const [claim] = await store.claimDue(ACCOUNT, at(0), 1, 60_000)
  assert.ok(claim, 'a row that is due can be claimed')
  return claim
}

async function isRefused(store: Store, order: Order, existing: Order): Promise<void> {
  same(await store.insertOrder({ ...change(order), anomalies: [newAnomaly({ id: 'never' })] }), {
    inserted: false,
    existing,
  })
  same(await store.findOrder(existing.outTradeNo), existing)
  assert.equal((await store.history(existing.outTradeNo)).length, 1)
  assert.deepEqual(await store.anomalies(), [])
}

async function oneWins(store: Store, orders: Order[]): Promise<void> {
  const results = await Promise.all(orders.map((order) => store.insertOrder(change(order))))
  const winners = orders.filter((_, n) => results[n]!.inserted)
  assert.equal(winners.length, 1, `${winners.length} of ${orders.length} inserts won`)
  for (const result of results) if (!result.inserted) same(result.existing, winners[0])
  same(await store.findLiveOrder(winners[0]!.key), winners[0])
  assert.equal((await store.history(winners[0]!.outTradeNo)).length, 1)
}

function ownWrite(probe: Probe<unknown>): OwnWrite {
  const id = randomUUID()
  return {
    write: async (tx) => {
      await probe.write(tx, id)
    },
    isCommitted: async (expected) => {
      assert.equal(
        await probe.read(id),
        expected,
        `the work's own write must be ${expected ? 'committed' : 'rolled back'}`,
      )
    },
  }
}

/** Deep equality in which an absent field and one that is `undefined` are the same. */
function same(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(defined(actual), defined(expected), message)
}

function defined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(defined)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [name, defined(part)]),
  )
}

function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n))
}

async function within(ms: number, change: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new assert.AssertionError({
          message: `No row may be locked while onPaid runs: a change beside it had to wait for more than ${ms} ms.`,
        }),
      )
    }, ms)
  })
  try {
    await Promise.race([change, late])
  } finally {
    clearTimeout(timer)
  }
}
