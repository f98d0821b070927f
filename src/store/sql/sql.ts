import { accessTo, fencedBy, OVER } from './access.ts'
import { archiveOf } from './archive.ts'
import { codec } from './codec.ts'
import { DIALECTS } from './dialects.ts'
import { dueOf } from './due.ts'
import type { Connection, Dialect, Executor } from '../executor.ts'
import { isConflict, isPassing, isRolledBack, repeated } from '../failures.ts'
import { ANOMALY, RESOLUTION, SESSION } from './fields.ts'
import { listingOf } from './listing.ts'
import { ordersOf } from './orders.ts'
import { revocable } from '../revocable.ts'
import { migrationOf } from './schema/migrate.ts'
import { tables } from './schema/tables.ts'
import { sharedOf } from './shared.ts'
import { insert, select } from './statements.ts'
import { transactionTaken } from '../store.ts'
import type { Change, Decide, Store, Updated } from '../store.ts'

/** How `sqlStore` finds its tables. */
export interface SqlStoreOptions {
  /** For an executor whose database is not that of its `dialect`. */
  dialect?: Dialect | undefined
  /** Prefix of the tables' names. Default `wechat_`. */
  tablePrefix?: string | undefined
}

/** The most sessions that one statement deletes: after a long pause there may be millions. */
const SESSIONS_STEP = 100

/** A store in PostgreSQL, MySQL, MariaDB or SQLite. `Tx` is the transaction type of the executor's library. */
export interface SqlStore<Tx> extends Store<Tx> {
  /**
   * Creates the tables, or brings them up to date. Any number of processes may call it at once.
   *
   * @throws {WechatError} `WECHAT_STORE_FAILED` while processes of an older version, whose tables change under them, run hooks
   */
  migrate(): Promise<void>
}

/**
 * Keeps orders in PostgreSQL (13 or newer), MySQL (8), MariaDB (10.6) or SQLite (3.37), through the database library that you already use.
 *
 * `onPaid` runs in a transaction of that library, and no row of ours is locked until it has ended. Use `tx` inside it: it holds one of the pool's
 * connections, and waiting for another one there may take forever.
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
  const { place, time, compound, replacing } = differences
  const names = tables(tablePrefix)
  const { anomalies, sessions } = names
  const anomalyRow = codec(ANOMALY, differences, anomalies)
  const resolutionRow = codec(RESOLUTION, differences, anomalies)
  const sessionRow = codec(SESSION, differences, sessions)

  const access = accessTo(executor, dialect)
  const { reading, begin, transaction, single } = access
  const orders = ordersOf(names, differences, reading)

  const fenced = fencedBy(differences)

  /** Lends transactions to the user's work, one after the other. Each is taken back when the work ends, or when the transaction does. */
  function lender() {
    let revoke = () => {}
    return {
      /** Makes sure that the transaction has not ended when the work has. */
      async lend(connection: Connection, tx: Tx, work: (tx: Tx) => Promise<void>): Promise<void> {
        await connection.run('savepoint wechat_work', [])
        const lent = revocable(tx, OVER)
        revoke = lent.revoke
        await work(lent.value).finally(revoke)
        await connection.run('release savepoint wechat_work', []).catch((cause: unknown) => {
          throw new Error(
            'The transaction ended before the hook did. In MySQL a deadlock ends it, in SQLite a full disk, in all "commit" and "rollback": do not catch such errors',
            { cause },
          )
        })
      },
      takeBack: () => {
        revoke()
      },
    }
  }

  /** Changes an order in this transaction; `run` does what the change also asks for. */
  async function changeIn(
    connection: Connection,
    outTradeNo: string,
    decide: Decide,
    run: (also: NonNullable<Change['also']>) => Promise<void>,
  ): Promise<Updated | undefined> {
    const current = await orders.lock(outTradeNo, connection)
    if (current === undefined) return undefined
    let also: Change['also']
    const deciding: Decide = (order) => {
      const change = decide(order)
      also = change?.also
      return change
    }
    const updated = await orders.change(current, deciding, connection)
    if (also !== undefined) await run(also)
    return updated
  }

  return {
    migrate: migrationOf(dialect, names, access),

    async insertOrder(first) {
      const {
        order,
        order: { outTradeNo, mchId, liveKey, payment },
        anomalies: { length: found },
      } = first
      const add = (connection: Connection) => orders.insert(first, connection)
      return await repeated(
        async () => {
          try {
            await (compound && found === 0 ? single(add) : transaction(add))
            return { inserted: true }
          } catch (error) {
            if (!isConflict(error)) throw error
            const existing =
              (await orders.find(outTradeNo)) ?? (liveKey === null ? undefined : await orders.findLive(liveKey, mchId))
            if (existing !== undefined) return { inserted: false, existing }
            const holder = await orders.holder(order)
            if (holder !== undefined) throw transactionTaken(payment!.transactionId, holder)
            // The other order may have given the key up since.
            throw error
          }
        },
        (error) => isPassing(error) || isConflict(error),
      )
    },

    findOrder: orders.find,
    findLiveOrder: orders.findLive,
    ...listingOf(names, differences, reading, orders),
    ...dueOf(names, differences, access, orders),
    ...archiveOf(names, differences, access, orders),

    async updateOrder(outTradeNo, decide, tx) {
      // The caller is the one to repeat its transaction.
      if (tx !== undefined) return await changeIn(await access.within(tx), outTradeNo, decide, (also) => also(tx))
      const { lend, takeBack } = lender()
      return await repeated(() =>
        transaction((connection, tx) =>
          changeIn(connection, outTradeNo, decide, (also) => fenced(connection, () => lend(connection, tx, also))),
        ).finally(takeBack),
      ).catch(orders.explain)
    },

    async fulfil({ order: { outTradeNo }, claims }, work, decide) {
      let begun = false
      let lost = false
      const { lend, takeBack } = lender()
      try {
        await repeated(
          () => {
            begun = false
            return begin((connection, tx) => {
              begun = true
              return fenced(connection, async () => {
                await lend(connection, tx, work)
                const current = await orders.lock(outTradeNo, connection)
                lost = current?.order.claims !== claims
                if (lost) throw new Error('Another process has claimed the order: rolled back.')
                await orders.change(current!, decide, connection)
              })
            }).finally(takeBack)
          },
          // An error of the hook itself may look like one of SQLite's.
          (error) => (begun ? isRolledBack(error) : isPassing(error)),
        )
      } catch (error) {
        if (lost) return 'lost'
        return await orders.explain(error)
      }
      return 'done'
    },

    history: orders.history,

    async insertAnomaly(anomaly) {
      return await repeated(() => single((connection) => orders.note(anomaly, connection)))
    },

    async anomalies(limit, after) {
      const later = `(${anomalies}.found_at > ${place.time} or (${anomalies}.found_at = ${place.time} and ${anomalies}.id > ${place.key}))`
      return await select(
        reading,
        anomalies,
        anomalyRow,
        `where action is null ${after === undefined ? '' : `and ${later}`} order by ${anomalies}.found_at, ${anomalies}.id limit ${limit}`,
        after === undefined ? [] : [time(after.at), time(after.at), after.id],
      )
    },

    async findAnomaly(id) {
      return (await select(reading, anomalies, anomalyRow, `where id = ${place.key}`, [id]))[0]
    },

    async resolveAnomaly(id, resolution) {
      const set = resolutionRow.columns.map((column, n) => `${column} = ${resolutionRow.places[n]}`)
      const sql = `update ${anomalies} set ${set.join(', ')} where id = ${place.key} and action is null`
      const values = [...resolutionRow.write(resolution), id]
      return (await repeated(() => single((connection) => connection.run(sql, values)))) === 1
    },

    async putSession(session) {
      const { sql, values } = insert(sessions, sessionRow, [session])!
      const put = `${sql} ${replacing('token_hash', sessionRow.columns)}`
      await repeated(() => single((connection) => connection.run(put, values)))
    },

    async getSession(tokenHash) {
      return (await select(reading, sessions, sessionRow, `where token_hash = ${place.key}`, [tokenHash]))[0]
    },

    async deleteSession(tokenHash) {
      const sql = `delete from ${sessions} where token_hash = ${place.key}`
      await repeated(() => single((connection) => connection.run(sql, [tokenHash])))
    },

    async deleteSessionsBefore(at) {
      const ended = `where expires_at < ${place.time}`
      const search = `${ended} limit ${SESSIONS_STEP}`
      let step: string[]
      do {
        step = (await select(reading, sessions, sessionRow, search, [time(at)])).map(({ tokenHash }) => tokenHash)
        // A session renewed meanwhile stays.
        const sql = `delete from ${sessions} ${ended} and token_hash in (${step.map(() => place.key).join(', ')})`
        if (step.length > 0) await repeated(() => single((connection) => connection.run(sql, [time(at), ...step])))
      } while (step.length === SESSIONS_STEP)
    },

    async forget(openid) {
      const ended = `delete from ${sessions} where openid = ${place.name}`
      const masked = `update ${anomalies} set paid_openid = '' where paid_openid = ${place.name} and action is not null`
      for (const sql of [ended, masked]) await repeated(() => single((connection) => connection.run(sql, [openid])))
    },

    ...sharedOf(names, differences, access),
  }
}
