import Database from 'better-sqlite3'
import { sql } from 'drizzle-orm'
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js'
import { sqliteTable, text as sqliteText } from 'drizzle-orm/sqlite-core'
import Libsql from 'libsql'
import mysql2 from 'mysql2/promise'
import postgresJs from 'postgres'
import t from 'tap'
import type { Test } from 'tap'
import { fromDrizzle } from '../../../src/store/adapters/drizzle.ts'
import { size } from '../../sizes.ts'
import { contract, keepsContract, pgPool, postgres, undoesLost } from '../databases.ts'

const own = {
  postgres: pgTable('own', { id: text().primaryKey() }),
  mysql: mysqlTable('own', { id: varchar({ length: 36 }).primaryKey() }),
  sqlite: sqliteTable('own', { id: sqliteText().primaryKey() }),
}

function onSqlite(client: Database.Database, t: Test) {
  t.teardown(() => {
    client.close()
  })
  const db = drizzleSqlite(client)
  return {
    executor: fromDrizzle(db, 'sqlite'),
    write: async (tx: typeof db, id: string) => tx.insert(own.sqlite).values({ id }).run(),
  }
}

await keepsContract(t, {
  postgres(url, t) {
    const db = drizzlePg(pgPool(url, t))
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0]
    return { executor: fromDrizzle(db, 'postgres', sql), write: (tx: Tx, id) => tx.insert(own.postgres).values({ id }) }
  },
  mysql(uri, t) {
    const pool = mysql2.createPool({ uri })
    t.teardown(() => pool.end())
    const db = drizzleMysql(pool)
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0]
    return { executor: fromDrizzle(db, 'mysql', sql), write: (tx: Tx, id) => tx.insert(own.mysql).values({ id }) }
  },
  sqlite: (path, t) => onSqlite(new Database(path, { timeout: 0 }), t),
  libsql: (path, t) => onSqlite(new Libsql(path) as unknown as Database.Database, t),
})

t.test('postgres.js', async (t) => {
  const open = (url: string, t: Test) => {
    const client = postgresJs(url, { fetch_types: false, onnotice() {} })
    t.teardown(() => client.end({ timeout: 0 }))
    const db = drizzlePostgresJs(client)
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0]
    return {
      executor: fromDrizzle(db, 'postgres', sql),
      write: (tx: Tx, id: string) => tx.insert(own.postgres).values({ id }),
    }
  }
  const url = await postgres(t)
  await contract(t, open(url, t), size(4, 1))
  await undoesLost(t, url, open)
})

t.test('postgres.js: anything a work throws is passed on', async (t) => {
  const execute = async () => []
  const db = { execute, transaction: <T>(work: (tx: any) => Promise<T>) => work({ execute }), $client: { begin() {} } }
  const executor = fromDrizzle(db, 'postgres', ([text]) => text!)
  for (const thrown of [undefined, null, 'text', new Error('work'), new Error('work', { cause: 'text' })]) {
    t.equal(await executor.transaction(() => Promise.reject(thrown)).catch((error: unknown) => error), thrown)
  }
})

t.test('postgres.js: a work disconnected by the server never ends', async (t) => {
  let ended = false
  const db = {
    execute: async () => [],
    async transaction<T>(work: (tx: any) => Promise<T>): Promise<T> {
      const over = () => {
        ended = true
      }
      work({ execute: db.execute }).then(over, over)
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
      throw new Error('CONNECTION_CLOSED')
    },
    $client: { begin() {} },
  }
  const executor = fromDrizzle(db, 'postgres', ([text]) => text!)
  const fatal = Object.assign(new Error('terminating connection'), { cause: { severity: 'FATAL' } })
  await t.rejects(
    executor.transaction(() => Promise.reject(fatal)),
    { message: 'CONNECTION_CLOSED' },
  )
  t.notOk(ended)
})

t.test('the results of each driver are read', async (t) => {
  const ANSWERS: ['postgres' | 'mysql', query: unknown, change: unknown][] = [
    ['postgres', { rows: [{ id: 1 }] }, { rowCount: 2 }],
    ['postgres', [{ id: 1 }], Object.assign([], { count: 2 })],
    ['mysql', [[{ id: 1 }], []], [{ affectedRows: 2 }, undefined]],
  ]
  for (const [dialect, rows, changed] of ANSWERS) {
    const execute = async (query: string) => (query === 'select' ? rows : changed)
    const executor = fromDrizzle({ execute, transaction: (work) => work({ execute }) }, dialect, ([text]) => text!)
    t.same(await executor.rows('select', []), [{ id: 1 }], dialect)
    t.equal(await executor.run('update', []), 2, dialect)
  }
})
