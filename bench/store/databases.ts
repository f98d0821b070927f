import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import mysql2 from 'mysql2/promise'
import type { RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import { fromMysql2 } from '../../src/store/adapters/mysql2.ts'
import { fromPg } from '../../src/store/adapters/pg.ts'
import { fromSqlite } from '../../src/store/adapters/sqlite.ts'
import { tables } from '../../src/store/sql/schema/tables.ts'
import { sqlStore } from '../../src/store/sql/sql.ts'
import type { SqlStore } from '../../src/store/sql/sql.ts'
import { startMysql, startPostgres } from '../../test/store/servers.ts'

/** What a database has counted so far. */
export interface Counts {
  /** Bytes of its log: WAL, redo. */
  log: number
  /** Bytes of the tables of this prefix, with their indexes. */
  disk: number
  /** Rows updated: all of them, and those of the orders themselves. */
  updates?: number
  orderUpdates?: number
  /** Of the latter, the HOT updates: those that touched no index. */
  hot?: number
}

export interface Database {
  name: string
  /** A store with tables of its own, on connections of its own. */
  open(tablePrefix: string): Promise<{ store: SqlStore<unknown>; close(): Promise<void> }>
  count(tablePrefix: string): Promise<Counts>
  remove(): Promise<void>
}

/** The databases available here: PostgreSQL's own server, MariaDB or MySQL where one is installed, and a file. */
export const DATABASES: (() => Promise<Database | undefined>)[] = [
  async function postgres() {
    // No checkpoint may come in between: what follows one writes whole pages.
    const server = await startPostgres({
      settings: { checkpoint_timeout: '1h', max_wal_size: '8GB', autovacuum: 'off', synchronous_commit: 'off' },
    })
    const client = new pg.Client(server.url)
    client.on('error', () => {})
    await client.connect()
    return {
      name: 'postgres',
      async open(tablePrefix) {
        const pool = new pg.Pool({ connectionString: server.url })
        return { store: sqlStore(fromPg(pool), { tablePrefix }) as SqlStore<unknown>, close: () => pool.end() }
      },
      async count(tablePrefix) {
        const names = Object.values(tables(tablePrefix))
        await client.query(`vacuum ${await existing(client, names)}`)
        const { rows } = await client.query<{
          log: string
          disk: string
          updates: string
          order_updates: string
          hot: string
        }>(
          `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as log,
             sum(pg_relation_size(relid) + pg_indexes_size(relid)) as disk, sum(n_tup_upd) as updates,
             sum(n_tup_upd) filter (where relname = $2) as order_updates, sum(n_tup_hot_upd) filter (where relname = $2) as hot
           from pg_stat_user_tables where relname = any($1)`,
          [names, tables(tablePrefix).trades],
        )
        const { log, disk, updates, order_updates: orderUpdates, hot } = rows[0]!
        return {
          log: Number(log),
          disk: Number(disk),
          updates: Number(updates),
          orderUpdates: Number(orderUpdates),
          hot: Number(hot),
        }
      },
      async remove() {
        await client.end()
        await server.remove()
      },
    }
  },

  async function mysql() {
    const server = await startMysql()
    if (server === undefined) return undefined
    const admin = await mysql2.createConnection(server.url)
    await admin.query('create database bench')
    const status = async (name: string) => {
      const [rows] = await admin.query<RowDataPacket[]>(`show global status like '${name}'`)
      return Number(rows[0]!.Value)
    }
    return {
      name: 'mysql',
      async open(tablePrefix) {
        const pool = mysql2.createPool(`${server.url}bench`)
        return { store: sqlStore(fromMysql2(pool), { tablePrefix }) as SqlStore<unknown>, close: () => pool.end() }
      },
      async count(tablePrefix) {
        const names = Object.values(tables(tablePrefix))
        await admin.query(`analyze table ${names.map((name) => `bench.${name}`).join(', ')}`)
        const [rows] = await admin.query<RowDataPacket[]>(
          `select sum(data_length + index_length) as disk from information_schema.tables where table_name in (${names.map((name) => `'${name}'`).join(', ')})`,
        )
        return {
          log: await status('Innodb_os_log_written'),
          disk: Number(rows[0]!.disk),
          updates: await status('Handler_update'),
        }
      },
      async remove() {
        admin.destroy()
        await server.remove()
      },
    }
  },

  async function sqlite() {
    const dir = await mkdtemp(join(tmpdir(), 'fastify-wechat-pay-bench-'))
    const file = join(dir, 'store.db')
    const connect = () => {
      const db = new BetterSqlite3(file)
      db.pragma('journal_mode = wal')
      db.pragma('wal_autocheckpoint = 0')
      db.pragma('synchronous = off')
      return db
    }
    const observer = connect()
    return {
      name: 'sqlite',
      async open(tablePrefix) {
        const db = connect()
        return {
          store: sqlStore(fromSqlite(db), { tablePrefix }) as SqlStore<unknown>,
          close: async () => {
            db.close()
          },
        }
      },
      async count() {
        const [page] = observer.pragma('page_size') as { page_size: number }[]
        const [pages] = observer.pragma('page_count') as { page_count: number }[]
        return { log: (await stat(`${file}-wal`)).size, disk: page!.page_size * pages!.page_count }
      },
      async remove() {
        observer.close()
        await rm(dir, { recursive: true })
      },
    }
  },
]

async function existing(client: pg.Client, names: string[]): Promise<string> {
  const { rows } = await client.query<{ relname: string }>(
    'select relname from pg_stat_user_tables where relname = any($1)',
    [names],
  )
  return rows.map(({ relname }) => relname).join(', ')
}
