import { fencedBy, OVER } from './access.ts'
import type { Access } from './access.ts'
import { codec } from './codec.ts'
import { isDone } from '../done.ts'
import type { Differences } from './dialects.ts'
import type { Connection } from '../executor.ts'
import { isPassing, isRolledBack, repeated } from '../failures.ts'
import { ANOMALY } from './fields.ts'
import type { Orders } from './orders.ts'
import { revocable } from '../revocable.ts'
import type { Tables } from './schema/tables.ts'
import { select } from './statements.ts'
import { ARCHIVE_STEP } from '../store.ts'
import type { Archived, Store } from '../store.ts'

/** Takes orders that are done out of the tables, the oldest numbers first, one step per transaction: each holds its locks briefly, and may be cut off. */
export function archiveOf<Tx>(
  names: Tables,
  differences: Differences,
  { begin }: Access<Tx>,
  orders: Orders,
): Pick<Store<Tx>, 'archive'> {
  const { trades, refunds, keys, payments, history, repeats, anomalies } = names
  const { place, lock, time, isolation } = differences
  const anomalyRow = codec(ANOMALY, differences, anomalies)
  const fenced = fencedBy(differences)
  const search =
    `select ${orders.lockedSelection} from ${trades} where ${trades}.due_at is null and ${trades}.created_at < ${place.time} ` +
    `and ${trades}.out_trade_no > ${place.key} order by ${trades}.out_trade_no limit ${ARCHIVE_STEP} ${lock}`

  /** The orders of a step that may go, with what goes with them, and the number to continue after. */
  async function find(
    before: Date,
    after: string,
    connection: Connection,
  ): Promise<{ all: Archived[]; last: string | undefined }> {
    const found = await orders.readLocked(await connection.rows(search, [time(before), after]), connection)
    const last = found.length < ARCHIVE_STEP ? undefined : found.at(-1)!.order.outTradeNo
    const all: Archived[] = []
    for (const { order, told } of found) {
      if (!isDone(order)) continue
      const history = await orders.lines(told, order.outTradeNo, connection)
      if (history.some(({ lastAt }) => lastAt >= before)) continue
      all.push({ order, history, anomalies: [] })
    }
    if (all.length === 0) return { all, last }
    const numbers = all.map(({ order }) => order.outTradeNo)
    const about = await select(connection, anomalies, anomalyRow, `where out_trade_no in ${list(numbers)}`, numbers)
    const complete = all.map((each) => ({
      ...each,
      anomalies: about.filter(({ outTradeNo }) => outTradeNo === each.order.outTradeNo),
    }))
    return { all: complete.filter((each) => each.anomalies.every(({ resolution }) => resolution !== undefined)), last }
  }

  async function remove(all: Archived[], connection: Connection): Promise<void> {
    const numbers = all.map(({ order }) => order.outTradeNo)
    const paid = all.flatMap(({ order }) => order.payment?.transactionId ?? [])
    const live = all.flatMap(({ order }) => order.liveKey ?? [])
    const merchants = [...new Set(all.map(({ order }) => order.mchId))]
    const these = `out_trade_no in ${list(numbers)}`
    const steps: [sql: string, values: string[]][] = [
      [`${repeats} where history_id in (select id from ${history} where ${these})`, numbers],
      ...[history, refunds, anomalies, trades].map((table): [string, string[]] => [`${table} where ${these}`, numbers]),
      [
        `${keys} where mch_id in ${list(merchants)} and live_key in ${list(live)} and ${these}`,
        [...merchants, ...live, ...numbers],
      ],
      [
        `${payments} where mch_id in ${list(merchants)} and transaction_id in ${list(paid)} and ${these}`,
        [...merchants, ...paid, ...numbers],
      ],
    ]
    for (const [rest, values] of steps) if (!rest.includes('in ()')) await connection.run(`delete from ${rest}`, values)
  }

  const list = (values: string[]) => `(${values.map(() => place.key).join(', ')})`

  return {
    async archive({ before, to }) {
      let count = 0
      let after: string | undefined = ''
      while (after !== undefined) {
        let begun = false
        let step: { all: Archived[]; last?: string | undefined } = { all: [] }
        const from: string = after
        await repeated(
          () =>
            begin(
              (connection, tx) =>
                fenced(connection, async () => {
                  begun = true
                  step = await find(before, from, connection)
                  if (step.all.length === 0) return
                  const { value, revoke } = revocable(tx, OVER)
                  await Promise.resolve(to?.(step.all, value)).finally(revoke)
                  await remove(step.all, connection)
                }),
              isolation,
            ),
          (error) => (begun ? isRolledBack(error) : isPassing(error)),
        )
        count += step.all.length
        after = step.last
      }
      return count
    },
  }
}
