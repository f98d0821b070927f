import type Database from 'better-sqlite3'
import knex from 'knex'
import type { Knex } from 'knex'
import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'
import { fromKnex } from '../../../src/store/adapters/knex.ts'
import type { Dialect } from '../../../src/store/executor.ts'
import { keepsContract, postgres, survivesLosses } from '../databases.ts'

function open(t: Test, dialect: Dialect, config: Knex.Config) {
  const db = knex(config)
  t.teardown(() => db.destroy())
  return { executor: fromKnex(db, dialect), write: (tx: Knex.Transaction, id: string) => tx('own').insert({ id }) }
}

await keepsContract(t, {
  postgres: (connection, t) => open(t, 'postgres', { client: 'pg', connection }),
  mysql: (connection, t) => open(t, 'mysql', { client: 'mysql2', connection }),
  sqlite: (filename, t) =>
    open(t, 'sqlite', {
      client: 'better-sqlite3',
      connection: { filename },
      useNullAsDefault: true,
      pool: {
        afterCreate(connection: Database.Database, done: () => void) {
          connection.pragma('busy_timeout = 0')
          done()
        },
      },
    }),
})

t.test('connections of a given pg pool get lost', async (t) => {
  await survivesLosses(t, await postgres(t), (url, t) => {
    const connectionPool = new pg.Pool({ connectionString: url })
    t.teardown(() => connectionPool.end())
    return open(t, 'postgres', { client: 'pg', connectionPool })
  })
})

t.test('the results of each driver are read', async (t) => {
  const ANSWERS: [Dialect, query: unknown, change: unknown][] = [
    ['postgres', { rows: [{ id: 1 }] }, { rowCount: 2 }],
    ['mysql', [[{ id: 1 }], []], [{ affectedRows: 2 }, undefined]],
    ['sqlite', [{ id: 1 }], { changes: 2 }],
  ]
  for (const [dialect, rows, changed] of ANSWERS) {
    const raw = async (sql: string) => (sql === 'select' ? rows : changed)
    const executor = fromKnex({ raw, transaction: (work) => work({ raw }) }, dialect)
    t.same(await executor.rows('select', []), [{ id: 1 }], dialect)
    t.equal(await executor.run('update', []), 2, dialect)
  }
})
