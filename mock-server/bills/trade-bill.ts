import type { Account } from '../ledger/account.ts'
import { couponFee, isOf, type Order, type Payment } from '../ledger/orders.ts'
import {
  couponRefundFee,
  outcomeAt,
  rechargeRefundFee,
  refundSettlement,
  settledFee,
  type Refund,
  type RefundOutcome,
} from '../ledger/refunds.ts'
import { wechatDateTime } from '../wire/time.ts'
import { billText, feeOf, RATE_TEXT, refundedFees, yuan, type BillDay, type Column } from './day.ts'

/** Bills are kept for three months. */
const KEPT_MS = 92 * 24 * 3_600_000

export type BillType = 'ALL' | 'SUCCESS' | 'REFUND' | 'RECHARGE_REFUND'

/** A line of the bill: a payment or a refund. */
interface Trade {
  readonly order: Order
  readonly payment: Payment
  readonly refund: Refund | undefined
  /** The refund's status when the bill was made. */
  readonly outcome: RefundOutcome | undefined
  readonly at: Date
  /** The fee that the merchant pays; negative if it is returned. */
  readonly fee: number
}

const REFUND_STATUS: Record<Refund['status'], string> = {
  PROCESSING: 'PROCESSING',
  SUCCESS: 'SUCCESS',
  CHANGE: 'CHANGE',
  REFUNDCLOSE: 'FAIL',
}

function tradesOf({ orders, refunds }: Account, madeAt: Date): Trade[] {
  return orders.list().flatMap((order) => {
    const { payment } = order
    if (!payment) return []
    const paid: Trade = {
      order,
      payment,
      refund: undefined,
      outcome: undefined,
      at: payment.paidAt,
      fee: feeOf(settledFee(order)),
    }
    const ofOrder = refunds.ofOrder(order.outTradeNo)
    const feesBack = refundedFees(order, ofOrder)
    return [
      paid,
      ...ofOrder.map((refund, n): Trade => ({
        order,
        payment,
        refund,
        outcome: outcomeAt(refund, madeAt),
        at: refund.requestedAt,
        fee: 0 - feesBack[n]!,
      })),
    ]
  })
}

/** Columns that only payments fill, and columns that only refunds fill. */
const ofPayment = (value: (trade: Trade) => number) => (trade: Trade) => (trade.refund ? 0 : value(trade))
const ofRefund =
  (value: (refund: Refund, order: Order) => number) =>
  ({ order, refund }: Trade) =>
    refund ? value(refund, order) : 0

const settled = ofPayment(({ order }) => settledFee(order))
const total = ofPayment(({ order }) => order.totalFee)
const coupons = ofPayment(({ payment }) => couponFee(payment))
const settledRefund = ofRefund((refund, order) => refundSettlement(order, refund).refundFee)
const requestedRefund = ofRefund((refund) => refund.refundFee)
const rechargeRefund = ofRefund(rechargeRefundFee)
const couponRefund = ofRefund(couponRefundFee)

const fee = (trade: Trade) => trade.fee

const money = (name: string, value: (trade: Trade) => number): Column<Trade> => [name, (trade) => yuan(value(trade))]

/** The columns depend on the merchant's age; a parser must look them up by name. */
function columnsOf(mchId: string, type: BillType, old: boolean): Column<Trade>[] {
  const withRefunds = type !== 'SUCCESS'
  const refundTimes: Column<Trade>[] = [
    ['退款申请时间', ({ refund }) => wechatDateTime(refund!.requestedAt)],
    ['退款成功时间', ({ outcome }) => (outcome!.status === 'SUCCESS' ? wechatDateTime(outcome!.endedAt!) : '')],
  ]
  const refundColumns: Column<Trade>[] = [
    ...(type === 'REFUND' ? refundTimes : []),
    ['微信退款单号', ({ refund }) => refund?.refundId ?? '0'],
    ['商户退款单号', ({ refund }) => refund?.outRefundNo ?? '0'],
    money('退款金额', old ? requestedRefund : settledRefund),
    old ? money('代金券或立减优惠退款金额', couponRefund) : money('充值券退款金额', rechargeRefund),
    ['退款类型', ({ outcome }) => outcome?.channel ?? ''],
    ['退款状态', ({ outcome }) => (outcome ? REFUND_STATUS[outcome.status] : '')],
  ]
  return [
    ['交易时间', ({ payment, at }) => wechatDateTime(type === 'REFUND' ? payment.paidAt : at)],
    ['公众账号ID', ({ order }) => order.appid],
    ['商户号', () => mchId],
    [old ? '子商户号' : '特约商户号', ({ order }) => order.sub?.mchId ?? '0'],
    ['设备号', ({ order }) => order.deviceInfo],
    ['微信订单号', ({ payment }) => payment.transactionId],
    ['商户订单号', ({ order }) => order.outTradeNo],
    ['用户标识', ({ payment }) => payment.openid],
    ['交易类型', ({ order }) => order.tradeType],
    ['交易状态', ({ refund }) => (refund ? 'REFUND' : 'SUCCESS')],
    ['付款银行', ({ payment }) => payment.bankType],
    ['货币种类', ({ order }) => order.feeType],
    money(old ? '总金额' : '应结订单金额', old ? total : settled),
    money(old ? '代金券或立减优惠金额' : '代金券金额', coupons),
    ...(withRefunds ? refundColumns : []),
    ['商品名称', ({ order }) => order.body],
    ['商户数据包', ({ order }) => order.attach],
    ['手续费', ({ fee }) => yuan(fee, 5)],
    ['费率', () => RATE_TEXT],
    ...(old
      ? []
      : [
          money('订单金额', total),
          ...(withRefunds ? [money('申请退款金额', requestedRefund)] : []),
          ['费率备注', () => ''] as const,
        ]),
  ]
}

function summaryOf({ random }: Account, trades: readonly Trade[], old: boolean): [name: string, value: string][] {
  // A closed refund keeps its line, but the money is back with the merchant.
  const counted = trades.filter(({ outcome }) => outcome?.status !== 'REFUNDCLOSE')
  const sum = (value: (trade: Trade) => number) => yuan(counted.reduce((fen, trade) => fen + value(trade), 0))
  // Some recorded bills write the count like an amount.
  const count = random.flip('bill', 'count') ? `${trades.length}.0` : String(trades.length)
  return old
    ? [
        ['总交易单数', count],
        ['总交易额', sum(total)],
        ['总退款金额', sum(requestedRefund)],
        ['总代金券或立减优惠退款金额', sum(couponRefund)],
        ['手续费总金额', sum(fee)],
      ]
    : [
        ['总交易单数', count],
        ['应结订单总金额', sum(settled)],
        ['退款总金额', sum(settledRefund)],
        ['充值券退款总金额', sum(rechargeRefund)],
        ['手续费总金额', sum(fee)],
        ['订单总金额', sum(total)],
        ['申请退款总金额', sum(requestedRefund)],
      ]
}

/**
 * The day's payments and refunds, newest first; undefined if there are none. `old`: the columns older merchants get.
 * `subMchId`: only those of one sub-merchant; '': all.
 */
export function tradeBill(
  account: Account,
  day: BillDay,
  type: BillType,
  old: boolean,
  subMchId = '',
): string | undefined {
  if (day.ageMs > KEPT_MS) return undefined
  const isWanted = ({ order, refund }: Trade) =>
    (type === 'ALL' || type === (refund ? 'REFUND' : 'SUCCESS')) && (subMchId === '' || isOf(order, subMchId))
  const trades = tradesOf(account, day.madeAt).filter((trade) => day.has(trade.at) && isWanted(trade))
  if (trades.length === 0) return undefined
  trades.sort((a, b) => b.at.getTime() - a.at.getTime())
  return billText(columnsOf(account.mchId, type, old), trades, summaryOf(account, trades, old))
}
