import type { HistoryEntry, HistoryLine } from '../../../model.ts'
import { codec } from '../codec.ts'
import type { Differences } from '../dialects.ts'
import type { Reader } from '../../executor.ts'
import { HISTORY, REPEAT } from '../fields.ts'
import type { Tables } from '../schema/tables.ts'

/** The lines of an order made with 0.1 that has not changed since, from the old tables with a row for each line. The next change moves them into the order's row. */
export function oldHistoryOf(
  { history, repeats }: Tables,
  differences: Differences,
): (outTradeNo: string, connection: Reader) => Promise<HistoryEntry[]> {
  const lineRow = codec<HistoryLine>(HISTORY, differences, history)
  const repeatRow = codec(REPEAT, differences, repeats)
  const select =
    `select ${lineRow.selection}, ${repeatRow.selection} from ${history} left join ${repeats} on history_id = ${history}.id ` +
    `where ${history}.out_trade_no = ${differences.place.key} order by ${history}.id`

  return async (outTradeNo, connection) => {
    const rows = await connection.rows(select, [outTradeNo])
    return rows.map((row) => {
      const line = lineRow.read(row)
      const { times, lastAt } = repeatRow.read(row)
      return { ...line, count: 1 + (times ?? 0), lastAt: lastAt ?? line.at }
    })
  }
}
