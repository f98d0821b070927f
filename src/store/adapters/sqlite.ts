import { AsyncLocalStorage } from 'node:async_hooks'
import type { Connection, Executor, Row, Value } from '../executor.ts'

/** What is used of a `Database` of better-sqlite3 and of a `DatabaseSync` of node:sqlite. */
export interface SqliteLike {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatementLike
}

/** What `fromSqlite` uses of a prepared statement. */
export interface SqliteStatementLike {
  all(...values: Value[]): unknown[]
  run(...values: Value[]): { changes: number | bigint }
}

/**
 * Runs on a connection of better-sqlite3 or node:sqlite. `tx` is that connection, inside of its transaction.
 *
 * Transactions take turns, and no statement of ours gets into another's. Statements of your own do when they use the same connection while `onPaid` runs: give the
 * store a connection that nothing else uses, and write through `tx` in `onPaid`. Other calls of the store inside `onPaid`, such as `fastify.wechat.orders.get()`,
 * would wait for the end of `onPaid` itself: they are refused.
 */
export function fromSqlite<Db extends SqliteLike>(db: Db): Executor<Db> {
  const statements = new Map<string, SqliteStatementLike>()
  const inTurn = turnsOf(db)

  function prepared(sql: string): SqliteStatementLike {
    let statement = statements.get(sql)
    if (statement === undefined) statements.set(sql, (statement = db.prepare(sql)))
    return statement
  }

  const connection: Connection = {
    rows: async (sql, values) => prepared(sql).all(...values) as Row[],
    run: async (sql, values) => Number(prepared(sql).run(...values).changes),
  }

  /**
   * libsql 0.5 leaves a prepared statement that finds the database locked unfinished. SQLite then keeps the locks of the connection and commits no later write, and
   * reports no error. So `exec` takes the lock first.
   */
  const locked = <T>(begin: string, work: () => Promise<T>) =>
    inTurn(async () => {
      try {
        db.exec(begin)
      } catch (error) {
        // A transaction of the caller's own, e.g. the `tx` of `fastify.wechat.ship`: it may be read in, and stays open.
        if (begin === 'begin' && /within a transaction/.test((error as Error).message)) return await work()
        throw error
      }
      try {
        const result = await work()
        db.exec('commit')
        return result
      } catch (error) {
        rollback(db)
        throw error
      }
    })
  // A writer from the start: a reader that becomes one fails when another process has written in between.
  const writing = <T>(work: () => Promise<T>) => locked('begin immediate', work)

  return {
    dialect: 'sqlite',
    locksFirst: true,
    within: () => connection,
    rows: (sql, values) =>
      locked('begin', () => {
        db.exec('select 1 from sqlite_master limit 1')
        return connection.rows(sql, values)
      }),
    run: (sql, values) => writing(() => connection.run(sql, values)),
    transaction: (work) => writing(() => work(connection, db)),
  }
}

/** Some errors of SQLite have rolled back already. */
function rollback(db: SqliteLike): void {
  try {
    db.exec('rollback')
  } catch {}
}

type Turns = <T>(task: () => Promise<T>) => Promise<T>

/** The last turn taken on each connection, by any store that shares it. */
const lastTurns = new WeakMap<SqliteLike, Promise<unknown>>()

/** The turn that the running code belongs to. */
const turns = new AsyncLocalStorage<{ db: SqliteLike; over: boolean }>()

function turnsOf(db: SqliteLike): Turns {
  return async (task) => {
    const outer = turns.getStore()
    if (outer?.db === db && !outer.over) {
      throw new Error(
        'SQLite has one connection, and onPaid (or onRefunded) is holding it: this call would wait for itself. Inside of the hook use `tx`; call `fastify.wechat` and the store after it has ended',
      )
    }
    const turn = { db, over: false }
    const taken = (lastTurns.get(db) ?? Promise.resolve())
      .then(() => turns.run(turn, task))
      .finally(() => {
        turn.over = true
      })
    lastTurns.set(
      db,
      taken.catch(() => {}),
    )
    return await taken
  }
}
