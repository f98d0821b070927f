// Compiled by `npm run typecheck`: each library still has the shape that its adapter asks for, and `tx` of `onPaid` is what that library calls a transaction.
import type {
  ClientOtherOps,
  DynamicClientExtensionThis,
  ITXClientDenyList,
  Types,
} from '@prisma/client/runtime/client'
import type Database from 'better-sqlite3'
import { sql } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { MySql2Database } from 'drizzle-orm/mysql2'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Knex } from 'knex'
import type { Kysely, Transaction } from 'kysely'
import type mysql2 from 'mysql2/promise'
import type pg from 'pg'
import {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromMysql2,
  fromPg,
  fromPrisma,
  fromSqlite,
  sqlStore,
} from '../../src/index.ts'
import type { Executor, WechatPayOptions } from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles when `tx` is exactly `Tx`, from the adapter to `onPaid`. */
function handsOver<Tx>() {
  return <Given>(executor: Executor<Given>, _: Equal<Given, Tx>): Partial<WechatPayOptions<Given>> => ({
    store: sqlStore(executor),
    onPaid: async (_order, { tx }) => {
      tx satisfies Given
    },
  })
}

/** The transaction that a Drizzle database hands to its callback. */
type TxOf<Db extends { transaction: (...args: any[]) => unknown }> = Parameters<Parameters<Db['transaction']>[0]>[0]

/** As @types/node declares it for Node 24; that of Node 20 has none. */
interface DatabaseSync {
  close(): void
  exec(sql: string): void
  prepare(sql: string): {
    all(...parameters: SqlInput[]): Record<string, SqlInput>[]
    all(named: Record<string, SqlInput>, ...parameters: SqlInput[]): Record<string, SqlInput>[]
    run(...parameters: SqlInput[]): { changes: number | bigint; lastInsertRowid: number | bigint }
    run(
      named: Record<string, SqlInput>,
      ...parameters: SqlInput[]
    ): { changes: number | bigint; lastInsertRowid: number | bigint }
  }
}
type SqlInput = null | number | bigint | string | NodeJS.ArrayBufferView

interface Tables {
  own: { id: string }
}
interface Schema extends Record<string, unknown> {
  own: never
}
/** The client of a schema without models; what a generated one has more is the user's models. */
type Prisma = DynamicClientExtensionThis<
  { model: {}; other: { operations: ClientOtherOps }; meta: { modelProps: never } },
  never,
  Types.Extensions.DefaultArgs
>

export function check(libraries: {
  pool: pg.Pool
  mysqlPool: mysql2.Pool
  sqlite: Database.Database
  nodeSqlite: DatabaseSync
  kysely: Kysely<Tables>
  knex: Knex
  drizzlePg: NodePgDatabase<Schema>
  drizzlePostgresJs: PostgresJsDatabase<Schema>
  drizzleMysql: MySql2Database<Schema>
  drizzleSqlite: BetterSQLite3Database<Schema> & { $client: Database.Database }
  prisma: Prisma
}) {
  handsOver<pg.PoolClient>()(fromPg(libraries.pool), true)
  handsOver<mysql2.PoolConnection>()(fromMysql2(libraries.mysqlPool), true)
  handsOver<Database.Database>()(fromSqlite(libraries.sqlite), true)
  handsOver<DatabaseSync>()(fromSqlite(libraries.nodeSqlite), true)
  handsOver<Transaction<Tables>>()(fromKysely(libraries.kysely, 'postgres'), true)
  handsOver<Knex.Transaction>()(fromKnex(libraries.knex, 'postgres'), true)
  handsOver<TxOf<NodePgDatabase<Schema>>>()(fromDrizzle(libraries.drizzlePg, 'postgres', sql), true)
  handsOver<TxOf<PostgresJsDatabase<Schema>>>()(fromDrizzle(libraries.drizzlePostgresJs, 'postgres', sql), true)
  handsOver<TxOf<MySql2Database<Schema>>>()(fromDrizzle(libraries.drizzleMysql, 'mysql', sql), true)
  handsOver<typeof libraries.drizzleSqlite>()(fromDrizzle(libraries.drizzleSqlite, 'sqlite'), true)
  handsOver<Omit<Prisma, ITXClientDenyList>>()(fromPrisma(libraries.prisma, 'postgres'), true)

  // @ts-expect-error A client is not a pool: it has no connections to give.
  fromPg(libraries.pool as unknown as pg.Client)
  // @ts-expect-error Drizzle's statements are made by its `sql`.
  fromDrizzle(libraries.drizzlePg, 'postgres')
  // @ts-expect-error Another library's transaction.
  handsOver<pg.PoolClient>()(fromMysql2(libraries.mysqlPool), true)
}
