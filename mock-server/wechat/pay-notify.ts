import { couponFee, type Order, type Payment } from '../orders.ts'
import type { Random } from '../random.ts'
import { signV2 } from '../sign-v2.ts'
import { wechatTime } from '../time.ts'
import { writeXml, type WireField } from '../wire.ts'

/** What real notifications do either way; a world does one of them throughout, so that a seed repeats a failure. */
export interface NotifyStyle {
  /** Most notifications carry no sign_type, even under HMAC-SHA256 (WxJava 1585), some do (helei112g/payment 211). */
  readonly signType: boolean
  /** An attach that was never given arrives as an empty element, or not at all. */
  readonly emptyAttach: boolean
  /** `<cash_fee><![CDATA[1]]></cash_fee>`, recorded beside a bare total_fee. */
  readonly cashFeeInCdata: boolean
  /** A line feed between the elements, or nothing. */
  readonly lines: boolean
  /** The fields are sorted, or, as some have been recorded with `_1` before `_0`, the other way round. */
  readonly descending: boolean
}

export const notifyStyle = (random: Random): NotifyStyle => ({
  signType: random.flip('notify', 'sign_type'),
  emptyAttach: random.flip('notify', 'attach'),
  cashFeeInCdata: random.flip('notify', 'cash_fee'),
  lines: random.flip('notify', 'lines'),
  descending: random.flip('notify', 'descending'),
})

/** The money of a payment as orderquery and the notification tell it; numbers are fen. */
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

interface Merchant {
  readonly mchId: string
  readonly apiKey: string
}

/** The body of a payment's notification, signed by the algorithm of the order's unifiedorder. */
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

/** The body that the documents describe for a payment that failed; no money, no time, no transaction. */
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
