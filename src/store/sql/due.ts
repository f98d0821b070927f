import type { Order } from '../../model.ts'
import type { Access } from './access.ts'
import { besideOf } from './beside.ts'
import type { Differences } from './dialects.ts'
import type { Connection, Row, Value } from '../executor.ts'
import { repeated } from '../failures.ts'
import type { Orders } from './orders.ts'
import type { Tables } from './schema/tables.ts'
import { joined } from './statements.ts'
import type { Store } from '../store.ts'

/** How many orders that are due too late one question looks for. */
const PAGE = 500

/** The orders with due work: claimed, counted, brought forward. An order's row says when it is due, and a row of the schedule says the same, in order of time. */
export function dueOf(
  names: Tables,
  differences: Differences,
  { reading, transaction, single }: Access<unknown>,
  orders: Orders,
): Pick<Store, 'claimDue' | 'bringForward' | 'countDue' | 'beat' | 'takeOver'> {
  const { trades, due, processes } = names
  const { place, read: reads, time, lock, lockFree, inOrder, compound, replacing } = differences
  const { moved } = besideOf(names, differences)
  const { selection, read } = orders
  const isDue = (appids: readonly string[]) =>
    `${trades}.due_at <= ${place.time} and ${trades}.mch_id = ${place.name} and ${trades}.appid in (${appids.map(() => place.name).join(', ')})`
  const claimed = `update ${trades} set due_at = ${place.time}, claims = ${trades}.claims + 1, claimed_by = ${place.name}`

  /** Claims what is due, the longest due first, in one round trip: what somebody else has locked or has just moved in the schedule is passed over. */
  function claimAtOnce(limit: number, appids: readonly string[]): string {
    return (
      // Arrays, and not joins: a join may be planned, and remembered, as a scan of the whole table while that is small.
      `with found as materialized (select ${due}.ctid as place, ${due}.due_at, ${due}.out_trade_no from ${due} cross join lateral (select 1 from ${trades} where ${trades}.out_trade_no = ${due}.out_trade_no and ${trades}.due_at = ${due}.due_at and ${isDue(appids)} ${lockFree}) as free where ${due}.due_at <= ${place.time} order by ${due}.due_at limit ${limit}), ` +
      `moved as (update ${due} set due_at = ${place.time} where ctid = any(array(select place from found)) returning out_trade_no), ` +
      `due as (select array(select out_trade_no from moved) as numbers), ` +
      `claimed as (${claimed} where out_trade_no = any((select numbers from due)::text[]) returning ${selection}) ` +
      'select claimed.* from claimed join found using (out_trade_no) order by found.due_at'
    )
  }

  /** The same step by step. A claim of one order waits for the row's lock: its holder, such as a copy of the notification, does not come back for the work. */
  async function claim(
    rest: string,
    values: Value[],
    dueAt: Date,
    claimedBy: string | undefined,
    connection: Connection,
  ): Promise<Order[]> {
    const found = await read(await connection.rows(`select ${selection} from ${rest}`, values), connection)
    if (found.length === 0) return []
    const numbers = found.map(({ outTradeNo }) => outTradeNo)
    const steps = [
      moved(found, dueAt),
      {
        sql: `${claimed} where out_trade_no in (${numbers.map(() => place.key).join(', ')})`,
        values: [time(dueAt), claimedBy ?? null, ...numbers],
      },
    ]
    for (const { sql, values } of compound ? joined(steps) : steps) await connection.run(sql, values)
    return found.map((order) => ({ ...order, dueAt, claims: order.claims + 1, claimedBy }))
  }

  /** Makes due at `to` the orders of the schedule for which `where` holds, and under their locks `may`. */
  async function forward(where: string, values: Value[], may: (order: Order) => boolean, to: Date): Promise<number> {
    const search =
      `select ${reads('key', `${due}.out_trade_no`)} as out_trade_no from ${due} ${inOrder} ${trades} on ${trades}.out_trade_no = ${due}.out_trade_no ` +
      `where ${where} limit ${PAGE}`
    const sooner = (order: Order) =>
      may(order) ? { order: { ...order, dueAt: to }, history: [], anomalies: [] } : undefined
    let count = 0
    let found: Row[]
    do {
      found = await reading.rows(search, values)
      for (const row of found) {
        await repeated(() =>
          transaction(async (connection) => {
            const order = await orders.lock(row.out_trade_no as string, connection)
            await orders.change(order!, sooner, connection)
          }),
        )
      }
      count += found.length
    } while (found.length === PAGE)
    return count
  }

  return {
    async claimDue({ appids, mchId }, now, limit, leaseMs, outTradeNo, claimer) {
      const dueAt = new Date(now.getTime() + leaseMs)
      const whose: Value[] = [time(now), mchId, ...appids]
      const found = await repeated(() => {
        if (outTradeNo !== undefined) {
          const one = `${trades} where ${isDue(appids)} and out_trade_no = ${place.key} ${lock}`
          return transaction((connection) => claim(one, [...whose, outTradeNo], dueAt, claimer, connection))
        }
        if (compound) {
          const values = [...whose, time(now), time(dueAt), time(dueAt), claimer ?? null]
          return single(async (connection) =>
            read(await connection.rows(claimAtOnce(limit, appids), values), connection),
          )
        }
        const oldest = `${due} ${inOrder} ${trades} on ${trades}.out_trade_no = ${due}.out_trade_no where ${isDue(appids)} and ${due}.due_at <= ${place.time} order by ${due}.due_at limit ${limit} ${lockFree}`
        return transaction((connection) => claim(oldest, [...whose, time(now)], dueAt, claimer, connection))
      })
      return found.map((order) => ({ order, claims: order.claims }))
    },

    async bringForward(latest, now) {
      return await forward(
        `${due}.due_at > ${place.time} and (${trades}.transaction_id is not null or ${trades}.expires_at <= ${place.time})`,
        [time(latest), time(latest)],
        ({ dueAt, payment, expiresAt }) => isAfter(dueAt, latest) && (payment !== undefined || expiresAt <= latest),
        now,
      )
    },

    async beat(claimer, beats) {
      const sql = `insert into ${processes} (name, beats) values (${place.key}, ${place.integer}) ${replacing('name', ['name', 'beats'])}`
      await repeated(() => single((connection) => connection.run(sql, [claimer, beats])))
      const rows = await reading.rows(
        `select ${reads('key', `${processes}.name`)} as name, beats from ${processes}`,
        [],
      )
      return rows.map((row) => ({ claimer: row.name as string, beats: Number(row.beats) }))
    },

    async takeOver(claimer, now, until) {
      const count = await forward(
        `${due}.due_at > ${place.time} and ${due}.due_at <= ${place.time} and ${trades}.claimed_by = ${place.name}`,
        [time(now), time(until), claimer],
        ({ dueAt, claimedBy }) => isAfter(dueAt, now) && !isAfter(dueAt, until) && claimedBy === claimer,
        now,
      )
      const sql = `delete from ${processes} where name = ${place.key}`
      await repeated(() => single((connection) => connection.run(sql, [claimer])))
      return count
    },

    async countDue(now, since) {
      const sql = `select count(*) as due, count(case when due_at < ${place.time} then 1 end) as stuck from ${due} where due_at <= ${place.time}`
      const [row] = await reading.rows(sql, [time(since), time(now)])
      return { due: Number(row!.due), stuck: Number(row!.stuck) }
    },
  }
}

function isAfter(dueAt: Date | null, moment: Date): boolean {
  return dueAt !== null && dueAt > moment
}
