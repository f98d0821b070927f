import type pg from 'pg'
import type { World } from '../../mock-server/index.ts'

/** How many orders one transaction claims to pay. */
const SHARE = 5

/**
 * Validly signed notifications report, at the same moment and four times each, that one transaction paid several unpaid orders. It pays one of them,
 * and only notifications of that one are acknowledged.
 *
 * @throws if it paid none or several, or another was acknowledged
 */
export async function reuseTransactions(world: World, pool: pg.Pool, numbers: string[]): Promise<void> {
  const said = numbers.map((outTradeNo, n) => {
    const transactionId = `42${String(Math.floor(n / SHARE)).padStart(26, '0')}`
    return {
      outTradeNo,
      transactionId,
      notification: world.craft(outTradeNo, { fields: { transaction_id: transactionId } }),
    }
  })
  const deliveries = await Promise.all(
    said.map(async ({ notification }) => await notification.deliver({ count: 4, concurrent: true })),
  )
  const { rows } = await pool.query<{ out_trade_no: string }>(
    "select out_trade_no from wechat_trades where state = 'paid' and out_trade_no = any($1)",
    [numbers],
  )
  const paid = new Set(rows.map(({ out_trade_no: number }) => number))
  const transactions = new Set(said.map(({ transactionId }) => transactionId))
  for (const transaction of transactions) {
    const orders = said.filter(({ transactionId, outTradeNo }) => transactionId === transaction && paid.has(outTradeNo))
    if (orders.length !== 1) throw new Error(`one transaction paid ${orders.length} orders`)
  }
  const believed = deliveries.flat().filter(({ verdict, outTradeNo }) => verdict === 'acked' && !paid.has(outTradeNo!))
  if (believed.length > 0) throw new Error(`${believed.length} notifications of a used transaction were acknowledged`)
}
