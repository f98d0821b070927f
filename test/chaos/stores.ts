import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { fromDrizzle, fromKysely, fromPg, sqlStore } from '../../src/index.ts'
import type { Store } from '../../src/index.ts'

export interface ChaosStore<Tx = any> {
  store: Store<Tx>
  /** Writes the row of a fulfilled order. */
  write(tx: Tx, outTradeNo: string): Promise<unknown>
}

/** The application name of the connections of the app under test. */
export const APPLICATION_NAME = 'chaos-app'

function open(databaseUrl: string): pg.Pool {
  return new pg.Pool({
    connectionString: databaseUrl,
    application_name: APPLICATION_NAME,
    max: 10,
    connectionTimeoutMillis: 1000,
  })
}

const INSERT = 'insert into chaos_fulfilments (out_trade_no) values '

/** The same store with different libraries, each set up as docs/stores.md says. */
export const STORES = {
  fromPg(databaseUrl: string): ChaosStore<pg.PoolClient> {
    return {
      store: sqlStore(fromPg(open(databaseUrl))),
      write: (tx, outTradeNo) => tx.query(`${INSERT} ($1)`, [outTradeNo]),
    }
  },
  fromKysely(databaseUrl: string): ChaosStore {
    const pool = open(databaseUrl)
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    const db = new Kysely<{ chaos_fulfilments: { out_trade_no: string } }>({ dialect: new PostgresDialect({ pool }) })
    return {
      store: sqlStore(fromKysely(db, 'postgres')),
      write: (tx, outTradeNo) => tx.insertInto('chaos_fulfilments').values({ out_trade_no: outTradeNo }).execute(),
    }
  },
  fromDrizzle(databaseUrl: string): ChaosStore {
    return {
      store: sqlStore(fromDrizzle(drizzle(open(databaseUrl)), 'postgres', sql)),
      write: (tx, outTradeNo) => tx.execute(sql`${sql.raw(INSERT)} (${outTradeNo})`),
    }
  },
}

export type Adapter = keyof typeof STORES
export const ADAPTERS = Object.keys(STORES) as Adapter[]
