import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'
import { fromPg } from '../../src/store/adapters/pg.ts'
import { sqlStore } from '../../src/store/sql/sql.ts'
import { offer } from '../lib/process.ts'
import { CONTESTANTS } from './contestants.ts'
import type { Name, Settle } from './contestants.ts'
import { paymentOf } from './orders.ts'

/** What a contestant's process offers. */
export interface ServerCalls {
  [name: string]: (...args: never[]) => unknown
  /** Settles `count` orders from the `from`-th on, each connection one after the other; resolves with the ms it took. */
  settle: (from: number, count: number) => Promise<number>
  /** Claims `limit` due orders of these tables as the sweeper of the moment `now` (ms) does; resolves with how many it got and the ms it took. */
  claim: (tablePrefix: string, now: number, limit: number, leaseMs: number) => Promise<{ claimed: number; ms: number }>
  /** Bytes of the heap after everything that can be forgotten was. */
  heap: () => number
  /** µs of CPU this process has used. */
  cpu: () => number
}

const CONNECTIONS = 10

const [name, url, tablePrefix] = process.argv.slice(2) as [Name, string, string]
const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS })
const settleOne: Settle = CONTESTANTS[name](pool, tablePrefix)
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

offer({
  async settle(from: number, count: number) {
    let next = from
    const end = from + count
    const start = performance.now()
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        while (next < end) await settleOne(next++)
      }),
    )
    return performance.now() - start
  },
  async claim(of: string, now: number, limit: number, leaseMs: number) {
    const store = sqlStore(fromPg(pool), { tablePrefix: of })
    const start = performance.now()
    const { appid, mchId } = paymentOf(0)
    const claims = await store.claimDue({ appids: [appid], mchId }, new Date(now), limit, leaseMs)
    return { claimed: claims.length, ms: performance.now() - start }
  },
  heap() {
    gc()
    return process.memoryUsage().heapUsed
  },
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
} satisfies ServerCalls)
