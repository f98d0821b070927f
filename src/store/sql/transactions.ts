import type { Order } from '../../model.ts'
import type { Differences } from './dialects.ts'
import type { Reader } from '../executor.ts'
import type { Tables } from './schema/tables.ts'
import type { Statement } from './statements.ts'
import { transactionTaken } from '../store.ts'

/** WeChat's transactions, not the database's: each transaction of a merchant has a row that names the one order it has paid. */
export interface Transactions {
  /**
   * The statement that claims the transaction for the order, if this change is the first to record it. If it is taken, this throws, or the statement conflicts.
   *
   * @throws {WechatError} `WECHAT_TRANSACTION_TAKEN`
   */
  claim(order: Order, before: Order | undefined, connection: Reader): Promise<Statement | undefined>
  /** Another order that has this order's transaction. */
  holder(order: Order, connection: Reader): Promise<string | undefined>
}

export function transactionsOf(
  { payments }: Tables,
  { place: { key, name }, read, compound }: Differences,
): Transactions {
  const ofMerchant = `mch_id = ${name} and transaction_id = ${key}`

  async function holderOf({ mchId, payment }: Order, connection: Reader): Promise<string | undefined> {
    const rows = await connection.rows(
      `select ${read('key', `${payments}.out_trade_no`)} as out_trade_no from ${payments} where ${ofMerchant}`,
      [mchId, payment!.transactionId],
    )
    return rows[0]?.out_trade_no as string | undefined
  }

  return {
    async claim(order, before, connection) {
      const transactionId = order.payment?.transactionId
      if (transactionId === undefined || transactionId === before?.payment?.transactionId) return undefined
      const into = `insert into ${payments} (mch_id, transaction_id, out_trade_no)`
      const row = [order.mchId, transactionId, order.outTradeNo]
      if (compound) {
        return {
          sql: `${into} select ${name}, ${key}, ${key} where not exists (select 1 from ${payments} where ${ofMerchant} and out_trade_no = ${key})`,
          values: [...row, ...row],
        }
      }
      // Asked first: an insert that selects would lock what it reads in MySQL.
      const known = await holderOf(order, connection)
      if (known === undefined) {
        return { sql: `${into} values (${name}, ${key}, ${key})`, values: row }
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
