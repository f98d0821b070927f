import { WechatError } from '../../errors.ts'
import type { Anomaly, HistoryEntry, Order } from '../../model.ts'
import { besideOf } from './beside.ts'
import { codec } from './codec.ts'
import type { Differences } from './dialects.ts'
import type { Connection, Reader, Row, Value } from '../executor.ts'
import { isConflict } from '../failures.ts'
import { ANOMALY, ORDER, REFUND, toRow } from './fields.ts'
import { oldHistoryOf } from './history/old-history.ts'
import type { Tables } from './schema/tables.ts'
import { insert, joined, select, update } from './statements.ts'
import type { Extra, Statement } from './statements.ts'
import { tell, toldBy } from './history/told.ts'
import { transactionTaken } from '../store.ts'
import type { Change, Decide, Updated } from '../store.ts'
import { transactionsOf } from './transactions.ts'

/** Reads orders with their refunds, and writes a change of one with its history and its findings. */
export interface Orders {
  /** The columns of an order, for statements whose rows go to `read`. */
  selection: string
  /** The same for `readLocked`. */
  lockedSelection: string
  /** The orders of these rows. Under a lock (`locking`) their refunds are read as they are now, not as they were when the transaction began. */
  read(rows: Row[], connection: Reader, locking?: string): Promise<Order[]>
  readLocked(rows: Row[], connection: Connection): Promise<Locked[]>
  find(outTradeNo: string): Promise<Order | undefined>
  findLive(key: string, mchId: string): Promise<Order | undefined>
  lock(outTradeNo: string, connection: Connection): Promise<Locked | undefined>
  history(outTradeNo: string): Promise<HistoryEntry[]>
  /** The lines of a text of history, or those that the order still has in the tables of 0.1. */
  lines(told: string | null, outTradeNo: string, connection: Reader): Promise<HistoryEntry[]>
  insert(first: Change, connection: Connection): Promise<void>
  /** Runs `decide` on the locked order, and writes its decision. */
  change(current: Locked, decide: Decide, connection: Connection): Promise<Updated>
  /** Whether the finding is new. */
  note(anomaly: Anomaly, connection: Connection): Promise<boolean>
  /** Another order that has this order's transaction. */
  holder(order: Order): Promise<string | undefined>
  /** Finds out what prevented a change, once its transaction is over. */
  explain(error: unknown): Promise<never>
}

/** An order whose row is locked, with the text of its history; an order made with 0.1 that has not changed since has none. */
export interface Locked {
  order: Order
  told: string | null
}

export function ordersOf(names: Tables, differences: Differences, reading: Reader): Orders {
  const { place, lock, compound, unlessKnown } = differences
  const { trades: orders, keys, refunds, anomalies } = names
  const orderRow = codec(ORDER, differences, orders)
  const refundRow = codec(REFUND, differences, refunds)
  const anomalyRow = codec(ANOMALY, differences, anomalies)
  const transactions = transactionsOf(names, differences)
  const oldHistory = oldHistoryOf(names, differences)
  const told = `${orders}.history as told`
  const lockedSelection = `${orderRow.selection}, ${told}`
  const beside = besideOf(names, differences)
  const ofOrder = `out_trade_no = ${place.key}`

  async function read(rows: Row[], connection: Reader, locking = ''): Promise<Order[]> {
    const found = rows.map(orderRow.read)
    const having = found.filter((_, n) => Number(rows[n]!.refund_count) > 0).map(({ outTradeNo }) => outTradeNo)
    if (having.length === 0) return found.map(({ refundAccounts: _, ...order }) => order)
    const where = `where out_trade_no in (${having.map(() => place.key).join(', ')}) order by ${refunds}.out_trade_no, ${refunds}.position ${locking}`
    const placed = await select(connection, refunds, refundRow, where, having)
    return found.map(({ refundAccounts, ...order }) => ({
      ...order,
      refunds: placed
        .filter(({ outTradeNo }) => outTradeNo === order.outTradeNo)
        .map(({ outTradeNo: _, position, ...refund }) => {
          const refundAccount = refundAccounts?.[position]
          return refundAccount ? { ...refund, refundAccount } : refund
        }),
    }))
  }

  async function selectOrder(where: string, ...values: Value[]): Promise<Order | undefined> {
    const rows = await reading.rows(`select ${orderRow.selection} from ${orders} where ${where}`, values)
    return (await read(rows, reading))[0]
  }

  async function readLocked(rows: Row[], connection: Connection): Promise<Locked[]> {
    const found = await read(rows, connection, lock)
    return found.map((order, n) => ({ order, told: rows[n]!.told as string | null }))
  }

  async function lines(text: string | null, outTradeNo: string, connection: Reader): Promise<HistoryEntry[]> {
    return text === null ? await oldHistory(outTradeNo, connection) : toldBy(text, outTradeNo)
  }

  async function history(before: Locked | undefined, { order, history }: Change, connection: Reader): Promise<Extra[]> {
    if (before !== undefined && history.length === 0) return []
    const known = before === undefined ? [] : await lines(before.told, order.outTradeNo, connection)
    return [{ column: 'history', place: place.text, value: tell(known, history) }]
  }

  /** Statements that insert the order, or update the columns that differ from what it was. */
  async function statements(next: Change, locked: Locked | undefined, connection: Connection): Promise<Statement[]> {
    const { order } = next
    const before = locked?.order
    const { outTradeNo } = order
    const known = before?.refunds ?? []
    const said = await history(locked, next, connection)
    const all = [
      await transactions.claim(order, before, connection),
      before === undefined
        ? insert(orders, orderRow, [toRow(order)], said)
        : update(orders, orderRow, toRow(before), toRow(order), ofOrder, [outTradeNo], said),
      ...beside.statements(order, before),
      ...order.refunds.map((refund, position) => {
        const next = { ...refund, outTradeNo, position }
        const last = known[position]
        if (last === undefined) return insert(refunds, refundRow, [next])
        return update(
          refunds,
          refundRow,
          { ...last, outTradeNo, position },
          next,
          `${ofOrder} and position = ${place.integer}`,
          [outTradeNo, position],
        )
      }),
      known.length > order.refunds.length
        ? {
            sql: `delete from ${refunds} where ${ofOrder} and position >= ${place.integer}`,
            values: [outTradeNo, order.refunds.length],
          }
        : undefined,
    ].filter((statement) => statement !== undefined)
    return compound ? joined(all) : all
  }

  /** Runs the `statements` and writes the anomalies; resolves with the anomalies that are new. */
  async function write(all: Statement[], found: Anomaly[], connection: Connection): Promise<Anomaly[]> {
    for (const { sql, values } of all) await connection.run(sql, values)
    const raised: Anomaly[] = []
    for (const anomaly of found) if (await note(anomaly, connection)) raised.push(anomaly)
    return raised
  }

  async function note(anomaly: Anomaly, connection: Connection): Promise<boolean> {
    const { sql, values } = insert(anomalies, anomalyRow, [anomaly])!
    return (await connection.run(`${sql} ${unlessKnown}`, values)) === 1
  }

  async function change(current: Locked, decide: Decide, connection: Connection): Promise<Updated> {
    const next = decide(current.order)
    if (next === undefined) return { order: current.order, raised: [] }
    const all = await statements(next, current, connection)
    try {
      return { order: next.order, raised: await write(all, next.anomalies, connection) }
    } catch (error) {
      throw isConflict(error) ? new Conflict(next.order, error) : error
    }
  }

  const holder = (order: Order) => transactions.holder(order, reading)

  async function explain(error: unknown): Promise<never> {
    if (!(error instanceof Conflict)) throw error
    const { order, cause } = error
    const other = await holder(order)
    if (other !== undefined) throw transactionTaken(order.payment!.transactionId, other)
    throw new WechatError(
      'WECHAT_ORDER_CONFLICT',
      `Another order of the key ${JSON.stringify(order.liveKey)} is live.`,
      { cause },
    )
  }

  return {
    selection: orderRow.selection,
    lockedSelection,
    read,
    readLocked,
    lines,
    find: (outTradeNo) => selectOrder(ofOrder, outTradeNo),
    findLive: (key, mchId) =>
      selectOrder(
        `out_trade_no = (select out_trade_no from ${keys} where mch_id = ${place.name} and live_key = ${place.key})`,
        mchId,
        key,
      ),
    async lock(outTradeNo, connection) {
      const rows = await connection.rows(`select ${lockedSelection} from ${orders} where ${ofOrder} ${lock}`, [
        outTradeNo,
      ])
      return (await readLocked(rows, connection))[0]
    },
    async history(outTradeNo) {
      const [row] = await reading.rows(`select ${told} from ${orders} where ${ofOrder}`, [outTradeNo])
      return row === undefined ? [] : await lines(row.told as string | null, outTradeNo, reading)
    },
    async insert(first, connection) {
      await write(await statements(first, undefined, connection), first.anomalies, connection)
    },
    change,
    note,
    holder,
    explain,
  }
}

/** A unique column would have held the same value twice. Which one is looked up after the transaction, as a failed transaction can run no more statements. */
class Conflict extends Error {
  readonly order: Order

  constructor(order: Order, cause: unknown) {
    super('conflict', { cause })
    this.order = order
  }
}
