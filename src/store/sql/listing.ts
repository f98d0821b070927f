import type { Differences } from './dialects.ts'
import type { Reader, Value } from '../executor.ts'
import type { Orders } from './orders.ts'
import type { Tables } from './schema/tables.ts'
import type { Store } from '../store.ts'

/** Many orders at once, as a reconciliation reads them: by their primary key, so that no index has to be kept for it. */
export function listingOf(
  { trades: orders, refunds }: Tables,
  { place, time }: Differences,
  reading: Reader,
  { selection, read }: Orders,
): Pick<Store, 'findOrders' | 'ordersBetween' | 'refundedBetween'> {
  const list = async (where: string, values: Value[]) =>
    await read(await reading.rows(`select ${selection} from ${orders} where ${where}`, values), reading)

  return {
    async findOrders(outTradeNos) {
      if (outTradeNos.length === 0) return []
      return await list(`out_trade_no in (${outTradeNos.map(() => place.key).join(', ')})`, [...outTradeNos])
    },

    async ordersBetween(after, before, limit) {
      return await list(
        `out_trade_no > ${place.key} and out_trade_no < ${place.key} order by ${orders}.out_trade_no limit ${limit}`,
        [after, before],
      )
    },

    async refundedBetween(from, to, after, limit) {
      return await list(
        `out_trade_no > ${place.key} and exists (select 1 from ${refunds} where ${refunds}.out_trade_no = ${orders}.out_trade_no and ${refunds}.created_at >= ${place.time} and ${refunds}.created_at < ${place.time}) order by ${orders}.out_trade_no limit ${limit}`,
        [after, time(from), time(to)],
      )
    },
  }
}
