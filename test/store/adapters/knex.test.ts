import knex from 'knex'
import type { Knex } from 'knex'
import t from 'tap'
import type { Test } from 'tap'
import { fromKnex } from '../../../src/store/adapters/knex.ts'
import type { Dialect } from '../../../src/store/executor.ts'
import { keepsContract } from '../databases.ts'

function open (t: Test, dialect: Dialect, config: Knex.Config) {
  const db = knex(config)
  t.teardown(() => db.destroy())
  return { executor: fromKnex(db, dialect), write: (tx: Knex.Transaction, id: string) => tx('own').insert({ id }) }
}

await keepsContract(t, {
  postgres: (connection, t) => open(t, 'postgres', { client: 'pg', connection }),
  mysql: (connection, t) => open(t, 'mysql', { client: 'mysql2', connection }),
  sqlite: (filename, t) => open(t, 'sqlite', { client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
})
