import type { Access } from './access.ts'
import type { Differences } from './dialects.ts'
import { repeated } from '../failures.ts'
import type { Orders } from './orders.ts'
import type { Tables } from './schema.ts'
import type { Store } from '../store.ts'

/** The orders with due work: claimed, counted, brought forward. */
export function dueOf(
  { trades: orders }: Tables,
  { place, time, lock, lockFree, compound }: Differences,
  { reading, transaction, single }: Access<unknown>,
  { selection, read }: Orders,
): Pick<Store, 'claimDue' | 'bringForward' | 'countDue'> {
  return {
    async claimDue({ appid, mchId }, now, limit, leaseMs, outTradeNo) {
      const dueAt = new Date(now.getTime() + leaseMs)
      // For one order the row is waited for: whoever holds it, e.g. for a copy of the notification, does not come back for the work.
      const [rest, number] =
        outTradeNo === undefined
          ? [`order by ${orders}.due_at limit ${limit} ${lockFree}`, []]
          : [`and out_trade_no = ${place.key} ${lock}`, [outTradeNo]]
      const due = `from ${orders} where due_at <= ${place.time} and appid = ${place.name} and mch_id = ${place.name} ${rest}`
      const claimed = `update ${orders} set due_at = ${place.time}, claims = ${orders}.claims + 1`
      const found = await repeated(async () => {
        if (compound) {
          return await single(async (connection) =>
            read(
              // An array, and not a join: a join may be planned, and remembered, as a scan of the whole table while that is small.
              await connection.rows(
                `with due as (select array(select out_trade_no ${due}) as numbers), ` +
                  `claimed as (${claimed} where out_trade_no = any((select numbers from due)::text[]) returning ${selection}) ` +
                  'select claimed.* from claimed, due order by array_position(numbers, out_trade_no)',
                [time(now), appid, mchId, ...number, time(dueAt)],
              ),
              connection,
            ),
          )
        }
        return await transaction(async (connection) => {
          const rows = await connection.rows(`select ${selection} ${due}`, [time(now), appid, mchId, ...number])
          const before = await read(rows, connection)
          const numbers = before.map(({ outTradeNo }) => outTradeNo)
          if (numbers.length > 0) {
            await connection.run(`${claimed} where out_trade_no in (${numbers.map(() => place.key).join(', ')})`, [
              time(dueAt),
              ...numbers,
            ])
          }
          return before.map((order) => ({ ...order, dueAt, claims: order.claims + 1 }))
        })
      })
      return found.map((order) => ({ order, claims: order.claims }))
    },

    async bringForward(latest, now) {
      const astray = `due_at > ${place.time} and (transaction_id is not null or expires_at <= ${place.time})`
      const sql = `update ${orders} set due_at = ${place.time} where ${astray}`
      const values = [time(now), time(latest), time(latest)]
      return await repeated(() => single((connection) => connection.run(sql, values)))
    },

    async countDue(now, since) {
      const sql = `select count(*) as due, count(case when due_at < ${place.time} then 1 end) as stuck from ${orders} where due_at <= ${place.time}`
      const [row] = await reading.rows(sql, [time(since), time(now)])
      return { due: Number(row!.due), stuck: Number(row!.stuck) }
    },
  }
}
