import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { fromSqlite } from '../../../src/store/adapters/sqlite.ts'
import type { SqliteLike } from '../../../src/store/adapters/sqlite.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { betterSqlite3, closing, contract, sqliteFile } from '../databases.ts'
import { outlivesLocks } from '../locks.ts'
import { change, claimed, newOrder } from '../orders.ts'

/** Opens a library on a file, and closes it at the end of `t`; `undefined` if the library is not built. */
type Open = (path: string, t: Test) => SqliteLike | undefined

const sqlite = process.getBuiltinModule('node:sqlite') as
  { DatabaseSync: new (path: string) => SqliteLike & { close(): unknown } } | undefined

const LIBRARIES: Record<string, Open | undefined> = {
  'better-sqlite3': betterSqlite3,
  libsql: sqliteFile,
  'node:sqlite': sqlite && ((path, t) => closing(new sqlite.DatabaseSync(path), t)),
}

for (const [name, open] of Object.entries(LIBRARIES)) {
  if (open === undefined) {
    t.comment(`SKIPPED: Node ${process.version} has no ${name}`)
    continue
  }
  t.test(name, async (t) => {
    const db = open(join(t.testdir(), 'test.db'), t)
    if (db === undefined) return
    await contract(t, {
      executor: fromSqlite(db),
      write: async (tx, id) => tx.prepare('insert into own (id) values (?)').run(id),
    })
  })

  t.test(
    `${name}: while a transaction of the caller is open, the store reads in it and writes only through it`,
    async (t) => {
      const db = open(':memory:', t)
      if (db === undefined) return
      await sqlStore(fromSqlite(db)).migrate()
      // Its first statement is sent in the transaction.
      const store = sqlStore(fromSqlite(db))
      db.exec('begin')
      t.equal(await store.findOrder('new'), undefined)
      await t.rejects(store.insertOrder(change(newOrder('new'))), /within a transaction/)
      await t.rejects(store.beat('process', 1), /within a transaction/)
      db.exec('rollback')
      await store.insertOrder(change(newOrder('new')))
      db.exec('begin')
      const attempts = async () => (await store.findOrder('new'))?.attempts
      await store.updateOrder('new', (order) => change({ ...order, attempts: 1 }), db)
      t.equal(await attempts(), 1)
      db.exec('rollback')
      t.equal(await attempts(), 0)
    },
  )

  t.test(`${name}: locks`, (t) =>
    outlivesLocks(
      t,
      (path, t) => {
        const db = open(path, t)!
        db.exec('pragma busy_timeout = 0')
        return fromSqlite(db)
      },
      open,
    ),
  )
}

/** Resolves on request. */
function gate() {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

t.test('statements sent on the connection while onPaid runs wait for its end and are not part of it', async (t) => {
  const db = sqliteFile(':memory:', t)
  // Two stores on one connection, as with two plugins.
  const [store, other] = [sqlStore(fromSqlite(db)), sqlStore(fromSqlite(db), { tablePrefix: 'other_' })]
  await store.migrate()
  await other.migrate()
  const claim = await claimed(store, 'running')
  const { open, opened } = gate()
  const order: string[] = []

  const fulfilled = store.fulfil(
    claim,
    async () => {
      order.push('work begins')
      await opened
      order.push('work ends')
      throw new Error('rolled back')
    },
    change,
  )
  const beside = Promise.all([
    store.insertOrder(change(newOrder('beside'))),
    other.insertOrder(change(newOrder('beside'))),
  ]).then(() => {
    order.push('inserted')
  })
  setImmediate(open)

  await t.rejects(fulfilled, { message: 'rolled back' })
  await beside
  t.same(order, ['work begins', 'work ends', 'inserted'])
  t.ok(await store.findOrder('beside'))
  t.ok(await other.findOrder('beside'))
})

t.test(
  'calls of onPaid to its own store, outside its transaction, are refused, as they would wait for themselves',
  async (t) => {
    const store = sqlStore(fromSqlite(sqliteFile(':memory:', t)))
    await store.migrate()
    const claim = await claimed(store, 'itself')
    const { open, opened } = gate()
    let later: Promise<unknown> | undefined
    t.equal(
      await store.fulfil(
        claim,
        async () => {
          await t.rejects(store.findOrder('itself'), {
            message: /onPaid .* is holding it: this call would wait for itself/,
          })
          await t.rejects(store.updateOrder('itself', change), { message: /would wait for itself/ })
          later = opened.then(() => store.findOrder('itself'))
        },
        change,
      ),
      'done',
    )
    open()
    t.match(await later, { outTradeNo: 'itself' }, 'calls that it leaves for later are served')
  },
)

t.test("a write that conflicts with another connection's is tried again", async (t) => {
  const path = join(t.testdir(), 'test.db')
  const [mine, theirs] = [sqliteFile(path, t, { timeout: 0 }), sqliteFile(path, t)]
  const store = sqlStore(fromSqlite(mine))
  await store.migrate()
  theirs.exec('begin immediate')
  setTimeout(() => {
    theirs.exec('commit')
  }, 20)
  t.same(await store.insertOrder(change(newOrder('busy'))), { inserted: true })

  theirs.exec('begin immediate')
  await t.rejects(store.insertOrder(change(newOrder('busy-2'))), { code: 'SQLITE_BUSY' }, 'but not forever')
  theirs.exec('commit')
  t.equal(await store.findOrder('busy-2'), undefined)
})

const SETTINGS = [
  "encoding = 'UTF-16'",
  'foreign_keys = on',
  'journal_mode = truncate',
  'synchronous = off',
  'reverse_unordered_selects = on',
  'recursive_triggers = on',
  'case_sensitive_like = on',
  'trusted_schema = off',
  'legacy_alter_table = on',
  'cell_size_check = on',
]

t.test('settings of the driver and the connection change nothing', async (t) => {
  const db = sqliteFile(join(t.testdir(), 'test.db'), t)
  db.defaultSafeIntegers()
  for (const setting of SETTINGS) db.exec(`pragma ${setting}`)
  await contract(t, {
    executor: fromSqlite(db),
    write: async (tx, id) => tx.prepare('insert into own (id) values (?)').run(id),
  })
})

t.test('a session that is renewed while ended ones are deleted stays', async (t) => {
  const executor = fromSqlite(sqliteFile(':memory:', t))
  const session = { tokenHash: 'a'.repeat(64), appid: 'wx', openid: 'o', unionid: undefined, expiresAt: new Date(1) }
  const renewed = { ...session, expiresAt: new Date(9) }
  const store = sqlStore({
    ...executor,
    async rows(sql, values) {
      const rows = await executor.rows(sql, values)
      if (sql.includes('expires_at <')) await store.putSession(renewed)
      return rows
    },
  })
  await store.migrate()
  await store.putSession(session)
  await store.deleteSessionsBefore(new Date(5))
  t.strictSame(await store.getSession(session.tokenHash), renewed)
})
