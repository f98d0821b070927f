import Database from 'better-sqlite3'
import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import type { Dialect, Transaction } from 'kysely'
import mysql2 from 'mysql2'
import t from 'tap'
import type { Test } from 'tap'
import { fromKysely } from '../../../src/store/adapters/kysely.ts'
import type { Dialect as Name } from '../../../src/store/executor.ts'
import { keepsContract, pgPool } from '../databases.ts'

interface Tables {
  own: { id: string }
}

/** With a plugin that renames columns, which must not affect ours. */
function open(t: Test, name: Name, dialect: Dialect) {
  const db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] })
  t.teardown(() => db.destroy())
  return {
    executor: fromKysely(db, name),
    write: (tx: Transaction<Tables>, id: string) => tx.insertInto('own').values({ id }).execute(),
  }
}

await keepsContract(t, {
  postgres(url, t) {
    const pool = pgPool(url, t).on('connect', (client) => client.on('error', () => {}))
    return open(t, 'postgres', new PostgresDialect({ pool }))
  },
  mysql: (uri, t) => open(t, 'mysql', new MysqlDialect({ pool: mysql2.createPool(uri) })),
  sqlite: (path, t) => open(t, 'sqlite', new SqliteDialect({ database: new Database(path, { timeout: 0 }) })),
})
