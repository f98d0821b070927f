import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool, request } from 'undici'
import { compile } from './lib/compile.ts'
import { interleave, median, ratiosOf, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'
import { startProcess } from './lib/process.ts'
import { startCommand, type Command } from './mock/cli-process.ts'
import { SENDS, type Advance, type Loop, type Receiver } from './mock/contestants.ts'
import { orderXml, type Merchant } from './mock/orders.ts'

const CONTESTANTS = ['advance', 'loop'] as const
const MOCKS = ['wechat-mock', 'oauth2-mock-server'] as const

/** After its first answer a process still tidies up. */
const SETTLE_MS = 300
/** How long the mock may take to notify the next of the orders that are paid. */
const NOTICE_MS = 10_000
/** When memory is looked at, in parts of all orders. The first tenth fills what is kept. */
const MEMORY_AT = [0.1, 0.4, 0.7, 1]
/** Far fewer than the orders, so that the world has to forget some. */
const MAX_JOURNAL = 1000
const CONNECTIONS = 10

const FULL = {
  sending: { rounds: 11, untilMs: 180_000 },
  orders: 1000,
  warmUp: 1,
  starting: { rounds: 21, untilMs: 240_000 },
  memory: 100_000,
}
const QUICK = {
  sending: { rounds: 7, untilMs: 18_000 },
  orders: 100,
  warmUp: 6,
  starting: { rounds: 5, untilMs: 28_000 },
  memory: 10_000,
}

const MB = 1024 * 1024
/** A long list of the pages, and how often it is opened. */
const LISTED = 10_000
const OPENED = 11

/** How fast the mock sends, how soon it is there, and how much memory it takes, at once and for long. */
export default async function mock({ quick, log }: BenchOptions): Promise<Report> {
  const { sending, orders, warmUp, starting, memory } = quick ? QUICK : FULL
  const folder = compile()
  const module = new URL('mock/server.js', folder)
  const cli = fileURLToPath(new URL('../mock-server/cli/bin.js', folder))
  const commands: Record<(typeof MOCKS)[number], Command> = {
    'wechat-mock': { args: [cli, '--port', '0', '--json'], url: /"url":"(.*?)"/, path: '/healthz' },
    'oauth2-mock-server': {
      args: [fileURLToPath(new URL('oauth2-mock-server.mjs', import.meta.resolve('oauth2-mock-server'))), '-p', '0'],
      url: /listening on (\S+)/,
      path: '/.well-known/openid-configuration',
    },
  }

  const rates = await sends()
  const { start, idle } = await starts()
  const kept = await lives()
  const opened = await opens()
  const part = (share: number) => `memory ${share * 100}%`
  return {
    rows: [
      ...CONTESTANTS.map((name) => ({ name, median: round(median(rates[name]), 0), unit: 'POSTs/s' })),
      ...MOCKS.map((name) => ({
        name: `start ${name}`,
        median: round(median(start[name]), 0),
        unit: 'ms from the start of the process to its first answer',
      })),
      ...MOCKS.map((name) => ({ name: `idle ${name}`, median: round(median(idle[name]), 1), unit: 'MB resident' })),
      ...MEMORY_AT.map((share, n) => ({
        name: part(share),
        median: round(kept[n]!, 1),
        unit: `MB resident after ${share * memory} orders`,
      })),
      { name: 'page', median: round(median(opened), 1), unit: `ms to the first byte of the page of ${LISTED} orders` },
    ],
    ratios: {
      ...ratiosOf(rates, ['advance/loop']),
      ...ratiosOf(Object.fromEntries(MOCKS.map((name) => [`start ${name}`, start[name]])), [
        'start wechat-mock/start oauth2-mock-server',
      ]),
      ...ratiosOf(Object.fromEntries(MOCKS.map((name) => [`idle ${name}`, idle[name]])), [
        'idle wechat-mock/idle oauth2-mock-server',
      ]),
      [`${part(1)}/${part(MEMORY_AT[0]!)}`]: round(kept.at(-1)! / kept[0]!, 3),
    },
  }

  /** Orders that nobody acknowledges, over the whole schedule; and the same bytes, sent by a loop. */
  async function sends() {
    const processes = {
      receiver: startProcess<Receiver>(module, ['receiver', 'FAIL']),
      advance: startProcess<Advance>(module, ['advance']),
      loop: startProcess<Loop>(module, ['loop']),
    }
    const { receiver, advance, loop } = {
      receiver: processes.receiver.call,
      advance: processes.advance.call,
      loop: processes.loop.call,
    }
    try {
      const url = await receiver.url()
      let bodies: string[] = []
      let expected: { received: number; bytes: number } | undefined
      const turn = {
        advance: async () => {
          await advance.order(orders, url)
          const done = await advance.run()
          bodies = await advance.bodies()
          await advance.end()
          return done
        },
        loop: async () => await loop.run(url, bodies),
      }
      const measure = async (name: (typeof CONTESTANTS)[number]) => {
        const { ms, sends } = await turn[name]()
        const taken = await receiver.taken()
        expected ??= taken
        if (sends !== orders * SENDS || taken.received !== sends || taken.bytes !== expected.bytes) {
          throw new Error(
            `${name}: ${sends} sends, ${taken.received} notifications of ${taken.bytes} bytes have arrived; it should be ${orders * SENDS} of ${expected.bytes}.`,
          )
        }
        log(`${name}: ${sends} POSTs in ${Math.round(ms)} ms`)
        return (sends / ms) * 1000
      }
      // By then the JavaScript engine has compiled the hot code, and the loop knows what to send.
      for (let n = 0; n < warmUp; n++) for (const name of CONTESTANTS) await measure(name)
      return await interleave(sending, CONTESTANTS, measure)
    } finally {
      for (const { stop } of Object.values(processes)) await stop()
    }
  }

  async function starts() {
    const samples = await interleave(starting, MOCKS, async (name) => {
      const started = await startCommand(commands[name])
      await setTimeout(SETTLE_MS)
      const rss = started.rss() / MB
      await started.stop()
      log(`${name}: ${Math.round(started.ms)} ms, ${Math.round(rss)} MB`)
      return { ms: started.ms, rss }
    })
    const pick = (key: 'ms' | 'rss') =>
      Object.fromEntries(MOCKS.map((name) => [name, samples[name].map((sample) => sample[key])])) as Record<
        (typeof MOCKS)[number],
        number[]
      >
    return { start: pick('ms'), idle: pick('rss') }
  }

  /** The page of Orders, with as many as a world keeps unpaid. */
  async function opens() {
    const { args, ...rest } = commands['wechat-mock']
    const started = await startCommand({ ...rest, args: [...args, '--quiet'] })
    const pool = new Pool(started.url, { connections: CONNECTIONS })
    try {
      const merchant = JSON.parse(started.line) as Merchant
      let ordered = 0
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          while (ordered < LISTED) {
            const body = orderXml(merchant, ordered++, 'http://127.0.0.1:9/notify')
            await (await pool.request({ method: 'POST', path: '/pay/unifiedorder', body })).body.text()
          }
        }),
      )
      const times: number[] = []
      for (let n = 0; n < OPENED; n++) {
        const start = performance.now()
        const { body } = await pool.request({ method: 'GET', path: '/__mock/ui/default/orders' })
        times.push(performance.now() - start)
        const page = await body.text()
        if (!page.includes(`of ${LISTED}`)) throw new Error(`The page does not list ${LISTED} orders: ${page}`)
      }
      log(`page: ${times.map((ms) => Math.round(ms)).join(', ')} ms`)
      return times
    } finally {
      await pool.close()
      await started.stop()
    }
  }

  /** One process, and order after order, each paid, notified and acknowledged. */
  async function lives() {
    const shop = startProcess<Receiver>(module, ['receiver', 'SUCCESS'])
    const { args, ...rest } = commands['wechat-mock']
    const started = await startCommand({
      ...rest,
      args: [...args, '--quiet', '--auto-pay', '0s', '--max-journal', String(MAX_JOURNAL)],
    })
    const pool = new Pool(started.url, { connections: CONNECTIONS })
    try {
      const merchant = JSON.parse(started.line) as Merchant
      const notifyUrl = await shop.call.url()
      const kept: number[] = []
      let ordered = 0
      let notified = 0
      for (const share of MEMORY_AT) {
        const until = memory * share
        await Promise.all(
          Array.from({ length: CONNECTIONS }, async () => {
            while (ordered < until) {
              const { body } = await pool.request({
                method: 'POST',
                path: '/pay/unifiedorder',
                body: orderXml(merchant, ordered++, notifyUrl),
              })
              await body.text()
            }
          }),
        )
        for (let since = performance.now(); notified < until;) {
          const { received } = await shop.call.taken()
          notified += received
          if (received > 0) since = performance.now()
          if (performance.now() - since > NOTICE_MS) throw new Error(`Of ${until} orders ${notified} were notified.`)
          await setTimeout(SETTLE_MS / 3)
        }
        kept.push(started.rss() / MB)
        log(`${until} orders: ${Math.round(kept.at(-1)!)} MB`)
      }
      const deliveries = (await (
        await request(`${started.url}/__mock/v1/worlds/default/deliveries`)
      ).body.json()) as readonly { readonly id: string; readonly verdict: string }[]
      if (deliveries.at(-1)?.id !== `d${memory}` || deliveries.some(({ verdict }) => verdict !== 'acked')) {
        throw new Error(`Not each of ${memory} orders was paid and acknowledged: ${JSON.stringify(deliveries.at(-1))}`)
      }
      return kept
    } finally {
      await pool.close()
      await started.stop()
      await shop.stop()
    }
  }
}
