import type { Connection, Dialect, Executor, Isolation, Row, Value } from '../executor.ts'
import { endedByWork } from './endings.ts'
import { outliveLosses } from './lost.ts'
import type { PgPoolEvents } from './lost.ts'

/** What is used of a `Knex`. */
export interface KnexLike<Trx extends KnexQueryable> extends KnexQueryable {
  transaction<T>(
    work: (trx: Trx) => Promise<T>,
    options: { isolationLevel?: Isolation; doNotRejectOnRollback: boolean },
  ): Promise<T>
  client?: { config?: { connectionPool?: unknown } }
}

/** What is used of a `Knex` and of a `Knex.Transaction`. */
export interface KnexQueryable {
  raw(sql: string, values: Value[]): PromiseLike<unknown>
}

/** What `raw` answers with is the driver's own: pg's, mysql2's or better-sqlite3's. */
const ANSWERS: Record<Dialect, { rows(answer: any): Row[]; affected(answer: any): number }> = {
  postgres: { rows: ({ rows }) => rows, affected: ({ rowCount }) => rowCount },
  mysql: { rows: ([rows]) => rows, affected: ([{ affectedRows }]) => affectedRows },
  sqlite: { rows: (rows) => rows, affected: ({ changes }) => changes },
}

/** Runs on a `Knex` over pg, mysql2 or better-sqlite3. `tx` is its `Knex.Transaction`. */
export function fromKnex<Trx extends KnexQueryable>(knex: KnexLike<Trx>, dialect: Dialect): Executor<Trx> {
  const { rows, affected } = ANSWERS[dialect]
  // Knex listens to the connections that it makes itself.
  const pool = knex.client?.config?.connectionPool
  if (dialect === 'postgres' && pool !== undefined) outliveLosses(pool as PgPoolEvents)

  function connection(on: KnexQueryable): Connection {
    // Knex numbers the placeholders of a statement itself.
    const raw = (sql: string, values: Value[]) => on.raw(sql.replaceAll(/\$\d+/g, '?'), values)
    return {
      rows: async (sql, values) => rows(await raw(sql, values)),
      run: async (sql, values) => affected(await raw(sql, values)),
    }
  }

  return {
    dialect,
    ...connection(knex),
    within: connection,
    transaction: (work, isolation) =>
      endedByWork(dialect, (ending) =>
        knex.transaction(
          (trx) => {
            const inside = connection(trx)
            return ending(inside, work(inside, trx))
          },
          {
            ...(isolation && { isolationLevel: isolation }),
            // Otherwise work that throws `undefined` is rolled back and counts as done.
            doNotRejectOnRollback: false,
          },
        ),
      ),
  }
}
