import { protocolFields } from './pay-answers.ts'
import type { PayEndpoint } from './pay-v2.ts'

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
