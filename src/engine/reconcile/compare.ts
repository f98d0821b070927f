import type { Order, Refund } from '../../model.ts'
import type { BillRefund, TradeRow } from '../../protocol/trade-bill.ts'
import { isRumour } from '../machine/refund-fees.ts'

/**
 * How a day's bill and the store differ about a payment or a refund.
 *
 * - `theirs-only`: the bill has it, and the store does not
 * - `ours-only`: the store has it, and WeChat says that it does not
 * - `state-differs`: both have it, e.g. paid here and revoked there
 * - `amount-differs`: both have it, with other amounts
 */
export type DifferenceKind = 'theirs-only' | 'ours-only' | 'state-differs' | 'amount-differs'

export interface Comparison {
  kind: DifferenceKind
  /** What the store has, in a few words; `-` for nothing. */
  ours: string
  theirs: string
}

/** Compares a line of a bill with the stored order. `undefined`: they agree. */
export function compareRow(row: TradeRow, order: Order | undefined): Comparison | undefined {
  // A trade of one sub-merchant never belongs to an order of another.
  const own = order?.subMchId === undefined || order.subMchId === row.subMchId ? order : undefined
  return row.refund === undefined ? comparePayment(row, own?.payment) : compareRefund(row, row.refund, own)
}

function comparePayment(row: TradeRow, payment: Order['payment']): Comparison | undefined {
  const theirs = `${row.tradeState === 'REVOKED' ? 'revoked' : 'paid'}, ${row.totalFee} fen, ${row.transactionId}`
  if (payment === undefined) return { kind: 'theirs-only', ours: '-', theirs }
  const ours = `paid, ${payment.totalFee} fen, ${payment.transactionId}`
  if (row.transactionId !== payment.transactionId || row.tradeState === 'REVOKED') {
    return { kind: 'state-differs', ours, theirs }
  }
  return row.totalFee === payment.totalFee && row.currency === payment.currency
    ? undefined
    : { kind: 'amount-differs', ours, theirs }
}

/** The states that the store may have for a refund in this state of the bill, which is made at about 9:00 the next day and never updated. */
const LATER: Record<BillRefund['state'], readonly Refund['state'][]> = {
  PROCESSING: ['processing', 'success', 'closed', 'abnormal'],
  SUCCESS: ['success'],
  FAIL: ['closed'],
  CHANGE: ['abnormal', 'success', 'closed'],
}

function compareRefund(row: TradeRow, theirs: BillRefund, order: Order | undefined): Comparison | undefined {
  const refund = order?.refunds.find(({ outRefundNo }) => outRefundNo === theirs.outRefundNo)
  const said = `${theirs.state}, ${theirs.refundFee} fen, ${theirs.refundId}`
  if (order?.payment === undefined || refund === undefined || isRumour(refund)) {
    return { kind: 'theirs-only', ours: '-', theirs: said }
  }
  const ours = `${refund.state}, ${refund.refundFee} fen, ${refund.refundId ?? 'no number yet'}`
  if (refund.refundFee !== theirs.refundFee) return { kind: 'amount-differs', ours, theirs: said }
  return LATER[theirs.state].includes(refund.state) && order.payment.transactionId === row.transactionId
    ? undefined
    : { kind: 'state-differs', ours, theirs: said }
}
