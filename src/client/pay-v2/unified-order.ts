import type { Order, OrderExtras, TradeType } from '../../model.ts'
import { fieldWithin } from '../../protocol/sign-v2.ts'
import { formatTime } from '../../protocol/time.ts'
import type { Caller } from '../partner.ts'
import { wireNames } from '../wire-names.ts'
import type { Renames } from '../wire-names.ts'

/** unifiedorder (doc/v2/merchant/4011940985): an order of ours as fields of the wire. */

/** trade_type, and the field of the reply that the payer's side needs. */
export const TRADE_TYPES: Readonly<Record<TradeType, { wire: string; answer: 'prepay_id' | 'code_url' | 'mweb_url' }>> =
  {
    JSAPI: { wire: 'JSAPI', answer: 'prepay_id' },
    NATIVE: { wire: 'NATIVE', answer: 'code_url' },
    APP: { wire: 'APP', answer: 'prepay_id' },
    H5: { wire: 'MWEB', answer: 'mweb_url' },
  }

const GOODS: Renames = {
  invoiceId: 'receipt_id',
  merchantGoodsId: 'goods_id',
  wechatpayGoodsId: 'wxpay_goods_id',
  unitPrice: 'price',
}

/** A page, whose name and address have other names in v2. */
const H5_NAMES: Renames = { appName: 'wap_name', appUrl: 'wap_url' }

const MAX_DETAIL_BYTES = 6000
const MAX_SCENE_BYTES = 256

type Field = [name: string, value: string]

export function orderFields(order: Order, notifyUrl: string, { sub }: Pick<Caller, 'sub'> = {}): Field[] {
  const { outTradeNo, tradeType, openid, attach, extras = {} } = order
  const { limitPay, goodsTag, supportFapiao, profitSharing } = extras
  const { detail, scene, deviceId } = textsOf(extras)
  const fields: [name: string, value: string | undefined][] = [
    ['device_info', deviceId],
    ['body', order.description],
    ['detail', detail],
    ['attach', attach],
    ['out_trade_no', outTradeNo],
    ['total_fee', String(order.totalFee)],
    ['fee_type', order.currency],
    ['spbill_create_ip', order.clientIp],
    ['time_start', formatTime(order.createdAt)],
    ['time_expire', formatTime(order.expiresAt)],
    ['goods_tag', goodsTag],
    ['notify_url', notifyUrl],
    ['trade_type', TRADE_TYPES[tradeType].wire],
    // Ours, as it needs one and nothing reads it.
    ['product_id', tradeType === 'NATIVE' ? outTradeNo : undefined],
    ['limit_pay', limitPay],
    [sub?.subAppid === undefined ? 'openid' : 'sub_openid', tradeType === 'JSAPI' ? openid : undefined],
    ['receipt', supportFapiao ? 'Y' : undefined],
    ['profit_sharing', profitSharing === undefined ? undefined : profitSharing ? 'Y' : 'N'],
    ['scene_info', scene],
    // Coupons for single goods ask for it.
    ['version', extras.detail?.goodsDetail && '1.0'],
  ]
  return fields.filter((field): field is [string, string] => field[1] !== undefined)
}

/** Why API v2 cannot send them, as the end of a sentence. */
export function extrasFaultV2(extras: OrderExtras): string | undefined {
  const { detail = '', scene = '' } = textsOf(extras)
  for (const [name, text, most] of [
    ['detail', detail, MAX_DETAIL_BYTES],
    ['sceneInfo', scene, MAX_SCENE_BYTES],
  ] as const) {
    const bytes = Buffer.byteLength(text)
    if (bytes > most) return `${name} has ${bytes} bytes as JSON, and API v2 takes ${most}`
  }
  return textFaultV2(JSON.stringify(extras))
}

/** Why a text cannot be sent, as the end of a sentence. */
export function textFaultV2(text: string): string | undefined {
  const field = fieldWithin(text)
  return field === undefined
    ? undefined
    : `it contains "&${field}=", which the signature of API v2 cannot distinguish from the field ${field}`
}

/** The values that are JSON within a field. */
function textsOf({ detail, sceneInfo = {} }: OrderExtras) {
  const { deviceId, storeInfo, h5Info } = sceneInfo
  const scene = {
    storeInfo,
    h5Info: h5Info && {
      ...(wireNames(h5Info, h5Info.type === 'Wap' ? H5_NAMES : {}) as object),
      type: h5Info.type === 'iOS' ? 'IOS' : h5Info.type,
    },
  }
  return {
    deviceId,
    detail: detail && JSON.stringify(wireNames(detail, GOODS)),
    scene: storeInfo || h5Info ? JSON.stringify(wireNames(scene)) : undefined,
  }
}
