import type { Order } from '../../model.ts'
import type { Access } from './access.ts'
import { besideOf } from './beside.ts'
import type { Differences } from './dialects.ts'
import type { Connection, Row, Value } from '../executor.ts'
import { repeated } from '../failures.ts'
import type { Orders } from './orders.ts'
import type { Tables } from './schema/tables.ts'
import { joined } from './statements.ts'
import type { Claim, Plan, Store } from '../store.ts'

/** How many orders that are due too late one query fetches. */
const PAGE = 500

/** The orders with due work: claimed, counted, brought forward. An order's row says when it is due, and a row of the schedule says the same, in order of time. */
export function dueOf(
  names: Tables,
  differences: Differences,
  { reading, transaction, single }: Access<unknown>,
  orders: Orders,
): Pick<Store, 'claimDue' | 'bringForward' | 'countDue' | 'beat' | 'takeOver'> {
  const { trades, schedule, processes } = names
  const { place, read: reads, time, lock, inOrder, compound, replacing, firstFree, ofMerchant } = differences
  const { moved } = besideOf(names, differences)
  const { lockedSelection, readLocked, change } = orders
  const isDueOf = (appids: readonly string[]) =>
    `${trades}.due_at <= ${place.time} and ${trades}.mch_id = ${place.name} and ${trades}.appid in (${appids.map(() => place.name).join(', ')})`
  const merchant = (mchId: string) => Array<string>(ofMerchant.numbers).fill(mchId)
  const claimed = `update ${trades} set due_at = ${place.time}, claims = ${trades}.claims + 1, claimed_by = ${place.name}`

  /**
   * Claims step by step. A claim of one order waits for the row's lock: its holder, such as a copy of the notification, does not come back for the work. What is
   * only to be queried is changed as `plan` says; everything else at once.
   */
  async function claim(
    rest: string,
    values: Value[],
    dueAt: Date,
    claimedBy: string | undefined,
    plan: Plan | undefined,
    connection: Connection,
  ): Promise<Claim[]> {
    const found = await readLocked(await connection.rows(`select ${lockedSelection} from ${rest}`, values), connection)
    const claims: Claim[] = []
    const others: Order[] = []
    for (const locked of found) {
      const order = { ...locked.order, claims: locked.order.claims + 1, claimedBy }
      const planned = plan?.(order)
      if (planned === undefined) {
        others.push(locked.order)
        claims.push({ order: { ...order, dueAt }, claims: order.claims })
      } else {
        await change(locked, () => planned, connection)
        claims.push({ order: planned.order, claims: order.claims, planned: true })
      }
    }
    if (others.length === 0) return claims
    const numbers = others.map(({ outTradeNo }) => outTradeNo)
    const steps = [
      moved(others, dueAt),
      {
        sql: `${claimed} where out_trade_no in (${numbers.map(() => place.key).join(', ')})`,
        values: [time(dueAt), claimedBy ?? null, ...numbers],
      },
    ]
    for (const { sql, values } of compound ? joined(steps) : steps) await connection.run(sql, values)
    return claims
  }

  /** Makes due at `to` the orders of the schedule for which `where` holds, and under their locks `may`. */
  async function forward(where: string, values: Value[], may: (order: Order) => boolean, to: Date): Promise<number> {
    const search =
      `select ${reads('key', `${schedule}.out_trade_no`)} as out_trade_no from ${schedule} ${inOrder} ${trades} on ${trades}.out_trade_no = ${schedule}.out_trade_no ` +
      `where ${where} limit ${PAGE}`
    const sooner = (order: Order) =>
      may(order) ? { order: { ...order, dueAt: to }, history: [], anomalies: [] } : undefined
    let count = 0
    let found: Row[]
    do {
      found = await reading.rows(search, values)
      for (const row of found) {
        count += await repeated(() =>
          transaction(async (connection) => {
            const locked = await orders.lock(row.out_trade_no as string, connection)
            if (locked === undefined || sooner(locked.order) === undefined) return 0
            await change(locked, sooner, connection)
            return 1
          }),
        )
      }
    } while (found.length === PAGE)
    return count
  }

  return {
    async claimDue({ appids, mchId }, now, limit, leaseMs, { outTradeNo, claimer, plan } = {}) {
      const dueAt = new Date(now.getTime() + leaseMs)
      const whose: Value[] = [time(now), mchId, ...appids]
      const isDue = isDueOf(appids)
      const [rest, values] =
        outTradeNo === undefined
          ? [firstFree(names, isDue, limit), [...merchant(mchId), time(now)]]
          : [`${trades} where ${isDue} and out_trade_no = ${place.key} ${lock}`, [outTradeNo]]
      return await repeated(() =>
        transaction((connection) => claim(rest, [...whose, ...values], dueAt, claimer, plan, connection)),
      )
    },

    async bringForward(mchId, latest, now) {
      return await forward(
        `${ofMerchant.sql(schedule)} and ${schedule}.due_at > ${place.time} and (${trades}.transaction_id is not null or ${trades}.expires_at <= ${place.time})`,
        [...merchant(mchId), time(latest), time(latest)],
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

    async takeOver(claimer, now, until, askedSince) {
      const count = await forward(
        `${schedule}.due_at > ${place.time} and (${schedule}.due_at <= ${place.time} or ${trades}.queried_at >= ${place.time}) and ${trades}.claimed_by = ${place.name}`,
        [time(now), time(until), time(askedSince), claimer],
        ({ dueAt, claimedBy, queriedAt }) =>
          isAfter(dueAt, now) &&
          (!isAfter(dueAt, until) || isAfter(queriedAt, new Date(askedSince.getTime() - 1))) &&
          claimedBy === claimer,
        now,
      )
      const sql = `delete from ${processes} where name = ${place.key}`
      await repeated(() => single((connection) => connection.run(sql, [claimer])))
      return count
    },

    async countDue(mchId, now, since) {
      const sql =
        `select count(*) as due, count(case when due_at < ${place.time} then 1 end) as stuck from ${schedule} ` +
        `where ${ofMerchant.sql(schedule)} and due_at <= ${place.time}`
      const [row] = await reading.rows(sql, [time(since), ...merchant(mchId), time(now)])
      return { due: Number(row!.due), stuck: Number(row!.stuck) }
    },
  }
}

function isAfter(at: Date | null | undefined, moment: Date): boolean {
  return at instanceof Date && at > moment
}
