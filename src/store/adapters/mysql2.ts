import { inTime } from '../rollback.ts'
import type { Connection, Executor, Row, Value } from '../executor.ts'

/** What is used of a pool of `mysql2/promise`. */
export interface Mysql2PoolLike<Client extends Mysql2ConnectionLike> extends Mysql2Queryable {
  getConnection(): Promise<Client>
}

/** What is used of a `PoolConnection` of `mysql2/promise`. */
export interface Mysql2ConnectionLike extends Mysql2Queryable {
  beginTransaction(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
  release(): void
  destroy(): void
}

interface Mysql2Queryable {
  query(sql: string): Promise<[unknown, unknown]>
  execute(sql: string, values: Value[]): Promise<[unknown, unknown]>
}

/** Runs on a pool of `mysql2/promise`. `tx` is the pool's connection, inside of its transaction. */
export function fromMysql2<Client extends Mysql2ConnectionLike>(pool: Mysql2PoolLike<Client>): Executor<Client> {
  return {
    dialect: 'mysql',
    ...connection(pool),
    within: connection,
    async transaction(work, isolation) {
      const client = await pool.getConnection()
      let broken = true
      try {
        // Applies to the next transaction only.
        if (isolation !== undefined) await client.query(`set transaction isolation level ${isolation}`)
        await client.beginTransaction()
        try {
          const result = await work(connection(client), client)
          await client.commit()
          broken = false
          return result
        } catch (error) {
          broken = !(await inTime(client.rollback()))
          throw error
        }
      } finally {
        if (broken) client.destroy()
        else client.release()
      }
    },
  }
}

function connection(on: Mysql2Queryable): Connection {
  // Values go to the server apart from the statement, so that nothing depends on quoting. A statement without values may be of a kind that cannot be prepared.
  const answer = async (sql: string, values: Value[]) =>
    (await (values.length === 0 ? on.query(sql) : on.execute(sql, values)))[0]
  return {
    rows: async (sql, values) => (await answer(sql, values)) as Row[],
    run: async (sql, values) => ((await answer(sql, values)) as { affectedRows: number }).affectedRows,
  }
}
