import { endedByWork } from './endings.ts'
import type { Connection, Dialect, Executor, Isolation, Row, Value } from '../executor.ts'

/** What is used of a `Kysely`. */
export interface KyselyLike<Trx extends KyselyQueryable> extends KyselyQueryable {
  transaction(): KyselyTransactionLike<Trx>
}

export interface KyselyTransactionLike<Trx> {
  setIsolationLevel(isolation: Isolation): KyselyTransactionLike<Trx>
  execute<T>(work: (trx: Trx) => Promise<T>): Promise<T>
}

/** What is used of a `Kysely` and of a `Transaction`. */
export interface KyselyQueryable {
  withoutPlugins(): {
    executeQuery(query: KyselyQuery): Promise<{ rows: unknown[]; numAffectedRows?: bigint }>
  }
}

/** As `CompiledQuery.raw` makes it. */
interface KyselyQuery {
  sql: string
  parameters: Value[]
  query: { kind: 'RawNode'; sqlFragments: string[]; parameters: [] }
  queryId: { queryId: string }
}

/**
 * Runs on a `Kysely`. `tx` is its `Transaction`.
 *
 * Over pg, listen to the pool and its clients: Kysely does not, and a connection that is lost would end the process.
 *
 * @example
 * ```ts
 * const pool = new pg.Pool()
 * pool.on('error', () => {})
 * pool.on('connect', (client) => client.on('error', () => {}))
 * const store = sqlStore(fromKysely(new Kysely({ dialect: new PostgresDialect({ pool }) }), 'postgres'))
 * ```
 */
export function fromKysely<Trx extends KyselyQueryable>(db: KyselyLike<Trx>, dialect: Dialect): Executor<Trx> {
  return {
    dialect,
    ...connection(db),
    within: connection,
    transaction(work, isolation) {
      const transaction = isolation ? db.transaction().setIsolationLevel(isolation) : db.transaction()
      return endedByWork(dialect, (ending) =>
        transaction.execute((trx) => {
          const inside = connection(trx)
          return ending(inside, work(inside, trx))
        }),
      )
    },
  }
}

function connection(on: KyselyQueryable): Connection {
  // A plugin may rename the columns of every result.
  const execute = (sql: string, parameters: Value[]) =>
    on.withoutPlugins().executeQuery({
      sql,
      parameters,
      query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
      queryId: { queryId: 'fastify-wechat-pay' },
    })
  return {
    rows: async (sql, values) => (await execute(sql, values)).rows as Row[],
    run: async (sql, values) => Number((await execute(sql, values)).numAffectedRows ?? 0),
  }
}
