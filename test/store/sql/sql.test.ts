import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Anomaly, Refund } from '../../../src/model.ts'
import { codec } from '../../../src/store/sql/codec.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import type { Connection, Dialect, Executor, Value } from '../../../src/store/executor.ts'
import { ORDER } from '../../../src/store/sql/fields.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import type { SqlStore, SqlStoreOptions } from '../../../src/store/sql/sql.ts'
import { insert } from '../../../src/store/sql/statements.ts'
import type { Archived, Claim, Decide } from '../../../src/store/store.ts'
import { everyDatabase, INNODB_STALE_MS } from '../databases.ts'
import { answerFirst } from '../doubles.ts'
import { OWNER, at, change, claimed, newOrder, paymentOf } from '../orders.ts'

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

/** A store on the executor that has already checked its database, and the statements since the last look. */
async function watched(
  executor: Executor<any>,
  options: SqlStoreOptions = {},
): Promise<{
  store: SqlStore<unknown>
  statements: () => { sql: string; values: Value[] }[]
}> {
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
  const watching: Executor<any> = {
    ...executor,
    ...watch(executor),
    async transaction(work, isolation) {
      const ofOurs = isolation === DIALECTS[executor.dialect].isolation
      seen.push({ sql: ofOurs ? 'begin' : 'begin as set', values: [] })
      const result = await executor.transaction((connection, tx) => work(watch(connection), tx), isolation)
      seen.push({ sql: 'commit', values: [] })
      return result
    },
  }
  const store = sqlStore(watching, options)
  await store.findOrder('nobody')
  seen.length = 0
  return { store, statements: () => seen.splice(0) }
}

/** What a statement does to which tables, e.g. `update orders + insert into history`. */
function gist({ sql }: { sql: string }): string {
  const parts = [...sql.matchAll(/(select|insert into|update|delete from)\b[^)]*?wechat_([a-z]+)/g)].map(
    ([, verb, table]) => `${verb} ${table}`,
  )
  return parts.join(' + ') || sql
}

/** An executor whose transactions fail with a deadlock, this many times: before they begin, or at the first change of an order. */
function failing(executor: Executor<any>, times: number, when: 'before' | 'within'): Executor<any> {
  let left = times
  return {
    ...executor,
    async transaction(work, isolation) {
      if (when === 'before' && left-- > 0) throw DEADLOCK
      return await executor.transaction(
        async (connection, tx) =>
          await work(
            {
              ...connection,
              run: async (sql, values) => {
                if (/(update|delete from) \w+_trades/.test(sql) && left-- > 0) throw DEADLOCK
                return await connection.run(sql, values)
              },
            },
            tx,
          ),
        isolation,
      )
    },
  }
}

const DEADLOCK = Object.assign(new Error('deadlock detected'), { code: '40P01' })

/** MySQL may end the transaction on its own. */
function fenced(sent: string[]): string[] {
  const begin = sent.indexOf('begin as set') + 1
  return [...sent.slice(0, begin), 'set autocommit = 0', ...sent.slice(begin, -1), 'set autocommit = 1', 'commit']
}

/**
 * What each call sends. A statement outside `begin` and `commit` commits on its own. `begin as set` begins a transaction at the database's default isolation,
 * `begin` one at the store's.
 */
type Sent = [call: string, run: (store: SqlStore<unknown>) => Promise<unknown>, postgres: string[], others: string[]]

const SENT: Sent[] = [
  [
    'insertOrder',
    (store) => store.insertOrder(change(newOrder('sent'))),
    ['insert into trades + insert into keys'],
    ['begin', 'insert into trades', 'insert into keys', 'commit'],
  ],
  ['findOrder', (store) => store.findOrder('sent'), ['select trades'], ['select trades']],
  [
    'updateOrder that settles',
    (store) => store.updateOrder('sent', settle),
    [
      'begin',
      'select trades',
      'insert into payments + select payments + update trades + insert into schedule',
      'commit',
    ],
    [
      'begin',
      'select trades',
      'select payments',
      'insert into payments',
      'update trades',
      'insert into schedule',
      'commit',
    ],
  ],
  [
    'updateOrder that only adds history',
    (store) => store.updateOrder('sent', change),
    ['begin', 'select trades', 'update trades', 'commit'],
    ['begin', 'select trades', 'update trades', 'commit'],
  ],
  [
    'claimDue',
    (store) => store.claimDue(OWNER, at(0), 10, 1000, { outTradeNo: 'sent' }),
    ['begin', 'select trades', 'update schedule + update trades', 'commit'],
    ['begin', 'select trades', 'update schedule', 'update trades', 'commit'],
  ],
  [
    'claimDue with nothing due',
    (store) => store.claimDue(OWNER, at(0), 10, 1000, { outTradeNo: 'sent' }),
    ['begin', 'select trades', 'commit'],
    ['begin', 'select trades', 'commit'],
  ],
  [
    'claimDue of what there is',
    async (store) => {
      await store.insertOrder(change(newOrder('what there is', { dueAt: at(-5000) })))
      await store.claimDue(OWNER, at(-5000), 10, 100_000)
    },
    [
      'insert into trades + insert into schedule + insert into keys',
      'begin',
      'select trades + select trades',
      'update schedule + update trades',
      'commit',
    ],
    [
      'begin',
      'insert into trades',
      'insert into schedule',
      'insert into keys',
      'commit',
      'begin',
      'select trades',
      'update schedule',
      'update trades',
      'commit',
    ],
  ],
  [
    'fulfil',
    async (store) =>
      store.fulfil(
        (await store.claimDue(OWNER, at(1000), 1, 1000, { outTradeNo: 'sent' }))[0]!,
        async () => {},
        change,
      ),
    [
      'begin',
      'select trades',
      'update schedule + update trades',
      'commit',
      'begin as set',
      'savepoint wechat_work',
      'release savepoint wechat_work',
      'select trades',
      'update trades',
      'commit',
    ],
    [
      'begin',
      'select trades',
      'update schedule',
      'update trades',
      'commit',
      'begin as set',
      'savepoint wechat_work',
      'release savepoint wechat_work',
      'select trades',
      'update trades',
      'commit',
    ],
  ],
]

const ANALYZE: Record<Dialect, string[]> = {
  postgres: ['analyze'],
  mysql: ['analyze table many_trades', 'analyze table many_schedule'],
  sqlite: ['analyze'],
}
/** What the plan of a statement contains if it uses the index of the schedule. */
const IN_ORDER: Record<Dialect, RegExp> = {
  postgres:
    /Index (?:Only )?Scan (?:using|on) many_schedule_at .+Index Cond: \(\(hashtext\(mch_id\) = -?\d+\) AND \(due_at /,
  mysql: /"table":"many_schedule","type":"range","possible_keys":"PRIMARY","key":"PRIMARY","key_len":"1029"/,
  sqlite: /SEARCH many_schedule USING PRIMARY KEY \(mch_id=\? AND due_at[<>]\?\)/,
}
const EXPLAIN: Record<Dialect, string> = { postgres: 'explain', mysql: 'explain', sqlite: 'explain query plan' }

/** Finds statements that wait for a row. SQLite has one writer, and waits inside the library. */
const WAITING: Partial<Record<Dialect, string>> = {
  postgres: "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  mysql: "select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT'",
}

for (const { dialect, connect } of await everyDatabase(t)) {
  await t.test(dialect, async (t) => {
    const executor = connect()
    const store = sqlStore(executor)
    await store.migrate()

    t.test('no call makes more round trips than necessary', async (t) => {
      const { store, statements } = await watched(executor)
      for (const [call, run, postgres, others] of SENT) {
        await run(store)
        const expected = {
          postgres,
          mysql: call === 'fulfil' ? fenced(others) : others,
          sqlite: others.map((sql) => sql.replace(' as set', '')),
        }
        t.same(statements().map(gist), expected[dialect], call)
      }
    })

    t.test('a single statement autocommits if that is safe', async (t) => {
      const { store, statements } = await watched(executor)
      const session = { tokenHash: 'single', appid: 'a', openid: 'o', expiresAt: at(0) }
      const anomaly: Anomaly = { id: 'single', kind: 'late', outTradeNo: 'single', at: at(0), reason: 'r' }
      const calls: [call: () => Promise<unknown>, sent: string][] = [
        [() => store.putSession(session), 'insert into sessions'],
        [() => store.deleteSession('single'), 'delete from sessions'],
        [() => store.insertAnomaly(anomaly), 'insert into anomalies'],
        [() => store.resolveAnomaly('single', { action: 'dismiss', note: '', at: at(0) }), 'update anomalies'],
      ]
      for (const [call, sent] of calls) {
        await call()
        t.same(statements().map(gist), dialect === 'mysql' ? ['begin', sent, 'commit'] : [sent])
      }
    })

    t.test('unchanged columns are not written', async (t) => {
      const { store, statements } = await watched(executor)
      await store.insertOrder(change(newOrder('columns')))
      await store.updateOrder('columns', (order) => change({ ...order, attempts: 1 }))
      t.ok(statements().some(({ sql }) => /update wechat_trades set attempts = \S+, history = \S+ where/.test(sql)))
    })

    t.test('refunds are added, changed and removed with their order, and nothing else is written', async (t) => {
      const { store, statements } = await watched(executor)
      await store.insertOrder(change(newOrder('refunds', { refunds: [newRefund(0)] })))
      for (const refunds of [
        [newRefund(0)],
        [newRefund(0), newRefund(1), newRefund(2)],
        [newRefund(0), newRefund(1, { state: 'success', succeededAt: at(5), fulfilment: 'due' }), newRefund(2)],
        [newRefund(2)],
        [],
        [newRefund(3), newRefund(4)],
      ]) {
        await store.updateOrder('refunds', (order) => change({ ...order, refunds }))
        t.strictSame(
          (await store.findOrder('refunds'))?.refunds,
          refunds.map((refund) => ({ reason: undefined, refundId: undefined, succeededAt: undefined, ...refund })),
        )
      }
      statements()
      await store.updateOrder('refunds', (order) => ({
        order: { ...order, refunds: [newRefund(3), newRefund(4, { attempts: 1 })] },
        history: [],
        anomalies: [],
      }))
      t.same(statements().map(gist), ['begin', 'select trades', 'select refunds', 'update refunds', 'commit'])
    })

    t.test('each of several claimed orders has its own refunds', async (t) => {
      const orders = [0, 1, 2].map((n) =>
        newOrder(`claimed-${n}`, {
          dueAt: at(-1000 + n),
          refunds: Array.from({ length: n }, (_, m) => newRefund(n * 10 + m)),
        }),
      )
      for (const order of orders) await store.insertOrder(change(order))
      const claims = await store.claimDue(OWNER, at(-900), 10, 1000)
      t.same(
        claims.map(({ order }) => order.refunds.map(({ outRefundNo }) => outRefundNo)),
        orders.map(({ refunds }) => refunds.map(({ outRefundNo }) => outRefundNo)),
      )
    })

    t.test('an order whose work was rescheduled meanwhile is not brought forward', async (t) => {
      const moved = sqlStore(executor, { tablePrefix: 'moved_' })
      await moved.migrate()
      await moved.insertOrder(change(newOrder('moved', { dueAt: at(5), expiresAt: at(0) })))
      const { numbered, place, time } = DIALECTS[dialect]
      await executor.run(numbered(`update moved_schedule set due_at = ${place.time}`), [time(at(9000))])
      await moved.bringForward(OWNER.mchId, at(1000), at(1))
      t.same((await moved.findOrder('moved'))?.dueAt, at(5))
    })

    t.test("a conflict in the user's own tables is not mistaken for one of ours", async (t) => {
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

    t.test('a work whose transaction ended early does not count as done', async (t) => {
      const claim = await claimed(store, 'ended')
      const end: Record<Dialect, (tx: any) => Promise<void>> = {
        postgres: (tx) => tx.query('rollback'),
        mysql: (tx) => tx.query('rollback'),
        sqlite: async (tx) => tx.exec('rollback'),
      }
      await t.rejects(
        store.fulfil(claim, end[dialect], (order) => change({ ...order, fulfilment: 'done' })),
        { message: /^The transaction ended before the hook did/ },
      )
      t.equal((await store.findOrder('ended'))?.fulfilment, 'due')
      await t.rejects(
        store.updateOrder('ended', (order) => ({ ...change({ ...order, attempts: 7 }), also: end[dialect] })),
        { message: /^The transaction ended before the hook did/ },
      )
      t.equal((await store.findOrder('ended'))?.attempts, 0, 'nor does a change whose job ended it')
    })

    t.test('a job is not written to a transaction that the library has abandoned meanwhile', async (t) => {
      // A connection that is lost for good; here it is not.
      if (dialect === 'mysql') return
      await store.insertOrder(change(newOrder('abandoned')))
      let goOn = () => {}
      const held = new Promise<void>((resolve) => {
        goOn = resolve
      })
      let lent: any
      let begin = () => {}
      const begun = new Promise<void>((resolve) => {
        begin = resolve
      })
      let running: Promise<unknown> | undefined
      const losing: Executor<any> = {
        ...executor,
        transaction: (work, isolation) =>
          executor.transaction(async (connection, tx) => {
            running = work(connection, tx)
            running.catch(() => {})
            await begun
            throw new Error('connection lost')
          }, isolation),
      }
      const lost = sqlStore(losing).updateOrder('abandoned', (order) => ({
        ...change({ ...order, attempts: 7 }),
        async also(tx) {
          lent = tx
          begin()
          await held
        },
      }))
      await t.rejects(lost, { message: 'connection lost' })
      t.throws(() => lent.query, { message: /The transaction of this hook is over/ })
      goOn()
      await t.rejects(running!)
      t.equal((await store.findOrder('abandoned'))?.attempts, 0)
    })

    t.test('stores with different prefixes are independent', async (t) => {
      const other = sqlStore(executor, { tablePrefix: 'other_' })
      await other.migrate()
      await other.insertOrder(change(newOrder('elsewhere')))
      t.equal(await store.findOrder('elsewhere'), undefined)
      t.equal((await other.findOrder('elsewhere'))?.outTradeNo, 'elsewhere')
    })

    t.test("the `also` of a change runs in the caller's transaction", async (t) => {
      await store.insertOrder(change(newOrder('caller')))
      const also: unknown[] = []
      const attempted: Decide = (order) => ({
        ...change({ ...order, attempts: 7 }),
        async also(tx) {
          also.push(tx)
        },
      })
      const own: unknown[] = []
      await executor.transaction(async (_connection, tx) => {
        own.push(tx)
        await store.updateOrder('caller', attempted, tx)
      })
      t.equal(also[0], own[0])
      t.equal((await store.findOrder('caller'))?.attempts, 7)
    })

    t.test('a transaction of ours is run again after a deadlock', async (t) => {
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

    t.test('an archive step that hits a deadlock is run again; without orders there is no step', async (t) => {
      const archive = (executor: Executor<any>) => sqlStore(executor, { tablePrefix: 'archived_' })
      await archive(executor).migrate()
      t.equal(await archive(executor).archive({ before: at(9000) }), 0)
      for (const when of ['before', 'within'] as const) {
        const over = newOrder(`over ${when}`, { state: 'closed', liveKey: null, expiresAt: at(10), dueAt: null })
        await archive(executor).insertOrder(change(over))
        const handed: string[] = []
        const to = async (orders: readonly Archived[]) => {
          handed.push(...orders.map(({ order }) => order.outTradeNo))
        }
        t.equal(await archive(failing(executor, 2, when)).archive({ before: at(9000), to }), 1)
        t.same(handed, Array(when === 'before' ? 1 : 3).fill(over.outTradeNo))
        t.equal(await archive(executor).findOrder(over.outTradeNo), undefined)
      }
    })

    t.test('a work whose transaction the database aborted runs again at once, but not forever', async (t) => {
      const claim = await claimed(store, 'again')
      const fulfil = async (executor: Executor<any>, work = async () => {}) => {
        let works = 0
        const counted = async () => {
          works++
          await work()
        }
        const outcome = await sqlStore(executor)
          .fulfil(claim, counted, change)
          .catch((error: unknown) => error)
        return { outcome, works }
      }
      t.same(await fulfil(failing(executor, 2, 'within')), { outcome: 'done', works: 3 })
      t.same(await fulfil(failing(executor, 2, 'before')), { outcome: 'done', works: 1 })
      t.same(await fulfil(failing(executor, 100, 'within')), { outcome: DEADLOCK, works: 8 })
      t.match(await store.history('again'), [{ count: 3 }])

      const notFound = Object.assign(new Error('5 NOT_FOUND'), { code: 5 })
      const failed = await fulfil(executor, () => Promise.reject(notFound))
      t.same(failed, { outcome: notFound, works: 1 }, "an error of the work may have SQLite's code for busy")
    })

    t.test('an insert is retried if its rival has released the key meanwhile', async (t) => {
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
        transaction: (work, isolation) =>
          executor.transaction((connection, tx) => work(refuse(connection), tx), isolation),
      }
      t.same(await sqlStore(refusing).insertOrder(change(newOrder('rival', { liveKey: null }))), { inserted: true })
      t.equal((await store.history('rival')).length, 1)
    })

    t.test('a claim of one order waits for the lock of its row, and then takes the current row', async (t) => {
      const waiting = WAITING[dialect]
      if (waiting === undefined) return
      await store.insertOrder(change(newOrder('held', { dueAt: at(0) })))
      const claim: { begun?: Promise<Claim[]>; over: boolean } = { over: false }
      await connect().transaction(async (holder) => {
        await holder.run("update wechat_trades set attempts = 7 where out_trade_no = 'held'", [])
        claim.begun = store.claimDue(OWNER, at(0), 1, 1000, { outTradeNo: 'held' }).finally(() => {
          claim.over = true
        })
        while (!claim.over && (await executor.rows(waiting, [])).length === 0) await wait(INNODB_STALE_MS)
        t.notOk(claim.over)
        const others = await store.claimDue(OWNER, at(0), 100, 1000)
        t.notOk(
          others.some(({ order }) => order.outTradeNo === 'held'),
          'a claim of anything due does not wait',
        )
      })
      t.match(await claim.begun, [{ claims: 1, order: { outTradeNo: 'held', attempts: 7, dueAt: at(1000) } }])
    })

    t.test(
      'claimDue finds what is due, and bringForward what is due too late, in the order of the schedule',
      async (t) => {
        const many = sqlStore(executor, { tablePrefix: 'many_' })
        await many.migrate()
        const row = codec(ORDER, DIALECTS[dialect], 'many_trades')
        for (let batch = 0; batch < 10; batch++) {
          const orders = Array.from({ length: 500 }, (_, n) =>
            newOrder(`${batch}-${n}`, { dueAt: n % 5 === 0 ? at(batch * 500 + n) : null }),
          )
          // Another merchant's, which have been due for longer.
          for (const [n, order] of orders.entries()) {
            if (n % 2 === 1) orders[n] = { ...order, mchId: '1900000002', dueAt: at(n - 9000) }
          }
          const { sql, values } = insert('many_trades', row, orders)!
          await executor.run(DIALECTS[dialect].numbered(sql), values)
        }
        await executor.run(
          'insert into many_schedule (mch_id, due_at, out_trade_no) select mch_id, due_at, out_trade_no from many_trades where due_at is not null',
          [],
        )
        for (const sql of ANALYZE[dialect]) await executor.run(sql, [])
        const { store, statements } = await watched(executor, { tablePrefix: 'many_' })
        t.equal((await store.claimDue(OWNER, at(1000), 16, 1000)).length, 16)
        await store.bringForward(OWNER.mchId, at(4950), at(0))
        const searches = statements().filter(({ sql }) => /due_at (<=|>) /.test(sql))
        t.equal(searches.length, 2)
        for (const { sql, values } of searches) {
          const plan = JSON.stringify(await executor.rows(`${EXPLAIN[dialect]} ${sql}`, values))
          t.match(plan, IN_ORDER[dialect])
          t.notMatch(plan, /Seq Scan on many_trades|SCAN many_|filesort|TEMP B-TREE/)
        }
      },
    )
  })
}

t.test('the dialect can be given separately from the executor', async (t) => {
  const sent: string[] = []
  const record: Connection = {
    rows: async (sql, values) => {
      sent.push(sql)
      return answerFirst('mysql', {}, sql, values) ?? []
    },
    run: async () => 0,
  }
  await sqlStore(
    { dialect: 'postgres', ...record, transaction: (work) => work(record, undefined) },
    { dialect: 'mysql' },
  ).findOrder('a')
  t.match(sent.at(-1), /where out_trade_no = \?$/)
})
