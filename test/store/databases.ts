import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import BetterSqlite3 from 'better-sqlite3'
import Libsql from 'libsql'
import mysql2 from 'mysql2/promise'
import pg from 'pg'
import type { Test } from 'tap'
import { fromMysql2 } from '../../src/store/adapters/mysql2.ts'
import { fromPg } from '../../src/store/adapters/pg.ts'
import { fromSqlite } from '../../src/store/adapters/sqlite.ts'
import { tables } from '../../src/store/sql/schema/tables.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { sqlStore } from '../../src/store/sql/sql.ts'
import type { Store } from '../../src/store/store.ts'
import type { Dialect, Executor, Isolation, Reader } from '../../src/store/executor.ts'
import { storeContract } from '../../src/testing.ts'
import { size } from '../sizes.ts'
import { outlivesLocks, outlivesTimeouts, outlivesWaits } from './locks.ts'
import { change, claimed, newOrder } from './orders.ts'
import { lossyWay } from './lossy.ts'
import { startMysql, startPostgres, startRedis } from './servers.ts'
import type { Server } from './servers.ts'

/** The server that the files of `npm test` share. A file that runs alone starts its own, which stops with the test. */
async function server(t: Test, name: string, start: () => Promise<Server | undefined>): Promise<string | undefined> {
  if (process.env.TEST_SERVERS === undefined) {
    const own = await start()
    t.teardown(() => own?.remove())
    return own?.url
  }
  const answer = await fetch(`${process.env.TEST_SERVERS}/${name}`)
  if (answer.status === 404) return undefined
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text
}

/** A separate database for the test, on DATABASE_URL's server or on one started for it. It is dropped when the test ends. */
export async function postgres(t: Test, isolation = 'read committed'): Promise<string> {
  const admin = process.env.DATABASE_URL ?? (await server(t, 'postgres', startPostgres))!
  const name = newName()
  const run = async (sql: string) => {
    const client = new pg.Client(admin)
    await client.connect()
    await client.query(sql)
    await client.end()
  }
  await run(`create database ${name}`)
  t.teardown(() => run(`drop database ${name} with (force)`))
  await run(`alter database ${name} set default_transaction_isolation = '${isolation}'`)
  return atDatabase(admin, name)
}

/**
 * The same on MYSQL_URL's server, or on the installed MariaDB or MySQL. `undefined` if there is none: the test then reports that it was skipped,
 * unless REQUIRE_MARIADB is set.
 */
export async function mysql(t: Test): Promise<string | undefined> {
  const admin = process.env.MYSQL_URL ?? (await server(t, 'mysql', startMysql))
  if (admin === undefined) {
    if (process.env.REQUIRE_MARIADB !== undefined) {
      throw new Error('REQUIRE_MARIADB is set: install mariadb-server, or set MYSQL_URL')
    }
    return skip(t, 'no MariaDB or MySQL is installed here, and MYSQL_URL is not set')
  }
  const name = newName()
  const run = async (sql: string) => {
    const connection = await mysql2.createConnection(admin)
    await connection.query(sql)
    await connection.end()
  }
  await run(`create database ${name}`)
  t.teardown(() => run(`drop database ${name}`))
  return atDatabase(admin, name)
}

/** An empty Redis. `undefined` if it is not installed: the test then reports that it was skipped, unless REQUIRE_REDIS is set. */
export async function redis(t: Test): Promise<string | undefined> {
  const own = await startRedis()
  t.teardown(() => own?.remove())
  if (own === undefined && process.env.REQUIRE_REDIS !== undefined) {
    throw new Error('REQUIRE_REDIS is set: install redis-server')
  }
  return own?.url ?? skip(t, 'no redis-server is installed here')
}

/** A database of better-sqlite3. `undefined` if it is not built: the test then reports that it was skipped, unless REQUIRE_SQLITE is set. */
export function betterSqlite3(path: string, t: Test): BetterSqlite3.Database | undefined {
  try {
    return closing(new BetterSqlite3(path), t)
  } catch (cause) {
    if (process.env.REQUIRE_SQLITE !== undefined) {
      throw new Error('REQUIRE_SQLITE is set: build better-sqlite3 by npm run pretest', { cause })
    }
    return skip(t, 'better-sqlite3 is not built here, and npm run pretest says why')
  }
}

function skip(t: Test, why: string): undefined {
  t.pass(`SKIPPED: ${why}`, { skip: `SKIPPED: ${why}` })
}

function newName(): string {
  return `wechat_test_${randomUUID().replaceAll('-', '')}`
}

function atDatabase(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = name
  return url.href
}

/** The pool drops its connections before they have closed, and the server then ends them. Without a listener that would be an uncaught error. */
export function pgPool(connectionString: string, t: Test, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ ...config, connectionString })
  pool.on('error', () => {})
  t.teardown(async () => {
    if (!pool.ending) await pool.end()
  })
  return pool
}

/** A database of each installed kind. Each executor has its own connections. */
export async function everyDatabase(t: Test): Promise<{ dialect: Dialect; connect(): Executor<any> }[]> {
  const url = await postgres(t)
  const path = join(t.testdir(), 'test.db')
  const uri = await mysql(t)
  return [
    { dialect: 'postgres', connect: () => fromPg(pgPool(url, t)) },
    { dialect: 'sqlite', connect: () => fromSqlite(sqliteFile(path, t, { timeout: 0 })) },
    ...(uri === undefined ? [] : [{ dialect: 'mysql' as const, connect: () => fromMysql2(mysqlPool(uri, t)) }]),
  ]
}

/** The memory store, and a migrated one on a database of each installed kind. */
export async function everyStore(t: Test): Promise<[name: string, open: () => Promise<Store<any>>][]> {
  const onDatabases = (await everyDatabase(t)).map(({ dialect, connect }): [string, () => Promise<Store<any>>] => [
    dialect,
    async () => {
      const store = sqlStore(connect())
      await store.migrate()
      return store
    },
  ])
  return [['memory', async () => memoryStore()], ...onDatabases]
}

export function mysqlPool(uri: string, t: Test, options: mysql2.PoolOptions = {}): mysql2.Pool {
  const pool = mysql2.createPool({ ...options, uri })
  t.teardown(() => pool.end())
  return pool
}

/** SQLite through libsql, whose npm package contains a build. Connections of one process would wait for each other in vain, so they have `timeout: 0`. */
export function sqliteFile(path: string, t: Test, options: Libsql.Options = {}): Libsql.Database {
  return closing(new Libsql(path, options), t)
}

export function closing<Db extends { close(): unknown }>(db: Db, t: Test): Db {
  t.teardown(() => {
    db.close()
  })
  return db
}

/** An adapter on a database: `write` inserts into the table `own`, which has one column, `id`. */
export interface Opened<Tx> {
  executor: Executor<Tx>
  write(tx: Tx, id: string): Promise<unknown>
}

/** Opens a library on a database by its URL, or for SQLite by its path and without waiting for locks, and closes it at the end of `t`. */
type Open = (url: string, t: Test) => Opened<any>

/** The databases on which a library is opened: `sqlite` uses better-sqlite3, `libsql` uses libsql. */
const DATABASES = {
  postgres: (t: Test) => postgres(t, 'serializable'),
  mysql,
  sqlite: async (t: Test) => betterSqlite3(':memory:', t) && ':memory:',
  libsql: async () => ':memory:',
}

/** Checks that an adapter fulfils the store contract on each of these databases. At small size one of them is enough, and samples for the others. */
export async function keepsContract(t: Test, open: { [name in keyof typeof DATABASES]?: Open }): Promise<void> {
  for (const [n, [name, openIt]] of Object.entries(open).entries()) {
    await t.test(name, async (t) => {
      const url = await DATABASES[name as keyof typeof DATABASES](t)
      if (url === undefined) return
      const opened = openIt(url, t)
      await contract(t, opened, n === 0 ? 1 : size(4, 1))
      if (name === 'mysql') {
        await survivesDeadlock(t, url, opened)
        await outlivesWaits(t, url, opened)
      }
      if (name === 'sqlite') await outlivesLocks(t, (path, t) => openIt(path, t).executor, betterSqlite3)
      if (name === 'libsql') await outlivesLocks(t, (path, t) => openIt(path, t).executor, sqliteFile)
      if (name === 'postgres') {
        await survivesSerialization(t, opened)
        await outlivesTimeouts(t, url, (url, t) => openIt(url, t).executor)
      }
      if (name === 'mysql' || name === 'postgres') {
        await survivesLosses(t, url, openIt)
        await undoesLost(t, url, openIt)
        await keepsItsLevel(t, opened)
      }
    })
  }
}

/** The store contract: one test for each of its cases, or for every second, third, … */
export async function contract<Tx>(t: Test, { executor, write }: Opened<Tx>, every = 1): Promise<void> {
  const store = sqlStore(executor)
  await store.migrate()
  await executor.run('create table own (id varchar(36) not null primary key)', [])
  const { orders: _, due: __, transactions: ___, versions: ____, ...kept } = tables()
  const cases = storeContract<Tx>({
    makeStore: async () => {
      for (const table of Object.values(kept)) {
        await executor.run(`delete from ${table}`, [])
      }
      return store
    },
    probe: {
      write: async (tx, id) => {
        await write(tx, id)
      },
      read: async (id) => (await executor.rows(`select id from own where id = '${id}'`, [])).length === 1,
    },
    oneWriter: executor.dialect === 'sqlite',
  })
  for (const { name, run } of cases.filter((_, n) => n % every === 0)) await t.test(name, run)
}

/** A lost connection fails only what uses it; the process and its pool keep working. */
export async function survivesLosses(t: Test, url: string, open: Open): Promise<void> {
  await t.test('connections get lost', async (t) => {
    const way = await lossyWay(t, url)
    const store = sqlStore(open(way.url, t).executor)
    const order = `lost-${randomUUID()}`
    await store.migrate()
    await store.insertOrder(change(newOrder(order)))

    await Promise.all(Array.from({ length: 3 }, () => store.findOrder(order)))
    await way.loseAll()
    t.ok(await store.findOrder(order), 'while idle')

    // More often than the pool has places. Some libraries open another connection at once.
    for (let times = 0; times < 11; times++) {
      await way.loseAll()
      way.loseNext()
      await store.updateOrder(order, change).catch(() => {})
    }
    t.ok(await store.updateOrder(order, change), 'as soon as they are opened')
  })
}

/** Nothing of a hook whose connection is lost is kept, and nothing that it still sends is written, even if the library has opened another connection. */
export async function undoesLost(t: Test, url: string, open: Open): Promise<void> {
  await t.test('a connection is lost while onPaid runs', async (t) => {
    const way = await lossyWay(t, url)
    const { executor, write } = open(way.url, t)
    const store = sqlStore(executor)
    const claim = await claimed(store, `lost-${randomUUID()}`)
    await executor.run("delete from own where id <> 'nobody'", [])
    await t.rejects(
      store.fulfil(
        claim,
        async (tx) => {
          await write(tx, 'before')
          await way.loseAll()
          await store.findOrder('nobody')
          await write(tx, 'after')
        },
        change,
      ),
    )
    t.same(await store.findOrder(claim.order.outTradeNo), claim.order)
    t.same(await executor.rows('select id from own', []), [])
    t.equal(await store.fulfil(claim, async () => {}, change), 'done')
  })
}

/** The store's own transactions use its isolation level, and those of hooks the database's default, which is higher and stays unchanged. */
async function keepsItsLevel(t: Test, { executor }: Opened<any>): Promise<void> {
  await t.test('transactions have the requested isolation level', async (t) => {
    const count = async (connection: Reader) => (await connection.rows('select id from own', [])).length
    /** Whether a transaction sees what is committed while it runs. */
    const seesChanges = (isolation?: Isolation) =>
      executor.transaction(async (connection) => {
        const before = await count(connection)
        await executor.run(`insert into own (id) values ('${randomUUID()}')`, [])
        return (await count(connection)) > before
      }, isolation)
    t.equal(await seesChanges('read committed'), true)
    for (let times = 0; times < 3; times++) t.equal(await seesChanges(), false)
  })
}

/** At a high isolation PostgreSQL ends a transaction that meets a change it does not see. */
async function survivesSerialization<Tx>(t: Test, { executor, write }: Opened<Tx>): Promise<void> {
  await t.test('an onPaid that cannot be serialized with a change of its order runs again at once', async (t) => {
    const store = sqlStore(executor)
    await executor.run("delete from own where id <> 'nobody'", [])
    const claim = await claimed(store, `serialized-${randomUUID()}`)
    let runs = 0
    const outcome = await store.fulfil(
      claim,
      async (tx) => {
        runs++
        await write(tx, `run ${runs}`)
        if (runs > 1) return
        await store.updateOrder(claim.order.outTradeNo, (order) => change({ ...order, attempts: 1 }))
      },
      change,
    )
    t.equal(outcome, 'done')
    t.same(await executor.rows('select id from own', []), [{ id: 'run 2' }])
  })
}

/** MySQL ends a transaction on a deadlock. Statements that the work has already sent must not be committed one by one. */
export async function survivesDeadlock<Tx>(t: Test, url: string, { executor, write }: Opened<Tx>): Promise<void> {
  await t.test('a deadlock in onPaid rolls back all of it, including statements sent afterwards', async (t) => {
    const store = sqlStore(executor)
    await executor.run("delete from own where id <> 'nobody'", [])
    const claim = await claimed(store, `deadlock-${randomUUID()}`)
    const other = await mysql2.createConnection(url)
    t.teardown(() => other.end())
    let runs = 0
    t.equal(
      await store.fulfil(
        claim,
        async (tx) => {
          runs++
          if (runs > 1) return
          await write(tx, 'ours')
          await other.beginTransaction()
          // With more rows than ours, so that MySQL ends ours.
          await other.query("insert into own values ('theirs'), ('t1'), ('t2'), ('t3'), ('t4'), ('t5')")
          const blocked = other.query("insert into own values ('ours')").catch(() => {})
          await waits(other, url)
          try {
            await Promise.all([write(tx, 'theirs'), write(tx, 'behind')])
          } finally {
            await blocked
            await other.rollback()
          }
        },
        change,
      ),
      'done',
    )
    t.equal(runs, 2, 'it runs again at once')
    t.same(await executor.rows('select id from own', []), [])
    t.equal(
      await store.fulfil(
        claim,
        async (tx) => {
          await Promise.all([write(tx, 'ours'), write(tx, 'behind')])
        },
        change,
      ),
      'done',
    )
    t.equal((await executor.rows('select id from own', [])).length, 2)
    await executor.run("delete from own where id <> 'nobody'", [])
    const modes = await Promise.all(
      Array.from({ length: 5 }, async () => Number((await executor.rows('select @@autocommit as mode', []))[0]!.mode)),
    )
    t.same(new Set(modes), new Set([1]), 'connections are returned with their original settings')
  })
}

/** InnoDB refreshes its list of transactions only after 100 ms without a query: two tests that ask at once would never see it change. Only one may. */
export const INNODB_STALE_MS = 110

/** Waits until a statement of the connection waits for a lock. */
async function waits(connection: mysql2.Connection, url: string): Promise<void> {
  const watcher = await mysql2.createConnection(url)
  const isWaiting = async () => {
    const [[status]] = await watcher.query<mysql2.RowDataPacket[]>('show engine innodb status')
    const [, ...transactions] = (status!.Status as string).split('---TRANSACTION')
    return transactions.some(
      (text) => text.includes('LOCK WAIT') && new RegExp(`thread id ${connection.threadId},`).test(text),
    )
  }
  while (!(await isWaiting())) await wait(20)
  await watcher.end()
}
