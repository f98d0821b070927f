import { AsyncLocalStorage } from 'node:async_hooks'
import type { Store } from './store/store.ts'
import { ARCHIVE } from './testing/archive.ts'
import { ANOMALIES } from './testing/anomalies.ts'
import { CLAIMS } from './testing/claims.ts'
import { FULFIL } from './testing/fulfil.ts'
import { HISTORY } from './testing/history.ts'
import { JOBS } from './testing/jobs.ts'
import { ORDERS } from './testing/orders.ts'
import { LISTING } from './testing/listing.ts'
import { SESSIONS } from './testing/sessions.ts'
import { SHARED } from './testing/shared.ts'
import { TRANSACTIONS } from './testing/transactions.ts'
import { NO_WRITE, ownWrite, within } from './testing/case.ts'
import type { Probe } from './testing/case.ts'

export type { Probe } from './testing/case.ts'

/** The store to test, and what it can do. */
export interface StoreContractOptions<Tx> {
  /** Makes an empty store; called once for each case. */
  makeStore: () => Store<Tx> | Promise<Store<Tx>>
  /** Closes what `makeStore` opened; called after each case, failed or not. */
  closeStore?: (store: Store<Tx>) => void | Promise<void>
  /** For stores with transactions. Without it the writes of `onPaid` are not checked. */
  probe?: Probe<Tx>
  /** For a database that lets one transaction write at a time, such as SQLite: changes made while `onPaid` runs may wait for its end. */
  oneWriter?: boolean
  /** How long a change made while `onPaid` runs may take before it counts as locked out, real ms. Default 5000. */
  patienceMs?: number
}

/** One promise of the contract, as a test for any runner. */
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
 *     await pool.query('truncate wechat_trades, wechat_schedule, wechat_keys, wechat_refunds, wechat_payments, wechat_anomalies, wechat_sessions, wechat_shared, wechat_processes')
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
      // Calls made by the work are part of it; another process's change is not.
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

const CASES = [
  ...ORDERS,
  ...TRANSACTIONS,
  ...ANOMALIES,
  ...HISTORY,
  ...JOBS,
  ...CLAIMS,
  ...FULFIL,
  ...LISTING,
  ...SESSIONS,
  ...SHARED,
  ...ARCHIVE,
]
