import type { WorldCore } from '../core.ts'
import type { Order } from '../orders.ts'
import { liveRefunds, refundSettlement, type Refund } from '../refunds.ts'
import { parseWechatTime, wechatTime } from '../time.ts'
import { matches } from './pay-v2.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Yesterday's bill is made from nine o'clock; merchants are told to come after ten, and until then there is none here. */
const READY_AFTER_MS = DAY_MS + 10 * HOUR_MS

const RATE = 0.006

/** The rate of the merchant's contract, as the bill writes it. */
export const RATE_TEXT = '0.60%'

/** What a settled amount costs the merchant: 0.60 %, rounded to a fen. */
export const feeOf = (fen: number) => Math.round(fen * RATE)

/**
 * What a refund gives back of the fee: rounded together with the refunds before it, so that parts which give back the whole
 * payment give back the whole fee.
 */
export function refundedFeeOf ({ refunds }: Pick<WorldCore, 'refunds'>, order: Order, refund: Refund): number {
  const settled = (refund: Refund) => refundSettlement(order, refund).refundFee
  const before = liveRefunds(refunds.ofOrder(order.outTradeNo))
    .filter(({ ordinal }) => ordinal < refund.ordinal)
    .reduce((sum, earlier) => sum + settled(earlier), 0)
  return feeOf(before + settled(refund)) - feeOf(before)
}

/** Bills are in yuan. */
export const yuan = (fen: number, digits = 2) => (fen / 100).toFixed(digits)

export const isBillDate = (text: string) => /^\d{8}$/.test(text) && parseWechatTime(`${text}000000`) !== undefined
export const isGzip = matches(/^GZIP$/)

/** One day in China. */
export interface BillDay {
  readonly has: (date: Date) => boolean
  /** Before its end, no bill can be asked for but too early. */
  readonly state: 'future' | 'creating' | 'ready'
  readonly ageMs: number
}

/** `date` is yyyyMMdd and a real day. */
export function billDay (date: string, now: Date): BillDay {
  const start = parseWechatTime(`${date}000000`)!.getTime()
  const ageMs = now.getTime() - start
  return {
    has: moment => wechatTime(moment).startsWith(date),
    state: ageMs < 0 ? 'future' : ageMs < READY_AFTER_MS ? 'creating' : 'ready',
    ageMs
  }
}

/** A column of a table: its name and what stands in it. */
export type Column<Row> = readonly [name: string, value: (row: Row) => string]

/** A table of WeChat's: UTF-8 with a byte order mark, CRLF, a back-tick before each value but not before names. */
export function billText<Row> (columns: readonly Column<Row>[], rows: readonly Row[], summary: readonly (readonly [name: string, value: string])[]): string {
  const values = (texts: readonly string[]) => texts.map(text => `\`${text}`).join(',')
  const lines = [
    columns.map(([name]) => name).join(','),
    ...rows.map(row => values(columns.map(([, value]) => value(row)))),
    summary.map(([name]) => name).join(','),
    values(summary.map(([, value]) => value))
  ]
  return `\uFEFF${lines.map(line => `${line}\r\n`).join('')}`
}
