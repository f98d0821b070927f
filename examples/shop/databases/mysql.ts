import mysql from 'mysql2/promise'
import { fromMysql2, sqlStore } from '../../../src/index.ts'
import type { SqlStore } from '../../../src/index.ts'
import type { ShopDatabase } from '../database.ts'

export async function open(url: string, connectMs: number): Promise<ShopDatabase> {
  const pool = mysql.createPool({ uri: url, connectTimeout: connectMs })
  try {
    await pool.query(
      'create table if not exists shop_shipments (id integer auto_increment primary key, out_trade_no varchar(32) not null)',
    )
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    store: sqlStore(fromMysql2(pool)) as SqlStore<unknown>,
    async ship(tx, outTradeNo) {
      await (tx as mysql.PoolConnection).query('insert into shop_shipments (out_trade_no) values (?)', [outTradeNo])
    },
    async shipments(outTradeNo) {
      const [rows] = await pool.query('select id from shop_shipments where out_trade_no = ?', [outTradeNo])
      return (rows as unknown[]).length
    },
    async close() {
      await pool.end()
    },
  }
}
