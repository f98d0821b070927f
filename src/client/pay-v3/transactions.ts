import type { Order, OrderExtras, TradeType } from '../../model.ts'
import { formatRfc3339 } from '../../protocol/time.ts'
import type { Caller } from '../partner.ts'
import { wireNames } from '../wire-names.ts'

/** Orders of API v3 (doc/v3/merchant/4012791897, 4012791877, 4013070347, 4012791834): an order of ours as the body of a request. */

/** The path of each, and the field of the reply that the payer's side needs. */
export const TRADE_TYPES: Readonly<Record<TradeType, { path: string; answer: 'prepay_id' | 'code_url' | 'h5_url' }>> = {
  JSAPI: { path: 'jsapi', answer: 'prepay_id' },
  NATIVE: { path: 'native', answer: 'code_url' },
  APP: { path: 'app', answer: 'prepay_id' },
  H5: { path: 'h5', answer: 'h5_url' },
}

const MAX_DETAIL_BYTES = 6144

/** Everything but the merchants and apps. WeChat refuses unknown fields, so absent values are left out. */
export function orderBody({ extras = {}, ...order }: Order, { sub }: Pick<Caller, 'sub'> = {}): object {
  const payersName = sub === undefined ? 'openid' : sub.subAppid === undefined ? 'sp_openid' : 'sub_openid'
  const { detail, sceneInfo, goodsTag, supportFapiao, profitSharing } = extras
  return {
    description: order.description,
    out_trade_no: order.outTradeNo,
    time_expire: formatRfc3339(order.expiresAt),
    attach: order.attach,
    amount: { total: order.totalFee, currency: order.currency },
    ...(order.tradeType === 'JSAPI' && { payer: { [payersName]: order.openid } }),
    ...(wireNames({ detail, goodsTag, supportFapiao }) as object),
    ...(profitSharing !== undefined && { settle_info: { profit_sharing: profitSharing } }),
    scene_info: { payer_client_ip: order.clientIp, ...(wireNames(sceneInfo) as object | undefined) },
  }
}

/** Why API v3 cannot send them, as the end of a sentence. */
export function extrasFaultV3(extras: OrderExtras): string | undefined {
  if (extras.limitPay !== undefined) return 'limitPay is a field of API v2, and API v3 documents none'
  const bytes = extras.detail ? Buffer.byteLength(JSON.stringify(wireNames(extras.detail))) : 0
  if (bytes > MAX_DETAIL_BYTES) return `detail has ${bytes} bytes as JSON, and API v3 takes ${MAX_DETAIL_BYTES}`
  return textFaultV3(JSON.stringify(extras))
}

/** Why a text cannot be sent, as the end of a sentence. */
export function textFaultV3(text: string): string | undefined {
  return /[\u{10000}-\u{10ffff}]/u.test(text)
    ? 'it contains a character of four bytes in UTF-8, such as an emoji, which API v3 does not accept (doc/v3/merchant/4012081709)'
    : undefined
}
