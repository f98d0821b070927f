import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import t from 'tap'
import type { Test } from 'tap'
import { fromPrisma } from '../../../src/store/adapters/prisma.ts'
import type { Dialect } from '../../../src/store/executor.ts'
import { keepsContract, pgPool } from '../databases.ts'
import { clientClass } from '../prisma-client.ts'

function open(t: Test, dialect: Dialect, adapter: PrismaPg | PrismaMariaDb | PrismaBetterSqlite3) {
  const prisma = new (clientClass(dialect))({ adapter })
  t.teardown(() => prisma.$disconnect())
  return {
    executor: fromPrisma(prisma, dialect),
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
