import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { sqlStore } from '../../../src/store/sql.ts'
import { contract, pgPool, postgres, survivesLosses, undoesLost } from '../databases.ts'
import { change, claimed, newOrder } from '../orders.ts'

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

t.test('a connection that is lost while onPaid runs fails that onPaid alone', async (t) => {
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

t.test('a statement that fails in onPaid and is caught there ends the transaction all the same', async (t) => {
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

t.test('a statement that does not end holds a connection no longer than it takes to give it up', async (t) => {
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
  t.equal((await small.query('select 1')).rowCount, 1, 'the pool has a place for another')
  await pool.query("select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(600)'")
})

t.test('branches of onPaid that are under way when another fails write nothing', async (t) => {
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
        // One is sent before the failure, one while it spreads, one when all is over.
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

t.test('a server that goes away ends no process, though nobody listens to the pool', async (t) => {
  const bare = new pg.Pool({ connectionString: url })
  t.teardown(() => bare.end())
  const lone = sqlStore(fromPg(bare))
  t.equal(await lone.findOrder('nobody'), undefined)
  const gone = new Promise((resolve) => {
    bare.once('remove', resolve)
  })
  await pool.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
  )
  await gone
  t.equal(await lone.findOrder('nobody'), undefined)
})

t.test("rows of the user's own that refer to an order hold up no change of it", async (t) => {
  await pool.query('create table referring (out_trade_no text references wechat_orders)')
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

t.test('statements are prepared, unless told otherwise', async (t) => {
  for (const [options, expected] of [
    [undefined, 1],
    [{ prepare: false }, 0],
  ] as const) {
    const one = pgPool(url, t, { max: 1 })
    await sqlStore(fromPg(one, options)).findOrder('prepared')
    // Two stores on one pool, as two plugins have them, name the same statement the same.
    await sqlStore(fromPg(one, options)).findOrder('prepared')
    t.equal((await one.query("select from pg_prepared_statements where name like 'wechat%'")).rowCount, expected)
  }
})

t.test('the settings of the driver and of the session change nothing', async (t) => {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, BigInt)
  for (const type of [pg.types.builtins.TIMESTAMPTZ, pg.types.builtins.NUMERIC]) {
    types.setTypeParser(type, (text) => ({ text }))
  }
  const odd = sqlStore(
    fromPg(
      pgPool(url, t, {
        types,
        options: '-c TimeZone=Asia/Shanghai -c DateStyle=German,MDY -c default_transaction_isolation=serializable',
      }),
    ),
  )
  const order = newOrder('settings', { dueAt: new Date('2026-02-28T15:59:59.999Z') })
  await odd.insertOrder(change(order))
  t.same(await odd.findOrder('settings'), order)
  t.same(await store.findOrder('settings'), order)
  await Promise.all(
    Array.from({ length: 10 }, () =>
      odd.updateOrder('settings', (current) => change({ ...current, attempts: current.attempts + 1 })),
    ),
  )
  t.equal((await odd.findOrder('settings'))?.attempts, 10)
})
