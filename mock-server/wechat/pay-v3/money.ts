import { couponFee, type Order, type Payment, type Sub } from '../../ledger/orders.ts'
import type { Refund, RefundStatus } from '../../ledger/refunds.ts'

/** Who ordered: a service provider and its sub-merchant, whose app is there if the order named one. */
export const partiesOf = (mchId: string, { appid }: Order, sub: Sub) => ({
  sp_appid: appid,
  sp_mchid: mchId,
  ...(sub.appid !== '' && { sub_appid: sub.appid }),
  sub_mchid: sub.mchId,
})

export const payerOf = ({ sub }: Order, { openid, subOpenid }: Payment) =>
  sub ? { sp_openid: openid, ...(subOpenid !== undefined && { sub_openid: subOpenid }) } : { openid }

const KIND = { CASH: 'CASH', NO_CASH: 'NOCASH' } as const

/** promotion_detail of a payment: a coupon without a type counts as bought. */
export const promotions = ({ coupons }: Payment) =>
  coupons.map(({ fee, id, type = 'CASH' }) => ({
    amount: fee,
    coupon_id: id!,
    currency: 'CNY',
    merchant_contribute: type === 'NO_CASH' ? fee : 0,
    name: '代金券',
    other_contribute: 0,
    scope: 'GLOBAL',
    stock_id: id!,
    type: KIND[type],
    wechatpay_contribute: type === 'CASH' ? fee : 0,
  }))

/** promotion_detail of a refund. */
export const refundPromotions = ({ coupons: paid }: Payment, { coupons }: Refund) =>
  coupons.flatMap(({ fee, id, type = 'CASH' }, n) =>
    fee === 0
      ? []
      : [{ amount: paid[n]!.fee, promotion_id: id, refund_amount: fee, scope: 'GLOBAL', type: KIND[type] }],
  )

/** What v3 calls the status of a refund. */
export const REFUND_STATUS: Readonly<Record<RefundStatus, string>> = {
  PROCESSING: 'PROCESSING',
  SUCCESS: 'SUCCESS',
  CHANGE: 'ABNORMAL',
  REFUNDCLOSE: 'CLOSED',
}

/** The amounts of a refund in a notification; an answer has more. */
export const refundAmounts = ({ totalFee, payment }: Order, { refundFee, cashRefundFee }: Refund) => ({
  total: totalFee,
  refund: refundFee,
  payer_total: totalFee - couponFee(payment!),
  payer_refund: cashRefundFee,
})
