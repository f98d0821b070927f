import { WechatError } from '../../../errors.ts'
import type { Access } from '../access.ts'
import { DIALECTS } from '../dialects.ts'
import type { Connection, Dialect, Reader } from '../../executor.ts'
import { repeated } from '../../failures.ts'
import { migrations } from './schema.ts'
import type { Tables } from './tables.ts'

/** From this version on, processes of older versions cannot write. */
const CLOSING = 6

/** Brings the tables up to date, one process at a time. */
export function migrationOf(
  dialect: Dialect,
  names: Tables,
  { reading, transaction }: Access<unknown>,
): () => Promise<void> {
  const { ddl } = DIALECTS[dialect]
  const { orders, trades, refunds, versions } = names
  const all = migrations(dialect, names)

  async function appliedVersion(connection: Reader): Promise<number> {
    const [row] = await connection.rows(`select max(version) as version from ${versions}`, [])
    return Number(row!.version)
  }

  /**
   * A hook that a process of an older version is running would be rolled back, as that process can no longer write, and would run again, with everything it does
   * elsewhere. A hook that failed before and runs again now looks like one that waits, so migrate() does not wait for it.
   */
  async function checkLeases(orders: string, connection: Connection): Promise<void> {
    const hooked =
      `(${orders}.fulfilment = 'due' and ${orders}.attempts = 0) or exists (select 1 from ${refunds} ` +
      `where ${refunds}.out_trade_no = ${orders}.out_trade_no and ${refunds}.fulfilment = 'due' and ${refunds}.due_at <= ${ddl.now})`
    const [row] = await connection.rows(
      `select count(*) as held from ${orders} where ${orders}.due_at > ${ddl.now} and ${orders}.claims > 0 and (${hooked})`,
      [],
    )
    const held = Number(row!.held)
    if (held > 0) {
      throw new WechatError(
        'WECHAT_STORE_FAILED',
        `${held} ${held === 1 ? 'order is' : 'orders are'} being worked on by a process of an older version. Stop those processes, and migrate again; after a crash once their leases have ended (leaseMs, a minute by default).`,
        { advice: 'repeat' },
      )
    }
  }

  return async () => {
    const known = await appliedVersion(reading).catch(() => 0)
    if (known >= all.length) return
    await repeated(() =>
      transaction(async (connection) => {
        for (const sql of ddl.lock(versions)) await connection.rows(sql, [])
        try {
          await connection.run(all[0]![0]!, [])
          const from = await appliedVersion(connection)
          if (from > 0 && from < CLOSING) await checkLeases(from < 3 ? orders : trades, connection)
          for (const sql of all.slice(from).flat()) await connection.run(sql, [])
        } finally {
          for (const sql of ddl.unlock(versions)) await connection.rows(sql, [])
        }
      }),
    )
  }
}
