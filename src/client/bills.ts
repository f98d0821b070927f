import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { WechatError } from '../errors.ts'
import { readFundBill } from '../protocol/fund-bill.ts'
import type { FundRow, FundSummary } from '../protocol/fund-bill.ts'
import { readTradeBill } from '../protocol/trade-bill.ts'
import type { TradeRow, TradeSummary } from '../protocol/trade-bill.ts'
import { isRefusal } from './refusals.ts'

/** Which trades a bill lists. */
export interface TradeBillOptions {
  /** Which trades: all of the day, only payments, or only refunds. Default `ALL`. */
  type?: 'ALL' | 'SUCCESS' | 'REFUND' | undefined
  /** For a service provider: only the trades of this sub-merchant. Default: all. */
  subMchId?: string | undefined
}

/** Which movements of funds a bill lists. */
export interface FundFlowBillOptions {
  /** The account. Default `BASIC`. */
  account?: 'BASIC' | 'OPERATION' | 'FEES'
}

/** The bills of a day as WeChat writes them (v2: 9_6, 9_18; v3: doc/v3/merchant/4012791907). */
export interface BillFiles {
  /**
   * The trades of a day: CSV in UTF-8, unpacked. A day's bill is available from about 10:00 the next day, for three months. With API v3 its hash is
   * checked at its end.
   *
   * @param date The day in GMT+8: `yyyy-MM-dd`.
   * @throws {WechatError} before the first byte `WECHAT_UNAVAILABLE` for a bill that WeChat has not made yet, and `WECHAT_REFUSED` for a day without
   * trades; at the end `WECHAT_REPLY_INVALID` if the bill was truncated or altered: then discard everything read of it
   */
  tradeBill(date: string, options?: TradeBillOptions): AsyncGenerator<Buffer, void>
  /** The movements of the merchant's funds, in the same way. With API v2 WeChat requires the merchant's certificate (`merchant.cert`). */
  fundFlowBill(date: string, options?: FundFlowBillOptions): AsyncGenerator<Buffer, void>
}

/** A day's bills, streamed row by row: memory does not grow with the bill. An error at the end invalidates all rows before it. */
export interface Bills {
  /**
   * The trades of a day; returns the summary at the end. A missing summary or an unreadable line is an error (`WECHAT_REPLY_INVALID`).
   *
   * @param date The day in GMT+8: `yyyy-MM-dd`.
   * @throws {WechatError} as `pay.tradeBill`
   */
  trades(date: string, options?: TradeBillOptions): AsyncGenerator<TradeRow, TradeSummary>
  /** The movements of the merchant's funds, in the same way. */
  funds(date: string, options?: FundFlowBillOptions): AsyncGenerator<FundRow, FundSummary>
}

export function createBills(pay: BillFiles): Bills {
  return {
    trades: (date, options) => oneByOne(readTradeBill(pay.tradeBill(date, options))),
    funds: (date, options) => oneByOne(readFundBill(pay.fundFlowBill(date, options))),
  }
}

async function* oneByOne<Row, Summary>(batches: AsyncGenerator<Row[], Summary>): AsyncGenerator<Row, Summary> {
  try {
    for (;;) {
      const { done, value } = await batches.next()
      if (done) return value
      yield* value
    }
  } finally {
    await batches.return(undefined as never)
  }
}

/** Whether WeChat says that nothing was traded that day. */
export function isNoBill(error: unknown): boolean {
  return (
    isRefusal(error, 'NOSTATEMENTEXIST') ||
    isRefusal(error, 'NOBILLEXIST') ||
    (error instanceof WechatError && /^no bill exist$/i.test(error.wechatText ?? ''))
  )
}

/** The content of a gzip file. */
export async function* unzipped(file: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  const packed = Readable.from(file)
  const plain = createGunzip()
  // An error of the input becomes an error of the output; returning early from the output ends the input.
  packed.on('error', (error) => plain.destroy(error))
  try {
    for await (const chunk of packed.pipe(plain)) yield chunk as Buffer
  } catch (error) {
    if (error instanceof WechatError) throw error
    throw new WechatError(
      'WECHAT_REPLY_INVALID',
      'The bill cannot be unpacked: it was truncated or altered on its way. Download it again.',
      { advice: 'repeat', cause: error },
    )
  } finally {
    packed.destroy()
  }
}
