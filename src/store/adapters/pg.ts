import { hash } from 'node:crypto'
import { inTime } from '../rollback.ts'
import type { Connection, Executor, Row, Value } from '../executor.ts'
import { outliveLosses } from './lost.ts'
import type { PgPoolEvents } from './lost.ts'

/** What is used of a `pg.Pool`. */
export interface PgPoolLike<Client extends PgClientLike> extends PgQueryable, PgPoolEvents {
  // The second form is there for TypeScript: it infers from as many forms as both sides have, the last ones first.
  connect: {
    (): Promise<Client>
    (
      callback: (error: Error | undefined, client: Client | undefined, release: (destroy?: boolean) => void) => void,
    ): void
  }
}

/** What is used of a `pg.PoolClient`. */
export interface PgClientLike extends PgQueryable {
  release(destroy?: boolean): void
}

interface PgQueryable {
  query(config: { text: string; values: Value[]; name?: string }): Promise<{ rows: Row[]; rowCount: number | null }>
}

/** How `fromPg` sends its statements. */
export interface FromPgOptions {
  /**
   * Statements are prepared once for each connection. Set `false` behind a pooler that gives each transaction another connection and does not keep track of
   * prepared statements. Default `true`.
   */
  prepare?: boolean
}

/**
 * Runs on a `pg.Pool`. `tx` is the pool's client, inside of its transaction.
 *
 * Listens to the pool and its clients: a connection that is lost, as all are when the server restarts, fails the statement that needs it, and nothing else.
 */
export function fromPg<Client extends PgClientLike>(
  pool: PgPoolLike<Client>,
  { prepare = true }: FromPgOptions = {},
): Executor<Client> {
  const names = new Map<string, string>()
  outliveLosses(pool)

  /** A statement name belongs to one text on a connection, also when others use the pool. */
  function named(text: string): { name?: string } {
    if (!prepare) return {}
    let name = names.get(text)
    if (name === undefined) names.set(text, (name = `wechat_${hash('sha1', text)}`))
    return { name }
  }

  function connection(on: PgQueryable): Connection {
    const query = (text: string, values: Value[]) => on.query({ text, values, ...named(text) })
    return {
      rows: async (sql, values) => (await query(sql, values)).rows,
      run: async (sql, values) => (await query(sql, values)).rowCount!,
    }
  }

  return {
    dialect: 'postgres',
    ...connection(pool),
    within: connection,
    async transaction(work, isolation) {
      const client = await pool.connect()
      let broken = true
      try {
        await client.query({ text: isolation ? `begin isolation level ${isolation}` : 'begin', values: [] })
        try {
          const result = await work(connection(client), client)
          await client.query({ text: 'commit', values: [] })
          broken = false
          return result
        } catch (error) {
          broken = !(await inTime(client.query({ text: 'rollback', values: [] })))
          throw error
        }
      } finally {
        client.release(broken)
      }
    },
  }
}
