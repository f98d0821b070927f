import type { Order } from '../../../src/model.ts'
import type { BillRefund, TradeRow } from '../../../src/protocol/trade-bill.ts'
import { paymentOf } from '../helpers.ts'
import type { Reconciliation } from '../../../src/engine/reconcile/report.ts'

/** The report of a day without rows; `part` says what is different. */
export const reportOf = (date: string, part: Partial<Reconciliation> = {}): Reconciliation => ({
  date,
  rows: 0,
  equal: 0,
  foreign: 0,
  elsewhere: 0,
  healed: 0,
  open: 0,
  unasked: 0,
  decided: 0,
  differences: [],
  more: 0,
  unreadable: [],
  unreadableRows: 0,
  summary: undefined,
  ...part,
})

type RowPart = Partial<Omit<TradeRow, 'refund'>> & { refund?: Partial<BillRefund> }

/** The bill line of a paid order, or of one of its refunds. */
export function rowOf(order: Order, { refund, ...part }: RowPart = {}): TradeRow {
  const { outTradeNo, appid, mchId, openid, totalFee, currency, transactionId, paidAt } =
    order.payment ?? paymentOf(order)
  return {
    at: paidAt,
    appid,
    mchId,
    subMchId: order.subMchId,
    deviceInfo: '',
    transactionId,
    outTradeNo,
    openid,
    tradeType: 'JSAPI',
    tradeState: refund === undefined ? 'SUCCESS' : 'REFUND',
    bankType: 'OTHERS',
    currency,
    totalFee: refund === undefined ? totalFee : 0,
    settlementFee: totalFee,
    couponFee: 0,
    refund: refund && {
      outRefundNo: `${outTradeNo}-1`,
      refundId: '5000',
      refundFee: 1,
      settlementRefundFee: 1,
      couponRefundFee: 0,
      channel: 'ORIGINAL',
      state: 'SUCCESS',
      requestedAt: undefined,
      succeededAt: undefined,
      ...refund,
    },
    description: order.description,
    attach: '',
    serviceFeeMilli: 0,
    rate: '0.60%',
    ...part,
  }
}

const COLUMNS =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注'

const yuan = (fen: number) => (fen / 100).toFixed(2)

function lineOf(row: TradeRow): string {
  const at = new Date(row.at.getTime() + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
  const { refund } = row
  const cells = [
    ...[at, row.appid, row.mchId, '0', row.deviceInfo, row.transactionId, row.outTradeNo, row.openid, row.tradeType],
    ...[row.tradeState, row.bankType, row.currency, yuan(row.settlementFee!), '0.00', refund?.refundId ?? '0'],
    ...[refund?.outRefundNo ?? '0', yuan(refund?.refundFee ?? 0), '0.00', refund?.channel ?? '', refund?.state ?? ''],
    ...[row.description, row.attach, '0.00000', row.rate, yuan(row.totalFee), yuan(refund?.refundFee ?? 0), ''],
  ]
  return cells.map((cell) => `\`${cell}`).join(',')
}

/** A complete bill with these lines; a string is inserted as it is. */
export function billOf(rows: readonly (TradeRow | string)[]): Buffer {
  const lines = [
    COLUMNS,
    ...rows.map((row) => (typeof row === 'string' ? row : lineOf(row))),
    '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额',
    `\`${rows.length},\`0.00,\`0.00,\`0.00,\`0.00000,\`0.00,\`0.00`,
  ]
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''))
}
