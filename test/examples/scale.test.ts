import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import PgBoss from 'pg-boss'
import t from 'tap'
import type { Test } from 'tap'
import { QUEUE, sendingTo } from '../../examples/scale/pg-boss/queue.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import { fromPg, sqlStore } from '../../src/index.ts'
import type { Job } from '../../src/index.ts'
import { createFleet } from '../chaos/fleet.ts'
import { payAll } from '../chaos/scenarios.ts'
import { postgres, redis } from '../store/databases.ts'
import { change, newOrder } from '../store/orders.ts'

const SWEEP_NEVER = String(24 * 60 * 60 * 1000)
const PAYMENTS = 5
const PATIENCE_MS = 60_000

// Each is a shop of two processes; npm run chaos kills them.
const QUEUES: Record<string, (t: Test) => Promise<Record<string, string> | undefined>> = {
  'pg-boss': async () => ({}),
  async bullmq(t) {
    const url = await redis(t)
    return url === undefined ? undefined : { REDIS_URL: url }
  },
}

for (const [name, needs] of Object.entries(QUEUES)) {
  t.test(`examples/scale/${name}: one process records the payment, the other delivers, without a sweep`, async (t) => {
    const own = await needs(t)
    if (own === undefined) return
    const databaseUrl = await postgres(t)
    const mock = await createMockWechat({ world: { clock: 'real' } })
    const world = mock.default
    const { appid, appSecret } = world.credentials
    let publicUrl = ''
    const [serving, delivering] = await Promise.all(
      ['api', 'worker'].map((role) =>
        createFleet((url) => {
          if (role === 'api') publicUrl = url
          const account = { appid, appSecret, merchant: world.merchantOptions('v3'), publicUrl, baseUrl: mock.url }
          return {
            script: new URL(`../../examples/scale/${name}/${role}.ts`, import.meta.url),
            env: {
              ...own,
              DATABASE_URL: databaseUrl,
              ACCOUNT: JSON.stringify(account),
              PORT: '0',
              SWEEP_MS: SWEEP_NEVER,
            },
          }
        }),
      ),
    )
    const pool = new pg.Pool({ connectionString: databaseUrl })
    t.teardown(async () => {
      await Promise.all([serving!.stop(), delivering!.stop()])
      await pool.end()
      await mock.close()
    })
    await serving!.grow(1)
    await delivering!.grow(1)
    const numbers = await payAll(serving!, world, PAYMENTS, 0)
    const delivered = async () =>
      (await pool.query<{ out_trade_no: string }>('select out_trade_no from deliveries order by 1')).rows.map(
        ({ out_trade_no: number }) => number,
      )
    const until = Date.now() + PATIENCE_MS
    while ((await delivered()).length < PAYMENTS && Date.now() < until) await wait(100)
    t.strictSame(await delivered(), numbers.sort())
    t.equal(serving!.exits + delivering!.exits, 0)
    await delivering!.replace()
    t.pass('a worker shuts down cleanly on a signal')
  })
}

t.test('examples/scale/pg-boss: a job is sent in the transaction of its change, and rolled back with it', async (t) => {
  const databaseUrl = await postgres(t)
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false })
  boss.on('error', (error) => t.fail(error.message))
  await boss.start()
  await boss.createQueue(QUEUE)
  const pool = new pg.Pool({ connectionString: databaseUrl })
  t.teardown(async () => {
    await boss.stop({ graceful: false, wait: true })
    await pool.end()
  })
  const store = sqlStore(fromPg(pool))
  await store.migrate()
  const order = newOrder('order-1')
  await store.insertOrder(change(order))
  const job: Job = { kind: 'onPaid', mchId: order.mchId, outTradeNo: 'order-1', claims: 0 }
  const send = sendingTo(boss)
  const sending = (after: () => void) =>
    store.updateOrder('order-1', (current) => ({
      ...change(current),
      async also(tx) {
        await send(job, { tx: tx as pg.PoolClient, dueAt: new Date() })
        after()
      },
    }))
  await t.rejects(
    sending(() => {
      throw new Error('rolled back')
    }),
    { message: 'rolled back' },
  )
  t.strictSame(await boss.fetch(QUEUE), [])
  await sending(() => {})
  t.match(await boss.fetch(QUEUE), [{ data: job }])
})
