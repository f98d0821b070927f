import type { Case, Play } from '../case.ts'
import type { Severity } from '../verdicts.ts'

type More = Pick<Case, 'quick' | 'source' | 'why'>

/** A row of a table of cases. */
export const row = (
  id: string,
  severity: Severity,
  title: string,
  must: string,
  fix: string,
  play: Play,
  more: More = {},
): Case => ({ id, severity, title, must, fix, play, ...more })

/** A title as the second part of a sentence: in lower case, unless it begins with a name. */
export const headed = (heading: string, title: string): string =>
  `${heading}: ${title.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase())}`

/** The pages of WeChat's documentation behind the requirements. */
export const DOCS = {
  notify: 'pay.weixin.qq.com/doc/v2/merchant/4011937248 (payment notification)',
  replies: 'pay.weixin.qq.com/doc/v2/partner/4011984734 (considerations on notifications)',
  sign: 'pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=4_3 (security rules)',
  refund: 'pay.weixin.qq.com/doc/v2/partner/4011989265 (refund notification)',
  xxe: 'CVE-2018-13439, and the warning of WeChat Pay to all merchants of 2018-07-04',
  notifyV3: 'pay.weixin.qq.com/doc/v3/merchant/4012791902 (payment notification)',
  refundV3: 'pay.weixin.qq.com/doc/v3/merchant/4012791906 (refund notification)',
  verifyV3: 'pay.weixin.qq.com/doc/v3/merchant/4013053420 (verifying with the public key)',
  probesV3: 'pay.weixin.qq.com/doc/v3/merchant/4013053249 (signature probes)',
  aeadV3: 'pay.weixin.qq.com/doc/v3/merchant/4012071382 (decryption)',
  refundUrlV3: 'pay.weixin.qq.com/doc/v3/merchant/4013071200 (refunds of the merchant platform)',
} as const
