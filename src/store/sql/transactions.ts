import type { Order } from '../../model.ts'
import type { Differences } from './dialects.ts'
import type { Reader } from '../executor.ts'
import type { Tables } from './schema.ts'
import type { Statement } from './statements.ts'
import { transactionTaken } from '../store.ts'

/** WeChat's transactions, not the database's: each has a row that names the one order it has paid. */
export interface Transactions {
  /**
   * What claims the transaction for the order, if this change is the first to record it. Where it is taken this throws, or the statement meets a conflict.
   *
   * @throws {WechatError} `WECHAT_TRANSACTION_TAKEN`
   */
  claim(order: Order, before: Order | undefined, connection: Reader): Promise<Statement | undefined>
  /** Another order that has the transaction of this one. */
  holder(order: Order, connection: Reader): Promise<string | undefined>
}

export function transactionsOf(
  { trades: orders, transactions }: Tables,
  { place: { key }, read, compound }: Differences,
): Transactions {
  // Processes of version 1 may still run, and record payments without a claim: the orders are looked at too.
  const others = `from ${orders} where transaction_id = ${key} and out_trade_no <> ${key}`
  const numberIn = (table: string) => `${read('key', `${table}.out_trade_no`)} as out_trade_no`

  async function holders(order: Order, connection: Reader): Promise<string[]> {
    const { transactionId } = order.payment!
    const rows = await connection.rows(
      `select ${numberIn(transactions)} from ${transactions} where transaction_id = ${key} union all select ${numberIn(orders)} ${others}`,
      [transactionId, transactionId, order.outTradeNo],
    )
    return rows.map((row) => row.out_trade_no as string)
  }

  return {
    async claim(order, before, connection) {
      const transactionId = order.payment?.transactionId
      if (transactionId === undefined || transactionId === before?.payment?.transactionId) return undefined
      const into = `insert into ${transactions} (transaction_id, out_trade_no)`
      if (compound) {
        // An order that has the transaction without a claim makes the same row twice, and so a conflict, within the one round trip.
        return {
          sql: `${into} select ${key}, ${key} where not exists (select 1 from ${transactions} where transaction_id = ${key} and out_trade_no = ${key}) union all select transaction_id, out_trade_no ${others}`,
          values: [transactionId, order.outTradeNo, transactionId, order.outTradeNo, transactionId, order.outTradeNo],
        }
      }
      // Asked first: an insert that selects would lock what it reads in MySQL.
      const known = await holders(order, connection)
      const other = known.find((number) => number !== order.outTradeNo)
      if (other !== undefined) throw transactionTaken(transactionId, other)
      return known.length > 0
        ? undefined
        : { sql: `${into} values (${key}, ${key})`, values: [transactionId, order.outTradeNo] }
    },

    async holder(order, connection) {
      if (order.payment === undefined) return undefined
      return (await holders(order, connection)).find((number) => number !== order.outTradeNo)
    },
  }
}
