import pg from 'pg'
import { fromPg, sqlStore } from '../../../src/index.ts'
import type { SqlStore } from '../../../src/index.ts'
import type { ShopDatabase } from '../database.ts'

export async function open(url: string, connectMs: number): Promise<ShopDatabase> {
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: connectMs })
  try {
    await pool.query(
      'create table if not exists shop_shipments (id serial primary key, out_trade_no varchar(32) not null)',
    )
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    store: sqlStore(fromPg(pool)) as SqlStore<unknown>,
    async ship(tx, outTradeNo) {
      await (tx as pg.PoolClient).query('insert into shop_shipments (out_trade_no) values ($1)', [outTradeNo])
    },
    async shipments(outTradeNo) {
      return (await pool.query('select id from shop_shipments where out_trade_no = $1', [outTradeNo])).rows.length
    },
    async close() {
      await pool.end()
    },
  }
}
