import pg from 'pg'
import Fastify from 'fastify'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createMockWechat } from '../../mock-server/index.ts'
import type { Delivery, World } from '../../mock-server/index.ts'
import wechatPay, { fromPg, sqlStore } from '../../src/index.ts'
import { createFleet } from './fleet.ts'
import type { Fleet } from './fleet.ts'
import type { ChaosAppOptions } from './app.ts'
import { reuseTransactions } from './reuse.ts'
import { ADAPTERS, APPLICATION_NAME } from './stores.ts'
import type { Adapter } from './stores.ts'

/** The result of a run. `lost`, `doubled`, `stuck` and `exits` must be 0. */
export interface Tally extends Counts {
  /** Processes that exited unexpectedly. */
  exits: number
}

interface Counts {
  payments: number
  settled: number
  fulfilled: number
  lost: number
  doubled: number
  stuck: number
  /** Requested refunds that were refused. */
  refused: number
}

export interface Database {
  url: string
  stop(): Promise<void>
  start(): Promise<void>
}

/** The version of WeChat Pay's API. */
export type Version = 'v2' | 'v3'

export interface Run {
  database: Database
  version: Version
  quick: boolean
  say(text: string): void
}

/** Retries every 300 ms of real time: WeChat's schedule compressed into seconds, with more retries. */
export const FAST_SCHEDULE = Array<number>(40).fill(0.3)

export const scenarios: Record<string, (run: Run) => Promise<Tally>> = { crash, processes, database, outage }

/** Work left by a process is taken over within 15 s of its death, and then done. */
const SETTLED_MS = 20_000

/** One process at a time is killed at random moments, while payments arrive, are retried and swept. */
async function crash({ quick, say, ...on }: Run): Promise<Tally> {
  const [payments, kills] = quick ? [60, 12] : [500, 200]
  return await withFleet(on, { leaseMs: 60_000 }, async ({ fleet, world, pool }) => {
    await fleet.grow(2)
    const paying = payAll(fleet, world, payments, kills * 150)
    while (fleet.kills < kills) {
      await wait(Math.random() * 200)
      fleet.kill()
      await fleet.grow(1)
    }
    const killed = Date.now()
    await paying
    const result = await tally(pool, world)
    const seconds = ((Date.now() - killed) / 1000).toFixed(1)
    say(`${fleet.kills} kills, everything settled ${seconds} s after the last`)
    if (Date.now() - killed > SETTLED_MS) {
      throw new Error(`it took ${seconds} s to settle what dead processes had claimed`)
    }
    return result
  })
}

/**
 * Four processes on one database, at each isolation level it may have as default. Every notification arrives at several of them at the same moment,
 * several refunds of one order are requested at once, and one transaction is reported for several orders.
 */
async function processes(run: Run): Promise<Tally> {
  const tallies: Tally[] = []
  for (const isolation of ['read committed', 'repeatable read', 'serializable']) {
    tallies.push(await processesAt(isolation, run))
  }
  return total(tallies)
}

async function processesAt(isolation: string, { quick, say, ...on }: Run): Promise<Tally> {
  return await withFleet(on, {}, async ({ fleet, world, pool }) => {
    await pool.query(`alter database postgres set default_transaction_isolation = '${isolation}'`)
    await fleet.grow(4)
    const numbers = await payAll(fleet, world, quick ? 50 : 200, 0)
    await Promise.all(
      numbers.map(async (outTradeNo) => await world.notification(outTradeNo).deliver({ count: 4, concurrent: true })),
    )
    await reuseTransactions(
      world,
      pool,
      await payAll(fleet, world, quick ? 50 : 200, 0, { deliver: 'not paid', cart: 'reused' }),
    )
    const began = Date.now()
    const counts = await tally(pool, world)
    const seconds = ((Date.now() - began) / 1000).toFixed(1)
    const refunds = numbers.flatMap((outTradeNo) => ['a', 'b', 'c'].map((key) => ({ outTradeNo, key, refundFee: 100 })))
    const results = await Promise.allSettled(refunds.map((refund) => post(`${fleet.url}/refund`, refund)))
    const refused = results.filter(({ status }) => status === 'rejected').length
    say(
      `${isolation}: quiet after ${seconds} s, ${counts.stuck} stuck, ${refused} of ${refunds.length} refunds refused`,
    )
    return { ...counts, refused }
  })
}

/**
 * Single connections keep breaking, and the database stops half-way, with one library after the other. What is acknowledged must be stored, nothing
 * may be answered late, no process may exit, and everything is settled after the database returns.
 */
async function database(run: Run): Promise<Tally> {
  const tallies: Tally[] = []
  for (const adapter of ADAPTERS) tallies.push(await databaseThrough(adapter, run))
  return total(tallies)
}

async function databaseThrough(adapter: Adapter, { database, version, quick, say }: Run): Promise<Tally> {
  return await withFleet(
    { database, version },
    { adapter, sweepIntervalMs: 0 },
    async ({ fleet, world, pool, sweeping }) => {
      await fleet.grow(2)
      const payments = quick ? 30 : 150
      let ending = endConnections(database.url)
      const numbers = await payAll(fleet, world, payments, 0, { deliver: 'hold' })
      const half = numbers.slice(0, payments / 2)
      const rest = numbers.slice(payments / 2)
      const before = await deliverAll(world, half)
      let ended = await ending.stop()
      const stopping = database.stop()
      const during = await deliverAll(world, rest)
      await stopping
      during.push(...(await deliverAll(world, rest)))
      const late = [...before, ...during].filter(({ durationMs }) => durationMs >= 5000)
      if (late.length > 0) throw new Error(`${late.length} notifications were answered after 5 s or more`)
      await database.start()
      // There was no sweep yet: what is paid now was paid by the acknowledged notifications.
      const acked = new Set(
        [...before, ...during].filter(({ verdict }) => verdict === 'acked').map(({ outTradeNo }) => outTradeNo),
      )
      const { rows } = await pool.query<{ out_trade_no: string }>(
        "select out_trade_no from wechat_trades where state = 'paid'",
      )
      const stored = new Set(rows.map(({ out_trade_no: number }) => number))
      const unstored = [...acked].filter((number) => !stored.has(number))
      if (unstored.length > 0) throw new Error(`acknowledged and not stored: ${unstored.join()}`)
      say(
        `${adapter}: ${acked.size} acknowledged and stored, ${payments - acked.size} refused while the database was away; the slowest answer took ${Math.round(Math.max(...during.map(({ durationMs }) => durationMs)))} ms`,
      )
      ending = endConnections(database.url)
      await sweeping(2)
      const [counts] = await Promise.all([
        tally(pool, world),
        wait(2000).then(async () => {
          ended += await ending.stop()
        }),
      ])
      say(`${adapter}: ${ended} connections ended, ${fleet.exits} processes exited unexpectedly`)
      return counts
    },
  )
}

/** Ends one connection of the app at a time, at random moments, as an administrator would; `stop` resolves with how many. */
function endConnections(url: string): { stop(): Promise<number> } {
  const stopping = new AbortController()
  async function run(): Promise<number> {
    const client = new pg.Client(url)
    await client.connect()
    let ended = 0
    while (!stopping.signal.aborted) {
      const { rowCount } = await client.query(
        'select pg_terminate_backend(pid) from (select pid from pg_stat_activity where application_name = $1 order by random() limit 1) as one',
        [APPLICATION_NAME],
      )
      ended += rowCount ?? 0
      await wait(Math.random() * 30)
    }
    await client.end()
    return ended
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      return await running
    },
  }
}

/** The app is down for every send but the last of WeChat's 24 h 4 min, or for all of them. Virtual time. */
async function outage({ database, version, quick }: Run): Promise<Tally> {
  const mock = await createMockWechat()
  const world = mock.default
  const pool = await emptyDatabase(database.url)
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const { appid, appSecret } = world.credentials

  async function appUp() {
    const app = Fastify({ serverFactory: (handler) => server.on('request', handler) })
    await app.register(wechatPay, {
      appid,
      appSecret,
      merchant: world.merchantOptions(version),
      baseUrl: mock.url,
      publicUrl: url,
      store: sqlStore(fromPg(pool)),
      sweepIntervalMs: 0,
      now: () => world.clock.now(),
      price: (request) => ({ key: (request.body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
      onPaid: async (order, { tx }) => {
        await tx.query('insert into chaos_fulfilments (out_trade_no) values ($1)', [order.outTradeNo])
      },
    })
    await app.ready()
    return app
  }

  await appUp()
  const numbers = await payAll({ url }, world, quick ? 20 : 100, 0, { deliver: 'not paid' })
  server.removeAllListeners('request')
  server.on('request', (request) => {
    request.socket.destroy()
  })
  const half = numbers.slice(0, numbers.length / 2)
  for (const outTradeNo of numbers) {
    await world.pay(outTradeNo, { deliver: half.includes(outTradeNo) ? 'background' : 'hold' })
  }
  await world.advance('18h4m')
  server.removeAllListeners('request')
  const app = await appUp()
  const last = await world.advance('6h')
  if (
    last.deliveries.some(({ verdict, attempt }) => attempt !== 15 || verdict !== 'acked') ||
    last.deliveries.length !== half.length
  ) {
    throw new Error('the last send did not get through')
  }
  await app.wechat.sweep()
  const counts = await tally(pool, world, async () => {
    await app.wechat.sweep()
  })
  await app.close()
  server.close().closeAllConnections()
  await pool.end()
  await mock.close()
  return { ...counts, exits: 0 }
}

function total(tallies: Tally[]): Tally {
  const sum = { ...tallies[0]! }
  for (const tally of tallies.slice(1)) {
    for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += tally[name]
  }
  return sum
}

export interface Stage {
  fleet: Fleet
  world: World
  pool: pg.Pool
  /** For the processes started from now on. */
  options: Pick<ChaosAppOptions, 'sweepIntervalMs' | 'clocksAheadMs'>
  /** Replaces the fleet's processes with ones that sweep. */
  sweeping(count: number): Promise<void>
}

/** A fleet of the app on the database, with a WeChat on the real clock, while `run` runs. */
export async function withFleet(
  { database, version }: Pick<Run, 'database' | 'version'>,
  changes: Partial<ChaosAppOptions>,
  run: (stage: Stage) => Promise<Counts>,
): Promise<Tally> {
  const mock = await createMockWechat({ world: { clock: 'real', schedule: FAST_SCHEDULE, ackTimeoutMs: 5000 } })
  const pool = await emptyDatabase(database.url)
  const { appid, appSecret } = mock.default.credentials
  const options = {
    databaseUrl: database.url,
    baseUrl: mock.url,
    appid,
    appSecret,
    merchant: mock.default.merchantOptions(version),
    adapter: 'fromPg' as const,
    sweepIntervalMs: 200,
    leaseMs: 2000,
    clocksAheadMs: [0],
    ...changes,
  }
  const fleet = await createFleet((publicUrl) => ({
    script: new URL('app.ts', import.meta.url),
    args: [JSON.stringify({ ...options, publicUrl } satisfies ChaosAppOptions)],
  }))
  try {
    const counts = await run({
      fleet,
      world: mock.default,
      pool,
      options,
      async sweeping(count) {
        options.sweepIntervalMs = 200
        await fleet.grow(count)
      },
    })
    return { ...counts, exits: fleet.exits }
  } finally {
    await fleet.stop()
    await pool.end()
    await mock.close()
  }
}

export async function emptyDatabase(url: string): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  await pool.query(
    'drop schema public cascade; create schema public; create table chaos_fulfilments (out_trade_no text not null, at timestamptz not null default clock_timestamp())',
  )
  await sqlStore(fromPg(pool)).migrate()
  return pool
}

/** Users log in, order and pay, several at a time, spread over `spreadMs`. Failures are retried, as a user would. */
export async function payAll(
  app: { url: string },
  world: World,
  count: number,
  spreadMs: number,
  { deliver = 'background', cart: name = 'cart' }: { deliver?: 'background' | 'hold' | 'not paid'; cart?: string } = {},
): Promise<string[]> {
  const numbers: string[] = []
  const tokens = await insisting(
    async () =>
      (
        (await post(`${app.url}/wechat/login`, { code: world.loginCode({ openid: 'oAlice' }).code })) as {
          token: string
        }
      ).token,
  )
  let next = 0
  async function user(): Promise<void> {
    for (let n = next++; n < count; n = next++) {
      const cart = `${name}-${n}`
      const outTradeNo = await insisting(
        async () => ((await post(`${app.url}/wechat/orders`, { cart }, tokens)) as { outTradeNo: string }).outTradeNo,
      )
      numbers.push(outTradeNo)
      if (deliver !== 'not paid') await world.pay(outTradeNo, { deliver })
      await wait((spreadMs / count) * 8 * Math.random() * 2)
    }
  }
  await Promise.all(Array.from({ length: 8 }, user))
  return numbers
}

async function deliverAll(world: World, numbers: string[]): Promise<Delivery[]> {
  return (await Promise.all(numbers.map(async (outTradeNo) => await world.notification(outTradeNo).deliver()))).flat()
}

async function insisting<T>(action: () => Promise<T>): Promise<T> {
  const until = Date.now() + 60_000
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (Date.now() > until) throw error
      await wait(20)
    }
  }
}

async function post(url: string, body: object, token?: string): Promise<unknown> {
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return await response.json()
}

/** Waits until every order is quiet, at most `limitMs`, and compares WeChat's payments with the database. */
export async function tally(
  pool: pg.Pool,
  world: World,
  work: () => Promise<void> = async () => {
    await wait(200)
  },
  limitMs = 60_000,
): Promise<Counts> {
  const paid = new Set(
    world
      .orders()
      .filter(({ transactionId }) => transactionId !== undefined)
      .map(({ outTradeNo }) => outTradeNo),
  )
  const until = Date.now() + limitMs
  for (;;) {
    const { rows } = await pool.query<{ out_trade_no: string; state: string; due: boolean }>(
      'select out_trade_no, state, due_at is not null as due from wechat_trades',
    )
    const ours = rows.filter(({ out_trade_no: number }) => paid.has(number))
    const stuck = ours.filter(({ due }) => due).length
    const settled = ours.filter(({ state }) => state === 'paid').length
    if ((stuck > 0 || settled < paid.size) && Date.now() < until) {
      await work()
      continue
    }
    const fulfilments = (
      await pool.query<{ out_trade_no: string; times: string }>(
        'select out_trade_no, count(*) as times from chaos_fulfilments group by out_trade_no',
      )
    ).rows
    const fulfilled = fulfilments.filter(({ out_trade_no: number }) => paid.has(number)).length
    const doubled = fulfilments.filter(({ times }) => Number(times) !== 1).length
    return {
      refused: 0,
      payments: paid.size,
      settled,
      fulfilled,
      lost: paid.size - Math.min(settled, fulfilled),
      doubled,
      stuck,
    }
  }
}
