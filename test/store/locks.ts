import { join } from 'node:path'
import mysql2 from 'mysql2/promise'
import pg from 'pg'
import type { Test } from 'tap'
import type { SqliteLike } from '../../src/store/adapters/sqlite.ts'
import type { Executor } from '../../src/store/executor.ts'
import { sqlStore } from '../../src/store/sql/sql.ts'
import { change, claimed } from './orders.ts'

/** What another connection holds, and what of ours fails then. */
const LOCKS: [journal: 'delete' | 'wal', lock: string, failing: ('read' | 'write' | 'transaction')[]][] = [
  ['delete', 'begin; select id from own', ['write', 'transaction']],
  ['delete', 'begin immediate', ['write', 'transaction']],
  ['delete', 'begin exclusive', ['read', 'write', 'transaction']],
  ['wal', 'begin; select id from own', []],
  ['wal', 'begin immediate', ['write', 'transaction']],
  ['wal', 'begin exclusive', ['write', 'transaction']],
]

/**
 * A statement that finds a SQLite file locked leaves nothing behind on its connection: what is written later is committed, and no lock is kept. `open` waits for
 * no lock. `theirs` is a connection of the same library, as two libraries in one process do not see each other's locks.
 */
export async function outlivesLocks(
  t: Test,
  open: (path: string, t: Test) => Executor<any>,
  theirs: (path: string, t: Test) => SqliteLike | undefined,
): Promise<void> {
  for (const [n, [journal, lock, failing]] of LOCKS.entries()) {
    await t.test(`${journal}: another connection has done: ${lock}`, async (t) => {
      const path = join(t.testdir(), `${n}.db`)
      const other = theirs(path, t)
      if (other === undefined) return
      other.exec(`pragma busy_timeout = 0; pragma journal_mode = ${journal}`)
      other.exec('create table own (id text not null primary key)')
      const { rows, run, transaction } = open(path, t)
      await run("insert into own values ('first')", [])
      const statements: Record<string, () => Promise<unknown>> = {
        read: () => rows('select id from own', []),
        write: () => run("insert into own values ('write')", []),
        transaction: () => transaction((connection) => connection.run("insert into own values ('transaction')", [])),
      }
      for (const name of ['read', 'write', 'transaction'] as const) {
        other.exec(lock)
        if (failing.includes(name)) await t.rejects(statements[name]!(), name)
        else await t.resolves(statements[name]!(), name)
        other.exec('commit')
        const later = [1, 2, 3].map((place) => `${name} ${place}`)
        await run('insert into own values (?)', [later[0]!])
        await transaction((connection) => connection.run('insert into own values (?)', [later[1]!]))
        await run('insert into own values (?)', [later[2]!])
        const written = other.prepare('select id from own where id like ? order by id').all(`${name} %`)
        t.strictSame(
          written.map((row) => (row as { id: string }).id),
          later,
          `what is written after a ${name} is committed`,
        )
        other.exec('begin exclusive; commit')
      }
    })
  }
}

/** pg gives a statement up after this time, ms. The server does not. */
const QUERY_TIMEOUT = 1000

/** A transaction that pg gives up leaves its connection clean: nothing of it is committed, and what other statements write is. */
export async function outlivesTimeouts(
  t: Test,
  url: string,
  open: (url: string, t: Test) => Executor<any>,
): Promise<void> {
  await t.test('a statement is given up by pg, and then the rollback behind it', async (t) => {
    const other = new pg.Client(url)
    await other.connect()
    t.teardown(() => other.end())
    const { run, transaction } = open(`${url}?query_timeout=${QUERY_TIMEOUT}`, t)
    await other.query('delete from own')
    await other.query("begin; insert into own values ('locked')")
    await t.rejects(
      transaction(async (connection) => {
        await connection.run("insert into own values ('before')", [])
        await connection.run("insert into own values ('locked')", [])
      }),
    )
    await other.query('rollback')
    const ids = Array.from({ length: 10 }, (_, n) => `later ${n}`)
    // On as many connections as a pool has.
    await Promise.all(ids.map((id) => run(`insert into own values ('${id}')`, [])))
    t.same(
      (await other.query('select id from own order by id')).rows.map(({ id }) => id as string),
      ids,
    )
  })
}

/** A hook that fails while a statement of it waits for a lock leaves its connection clean: what is written later is committed. */
export async function outlivesWaits<Tx>(
  t: Test,
  url: string,
  { executor, write }: { executor: Executor<Tx>; write(tx: Tx, id: string): Promise<unknown> },
): Promise<void> {
  await t.test('onPaid fails while a statement of it waits for a lock', async (t) => {
    const other = await mysql2.createConnection(url)
    t.teardown(() => other.end())
    await other.query('delete from own')
    const store = sqlStore(executor)
    const claim = await claimed(store, 'waits-for-a-lock')
    await other.query('begin')
    await other.query("insert into own values ('locked')")
    await t.rejects(
      store.fulfil(
        claim,
        async (tx) => {
          await write(tx, 'before')
          // Knex sends it only now.
          Promise.resolve(write(tx, 'locked')).catch(() => {})
          throw new Error('failed')
        },
        change,
      ),
      { message: 'failed' },
    )
    await other.query('rollback')
    const ids = Array.from({ length: 10 }, (_, n) => `later ${n}`)
    for (const id of ids) await executor.run(`insert into own values ('${id}')`, [])
    const [rows] = await other.query<mysql2.RowDataPacket[]>('select id from own order by id')
    t.same(
      rows.map(({ id }) => id as string),
      ids,
    )
    await other.query('delete from own')
  })
}
