import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { createMockWechat } from '../../mock-server/index.ts'
import { startRedis } from '../store/servers.ts'
import { createFleet } from './fleet.ts'
import { emptyDatabase, FAST_SCHEDULE, payAll, tally } from './scenarios.ts'
import type { Run, Tally } from './scenarios.ts'

/** A queue, as one of examples/scale has it. */
interface Queue {
  example: string
  env: Record<string, string>
  /** The queue is away, and comes back empty. */
  failFor(ms: number): Promise<void>
}

/** The queue is away for this long. */
const AWAY_MS = 3000
/** A job that was lost is found by a sweep, or, with its process, by the heartbeat of the others. */
const SETTLED_MS = 30_000
const SWEEP_MS = 5000
const PROCESSES = 3

/** The jobs are in a schema of the shop's database. */
export async function pgBoss(run: Run): Promise<Tally> {
  return await throughQueue(run, (pool) => ({
    example: 'pg-boss',
    env: {},
    async failFor(ms) {
      await pool.query('alter table pgboss.job rename to away')
      await wait(ms)
      await pool.query('truncate pgboss.away; alter table pgboss.away rename to job')
    },
  }))
}

export async function bullmq(run: Run): Promise<Tally> {
  const redis = await startRedis()
  if (redis === undefined) throw new Error('No redis-server is installed here.')
  try {
    return await throughQueue(run, () => ({
      example: 'bullmq',
      env: { REDIS_URL: redis.url },
      async failFor(ms) {
        await redis.stop()
        await wait(ms)
        await redis.start()
      },
    }))
  } finally {
    await redis.remove()
  }
}

/**
 * Three processes serve and three deliver, as separate programs with a queue between them. Workers are killed at random moments, now and then one that serves, and in the middle
 * the queue is away for a while and loses all its jobs.
 */
async function throughQueue({ database, version, quick, say }: Run, queueOf: (pool: pg.Pool) => Queue): Promise<Tally> {
  const [payments, kills] = quick ? [500, 12] : [3000, 60]
  const mock = await createMockWechat({ world: { clock: 'real', schedule: FAST_SCHEDULE, ackTimeoutMs: 5000 } })
  const world = mock.default
  const pool = await emptyDatabase(database.url)
  await pool.query(
    'drop schema if exists pgboss cascade; drop table chaos_fulfilments; ' +
      'create table deliveries (out_trade_no text not null, at timestamptz not null default clock_timestamp()); ' +
      'create view chaos_fulfilments as select * from deliveries',
  )
  const { example, env, failFor } = queueOf(pool)
  const { appid, appSecret } = world.credentials
  let publicUrl = ''
  const fleetOf = (role: string) =>
    createFleet((url) => {
      if (role === 'api') publicUrl = url
      const account = { appid, appSecret, merchant: world.merchantOptions(version), publicUrl, baseUrl: mock.url }
      return {
        script: new URL(`../../examples/scale/${example}/${role}.ts`, import.meta.url),
        env: {
          ...env,
          DATABASE_URL: database.url,
          ACCOUNT: JSON.stringify(account),
          PORT: '0',
          SWEEP_MS: String(SWEEP_MS),
        },
      }
    })
  const serving = await fleetOf('api')
  const delivering = await fleetOf('worker')
  try {
    await serving.grow(PROCESSES)
    await delivering.grow(PROCESSES)
    const began = Date.now()
    const tasks: Promise<unknown>[] = []
    /** What fails ends the run when all is awaited; until then it must not end this process, which has others to stop. */
    const begin = (task: Promise<unknown>) => {
      task.catch(() => {})
      tasks.push(task)
    }
    begin(payAll(serving, world, payments, kills * 1500))
    let failed = false
    while (delivering.kills < kills) {
      await wait(Math.random() * 2500)
      if (!failed && delivering.kills === Math.floor(kills / 2)) {
        failed = true
        begin(failFor(AWAY_MS))
      }
      const fleet = delivering.kills % 4 === 3 && serving.kills < delivering.kills / 4 ? serving : delivering
      const { kills: before } = fleet
      fleet.kill()
      if (fleet.kills > before) begin(fleet.grow(1))
    }
    await Promise.all(tasks)
    const end = Date.now()
    const counts = await tally(pool, world)
    const settledMs = Date.now() - end
    const { rows } = await pool.query<{ late: string }>(
      'select extract(epoch from at - paid_at) * 1000 as late from deliveries join wechat_trades using (out_trade_no) order by late',
    )
    const times = rows.map(({ late }) => Math.round(Number(late)))
    say(
      `${example}: ${delivering.kills} workers and ${serving.kills} servers killed, the queue away for ${AWAY_MS} ms; paid within ${Math.round((end - began) / 1000)} s, ` +
        `settled ${(settledMs / 1000).toFixed(1)} s later; delivered ${times[times.length >> 1]} ms after the payment in the median, ${times.at(-1)} ms at the latest`,
    )
    if (settledMs > SETTLED_MS) throw new Error(`the last order was settled ${settledMs} ms after the last payment`)
    return { ...counts, exits: serving.exits + delivering.exits }
  } finally {
    await Promise.all([serving.stop(), delivering.stop()])
    await pool.end()
    await mock.close()
  }
}
