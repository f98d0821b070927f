import pg from 'pg'
import { startPostgres } from '../test/store/servers.ts'
import { compile } from './lib/compile.ts'
import { interleave, median, ratiosOf, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'
import { startProcess } from './lib/process.ts'
import type { ServerProcess } from './lib/process.ts'
import type { Name } from './settle/contestants.ts'
import { fillHistory, fillUnpaid } from './settle/orders.ts'
import type { ServerCalls } from './settle/server.ts'

const NAMES = ['settle', 'bare', 'same'] as const satisfies Name[]
const RATE_TABLES = 'rate_'
const MEMORY_TABLES = 'memory_'

/** Settlements before the first measured one: by then connections are open, statements prepared, and the JavaScript engine has compiled the hot code. */
const WARM_UP = 3000

/** How many orders there are, and how many of another merchant's beside them, all due for longer. */
const SIZES = {
  'claim 1e4': [10_000, 0],
  'claim 1e5': [100_000, 0],
  'claim 1e6': [1_000_000, 0],
  'claim beside 1e5': [10_000, 100_000],
} as const
const tablesOf = (size: number, others: number) => `claim_${size}_${others}_`
const CLAIMED = 100
const LEASE_MS = 60_000
/** Claims of one table in one round; the median counts. */
const CLAIMS = 5

/** After which parts of the settlements the heap is measured. The first fifth fills caches. */
const HEAP_AT = [0.2, 0.6, 1]

const FULL = {
  settling: { rounds: 31, untilMs: 180_000 },
  batch: 1000,
  claiming: { rounds: 31, untilMs: Infinity },
  settlements: 100_000,
}
const QUICK = {
  settling: { rounds: 31, untilMs: 20_000 },
  batch: 200,
  claiming: { rounds: 11, untilMs: Infinity },
  settlements: 10_000,
}

/** What it costs to settle a payment durably, to claim due work among many orders, and to go on doing so. */
export default async function settle({ quick, log }: BenchOptions): Promise<Report> {
  const { settling, batch, claiming, settlements } = quick ? QUICK : FULL
  const module = new URL('settle/server.js', compile())
  const server = await startPostgres({ durable: true, settings: { max_wal_size: '8GB', checkpoint_timeout: '1h' } })
  const client = new pg.Client(server.url)
  // Stopping the server ends the connections of processes that are just shutting down.
  client.on('error', () => {})
  const processes: ServerProcess<ServerCalls>[] = []
  const enter = (name: Name, url: string, tablePrefix: string) => {
    const entered = startProcess<ServerCalls>(module, [name, url, tablePrefix])
    processes.push(entered)
    return entered.call
  }

  try {
    await client.connect()
    const rates = await rate()
    const times = await claims()
    const heaps = await memory()
    return {
      rows: [
        ...NAMES.map((name) => ({ name, median: round(median(rates.perSecond[name]), 0), unit: 'settlements/s' })),
        ...NAMES.map((name) => ({
          name: `${name} cpu`,
          median: round(median(rates.cpu[name]), 0),
          unit: 'µs of the client process/settlement',
        })),
        ...Object.entries(times).map(([name, ms]) => ({
          name,
          median: round(median(ms), 2),
          unit: `ms for ${CLAIMED} due orders`,
        })),
        ...HEAP_AT.map((part, n) => ({
          name: `heap ${part * 100}%`,
          median: round(heaps[n]! / 1e6, 2),
          unit: `MB after ${settlements * part} settlements`,
        })),
        {
          name: 'heap growth',
          median: round((heaps.at(-1)! - heaps[0]!) / (settlements * (1 - HEAP_AT[0]!)), 1),
          unit: 'bytes/settlement',
        },
      ],
      ratios: {
        ...ratiosOf(rates.perSecond, ['settle/bare', 'settle/same']),
        ...ratiosOf(times, ['claim 1e5/claim 1e4', 'claim 1e6/claim 1e4', 'claim beside 1e5/claim 1e4']),
        'heap 100%/heap 20%': round(heaps.at(-1)! / heaps[0]!, 3),
      },
    }
  } finally {
    for (const { stop } of processes) await stop()
    await client.end()
    await server.remove()
  }

  /** Both settle orders of the same tables, each order once. */
  async function rate() {
    await fillUnpaid(client, RATE_TABLES, NAMES.length * (WARM_UP + settling.rounds * batch))
    const calls = Object.fromEntries(NAMES.map((name) => [name, enter(name, server.url, RATE_TABLES)])) as Record<
      Name,
      ServerProcess<ServerCalls>['call']
    >
    let settled = 0
    const next = async (name: Name, count: number) => {
      const from = settled
      settled += count
      return await calls[name].settle(from, count)
    }
    for (const name of NAMES) await next(name, WARM_UP)
    const samples = await interleave(settling, NAMES, async (name) => {
      const before = await calls[name].cpu()
      const perSecond = (batch / (await next(name, batch))) * 1000
      const cpu = ((await calls[name].cpu()) - before) / batch
      log(
        `${name}: ${Math.round(perSecond)} settlements/s, its process ${Math.round((perSecond * cpu) / 10_000)} % busy`,
      )
      return { perSecond, cpu }
    })
    await audit(RATE_TABLES, settled)
    const part = (key: 'perSecond' | 'cpu') =>
      Object.fromEntries(NAMES.map((name) => [name, samples[name].map((sample) => sample[key])])) as Record<
        Name,
        number[]
      >
    return { perSecond: part('perSecond'), cpu: part('cpu') }
  }

  /** The same hundred orders each time, in tables of several sizes: each claim happens a lease after the one before. */
  async function claims() {
    for (const [size, others] of Object.values(SIZES)) {
      await fillHistory(client, tablesOf(size, others), size, CLAIMED, others)
      log(`${size + others} orders are there`)
    }
    const call = enter('settle', server.url, RATE_TABLES)
    const names = Object.keys(SIZES) as (keyof typeof SIZES)[]
    let now = Date.now()
    const claim = async (name: keyof typeof SIZES) => {
      const [size, others] = SIZES[name]
      const tables = tablesOf(size, others)
      const times: number[] = []
      for (let n = 0; n < CLAIMS; n++) {
        now += LEASE_MS
        const { claimed, ms } = await call.claim(tables, now, CLAIMED + 1, LEASE_MS)
        if (claimed !== CLAIMED) throw new Error(`${name}: ${claimed} orders were claimed.`)
        times.push(ms)
      }
      return median(times)
    }
    for (const name of names) await claim(name)
    return await interleave(claiming, names, claim)
  }

  /** This needs no disk: the memory a process keeps does not depend on how long its commits take. */
  async function memory() {
    await fillUnpaid(client, MEMORY_TABLES, settlements)
    const call = enter('settle', `${server.url}?options=-c%20synchronous_commit%3Doff`, MEMORY_TABLES)
    const heaps: number[] = []
    let settled = 0
    for (const part of HEAP_AT) {
      await call.settle(settled, settlements * part - settled)
      settled = settlements * part
      heaps.push(await call.heap())
      log(`${settled} settlements: a heap of ${heaps.at(-1)} bytes`)
    }
    await audit(MEMORY_TABLES, settlements)
    return heaps
  }

  /** Every order must have been settled once. */
  async function audit(tablePrefix: string, settled: number): Promise<void> {
    // This package keeps the history in the order's row, `bare` in a table.
    const sql =
      `select (select count(*) from ${tablePrefix}trades where state = 'paid') as paid, ` +
      `(select count(*) from ${tablePrefix}history where to_state = 'paid') + (select count(*) from ${tablePrefix}trades where history like '%"payment %') as noted`
    const { paid, noted } = (await client.query<{ paid: string; noted: string }>(sql)).rows[0]!
    if (Number(paid) !== settled || Number(noted) !== settled) {
      throw new Error(`${settled} settlements were made, ${paid} orders are paid, ${noted} were noted.`)
    }
  }
}
