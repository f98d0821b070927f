import type { Order } from '../../model.ts'
import type { Differences } from './dialects.ts'
import type { Tables } from './schema/tables.ts'
import type { Statement } from './statements.ts'

/**
 * Narrow tables beside the orders, so that no index of the orders changes: when each order is due (an index of its `dueAt`), and which order holds each live key.
 * Writers hold the lock of the order's row, so both always agree.
 */
export interface Beside {
  /** What makes it right for an order that is new, or was `before`. The insert of a key may meet a conflict. */
  statements(order: Order, before: Order | undefined): Statement[]
  /** Moves the places of these orders in the schedule. */
  moved(orders: Order[], to: Date): Statement
}

export function besideOf({ due, keys }: Tables, { place, placed, time }: Differences): Beside {
  const here = placed.sql
  const at = ({ outTradeNo, dueAt }: Order) => [time(dueAt!), ...Array<string>(placed.numbers).fill(outTradeNo)]

  function moved(orders: Order[], to: Date): Statement {
    return {
      sql: `update ${due} set due_at = ${place.time} where ${orders.map(() => `(${here})`).join(' or ')}`,
      values: [time(to), ...orders.flatMap(at)],
    }
  }

  function schedule(order: Order, before: Order | undefined): Statement[] {
    const [dueAt, last] = [order.dueAt, before?.dueAt ?? null]
    if (dueAt?.getTime() === last?.getTime()) return []
    if (last === null) {
      return [
        {
          sql: `insert into ${due} (due_at, out_trade_no) values (${place.time}, ${place.key})`,
          values: [time(dueAt!), order.outTradeNo],
        },
      ]
    }
    return [dueAt === null ? { sql: `delete from ${due} where ${here}`, values: at(before!) } : moved([before!], dueAt)]
  }

  function key({ mchId, liveKey, outTradeNo }: Order, last: string | null): Statement[] {
    if (liveKey === last) return []
    const gone = {
      sql: `delete from ${keys} where mch_id = ${place.name} and live_key = ${place.key}`,
      values: [mchId, last],
    }
    const taken = {
      sql: `insert into ${keys} (mch_id, live_key, out_trade_no) values (${place.name}, ${place.key}, ${place.key})`,
      values: [mchId, liveKey, outTradeNo],
    }
    return [...(last === null ? [] : [gone]), ...(liveKey === null ? [] : [taken])]
  }

  return {
    moved,
    statements: (order, before) => [...schedule(order, before), ...key(order, before?.liveKey ?? null)],
  }
}
