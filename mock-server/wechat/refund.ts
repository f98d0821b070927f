import type { WorldCore } from '../core.ts'
import { isNotifyUrl } from '../notify-url.ts'
import { couponFee, type Order } from '../orders.ts'
import { acceptRefund } from '../refunding.ts'
import { couponRefundFee, refundSettlement, type Refund, type RefundAccount } from '../refunds.ts'
import type { WireField } from '../wire.ts'
import { matches, type PayEndpoint, type PayRequest } from './pay-v2.ts'
import { BusinessFail, ProtocolFail } from './replies.ts'

export const isAmount = matches(/^[1-9]\d*$/)
export const isRefundNumber = matches(/^[0-9A-Za-z_\-|*@]+$/)

/** What a refund gives back of the coupons; `suffix` is '' in the reply to refund and `_$n` in refundquery. */
export function couponRefundFields(refund: Refund, suffix = ''): WireField[] {
  const coupons = refund.coupons.filter(({ fee }) => fee > 0)
  return [
    [`coupon_refund_fee${suffix}`, couponRefundFee(refund)],
    [`coupon_refund_count${suffix}`, coupons.length],
    ...coupons.flatMap(({ fee, id, type }, m): WireField[] => [
      [`coupon_refund_id${suffix}_${m}`, id],
      [`coupon_refund_fee${suffix}_${m}`, fee],
      ...(type ? [[`coupon_type${suffix}_${m}`, type] as const] : []),
    ]),
  ]
}

/** `[name, settled]` when granted coupons make it less than `paid`. */
export const settlementField = (name: string, settled: number, paid: number): WireField[] =>
  settled === paid ? [] : [[name, settled]]

function findPaid({ orders }: WorldCore, { get }: PayRequest): Order {
  const transactionId = get('transaction_id')
  if (transactionId === '' && get('out_trade_no') === '') {
    throw new ProtocolFail('缺少参数', { cause: 'missing: transaction_id or out_trade_no' })
  }
  const order = transactionId === '' ? orders.find(get('out_trade_no')) : orders.findTransaction(transactionId)
  if (!order && transactionId !== '') throw new BusinessFail('INVALID_TRANSACTIONID', '无效transaction_id')
  if (!order?.payment) throw new BusinessFail('ORDERNOTEXIST', '订单不存在')
  return order
}

function reply(order: Order, refund: Refund): WireField[] {
  const payment = order.payment!
  const settlement = refundSettlement(order, refund)
  return [
    ['transaction_id', payment.transactionId],
    ['out_trade_no', order.outTradeNo],
    ['out_refund_no', refund.outRefundNo],
    ['refund_id', refund.refundId],
    // Empty in real replies.
    ['refund_channel', ''],
    ['refund_fee', refund.refundFee],
    ...settlementField('settlement_refund_fee', settlement.refundFee, refund.refundFee),
    ['total_fee', order.totalFee],
    ...settlementField('settlement_total_fee', settlement.totalFee, order.totalFee),
    ['fee_type', order.feeType],
    ['cash_fee', order.totalFee - couponFee(payment)],
    ['cash_refund_fee', refund.cashRefundFee],
    ...couponRefundFields(refund),
  ]
}

/** V2 refund (micropay chapter 9_4). Success means accepted, not refunded. */
export const refund: PayEndpoint = {
  api: 'refund',
  path: '/secapi/pay/refund',
  certificate: true,
  orderBy: ['transaction_id', 'out_trade_no'],
  fields: [
    { name: 'transaction_id', max: 32 },
    { name: 'out_trade_no', max: 32 },
    { name: 'out_refund_no', max: 64, required: true, form: isRefundNumber },
    { name: 'total_fee', max: 10, required: true, form: isAmount },
    { name: 'refund_fee', max: 10, required: true, form: isAmount },
    { name: 'refund_fee_type', max: 8, form: matches(/^CNY$/) },
    { name: 'refund_desc', max: 80 },
    { name: 'refund_account', max: 30, form: matches(/^REFUND_SOURCE_(?:UNSETTLED|RECHARGE)_FUNDS$/) },
    { name: 'notify_url', max: 256, form: isNotifyUrl },
    { name: 'op_user_id', max: 32 },
  ],
  handle: (world, request) => {
    const { get } = request
    const [refundFee, totalFee] = [Number(get('refund_fee')), Number(get('total_fee'))]
    if (refundFee > totalFee) {
      throw new ProtocolFail('invalid refund_fee', {
        cause: `refund_fee ${refundFee} is more than total_fee ${totalFee}`,
      })
    }
    const order = findPaid(world, request)
    return reply(
      order,
      acceptRefund(world, order, {
        outRefundNo: get('out_refund_no'),
        refundFee,
        totalFee,
        desc: get('refund_desc'),
        account: (get('refund_account') || 'REFUND_SOURCE_UNSETTLED_FUNDS') as RefundAccount,
        source: 'API',
        notifyUrl: get('notify_url') || world.refundNotifyUrl,
      }),
    )
  },
}
