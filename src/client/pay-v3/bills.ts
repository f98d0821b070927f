import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { WechatError } from '../../errors.ts'
import type { Exchange } from './exchange.ts'
import { objectOf, textOf } from './trades.ts'

export interface TradeBillOptions {
  /** Which trades: all of the day, those that were paid, or its refunds. Default `ALL`. */
  type?: 'ALL' | 'SUCCESS' | 'REFUND'
}

export interface FundFlowBillOptions {
  /** Whose movements. Default `BASIC`. */
  account?: 'BASIC' | 'OPERATION' | 'FEES'
}

/** The bills of a day (doc/v3/merchant/4012791907). */
export interface Bills {
  /**
   * The trades of a day, as WeChat writes them: CSV in UTF-8, which is checked against its hash at its end. A day's bill is there from about 10:00 of the next day on,
   * for three months.
   *
   * @param date The day in GMT+8: `yyyy-MM-dd`.
   * @throws {WechatError} before the first byte what WeChat refuses with, such as `wechatCode` `NO_STATEMENT_EXIST` or `STATEMENT_CREATING`; at the end
   * `WECHAT_REPLY_INVALID` when it was cut short or changed on its way: what has been read of it is then not to be used
   */
  tradeBill(date: string, options?: TradeBillOptions): AsyncGenerator<Buffer, void>
  /** The movements of the merchant's funds, likewise. */
  fundFlowBill(date: string, options?: FundFlowBillOptions): AsyncGenerator<Buffer, void>
}

export function createBills(exchange: Exchange): Bills {
  /** The file that the reply names. Its host is not followed: the file is at the hosts that we talk to. */
  async function* download(target: string): AsyncGenerator<Buffer, void> {
    const {
      hash_type: type,
      hash_value: hash,
      download_url: url,
    } = objectOf(await exchange.call({ method: 'GET', target }))
    const address = textOf(url)
    if (type !== 'SHA1' || typeof hash !== 'string' || address === undefined || !URL.canParse(address)) {
      throw new WechatError('WECHAT_REPLY_INVALID', 'WeChat Pay names a bill without a usable address or hash.', {
        advice: 'repeat',
      })
    }
    const { pathname, search } = new URL(address)
    const sum = createHash('sha1')
    for await (const chunk of unzipped(await exchange.download({ method: 'GET', target: pathname + search }))) {
      sum.update(chunk)
      yield chunk
    }
    if (sum.digest('hex') !== hash.toLowerCase()) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        'The bill is not the one that WeChat Pay has announced: it was cut short or changed on its way. Get it again.',
        { advice: 'repeat' },
      )
    }
  }

  return {
    tradeBill: (date, { type = 'ALL' } = {}) =>
      download(`/v3/bill/tradebill?bill_date=${encodeURIComponent(date)}&bill_type=${type}&tar_type=GZIP`),
    fundFlowBill: (date, { account = 'BASIC' } = {}) =>
      download(`/v3/bill/fundflowbill?bill_date=${encodeURIComponent(date)}&account_type=${account}&tar_type=GZIP`),
  }
}

/** The hash is that of the file before it was packed (doc/v3/merchant/4012791909). */
async function* unzipped(file: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  const packed = Readable.from(file)
  const plain = createGunzip()
  // An error on the way in is one on the way out; leaving the one leaves the other.
  packed.on('error', (error) => plain.destroy(error))
  try {
    for await (const chunk of packed.pipe(plain)) yield chunk as Buffer
  } catch (error) {
    if (error instanceof WechatError) throw error
    throw new WechatError(
      'WECHAT_REPLY_INVALID',
      'The bill cannot be unpacked: it was cut short or changed on its way. Get it again.',
      { advice: 'repeat', cause: error },
    )
  } finally {
    packed.destroy()
  }
}
