import { isNoBill } from '../../client/bills.ts'
import type { PayApi } from '../../client/pay.ts'
import type { Anomaly, Order } from '../../model.ts'
import type { UnreadableLine } from '../../protocol/bill.ts'
import { parseTime } from '../../protocol/time.ts'
import { readTradeBill } from '../../protocol/trade-bill.ts'
import type { TradeRow, TradeSummary } from '../../protocol/trade-bill.ts'
import type { Store } from '../../store/store.ts'
import { firstNumberAt, isOurs } from './numbers.ts'
import type { Orders } from '../orders.ts'
import { compareRow } from './compare.ts'
import { createHealing } from './healing.ts'
import type { Suspect } from './healing.ts'
import type { Difference, Reconciliation } from './report.ts'
import { Seen } from './seen.ts'

export interface ReconcileDeps {
  pay: Pick<PayApi, 'tradeBill' | 'query' | 'queryRefund'>
  store: Store
  orders: Orders
  /** A finding that was not known before. */
  raised: (anomaly: Anomaly) => void
  now: () => Date
}

/**
 * Compares the trade bill of a day with the store, and recovers what the store missed, because a notification was lost or a refund was made in the merchant platform.
 *
 * @param date The day in GMT+8: `yyyy-MM-dd`. Its bill is available from about 10:00 the next day, for three months.
 * @throws {WechatError} `WECHAT_UNAVAILABLE` for a bill that WeChat has not made yet, `WECHAT_REPLY_INVALID` for one that arrived incomplete: then nothing was changed
 */
export type Reconcile = (date: string) => Promise<Reconciliation>

const HOUR = 60 * 60_000
const DAY = 24 * HOUR
/** WeChat closes an order after seven days (doc/v3/merchant/4012791911), so an order paid on a day was made in the eight days before. */
const LONGEST_LIFE = 8 * DAY

const BATCH = 500
/** The most differences that one run keeps and checks. */
const MAX_SUSPECTS = 10_000
const MAX_UNREADABLE = 100

/** How many numbers one call of the store may look up. */
const NUMBER = /^[\x21-\x7e]{1,64}$/

/**
 * The bill is compared line by line, in batches looked up by number, as no source says that bills are sorted. Nothing is done until the bill has
 * arrived completely, and it changes nothing on its own: WeChat is queried about each difference, and its signed answer is handled like any other. A
 * second pass looks for what only the store has. Memory grows by only eight bytes per line of the bill.
 */
export function createReconcile(deps: ReconcileDeps): Reconcile {
  const { pay, store, orders } = deps
  const healing = createHealing(deps)

  return async (date) => {
    const from = parseTime(`${date} 00:00:00`)!
    const to = new Date(from.getTime() + DAY)
    const counts = { rows: 0, equal: 0, foreign: 0, elsewhere: 0, more: 0, unreadableRows: 0 }
    const unreadable: UnreadableLine[] = []
    const suspects: Suspect[] = []
    const seen = new Seen()

    function suspect(found: Suspect): void {
      if (suspects.length < MAX_SUSPECTS) suspects.push(found)
      else counts.more++
    }

    const summary = await readBill()
    await findOursOnly()
    const differences: Difference[] = []
    for await (const difference of healing(suspects)) {
      if (difference === 'elsewhere') counts.elsewhere++
      else differences.push(difference)
    }
    const ending = (outcome: Difference['outcome']) => differences.filter((each) => each.outcome === outcome).length
    return {
      date,
      ...counts,
      healed: ending('healed'),
      open: ending('open'),
      unasked: ending('unasked'),
      decided: ending('decided'),
      differences,
      unreadable,
      summary,
    }

    /** `undefined` for a day without trades. */
    async function readBill(): Promise<TradeSummary | undefined> {
      const bill = readTradeBill(pay.tradeBill(date), (line) => {
        counts.unreadableRows++
        if (unreadable.length < MAX_UNREADABLE) unreadable.push(line)
      })
      let batch: TradeRow[] = []
      try {
        for (;;) {
          const { done, value } = await bill.next()
          if (done) {
            await compare(batch)
            return value
          }
          batch.push(...value)
          if (batch.length < BATCH) continue
          await compare(batch)
          batch = []
        }
      } catch (error) {
        // If the store failed, the rest of the bill is not read.
        await bill.return(undefined as never)
        if (isNoBill(error)) return undefined
        throw error
      }
    }

    async function compare(batch: TradeRow[]): Promise<void> {
      const numbers = new Set(batch.map(({ outTradeNo }) => outTradeNo).filter((number) => NUMBER.test(number)))
      const found = new Map((await store.findOrders([...numbers])).map((order) => [order.outTradeNo, order]))
      for (const row of batch) {
        counts.rows++
        seen.add(nameOf(row.outTradeNo, row.refund?.outRefundNo))
        const order = found.get(row.outTradeNo)
        if (order === undefined ? !isOurs(row.outTradeNo) || !orders.ownsRow(row) : !orders.owns(order)) {
          counts.foreign++
          continue
        }
        const comparison = compareRow(row, order)
        if (comparison === undefined) counts.equal++
        else suspect({ ...comparison, row, outTradeNo: row.outTradeNo, outRefundNo: row.refund?.outRefundNo })
      }
    }

    async function findOursOnly(): Promise<void> {
      const isOfDay = (at: Date) => at >= from && at < to
      const first = firstNumberAt(new Date(from.getTime() - LONGEST_LIFE))
      const last = firstNumberAt(new Date(to.getTime() + HOUR))
      for await (const order of pages((after) => store.ordersBetween(after, last, BATCH), first)) {
        const { outTradeNo, payment } = order
        if (payment === undefined || !isOfDay(payment.paidAt) || seen.has(nameOf(outTradeNo))) continue
        const ours = `paid, ${payment.totalFee} fen, ${payment.transactionId}`
        suspect({ kind: 'ours-only', ours, theirs: '-', order, outTradeNo, outRefundNo: undefined })
      }
      for await (const order of pages((after) => store.refundedBetween(from, to, after, BATCH), '')) {
        const { outTradeNo } = order
        for (const { outRefundNo, origin, state, refundFee, refundId, createdAt } of order.refunds) {
          // Refunds made elsewhere have an unknown date, and refunds that WeChat has not accepted are not in any bill.
          if (origin === 'external' || refundId === undefined || !isOfDay(createdAt)) continue
          if (seen.has(nameOf(outTradeNo, outRefundNo))) continue
          const ours = `${state}, ${refundFee} fen, ${refundId}`
          suspect({ kind: 'ours-only', ours, theirs: '-', order, outTradeNo, outRefundNo })
        }
      }
    }

    async function* pages(read: (after: string) => Promise<Order[]>, first: string): AsyncGenerator<Order, void> {
      for (let after = first; ;) {
        const page = await read(after)
        yield* page.filter((order) => orders.owns(order))
        if (page.length < BATCH) return
        after = page.at(-1)!.outTradeNo
      }
    }
  }
}

/** A refund number may be an order number too. */
function nameOf(outTradeNo: string, outRefundNo?: string): string {
  return outRefundNo === undefined ? outTradeNo : `refund ${outRefundNo}`
}
