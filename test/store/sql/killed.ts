import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { fromSqlite } from '../../../src/store/adapters/sqlite.ts'
import type { Connection, Dialect, Executor } from '../../../src/store/executor.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { deliver, forgetIn, LATER, payerOf, settle } from './lives.ts'

// A process that settles an order, delivers it, forgets its payer and archives it, and is killed before its `last` statement: node killed.ts DIALECT URL NUMBER LAST
const [dialect, url, outTradeNo, last] = process.argv.slice(2) as [Dialect, string, string, string]

/** Each library is loaded where it is used: most of the time of such a process is its start. */
const OPEN: Record<Dialect, () => Promise<Executor<any>>> = {
  postgres: async () => fromPg(new (await import('pg')).default.Pool({ connectionString: url })),
  mysql: async () => fromMysql2((await import('mysql2/promise')).default.createPool(url)),
  async sqlite() {
    const { default: Libsql } = await import('libsql')
    return fromSqlite(new Libsql(url))
  },
}
const executor = await OPEN[dialect]()

let left = Number(last)
function count(): void {
  if (--left === 0) process.kill(process.pid, 'SIGKILL')
}
const counted = ({ rows, run }: Connection): Connection => ({
  rows(sql, values) {
    count()
    return rows(sql, values)
  },
  run(sql, values) {
    count()
    return run(sql, values)
  },
})

const store = sqlStore<any>({
  ...executor,
  ...counted(executor),
  transaction: (work, isolation) =>
    executor.transaction(async (connection, tx) => {
      const result = await work(counted(connection), tx)
      // Before the commit.
      count()
      return result
    }, isolation),
})
await store.updateOrder(outTradeNo, settle)
await store.updateOrder(outTradeNo, deliver)
await forgetIn(store)(payerOf(outTradeNo))
await store.archive({
  before: LATER,
  async to(orders, tx) {
    for (const { order } of orders) {
      const sql = `insert into archived (id) values ('${order.outTradeNo}')`
      if (dialect === 'sqlite') tx.exec(sql)
      else await tx.query(sql)
      count()
    }
  },
})
process.exit()
