import type { PayApi } from '../client/pay.ts'
import { WechatError } from '../errors.ts'
import type { Price } from '../hooks.ts'
import type { OrderTerms } from '../model.ts'
import { readIpAddress } from '../protocol/ip-address.ts'
import { isFen } from '../protocol/money.ts'
import { checkFields, date, optional, shown, text } from '../base/rules.ts'
import type { Rule } from '../base/rules.ts'

export const fen: Rule = (value) =>
  isFen(value) ? undefined : `must be an integer number of fen from 1 to 9007199254740991, not ${shown(value)}`

/** Lengths are WeChat's (unifiedorder 4011940985), in bytes of UTF-8; that of `key` is ours. */
const PRICE: Record<keyof Price, Rule> = {
  key: text(1, 128),
  description: text(1, 127),
  totalFee: fen,
  attach: optional(text(0, 127)),
}
const TERMS: Record<keyof OrderTerms, Rule> = {
  ...PRICE,
  openid: text(1, 128),
  clientIp: (value) => (readIpAddress(value) !== undefined ? undefined : `must be an IP address, not ${shown(value)}`),
  expiresAt: date,
}

/**
 * The checked result of the `price` hook: anything that WeChat would refuse or round is refused here, and so are unknown properties. The key usually
 * comes from the request: a malformed one is the client's fault.
 *
 * @throws {WechatError} `WECHAT_PRICE_INVALID`, `WECHAT_INPUT_INVALID`
 */
export function checkPrice(answer: unknown): Price {
  const { fields, faults } = checkFields(answer, PRICE)
  if (faults.length === 1 && typeof fields.key === 'string') {
    const fault = PRICE.key(fields.key)
    if (fault !== undefined) {
      throw new WechatError('WECHAT_INPUT_INVALID', `The key of the order ${fault}. Nothing was ordered.`)
    }
  }
  const { key, description, totalFee, attach } = holding(
    fields,
    faults,
    'The hook price returned an invalid value',
  ) as unknown as Price
  return { key, description, totalFee, ...(attach !== undefined && { attach }) }
}

/**
 * The checked terms of an order, before a number is assigned. `textFault` is that of the API that sends them.
 *
 * @throws {WechatError} `WECHAT_PRICE_INVALID`
 */
export function checkTerms(given: unknown, textFault: PayApi['textFault'] = () => undefined): OrderTerms {
  const { fields, faults } = checkFields(given, TERMS)
  const terms = holding(fields, faults, 'orders.create got invalid terms') as unknown as OrderTerms
  const { key, openid, description, totalFee, attach, clientIp, expiresAt } = terms
  for (const [name, text] of Object.entries({ description, attach, openid })) {
    const fault = text && textFault(text)
    if (fault) {
      throw new WechatError(
        'WECHAT_PRICE_INVALID',
        `The ${name} of an order cannot be sent: ${fault}. Check the result of your price hook, or the terms passed to orders.create. Nothing was ordered.`,
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

function holding(fields: Record<string, unknown>, faults: string[], what: string): Record<string, unknown> {
  if (faults.length > 0) {
    throw new WechatError('WECHAT_PRICE_INVALID', `${what}: ${faults.join('; ')}. Nothing was ordered.`)
  }
  return fields
}
