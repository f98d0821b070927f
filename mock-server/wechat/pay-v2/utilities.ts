import { protocolFields } from './answers.ts'
import type { PayEndpoint } from './receive.ts'

const WRONG_KEY = '获取沙箱密钥失败，确认交易密钥是否正确'

/** The key of the sandbox, for a request that is signed with the real one. */
export const getsignkey: PayEndpoint = {
  api: 'getsignkey',
  path: '/sandboxnew/pay/getsignkey',
  withoutAppid: true,
  fields: [],
  unsigned: (error) => protocolFields(error.errCode === 'SIGNERROR' ? { message: WRONG_KEY } : error),
  handle: ({ credentials, sandbox }) => [
    ['return_code', 'SUCCESS'],
    ['return_msg', 'ok'],
    ['mch_id', credentials.mchId],
    ['sandbox_signkey', sandbox().credentials.apiKey],
  ],
}

/** What clients report of the speed of WeChat's calls: heard, and forgotten. */
export const report: PayEndpoint = {
  api: 'report',
  path: '/payitil/report',
  fields: [],
  unsigned: protocolFields,
  handle: () => [
    ['return_code', 'SUCCESS'],
    ['return_msg', 'OK'],
    ['result_code', 'SUCCESS'],
  ],
}
