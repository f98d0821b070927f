import t from 'tap'
import { compareRow } from '../../../src/engine/reconcile/compare.ts'
import type { DifferenceKind } from '../../../src/engine/reconcile/compare.ts'
import type { Order, Refund } from '../../../src/model.ts'
import type { BillRefund, TradeRow } from '../../../src/protocol/trade-bill.ts'
import { newOrder, paymentOf, T0 } from '../helpers.ts'
import { rowOf } from './bills.ts'

const order = newOrder({ state: 'paid' })
const paid: Order = { ...order, payment: paymentOf(order) }
const refund: Refund = {
  outRefundNo: `${order.outTradeNo}-1`,
  key: 'part',
  refundFee: 250,
  origin: 'local',
  state: 'success',
  refundId: '5000',
  createdAt: T0,
  attempts: 0,
  dueAt: null,
  fulfilment: 'done',
}
const withRefund = (part: Partial<Refund> = {}): Order => ({ ...paid, refunds: [{ ...refund, ...part }] })
const refundRow = (part: Partial<BillRefund> = {}, row: Partial<TradeRow> = {}) =>
  rowOf(paid, { ...row, refund: { outRefundNo: refund.outRefundNo, refundId: '5000', refundFee: 250, ...part } })

t.test('payments', async (t) => {
  const cases: [what: string, row: TradeRow, order: Order | undefined, kind: DifferenceKind | undefined][] = [
    ['the same', rowOf(paid), paid, undefined],
    ['an unknown order', rowOf(paid), undefined, 'theirs-only'],
    ['an order that is not paid', rowOf(paid), order, 'theirs-only'],
    ['another amount', rowOf(paid, { totalFee: 1249 }), paid, 'amount-differs'],
    ['another currency', rowOf(paid, { currency: 'USD' }), paid, 'amount-differs'],
    ['another transaction', rowOf(paid, { transactionId: '42' }), paid, 'state-differs'],
    ["another sub-merchant's", rowOf(paid), { ...paid, subMchId: '1900000201' }, 'theirs-only'],
    ['taken back', rowOf(paid, { tradeState: 'REVOKED' }), paid, 'state-differs'],
  ]
  for (const [what, row, order, kind] of cases) t.equal(compareRow(row, order)?.kind, kind, what)
  t.strictSame(compareRow(rowOf(paid, { totalFee: 1249 }), paid), {
    kind: 'amount-differs',
    ours: 'paid, 1250 fen, 4200000001',
    theirs: 'paid, 1249 fen, 4200000001',
  })
  t.match(compareRow(rowOf(paid, { tradeState: 'REVOKED' }), paid), { theirs: /^revoked/ })
})

t.test('refunds: what changed after the bill was made, at nine the next day, is not a difference', async (t) => {
  const cases: [theirs: BillRefund['state'], equal: Refund['state'][]][] = [
    ['PROCESSING', ['processing', 'success', 'closed', 'abnormal']],
    ['SUCCESS', ['success']],
    ['FAIL', ['closed']],
    ['CHANGE', ['abnormal', 'success', 'closed']],
  ]
  const states: Refund['state'][] = ['created', 'unknown', 'processing', 'success', 'closed', 'failed', 'abnormal']
  for (const [theirs, equal] of cases) {
    for (const state of states) {
      const expected = equal.includes(state) ? undefined : 'state-differs'
      t.equal(compareRow(refundRow({ state: theirs }), withRefund({ state }))?.kind, expected, `${theirs}: ${state}`)
    }
  }
  t.equal(compareRow(refundRow(), paid)?.kind, 'theirs-only')
  t.equal(compareRow(refundRow(), undefined)?.kind, 'theirs-only')
  t.equal(compareRow(refundRow(), { ...withRefund(), payment: undefined })?.kind, 'theirs-only')
  const rumour = withRefund({ origin: 'external', refundId: undefined })
  t.equal(compareRow(refundRow(), rumour)?.kind, 'theirs-only', 'a refund known only from a hint counts as unknown')
  t.match(compareRow(refundRow({ refundFee: 249 }), withRefund({ refundId: undefined })), {
    kind: 'amount-differs',
    ours: 'success, 250 fen, no number yet',
    theirs: 'SUCCESS, 249 fen, 5000',
  })
  t.equal(compareRow(refundRow({}, { transactionId: '42' }), withRefund())?.kind, 'state-differs')
})
