import { createHash } from 'node:crypto'
import { WechatError } from '../../errors.ts'
import { unzipped } from '../bills.ts'
import type { BillFiles } from '../bills.ts'
import type { Exchange } from './exchange.ts'
import { objectOf, textOf } from './trades.ts'

/** Two steps: the file's address with its hash, and the file, which is not signed. */
export function createBillFiles(exchange: Exchange): BillFiles {
  /** The path of the file. The host in the reply is ignored: the file is on the hosts that we call. */
  async function* download(target: string): AsyncGenerator<Buffer, void> {
    const {
      hash_type: type,
      hash_value: hash,
      download_url: url,
    } = objectOf(await exchange.call({ method: 'GET', target }))
    const address = textOf(url)
    if (type !== 'SHA1' || typeof hash !== 'string' || address === undefined || !URL.canParse(address)) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        'The reply of WeChat Pay has no valid address or hash of the bill.',
        {
          advice: 'repeat',
        },
      )
    }
    const { pathname, search } = new URL(address)
    // The hash is that of the uncompressed file (doc/v3/merchant/4012791909).
    const sum = createHash('sha1')
    for await (const chunk of unzipped(await exchange.download({ method: 'GET', target: pathname + search }))) {
      sum.update(chunk)
      yield chunk
    }
    if (sum.digest('hex') !== hash.toLowerCase()) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        'The bill does not have the hash that WeChat Pay announced: it was truncated or altered on its way. Download it again.',
        { advice: 'repeat' },
      )
    }
  }

  return {
    tradeBill(date, { type = 'ALL', subMchId } = {}) {
      const of = subMchId === undefined ? '' : `&sub_mchid=${encodeURIComponent(subMchId)}`
      return download(`/v3/bill/tradebill?bill_date=${encodeURIComponent(date)}${of}&bill_type=${type}&tar_type=GZIP`)
    },
    fundFlowBill: (date, { account = 'BASIC' } = {}) =>
      download(`/v3/bill/fundflowbill?bill_date=${encodeURIComponent(date)}&account_type=${account}&tar_type=GZIP`),
  }
}
