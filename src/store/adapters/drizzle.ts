import { setImmediate as turn } from 'node:timers/promises'
import type { Connection, Executor, Isolation, Row, Value } from '../executor.ts'
import { endedByWork } from './endings.ts'
import { outliveLosses } from './lost.ts'
import { fromSqlite } from './sqlite.ts'
import type { SqliteLike } from './sqlite.ts'

/** What is used of a database of drizzle-orm/node-postgres, drizzle-orm/postgres-js or drizzle-orm/mysql2. */
export interface DrizzleLike<Query, Tx extends DrizzleQueryable<Query>> extends DrizzleQueryable<Query> {
  transaction<T>(work: (tx: Tx) => Promise<T>, config?: { isolationLevel: Isolation }): Promise<T>
  /** The driver's pool, or the function that postgres.js makes. */
  $client?: any
}

/** What `fromDrizzle` uses of a transaction. */
export interface DrizzleQueryable<Query> {
  execute(query: Query): PromiseLike<unknown>
}

/** What is used of a database of drizzle-orm/better-sqlite3. */
export interface DrizzleSqliteLike {
  $client: SqliteLike
}

/** `sql` of drizzle-orm. */
export type DrizzleSql<Query> = (strings: TemplateStringsArray, ...values: any[]) => Query

/** What `execute` answers with is the driver's own: pg's, postgres.js's or mysql2's. */
const ANSWERS = {
  postgres: {
    rows: (answer: any): Row[] => answer.rows ?? [...answer],
    affected: (answer: any): number => answer.rowCount ?? answer.count,
  },
  mysql: {
    rows: ([rows]: any): Row[] => rows,
    affected: ([{ affectedRows }]: any): number => affectedRows,
  },
}

/**
 * Runs on a database of Drizzle. `tx` is its transaction.
 *
 * Over pg it listens to the pool and its clients, so that a lost connection fails the statement that needs it and nothing else.
 *
 * On better-sqlite3, whose transactions in Drizzle cannot wait for anything, `tx` is the database, inside of a transaction; what {@link fromSqlite} says of
 * connections holds.
 *
 * @example
 * ```ts
 * import { sql } from 'drizzle-orm'
 *
 * const store = sqlStore(fromDrizzle(db, 'postgres', sql))
 * ```
 */
export function fromDrizzle<Db extends DrizzleSqliteLike>(db: Db, dialect: 'sqlite'): Executor<Db>
export function fromDrizzle<Query, Tx extends DrizzleQueryable<Query>>(
  db: DrizzleLike<Query, Tx>,
  dialect: 'postgres' | 'mysql',
  sql: DrizzleSql<Query>,
): Executor<Tx>
export function fromDrizzle(
  db: DrizzleSqliteLike | DrizzleLike<unknown, DrizzleQueryable<unknown>>,
  dialect: 'postgres' | 'mysql' | 'sqlite',
  sql?: DrizzleSql<unknown>,
): Executor<any> {
  if (dialect === 'sqlite') {
    const client = fromSqlite((db as DrizzleSqliteLike).$client)
    return { ...client, transaction: (work) => client.transaction((connection) => work(connection, db)) }
  }
  const { rows, affected } = ANSWERS[dialect]

  function connection(on: DrizzleQueryable<unknown>): Connection {
    const execute = (text: string, values: Value[]) => {
      const strings = text.split(/\?|\$\d+/)
      return on.execute(sql!(Object.assign(strings, { raw: strings }), ...values))
    }
    return {
      rows: async (sql, values) => rows(await execute(sql, values)),
      run: async (sql, values) => affected(await execute(sql, values)),
    }
  }

  const base = db as DrizzleLike<unknown, DrizzleQueryable<unknown>>
  if (dialect === 'postgres' && typeof base.$client?.on === 'function') outliveLosses(base.$client)
  const isolated = (isolation?: Isolation) => isolation && { isolationLevel: isolation }
  return {
    dialect,
    ...connection(base),
    within: connection,
    transaction: (work, isolation) =>
      typeof base.$client?.begin === 'function'
        ? endless(base)((tx) => work(connection(tx), tx), isolated(isolation))
        : endedByWork(dialect, (ending) =>
            base.transaction((tx) => {
              const inside = connection(tx)
              return ending(inside, work(inside, tx))
            }, isolated(isolation)),
          ),
  }
}

/**
 * postgres.js rejects a transaction as soon as its connection is lost, while the work is still under way. When that work ended, postgres.js would send a commit or
 * a rollback to no connection, which ends the process, or to the one that has taken the place of the lost one, where it ends another transaction. So the work
 * of a lost transaction never ends.
 */
function endless<Query, Tx extends DrizzleQueryable<Query>>(db: DrizzleLike<Query, Tx>): (typeof db)['transaction'] {
  return async (work, config) => {
    let lost = false
    try {
      return await db.transaction(async (tx) => {
        const [result] = await Promise.allSettled([work(tx)])
        // The server says this before it closes the connection.
        if (result.status === 'rejected' && result.reason?.cause?.severity === 'FATAL') lost = true
        // The transaction is rejected in the same turn as the statement that was under way.
        await turn()
        if (lost) await new Promise(() => {})
        if (result.status === 'rejected') throw result.reason
        return result.value
      }, config)
    } finally {
      lost = true
    }
  }
}
