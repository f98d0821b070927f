import type { Order } from '../ledger/orders.ts'
import { outcomeAt, type Refund, refundSettlement } from '../ledger/refunds.ts'
import { parseWechatTime, wechatTime } from '../wire/time.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Yesterday's bill is made at nine o'clock; merchants are told to come after ten, and until then there is none here. */
const MADE_AFTER_MS = DAY_MS + 9 * HOUR_MS
const READY_AFTER_MS = DAY_MS + 10 * HOUR_MS

const RATE = 0.006

/** The rate of the merchant's contract, as the bill writes it. */
export const RATE_TEXT = '0.60%'

/** What a settled amount costs the merchant: 0.60 %, rounded to a fen. */
export const feeOf = (fen: number) => Math.round(fen * RATE)

/**
 * What each refund of an order gives back of the fee: rounded together with those before it that were not closed when it was
 * asked for, so that parts which give back the whole payment give back the whole fee. What is closed later changes nothing.
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
    // Where a part that had brought less than its share was closed, more may have been given than is due by now.
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
  /** Before its end, no bill can be asked for but too early. */
  readonly state: 'future' | 'creating' | 'ready'
  readonly ageMs: number
  /** The bill says how things stood then, and stays so. */
  readonly madeAt: Date
}

/** `date` is yyyyMMdd and a real day. */
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

/** A column of a table: its name and what stands in it. */
export type Column<Row> = readonly [name: string, value: (row: Row) => string]

/** A table of WeChat's: UTF-8 with a byte order mark, CRLF, a back-tick before each value but not before names. */
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
