import type { PayApi } from '../client/pay.ts'
import { WechatError } from '../errors.ts'
import type { Price } from '../hooks.ts'
import type { Order, OrderTerms, TradeType } from '../model.ts'
import { readIpAddress } from '../protocol/ip-address.ts'
import { checkFields, date, oneOf, optional, shown, text } from '../base/rules.ts'
import type { Rule } from '../base/rules.ts'
import { EXTRAS, extrasOf, fen, TRADE_TYPES } from './extras.ts'

/** Lengths are WeChat's (unifiedorder 4011940985), in bytes of UTF-8; that of `key` is ours. */
const PRICE: Record<keyof Price, Rule> = {
  key: text(1, 128),
  description: text(1, 127),
  totalFee: fen,
  attach: optional(text(0, 127)),
  expiresAt: optional(date),
  subMchId: optional(text(1, 32)),
  ...EXTRAS,
}
const TERMS: Record<keyof OrderTerms, Rule> = {
  ...PRICE,
  appid: optional(text(1, 128)),
  tradeType: optional(oneOf(TRADE_TYPES)),
  openid: optional(text(1, 128)),
  clientIp: (value) => (readIpAddress(value) !== undefined ? undefined : `must be an IP address, not ${shown(value)}`),
  expiresAt: date,
}

/** The terms as an order has them, before a number is assigned. */
export type CheckedTerms = Pick<
  Order,
  | 'key'
  | 'tradeType'
  | 'openid'
  | 'subMchId'
  | 'description'
  | 'totalFee'
  | 'attach'
  | 'clientIp'
  | 'expiresAt'
  | 'extras'
>

/** The part of the payment API that says what it cannot send. */
export type Sender = Pick<PayApi, 'textFault' | 'extrasFault'>

/**
 * The checked result of the `price` hook: anything that WeChat would refuse or round is refused here, and so are unknown properties. The key usually
 * comes from the request, so a malformed key is the client's error.
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
  const price = holding(fields, faults, 'The hook price returned an invalid value')
  return Object.fromEntries(Object.entries(price).filter(([, value]) => value !== undefined)) as unknown as Price
}

/**
 * The checked terms of an order, which `sender` can send.
 *
 * @throws {WechatError} `WECHAT_PRICE_INVALID`
 */
export function checkTerms(given: unknown, sender: Sender = {}): CheckedTerms & { appid?: string } {
  const { fields, faults } = checkFields(given, TERMS)
  const tradeType = (fields.tradeType ?? 'JSAPI') as TradeType
  if (tradeType === 'JSAPI' && fields.openid === undefined) faults.push('openid must be who pays')
  const terms = holding(fields, faults, 'orders.create got invalid terms') as unknown as OrderTerms<TradeType>
  const { key, openid, description, totalFee, attach, clientIp, expiresAt } = terms
  for (const [name, text] of Object.entries({ description, attach, openid })) {
    const fault = text && sender.textFault?.(text)
    if (fault) throw unsendable(`The ${name} of an order cannot be sent: ${fault}`)
  }
  const extras = extrasOf(terms)
  const fault = extras && sender.extrasFault?.(extras)
  if (fault) throw unsendable(`The terms of an order cannot be sent: ${fault}`)
  if (tradeType === 'H5' && extras?.sceneInfo?.h5Info === undefined) {
    throw unsendable('An order of the type H5 needs sceneInfo.h5Info, which names the site or app it comes from')
  }
  return {
    ...(terms.appid !== undefined && { appid: terms.appid }),
    key,
    tradeType,
    ...(openid !== undefined && { openid }),
    ...(terms.subMchId !== undefined && { subMchId: terms.subMchId }),
    description,
    totalFee,
    clientIp: readIpAddress(clientIp)!,
    expiresAt,
    ...(attach !== undefined && attach !== '' && { attach }),
    ...(extras !== undefined && { extras }),
  }
}

/** Whether an order was made with these terms. Its time limit and the payer's address stay those it was made with. */
export function isOfTerms(order: Order, terms: CheckedTerms): boolean {
  return (
    (['tradeType', 'openid', 'totalFee', 'description', 'attach'] as const).every(
      (name) => order[name] === terms[name],
    ) && JSON.stringify(order.extras) === JSON.stringify(terms.extras)
  )
}

function unsendable(what: string): WechatError {
  return new WechatError(
    'WECHAT_PRICE_INVALID',
    `${what}. Check the result of your price hook, or the terms passed to orders.create. Nothing was ordered.`,
  )
}

function holding(fields: Record<string, unknown>, faults: string[], what: string): Record<string, unknown> {
  if (faults.length > 0) {
    throw new WechatError('WECHAT_PRICE_INVALID', `${what}: ${faults.join('; ')}. Nothing was ordered.`)
  }
  return fields
}
