import type { Order } from '../../model.ts'
import type { Differences } from './dialects.ts'
import type { Tables } from './schema/tables.ts'
import type { Statement } from './statements.ts'

/**
 * Narrow tables beside the orders, so that no index of the orders changes: when each order is due (an index of its `dueAt`), and which order holds each live key.
 * Writers hold the lock of the order's row, so both always agree.
 */
export interface Beside {
  /** The statements that bring them up to date for an order that is new, or was `before`. Inserting a key may conflict. */
  statements(order: Order, before: Order | undefined): Statement[]
  /** Moves the places of these orders in the schedule. */
  moved(orders: Order[], to: Date): Statement
}

export function besideOf({ schedule, keys }: Tables, { place, placed, time }: Differences): Beside {
  const here = placed.sql
  const at = (order: Order) => placed.values.map((name) => (name === 'dueAt' ? time(order.dueAt!) : order[name]))

  function moved(orders: Order[], to: Date): Statement {
    return {
      sql: `update ${schedule} set due_at = ${place.time} where ${orders.map(() => `(${here})`).join(' or ')}`,
      values: [time(to), ...orders.flatMap(at)],
    }
  }

  function planned(order: Order, before: Order | undefined): Statement[] {
    const [dueAt, last] = [order.dueAt, before?.dueAt ?? null]
    if (dueAt?.getTime() === last?.getTime()) return []
    if (last === null) {
      return [
        {
          sql: `insert into ${schedule} (mch_id, due_at, out_trade_no) values (${place.name}, ${place.time}, ${place.key})`,
          values: [order.mchId, time(dueAt!), order.outTradeNo],
        },
      ]
    }
    return [
      dueAt === null ? { sql: `delete from ${schedule} where ${here}`, values: at(before!) } : moved([before!], dueAt),
    ]
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
    statements: (order, before) => [...planned(order, before), ...key(order, before?.liveKey ?? null)],
  }
}
