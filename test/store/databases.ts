import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Test } from 'tap'
import { sqlStore } from '../../src/store/sql.ts'
import type { Executor } from '../../src/store/executor.ts'
import { storeContract } from '../../src/testing.ts'
import { startPostgres } from './servers.ts'

/** A database of the test's own, on DATABASE_URL's server or on one that starts for it. It goes when the test ends. */
export async function postgres (t: Test): Promise<string> {
  const server = process.env.DATABASE_URL === undefined ? await startPostgres() : undefined
  if (server !== undefined) {
    t.teardown(() => server.remove())
    return server.url
  }
  const name = `wechat_test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(process.env.DATABASE_URL!)
  const admin = async (sql: string) => {
    const client = new pg.Client(process.env.DATABASE_URL)
    await client.connect()
    await client.query(sql)
    await client.end()
  }
  await admin(`create database ${name}`)
  t.teardown(() => admin(`drop database ${name} with (force)`))
  url.pathname = name
  return url.href
}

/** The contract of stores, through this executor: one test for each of its cases. `write` inserts into the table `own`, which has one column, `id`. */
export async function contract<Tx> (t: Test, executor: Executor<Tx>, write: (tx: Tx, id: string) => Promise<unknown>): Promise<void> {
  const store = sqlStore(executor)
  await store.migrate()
  await executor.run('create table own (id varchar(36) not null primary key)', [])
  const cases = storeContract<Tx>({
    makeStore: async () => {
      for (const table of ['orders', 'refunds', 'history', 'anomalies', 'sessions']) await executor.run(`delete from wechat_${table}`, [])
      return store
    },
    probe: {
      write: async (tx, id) => { await write(tx, id) },
      read: async (id) => (await executor.rows(`select id from own where id = '${id}'`, [])).length === 1
    },
    oneWriter: executor.dialect === 'sqlite'
  })
  for (const { name, run } of cases) await t.test(name, run)
}
