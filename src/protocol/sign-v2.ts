import { createHmac, hash, timingSafeEqual } from 'node:crypto'

/** The two algorithms of API v2, by their wire names. */
export type SignType = 'MD5' | 'HMAC-SHA256'

/**
 * Signs a message of API v2 (pay.weixin.qq.com, "security rules" 4_3): all fields but `sign`, empty values left out, names in ASCII order,
 * `name=value` joined by `&`, then `&key=` and the API key; upper-case hex.
 */
export function signV2(fields: ReadonlyMap<string, string>, apiKey: string, signType: SignType): string {
  const text = stringToSign(fields, apiKey)
  const digest = signType === 'MD5' ? hash('md5', text, 'hex') : createHmac('sha256', apiKey).update(text).digest('hex')
  return digest.toUpperCase()
}

/**
 * Whether `sign` is the signature of `fields`, compared in constant time. The algorithm is the merchant's, never the message's, so that an attacker
 * cannot choose the weaker one. A message that names another algorithm is refused.
 */
export function verifyV2(fields: ReadonlyMap<string, string>, apiKey: string, signType: SignType): boolean {
  const sign = fields.get('sign')
  const declared = fields.get('sign_type')
  if (!sign || (declared !== undefined && declared !== '' && declared !== signType)) return false
  const expected = Buffer.from(signV2(fields, apiKey, signType))
  const received = Buffer.from(sign)
  return expected.length === received.length && timingSafeEqual(expected, received)
}

/** The fields of API v2's messages, by their wire names; some of them come numbered (`coupon_fee_0`, `coupon_refund_fee_0_1`). */
const WIRE_FIELDS = [
  // Every message.
  ...['appid', 'mch_id', 'sub_appid', 'sub_mch_id', 'device_info', 'nonce_str', 'sign', 'sign_type', 'version'],
  ...['return_code', 'return_msg', 'result_code', 'result_msg', 'err_code', 'err_code_des', 'error_code', 'req_info'],
  // Orders.
  ...['body', 'detail', 'attach', 'out_trade_no', 'fee_type', 'total_fee', 'spbill_create_ip', 'time_start'],
  ...['time_expire', 'goods_tag', 'notify_url', 'trade_type', 'product_id', 'limit_pay', 'openid', 'sub_openid'],
  ...['receipt', 'profit_sharing', 'scene_info', 'user_type', 'user_creid', 'user_truename'],
  ...['prepay_id', 'code_url', 'mweb_url'],
  // Payments.
  ...['is_subscribe', 'sub_is_subscribe', 'trade_state', 'trade_state_desc', 'bank_type', 'settlement_total_fee'],
  ...['cash_fee', 'cash_fee_type', 'coupon_fee', 'coupon_count', 'coupon_type', 'coupon_id', 'transaction_id'],
  ...['time_end', 'promotion_detail', 'consume_fee', 'rate', 'rate_value'],
  // Refunds.
  ...['out_refund_no', 'refund_id', 'refund_fee', 'refund_fee_type', 'refund_desc', 'refund_account', 'op_user_id'],
  ...['refund_channel', 'settlement_refund_fee', 'cash_refund_fee', 'coupon_refund_fee', 'coupon_refund_count'],
  ...['coupon_refund_id', 'refund_count', 'total_refund_count', 'offset', 'refund_status', 'refund_success_time'],
  ...['refund_recv_accout', 'refund_request_source', 'success_time'],
]

const FIELD_WITHIN = new RegExp(`&((?:${WIRE_FIELDS.join('|')})(?:_\\d+){0,2})=`)

/**
 * The first wire field that a value contains, written as in the signed text (`&out_trade_no=`). The signature covers fields joined without escaping, so it
 * cannot tell such a value from real fields: the same signed text can be split into another message.
 */
export function fieldWithin(value: string): string | undefined {
  return value.includes('&') ? FIELD_WITHIN.exec(value)?.[1] : undefined
}

/** Whether the signed text of a message can be split into other fields. */
export function isAmbiguous(fields: ReadonlyMap<string, string>): boolean {
  let found = false
  // An iterator would make an object for each field.
  fields.forEach((value) => {
    found ||= fieldWithin(value) !== undefined
  })
  return found
}

function stringToSign(fields: ReadonlyMap<string, string>, apiKey: string): string {
  let text = ''
  let last = ''
  for (const [name, value] of fields) {
    // WeChat's messages arrive sorted. The comparison is by UTF-16 units, which for the ASCII names of the wire is ASCII order.
    if (name < last) return stringToSign(new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1))), apiKey)
    last = name
    if (name !== 'sign' && value !== '') text += `${name}=${value}&`
  }
  return `${text}key=${apiKey}`
}
