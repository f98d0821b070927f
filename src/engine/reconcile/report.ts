import type { UnreadableLine } from '../../protocol/bill.ts'
import type { TradeSummary } from '../../protocol/trade-bill.ts'
import type { Comparison } from './compare.ts'

/** A payment or refund about which a bill and the store differ. */
export interface Difference extends Comparison {
  outTradeNo: string
  /** Set for a refund. */
  outRefundNo: string | undefined
  /**
   * - `healed`: WeChat confirmed the bill, and now the store agrees
   * - `open`: a person has to decide
   * - `unasked`: WeChat could not be queried; the next run will query it
   * - `decided`: a person has already decided about it
   */
  outcome: 'healed' | 'open' | 'unasked' | 'decided'
  /** One sentence: what the run found. */
  reason: string
}

/** A day's bill compared with the store. Counts are lines of the bill, except `elsewhere` and the differences of the kind `ours-only`. */
export interface Reconciliation {
  /** The day in GMT+8: `yyyy-MM-dd`. */
  date: string
  rows: number
  equal: number
  /** Lines of another app, or with an order number this package did not create: they belong to another system under the same merchant number. */
  foreign: number
  /** Our entries of the day that WeChat has in the bill of another day. */
  elsewhere: number
  healed: number
  open: number
  unasked: number
  decided: number
  /** In the order of the bill, followed by the entries only the store has. */
  differences: Difference[]
  /** Differences beyond the first 10,000, which were not checked: run it again. */
  more: number
  /** Unreadable lines: the first hundred of `unreadableRows`. */
  unreadable: UnreadableLine[]
  unreadableRows: number
  /** The bill's summary line; absent for a day without trades. */
  summary: TradeSummary | undefined
}

/** The report as text: a line of counts, and a table of the differences. */
export function formatReconciliation(report: Reconciliation): string {
  const { date, rows, equal, foreign, elsewhere, healed, open, unasked, decided, more, unreadable } = report
  const { unreadableRows } = report
  const counts = { rows, equal, healed, open, unasked, decided, foreign, elsewhere, unreadable: unreadableRows, more }
  const head = Object.entries(counts)
    .filter(([name, count]) => count > 0 || name === 'rows' || name === 'open')
    .map(([name, count]) => `${count} ${name}`)
  const table = [
    ['outcome', 'kind', 'order', 'refund', 'ours', 'theirs', ''],
    ...report.differences.map(({ outcome, kind, outTradeNo, outRefundNo = '', ours, theirs, reason }) => [
      ...[outcome, kind, outTradeNo, outRefundNo, ours, theirs, reason],
    ]),
  ]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)))
  return [
    `${date}: ${head.join(', ')}`,
    ...(table.length > 1 ? table : []).map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    ),
    ...unreadable.map(({ line, reason }) => `line ${line} of the bill cannot be read: ${reason}`),
  ].join('\n')
}
