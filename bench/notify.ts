import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { compile } from './lib/compile.ts'
import { pinLoad } from './lib/cores.ts'
import { load } from './lib/load.ts'
import { interleave, median, ratiosOf, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'
import { startProcess } from './lib/process.ts'
import type { Name } from './notify/contestants.ts'
import { forged, notificationOf, PATH } from './notify/messages.ts'
import type { Message } from './notify/messages.ts'
import { forgedV3, notificationsV3 } from './notify/messages-v3.ts'
import type { ServerCalls } from './notify/server.ts'

const NAMES = {
  v2: ['plugin', 'by hand', 'bare', 'tenpay', 'wechatpay-axios-plugin'],
  v3: ['plugin', 'by hand', 'bare', 'wechatpay-axios-plugin'],
} as const satisfies Record<string, Name[]>

/** What is sent, and what a server needs to know of it. */
interface Scene {
  args: string[]
  notificationOf(n: number): Message
  forged(message: Message): Message
  /** Whether WeChat would read it as an acknowledgement. */
  isAcknowledged(reply: Reply): boolean
}

interface Reply {
  status: number
  text: string
}

function sceneOf(version: 'v2' | 'v3'): Scene {
  if (version === 'v2') {
    const isAcknowledged = ({ text }: Reply) => />(<!\[CDATA\[)?SUCCESS/.test(text)
    return { args: ['v2'], notificationOf, forged, isAcknowledged }
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string
  // Ahead of now by half of the five minutes, so that a run of six minutes is within them.
  const timestamp = Math.floor(Date.now() / 1000) + 150
  return {
    args: ['v3', publicKey],
    notificationOf: notificationsV3(privateKey, timestamp),
    forged: forgedV3,
    isAcknowledged: ({ status }) => status === 200,
  }
}

const CONNECTIONS = 20

/** Requests before the first measured one: by then the JavaScript engine has compiled the hot code. With `--quick` fewer on a slow machine. */
const WARM_UP = 12_000
const WARM_UP_BATCH = 1000

/** A shorter round would measure its connections, which are new in each. */
const LEAST_BATCH = 1000

/** How many payment notifications a second are taken by this package, by a route of plain code, by a route that does nothing, and by two other packages. */
export default async function notify({ quick, version, log }: BenchOptions): Promise<Report> {
  const names: readonly Name[] = NAMES[version]
  const scene = sceneOf(version)
  const { roundMs, warmUpMs, ...limits } = quick
    ? { rounds: 15, roundMs: 250, warmUpMs: 3000, untilMs: 40_000 }
    : { rounds: 31, roundMs: 300, warmUpMs: 30_000, untilMs: 300_000 }
  const module = new URL('notify/server.js', compile())
  const core = pinLoad()?.serverCore
  log(
    core === undefined
      ? 'Nothing is pinned: no taskset, or only one core.'
      : `Servers on core ${core}, the load on another.`,
  )

  const contestants = new Map<Name, Contestant>()
  try {
    for (const name of names) contestants.set(name, await enter(name, scene, module, { warmUpMs, core }))
    for (const contestant of contestants.values()) await contestant.prepare(limits.rounds, roundMs)
    const samples = await interleave(limits, names, async (name) => {
      const sample = await contestants.get(name)!.measure()
      log(
        `${name}: ${Math.round(sample.perSecond)} requests/s, its process ${Math.round((sample.perSecond * sample.cpu) / 10_000)} % busy`,
      )
      return sample
    })
    for (const contestant of contestants.values()) await contestant.audit()

    const rates = Object.fromEntries(
      names.map((name) => [name, samples[name].map(({ perSecond }) => perSecond)]),
    ) as Record<Name, number[]>
    const cpu = Object.fromEntries(names.map((name) => [`${name} cpu`, samples[name].map(({ cpu }) => cpu)]))
    return {
      rows: [
        ...names.map((name) => ({ name, median: round(median(rates[name]), 0), unit: 'requests/s' })),
        ...Object.entries(cpu).map(([name, times]) => ({
          name,
          median: round(median(times), 1),
          unit: 'µs of the server process/request',
        })),
      ],
      ratios: {
        ...ratiosOf(
          rates,
          version === 'v2' ? ['plugin/by hand', 'plugin/tenpay'] : ['plugin/by hand', 'plugin/wechatpay-axios-plugin'],
        ),
        ...ratiosOf(cpu, ['by hand cpu/plugin cpu']),
      },
    }
  } finally {
    for (const contestant of contestants.values()) await contestant.stop()
  }
}

type Contestant = Awaited<ReturnType<typeof enter>>

/** Starts a contestant, sees that it tells a genuine notification from a forged one, and warms it up. */
async function enter(
  name: Name,
  scene: Scene,
  module: URL,
  { warmUpMs, core }: { warmUpMs: number; core: number | undefined },
) {
  const { call, ended, stop } = startProcess<ServerCalls>(module, [name, ...scene.args], core)
  const url = `http://127.0.0.1:${await call.listen()}${PATH}`
  let sent = 0
  let batch = 0

  /** Notifications that nobody has sent yet, one order each. */
  function fresh(count: number): Message[] {
    return Array.from({ length: count }, () => scene.notificationOf(sent++))
  }

  await call.expect(1 + WARM_UP)
  const [genuine] = fresh(1)
  const refusal = await post(url, scene.forged(genuine!))
  const reply = await post(url, genuine!)
  if (!scene.isAcknowledged(reply)) throw new Error(`${name} refused a genuine notification: ${reply.text}`)
  if (name !== 'bare' && scene.isAcknowledged(refusal)) {
    throw new Error(`${name} accepted a forged notification: ${refusal.text}`)
  }
  let speed = 0
  for (let warm = 0, since = 0; warm < WARM_UP && since < warmUpMs; warm += WARM_UP_BATCH) {
    // Signing the messages takes no part of the time to warm up: only the first contestant would lose it.
    const messages = fresh(WARM_UP_BATCH)
    const start = performance.now()
    // The best: a pause of the machine would make every round too short.
    speed = Math.max(speed, await load({ url, messages, reply: reply.text, connections: CONNECTIONS, ended }))
    since += performance.now() - start
  }

  return {
    stop,

    /** Sizes the rounds by the speed just seen. All orders are there before the first round, as a shop's are long before they are paid. */
    async prepare(rounds: number, roundMs: number): Promise<void> {
      batch = Math.ceil(Math.max((speed * roundMs) / 1000, LEAST_BATCH) / CONNECTIONS) * CONNECTIONS
      await call.expect(rounds * batch)
    },

    async measure(): Promise<{ perSecond: number; cpu: number }> {
      const messages = fresh(batch)
      const before = await call.cpu()
      const perSecond = await load({ url, messages, reply: reply.text, connections: CONNECTIONS, ended })
      return { perSecond, cpu: ((await call.cpu()) - before) / batch }
    },

    /** Every notification must have settled its order, and no order can have been settled by anything else. */
    async audit(): Promise<void> {
      const settled = await call.settled()
      if (settled !== null && settled !== sent) {
        throw new Error(`${name} was sent ${sent} notifications and settled ${settled} orders.`)
      }
    },
  }
}

async function post(url: string, { headers, body }: Message): Promise<Reply> {
  const reply = await fetch(url, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
  })
  return { status: reply.status, text: await reply.text() }
}
