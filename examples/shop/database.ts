import Database from 'libsql'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { fromMysql2, fromPg, fromSqlite, sqlStore } from '../../src/index.ts'
import type { SqlStore } from '../../src/index.ts'

/** The shop's data: the plugin's tables and one of its own, in one database. */
export interface ShopDatabase {
  store: SqlStore<unknown>
  /** What the shop does for a paid order, in the transaction that `onPaid` is given. */
  ship (tx: unknown, outTradeNo: string): Promise<void>
  /** How often an order was shipped. */
  shipments (outTradeNo: string): Promise<number>
  close (): Promise<void>
}

const TABLE = 'create table if not exists shop_shipments (id integer primary key, out_trade_no varchar(32) not null)'

/** A SQLite file, or the database that `postgres://` or `mysql://` names. */
export async function openDatabase (url: string): Promise<ShopDatabase> {
  const database = url.startsWith('postgres') ? await openPostgres(url) : url.startsWith('mysql') ? await openMysql(url) : openSqlite(url)
  await database.store.migrate()
  return database
}

function openSqlite (file: string): ShopDatabase {
  const db = new Database(file)
  db.exec(TABLE)
  return {
    store: sqlStore(fromSqlite(db)) as SqlStore<unknown>,
    async ship (tx, outTradeNo) {
      (tx as typeof db).prepare('insert into shop_shipments (out_trade_no) values (?)').run(outTradeNo)
    },
    async shipments (outTradeNo) {
      return (db.prepare('select id from shop_shipments where out_trade_no = ?').all(outTradeNo) as unknown[]).length
    },
    async close () { db.close() }
  }
}

async function openPostgres (url: string): Promise<ShopDatabase> {
  const pool = new pg.Pool({ connectionString: url })
  await pool.query(TABLE.replace('id integer', 'id serial'))
  return {
    store: sqlStore(fromPg(pool)) as SqlStore<unknown>,
    async ship (tx, outTradeNo) {
      await (tx as pg.PoolClient).query('insert into shop_shipments (out_trade_no) values ($1)', [outTradeNo])
    },
    async shipments (outTradeNo) {
      return (await pool.query('select id from shop_shipments where out_trade_no = $1', [outTradeNo])).rows.length
    },
    async close () { await pool.end() }
  }
}

async function openMysql (url: string): Promise<ShopDatabase> {
  const pool = mysql.createPool(url)
  await pool.query(TABLE.replace('id integer', 'id integer auto_increment'))
  return {
    store: sqlStore(fromMysql2(pool)) as SqlStore<unknown>,
    async ship (tx, outTradeNo) {
      await (tx as mysql.PoolConnection).query('insert into shop_shipments (out_trade_no) values (?)', [outTradeNo])
    },
    async shipments (outTradeNo) {
      const [rows] = await pool.query('select id from shop_shipments where out_trade_no = ?', [outTradeNo])
      return (rows as unknown[]).length
    },
    async close () { await pool.end() }
  }
}
