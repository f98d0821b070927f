import { billDay, billText, type Column, feeOf, isBillDate, RATE_TEXT, refundedFees, yuan } from '../../bills/day.ts'
import { couponFee, type Order, type Payment } from '../../ledger/orders.ts'
import {
  couponRefundFee,
  outcomeAt,
  rechargeRefundFee,
  type Refund,
  type RefundOutcome,
  refundSettlement,
  settledFee,
} from '../../ledger/refunds.ts'
import { wechatDateTime } from '../../wire/time.ts'
import type { WorldCore } from '../core.ts'
import { type BusinessFail, ProtocolFail } from './answers.ts'
import { matches } from './fields.ts'
import type { PayEndpoint } from './receive.ts'

/** Bills are kept for three months. */
const KEPT_MS = 92 * 24 * 3_600_000

/** A line of the bill: a payment, or a refund of one. */
interface Trade {
  readonly order: Order
  readonly payment: Payment
  readonly refund: Refund | undefined
  /** How far the refund was when the bill was made. */
  readonly outcome: RefundOutcome | undefined
  readonly at: Date
  /** The fee that the merchant pays or, negative, is given back. */
  readonly fee: number
}

const REFUND_STATUS: Record<Refund['status'], string> = {
  PROCESSING: 'PROCESSING',
  SUCCESS: 'SUCCESS',
  CHANGE: 'CHANGE',
  REFUNDCLOSE: 'FAIL',
}

function tradesOf({ orders, refunds }: WorldCore, madeAt: Date): Trade[] {
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

/** A value that only payments have, and one that only refunds have. */
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

/** Merchants have different tables by their age; a parser must go by the names. */
function columnsOf(world: WorldCore, type: string): Column<Trade>[] {
  const { mchId } = world.credentials
  const old = world.behaviour.billColumns === 'old'
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
    [old ? '子商户号' : '特约商户号', () => '0'],
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

function summaryOf(world: WorldCore, trades: readonly Trade[]): [name: string, value: string][] {
  // A closed refund has its line, but the money is the merchant's again.
  const counted = trades.filter(({ outcome }) => outcome?.status !== 'REFUNDCLOSE')
  const sum = (value: (trade: Trade) => number) => yuan(counted.reduce((fen, trade) => fen + value(trade), 0))
  // Some recorded bills count as if it were money.
  const count = world.random.flip('bill', 'count') ? `${trades.length}.0` : String(trades.length)
  return world.behaviour.billColumns === 'old'
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

/** The texts of this call, in English, by the codes of the others. */
const TEXT: Readonly<Record<string, string>> = {
  REQUIRE_POST_METHOD: 'require POST method',
  POST_DATA_EMPTY: 'empty post data',
  XML_FORMAT_ERROR: 'data format error',
  NOT_UTF8: 'data format error',
  LACK_PARAMS: 'missing parameter',
  APPID_NOT_EXIST: 'invalid appid',
  APPID_MCHID_NOT_MATCH: 'invalid appid',
  MCHID_NOT_EXIST: 'invalid parameter',
  SIGNERROR: 'SIGN ERROR',
}

/** Client tables pair texts and numbers so; of all these only `No Bill Exist` with 20002 is recorded. */
const NUMBER: Readonly<Record<string, string>> = {
  'No Bill Exist': '20002',
  'Bill Creating': '20002',
  'system error': '20003',
  SYSTEMERROR: '20003',
  'CompressGZip Error': '20003',
  'UnCompressGZip Error': '20003',
  当前商户号账单API权限已经关闭: '20007',
}

/** `bill_date参数格式错误` is `invalid bill_date` here. */
function englishOf(message: string): string {
  const [, field] = /^(\w+)参数(?:长度有误|格式错误)$/.exec(message) ?? []
  if (field === undefined) return message
  if (field === 'tar_type') return 'invalid tar_type: Only GZIP supported'
  return ['appid', 'bill_date', 'bill_type'].includes(field) ? `invalid ${field}` : 'invalid parameter'
}

/** This call knows no refusal of the business. */
function refusal(error: ProtocolFail | BusinessFail): [name: string, value: string][] {
  const { errCode = '', message, number } = error as ProtocolFail
  const text = TEXT[errCode] ?? englishOf(message)
  return [
    ['return_code', 'FAIL'],
    ['return_msg', text],
    ['error_code', number ?? NUMBER[text] ?? '20001'],
  ]
}

/** V2 downloadbill (chapter 9_6): what was traded on one day in China, newest first. */
export const downloadbill: PayEndpoint = {
  api: 'downloadbill',
  path: '/pay/downloadbill',
  fields: [
    { name: 'bill_date', max: 8, required: true, form: isBillDate },
    { name: 'bill_type', max: 15, form: matches(/^(?:ALL|SUCCESS|REFUND|RECHARGE_REFUND)$/) },
    { name: 'tar_type', max: 4, form: matches(/^GZIP$/) },
  ],
  unsigned: refusal,
  systemError: 'system error',
  handle: (world, { get }) => {
    const day = billDay(get('bill_date'), world.clock.now())
    if (day.state === 'future') throw new ProtocolFail('invalid bill_date')
    if (day.state === 'creating') throw new ProtocolFail('Bill Creating')
    const type = get('bill_type') || 'ALL'
    const wanted = ({ refund }: Trade) => type === 'ALL' || type === (refund ? 'REFUND' : 'SUCCESS')
    const trades =
      day.ageMs > KEPT_MS ? [] : tradesOf(world, day.madeAt).filter((trade) => day.has(trade.at) && wanted(trade))
    if (trades.length === 0) throw new ProtocolFail('No Bill Exist')
    trades.sort((a, b) => b.at.getTime() - a.at.getTime())
    return {
      text: billText(columnsOf(world, type), trades, summaryOf(world, trades)),
      gzip: get('tar_type') === 'GZIP',
    }
  },
}
