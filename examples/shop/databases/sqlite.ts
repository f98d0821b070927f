import Database from 'libsql'
import { fromSqlite, sqlStore } from '../../../src/index.ts'
import type { SqlStore } from '../../../src/index.ts'
import type { ShopDatabase } from '../database.ts'

export async function open(file: string): Promise<ShopDatabase> {
  const db = new Database(file)
  db.exec('create table if not exists shop_shipments (id integer primary key, out_trade_no varchar(32) not null)')
  // Its reads wait for an `onPaid` that runs, and take the lock first, which libsql needs.
  const executor = fromSqlite(db)
  return {
    store: sqlStore(executor) as SqlStore<unknown>,
    async ship(tx, outTradeNo) {
      ;(tx as typeof db).prepare('insert into shop_shipments (out_trade_no) values (?)').run(outTradeNo)
    },
    async shipments(outTradeNo) {
      return (await executor.rows('select id from shop_shipments where out_trade_no = ?', [outTradeNo])).length
    },
    async close() {
      db.close()
    },
  }
}
