import type { BillFiles } from '../bills.ts'
import type { Http } from '../http.ts'
import { noCertificate } from '../pay.ts'
import type { Exchange } from './exchange.ts'

const ACCOUNTS = { BASIC: 'Basic', OPERATION: 'Operation', FEES: 'Fees' } as const

/** downloadbill (9_6) and downloadfundflow (9_18), which needs the merchant's certificate, and HMAC-SHA256 even if the merchant uses MD5. */
export function createBillFiles(exchange: Exchange, http: Http, certHttp: Http | undefined): BillFiles {
  async function* get(...call: Parameters<Exchange['download']>): AsyncGenerator<Buffer, void> {
    yield* await exchange.download(...call)
  }
  const day = (date: string): [string, string] => ['bill_date', date.replaceAll('-', '')]
  const packed: [string, string] = ['tar_type', 'GZIP']

  return {
    tradeBill: (date, { type = 'ALL', subMchId } = {}) =>
      get('/pay/downloadbill', [day(date), ['bill_type', type], packed], http, undefined, subMchId),
    fundFlowBill(date, { account = 'BASIC' } = {}) {
      if (certHttp === undefined) throw noCertificate('Fund flows of API v2 need')
      return get(
        '/pay/downloadfundflow',
        [day(date), ['account_type', ACCOUNTS[account]], packed],
        certHttp,
        'HMAC-SHA256',
      )
    },
  }
}
