import mysql2callbacks from 'mysql2'
import { Kysely, MysqlDialect, SqliteDialect } from 'kysely'
import type { SqliteDatabase } from 'kysely'
import t from 'tap'
import { fromKysely } from '../../../src/store/adapters/kysely.ts'
import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { fromSqlite } from '../../../src/store/adapters/sqlite.ts'
import type { Dialect, Executor, Reader } from '../../../src/store/executor.ts'
import { checkSession } from '../../../src/store/sql/session.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { mysql, mysqlPool, pgPool, postgres, sqliteFile } from '../databases.ts'
import { echoing } from '../doubles.ts'

/** A database that answers like one with these settings. */
const FITTING: Record<Dialect, Record<string, string | number>> = {
  postgres: { transaction_isolation: 'read committed', transaction_read_only: 'off' },
  mysql: {
    autocommit: 'ON',
    completion_type: 'NO_CHAIN',
    unique_checks: 'ON',
    sql_select_limit: '18446744073709551615',
    sql_mode: 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
    read_only: 'OFF',
    innodb_read_only: 'OFF',
    transaction_read_only: 'OFF',
    log_bin: 'ON',
    binlog_format: 'ROW',
  },
  sqlite: { journal_mode: 'delete', query_only: 0, read_uncommitted: 0 },
}

const REFUSED: [Dialect, changed: Record<string, string | number>, message: RegExp][] = [
  ['postgres', { transaction_read_only: 'on' }, /transaction_read_only is "on": this is a standby, or/],
  ['mysql', { autocommit: 'OFF' }, /autocommit is "OFF": .* set autocommit = 1/],
  ['mysql', { completion_type: 'CHAIN' }, /completion_type is "CHAIN": each commit begins a transaction/],
  ['mysql', { unique_checks: 'OFF' }, /unique_checks is "OFF": one key may get two live orders/],
  ['mysql', { sql_select_limit: '1000' }, /sql_select_limit is "1000": rows are left out/],
  ['mysql', { sql_mode: '' }, /sql_mode is "": what does not fit its column is cut off/],
  ['mysql', { sql_mode: 'STRICT_ALL_TABLES,EMPTY_STRING_IS_NULL' }, /empty texts are lost/],
  ['mysql', { read_only: 'ON' }, /read_only is "ON": connect to the primary/],
  ['mysql', { innodb_read_only: 'ON' }, /innodb_read_only is "ON": connect to the primary/],
  ['mysql', { transaction_read_only: 'ON' }, /transaction_read_only is "ON": connect to the primary/],
  ['mysql', { tx_read_only: 'ON' }, /tx_read_only is "ON": connect to the primary/],
  ['mysql', { binlog_format: 'STATEMENT' }, /binlog_format is "STATEMENT": nothing can be written/],
  ['mysql', { autocommit: 'OFF', read_only: 'ON' }, /autocommit is "OFF": .*\. read_only is "ON": /],
  ['sqlite', { journal_mode: 'off' }, /journal_mode is "off": nothing can be rolled back/],
  ['sqlite', { query_only: 1 }, /query_only is "1": nothing can be written/],
  ['sqlite', { read_uncommitted: 1 }, /read_uncommitted is "1": changes are read that may be undone/],
]

const double = (dialect: Dialect, changed = {}): Reader => echoing(dialect, { ...FITTING[dialect], ...changed })

t.test('a session with suitable settings', async (t) => {
  t.same(await checkSession('postgres', double('postgres')), { single: true })
  t.same(await checkSession('postgres', double('postgres', { transaction_isolation: 'serializable' })), {
    single: false,
  })
  t.same(await checkSession('mysql', double('mysql')), { single: false })
  t.same(await checkSession('mysql', double('mysql', { log_bin: 'OFF', binlog_format: 'STATEMENT' })), {
    single: false,
  })
  t.same(await checkSession('sqlite', double('sqlite')), { single: true })
})

for (const [dialect, changed, message] of REFUSED) {
  t.test(`${dialect} with ${JSON.stringify(changed)} is refused`, async (t) => {
    await t.rejects(checkSession(dialect, double(dialect, changed)), { message })
    await t.rejects(checkSession(dialect, double(dialect, changed)), { message: /^The store cannot keep its promises/ })
  })
}

t.test('a connection that changes a text is refused', async (t) => {
  const message = /the text "\\\\红茶🍵" comes back as .* character set .* must be UTF-8/
  for (const changed of [{ sent_back: '\\??' }, { stored_as: '5c3f3f' }, { sent_back: undefined }]) {
    await t.rejects(checkSession('sqlite', double('sqlite', changed)), { message })
  }
  await t.rejects(
    checkSession('sqlite', { rows: async () => [] }),
    { message },
    'also if the text does not come back at all',
  )
})

/** The error of the first use of a store. */
async function firstUse(executor: Executor<any>): Promise<string> {
  return await sqlStore(executor)
    .findOrder('nobody')
    .then(
      () => 'found nothing',
      (error: Error) => error.message,
    )
}

t.test('PostgreSQL', async (t) => {
  const url = await postgres(t)
  await sqlStore(fromPg(pgPool(url, t))).migrate()
  const readOnly = pgPool(url, t, { options: '-c default_transaction_read_only=on' })
  t.match(await firstUse(fromPg(readOnly)), 'transaction_read_only is "on"')
  const latin1 = pgPool(url, t, { onConnect: (client) => client.query("set client_encoding = 'LATIN1'") as never })
  t.match(await firstUse(fromPg(latin1)), 'the character set of the connection must be UTF-8')
  t.equal(await firstUse(fromPg(pgPool(url, t))), 'found nothing')
})

t.test('MariaDB and MySQL', async (t) => {
  const uri = await mysql(t)
  if (uri === undefined) return
  await sqlStore(fromMysql2(mysqlPool(uri, t))).migrate()
  const wants = (statement: string) => (connection: { query(sql: string): unknown }) => connection.query(statement)
  const mysql2 = (statement: string, options = {}) => {
    const pool = mysqlPool(uri, t, options)
    pool.pool.on('connection', wants(statement))
    return fromMysql2(pool)
  }
  for (const [statement, message] of [
    ['set autocommit = 0', 'autocommit is "OFF"'],
    ['set completion_type = 1', 'completion_type is "CHAIN"'],
    ['set unique_checks = 0', 'unique_checks is "OFF"'],
    ['set sql_select_limit = 1000', 'sql_select_limit is "1000"'],
    ["set sql_mode = ''", 'sql_mode is ""'],
    ['set session transaction read only', 'read_only is "ON"'],
    ['set names latin1', 'must be UTF-8'],
  ] as const) {
    t.match(await firstUse(mysql2(statement)), message, statement)
  }
  t.match(await firstUse(mysql2('select 1', { charset: 'latin1' })), 'must be UTF-8', 'a character set of the driver')
  t.match(await firstUse(mysql2('select 1', { rowsAsArray: true })), 'rows must be objects')
  t.equal(await firstUse(mysql2('select 1')), 'found nothing')

  // The server then misreads what the driver quotes, but not values sent separately from the statement.
  const noEscapes = "set sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'"
  const pool = mysql2callbacks.createPool(uri)
  pool.on('connection', wants(noEscapes))
  const kysely = new Kysely<object>({ dialect: new MysqlDialect({ pool }) })
  t.teardown(() => kysely.destroy())
  t.match(await firstUse(fromKysely(kysely, 'mysql')), 'without NO_BACKSLASH_ESCAPES')
  t.equal(await firstUse(mysql2(noEscapes)), 'found nothing')
})

t.test('SQLite', async (t) => {
  const db = sqliteFile(':memory:', t)
  const executor = fromSqlite(db)
  await sqlStore(executor).migrate()
  const store = sqlStore(executor)
  db.exec('pragma query_only = 1')
  await t.rejects(store.findOrder('nobody'), { message: /query_only is "1"/ })
  db.exec('pragma query_only = 0')
  t.equal(await store.findOrder('nobody'), undefined, 'a corrected setting is accepted')
  db.exec('pragma query_only = 1')
  t.equal(await store.findOrder('nobody'), undefined, 'the settings are queried once')
})

t.test('libsql is refused where statements may find the database locked', async (t) => {
  const { locksFirst, ...executor } = fromSqlite(sqliteFile(':memory:', t))
  t.equal(locksFirst, true)
  await t.rejects(sqlStore(executor).migrate(), { message: /libsql is "in use": .* use fromSqlite or fromDrizzle/ })
  const database = sqliteFile(':memory:', t) as unknown as SqliteDatabase
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
  await t.rejects(sqlStore(fromKysely(kysely, 'sqlite')).migrate(), { message: /libsql is "in use"/ })
})
