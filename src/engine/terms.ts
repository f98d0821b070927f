import { inspect } from 'node:util'
import type { PayApi } from '../client/pay.ts'
import { WechatError } from '../errors.ts'
import type { OrderTerms } from '../model.ts'
import { readIpAddress } from '../protocol/ip-address.ts'
import { isFen } from '../protocol/money.ts'

/** One row per term: its rule in words and as a test. Lengths are WeChat's (unifiedorder 4011940985), in bytes of UTF-8; `key` is ours. */
const RULES: [name: keyof OrderTerms, rule: string, test: (value: unknown) => boolean][] = [
  ['totalFee', 'an integer number of fen from 1 to 9007199254740991', isFen],
  ['key', 'a text of 1 to 128 bytes', (value) => isText(value, 128) && value !== ''],
  ['description', 'a text of 1 to 127 bytes of UTF-8', (value) => isText(value, 127) && value !== ''],
  ['attach', 'a text of at most 127 bytes of UTF-8', (value) => value === undefined || isText(value, 127)],
  ['openid', 'a text of 1 to 128 bytes', (value) => isText(value, 128) && value !== ''],
  ['clientIp', 'an IP address', (value) => readIpAddress(value) !== undefined],
  ['expiresAt', 'a Date', (value) => value instanceof Date && !Number.isNaN(value.getTime())],
]

/**
 * The terms and nothing else of what was given, once they hold: what WeChat would refuse or round is refused here, before a number is given, and a field that
 * is no term, such as `payment`, gets into no order. `textFault` is that of the API by which they are sent.
 *
 * @throws {WechatError} `WECHAT_PRICE_INVALID`
 */
export function checkTerms(given: OrderTerms, textFault: PayApi['textFault'] = () => undefined): OrderTerms {
  for (const [name, rule, test] of RULES) {
    const value: unknown = given[name]
    if (!test(value)) {
      throw new WechatError(
        'WECHAT_PRICE_INVALID',
        `An order needs ${name} as ${rule}, not ${inspect(value, { depth: -1 }).slice(0, 80)}: see what your price hook returns, or what orders.create is given. Nothing was ordered.`,
      )
    }
  }
  const { key, openid, description, totalFee, attach, clientIp, expiresAt } = given
  for (const [name, text] of Object.entries({ description, attach, openid })) {
    const fault = text && textFault(text)
    if (fault) {
      throw new WechatError(
        'WECHAT_PRICE_INVALID',
        `The ${name} of an order cannot be sent: ${fault}. See what your price hook returns, or what orders.create is given. Nothing was ordered.`,
      )
    }
  }
  return {
    key,
    openid,
    description,
    totalFee,
    clientIp: readIpAddress(clientIp)!,
    expiresAt,
    ...(attach !== undefined && attach !== '' && { attach }),
  }
}

// eslint-disable-next-line no-control-regex -- these are the characters to refuse: XML cannot carry them
const CONTROL = /[\x00-\x1f\ufffe\uffff]/

/** Whether every part of the way, XML and databases, can carry it. */
export function isText(value: unknown, maxBytes: number): value is string {
  return (
    typeof value === 'string' && Buffer.byteLength(value) <= maxBytes && value.isWellFormed() && !CONTROL.test(value)
  )
}
