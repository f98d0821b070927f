import type { Payment, RefundReport, TradeState } from '../../model.ts'
import { isFen } from '../../protocol/money.ts'
import { parseRfc3339 } from '../../protocol/time.ts'
import type { TradeReport } from '../pay.ts'

/** Trades and refunds of API v3, in replies and in notifications: every field is checked. */

/** A JSON object, as far as it is checked. */
export type Json = Readonly<Record<string, unknown>>

/** The object, or an empty one, whose fields are then reported as missing. */
export function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

/** A non-empty string. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** States of an unpaid trade. An unknown state is an error. */
const UNPAID: readonly unknown[] = [
  'NOTPAY',
  'CLOSED',
  'REVOKED',
  'USERPAYING',
  'PAYERROR',
  'ACCEPT',
] satisfies TradeState[]

/** Whose trade it is. A service provider's names both sides: `sp_mchid` and `sub_mchid`, `sp_appid` and, if the order was made in it, `sub_appid`. */
export interface TradeAccount {
  appid: string | undefined
  mchId: string | undefined
  sub?: { spAppid: string | undefined; subMchId: string | undefined }
}

export function accountOf(trade: Json, isPartner: boolean): TradeAccount {
  if (!isPartner) return { appid: textOf(trade.appid), mchId: textOf(trade.mchid) }
  const spAppid = textOf(trade.sp_appid)
  return {
    appid: textOf(trade.sub_appid) ?? spAppid,
    mchId: textOf(trade.sp_mchid),
    sub: { spAppid, subMchId: textOf(trade.sub_mchid) },
  }
}

/** A trade of an account that the caller has compared with ours, or the name of the invalid field. */
export function readTrade(trade: Json, account: TradeAccount): TradeReport | string {
  const { trade_state: tradeState } = trade
  if (tradeState === 'SUCCESS' || tradeState === 'REFUND') {
    const payment = readPayment(trade, account)
    return typeof payment === 'string' ? payment : { tradeState, payment }
  }
  return UNPAID.includes(tradeState) ? ({ tradeState } as TradeReport) : 'trade_state'
}

/** The payment of a trade, or the name of the invalid field. */
function readPayment(trade: Json, account: TradeAccount): Payment | string {
  const { appid, mchId } = account as { appid: string; mchId: string }
  const [outTradeNo, transactionId] = ['out_trade_no', 'transaction_id'].map((name) => textOf(trade[name]))
  if (outTradeNo === undefined) return 'out_trade_no'
  if (transactionId === undefined) return 'transaction_id'
  const payer = objectOf(trade.payer)
  const openid = textOf(account.sub === undefined ? payer.openid : (payer.sub_openid ?? payer.sp_openid))
  if (openid === undefined) return 'payer.openid'
  const { total, currency } = objectOf(trade.amount)
  if (!isFen(total)) return 'amount.total'
  const paidAt = parseRfc3339(textOf(trade.success_time) ?? '')
  if (paidAt === undefined) return 'success_time'
  return {
    transactionId,
    outTradeNo,
    appid,
    mchId,
    openid,
    totalFee: total,
    currency: textOf(currency) ?? 'CNY',
    paidAt,
    bankType: textOf(trade.bank_type),
    attach: textOf(trade.attach),
  }
}

const REFUND_STATES = new Map<unknown, RefundReport['state']>([
  ['PROCESSING', 'processing'],
  ['SUCCESS', 'success'],
  ['CLOSED', 'closed'],
  ['ABNORMAL', 'abnormal'],
])

/** A refund from a reply, which calls its state `status`, or from a notification, which calls it `refund_status`; or the name of the invalid field. */
export function readRefund(refund: Json, stateName: 'status' | 'refund_status'): RefundReport | string {
  const [outTradeNo, outRefundNo, refundId] = ['out_trade_no', 'out_refund_no', 'refund_id'].map((name) =>
    textOf(refund[name]),
  )
  if (outTradeNo === undefined) return 'out_trade_no'
  if (outRefundNo === undefined || outRefundNo.length > 64) return 'out_refund_no'
  if (refundId === undefined) return 'refund_id'
  const { refund: refundFee } = objectOf(refund.amount)
  if (!isFen(refundFee)) return 'amount.refund'
  const state = REFUND_STATES.get(refund[stateName])
  if (state === undefined) return stateName
  return {
    outRefundNo,
    outTradeNo,
    refundId,
    refundFee,
    state,
    succeededAt: parseRfc3339(textOf(refund.success_time) ?? ''),
  }
}
