import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import t from 'tap'
import type { Test } from 'tap'
import { fromPrisma } from '../../../src/store/adapters/prisma.ts'
import type { PrismaTransactionOptions } from '../../../src/store/adapters/prisma.ts'
import type { Dialect } from '../../../src/store/executor.ts'
import { change, claimed } from '../orders.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { keepsContract, mysql, pgPool } from '../databases.ts'
import { clientClass } from '../prisma-client.ts'

function open(
  t: Test,
  dialect: Dialect,
  adapter: PrismaPg | PrismaMariaDb | PrismaBetterSqlite3,
  options?: PrismaTransactionOptions,
) {
  const prisma = new (clientClass(dialect))({ adapter })
  t.teardown(() => prisma.$disconnect())
  return {
    executor: fromPrisma(prisma, dialect, options),
    write: (tx: typeof prisma, id: string) => tx.$executeRawUnsafe(`insert into own (id) values ('${id}')`),
  }
}

await keepsContract(t, {
  postgres(url, t) {
    const pool = pgPool(url, t).on('connect', (client) => client.on('error', () => {}))
    return open(t, 'postgres', new PrismaPg(pool))
  },
  mysql: (url, t) => open(t, 'mysql', new PrismaMariaDb(`${url}?collation=UTF8MB4_UNICODE_CI`)),
  sqlite: (url, t) => open(t, 'sqlite', new PrismaBetterSqlite3({ url, timeout: 0 })),
})

t.test('after an onPaid that takes longer than the timeout, what is written later is committed', async (t) => {
  const url = await mysql(t)
  if (url === undefined) return
  const adapter = () => new PrismaMariaDb(`${url}?collation=UTF8MB4_UNICODE_CI&connectionLimit=1`)
  const { executor } = open(t, 'mysql', adapter(), { timeout: 200 })
  const store = sqlStore(executor)
  await store.migrate()
  await executor.run('create table own (id varchar(36) not null primary key)', [])
  const claim = await claimed(store, 'too-slow')
  await t.rejects(
    store.fulfil(claim, () => new Promise(() => {}), change),
    /longer than 200 ms/,
  )
  await executor.run("insert into own values ('later')", [])
  t.same(await open(t, 'mysql', adapter()).executor.rows('select id from own', []), [{ id: 'later' }])
})
