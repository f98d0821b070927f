import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { contract, pgPool, postgres, survivesLosses, undoesLost } from '../databases.ts'
import { outlivesTimeouts } from '../locks.ts'
import { change, claimed } from '../orders.ts'

const url = await postgres(t)
const pool = pgPool(url, t)
const store = sqlStore(fromPg(pool))

function open(url: string, t: Test) {
  const pool = new pg.Pool({ connectionString: url })
  t.teardown(() => pool.end())
  return {
    executor: fromPg(pool),
    write: (tx: pg.PoolClient, id: string) => tx.query('insert into own (id) values ($1)', [id]),
  }
}

await contract(t, open(url, t))
await survivesLosses(t, url, open)
await undoesLost(t, url, open)
await outlivesTimeouts(t, url, (url, t) => open(url, t).executor)

t.test('a connection lost while onPaid runs fails only that onPaid', async (t) => {
  const claim = await claimed(store, 'lost-connection')
  await t.rejects(
    store.fulfil(
      claim,
      async (tx) => {
        const {
          rows: [{ pid }],
        } = await tx.query('select pg_backend_pid() as pid')
        await new Promise<void>((resolve) => {
          tx.once('error', () => {
            resolve()
          })
          pool.query('select pg_terminate_backend($1)', [pid]).catch(t.threw)
        })
      },
      change,
    ),
  )
  t.same(await store.findOrder('lost-connection'), claim.order)
  t.equal(await store.fulfil(claim, async () => {}, change), 'done')
})

t.test('a failed statement that onPaid catches still ends the transaction', async (t) => {
  const claim = await claimed(store, 'caught')
  await t.rejects(
    store.fulfil(
      claim,
      async (tx) => {
        await tx.query('select 1 / 0').catch(() => {})
      },
      change,
    ),
    { cause: { code: '25P02' } },
  )
  t.same(await store.findOrder('caught'), claim.order)
})

t.test('a statement that never ends holds a connection only until it is abandoned', async (t) => {
  const claim = await claimed(store, 'endless')
  const small = pgPool(url, t, { max: 1 })
  await t.rejects(
    sqlStore(fromPg(small)).fulfil(
      claim,
      async (tx) => {
        tx.query('select pg_sleep(600)').catch(() => {})
        throw new Error('given up')
      },
      change,
    ),
    { message: 'given up' },
  )
  t.equal((await small.query('select 1')).rowCount, 1, 'the pool has room for another connection')
  await pool.query("select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(600)'")
})

t.test('branches of onPaid still running when another fails write nothing', async (t) => {
  await pool.query('create table branches (n int)')
  const claim = await claimed(store, 'branches')
  const failed = new Error('mail server down')
  const stray: unknown[] = []
  await t.rejects(
    store.fulfil(
      claim,
      async (tx) => {
        let fail = () => {}
        const failing = new Promise((_resolve, reject) => {
          fail = () => {
            reject(failed)
          }
        })
        const insert = async () => {
          await tx.query('insert into branches values (1)')
        }
        // One is sent before the failure, one while it propagates, one afterwards.
        const branches = [insert(), failing.catch(insert), failing.catch(() => new Promise(setImmediate)).then(insert)]
        stray.push(...branches.map((branch) => branch.catch((error: Error) => error.message)))
        fail()
        await Promise.all([...branches, failing])
      },
      change,
    ),
    failed,
  )
  t.match(await Promise.all(stray), [undefined, undefined, /The transaction of this hook is over/])
  t.equal((await pool.query('select from branches')).rowCount, 0)
  await pool.query('drop table branches')
})

t.test('a server that disappears does not crash the process, even without an error listener on the pool', async (t) => {
  const bare = new pg.Pool({ connectionString: url, application_name: 'bare' })
  t.teardown(() => bare.end())
  const lone = sqlStore(fromPg(bare))
  t.equal(await lone.findOrder('nobody'), undefined)
  const gone = new Promise((resolve) => {
    bare.once('remove', resolve)
  })
  // No others: the next test would take one from the pool that does not know yet.
  const killed = await pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bare' and datname = current_database()",
  )
  t.equal(killed.rowCount, 1)
  await gone
  t.equal(await lone.findOrder('nobody'), undefined)
})

t.test("rows of the user's tables that refer to an order do not block changes of it", async (t) => {
  await pool.query('create table referring (out_trade_no text references wechat_trades)')
  const claim = await claimed(store, 'referred')
  t.equal(
    await store.fulfil(
      claim,
      async (tx) => {
        await tx.query("insert into referring values ('referred')")
        await store.updateOrder('referred', (order) => change({ ...order, attempts: 7 }))
      },
      (order) => change({ ...order, fulfilment: 'done' }),
    ),
    'done',
  )
  t.match(await store.findOrder('referred'), { fulfilment: 'done', attempts: 7 })
  await pool.query('drop table referring')
})

t.test('statements are prepared by default', async (t) => {
  for (const [options, expected] of [
    [undefined, 1],
    [{ prepare: false }, 0],
  ] as const) {
    const one = pgPool(url, t, { max: 1 })
    await sqlStore(fromPg(one, options)).findOrder('prepared')
    // Two stores on one pool, as with two plugins, use the same name for the same statement.
    await sqlStore(fromPg(one, options)).findOrder('prepared')
    const named =
      "select from pg_prepared_statements where name like 'wechat%' and statement like '%from wechat_trades%'"
    t.equal((await one.query(named)).rowCount, expected)
  }
})

const SETTINGS = {
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  TimeZone: 'Asia/Shanghai',
  DateStyle: 'German,MDY',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  bytea_output: 'escape',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  row_security: 'off',
}

t.test('settings of the driver and the session change nothing', async (t) => {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, BigInt)
  for (const type of [pg.types.builtins.TIMESTAMPTZ, pg.types.builtins.NUMERIC]) {
    types.setTypeParser(type, (text) => ({ text }))
  }
  const options = Object.entries(SETTINGS).map(([name, value]) => `-c ${name}=${value}`)
  const odd = pgPool(await postgres(t), t, { types, options: options.join(' ') })
  await contract(t, {
    executor: fromPg(odd),
    write: (tx: pg.PoolClient, id) => tx.query('insert into own (id) values ($1)', [id]),
  })
})

t.test('two runs of onPaid that cannot be serialized are both done', async (t) => {
  const pool = pgPool(await postgres(t, 'serializable'), t)
  const store = sqlStore(fromPg(pool))
  await store.migrate()
  await pool.query('create table stock (taken int)')
  const claims = [await claimed(store, 'skewed-1'), await claimed(store, 'skewed-2')]
  let runs = 0
  let go = () => {}
  const both = new Promise<void>((resolve) => {
    go = resolve
  })
  const outcomes = await Promise.all(
    claims.map((claim) =>
      store.fulfil(
        claim,
        async (tx) => {
          const { rowCount } = await tx.query('select from stock')
          // Each has read what the other will change.
          if (++runs === 2) go()
          await both
          await tx.query('insert into stock values ($1)', [rowCount])
        },
        change,
      ),
    ),
  )
  t.same(outcomes, ['done', 'done'])
  t.equal(runs, 3, 'one of them ran twice')
  t.same((await pool.query('select taken from stock order by taken')).rows, [{ taken: 0 }, { taken: 1 }])
})
