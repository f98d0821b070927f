import { couponFee, isOf, type Order } from '../../ledger/orders.ts'
import { acceptRefund } from '../../ledger/refund-rules.ts'
import { couponRefundFee, type Refund, type RefundAccount, refundSettlement } from '../../ledger/refunds.ts'
import { isNotifyUrl } from '../../wire/notify-url.ts'
import { wechatDateTime } from '../../wire/time.ts'
import type { WireField } from '../../wire/xml.ts'
import { BusinessFail, INVALID_NOTIFY_URL, missing, ProtocolFail } from './answers.ts'
import { isAmount, matches } from './fields.ts'
import type { PayEndpoint, PayRequest } from './receive.ts'

export const isRefundNumber = matches(/^[0-9A-Za-z_\-|*@]+$/)

/** What a refund returns of the coupons; `suffix` is '' in the reply to refund and `_$n` in refundquery. */
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

/** `[name, settled]` if granted coupons make it less than `paid`. */
export const settlementField = (name: string, settled: number, paid: number): WireField[] =>
  settled === paid ? [] : [[name, settled]]

function findPaid({ account: { orders }, get, subMchId }: PayRequest): Order {
  const transactionId = get('transaction_id')
  if (transactionId === '' && get('out_trade_no') === '') throw missing('transaction_id or out_trade_no')
  const found = transactionId === '' ? orders.find(get('out_trade_no')) : orders.findTransaction(transactionId)
  const order = found && isOf(found, subMchId) ? found : undefined
  if (!order && transactionId !== '') throw new BusinessFail('INVALID_TRANSACTIONID')
  if (!order?.payment) throw new BusinessFail('ORDERNOTEXIST')
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
  aliases: ['/pay/refund'],
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
    { name: 'notify_url', max: 256, form: isNotifyUrl, text: INVALID_NOTIFY_URL },
    { name: 'op_user_id', max: 32 },
  ],
  handle: (request) => {
    const { account, get } = request
    const [refundFee, totalFee] = [Number(get('refund_fee')), Number(get('total_fee'))]
    if (refundFee > totalFee) {
      throw new ProtocolFail('invalid refund_fee', {
        cause: `refund_fee ${refundFee} is more than total_fee ${totalFee}`,
      })
    }
    const order = findPaid(request)
    return reply(
      order,
      acceptRefund(account, order, {
        version: 'v2',
        outRefundNo: get('out_refund_no'),
        refundFee,
        totalFee,
        desc: get('refund_desc'),
        account: (get('refund_account') || 'REFUND_SOURCE_UNSETTLED_FUNDS') as RefundAccount,
        source: 'API',
        notifyUrl: get('notify_url') || account.refundNotifyUrl,
      }),
    )
  },
}

const PAGE = 10

/** Orders paid longer ago are only found by transaction_id (chapter 8_5): one and a half years. */
const FINDABLE_MS = 548 * 24 * 3_600_000

/** The requested refunds: by the first of the four numbers that is given, even if a later one would find more. */
function select({ account: { orders, refunds, now }, get, subMchId }: PayRequest): Refund[] {
  const [refundId, outRefundNo, transactionId, outTradeNo] = [
    'refund_id',
    'out_refund_no',
    'transaction_id',
    'out_trade_no',
  ].map(get) as [string, string, string, string]
  if (refundId + outRefundNo + transactionId + outTradeNo === '') {
    throw missing('refund_id, out_refund_no, transaction_id or out_trade_no')
  }
  const find = (): readonly (Refund | undefined)[] => {
    if (refundId !== '') return [refunds.findId(refundId)]
    if (outRefundNo !== '') return [refunds.find(outRefundNo)]
    if (transactionId === '') return refunds.ofOrder(outTradeNo)
    const order = orders.findTransaction(transactionId)
    if (!order || !isOf(order, subMchId)) throw new BusinessFail('INVALID_TRANSACTIONID')
    return refunds.ofOrder(order.outTradeNo)
  }
  const found = find().filter((refund) => refund && isOf(orders.find(refund.outTradeNo)!, subMchId)) as Refund[]
  const old = ({ outTradeNo }: Refund) =>
    now().getTime() - orders.find(outTradeNo)!.payment!.paidAt.getTime() > FINDABLE_MS
  if (found.length === 0 || (transactionId === '' && old(found[0]!))) {
    throw new BusinessFail('REFUNDNOTEXIST')
  }
  return found
}

function refundFields(order: Order, refund: Refund, n: number): WireField[] {
  const { status, endedAt } = refund
  return [
    [`out_refund_no_${n}`, refund.outRefundNo],
    [`refund_id_${n}`, refund.refundId],
    [`refund_channel_${n}`, refund.channel],
    [`refund_fee_${n}`, refund.refundFee],
    ...settlementField(`settlement_refund_fee_${n}`, refundSettlement(order, refund).refundFee, refund.refundFee),
    ...couponRefundFields(refund, `_${n}`),
    [`refund_status_${n}`, status],
    [`refund_account_${n}`, refund.account],
    // Spelled like this on the wire.
    [`refund_recv_accout_${n}`, refund.receivedBy],
    ...(status === 'SUCCESS' ? [[`refund_success_time_${n}`, wechatDateTime(endedAt!)] as const] : []),
  ]
}

/** V2 refundquery (chapter 9_5). */
export const refundquery: PayEndpoint = {
  api: 'refundquery',
  path: '/pay/refundquery',
  orderBy: ['refund_id', 'out_refund_no', 'transaction_id', 'out_trade_no'],
  fields: [
    { name: 'refund_id', max: 32 },
    { name: 'out_refund_no', max: 64, form: isRefundNumber },
    { name: 'transaction_id', max: 32 },
    { name: 'out_trade_no', max: 32 },
    { name: 'offset', max: 10, form: matches(/^\d+$/) },
  ],
  handle: (request) => {
    const { account, get } = request
    const all = select(request)
    const offset = Number(get('offset'))
    if (offset > all.length) throw new BusinessFail('PARAM_ERROR')
    const page = all.slice(offset, offset + PAGE)
    const order = account.orders.find(all[0]!.outTradeNo)!
    const payment = order.payment!
    return [
      ['transaction_id', payment.transactionId],
      ['out_trade_no', order.outTradeNo],
      ['total_fee', order.totalFee],
      ...settlementField('settlement_total_fee', refundSettlement(order, all[0]!).totalFee, order.totalFee),
      ['fee_type', order.feeType],
      ['cash_fee', order.totalFee - couponFee(payment)],
      ['refund_count', page.length],
      ...(page.length < all.length || get('offset') !== '' ? [['total_refund_count', all.length] as const] : []),
      ...page.flatMap((refund, n) => refundFields(order, refund, n)),
    ]
  },
}
