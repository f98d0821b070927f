import { compile } from './lib/compile.ts'
import { pinLoad } from './lib/cores.ts'
import { load } from './lib/load.ts'
import { interleave, median, ratiosOf, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'
import { startProcess } from './lib/process.ts'
import type { Name } from './notify/contestants.ts'
import { forged, notificationOf, PATH } from './notify/messages.ts'
import type { ServerCalls } from './notify/server.ts'

const NAMES = ['plugin', 'bare', 'tenpay', 'wechatpay-axios-plugin'] as const satisfies Name[]

const CONNECTIONS = 20

/** Requests before the first measured one: the compiler of the JavaScript engine is done by then. */
const WARM_UP = 6000

/** How many payment notifications a second are taken by this package, by a route that does nothing, and by two other packages. */
export default async function notify ({ quick, log }: BenchOptions): Promise<Report> {
  const { rounds, roundMs } = quick ? { rounds: 5, roundMs: 700 } : { rounds: 11, roundMs: 1500 }
  const module = new URL('notify/server.js', compile())
  const core = pinLoad()?.serverCore
  log(core === undefined ? 'Nothing is pinned: no taskset, or only one core.' : `Servers on core ${core}, the load on another.`)

  const servers = new Map<Name, Awaited<ReturnType<typeof start>>>()
  try {
    for (const name of NAMES) servers.set(name, await start(name, module, core))
    const samples = await interleave(rounds, NAMES, async (name) => {
      const sample = await servers.get(name)!.measure(roundMs)
      log(`${name}: ${Math.round(sample.perSecond)} requests/s, the server ${Math.round(sample.perSecond * sample.cpu / 10_000)} % busy`)
      return sample
    })
    for (const server of servers.values()) await server.audit()
    const rows = [
      ...NAMES.map((name) => ({ name, median: round(median(samples[name].map(({ perSecond }) => perSecond)), 0), unit: 'requests/s' })),
      ...NAMES.map((name) => ({ name: `${name} cpu`, median: round(median(samples[name].map(({ cpu }) => cpu)), 1), unit: 'µs of server CPU/request' }))
    ]
    return { rows, ratios: ratiosOf(rows, ['plugin/bare', 'plugin/tenpay', 'plugin/wechatpay-axios-plugin']) }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

/** Starts a contestant, sees that it tells a genuine notification from a forged one, and warms it up. */
async function start (name: Name, module: URL, core: number | undefined) {
  const { call, stop } = startProcess<ServerCalls>(module, [name], core)
  const url = `http://127.0.0.1:${await call.listen()}${PATH}`
  let sent = 0

  async function bodies (count: number): Promise<Buffer[]> {
    const from = sent
    sent += count
    await call.expect(count)
    return Array.from({ length: count }, (_, at) => notificationOf(from + at))
  }

  const [genuine] = await bodies(1)
  const refusal = await post(url, forged(genuine!))
  const reply = await post(url, genuine!)
  if (!/>(<!\[CDATA\[)?SUCCESS/.test(reply)) throw new Error(`${name} refused a genuine notification: ${reply}`)
  if (name !== 'bare' && !/>(<!\[CDATA\[)?FAIL/.test(refusal)) throw new Error(`${name} accepted a forged notification: ${refusal}`)

  let perSecond = await load({ url, bodies: await bodies(WARM_UP), reply, connections: CONNECTIONS })

  return {
    stop,

    /** One round of about `roundMs`, by the speed of the last one. */
    async measure (roundMs: number): Promise<{ perSecond: number, cpu: number }> {
      const batch = await bodies(Math.ceil(perSecond * roundMs / 1000 / CONNECTIONS) * CONNECTIONS)
      const before = await call.cpu()
      perSecond = await load({ url, bodies: batch, reply, connections: CONNECTIONS })
      return { perSecond, cpu: (await call.cpu() - before) / batch.length }
    },

    /** Every notification must have settled its order, and no order can have been settled by anything else. */
    async audit (): Promise<void> {
      const settled = await call.settled()
      if (settled !== null && settled !== sent) throw new Error(`${name} was sent ${sent} notifications and settled ${settled} orders.`)
    }
  }
}

async function post (url: string, body: Buffer): Promise<string> {
  const reply = await fetch(url, { method: 'POST', headers: { 'content-type': 'text/xml' }, body: new Uint8Array(body) })
  return await reply.text()
}
