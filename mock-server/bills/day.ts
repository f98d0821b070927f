import type { Order } from '../ledger/orders.ts'
import { outcomeAt, type Refund, refundSettlement } from '../ledger/refunds.ts'
import { parseWechatTime, wechatTime } from '../wire/time.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** WeChat generates yesterday's bill at nine and advises merchants to fetch it after ten; until ten the mock has none. */
const MADE_AFTER_MS = DAY_MS + 9 * HOUR_MS
const READY_AFTER_MS = DAY_MS + 10 * HOUR_MS

const RATE = 0.006

/** The merchant's contractual rate, as the bill prints it. */
export const RATE_TEXT = '0.60%'

/** What a settled amount costs the merchant: 0.60 %, rounded to a fen. */
export const feeOf = (fen: number) => Math.round(fen * RATE)

/**
 * The fee that each refund of an order returns. It is rounded together with the earlier refunds that were not closed when
 * this one was requested, so that partial refunds of the whole payment return the whole fee. A refund closed later
 * changes nothing.
 */
export function refundedFees(order: Order, refunds: readonly Refund[]): number[] {
  const fees: number[] = []
  for (const refund of refunds) {
    let settled = refundSettlement(order, refund).refundFee
    let given = 0
    fees.forEach((fee, n) => {
      if (outcomeAt(refunds[n]!, refund.requestedAt).status === 'REFUNDCLOSE') return
      settled += refundSettlement(order, refunds[n]!).refundFee
      given += fee
    })
    // If a closed part had returned less than its share, more may already have been returned than is due.
    fees.push(Math.max(0, feeOf(settled) - given))
  }
  return fees
}

/** Bills are in yuan. */
export const yuan = (fen: number, digits = 2) => (fen / 100).toFixed(digits)

export const isBillDate = (text: string) => /^\d{8}$/.test(text) && parseWechatTime(`${text}000000`) !== undefined

/** One day in China. */
export interface BillDay {
  readonly has: (date: Date) => boolean
  /** Until it ends, any request for the bill is too early. */
  readonly state: 'future' | 'creating' | 'ready'
  readonly ageMs: number
  /** The bill shows the state at that time and does not change afterwards. */
  readonly madeAt: Date
}

/** `date` is a real day as yyyyMMdd. */
export function billDay(date: string, now: Date): BillDay {
  const start = parseWechatTime(`${date}000000`)!.getTime()
  const ageMs = now.getTime() - start
  return {
    has: (moment) => wechatTime(moment).startsWith(date),
    state: ageMs < 0 ? 'future' : ageMs < READY_AFTER_MS ? 'creating' : 'ready',
    ageMs,
    madeAt: new Date(start + MADE_AFTER_MS),
  }
}

/** A column of a table: its name and its value. */
export type Column<Row> = readonly [name: string, value: (row: Row) => string]

/** A WeChat table: UTF-8 with a byte order mark, CRLF, a backtick before each value but not before column names. */
export function billText<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  summary: readonly (readonly [name: string, value: string])[],
): string {
  const values = (texts: readonly string[]) => texts.map((text) => `\`${text}`).join(',')
  const lines = [
    columns.map(([name]) => name).join(','),
    ...rows.map((row) => values(columns.map(([, value]) => value(row)))),
    summary.map(([name]) => name).join(','),
    values(summary.map(([, value]) => value)),
  ]
  return `\uFEFF${lines.map((line) => `${line}\r\n`).join('')}`
}
