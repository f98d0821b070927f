import Database from 'better-sqlite3'
import t from 'tap'
import { fromSqlite } from '../../../src/store/adapters/sqlite.ts'
import type { SqliteLike } from '../../../src/store/adapters/sqlite.ts'
import { contract } from '../databases.ts'

const sqlite = process.getBuiltinModule('node:sqlite') as { DatabaseSync: new (path: string) => SqliteLike & { close (): unknown } } | undefined

const LIBRARIES: Record<string, (() => SqliteLike & { close (): unknown }) | undefined> = {
  'better-sqlite3': () => new Database(':memory:'),
  'node:sqlite': sqlite && (() => new sqlite.DatabaseSync(':memory:'))
}

for (const [name, open] of Object.entries(LIBRARIES)) {
  t.test(name, { skip: open === undefined && `Node ${process.version} has no ${name}` }, async (t) => {
    const db = open!()
    t.teardown(() => { db.close() })
    await contract(t, { executor: fromSqlite(db), write: async (tx, id) => tx.prepare('insert into own (id) values (?)').run(id) })
  })
}
