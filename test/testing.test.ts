import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { memoryStore } from '../src/store/memory.ts'
import { transactionTaken } from '../src/store/store.ts'
import type { Archived, Change, Claim, Decide, Plan, Store } from '../src/store/store.ts'
import type { Order } from '../src/model.ts'
import { storeContract } from '../src/testing.ts'
import type { Probe, StoreContractOptions } from '../src/testing.ts'

/** Writes made through it take effect together with the order's change. */
type Tx = string[]
type TxStore = Store<Tx>

/** A memory store with transactions, and a table for the user's writes. */
function transactional(): { makeStore: () => TxStore; probe: Probe<Tx>; committed: Set<string> } {
  const committed = new Set<string>()
  return {
    committed,
    probe: {
      async write(tx, id) {
        tx.push(id)
      },
      async read(id) {
        return committed.has(id)
      },
    },
    makeStore() {
      const memory = memoryStore()
      /** Orders as open transactions have changed them. */
      const changed = new WeakMap<Tx, Map<string, Order>>()
      return {
        ...memory,
        async updateOrder(outTradeNo, decide, tx) {
          if (tx === undefined) {
            const own: Tx = []
            const updated = await memory.updateOrder(outTradeNo, (order) => {
              const change = decide(order)
              return change?.also ? { ...change, also: async () => await change.also!(own) } : change
            })
            for (const id of own) committed.add(id)
            return updated
          }
          const changes = changed.get(tx)!
          const order = changes.get(outTradeNo) ?? (await memory.findOrder(outTradeNo))
          const change = order && decide(order)
          if (change !== undefined) changes.set(outTradeNo, change.order)
          return order && { order: change?.order ?? order, raised: [] }
        },
        async fulfil(claim, work, decide) {
          const tx: Tx = []
          const changes = new Map<string, Order>()
          changed.set(tx, changes)
          const outcome = await memory.fulfil(
            claim,
            async () => {
              await work(tx)
              for (const [number, order] of changes) {
                await memory.updateOrder(number, () => ({ order, history: [], anomalies: [] }))
              }
            },
            decide,
          )
          if (outcome === 'done') for (const id of tx) committed.add(id)
          return outcome
        },
        archive: ({ before, to }) =>
          memory.archive({
            before,
            async to(orders) {
              const tx: Tx = []
              await to?.(orders, tx)
              for (const id of tx) committed.add(id)
            },
          }),
      }
    },
  }
}

/** One transaction at a time, including the user's work, as with SQLite. */
function oneAtATime(store: TxStore): TxStore {
  let last: Promise<unknown> = Promise.resolve()
  const queued =
    <Args extends unknown[], Result>(verb: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      const turn = last.then(async () => await verb(...args))
      last = turn.catch(() => {})
      return await turn
    }
  const updateInTurn = queued(store.updateOrder)
  return {
    ...store,
    updateOrder: async (outTradeNo, decide, tx) =>
      tx === undefined ? await updateInTurn(outTradeNo, decide) : await store.updateOrder(outTradeNo, decide, tx),
    claimDue: queued(store.claimDue),
    fulfil: queued(store.fulfil),
  }
}

async function failures(options: StoreContractOptions<Tx>): Promise<string[]> {
  const failed: string[] = []
  for (const { name, run } of storeContract(options)) {
    await run().catch(() => {
      failed.push(name)
    })
  }
  return failed
}

t.test('a store with transactions passes', async (t) => {
  t.same(await failures(transactional()), [])
})

t.test(
  'a store that locks the row while the work runs passes only if it declares that one transaction writes at a time',
  async (t) => {
    const { makeStore, probe } = transactional()
    const options = { makeStore: () => oneAtATime(makeStore()), probe, patienceMs: 20 }
    t.same(await failures({ ...options, oneWriter: true }), [])
    t.same(await failures(options), [
      'of a running work and a claim that overtakes it, only one succeeds',
      'a change of the row while the work runs is neither blocked nor lost',
    ])
  },
)

t.test('each case gets its own store, which is closed afterwards, whether or not it failed', async (t) => {
  const open = new Set<Store>()
  let made = 0
  const cases = storeContract({
    makeStore: async () => {
      made++
      const store = {
        ...memoryStore(),
        async refundedBetween() {
          throw new Error('refundedBetween')
        },
      }
      open.add(store)
      return store
    },
    closeStore: async (store) => {
      open.delete(store)
    },
  })
  const results = await Promise.allSettled(cases.map(({ run }) => run()))
  t.same(results.filter(({ status }) => status === 'rejected').length, 1)
  t.equal(made, cases.length)
  t.equal(open.size, 0)
})

/** A store with one fault: what it does differently from `store`. */
type Fault = (store: TxStore, committed: Set<string>) => Partial<TxStore>

const FORWARD =
  'bringForward makes due what a fast clock has put too far into the future, and leaves leases and expiries alone'

const PLAN = 'a plan says in the same change what becomes of the orders that it knows; the others get their lease'
const TAKE_OVER = 'takeOver makes due what a dead process had claimed, and leaves everything else alone'
const BEAT = 'beat returns the latest beat of every process that has not been taken over'

/** Each fault, with a promise that it breaks. */
const FAULTS: [fault: string, broken: string, Fault][] = [
  [
    'forgets what it stores',
    'insertOrder adds a row that findOrder and findLiveOrder return',
    () => ({
      findOrder: async () => undefined,
    }),
  ],
  [
    'has no row-not-found: the live order of a key is its last order',
    'missing rows are undefined, and missing lists are empty',
    (store) => {
      const last = new Map<string, string>()
      return {
        insertOrder: async (change) => {
          last.set(change.order.key, change.order.outTradeNo)
          return await store.insertOrder(change)
        },
        findLiveOrder: async (key) => await store.findOrder(last.get(key) ?? ''),
      }
    },
  ],
  [
    'adds a row without its anomalies',
    'a row is added together with its history and anomalies',
    (store) => ({
      insertOrder: async (change) => await store.insertOrder({ ...change, anomalies: [] }),
    }),
  ],
  [
    'overwrites on a repeated outTradeNo',
    'insertOrder returns the row of the same outTradeNo and writes nothing',
    (store) => ({
      insertOrder: async (change) =>
        (await store.updateOrder(change.order.outTradeNo, () => change)) === undefined
          ? await store.insertOrder(change)
          : { inserted: true },
    }),
  ],
  [
    'ignores a refused insert',
    'insertOrder returns the live row of the same key and writes nothing',
    (store) => ({
      insertOrder: async (change) => {
        await store.insertOrder(change)
        return { inserted: true }
      },
    }),
  ],
  [
    'writes the history of a refused insert',
    'insertOrder returns the row of the same outTradeNo and writes nothing',
    (store) => ({
      insertOrder: async (change) => {
        const result = await store.insertOrder(change)
        if (!result.inserted) await store.updateOrder(result.existing.outTradeNo, (order) => ({ ...change, order }))
        return result
      },
    }),
  ],
  [
    'allows only one order per key, forever',
    'any number of orders of one key may exist if at most one is live',
    (store) => {
      const first = new Map<string, Order>()
      return {
        insertOrder: async (change) => {
          const existing = first.get(change.order.key)
          if (existing !== undefined) return { inserted: false, existing }
          first.set(change.order.key, change.order)
          return await store.insertOrder(change)
        },
      }
    },
  ],
  [
    'looks for the key first and inserts later',
    'of 20 inserts of one key at once one wins, and the others get its row',
    (store) => ({
      insertOrder: async (change) => {
        const existing =
          (await store.findOrder(change.order.outTradeNo)) ??
          (await store.findLiveOrder(change.order.key, change.order.mchId))
        await tick()
        if (existing !== undefined) return { inserted: false, existing }
        await store.insertOrder(change)
        return { inserted: true }
      },
    }),
  ],
  [
    'looks for the number first and replaces later',
    'of 20 inserts of one outTradeNo at once one wins, and the others get its row',
    (store) => ({
      insertOrder: async (change) => {
        const existing = await store.findOrder(change.order.outTradeNo)
        await tick()
        if (existing !== undefined) return { inserted: false, existing }
        await store.updateOrder(change.order.outTradeNo, () => change)
        return (await store.findOrder(change.order.outTradeNo)) === undefined
          ? await store.insertOrder(change)
          : { inserted: true }
      },
    }),
  ],
  [
    'compares keys without case, as a common collation does',
    'outTradeNo and key are compared exactly: case, accents and spaces count',
    (store) => folding(store, (text) => text.toLowerCase()),
  ],
  [
    'compares keys without trailing spaces',
    'outTradeNo and key are compared exactly: case, accents and spaces count',
    (store) => folding(store, (text) => text.trimEnd()),
  ],
  [
    'keeps moments to the second',
    'a row with every field, in any language and of any size, is read back exactly',
    (store) =>
      reading(store, (value) => (value instanceof Date ? new Date(Math.floor(value.getTime() / 1000) * 1000) : value)),
  ],
  [
    'keeps three bytes of a character',
    'a row with every field, in any language and of any size, is read back exactly',
    (store) =>
      reading(store, (value) => (typeof value === 'string' ? value.replace(/\p{Emoji_Presentation}/gu, '?') : value)),
  ],
  [
    'returns large numbers as strings',
    'a row with every field, in any language and of any size, is read back exactly',
    (store) => reading(store, (value) => (typeof value === 'number' && value > 2 ** 31 ? String(value) : value)),
  ],
  [
    'returns null for absent fields',
    'fields that are absent stay absent, and null stays null',
    (store) => reading(store, (value) => value ?? null),
  ],
  [
    'returns undefined for null',
    'fields that are absent stay absent, and null stays null',
    (store) => reading(store, (value) => value ?? undefined),
  ],
  [
    'returns the old row',
    'updateOrder passes the current row to decide and resolves with the new one',
    (store) => ({
      updateOrder: async (outTradeNo, decide) => {
        const order = await store.findOrder(outTradeNo)
        const updated = await store.updateOrder(outTradeNo, decide)
        return updated && { ...updated, order: order! }
      },
    }),
  ],
  [
    'changes every row',
    'updateOrder changes no other row',
    (store) => {
      const numbers: string[] = []
      return {
        insertOrder: async (change) => {
          numbers.push(change.order.outTradeNo)
          return await store.insertOrder(change)
        },
        updateOrder: async (outTradeNo, decide) => {
          const updated = await store.updateOrder(outTradeNo, decide)
          for (const number of numbers) {
            await store.updateOrder(number, (order) => ({
              order: { ...order, state: updated!.order.state },
              history: [],
              anomalies: [],
            }))
          }
          return updated
        },
      }
    },
  ],
  [
    'touches a row that should stay unchanged',
    'updateOrder leaves the row unchanged if decide returns undefined',
    (store) => ({
      updateOrder: async (outTradeNo, decide) =>
        await store.updateOrder(
          outTradeNo,
          (order) => decide(order) ?? { order: { ...order, dueAt: null, attempts: 9 }, history: [], anomalies: [] },
        ),
    }),
  ],
  [
    'swallows what decide throws',
    'a decide that throws writes nothing, and its error is passed on',
    (store) => ({
      updateOrder: async (outTradeNo, decide) => await store.updateOrder(outTradeNo, decide).catch(() => undefined),
    }),
  ],
  [
    'reads, then writes, without a lock',
    'none of 50 simultaneous changes of one row is lost',
    (store) => ({
      updateOrder: async (outTradeNo, decide) => {
        const order = await store.findOrder(outTradeNo)
        if (order === undefined) return undefined
        const change = decide(order)
        await tick()
        return await store.updateOrder(outTradeNo, () => change)
      },
    }),
  ],
  [
    'reads, then writes, without a lock',
    "simultaneous claims and changes of one row do not lose each other's effects",
    (store) => ({
      updateOrder: async (outTradeNo, decide) => {
        const order = await store.findOrder(outTradeNo)
        await tick()
        return await store.updateOrder(outTradeNo, (current) => decide({ ...current, claims: order!.claims }))
      },
    }),
  ],
  [
    'drops anomalies',
    'a row is changed together with its history and anomalies',
    (store) => ({
      updateOrder: async (outTradeNo, decide) =>
        await store.updateOrder(outTradeNo, (order) => {
          const change = decide(order)
          return change && { ...change, anomalies: [] }
        }),
    }),
  ],
  [
    'writes the history of a refused change',
    'a refused change writes no history and no anomaly',
    (store) => ({
      updateOrder: async (outTradeNo, decide) =>
        await store.updateOrder(outTradeNo, decide).catch(async (error: unknown) => {
          await store.updateOrder(outTradeNo, (order) => ({ ...decide(order)!, order }))
          throw error
        }),
    }),
  ],
  [
    'never releases a live key',
    'a released live key can be taken by another order',
    (store) => {
      const taken = new Map<string, Order>()
      return {
        insertOrder: async (change) => {
          const existing = taken.get(change.order.liveKey ?? '')
          if (existing !== undefined) return { inserted: false, existing }
          if (change.order.liveKey !== null) taken.set(change.order.liveKey, change.order)
          return await store.insertOrder(change)
        },
      }
    },
  ],
  [
    'finds an order by the live key it was inserted with',
    'a live key that no order has can be taken back',
    (store) => {
      const inserted = new Set<string | null>()
      return {
        insertOrder: async (change) => {
          inserted.add(change.order.liveKey)
          return await store.insertOrder(change)
        },
        findLiveOrder: async (key, mchId) => (inserted.has(key) ? await store.findLiveOrder(key, mchId) : undefined),
      }
    },
  ],
  [
    'lets orders share a transaction',
    'a transaction that paid one order is refused for any other, which stays unchanged',
    sharing,
  ],
  [
    'does not record the transaction of an added order',
    'an order added with a payment owns its transaction',
    (store) => ({
      insertOrder: async (change) =>
        await store.insertOrder({ ...change, order: { ...change.order, payment: undefined } }),
    }),
  ],
  [
    'records a transaction once, even for the same order',
    'an order may record its own transaction again',
    (store) => claiming(store, (id) => id),
  ],
  [
    'looks for the transaction first and records it later',
    'of 10 orders that record one transaction at once one gets it, and the others stay unchanged',
    (store) => {
      const { updateOrder, ...rest } = sharing(store)
      const claimed = new Map<string, string>()
      return {
        ...rest,
        updateOrder: async (outTradeNo, decide) => {
          const payment = decide((await rest.findOrder!(outTradeNo))!)?.order.payment
          if (payment !== undefined) {
            const holder = claimed.get(payment.transactionId)
            if (holder !== undefined) throw transactionTaken(payment.transactionId, holder)
            await tick()
            claimed.set(payment.transactionId, outTradeNo)
          }
          return await updateOrder!(outTradeNo, decide)
        },
      }
    },
  ],
  [
    "lets a merchant's transaction block another merchant's payment",
    'a transaction belongs to its merchant: an order of another merchant may record the same one',
    (store) => {
      const holders = new Map<string, string>()
      return {
        updateOrder: (outTradeNo, decide) =>
          store.updateOrder(outTradeNo, (order) => {
            const change = decide(order)
            const { transactionId = '' } = change!.order.payment!
            const holder = holders.get(transactionId) ?? outTradeNo
            if (holder !== outTradeNo) throw transactionTaken(transactionId, holder)
            holders.set(transactionId, outTradeNo)
            return change
          }),
      }
    },
  ],
  [
    'compares transactions without case',
    'transactions are compared exactly: case, accents and spaces count',
    (store) => claiming(store, (id) => id.toLowerCase()),
  ],
  [
    'raises an anomaly each time',
    'an anomaly is raised once, however often and however close together it is found',
    (store) => ({
      updateOrder: async (outTradeNo, decide) => {
        let anomalies
        const updated = await store.updateOrder(outTradeNo, (order) => {
          const change = decide(order)
          anomalies = change?.anomalies
          return change
        })
        return updated && { ...updated, raised: anomalies ?? [] }
      },
    }),
  ],
  [
    'lists the newest finding first',
    'insertAnomaly says whether the finding is new, and anomalies are read back exactly, oldest first',
    (store) => ({
      anomalies: async (...args) => (await store.anomalies(...args)).reverse(),
    }),
  ],
  [
    'lists resolved anomalies',
    'an anomaly is resolved once, and then kept but no longer listed',
    (store) => {
      const ids: string[] = []
      return {
        insertAnomaly: async (anomaly) => {
          ids.push(anomaly.id)
          return await store.insertAnomaly(anomaly)
        },
        anomalies: async () => await Promise.all(ids.map(async (id) => (await store.findAnomaly(id))!)),
      }
    },
  ],
  [
    'resolves again',
    'an anomaly is resolved once, and then kept but no longer listed',
    (store) => ({
      resolveAnomaly: async (id, resolution) => {
        await store.resolveAnomaly(id, resolution)
        return (await store.findAnomaly(id)) !== undefined
      },
    }),
  ],
  [
    'loses the resolution',
    'an anomaly is resolved once, and then kept but no longer listed',
    (store) => ({
      findAnomaly: async (id) => {
        const anomaly = await store.findAnomaly(id)
        return anomaly && { ...anomaly, resolution: undefined }
      },
    }),
  ],
  [
    'counts what is not due',
    'countDue counts what is due for a merchant, and how much of that has waited too long',
    (store) => ({
      countDue: async (mchId, _now, since) => await store.countDue(mchId, new Date(8.64e15), since),
    }),
  ],
  [
    'counts what is due for other merchants',
    'countDue counts what is due for a merchant, and how much of that has waited too long',
    (store) => ({
      async countDue(mchId, now, since) {
        const own = await store.countDue(mchId, now, since)
        const theirs = await store.countDue('1900000002', now, since)
        return { due: own.due + theirs.due, stuck: own.stuck }
      },
    }),
  ],
  [
    'counts everything that is due as stuck',
    'countDue counts what is due for a merchant, and how much of that has waited too long',
    (store) => ({
      countDue: async (mchId, now) => await store.countDue(mchId, now, now),
    }),
  ],
  [
    'drops refunds',
    'updateOrder passes the current row to decide and resolves with the new one',
    (store) => ({
      updateOrder: async (outTradeNo, decide) =>
        await store.updateOrder(outTradeNo, (order) => {
          const change = decide(order)
          return change && { ...change, order: { ...change.order, refunds: order.refunds } }
        }),
    }),
  ],
  [
    'treats every finding as new',
    'insertAnomaly says whether the finding is new, and anomalies are read back exactly, oldest first',
    (store) => ({
      insertAnomaly: async (anomaly) => {
        await store.insertAnomaly(anomaly)
        return true
      },
    }),
  ],
  [
    'adds a row for each line',
    'a repeated line is counted at its first occurrence, with the latest time, however many other lines come between',
    repeating,
  ],
  [
    'adds a row for each line',
    'of 20 identical lines written at once one remains, which counts all of them',
    repeating,
  ],
  [
    'counts the lines of a change, but not those of a fulfil',
    'a line repeated by a fulfil is counted too',
    (store) => ({ fulfil: repeating(store).fulfil!, history: repeating(store).history! }),
  ],
  [
    'forgets when a line was last repeated',
    'a repeated line is counted at its first occurrence, with the latest time, however many other lines come between',
    (store) => ({
      history: async (outTradeNo) => (await store.history(outTradeNo)).map((line) => ({ ...line, lastAt: line.at })),
    }),
  ],
  [
    'forgets the first lines of a long history',
    'of more than 1000 lines an order keeps the first 100 and the latest',
    (store) => ({ history: async (outTradeNo) => (await store.history(outTradeNo)).slice(-999) }),
  ],
  [
    'sorts history by its times',
    'history is read back exactly, in the order of writing, whatever its times',
    (store) => ({
      history: async (outTradeNo) => (await store.history(outTradeNo)).sort((a, b) => Number(a.at) - Number(b.at)),
    }),
  ],
  [
    'takes the newest first',
    'claimDue takes what is due, longest overdue first, up to its limit',
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) =>
        (await store.claimDue(account, now, limit, leaseMs, options)).reverse(),
    }),
  ],
  [
    'ignores the limit',
    'claimDue takes what is due, longest overdue first, up to its limit',
    (store) => ({
      claimDue: async (account, now, _limit, leaseMs, options) =>
        await store.claimDue(account, now, 1000, leaseMs, options),
    }),
  ],
  [
    'does not count now as due',
    'claimDue takes what is due, longest overdue first, up to its limit',
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) =>
        await store.claimDue(account, new Date(now.getTime() - 1), limit, leaseMs + 1, options),
    }),
  ],
  [
    'leases forever',
    'a claim moves dueAt to the end of the lease and increments claims',
    (store) => ({
      claimDue: async (account, now, limit, _leaseMs, options) =>
        await store.claimDue(account, now, limit, 1e12, options),
    }),
  ],
  [
    'does not lease',
    'a claim moves dueAt to the end of the lease and increments claims',
    (store) => ({
      claimDue: async (account, now, limit, _leaseMs, options) => await store.claimDue(account, now, limit, 0, options),
    }),
  ],
  [
    'claims what is due for any account',
    'claimDue takes the rows of its owner alone, also by number',
    (store) => ({
      claimDue: async (owner, ...rest) => [
        ...(await store.claimDue(owner, ...rest)),
        ...(await store.claimDue({ ...owner, appids: ['wx0000000000000002'] }, ...rest)),
      ],
    }),
  ],
  [
    'has one live order of a key for all merchants',
    'a live key is unique among the orders of its merchant: others may have the same',
    (store) => {
      const keys = new Map<string, Order>()
      return {
        insertOrder: async (change) => {
          const existing = keys.get(change.order.key)
          if (existing !== undefined) return { inserted: false, existing }
          keys.set(change.order.key, change.order)
          return await store.insertOrder(change)
        },
      }
    },
  ],
  [
    'claims for one app of several',
    'claimDue takes the rows of all apps of its owner, the longest due first',
    (store) => ({
      claimDue: ({ appids, mchId }, ...rest) => store.claimDue({ appids: appids.slice(0, 1), mchId }, ...rest),
    }),
  ],
  [
    'claims by number even if not due',
    'claimDue by number takes only that row, and only if it is due',
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) =>
        await store.claimDue(
          account,
          options?.outTradeNo === undefined ? now : new Date(8.64e15 - leaseMs),
          limit,
          leaseMs,
          options,
        ),
    }),
  ],
  [
    'gives one row to two claimers',
    'no two simultaneous claimers get the same row',
    (store) => {
      let claiming: Promise<Claim[]> | undefined
      return {
        claimDue: async (...args) => {
          claiming ??= store.claimDue(...args)
          const claims = await claiming
          claiming = undefined
          return claims
        },
      }
    },
  ],
  ['takes over nothing', TAKE_OVER, () => ({ takeOver: async () => 0 })],
  [
    'takes over what is due later',
    TAKE_OVER,
    (store) => ({
      takeOver: (claimer, now, until, since) => store.takeOver(claimer, now, new Date(until.getTime() + 1), since),
    }),
  ],
  [
    'does not take over what is due at the limit',
    TAKE_OVER,
    (store) => ({
      takeOver: (claimer, now, until, since) => store.takeOver(claimer, now, new Date(until.getTime() - 1), since),
    }),
  ],
  ...[1, -1].map((ms): [string, string, Fault] => [
    `takes over what was asked about ${ms} ms beside the limit`,
    TAKE_OVER,
    (store) => ({
      takeOver: (claimer, now, until, since) => store.takeOver(claimer, now, until, new Date(since.getTime() + ms)),
    }),
  ]),
  [
    'ignores the plan',
    PLAN,
    (store) => ({
      claimDue: (account, now, limit, leaseMs, options) =>
        store.claimDue(account, now, limit, leaseMs, { ...options, plan: undefined }),
    }),
  ],
  [
    'notes a plan in a change of its own, and forgets its history',
    PLAN,
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) => {
        const plan: Plan | undefined =
          options?.plan &&
          ((order) => {
            const planned = options.plan!(order)
            return planned && { ...planned, history: [] }
          })
        return await store.claimDue(account, now, limit, leaseMs, { ...options, plan })
      },
    }),
  ],
  [
    'does not record who claims',
    TAKE_OVER,
    (store) => ({
      claimDue: (account, now, limit, leaseMs, options) =>
        store.claimDue(account, now, limit, leaseMs, { ...options, claimer: undefined }),
    }),
  ],
  [
    'takes over what another process has claimed',
    TAKE_OVER,
    (store) => ({
      claimDue: (account, now, limit, leaseMs, options) =>
        store.claimDue(account, now, limit, leaseMs, { ...options, claimer: options?.claimer?.toLowerCase() }),
    }),
  ],
  ['forgets the other processes', BEAT, () => ({ beat: async (claimer, beats) => [{ claimer, beats }] })],
  ['counts the beats itself', BEAT, (store) => ({ beat: (claimer) => store.beat(claimer, 1) })],
  ['remembers who was taken over', BEAT, () => ({ takeOver: async () => 0 })],
  ['brings nothing forward', FORWARD, () => ({ bringForward: async () => 0 })],
  [
    "brings other merchants' work forward",
    FORWARD,
    (store) => ({
      async bringForward(mchId, latest, now) {
        await store.bringForward('1900000002', latest, now)
        return await store.bringForward(mchId, latest, now)
      },
    }),
  ],
  [
    'does not count what it brings forward',
    FORWARD,
    (store) => ({
      bringForward: async (mchId, latest, now) => 0 * (await store.bringForward(mchId, latest, now)),
    }),
  ],
  [
    'brings forward what is due at the limit',
    FORWARD,
    (store) => ({
      bringForward: (mchId, latest, now) => store.bringForward(mchId, new Date(latest.getTime() - 1), now),
    }),
  ],
  [
    'does not bring forward what is due right after the limit',
    FORWARD,
    (store) => ({
      bringForward: (mchId, latest, now) => store.bringForward(mchId, new Date(latest.getTime() + 1), now),
    }),
  ],
  [
    'brings it forward to the limit',
    FORWARD,
    (store) => ({ bringForward: (mchId, latest) => store.bringForward(mchId, latest, latest) }),
  ],
  [
    'claims what it brings forward',
    FORWARD,
    (store) => ({
      async bringForward(mchId, latest, now) {
        const count = await store.bringForward(mchId, latest, now)
        await store.claimDue({ appids: ['wx0000000000000001'], mchId: '1900000001' }, now, 100, 0)
        return count
      },
    }),
  ],
  [
    'skips a row that is being changed',
    'a claim by number waits for running changes of its row',
    (store) => {
      const changing = new Set<string>()
      return {
        updateOrder: async (outTradeNo, decide) => {
          changing.add(outTradeNo)
          try {
            return await store.updateOrder(outTradeNo, decide)
          } finally {
            changing.delete(outTradeNo)
          }
        },
        claimDue: async (account, now, limit, leaseMs, options) =>
          changing.has(options?.outTradeNo ?? '') ? [] : await store.claimDue(account, now, limit, leaseMs, options),
      }
    },
  ],
  [
    'does not count a claim by number',
    'a claim by number counts like any other: the previous claimer loses the row',
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) => {
        const outTradeNo = options?.outTradeNo
        const claims = await store.claimDue(account, now, limit, leaseMs, options)
        if (outTradeNo === undefined || claims.length === 0) return claims
        const uncounted = (order: Order): Order => ({ ...order, claims: order.claims - 1 })
        await store.updateOrder(outTradeNo, (order) => ({ order: uncounted(order), history: [], anomalies: [] }))
        return claims.map(({ order, claims }) => ({ order: uncounted(order), claims: claims - 1 }))
      },
    }),
  ],
  ...(['payment', 'refunds'] as const).flatMap((part) =>
    handingOut((order) => ({ ...order, ...(part === 'payment' ? { payment: undefined } : { refunds: [] }) })).map(
      ([method, fault]): [string, string, Fault] => [
        `leaves the ${part} out of what ${method}`,
        'every method that returns a row returns the whole row, with its payment and refunds',
        fault,
      ],
    ),
  ),
  [
    'knows no pages of anomalies',
    'anomalies come back in pages, by their time and then by their id',
    (store) => ({ anomalies: (limit) => store.anomalies(limit) }),
  ],
  [
    'archives nothing',
    'archive takes out what is done and unchanged, with everything that goes with it, and leaves the rest alone',
    () => ({ archive: async () => 0 }),
  ],
  [
    'archives what it could not hand over',
    'what cannot be handed over is not archived',
    (store) => ({
      archive: ({ before, to }) =>
        store.archive({
          before,
          async to(orders, tx) {
            await Promise.resolve(to?.(orders, tx)).catch(() => {})
          },
        }),
    }),
  ],
  [
    'hands everything over at once',
    'many orders are archived in steps, past those that stay',
    (store) => ({
      async archive({ before, to }) {
        const all: Archived[] = []
        const count = await store.archive({
          before,
          to(orders) {
            all.push(...orders)
          },
        })
        await to?.(all, [])
        return count
      },
    }),
  ],
  [
    'decides before it works',
    'fulfil runs the work, then decide on the row, and commits both',
    (store) => ({
      fulfil: async (claim, work, decide) => {
        await store.updateOrder(claim.order.outTradeNo, decide)
        return await store.fulfil(claim, work, () => undefined)
      },
    }),
  ],
  [
    'forgets the row',
    'fulfil runs the work, then decide on the row, and commits both',
    (store) => ({
      fulfil: async (claim, work) => await store.fulfil(claim, work, () => undefined),
    }),
  ],
  [
    'forgets a change made in a transaction of the caller',
    'a change in a transaction of the caller is committed and rolled back with it',
    (store) => ({
      updateOrder: async (outTradeNo, decide, tx) => {
        if (tx === undefined) return await store.updateOrder(outTradeNo, decide)
        const order = await store.findOrder(outTradeNo)
        return order && { order: decide(order)!.order, raised: [] }
      },
    }),
  ],
  [
    'treats an unchanged row as lost',
    'a fulfil whose decide leaves the row unchanged commits the work',
    (store) => ({
      fulfil: async (claim, work, decide) => {
        const outcome = await store.fulfil(claim, work, decide)
        return decide(claim.order) === undefined ? 'lost' : outcome
      },
    }),
  ],
  [
    'takes the payment from the claim',
    'a fulfil decides on the current row, not on the row as claimed',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil(claim, work, (order) => decide({ ...order, payment: claim.order.payment })),
    }),
  ],
  [
    'takes the refunds from the claim',
    'a fulfil decides on the current row, not on the row as claimed',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil(claim, work, (order) => decide({ ...order, refunds: claim.order.refunds })),
    }),
  ],
  [
    'writes the row as it was claimed',
    'a fulfil decides on the current row, not on the row as claimed',
    (store) => ({
      fulfil: async (claim, work, decide) => await store.fulfil(claim, work, () => decide(claim.order)),
    }),
  ],
  [
    'drops the anomalies of a fulfil',
    'a fulfil commits the anomalies of its decide, known ones only once, and a lost fulfil commits none',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil(claim, work, (order) => {
          const change = decide(order)
          return change && { ...change, anomalies: [] }
        }),
    }),
  ],
  [
    'raises the anomalies of a lost fulfil',
    'a fulfil commits the anomalies of its decide, known ones only once, and a lost fulfil commits none',
    (store) => ({
      fulfil: async (claim, work, decide) => {
        const outcome = await store.fulfil(claim, work, decide)
        if (outcome === 'lost') {
          for (const anomaly of decide(claim.order)?.anomalies ?? []) await store.insertAnomaly(anomaly)
        }
        return outcome
      },
    }),
  ],
  [
    'treats a work that throws as lost',
    'a work that throws rolls back and leaves the order due',
    (store) => ({
      fulfil: async (claim, work, decide) => await store.fulfil(claim, work, decide).catch(() => 'lost' as const),
    }),
  ],
  [
    'keeps writing through a finished transaction',
    'writes that a work does not await, and that arrive after it has failed, are not kept',
    (store, committed) => ({
      fulfil: async (claim, work, decide) => {
        const tx: Tx = []
        try {
          return await store.fulfil(
            claim,
            async () => {
              await work(tx)
            },
            decide,
          )
        } catch (error) {
          tx.push = (id) => {
            committed.add(id)
            return 0
          }
          throw error
        }
      },
    }),
  ],
  [
    'commits what was written before a work threw',
    'a work that throws rolls back and leaves the order due',
    committingEarly,
  ],
  ['commits the work before it decides', 'a decide that throws rolls the work back', committingEarly],
  [
    'commits the work of a lost claim',
    'a claim overtaken before the work is lost, and the work rolls back',
    committingEarly,
  ],
  [
    'does not check the lease',
    'a claim overtaken before the work is lost, and the work rolls back',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil({ ...claim, claims: (await store.findOrder(claim.order.outTradeNo))!.claims }, work, decide),
    }),
  ],
  [
    'checks the lease before the work, but not after',
    'of a running work and a claim that overtakes it, only one succeeds',
    (store) => ({
      fulfil: async (claim, work, decide) => {
        if ((await store.findOrder(claim.order.outTradeNo))!.claims !== claim.claims) return 'lost'
        const tx: Tx = []
        await work(tx)
        return await store.fulfil(
          { ...claim, claims: (await store.findOrder(claim.order.outTradeNo))!.claims },
          async (real) => {
            real.push(...tx)
          },
          decide,
        )
      },
    }),
  ],
  [
    'identifies a lease by its end',
    'a lease that has ended still holds if nobody else claimed the row',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        Number((await store.findOrder(claim.order.outTradeNo))!.dueAt) === Number(claim.order.dueAt)
          ? await store.fulfil(claim, work, decide)
          : 'lost',
    }),
  ],
  [
    'reads the refunds before the work',
    'a change of the row while the work runs is neither blocked nor lost',
    (store) => ({
      fulfil: async (claim, work, decide) => {
        const { refunds } = (await store.findOrder(claim.order.outTradeNo))!
        return await store.fulfil(claim, work, (order) => decide({ ...order, refunds }))
      },
    }),
  ],
  [
    'keeps the first session of a token',
    'sessions are kept, replaced and deleted by the hash of their token',
    (store) => ({
      putSession: async (session) => {
        if ((await store.getSession(session.tokenHash)) === undefined) await store.putSession(session)
      },
    }),
  ],
  [
    'returns only the first of several numbers',
    'findOrders returns the existing orders, each in its current state',
    (store) => ({ findOrders: async ([first]) => await store.findOrders(first === undefined ? [] : [first]) }),
  ],
  [
    'returns the orders of a range in the order of creation',
    'ordersBetween returns the orders of a range of numbers, sorted, one page at a time',
    (store) => ({ ordersBetween: async (...args) => (await store.ordersBetween(...args)).toReversed() }),
  ],
  [
    'returns only one page of the orders with a refund',
    'refundedBetween returns the orders with a refund made between two times, in the same way',
    (store) => ({
      refundedBetween: async (from, to, _after, limit) => await store.refundedBetween(from, to, '', limit),
    }),
  ],
  [
    'deletes sessions that have not ended',
    'deleteSessionsBefore deletes the sessions that have ended by then, and no others',
    (store) => ({
      deleteSessionsBefore: async (at) => {
        await store.deleteSessionsBefore(new Date(at.getTime() + 1))
      },
    }),
  ],
  [
    'forgets a payer only in the sessions',
    'forget ends the sessions of a payer, and takes the openid out of findings that are decided, and of no others',
    (store) => ({
      forget: async () => {
        for (const name of ['a', 'b']) await store.deleteSession(name.repeat(64))
      },
    }),
  ],
  [
    'replaces a shared value without comparing it',
    'a shared value is kept by name, and replaced only by a process that knows the current one',
    (store) => ({
      swapShared: async (name, _before, after) => await store.swapShared(name, await store.getShared(name), after),
    }),
  ],
  [
    'compares a shared value first and replaces it later',
    'of several simultaneous replacements of a shared value, one succeeds',
    (store) => ({
      swapShared: async (name, before, after) => {
        if ((await store.getShared(name)) !== before) return false
        await tick()
        await store.swapShared(name, await store.getShared(name), after)
        return true
      },
    }),
  ],
  [
    'does not delete sessions',
    'sessions are kept, replaced and deleted by the hash of their token',
    () => ({
      deleteSession: async () => {},
    }),
  ],
]

function folding(store: TxStore, fold: (text: string) => string): Partial<TxStore> {
  const folded = new Map<string, Order>()
  return {
    insertOrder: async (change) => {
      const existing = folded.get(fold(change.order.key))
      if (existing !== undefined) return { inserted: false, existing }
      folded.set(fold(change.order.key), change.order)
      return await store.insertOrder(change)
    },
  }
}

/** Treats each line of history as a new one. */
function repeating(store: TxStore): Partial<TxStore> {
  let lines = 0
  const numbered =
    (decide: Decide): Decide =>
    (order) => {
      const change = decide(order)
      return (
        change && { ...change, history: change.history.map((line) => ({ ...line, seen: `${line.seen}#${++lines}` })) }
      )
    }
  return {
    updateOrder: async (outTradeNo, decide) => await store.updateOrder(outTradeNo, numbered(decide)),
    fulfil: async (claim, work, decide) => await store.fulfil(claim, work, numbered(decide)),
    history: async (outTradeNo) =>
      (await store.history(outTradeNo)).map((line) => ({ ...line, seen: line.seen.replace(/#\d+$/, '') })),
  }
}

/** Does not compare the transactions of different orders. */
function sharing(store: TxStore): Partial<TxStore> {
  const renamed = (order: Order, rename: (id: string) => string): Order => ({
    ...order,
    ...(order.payment && {
      payment: { ...order.payment, transactionId: rename(order.payment.transactionId) },
    }),
  })
  const hidden = (change: Change): Change => ({
    ...change,
    order: renamed(change.order, (id) => `${id}|${change.order.outTradeNo}`),
  })
  const shown = (order: Order) => renamed(order, (id) => id.replace(/\|.*/, ''))
  return {
    insertOrder: async (change) => await store.insertOrder(hidden(change)),
    findOrder: async (outTradeNo) => {
      const order = await store.findOrder(outTradeNo)
      return order && shown(order)
    },
    updateOrder: async (outTradeNo, decide) => {
      const updated = await store.updateOrder(outTradeNo, (order) => {
        const change = decide(shown(order))
        return change && hidden(change)
      })
      return updated && { ...updated, order: shown(updated.order) }
    },
  }
}

/** Refuses a transaction that was already recorded, for any order; `fold` decides what is equal. */
function claiming(store: TxStore, fold: (id: string) => string): Partial<TxStore> {
  const claimed = new Set<string>()
  return {
    updateOrder: async (outTradeNo, decide) =>
      await store.updateOrder(outTradeNo, (order) => {
        const change = decide(order)
        const id = change?.order.payment?.transactionId
        if (id !== undefined) {
          if (claimed.has(fold(id))) throw transactionTaken(id, 'another')
          claimed.add(fold(id))
        }
        return change
      }),
  }
}

/** Changes each field of a row when it is read. */
function reading(store: TxStore, read: (value: unknown) => unknown): Partial<TxStore> {
  const row = <Row extends object>(order: Row): Row =>
    Object.fromEntries(Object.entries(order).map(([name, value]) => [name, read(value)])) as Row
  return {
    findOrder: async (outTradeNo) => {
      const order = await store.findOrder(outTradeNo)
      return order && row(order)
    },
  }
}

/** Each way in which a store returns a row, with a fault that drops part of it. */
function handingOut(cut: (order: Order) => Order): [method: string, Fault][] {
  return [
    [
      'findLiveOrder finds',
      (store) => ({
        findLiveOrder: async (key, mchId) => {
          const order = await store.findLiveOrder(key, mchId)
          return order && cut(order)
        },
      }),
    ],
    [
      'insertOrder answers with',
      (store) => ({
        insertOrder: async (change) => {
          const result = await store.insertOrder(change)
          return result.inserted ? result : { ...result, existing: cut(result.existing) }
        },
      }),
    ],
    [
      'claimDue takes',
      (store) => ({
        claimDue: async (account, now, limit, leaseMs, options) =>
          cutClaims(await store.claimDue(account, now, limit, leaseMs, options), options?.outTradeNo === undefined),
      }),
    ],
    [
      'claimDue takes by number',
      (store) => ({
        claimDue: async (account, now, limit, leaseMs, options) =>
          cutClaims(await store.claimDue(account, now, limit, leaseMs, options), options?.outTradeNo !== undefined),
      }),
    ],
    [
      'updateOrder gives decide',
      (store) => ({
        updateOrder: async (outTradeNo, decide) => await store.updateOrder(outTradeNo, (order) => decide(cut(order))),
      }),
    ],
    [
      'fulfil gives decide',
      (store) => ({
        fulfil: async (claim, work, decide) => await store.fulfil(claim, work, (order) => decide(cut(order))),
      }),
    ],
  ]

  function cutClaims(claims: Claim[], wanted: boolean): Claim[] {
    return wanted ? claims.map((claim) => ({ ...claim, order: cut(claim.order) })) : claims
  }
}

function committingEarly(store: TxStore, committed: Set<string>): Partial<TxStore> {
  return {
    fulfil: async (claim, work, decide) => {
      const tx: Tx = []
      try {
        return await store.fulfil(
          claim,
          async () => {
            await work(tx)
          },
          decide,
        )
      } finally {
        for (const id of tx) committed.add(id)
      }
    },
  }
}

for (const oneWriter of [false, true]) {
  t.test(
    `every faulty store fails, and every case fails for some faulty store, with oneWriter: ${oneWriter}`,
    async (t) => {
      const toothless = new Set(storeContract(transactional()).map(({ name }) => name))
      for (const [fault, broken, breakStore] of FAULTS) {
        const { makeStore, probe, committed } = transactional()
        const failed = await failures({
          makeStore: () => {
            const store = makeStore()
            return { ...store, ...breakStore(store, committed) }
          },
          probe,
          oneWriter,
          patienceMs: 20,
        })
        t.ok(failed.includes(broken), `a store that ${fault} fails "${broken}"`, { failed })
        for (const name of failed) toothless.delete(name)
      }
      t.same([...toothless], [])
    },
  )
}
