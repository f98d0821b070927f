import type { Order } from '../../model.ts'
import type { Differences } from './dialects.ts'
import type { Reader } from '../executor.ts'
import type { Tables } from './schema/tables.ts'
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
  { transactions }: Tables,
  { place: { key }, read, compound }: Differences,
): Transactions {
  async function holderOf({ payment }: Order, connection: Reader): Promise<string | undefined> {
    const rows = await connection.rows(
      `select ${read('key', `${transactions}.out_trade_no`)} as out_trade_no from ${transactions} where transaction_id = ${key}`,
      [payment!.transactionId],
    )
    return rows[0]?.out_trade_no as string | undefined
  }

  return {
    async claim(order, before, connection) {
      const transactionId = order.payment?.transactionId
      if (transactionId === undefined || transactionId === before?.payment?.transactionId) return undefined
      const into = `insert into ${transactions} (transaction_id, out_trade_no)`
      if (compound) {
        return {
          sql: `${into} select ${key}, ${key} where not exists (select 1 from ${transactions} where transaction_id = ${key} and out_trade_no = ${key})`,
          values: [transactionId, order.outTradeNo, transactionId, order.outTradeNo],
        }
      }
      // Asked first: an insert that selects would lock what it reads in MySQL.
      const known = await holderOf(order, connection)
      if (known === undefined) {
        return { sql: `${into} values (${key}, ${key})`, values: [transactionId, order.outTradeNo] }
      }
      if (known !== order.outTradeNo) throw transactionTaken(transactionId, known)
      return undefined
    },

    async holder(order, connection) {
      if (order.payment === undefined) return undefined
      const known = await holderOf(order, connection)
      return known === order.outTradeNo ? undefined : known
    },
  }
}
