import { createCipheriv, hash } from 'node:crypto'
import type { Random } from '../../base/random.ts'
import type { Account, News } from '../../ledger/account.ts'
import { couponFee, type Order, type Payment } from '../../ledger/orders.ts'
import { type Refund, refundSettlement } from '../../ledger/refunds.ts'
import { signV2 } from '../../wire/sign-v2.ts'
import { wechatDateTime, wechatTime } from '../../wire/time.ts'
import { type WireField, writeXml } from '../../wire/xml.ts'

/** Variations seen in real notifications. A world keeps to one of each, so that a seed reproduces a failure. */
export interface NotifyStyle {
  /** Most notifications carry no sign_type, even with HMAC-SHA256 (WxJava 1585); some do (helei112g/payment 211). */
  readonly signType: boolean
  /** An attach that was never set arrives as an empty element, or not at all. */
  readonly emptyAttach: boolean
  /** `<cash_fee><![CDATA[1]]></cash_fee>`, recorded together with a bare total_fee. */
  readonly cashFeeInCdata: boolean
  /** A line feed between the elements, or nothing. */
  readonly lines: boolean
  /** The fields are sorted, or in reverse: some were recorded with `_1` before `_0`. */
  readonly descending: boolean
}

export const notifyStyle = (random: Random): NotifyStyle => ({
  signType: random.flip('notify', 'sign_type'),
  emptyAttach: random.flip('notify', 'attach'),
  cashFeeInCdata: random.flip('notify', 'cash_fee'),
  lines: random.flip('notify', 'lines'),
  descending: random.flip('notify', 'descending'),
})

export const hasEmptyAttach = (random: Random) => notifyStyle(random).emptyAttach

/** The amounts of a payment in orderquery and the notification; numbers are fen. */
export function paymentFields(order: Order, payment: Payment): WireField[] {
  const fields: WireField[] = [
    ['total_fee', order.totalFee],
    ['cash_fee', order.totalFee - couponFee(payment)],
    ['fee_type', order.feeType],
  ]
  if (payment.coupons.length === 0) return fields
  const granted = payment.coupons.filter(({ type }) => type === 'NO_CASH').reduce((sum, { fee }) => sum + fee, 0)
  if (granted > 0) fields.push(['settlement_total_fee', order.totalFee - granted])
  fields.push(['coupon_fee', couponFee(payment)], ['coupon_count', payment.coupons.length])
  payment.coupons.forEach(({ fee, id, type }, n) => {
    fields.push([`coupon_fee_${n}`, fee], [`coupon_id_${n}`, id!])
    if (type) fields.push([`coupon_type_${n}`, type])
  })
  return fields
}

/** The payer in the sub-merchant's app; only if the order named one (4011983228). */
export const subUserFields = ({ subOpenid }: Payment): WireField[] =>
  subOpenid === undefined
    ? []
    : [
        ['sub_openid', subOpenid],
        ['sub_is_subscribe', 'N'],
      ]

/** The sub-merchant of a service provider's order, and its app if the order named one. */
const subFields = ({ sub }: Order): WireField[] =>
  sub ? [...(sub.appid === '' ? [] : [['sub_appid', sub.appid] as const]), ['sub_mch_id', sub.mchId]] : []

type Merchant = Pick<Account, 'mchId' | 'apiKey'>

/** The body of a payment's notification, signed with the algorithm of the order's unifiedorder. */
export function payNotifyBody(order: Order, payment: Payment, merchant: Merchant, style: NotifyStyle): string {
  const fields: WireField[] = [
    ['appid', order.appid],
    ['bank_type', payment.bankType],
    ['is_subscribe', 'N'],
    ['mch_id', merchant.mchId],
    ['nonce_str', order.nonceStr],
    ['openid', payment.openid],
    ['out_trade_no', order.outTradeNo],
    ['result_code', 'SUCCESS'],
    ['return_code', 'SUCCESS'],
    ...subFields(order),
    ...subUserFields(payment),
    ['time_end', wechatTime(payment.paidAt)],
    ['trade_type', order.tradeType],
    ['transaction_id', payment.transactionId],
    ...paymentFields(order, payment).map(([name, value]): WireField => [
      name,
      name === 'cash_fee' && style.cashFeeInCdata ? String(value) : value,
    ]),
  ]
  return signed(fields, order, merchant, style)
}

/** The documented body for a failed payment: no amounts, no time, no transaction. */
export function failNotifyBody(
  order: Order,
  failure: { err_code: string; err_code_des: string },
  merchant: Merchant,
  style: NotifyStyle,
): string {
  return signed(
    [
      ['appid', order.appid],
      ['err_code', failure.err_code],
      ['err_code_des', failure.err_code_des],
      ['mch_id', merchant.mchId],
      ['nonce_str', order.nonceStr],
      ['openid', order.openid],
      ['out_trade_no', order.outTradeNo],
      ['result_code', 'FAIL'],
      ['return_code', 'SUCCESS'],
      ...subFields(order),
      ['total_fee', order.totalFee],
      ['trade_type', order.tradeType],
    ],
    order,
    merchant,
    style,
  )
}

function signed(fields: WireField[], order: Order, merchant: Merchant, style: NotifyStyle): string {
  if (order.attach !== '' || style.emptyAttach) fields.push(['attach', order.attach])
  if (order.deviceInfo !== '') fields.push(['device_info', order.deviceInfo])
  if (style.signType) fields.push(['sign_type', order.signType])
  fields.push([
    'sign',
    signV2(
      fields.map(([name, value]) => [name, String(value)]),
      merchant.apiKey,
      order.signType,
    ),
  ])
  fields.sort(([a], [b]) => (a < b === style.descending ? 1 : -1))
  return writeXml(fields, style.lines ? '\n' : '')
}

/** AES-256-ECB under the 32 characters of the lower-case hex md5 of the API key (V2 refund notification, chapter 9_16). */
export function encryptReqInfo(plain: string, apiKey: string): string {
  const cipher = createCipheriv('aes-256-ecb', hash('md5', apiKey), null)
  return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]).toString('base64')
}

/** The encrypted part: alphabetical, every value in CDATA, even numbers. */
function reqInfo(order: Order, refund: Refund, random: Random): string {
  const { totalFee, refundFee } = refundSettlement(order, refund)
  const fields: [string, string | number][] = [
    ['out_refund_no', refund.outRefundNo],
    ['out_trade_no', refund.outTradeNo],
    ['refund_account', refund.account],
    ['refund_fee', refund.refundFee],
    ['refund_id', refund.refundId],
    // Spelled like this on the wire.
    ['refund_recv_accout', refund.receivedBy],
    ['refund_request_source', refund.source],
    ['refund_status', refund.status],
    ['settlement_refund_fee', refundFee],
    ['settlement_total_fee', totalFee],
    ['total_fee', order.totalFee],
    ['transaction_id', order.payment!.transactionId],
  ]
  if (refund.status === 'SUCCESS') fields.push(['success_time', wechatDateTime(refund.endedAt!)])
  if (random.flip('refund-notify', 'cash_refund_fee')) fields.push(['cash_refund_fee', refund.cashRefundFee])
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return writeXml(
    fields.map(([name, value]) => [name, String(value)]),
    random.flip('refund-notify', 'plain lines') ? '\n' : '',
    'root',
  )
}

/** The body of a refund's notification. It is unsigned; only the holder of the key can read req_info. */
export function refundNotifyBody(order: Order, refund: Refund, merchant: Merchant, random: Random): string {
  const path = ['refund-notify', refund.outRefundNo, refund.status]
  const recorded = random.flip('refund-notify', 'recorded')
  const fields: WireField[] = [
    // One form is on record (yansongda/pay 151); the other is that of payment notifications.
    ['return_code', recorded ? { bare: 'SUCCESS' } : 'SUCCESS'],
    ['appid', order.appid],
    ['mch_id', merchant.mchId],
    ...subFields(order),
    ['nonce_str', recorded ? random.hex(32, ...path) : random.alphanumeric(16, ...path)],
    ['req_info', encryptReqInfo(reqInfo(order, refund, random), merchant.apiKey)],
  ]
  if (!recorded) fields.splice(1, 0, ['return_msg', 'OK'])
  return writeXml(fields, !recorded && random.flip('refund-notify', 'lines') ? '\n' : '')
}

/** The body of the notification, in the style of the world. */
export function notificationBody(news: News, account: Account, worldRandom: Random): string {
  switch (news.kind) {
    case 'paid':
      return payNotifyBody(news.order, news.payment, account, notifyStyle(worldRandom))
    case 'failed':
      return failNotifyBody(news.order, news.failure, account, notifyStyle(worldRandom))
    case 'refunded':
      return refundNotifyBody(news.order, news.refund, account, account.random)
  }
}
