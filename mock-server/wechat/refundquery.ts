import type { WorldCore } from '../core.ts'
import { couponFee, type Order } from '../orders.ts'
import { refundSettlement, type Refund } from '../refunds.ts'
import { wechatDateTime } from '../time.ts'
import type { WireField } from '../wire.ts'
import { matches, type PayEndpoint, type PayRequest } from './pay-v2.ts'
import { couponRefundFields, isRefundNumber, settlementField } from './refund.ts'
import { BusinessFail, ProtocolFail } from './replies.ts'

const PAGE = 10

/** Orders paid longer ago are only found by transaction_id (chapter 8_5): one and a half years. */
const FINDABLE_MS = 548 * 24 * 3_600_000

/** The refunds asked for: by the first of the four numbers that is given, even if a later one would find more. */
function select({ orders, refunds, clock }: WorldCore, { get }: PayRequest): Refund[] {
  const [refundId, outRefundNo, transactionId, outTradeNo] = [
    'refund_id',
    'out_refund_no',
    'transaction_id',
    'out_trade_no',
  ].map(get) as [string, string, string, string]
  if (refundId + outRefundNo + transactionId + outTradeNo === '') {
    throw new ProtocolFail('缺少参数', { cause: 'missing: refund_id, out_refund_no, transaction_id or out_trade_no' })
  }
  const find = (): readonly (Refund | undefined)[] => {
    if (refundId !== '') return [refunds.findId(refundId)]
    if (outRefundNo !== '') return [refunds.find(outRefundNo)]
    if (transactionId === '') return refunds.ofOrder(outTradeNo)
    const order = orders.findTransaction(transactionId)
    if (!order) throw new BusinessFail('INVALID_TRANSACTIONID', '无效transaction_id')
    return refunds.ofOrder(order.outTradeNo)
  }
  const found = find().filter((refund) => refund !== undefined)
  const old = ({ outTradeNo }: Refund) =>
    clock.now().getTime() - orders.find(outTradeNo)!.payment!.paidAt.getTime() > FINDABLE_MS
  if (found.length === 0 || (transactionId === '' && old(found[0]!))) {
    throw new BusinessFail('REFUNDNOTEXIST', 'not exist')
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
    // Spelled so on the wire.
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
  handle: (world, request) => {
    const all = select(world, request)
    const offset = Number(request.get('offset'))
    if (offset > all.length) throw new BusinessFail('PARAM_ERROR', '参数错误')
    const page = all.slice(offset, offset + PAGE)
    const order = world.orders.find(all[0]!.outTradeNo)!
    const payment = order.payment!
    return [
      ['transaction_id', payment.transactionId],
      ['out_trade_no', order.outTradeNo],
      ['total_fee', order.totalFee],
      ...settlementField('settlement_total_fee', refundSettlement(order, all[0]!).totalFee, order.totalFee),
      ['fee_type', order.feeType],
      ['cash_fee', order.totalFee - couponFee(payment)],
      ['refund_count', page.length],
      ...(page.length < all.length || request.get('offset') !== ''
        ? [['total_refund_count', all.length] as const]
        : []),
      ...page.flatMap((refund, n) => refundFields(order, refund, n)),
    ]
  },
}
