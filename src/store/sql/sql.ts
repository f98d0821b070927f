import { WechatError } from '../../errors.ts'
import type { Anomaly, Order } from '../../model.ts'
import { accessTo, OVER } from './access.ts'
import { codec } from './codec.ts'
import type { Codec } from './codec.ts'
import { DIALECTS } from './dialects.ts'
import type { Connection, Dialect, Executor, Reader, Row, Value } from '../executor.ts'
import { isConflict, isPassing, isRolledBack, repeated } from '../failures.ts'
import { ANOMALY, ORDER, REFUND, RESOLUTION, SESSION } from './fields.ts'
import { historyOf } from './history.ts'
import { revocable } from '../revocable.ts'
import { inTime } from '../rollback.ts'
import { migrations, tables } from './schema.ts'
import { insert, joined, update } from './statements.ts'
import type { Statement } from './statements.ts'
import { transactionTaken } from '../store.ts'
import type { Change, Decide, Store, Updated } from '../store.ts'
import { transactionsOf } from './transactions.ts'

export interface SqlStoreOptions {
  /** For an executor that speaks to another database than it says. */
  dialect?: Dialect | undefined
  /** What the names of the tables begin with. Default `wechat_`. */
  tablePrefix?: string | undefined
}

export interface SqlStore<Tx> extends Store<Tx> {
  /** Makes the tables, or brings them up to date. Any number of processes may call it at once, whenever they start. */
  migrate(): Promise<void>
}

/**
 * Keeps orders in PostgreSQL (13 or newer), MySQL (8), MariaDB (10.6) or SQLite (3.37), through the database library that you have already.
 *
 * `onPaid` runs in a transaction of that library, and no row of ours is locked until it has ended. Inside of it use `tx`: it holds one of the pool's
 * connections, and what waits there for another may wait for ever.
 *
 * @example
 * ```ts
 * const store = sqlStore(fromPg(new pg.Pool()))
 * await store.migrate()
 * ```
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID`
 */
export function sqlStore<Tx>(
  executor: Executor<Tx>,
  { dialect = executor.dialect, tablePrefix }: SqlStoreOptions = {},
): SqlStore<Tx> {
  const differences = DIALECTS[dialect]
  const { place, time, lock, lockFree, fence, compound, unlessKnown, replacing, ddl } = differences
  const names = tables(tablePrefix)
  const { orders, refunds, anomalies, sessions, versions } = names

  const orderRow = codec(ORDER, differences, orders)
  const refundRow = codec(REFUND, differences, refunds)
  const anomalyRow = codec(ANOMALY, differences, anomalies)
  const resolutionRow = codec(RESOLUTION, differences, anomalies)
  const sessionRow = codec(SESSION, differences, sessions)
  const transactions = transactionsOf(names, differences)
  const lines = historyOf(names, differences)

  const { reading, begin, transaction, single } = accessTo(executor, dialect)
  const ofOrder = `out_trade_no = ${place.key}`

  async function select<T>(
    table: string,
    row: Codec<T>,
    rest: string,
    values: Value[],
    connection: Reader = reading,
  ): Promise<T[]> {
    return (await connection.rows(`select ${row.selection} from ${table} ${rest}`, values)).map(row.read)
  }

  /** The orders of these rows. Under a lock their refunds are read as they are now, not as they were when the transaction began. */
  async function ordersOf(rows: Row[], connection: Reader, locking = ''): Promise<Order[]> {
    const found = rows.map(orderRow.read)
    const having = found.filter((_, n) => Number(rows[n]!.refund_count) > 0).map(({ outTradeNo }) => outTradeNo)
    if (having.length === 0) return found
    const where = `where out_trade_no in (${having.map(() => place.key).join(', ')}) order by ${refunds}.out_trade_no, ${refunds}.position ${locking}`
    const placed = await select(refunds, refundRow, where, having, connection)
    return found.map((order) => ({
      ...order,
      refunds: placed
        .filter(({ outTradeNo }) => outTradeNo === order.outTradeNo)
        .map(({ outTradeNo: _, position: __, ...refund }) => refund),
    }))
  }

  async function selectOrder(
    where: string,
    value: string,
    connection: Reader = reading,
    locking = '',
  ): Promise<Order | undefined> {
    const rows = await connection.rows(`select ${orderRow.selection} from ${orders} where ${where} ${locking}`, [value])
    return (await ordersOf(rows, connection, locking))[0]
  }

  const findOrder = (outTradeNo: string) => selectOrder(ofOrder, outTradeNo)
  const findLiveOrder = (key: string) => selectOrder(`live_key = ${place.key}`, key)
  const lockOrder = (outTradeNo: string, connection: Connection) => selectOrder(ofOrder, outTradeNo, connection, lock)

  /** What adds the order, or makes it of what it was before. What stays as it was is not written. */
  async function statements(
    { order, history }: Change,
    before: Order | undefined,
    connection: Connection,
  ): Promise<Statement[]> {
    const { outTradeNo } = order
    const known = before?.refunds ?? []
    const all = [
      await transactions.claim(order, before, connection),
      before === undefined
        ? insert(orders, orderRow, [order])
        : update(orders, orderRow, before, order, ofOrder, [outTradeNo]),
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
      ...(await lines.adding(history, before === undefined, connection)),
    ].filter((statement) => statement !== undefined)
    return compound ? joined(all) : all
  }

  /** Writes what `statements` gave, and the anomalies; answers with those that are new. */
  async function write(all: Statement[], found: Anomaly[], connection: Connection): Promise<Anomaly[]> {
    for (const { sql, values } of all) await connection.run(sql, values)
    const raised: Anomaly[] = []
    for (const anomaly of found) if (await note(anomaly, connection)) raised.push(anomaly)
    return raised
  }

  /** Whether the finding is new. */
  async function note(anomaly: Anomaly, connection: Connection): Promise<boolean> {
    const { sql, values } = insert(anomalies, anomalyRow, [anomaly])!
    return (await connection.run(`${sql} ${unlessKnown}`, values)) === 1
  }

  /** Runs `decide` on the order as it is under the lock, and writes what it says. */
  async function change(current: Order, decide: Decide, connection: Connection): Promise<Updated> {
    const next = decide(current)
    if (next === undefined) return { order: current, raised: [] }
    const all = await statements(next, current, connection)
    try {
      return { order: next.order, raised: await write(all, next.anomalies, connection) }
    } catch (error) {
      throw isConflict(error) ? new Conflict(next.order, error) : error
    }
  }

  /** Says what was in the way of a change, once its transaction is over. */
  async function explain(error: unknown): Promise<never> {
    if (!(error instanceof Conflict)) throw error
    const { order, cause } = error
    const holder = await transactions.holder(order, reading)
    if (holder !== undefined) throw transactionTaken(order.payment!.transactionId, holder)
    throw new WechatError(
      'WECHAT_ORDER_CONFLICT',
      `Another order of the key ${JSON.stringify(order.liveKey)} is live.`,
      { cause },
    )
  }

  /** Runs the user's work so that all of it commits or none: no statement of it is left to commit by itself when the database has ended the transaction. */
  async function fenced(connection: Connection, task: () => Promise<void>): Promise<void> {
    if (fence === undefined) return await task()
    await connection.run(fence.close, [])
    try {
      await task()
    } catch (error) {
      await inTime(connection.run('rollback', []).then(() => connection.run(fence.open, [])))
      throw error
    }
    await connection.run(fence.open, [])
  }

  async function appliedVersion(connection: Reader): Promise<number> {
    const [row] = await connection.rows(`select max(version) as version from ${versions}`, [])
    return Number(row!.version)
  }

  return {
    async migrate() {
      const all = migrations(dialect, names)
      const known = await appliedVersion(reading).catch(() => 0)
      if (known >= all.length) return
      await repeated(() =>
        transaction(async (connection) => {
          for (const sql of ddl.lock(versions)) await connection.rows(sql, [])
          try {
            await connection.run(all[0]![0]!, [])
            const from = await appliedVersion(connection)
            for (const sql of all.slice(from).flat()) await connection.run(sql, [])
          } finally {
            for (const sql of ddl.unlock(versions)) await connection.rows(sql, [])
          }
        }),
      )
    },

    async insertOrder(first) {
      const {
        order: { outTradeNo, liveKey, payment },
        anomalies: found,
      } = first
      const add = async (connection: Connection) =>
        await write(await statements(first, undefined, connection), found, connection)
      return await repeated(
        async () => {
          try {
            await (compound && found.length === 0 ? single(add) : transaction(add))
            return { inserted: true }
          } catch (error) {
            if (!isConflict(error)) throw error
            const existing =
              (await findOrder(outTradeNo)) ?? (liveKey === null ? undefined : await findLiveOrder(liveKey))
            if (existing !== undefined) return { inserted: false, existing }
            const holder = await transactions.holder(first.order, reading)
            if (holder !== undefined) throw transactionTaken(payment!.transactionId, holder)
            // What stood in the way may have given the key up since.
            throw error
          }
        },
        (error) => isPassing(error) || isConflict(error),
      )
    },

    findOrder,
    findLiveOrder,

    async updateOrder(outTradeNo, decide) {
      return await repeated(() =>
        transaction(async (connection) => {
          const current = await lockOrder(outTradeNo, connection)
          return current && (await change(current, decide, connection))
        }),
      ).catch(explain)
    },

    async claimDue({ appid, mchId }, now, limit, leaseMs, outTradeNo) {
      const dueAt = new Date(now.getTime() + leaseMs)
      // For one order the row is waited for: whoever holds it, e.g. for a copy of the notification, does not come back for the work.
      const [rest, number] =
        outTradeNo === undefined
          ? [`order by ${orders}.due_at limit ${limit} ${lockFree}`, []]
          : [`and ${ofOrder} ${lock}`, [outTradeNo]]
      const due = `from ${orders} where due_at <= ${place.time} and appid = ${place.name} and mch_id = ${place.name} ${rest}`
      const claimed = `update ${orders} set due_at = ${place.time}, claims = ${orders}.claims + 1`
      const found = await repeated(async () => {
        if (compound) {
          return await single(async (connection) =>
            ordersOf(
              // An array, and not a join: a join may be planned, and remembered, as a scan of the whole table while that is small.
              await connection.rows(
                `with due as (select array(select out_trade_no ${due}) as numbers), ` +
                  `claimed as (${claimed} where out_trade_no = any((select numbers from due)::text[]) returning ${orderRow.selection}) ` +
                  'select claimed.* from claimed, due order by array_position(numbers, out_trade_no)',
                [time(now), appid, mchId, ...number, time(dueAt)],
              ),
              connection,
            ),
          )
        }
        return await transaction(async (connection) => {
          const rows = await connection.rows(`select ${orderRow.selection} ${due}`, [
            time(now),
            appid,
            mchId,
            ...number,
          ])
          const before = await ordersOf(rows, connection)
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

    async fulfil({ order: { outTradeNo }, claims }, work, decide) {
      let begun = false
      let lost = false
      let revoke = () => {}
      try {
        await repeated(
          () => {
            begun = false
            return begin((connection, tx) => {
              begun = true
              return fenced(connection, async () => {
                await connection.run('savepoint wechat_work', [])
                const lent = revocable(tx, OVER)
                revoke = lent.revoke
                await work(lent.value).finally(revoke)
                await connection.run('release savepoint wechat_work', []).catch((cause: unknown) => {
                  throw new Error(
                    'The transaction had ended before onPaid did. A deadlock ends one in MySQL, a full disk in SQLite, "commit" and "rollback" in all: let such errors pass',
                    { cause },
                  )
                })
                const current = await lockOrder(outTradeNo, connection)
                lost = current?.claims !== claims
                if (lost) throw new Error('Somebody else has claimed the order: rolled back.')
                await change(current!, decide, connection)
              })
            }).finally(() => {
              revoke()
            })
          },
          // An error of the hook itself may look like one of SQLite's.
          (error) => (begun ? isRolledBack(error) : isPassing(error)),
        )
      } catch (error) {
        if (lost) return 'lost'
        return await explain(error)
      }
      return 'done'
    },

    async history(outTradeNo) {
      return await lines.of(outTradeNo, reading)
    },

    async insertAnomaly(anomaly) {
      return await repeated(() => single((connection) => note(anomaly, connection)))
    },

    async anomalies() {
      return await select(
        anomalies,
        anomalyRow,
        `where action is null order by ${anomalies}.found_at, ${anomalies}.id`,
        [],
      )
    },

    async findAnomaly(id) {
      return (await select(anomalies, anomalyRow, `where id = ${place.key}`, [id]))[0]
    },

    async resolveAnomaly(id, resolution) {
      const set = resolutionRow.columns.map((column, n) => `${column} = ${resolutionRow.places[n]}`)
      const sql = `update ${anomalies} set ${set.join(', ')} where id = ${place.key} and action is null`
      const values = [...resolutionRow.write(resolution), id]
      return (await repeated(() => single((connection) => connection.run(sql, values)))) === 1
    },

    async countDue(now, since) {
      const sql = `select count(*) as due, count(case when due_at < ${place.time} then 1 end) as stuck from ${orders} where due_at <= ${place.time}`
      const [row] = await reading.rows(sql, [time(since), time(now)])
      return { due: Number(row!.due), stuck: Number(row!.stuck) }
    },

    async putSession(session) {
      const { sql, values } = insert(sessions, sessionRow, [session])!
      const put = `${sql} ${replacing('token_hash', sessionRow.columns)}`
      await repeated(() => single((connection) => connection.run(put, values)))
    },

    async getSession(tokenHash) {
      return (await select(sessions, sessionRow, `where token_hash = ${place.key}`, [tokenHash]))[0]
    },

    async deleteSession(tokenHash) {
      const sql = `delete from ${sessions} where token_hash = ${place.key}`
      await repeated(() => single((connection) => connection.run(sql, [tokenHash])))
    },
  }
}

/** A unique column would have had the same value twice: which one is looked up when the transaction is over, as it can do nothing more. */
class Conflict extends Error {
  readonly order: Order

  constructor(order: Order, cause: unknown) {
    super('conflict', { cause })
    this.order = order
  }
}
