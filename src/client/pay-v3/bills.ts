import { createHash } from 'node:crypto'
import { WechatError } from '../../errors.ts'
import { unzipped } from '../bills.ts'
import type { BillFiles } from '../bills.ts'
import type { Exchange } from './exchange.ts'
import { objectOf, textOf } from './trades.ts'

/** Two steps: where the file is, with its hash, and the file, which WeChat does not sign. */
export function createBillFiles(exchange: Exchange): BillFiles {
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
    // The hash is that of the file before it was packed (doc/v3/merchant/4012791909).
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
