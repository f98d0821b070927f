import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { fromSqlite } from '../../../src/store/adapters/sqlite.ts'
import type { Dialect, Executor } from '../../../src/store/executor.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { size } from '../../sizes.ts'
import { TYPESCRIPT } from '../../typescript.ts'
import { mysql, mysqlPool, pgPool, postgres, sqliteFile } from '../databases.ts'
import { change, newOrder } from '../orders.ts'
import { deliver, LATER, settle } from './lives.ts'

const SCRIPT = fileURLToPath(new URL('killed.ts', import.meta.url))
/** Processes are killed before each of their statements, or before every fourth. */
const STEP = size(4, 1)

/** Resolves with whether the process was killed. */
async function run(dialect: Dialect, url: string, outTradeNo: string, last: number): Promise<boolean> {
  const child = spawn(process.execPath, [TYPESCRIPT, SCRIPT, dialect, url, outTradeNo, String(last)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`it ended with ${code ?? signal}`)
  return signal === 'SIGKILL'
}

const file = join(t.testdir(), 'kills.db')
const DATABASES: [Dialect, string | undefined, (url: string) => Executor<any>][] = [
  ['postgres', await postgres(t), (url) => fromPg(pgPool(url, t))],
  ['mysql', await mysql(t), (url) => fromMysql2(mysqlPool(url, t))],
  ['sqlite', file, (url) => fromSqlite(sqliteFile(url, t))],
]

for (const [dialect, url, open] of DATABASES) {
  if (url === undefined) continue
  t.test(
    `${dialect}: a process that settles, delivers and archives an order is killed before any statement`,
    async (t) => {
      const executor = open(url)
      const store = sqlStore(executor)
      await store.migrate()
      await executor.run('create table archived (id varchar(36) not null primary key)', [])
      const column = async (sql: string) =>
        (await executor.rows(sql, [])).map((row) => String(Object.values(row)[0])).toSorted()
      const numbers: string[] = []
      const kept = new Set<string>()

      /** An order is whole, with everything beside it, or archived, with nothing left. */
      async function check(): Promise<void> {
        const there = await column('select out_trade_no from wechat_trades')
        const gone = await column('select id from archived')
        t.same([...there, ...gone].toSorted(), numbers.toSorted(), 'an order is in one of both places')
        t.same(await column('select out_trade_no from wechat_keys'), there)
        const paid: string[] = []
        const due: string[] = []
        for (const number of there) {
          const { state, fulfilment, payment, dueAt } = (await store.findOrder(number))!
          const said = (await store.history(number)).map(({ seen }) => seen)
          const life =
            state === 'paid' ? ['seen', 'settled', ...(fulfilment === 'done' ? ['delivered'] : [])] : ['seen']
          t.same(said, life)
          t.same([payment !== undefined, dueAt !== null], [state === 'paid', fulfilment === 'due'])
          if (state === 'paid') paid.push(number)
          if (fulfilment === 'due') due.push(number)
          kept.add(`${state} ${fulfilment}`)
        }
        t.same(await column('select out_trade_no from wechat_payments'), paid)
        t.same(await column('select out_trade_no from wechat_schedule'), due)
      }

      /** Others go on where it was killed. */
      async function finish(): Promise<void> {
        for (const decide of [settle, deliver]) await store.updateOrder(numbers.at(-1)!, decide)
        await store.archive({
          before: LATER,
          async to(orders, tx) {
            for (const { order } of orders) {
              const sql = `insert into archived (id) values ('${order.outTradeNo}')`
              await (dialect === 'sqlite' ? tx.exec(sql) : tx.query(sql))
            }
          },
        })
      }

      let killed = true
      for (let last = 1; killed; last += STEP) {
        numbers.push(`killed-${String(last).padStart(2, '0')}`)
        await store.insertOrder(change(newOrder(numbers.at(-1)!)))
        killed = await run(dialect, url, numbers.at(-1)!, last)
        await check()
        await finish()
        await check()
        t.same(await column('select id from archived'), numbers)
      }
      t.ok(numbers.length > 12 / STEP, `${numbers.length} processes`)
      t.same(kept, new Set(['prepaid none', 'paid due', 'paid done']), 'it was killed in each state')
    },
  )
}
