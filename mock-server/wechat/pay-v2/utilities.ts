import { protocolFields } from './answers.ts'
import type { PayEndpoint } from './receive.ts'

const WRONG_KEY = '获取沙箱密钥失败，确认交易密钥是否正确'

/** The key for the paths of the sandbox, which are aliases here: the merchant's own key. */
export const getsignkey: PayEndpoint = {
  api: 'getsignkey',
  path: '/sandboxnew/pay/getsignkey',
  aliases: ['/xdc/apiv2getsignkey/sign/getsignkey'],
  withoutAppid: true,
  ofProvider: true,
  fields: [],
  unsigned: (error) => protocolFields(error.errCode === 'SIGNERROR' ? { message: WRONG_KEY } : error),
  handle: ({ account: { mchId, apiKey } }) => [
    ['return_code', 'SUCCESS'],
    ['return_msg', 'ok'],
    ['mch_id', mchId],
    ['sandbox_signkey', apiKey],
  ],
}

/** Clients report how fast WeChat's calls were; the mock accepts the report and ignores it. */
export const report: PayEndpoint = {
  api: 'report',
  path: '/payitil/report',
  ofProvider: true,
  fields: [],
  unsigned: protocolFields,
  handle: () => [
    ['return_code', 'SUCCESS'],
    ['return_msg', 'OK'],
    ['result_code', 'SUCCESS'],
  ],
}
