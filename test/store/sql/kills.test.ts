import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { fromSqlite } from '../../../src/store/adapters/sqlite.ts'
import type { Dialect, Executor } from '../../../src/store/executor.ts'
import { tables } from '../../../src/store/sql/schema/tables.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { size } from '../../sizes.ts'
import { TYPESCRIPT } from '../../typescript.ts'
import { mysql, mysqlPool, pgPool, postgres, sqliteFile } from '../databases.ts'
import { ACCOUNT, at, change, newOrder, paymentOf } from '../orders.ts'
import { deliver, forgetIn, LATER, payerOf, settle } from './lives.ts'

const SCRIPT = fileURLToPath(new URL('killed.ts', import.meta.url))
/** Processes are killed before each of their statements, or before every fifth. */
const STEP = size(5, 1)

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
    `${dialect}: a process that settles an order, delivers it, forgets its payer and archives it is killed before any statement`,
    async (t) => {
      const executor = open(url)
      const store = sqlStore(executor)
      await store.migrate()
      await executor.run('create table archived (id varchar(36) not null primary key)', [])
      const column = async (sql: string) =>
        (await executor.rows(sql, [])).map((row) => String(Object.values(row)[0])).toSorted()
      const numbers: string[] = []
      const kept = new Set<string>()
      const { orders: _, due: __, transactions: ___, ...present } = tables()

      /** The tables that name the payer in any column. */
      async function naming(payer: string): Promise<string[]> {
        const found: string[] = []
        for (const table of Object.values(present)) {
          const rows = await executor.rows(`select * from ${table}`, [])
          if (rows.some((row) => Object.values(row).some((value) => String(value).includes(payer)))) found.push(table)
        }
        return found
      }

      /** A new order, whose payer is logged in, and has a finding that is decided. */
      async function begin(outTradeNo: string): Promise<void> {
        const openid = payerOf(outTradeNo)
        const order = newOrder(outTradeNo, { openid })
        const finding = { id: `mismatch-${outTradeNo}`, kind: 'mismatch', outTradeNo, at: at(0), reason: '' } as const
        await store.insertOrder(change(order))
        await store.insertAnomaly({ ...finding, payment: paymentOf(order) })
        await store.resolveAnomaly(finding.id, { action: 'dismiss', note: '', at: at(1) })
        await store.putSession({ tokenHash: outTradeNo, appid: ACCOUNT.appid, openid, expiresAt: LATER })
        const { trades, anomalies, sessions } = present
        t.same(await naming(openid), [trades, anomalies, sessions])
      }

      /** An order is whole, with everything beside it, or archived, with nothing left. */
      async function check(): Promise<void> {
        const there = await column('select out_trade_no from wechat_trades')
        const gone = await column('select id from archived')
        t.same([...there, ...gone].toSorted(), numbers.toSorted(), 'an order is in one of both places')
        t.same(await column('select out_trade_no from wechat_keys'), there)
        const paid: string[] = []
        const due: string[] = []
        for (const number of there) {
          const { state, fulfilment, openid, payment, dueAt } = (await store.findOrder(number))!
          const said = (await store.history(number)).map(({ seen }) => seen)
          const life = ['seen']
          if (state === 'paid') life.push('settled')
          if (fulfilment === 'done') life.push('delivered')
          if (openid === undefined) life.push('payer forgotten')
          t.same(said, life)
          if (payment !== undefined) t.equal(payment.openid, openid ?? '')
          t.same([payment !== undefined, dueAt !== null], [state === 'paid', fulfilment === 'due'])
          if (state === 'paid') paid.push(number)
          if (fulfilment === 'due') due.push(number)
          kept.add(`${state} ${fulfilment}${openid === undefined ? ' forgotten' : ''}`)
        }
        t.same(await column('select out_trade_no from wechat_payments'), paid)
        t.same(await column('select out_trade_no from wechat_schedule'), due)
      }

      /** Others go on where it was killed. */
      async function finish(): Promise<void> {
        const number = numbers.at(-1)!
        for (const decide of [settle, deliver]) await store.updateOrder(number, decide)
        t.equal((await forgetIn(store)(payerOf(number))).kept, 0)
        t.same(await naming(payerOf(number)), [], 'nothing names the payer')
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
        await begin(numbers.at(-1)!)
        killed = await run(dialect, url, numbers.at(-1)!, last)
        await check()
        await finish()
        await check()
        t.same(await column('select id from archived'), numbers)
      }
      t.ok(numbers.length > 24 / STEP, `${numbers.length} processes`)
      t.same(
        kept,
        new Set(['prepaid none', 'paid due', 'paid done', 'paid done forgotten']),
        'it was killed in each state',
      )
    },
  )
}
