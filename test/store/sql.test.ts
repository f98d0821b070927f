import t from 'tap'
import type { Refund } from '../../src/model.ts'
import { codec } from '../../src/store/codec.ts'
import { DIALECTS } from '../../src/store/dialects.ts'
import type { Connection, Dialect, Executor, Value } from '../../src/store/executor.ts'
import { ORDER } from '../../src/store/fields.ts'
import { sqlStore } from '../../src/store/sql.ts'
import type { SqlStore } from '../../src/store/sql.ts'
import { insert } from '../../src/store/statements.ts'
import type { Claim, Decide } from '../../src/store/store.ts'
import { everyDatabase } from './databases.ts'
import { ACCOUNT, at, change, claimed, newOrder, paymentOf } from './orders.ts'

function newRefund(n: number, part: Partial<Refund> = {}): Refund {
  return {
    outRefundNo: `refund-${n}`,
    key: `${n}`,
    refundFee: n,
    origin: 'local',
    state: 'created',
    createdAt: at(n),
    attempts: 0,
    dueAt: null,
    fulfilment: 'none',
    ...part,
  }
}

const settle: Decide = (order) =>
  change({
    ...order,
    state: 'paid',
    fulfilment: 'due',
    dueAt: at(0),
    payment: paymentOf(order),
  })

/** The executor, and what went through it since it was last asked. */
function watched(executor: Executor<any>): {
  executor: Executor<any>
  statements: () => { sql: string; values: Value[] }[]
} {
  const seen: { sql: string; values: Value[] }[] = []
  const watch = (connection: Connection): Connection => ({
    rows(sql, values) {
      seen.push({ sql, values })
      return connection.rows(sql, values)
    },
    run(sql, values) {
      seen.push({ sql, values })
      return connection.run(sql, values)
    },
  })
  return {
    executor: {
      ...executor,
      ...watch(executor),
      async transaction(work) {
        seen.push({ sql: 'begin', values: [] })
        const result = await executor.transaction((connection, tx) => work(watch(connection), tx))
        seen.push({ sql: 'commit', values: [] })
        return result
      },
    },
    statements: () => seen.splice(0),
  }
}

/** What a statement does to which tables, e.g. `update orders + insert into history`. */
function gist({ sql }: { sql: string }): string {
  const parts = [...sql.matchAll(/(select|insert into|update|delete from)\b[^)]*?wechat_([a-z]+)/g)].map(
    ([, verb, table]) => `${verb} ${table}`,
  )
  return parts.join(' + ') || sql
}

/** An executor whose transactions fail with a deadlock, so many times: before they begin, or at the first write to the history. */
function failing(executor: Executor<any>, times: number, when: 'before' | 'within'): Executor<any> {
  let left = times
  return {
    ...executor,
    async transaction(work) {
      if (when === 'before' && left-- > 0) throw DEADLOCK
      return await executor.transaction(
        async (connection, tx) =>
          await work(
            {
              ...connection,
              run: async (sql, values) => {
                if (/wechat_(history|repeats)/.test(sql) && left-- > 0) throw DEADLOCK
                return await connection.run(sql, values)
              },
            },
            tx,
          ),
      )
    },
  }
}

const DEADLOCK = Object.assign(new Error('deadlock detected'), { code: '40P01' })

/** MySQL may end the transaction by itself. */
function fenced(sent: string[]): string[] {
  const begin = sent.lastIndexOf('begin') + 1
  return [...sent.slice(0, begin), 'set autocommit = 0', ...sent.slice(begin, -1), 'set autocommit = 1', 'commit']
}

/** What each call sends. What stands outside of `begin` and `commit` commits by itself. */
type Sent = [call: string, run: (store: SqlStore<unknown>) => Promise<unknown>, postgres: string[], others: string[]]

const SENT: Sent[] = [
  [
    'insertOrder',
    (store) => store.insertOrder(change(newOrder('sent'))),
    ['insert into orders + insert into history'],
    ['begin', 'insert into orders', 'insert into history', 'commit'],
  ],
  ['findOrder', (store) => store.findOrder('sent'), ['select orders'], ['select orders']],
  [
    'updateOrder that settles',
    (store) => store.updateOrder('sent', settle),
    [
      'begin',
      'select orders',
      'insert into transactions + select transactions + select orders + update orders + insert into history',
      'commit',
    ],
    [
      'begin',
      'select orders',
      'select transactions + select orders',
      'insert into transactions',
      'update orders',
      'insert into history',
      'commit',
    ],
  ],
  [
    'updateOrder that only adds history',
    (store) => store.updateOrder('sent', change),
    ['begin', 'select orders', 'insert into history', 'commit'],
    ['begin', 'select orders', 'insert into history', 'commit'],
  ],
  ...[
    ['updateOrder that says something new', 'insert into history'],
    ['updateOrder that says the same again', 'insert into repeats'],
    ['updateOrder that says the same once more', 'insert into repeats'],
  ].map(([call, write]): Sent => [
    call!,
    (store) =>
      store.updateOrder('sent', (order) => {
        const { history, ...rest } = change(order)
        return { ...rest, history: history.map((line) => ({ ...line, from: order.state })) }
      }),
    ['begin', 'select orders', 'insert into repeats + update repeats + insert into history + select history', 'commit'],
    ['begin', 'select orders', 'select history', write!, 'commit'],
  ]),
  [
    'claimDue',
    (store) => store.claimDue(ACCOUNT, at(0), 10, 1000, 'sent'),
    ['select orders + update orders'],
    ['begin', 'select orders', 'update orders', 'commit'],
  ],
  [
    'claimDue of nothing',
    (store) => store.claimDue(ACCOUNT, at(0), 10, 1000, 'sent'),
    ['select orders + update orders'],
    ['begin', 'select orders', 'commit'],
  ],
  [
    'fulfil',
    async (store) =>
      store.fulfil((await store.claimDue(ACCOUNT, at(1000), 1, 1000, 'sent'))[0]!, async () => {}, change),
    [
      'select orders + update orders',
      'begin',
      'savepoint wechat_work',
      'release savepoint wechat_work',
      'select orders',
      'insert into history',
      'commit',
    ],
    [
      'begin',
      'select orders',
      'update orders',
      'commit',
      'begin',
      'savepoint wechat_work',
      'release savepoint wechat_work',
      'select orders',
      'insert into history',
      'commit',
    ],
  ],
]

const ANALYZE: Record<Dialect, string> = { postgres: 'analyze', mysql: 'analyze table many_orders', sqlite: 'analyze' }
const EXPLAIN: Record<Dialect, string> = { postgres: 'explain', mysql: 'explain', sqlite: 'explain query plan' }

/** Finds statements that wait for a row. SQLite has one writer, and waits for it in the library. */
const WAITING: Partial<Record<Dialect, string>> = {
  postgres: "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  mysql: "select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT'",
}

for (const { dialect, connect } of await everyDatabase(t)) {
  await t.test(dialect, async (t) => {
    const executor = connect()
    const store = sqlStore(executor)
    await store.migrate()

    t.test('no call takes more round trips than it needs', async (t) => {
      const { executor: watching, statements } = watched(executor)
      for (const [call, run, postgres, others] of SENT) {
        await run(sqlStore(watching))
        t.same(
          statements().map(gist),
          dialect === 'postgres' ? postgres : dialect === 'mysql' && call === 'fulfil' ? fenced(others) : others,
          call,
        )
      }
    })

    t.test('columns that stay as they are are not written', async (t) => {
      const { executor: watching, statements } = watched(executor)
      await store.insertOrder(change(newOrder('columns')))
      await sqlStore(watching).updateOrder('columns', (order) => change({ ...order, attempts: 1 }))
      t.ok(statements().some(({ sql }) => /update wechat_orders set attempts = \S+ where/.test(sql)))
    })

    t.test('refunds grow, change and go with their order, and nothing else of it is written', async (t) => {
      const { executor: watching, statements } = watched(executor)
      await store.insertOrder(change(newOrder('refunds', { refunds: [newRefund(0)] })))
      for (const refunds of [
        [newRefund(0)],
        [newRefund(0), newRefund(1), newRefund(2)],
        [newRefund(0), newRefund(1, { state: 'success', succeededAt: at(5), fulfilment: 'due' }), newRefund(2)],
        [newRefund(2)],
        [],
        [newRefund(3), newRefund(4)],
      ]) {
        await sqlStore(watching).updateOrder('refunds', (order) => change({ ...order, refunds }))
        t.strictSame(
          (await store.findOrder('refunds'))?.refunds,
          refunds.map((refund) => ({ reason: undefined, refundId: undefined, succeededAt: undefined, ...refund })),
        )
      }
      statements()
      await sqlStore(watching).updateOrder('refunds', (order) => ({
        order: { ...order, refunds: [newRefund(3), newRefund(4, { attempts: 1 })] },
        history: [],
        anomalies: [],
      }))
      t.same(statements().map(gist), ['begin', 'select orders', 'select refunds', 'update refunds', 'commit'])
    })

    t.test('each of several claimed orders has its own refunds', async (t) => {
      const orders = [0, 1, 2].map((n) =>
        newOrder(`claimed-${n}`, {
          dueAt: at(-1000 + n),
          refunds: Array.from({ length: n }, (_, m) => newRefund(n * 10 + m)),
        }),
      )
      for (const order of orders) await store.insertOrder(change(order))
      const claims = await store.claimDue(ACCOUNT, at(-900), 10, 1000)
      t.same(
        claims.map(({ order }) => order.refunds.map(({ outRefundNo }) => outRefundNo)),
        orders.map(({ refunds }) => refunds.map(({ outRefundNo }) => outRefundNo)),
      )
    })

    t.test("a conflict of the user's own is not taken for one of ours", async (t) => {
      await executor.run('create table own (id varchar(36) not null primary key)', [])
      await executor.run("insert into own (id) values ('taken')", [])
      const claim = await claimed(store, 'own')
      const taken: Record<Dialect, (tx: any) => Promise<void>> = {
        postgres: (tx) => tx.query("insert into own (id) values ('taken')"),
        mysql: (tx) => tx.query("insert into own (id) values ('taken')"),
        sqlite: async (tx) => tx.exec("insert into own (id) values ('taken')"),
      }
      await t.rejects(store.fulfil(claim, taken[dialect], change), {
        code: /^23505|ER_DUP_ENTRY|SQLITE_CONSTRAINT_PRIMARYKEY$/,
      })
    })

    t.test('a work whose transaction has ended on the way is not done', async (t) => {
      const claim = await claimed(store, 'ended')
      const end: Record<Dialect, (tx: any) => Promise<void>> = {
        postgres: (tx) => tx.query('rollback'),
        mysql: (tx) => tx.query('rollback'),
        sqlite: async (tx) => tx.exec('rollback'),
      }
      await t.rejects(
        store.fulfil(claim, end[dialect], (order) => change({ ...order, fulfilment: 'done' })),
        { message: /^The transaction had ended before onPaid did/ },
      )
      t.equal((await store.findOrder('ended'))?.fulfilment, 'due')
    })

    t.test('stores of different prefixes know nothing of each other', async (t) => {
      const other = sqlStore(executor, { tablePrefix: 'other_' })
      await other.migrate()
      await other.insertOrder(change(newOrder('elsewhere')))
      t.equal(await store.findOrder('elsewhere'), undefined)
      t.equal((await other.findOrder('elsewhere'))?.outTradeNo, 'elsewhere')
    })

    t.test('a transaction of ours that met a deadlock is run again', async (t) => {
      await store.insertOrder(change(newOrder('deadlock')))
      let decided = 0
      await sqlStore(failing(executor, 2, 'within')).updateOrder('deadlock', (order) => {
        decided++
        return change({ ...order, attempts: order.attempts + 1 })
      })
      t.equal(decided, 3)
      t.equal((await store.findOrder('deadlock'))?.attempts, 1)
      t.match(await store.history('deadlock'), [{ count: 2 }])
    })

    t.test("the user's work is run again by nobody but the engine", async (t) => {
      const claim = await claimed(store, 'once')
      let works = 0
      const fulfil = (executor: Executor<any>) =>
        sqlStore(executor).fulfil(
          claim,
          async () => {
            works++
          },
          change,
        )
      await t.rejects(fulfil(failing(executor, 1, 'within')), DEADLOCK)
      t.equal(works, 1, 'it has begun')
      t.equal(await fulfil(failing(executor, 2, 'before')), 'done')
      t.equal(works, 2, 'it had not begun')
    })

    t.test('an insert whose rival has given the key up meanwhile is tried again', async (t) => {
      let refused = 0
      const refuse = (connection: Connection): Connection => ({
        ...connection,
        run: async (sql, values) =>
          refused++ === 0
            ? await Promise.reject(Object.assign(new Error('duplicate key'), { code: '23505' }))
            : await connection.run(sql, values),
      })
      const refusing: Executor<any> = {
        ...executor,
        ...refuse(executor),
        transaction: (work) => executor.transaction((connection, tx) => work(refuse(connection), tx)),
      }
      t.same(await sqlStore(refusing).insertOrder(change(newOrder('rival', { liveKey: null }))), { inserted: true })
      t.equal((await store.history('rival')).length, 1)
    })

    t.test('a claim of one order waits for whoever holds its row, and takes it as it is then', async (t) => {
      const waiting = WAITING[dialect]
      if (waiting === undefined) return
      await store.insertOrder(change(newOrder('held', { dueAt: at(0) })))
      const claim: { begun?: Promise<Claim[]>; over: boolean } = { over: false }
      await connect().transaction(async (holder) => {
        await holder.run("update wechat_orders set attempts = 7 where out_trade_no = 'held'", [])
        claim.begun = store.claimDue(ACCOUNT, at(0), 1, 1000, 'held').finally(() => {
          claim.over = true
        })
        while (!claim.over && (await executor.rows(waiting, [])).length === 0);
        t.notOk(claim.over)
        const others = await store.claimDue(ACCOUNT, at(0), 100, 1000)
        t.notOk(
          others.some(({ order }) => order.outTradeNo === 'held'),
          'who takes whatever is due does not wait',
        )
      })
      t.match(await claim.begun, [{ claims: 1, order: { outTradeNo: 'held', attempts: 7, dueAt: at(1000) } }])
    })

    t.test('claimDue finds what is due, and bringForward what is due too late, by its index', async (t) => {
      const many = sqlStore(executor, { tablePrefix: 'many_' })
      await many.migrate()
      const row = codec(ORDER, DIALECTS[dialect], 'many_orders')
      for (let batch = 0; batch < 10; batch++) {
        const orders = Array.from({ length: 500 }, (_, n) =>
          newOrder(`${batch}-${n}`, { dueAt: n % 5 === 0 ? at(batch * 500 + n) : null }),
        )
        const { sql, values } = insert('many_orders', row, orders)!
        await executor.run(DIALECTS[dialect].numbered(sql), values)
      }
      await executor.run(ANALYZE[dialect], [])
      const { executor: watching, statements } = watched(executor)
      await sqlStore(watching, { tablePrefix: 'many_' }).claimDue(ACCOUNT, at(1000), 16, 1000)
      await sqlStore(watching, { tablePrefix: 'many_' }).bringForward(at(4950), at(0))
      for (const { sql, values } of statements().filter(({ sql }) => /due_at (<=|>) /.test(sql))) {
        const plan = JSON.stringify(await executor.rows(`${EXPLAIN[dialect]} ${sql}`, values))
        t.match(plan, 'many_orders_due_at')
        t.notMatch(plan, /Seq Scan on many_orders|SCAN many_orders|filesort|TEMP B-TREE/)
      }
    })
  })
}

t.test('the dialect can be said beside the executor', async (t) => {
  const sent: string[] = []
  const record: Connection = {
    rows: async (sql) => {
      sent.push(sql)
      return []
    },
    run: async () => 0,
  }
  await sqlStore(
    { dialect: 'postgres', ...record, transaction: (work) => work(record, undefined) },
    { dialect: 'mysql' },
  ).findOrder('a')
  t.match(sent[0], 'where out_trade_no = ? ')
})
