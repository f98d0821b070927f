import { counted, money, moments, named, oneOf, readBill } from './bill.ts'
import type { Columns, UnreadableLine } from './bill.ts'
import { parseYuan } from './money.ts'

/** A line of a day's trade bill. Money is in fen. */
export interface TradeRow {
  /** When the order was paid or the refund requested; in a bill of type `REFUND`, when the order was paid. */
  at: Date
  appid: string
  mchId: string
  /** Of a service provider's bill: the sub-merchant (特约商户). */
  subMchId: string | undefined
  deviceInfo: string
  transactionId: string
  outTradeNo: string
  openid: string
  /** `JSAPI`, `NATIVE`, `APP`, `MWEB`, `MICROPAY`, `FACE` … */
  tradeType: string
  /** `REVOKED`: paid, and taken back later. */
  tradeState: 'SUCCESS' | 'REFUND' | 'REVOKED'
  bankType: string
  currency: string
  /** What the order cost; 0 in the line of a refund. */
  totalFee: number
  /** The part the merchant gets: less than `totalFee` when coupons issued by WeChat paid the rest. Absent from bills with the old columns. */
  settlementFee: number | undefined
  couponFee: number
  /** Set in the line of a refund. */
  refund: BillRefund | undefined
  description: string
  attach: string
  /** Thousandths of a fen, as bills print five decimals of a yuan. Negative where a refund returns it. */
  serviceFeeMilli: number
  /** Such as `0.60%`. */
  rate: string
}

/** The refund of a row of a trade bill. Amounts are fen. */
export interface BillRefund {
  outRefundNo: string
  refundId: string
  /** The amount requested. */
  refundFee: number
  /** The part the merchant pays. Absent from bills with the old columns. */
  settlementRefundFee: number | undefined
  couponRefundFee: number
  /** Where the money goes: `ORIGINAL` or `BALANCE`. */
  channel: string
  /** The state when the bill was made, at about 9:00 on the next day. It is never updated. */
  state: 'PROCESSING' | 'SUCCESS' | 'FAIL' | 'CHANGE'
  /** Set in bills of type `REFUND`. */
  requestedAt: Date | undefined
  succeededAt: Date | undefined
}

/** The last line of a trade bill. Columns the bill lacks are absent. */
export interface TradeSummary {
  count: number
  totalFee: number | undefined
  settlementFee: number | undefined
  refundFee: number | undefined
  settlementRefundFee: number | undefined
  couponRefundFee: number | undefined
  serviceFeeMilli: number | undefined
}

/** Reads a trade bill of any type and age; yields its rows as they arrive, and returns its summary. */
export function readTradeBill(
  chunks: AsyncIterable<Buffer>,
  unreadable?: (line: UnreadableLine) => void,
): AsyncGenerator<TradeRow[], TradeSummary> {
  return readBill(chunks, '总交易单数', tradeRow, tradeSummary, unreadable)
}

const TRADE_STATES = ['SUCCESS', 'REFUND', 'REVOKED'] as const
const REFUND_STATES = ['PROCESSING', 'SUCCESS', 'FAIL', 'CHANGE'] as const

function tradeRow(columns: Columns): (cells: string[]) => TradeRow {
  const moment = moments()
  const at = columns.need('交易时间')
  const appid = columns.need('公众账号ID')
  const mchId = columns.need('商户号')
  const subMchId = columns.find('特约商户号', '子商户号')
  const deviceInfo = columns.need('设备号')
  const transactionId = columns.need('微信订单号')
  const outTradeNo = columns.need('商户订单号')
  const openid = columns.need('用户标识')
  const tradeType = columns.need('交易类型')
  const tradeState = columns.need('交易状态')
  const bankType = columns.need('付款银行')
  const currency = columns.need('货币种类')
  const totalFee = columns.need('订单金额', '总金额')
  const settlementFee = columns.find('应结订单金额')
  const couponFee = columns.need('代金券金额', '代金券或立减优惠金额')
  const description = columns.need('商品名称')
  const attach = columns.need('商户数据包')
  const serviceFee = columns.need('手续费')
  const rate = columns.need('费率')
  const refund = columns.find('商户退款单号') === undefined ? undefined : billRefund(columns)
  return (cells) => {
    const state = oneOf(TRADE_STATES, cells[tradeState]!)
    if (state === 'REFUND' && refund === undefined) {
      throw new Error('it is a refund, and the bill has no columns for refunds')
    }
    return {
      at: moment(cells[at]!),
      appid: cells[appid]!,
      mchId: cells[mchId]!,
      // 0 for a merchant that is nobody's sub-merchant.
      subMchId: cells[subMchId ?? -1]?.replace(/^0?$/, '') || undefined,
      deviceInfo: cells[deviceInfo]!,
      transactionId: named(cells[transactionId]!),
      outTradeNo: named(cells[outTradeNo]!),
      openid: cells[openid]!,
      tradeType: cells[tradeType]!,
      tradeState: state,
      bankType: cells[bankType]!,
      currency: cells[currency]!,
      totalFee: money(cells[totalFee]!),
      settlementFee: settlementFee === undefined ? undefined : money(cells[settlementFee]!),
      couponFee: money(cells[couponFee]!),
      refund: state === 'REFUND' ? refund!(cells) : undefined,
      description: cells[description]!,
      attach: cells[attach]!,
      serviceFeeMilli: money(cells[serviceFee]!, 5),
      rate: cells[rate]!,
    }
  }
}

function billRefund(columns: Columns): (cells: string[]) => BillRefund {
  const outRefundNo = columns.need('商户退款单号')
  const refundId = columns.need('微信退款单号')
  const old = columns.find('申请退款金额') === undefined
  const refundFee = columns.need('申请退款金额', '退款金额')
  const settlementRefundFee = columns.need('退款金额')
  const couponRefundFee = columns.need('充值券退款金额', '代金券或立减优惠退款金额')
  const channel = columns.need('退款类型')
  const state = columns.need('退款状态')
  const requestedAt = columns.find('退款申请时间')
  const succeededAt = columns.find('退款成功时间')
  const moment = moments()
  const maybe = (text: string | undefined) => (text ? moment(text) : undefined)
  return (cells) => ({
    outRefundNo: named(cells[outRefundNo]!),
    refundId: named(cells[refundId]!),
    refundFee: money(cells[refundFee]!),
    settlementRefundFee: old ? undefined : money(cells[settlementRefundFee]!),
    couponRefundFee: money(cells[couponRefundFee]!),
    channel: cells[channel]!,
    state: oneOf(REFUND_STATES, cells[state]!),
    requestedAt: maybe(cells[requestedAt ?? -1]),
    succeededAt: maybe(cells[succeededAt ?? -1]),
  })
}

function tradeSummary(columns: Columns): (cells: string[]) => TradeSummary {
  const count = counted(columns, '总交易单数')
  const sum = (cells: string[], digits: number, ...names: string[]) =>
    parseYuan(String(cells[columns.find(...names) ?? -1]), digits)
  return (cells) => ({
    count: count(cells),
    totalFee: sum(cells, 2, '订单总金额', '总交易额'),
    settlementFee: sum(cells, 2, '应结订单总金额'),
    refundFee: sum(cells, 2, '申请退款总金额', '总退款金额'),
    settlementRefundFee: sum(cells, 2, '退款总金额'),
    couponRefundFee: sum(cells, 2, '充值券退款总金额', '总代金券或立减优惠退款金额'),
    serviceFeeMilli: sum(cells, 5, '手续费总金额'),
  })
}
