import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import PgBoss from 'pg-boss'
import { QUEUE } from '../examples/scale/pg-boss/queue.ts'
import { fromPg, sqlStore } from '../src/index.ts'
import type { Job } from '../src/index.ts'
import { createFleet } from '../test/chaos/fleet.ts'
import { ACCOUNT, change, newOrder, paymentOf } from '../test/store/orders.ts'
import { startPostgres, startRedis } from '../test/store/servers.ts'
import { interleave, median, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'

/** The programs that deliver, and how often their sweepers look: with a queue, never while it is measured. */
const PROGRAMS = {
  inline: { script: 'scale/inline.ts', sweepMs: 100 },
  'pg-boss': { script: '../examples/scale/pg-boss/worker.ts', sweepMs: 3_600_000 },
  bullmq: { script: '../examples/scale/bullmq/worker.ts', sweepMs: 3_600_000 },
}
type Queue = keyof typeof PROGRAMS
const WORKERS = [1, 2, 4]
const CONTESTANTS = (Object.keys(PROGRAMS) as Queue[]).flatMap((queue) =>
  WORKERS.map((workers) => `${queue} ${workers}` as const),
)

const HOOK_MS = 20
/** Until all payments are written, none is due. */
const LATER = new Date(Date.now() + 24 * 60 * 60_000)
/** What is delivered before and after these parts does not count: processes begin and end one by one. */
const [FROM, TO] = [0.1, 0.9]

const FULL = { rounds: { rounds: 5, untilMs: 600_000 }, payments: 3000 }
const QUICK = { rounds: { rounds: 1, untilMs: 0 }, payments: 400 }

/** How many payments a second several processes deliver, each claiming orders itself, through pg-boss and through BullMQ, and the log that it makes. */
export default async function scale({ quick, log }: BenchOptions): Promise<Report> {
  const { rounds, payments } = quick ? QUICK : FULL
  const redis = await startRedis()
  if (redis === undefined) throw new Error('No redis-server is installed here.')
  const server = await startPostgres({ durable: true, settings: { max_wal_size: '8GB', checkpoint_timeout: '1h' } })
  const pool = new pg.Pool({ connectionString: server.url, max: 20 })
  pool.on('error', () => {})
  const store = sqlStore(fromPg(pool))
  const boss = new PgBoss({ connectionString: server.url, supervise: false, schedule: false })
  boss.on('error', () => {})

  try {
    await store.migrate()
    await boss.start()
    await boss.createQueue(QUEUE, { name: QUEUE, expireInSeconds: 900 })
    const samples = await interleave(rounds, CONTESTANTS, measure)
    return {
      rows: [
        ...CONTESTANTS.map((name) => ({
          name,
          median: round(median(samples[name]!.map(({ perSecond }) => perSecond)), 0),
          unit: 'payments delivered/s',
        })),
        ...(Object.keys(PROGRAMS) as Queue[]).map((queue) => ({
          name: `${queue} log`,
          median: round(median(WORKERS.flatMap((n) => samples[`${queue} ${n}`]!.map(({ wal }) => wal))), 0),
          unit: 'bytes of WAL/payment',
        })),
      ],
      ratios: Object.fromEntries(
        (Object.keys(PROGRAMS) as Queue[]).map((queue) => {
          const rates = samples[`${queue} 4`]!.map(
            ({ perSecond }, n) => perSecond / samples[`${queue} 1`]![n]!.perSecond,
          )
          return [`${queue} 4/${queue} 1`, round(median(rates), 2)]
        }),
      ),
    }
  } finally {
    await boss.stop({ graceful: false, wait: true })
    await pool.end()
    await server.remove()
    await redis.remove()
  }

  async function measure(name: (typeof CONTESTANTS)[number]): Promise<{ perSecond: number; wal: number }> {
    const [queue, workers] = name.split(' ') as [Queue, string]
    const { script, sweepMs } = PROGRAMS[queue]
    await boss.purgeQueue(QUEUE)
    const { rows: left } = await pool.query<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = 'public' and table_name in ('wechat_trades', 'wechat_schedule', 'wechat_keys', 'wechat_payments', 'deliveries')",
    )
    await pool.query(`truncate ${left.map(({ name: table }) => table).join(', ')}`)
    const { appid, mchId } = ACCOUNT
    const account = {
      appid,
      appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
      merchant: { version: 'v2', mchId, apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
      publicUrl: 'http://127.0.0.1:1',
      baseUrl: 'http://127.0.0.1:1',
    }
    const fleet = await createFleet(() => ({
      script: new URL(script, import.meta.url),
      env: {
        ACCOUNT: JSON.stringify(account),
        DATABASE_URL: server.url,
        REDIS_URL: redis!.url,
        SWEEP_MS: String(sweepMs),
        HOOK_MS: String(HOOK_MS),
      },
    }))
    try {
      await fleet.grow(Number(workers))
      const lsn = await position()
      const numbers = Array.from({ length: payments }, (_, n) => `order-${String(n).padStart(6, '0')}`)
      const jobs: Job[] = numbers.map((outTradeNo) => ({ kind: 'onPaid', mchId, outTradeNo, claims: 0 }))
      if (queue === 'pg-boss') await boss.insert(jobs.map((data) => ({ name: QUEUE, data, startAfter: LATER })))
      const jobsWal = (await position()) - lsn
      await Promise.all(
        numbers.map(async (number) => {
          const order = newOrder(number, { state: 'paid', fulfilment: 'due', dueAt: LATER })
          await store.insertOrder(change({ ...order, payment: paymentOf(order) }))
        }),
      )
      await pool.query(
        'begin; update wechat_trades set due_at = now(); update wechat_schedule set due_at = now(); update pgboss.job set start_after = now(); commit',
      )
      const before = await position()
      const times = await delivered()
      if (fleet.exits > 0) throw new Error('A process ended.')
      const [first, last] = [times[Math.floor(times.length * FROM)]!, times[Math.floor(times.length * TO)]!]
      const perSecond = (times.length * (TO - FROM) * 1000) / (last - first)
      log(`${name}: ${Math.round(perSecond)} payments/s`)
      return { perSecond, wal: (jobsWal + (await position()) - before) / payments }
    } finally {
      await fleet.stop()
    }
  }

  async function position(): Promise<number> {
    const { rows } = await pool.query<{ at: string }>(
      "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as at",
    )
    return Number(rows[0]!.at)
  }

  /** When each payment was delivered, once all have been. */
  async function delivered(): Promise<number[]> {
    for (;;) {
      const { rows } = await pool.query<{ count: string; numbers: string }>(
        'select count(*) as count, count(distinct out_trade_no) as numbers from deliveries',
      )
      if (rows[0]!.count !== rows[0]!.numbers) throw new Error('A payment was delivered twice.')
      if (Number(rows[0]!.count) === payments) break
      await wait(200)
    }
    const { rows } = await pool.query<{ ms: string }>(
      'select extract(epoch from at) * 1000 as ms from deliveries order by at',
    )
    return rows.map(({ ms }) => Number(ms))
  }
}
