import { setTimeout as wait } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import pg from 'pg'
import wechatPay, { fromPg, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { EnqueueContext, Job, WechatPayOptions } from '../../src/index.ts'
import type { Account } from '../apps/account.ts'

const { ACCOUNT, DATABASE_URL, REDIS_URL, PORT = '3000', SWEEP_MS = '30000', HOOK_MS = '0' } = process.env

export const redisUrl = REDIS_URL ?? 'redis://127.0.0.1:6379'
export const databaseUrl = DATABASE_URL ?? 'postgres://localhost/shop'

/** Orders that a process works on at once. */
export const CONCURRENCY = 8

/** What differs between the processes. */
export interface Role {
  /** Where due work goes. A process that has it delivers nothing by itself. */
  enqueue?: (job: Job, context: EnqueueContext<pg.PoolClient>) => Promise<unknown> | unknown
  /** Looks for work that no job has brought. 0: never. */
  sweepIntervalMs: number
}

/** The interval of the sweeper, the safety net, in the workers. */
export const SLOW_BEAT_MS = Number(SWEEP_MS)

/** The shop, the same in every process but for its role. */
export async function openShop({ enqueue, sweepIntervalMs }: Role) {
  const app = Fastify({ logger: { level: 'warn' }, requestTimeout: 10_000 })
  const pool = new pg.Pool({ connectionString: databaseUrl, max: CONCURRENCY + 4 })
  const store = sqlStore(fromPg(pool))
  await store.migrate()
  await pool.query(
    'select pg_advisory_xact_lock(1); create table if not exists deliveries (out_trade_no text not null, at timestamptz not null default clock_timestamp())',
  )
  const options: WechatPayOptions<pg.PoolClient> = {
    ...(JSON.parse(ACCOUNT!) as Account),
    store,
    sweepIntervalMs,
    enqueue,
    concurrency: CONCURRENCY,
    orderBody: Type.Object({ cart: Type.String({ maxLength: 64 }) }),
    price: ({ body }) => ({ key: (body as { cart: string }).cart, description: 'Tea', totalFee: 1250 }),
    onPaid: async (order, { tx }) => {
      await wait(Number(HOOK_MS)) // what a delivery takes
      await tx.query('insert into deliveries (out_trade_no) values ($1)', [order.outTradeNo])
    },
  }
  await app.register(wechatPay, wechatPayOptions({ ...options, store }))
  app.addHook('onClose', () => pool.end())
  return { app, pool }
}

/** Shuts down cleanly on a signal: running requests and hooks may finish, other processes do the rest. */
export function closeOnSignal(close: () => Promise<unknown>): void {
  process.once('SIGTERM', async () => {
    await close()
    process.exit()
  })
}

/** Serves requests. Prints its port. */
export async function serve(app: Awaited<ReturnType<typeof openShop>>['app']): Promise<void> {
  console.log(new URL(await app.listen({ port: Number(PORT), host: '127.0.0.1' })).port)
}
