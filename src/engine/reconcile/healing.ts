import type { PayApi } from '../../client/pay.ts'
import type { Anomaly, AnomalyKind, Order, RefundReport } from '../../model.ts'
import type { TradeRow } from '../../protocol/trade-bill.ts'
import { reasonOf } from '../../base/thrown.ts'
import type { Store } from '../../store/store.ts'
import type { Orders } from '../orders.ts'
import { compareRow } from './compare.ts'
import type { Comparison } from './compare.ts'
import type { Difference } from './report.ts'

/** A difference between bill and store: a line of the bill, or an order of the store. */
export interface Suspect extends Comparison {
  outTradeNo: string
  outRefundNo: string | undefined
  row?: TradeRow
  order?: Order
}

export interface HealingDeps {
  pay: Pick<PayApi, 'query' | 'queryRefund'>
  store: Store
  orders: Orders
  raised: (anomaly: Anomaly) => void
  now: () => Date
}

type Ending = Pick<Difference, 'outcome' | 'reason'>

/** After this many failures in a row queries stop, and the next run continues. */
const ENOUGH = 5

/** Checks suspects one by one: queries WeChat, applies the answer as usual, and compares again. What still differs waits for a person. */
export function createHealing({ pay, store, orders, raised, now }: HealingDeps) {
  return async function* (suspects: readonly Suspect[]): AsyncGenerator<Difference | 'elsewhere', void> {
    let failures = 0
    let last = ''
    for (const suspect of suspects) {
      const { kind, outTradeNo, outRefundNo, ours, theirs } = suspect
      let ending: Ending | 'elsewhere'
      if (failures < ENOUGH) {
        try {
          ending = await lookInto(suspect)
          failures = 0
        } catch (error) {
          failures++
          last = reasonOf(error)
          ending = { outcome: 'unasked', reason: `WeChat could not be queried: ${last}` }
        }
      } else ending = { outcome: 'unasked', reason: `No more queries after ${ENOUGH} failures: ${last}` }
      yield ending === 'elsewhere' ? ending : { kind, outTradeNo, outRefundNo, ours, theirs, ...ending }
    }
  }

  async function lookInto(suspect: Suspect): Promise<Ending | 'elsewhere'> {
    const known = await findKnown(suspect)
    if (known !== undefined) return known
    if (suspect.row === undefined) return await confirm(suspect, suspect.order!)
    return await heal(suspect, suspect.row)
  }

  /** An entry that only the store has: it may be in the bill of another day. */
  async function confirm(suspect: Suspect, order: Order): Promise<Ending | 'elsewhere'> {
    const { outTradeNo, payment } = order
    const { outRefundNo } = suspect
    if (outRefundNo !== undefined) {
      const report = await pay.queryRefund(outRefundNo, order)
      if (report?.outTradeNo === outTradeNo) return 'elsewhere'
      return await open(suspect, 'the bill does not have the refund, and a query says that WeChat does not know it')
    }
    const report = await pay.query(outTradeNo, order)
    const same =
      'payment' in report &&
      report.payment.transactionId === payment!.transactionId &&
      report.payment.totalFee === payment!.totalFee
    if (same) return 'elsewhere'
    const said = 'payment' in report ? `is paid by ${report.payment.transactionId}` : `is ${report.tradeState}`
    return await open(suspect, `the bill does not have the payment, and a query says that the order ${said}`)
  }

  async function heal(suspect: Suspect, row: TradeRow): Promise<Ending> {
    const { outTradeNo } = row
    let order = await orders.get(outTradeNo)
    if (order === undefined) {
      const report = await pay.query(outTradeNo, row.subMchId === undefined ? row : { subMchId: row.subMchId })
      if (!('payment' in report)) {
        return await open(suspect, `the order is not in the store, and a query says ${report.tradeState}`)
      }
      await orders.observePayment('bill', report.payment, undefined, row.subMchId)
      return { outcome: 'open', reason: 'paid at WeChat, but the store has no order with this number' }
    }
    if (row.refund === undefined || order.payment === undefined) order = await orders.askForBill(order)
    if (row.refund !== undefined && compareRow(row, order) !== undefined) {
      const report: RefundReport | undefined = await pay.queryRefund(row.refund.outRefundNo, order)
      if (report === undefined) return await open(suspect, 'a query says that WeChat does not know the refund')
      order = (await orders.observe(outTradeNo, { seen: 'refund-reported', source: 'bill', report }))!.order
    }
    const left = compareRow(row, order)
    if (left === undefined) {
      if (row.refund !== undefined) await explain(order, row.refund.outRefundNo)
      return { outcome: 'healed', reason: 'a query confirms the bill' }
    }
    return (
      (await findKnown(suspect)) ?? (await open(suspect, `a query contradicts the bill: the store has ${left.ours}`))
    )
  }

  /** WeChat had reported a refund without saying which, as API v3 does: now it is known. A payment on hold still waits for a person. */
  async function explain({ outTradeNo, payment, fulfilment }: Order, outRefundNo: string): Promise<void> {
    if (fulfilment === 'held') return
    const note = `the bill says that it was the refund ${outRefundNo}`
    await store.resolveAnomaly(`refunded:${outTradeNo}:${payment!.transactionId}`, {
      action: 'dismiss',
      note,
      at: now(),
    })
  }

  /** The findings that a difference may have caused, in the engine or in an earlier run. */
  function idsOf({ outTradeNo, outRefundNo, row }: Suspect): string[] {
    const number = outRefundNo === undefined ? outTradeNo : `${outTradeNo}:${outRefundNo}`
    const ids = [`bill-differs:${orders.owner.mchId}/${number}`]
    if (outRefundNo !== undefined) return [...ids, `refund-mismatch:${outRefundNo}`, `refund-mismatch:${number}`]
    if (row === undefined) return ids
    const kinds: AnomalyKind[] = ['mismatch', 'second-transaction', 'reused-transaction']
    const unknown = `unknown-order:${orders.owner.mchId}/${outTradeNo}:${row.transactionId}`
    return [...ids, unknown, ...kinds.map((kind) => `${kind}:${outTradeNo}:${row.transactionId}`)]
  }

  async function findKnown(suspect: Suspect): Promise<Ending | undefined> {
    for (const id of idsOf(suspect)) {
      const anomaly = await store.findAnomaly(id)
      if (anomaly !== undefined) {
        const { resolution, reason } = anomaly
        return resolution === undefined
          ? { outcome: 'open', reason: `waits for a person: ${reason}` }
          : { outcome: 'decided', reason: `${resolution.action}: ${resolution.note}` }
      }
    }
    return undefined
  }

  async function open(suspect: Suspect, what: string): Promise<Ending> {
    const { outTradeNo, ours, theirs } = suspect
    const reason = `${what} (ours: ${ours}; the bill's: ${theirs})`
    const anomaly: Anomaly = { id: idsOf(suspect)[0]!, kind: 'bill-differs', outTradeNo, at: now(), reason }
    if (await store.insertAnomaly(anomaly)) raised(anomaly)
    return { outcome: 'open', reason: what }
  }
}
