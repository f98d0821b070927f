import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { memoryStore } from '../src/store/memory.ts'
import { transactionTaken } from '../src/store/store.ts'
import type { Archived, Change, Claim, Decide, Plan, Store } from '../src/store/store.ts'
import type { Order } from '../src/model.ts'
import { storeContract } from '../src/testing.ts'
import type { Probe, StoreContractOptions } from '../src/testing.ts'

/** What works write through it takes effect when the order's change does. */
type Tx = string[]
type TxStore = Store<Tx>

/** A memory store with transactions, and the table that users' writes go to. */
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
      return {
        ...memory,
        async fulfil(claim, work, decide) {
          const tx: Tx = []
          const outcome = await memory.fulfil(
            claim,
            async () => {
              await work(tx)
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

/** One transaction at a time, the user's work included: what SQLite gives. */
function oneAtATime(store: TxStore): TxStore {
  let last: Promise<unknown> = Promise.resolve()
  const queued =
    <Args extends unknown[], Result>(verb: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      const turn = last.then(async () => await verb(...args))
      last = turn.catch(() => {})
      return await turn
    }
  return {
    ...store,
    updateOrder: queued(store.updateOrder),
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
  'a store that locks the row while the work runs passes only when it says that one transaction writes at a time',
  async (t) => {
    const { makeStore, probe } = transactional()
    const options = { makeStore: () => oneAtATime(makeStore()), probe, patienceMs: 20 }
    t.same(await failures({ ...options, oneWriter: true }), [])
    t.same(await failures(options), [
      'of a work and a claim that overtakes it while it runs only one succeeds',
      'a change of the row while the work runs is neither held up nor lost',
    ])
  },
)

t.test('each case gets a store of its own, closed after it, failed or not', async (t) => {
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

/** A store with one fault: what it does instead of `store`. */
type Fault = (store: TxStore, committed: Set<string>) => Partial<TxStore>

const FORWARD = 'bringForward makes due what a clock that was ahead has put off, and leaves leases and expiries alone'

const PLAN = 'a plan says in the same change what becomes of the orders that it knows; the others get their lease'
const TAKE_OVER = 'takeOver makes due what a process that has died had claimed, and leaves everything else alone'
const BEAT = 'beat answers with the latest beat of every process that has not been taken over'

/** Each fault, with one promise that it breaks. */
const FAULTS: [fault: string, broken: string, Fault][] = [
  [
    'forgets what it is given',
    'insertOrder adds a row that findOrder and findLiveOrder give back',
    () => ({
      findOrder: async () => undefined,
    }),
  ],
  [
    'has no row-not-found: the live order of a key is its last order',
    'what does not exist is undefined, or empty',
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
    'a row is added together with its history and its anomalies',
    (store) => ({
      insertOrder: async (change) => await store.insertOrder({ ...change, anomalies: [] }),
    }),
  ],
  [
    'overwrites on a repeated outTradeNo',
    'insertOrder answers with the row of the same outTradeNo and writes nothing',
    (store) => ({
      insertOrder: async (change) =>
        (await store.updateOrder(change.order.outTradeNo, () => change)) === undefined
          ? await store.insertOrder(change)
          : { inserted: true },
    }),
  ],
  [
    'ignores a refused insert',
    'insertOrder answers with the live row of the same key and writes nothing',
    (store) => ({
      insertOrder: async (change) => {
        await store.insertOrder(change)
        return { inserted: true }
      },
    }),
  ],
  [
    'writes the history of a refused insert',
    'insertOrder answers with the row of the same outTradeNo and writes nothing',
    (store) => ({
      insertOrder: async (change) => {
        const result = await store.insertOrder(change)
        if (!result.inserted) await store.updateOrder(result.existing.outTradeNo, (order) => ({ ...change, order }))
        return result
      },
    }),
  ],
  [
    'allows one order of a key for ever',
    'any number of orders of one key may exist while at most one is live',
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
    'a row with every field, in any language and of any size, comes back exactly',
    (store) =>
      reading(store, (value) => (value instanceof Date ? new Date(Math.floor(value.getTime() / 1000) * 1000) : value)),
  ],
  [
    'keeps three bytes of a character',
    'a row with every field, in any language and of any size, comes back exactly',
    (store) =>
      reading(store, (value) => (typeof value === 'string' ? value.replace(/\p{Emoji_Presentation}/gu, '?') : value)),
  ],
  [
    'gives large numbers as text',
    'a row with every field, in any language and of any size, comes back exactly',
    (store) => reading(store, (value) => (typeof value === 'number' && value > 2 ** 31 ? String(value) : value)),
  ],
  [
    'gives null for what is absent',
    'fields that are absent stay absent, and null stays null',
    (store) => reading(store, (value) => value ?? null),
  ],
  [
    'gives undefined for null',
    'fields that are absent stay absent, and null stays null',
    (store) => reading(store, (value) => value ?? undefined),
  ],
  [
    'answers with the row as it was',
    'updateOrder gives decide the row as it stands and resolves with what it becomes',
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
    'touches a row that is to be left',
    'updateOrder leaves the row when decide says undefined',
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
    'a decide that throws writes nothing, and its error passes through',
    (store) => ({
      updateOrder: async (outTradeNo, decide) => await store.updateOrder(outTradeNo, decide).catch(() => undefined),
    }),
  ],
  [
    'reads, then writes, without a lock',
    'of 50 changes of one row at once none is lost',
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
    'claims and changes of one row at once lose nothing of each other',
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
    'a row is changed together with its history and its anomalies',
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
    'a change that is refused leaves no history and no anomaly behind',
    (store) => ({
      updateOrder: async (outTradeNo, decide) =>
        await store.updateOrder(outTradeNo, decide).catch(async (error: unknown) => {
          await store.updateOrder(outTradeNo, (order) => ({ ...decide(order)!, order }))
          throw error
        }),
    }),
  ],
  [
    'never gives up a live key',
    'a live key that was given up can be taken by another order',
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
    'knows an order by the live key it was inserted with',
    'a live key that nobody holds can be taken back',
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
    'a transaction that has paid one order is refused to any other, which stays as it was',
    sharing,
  ],
  [
    'does not claim the transaction of an order that is added',
    'an order that is added with its payment has its transaction',
    (store) => ({
      insertOrder: async (change) =>
        await store.insertOrder({ ...change, order: { ...change.order, payment: undefined } }),
    }),
  ],
  [
    'takes a transaction once, from whichever order',
    'an order may record its own transaction again',
    (store) => claiming(store, (id) => id),
  ],
  [
    'looks for the transaction first and records it later',
    'of 10 orders that record one transaction at once one gets it, and the others stay as they were',
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
    'insertAnomaly says whether the finding is new, and anomalies come back exactly, the oldest first',
    (store) => ({
      anomalies: async (...args) => (await store.anomalies(...args)).reverse(),
    }),
  ],
  [
    'lists what was resolved',
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
    'countDue counts what is due, and how much of it has waited too long',
    (store) => ({
      countDue: async (_now, since) => await store.countDue(new Date(8.64e15), since),
    }),
  ],
  [
    'counts all that is due as stuck',
    'countDue counts what is due, and how much of it has waited too long',
    (store) => ({
      countDue: async (now) => await store.countDue(now, now),
    }),
  ],
  [
    'drops refunds',
    'updateOrder gives decide the row as it stands and resolves with what it becomes',
    (store) => ({
      updateOrder: async (outTradeNo, decide) =>
        await store.updateOrder(outTradeNo, (order) => {
          const change = decide(order)
          return change && { ...change, order: { ...change.order, refunds: order.refunds } }
        }),
    }),
  ],
  [
    'takes every finding for new',
    'insertAnomaly says whether the finding is new, and anomalies come back exactly, the oldest first',
    (store) => ({
      insertAnomaly: async (anomaly) => {
        await store.insertAnomaly(anomaly)
        return true
      },
    }),
  ],
  [
    'adds a row for each line',
    'a line that says the same again is counted where it was said first, with the last time, however many others come between',
    repeating,
  ],
  [
    'adds a row for each line',
    'of 20 lines at once that say the same one remains, which counts all of them',
    repeating,
  ],
  [
    'counts what a change says, and not what a fulfil says',
    'a line that a fulfil says again is counted too',
    (store) => ({ fulfil: repeating(store).fulfil!, history: repeating(store).history! }),
  ],
  [
    'forgets when a line was last said',
    'a line that says the same again is counted where it was said first, with the last time, however many others come between',
    (store) => ({
      history: async (outTradeNo) => (await store.history(outTradeNo)).map((line) => ({ ...line, lastAt: line.at })),
    }),
  ],
  [
    'sorts history by its times',
    'history comes back exactly, in the order it was written, whatever its times',
    (store) => ({
      history: async (outTradeNo) => (await store.history(outTradeNo)).sort((a, b) => Number(a.at) - Number(b.at)),
    }),
  ],
  [
    'takes the newest first',
    'claimDue takes what is due, the longest due first, up to its limit',
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) =>
        (await store.claimDue(account, now, limit, leaseMs, options)).reverse(),
    }),
  ],
  [
    'knows no limit',
    'claimDue takes what is due, the longest due first, up to its limit',
    (store) => ({
      claimDue: async (account, now, _limit, leaseMs, options) =>
        await store.claimDue(account, now, 1000, leaseMs, options),
    }),
  ],
  [
    'does not hold now to be due',
    'claimDue takes what is due, the longest due first, up to its limit',
    (store) => ({
      claimDue: async (account, now, limit, leaseMs, options) =>
        await store.claimDue(account, new Date(now.getTime() - 1), limit, leaseMs + 1, options),
    }),
  ],
  [
    'leases for ever',
    'a claim moves dueAt to the end of the lease and counts',
    (store) => ({
      claimDue: async (account, now, limit, _leaseMs, options) =>
        await store.claimDue(account, now, limit, 1e12, options),
    }),
  ],
  [
    'does not lease',
    'a claim moves dueAt to the end of the lease and counts',
    (store) => ({
      claimDue: async (account, now, limit, _leaseMs, options) => await store.claimDue(account, now, limit, 0, options),
    }),
  ],
  [
    'claims what is due, whosever it is',
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
    'claims by number what is not due',
    'claimDue by number takes that row alone, and only if it is due',
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
    'of many claimers at once no two get the same row',
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
  ['takes nothing over', TAKE_OVER, () => ({ takeOver: async () => 0 })],
  [
    'takes over what is due later',
    TAKE_OVER,
    (store) => ({
      takeOver: (claimer, now, until, since) => store.takeOver(claimer, now, new Date(until.getTime() + 1), since),
    }),
  ],
  [
    'leaves behind what is due at the limit',
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
    'does not note who claims',
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
    'does not count what it brings forward',
    FORWARD,
    (store) => ({ bringForward: async (latest, now) => 0 * (await store.bringForward(latest, now)) }),
  ],
  [
    'brings forward what is due at the limit',
    FORWARD,
    (store) => ({ bringForward: (latest, now) => store.bringForward(new Date(latest.getTime() - 1), now) }),
  ],
  [
    'leaves behind what is due right after the limit',
    FORWARD,
    (store) => ({ bringForward: (latest, now) => store.bringForward(new Date(latest.getTime() + 1), now) }),
  ],
  [
    'brings it forward to the limit',
    FORWARD,
    (store) => ({ bringForward: (latest) => store.bringForward(latest, latest) }),
  ],
  [
    'claims what it brings forward',
    FORWARD,
    (store) => ({
      async bringForward(latest, now) {
        const count = await store.bringForward(latest, now)
        await store.claimDue({ appids: ['wx0000000000000001'], mchId: '1900000001' }, now, 100, 0)
        return count
      },
    }),
  ],
  [
    'passes a row over that somebody is changing',
    'a claim by number waits for the changes of its row that are under way',
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
    'a claim by number counts like any other: the previous claimer has lost the row',
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
        'every method that returns a row returns all of it, with its payment and its refunds',
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
    'takes a row that is left for a lost one',
    'a fulfil whose decide leaves the row commits the work',
    (store) => ({
      fulfil: async (claim, work, decide) => {
        const outcome = await store.fulfil(claim, work, decide)
        return decide(claim.order) === undefined ? 'lost' : outcome
      },
    }),
  ],
  [
    'takes the payment from the claim',
    'a fulfil decides on the row as it stands, not as it was claimed',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil(claim, work, (order) => decide({ ...order, payment: claim.order.payment })),
    }),
  ],
  [
    'takes the refunds from the claim',
    'a fulfil decides on the row as it stands, not as it was claimed',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil(claim, work, (order) => decide({ ...order, refunds: claim.order.refunds })),
    }),
  ],
  [
    'writes the row as it was claimed',
    'a fulfil decides on the row as it stands, not as it was claimed',
    (store) => ({
      fulfil: async (claim, work, decide) => await store.fulfil(claim, work, () => decide(claim.order)),
    }),
  ],
  [
    'drops the anomalies of a fulfil',
    'a fulfil commits the anomalies of its decide, known ones once, and a lost one none',
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
    'a fulfil commits the anomalies of its decide, known ones once, and a lost one none',
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
    'takes a work that throws for a lost one',
    'a work that throws rolls back and leaves the order due',
    (store) => ({
      fulfil: async (claim, work, decide) => await store.fulfil(claim, work, decide).catch(() => 'lost' as const),
    }),
  ],
  [
    'goes on writing through a transaction that is over',
    'writes that a work does not await, and that come after it has failed, are not kept',
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
    'a claim that was overtaken before the work is lost, and the work rolls back',
    committingEarly,
  ],
  [
    'does not look whether the lease holds',
    'a claim that was overtaken before the work is lost, and the work rolls back',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        await store.fulfil({ ...claim, claims: (await store.findOrder(claim.order.outTradeNo))!.claims }, work, decide),
    }),
  ],
  [
    'looks before the work whether the lease holds, and not after',
    'of a work and a claim that overtakes it while it runs only one succeeds',
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
    'knows a lease by its end',
    'a lease that ended while nobody else claimed the row still holds',
    (store) => ({
      fulfil: async (claim, work, decide) =>
        Number((await store.findOrder(claim.order.outTradeNo))!.dueAt) === Number(claim.order.dueAt)
          ? await store.fulfil(claim, work, decide)
          : 'lost',
    }),
  ],
  [
    'reads the refunds before the work',
    'a change of the row while the work runs is neither held up nor lost',
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
    'knows no number but the first of several',
    'findOrders returns the existing orders, each in its current state',
    (store) => ({ findOrders: async ([first]) => await store.findOrders(first === undefined ? [] : [first]) }),
  ],
  [
    'gives the orders of a range as they were made',
    'ordersBetween gives the orders of a range of numbers, in their order, a page at a time',
    (store) => ({ ordersBetween: async (...args) => (await store.ordersBetween(...args)).toReversed() }),
  ],
  [
    'gives one page only of the orders that have a refund',
    'refundedBetween gives the orders with a refund made within two moments, likewise',
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
    'replaces what processes share, whatever it is by now',
    'what processes share is kept by its name, and replaced only by those who know it',
    (store) => ({
      swapShared: async (name, _before, after) => await store.swapShared(name, await store.getShared(name), after),
    }),
  ],
  [
    'looks at what processes share before it replaces it',
    'of several that replace the same at one moment, one does',
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

/** Each line of history is another one to it. */
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

/** Orders that know nothing of each other's transactions. */
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

/** Refuses a transaction that has been recorded before, by whichever order; they are compared as `fold` says. */
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

/** Changes each field of a row on its way out. */
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

/** Each way in which a store hands out a row, with a fault that cuts it. */
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
    `every faulty store fails, and every case fails some faulty store, with oneWriter: ${oneWriter}`,
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
