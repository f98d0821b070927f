import t from 'tap'
import type { HistoryLine } from '../../../../src/model.ts'
import { DIALECTS } from '../../../../src/store/sql/dialects.ts'
import { oldHistoryOf } from '../../../../src/store/sql/history/old-history.ts'
import { tables } from '../../../../src/store/sql/schema/tables.ts'
import { at, change, newOrder } from '../../orders.ts'

t.test(
  'lines of version 0.1 come back with how often they were said, those of its first schema as said once',
  async (t) => {
    const line: HistoryLine = change(newOrder('tea')).history[0]!
    const row = (times: number | null, lastAt: number | null) => ({
      out_trade_no: line.outTradeNo,
      seen_at: at(0).getTime(),
      source: line.source,
      seen: line.seen,
      outcome: line.outcome,
      from_state: line.from,
      to_state: line.to,
      history_id: times === null ? null : 5,
      times,
      last_seen_at: lastAt === null ? null : at(lastAt).getTime(),
    })
    const asked: unknown[] = []
    const rows = async (_sql: string, values: unknown[]) => {
      asked.push(...values)
      return [row(null, null), row(3, 9)]
    }
    t.strictSame(await oldHistoryOf(tables(), DIALECTS.sqlite)('tea', { rows }), [
      { ...line, at: at(0), count: 1, lastAt: at(0) },
      { ...line, at: at(0), count: 4, lastAt: at(9) },
    ])
    t.same(asked, ['tea'])
  },
)
