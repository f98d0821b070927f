import type { Command } from 'commander'
import { appEnvironment, type AppCredentials } from '../ledger/environment.ts'
import type { Finding } from '../journal/entry.ts'
import { VERSION } from '../version.ts'
import { type SignExplanation, toldSign } from '../wire/explain-sign.ts'
import { type Ask, CommandError, createAsk } from './client.ts'
import { addCommand, inWorld, type Output, type Target, tell } from './commands.ts'
import { inContainer, isLoopback } from './environment.ts'

/** `problem`: this cannot work. `hint`: this may be intended. */
export interface Diagnosis {
  readonly level: 'ok' | 'hint' | 'problem'
  readonly check: string
  readonly message: string
}

type Environment = Readonly<Record<string, string | undefined>>

interface WorldView extends AppCredentials {
  readonly id: string
  readonly baseUrl: string
  readonly clock: { readonly mode: string }
}
interface Entry {
  readonly cursor: number
  readonly direction: string
  readonly api: string
  readonly note: string
  readonly fault?: string
  readonly request: { readonly method: string; readonly url: string }
  readonly sign?: SignExplanation
  readonly lint?: readonly Finding[]
}
interface Delivery {
  readonly id: string
  readonly notificationId: string
  readonly outTradeNo: string
  readonly url: string
  readonly verdict: string
  readonly reason: string
}
interface Order {
  readonly tradeState: string
  readonly notifyUrl: string
}

/** What is known about a setup. */
interface Facts {
  readonly version: string
  readonly world: WorldView
  readonly calls: readonly Entry[]
  readonly deliveries: readonly Delivery[]
  readonly orders: readonly Order[]
  readonly environment: Environment
  readonly container: boolean
}

type Check = (facts: Facts) => Iterable<Omit<Diagnosis, 'check'>>

/** A PEM text may have lost its line ends in a file or a shell. */
const bare = (text: string) => text.replace(/\\n|\s/g, '')

const newest = <T>(values: readonly T[]) => values.at(-1)!
const ok = (message: string) => ({ level: 'ok', message }) as const
const hint = (message: string) => ({ level: 'hint', message }) as const
const problem = (message: string) => ({ level: 'problem', message }) as const

const CHECKS: Readonly<Record<string, Check>> = {
  *version({ version }) {
    yield version === VERSION
      ? ok(`wechat-mock ${version}`)
      : hint(`the mock is version ${version}, this command ${VERSION}`)
  },

  *environment({ world, environment }) {
    const right = appEnvironment(world.baseUrl, world)
    const { WECHAT_BASE_URL: base, ...credentials } = right
    for (const [name, value] of Object.entries(credentials)) {
      const here = environment[name]
      // The mock's values are not secret; those of the shell may be.
      if (here !== undefined && bare(here) !== bare(value)) {
        const right = value.includes('\n') ? '' : `, which is ${value}`
        yield problem(`${name} in this shell differs from that of world ${world.id}${right}`)
      }
    }
    const told = environment.WECHAT_BASE_URL
    if (told !== undefined && (!URL.canParse(told) || new URL(told).port !== new URL(base).port)) {
      yield problem(`WECHAT_BASE_URL in this shell is ${told}; the mock is ${base}`)
    }
    const proxy = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY'].find(
      (name) => environment[name],
    )
    if (proxy && !(environment.NO_PROXY ?? environment.no_proxy)) {
      yield hint(
        `${proxy} is set and NO_PROXY is not: an app that honours it cannot reach ${base}; set NO_PROXY=${new URL(base).hostname}`,
      )
    }
  },

  *clock({ world: { clock } }) {
    yield clock.mode === 'virtual'
      ? hint('the clock is virtual: nothing is resent until it is advanced (wechat-mock advance 24h4m)')
      : ok('the clock is real: an unacknowledged notification is resent after 15 s, 15 s, 30 s, 3 min, …')
  },

  *container({ world: { baseUrl }, container }) {
    if (container && isLoopback(new URL(baseUrl).hostname)) {
      yield hint(
        'in a container 127.0.0.1 is the container itself: start the mock with --host 0.0.0.0 (and --allow-host with its service name) if other containers should reach it',
      )
    }
  },

  *calls({ calls, world }) {
    const known = calls.filter(({ api }) => api !== 'unknown')
    if (known.length > 0) yield ok(`calls received: ${known.length}, the last one to ${newest(known).api}`)
    else {
      yield problem(
        `no call has arrived for world ${world.id}: give your app ${world.baseUrl} as the base URL of api.weixin.qq.com and api.mch.weixin.qq.com, and the world's credentials`,
      )
    }
    const unknown = calls.filter(({ api }) => api === 'unknown')
    if (unknown.length > 0) {
      yield problem(
        `calls to paths that are not emulated: ${unknown.length}, the last one to ${newest(unknown).request.method} ${newest(unknown).request.url}`,
      )
    }
  },

  *signatures({ calls, world }) {
    const wrong = calls.filter(({ sign }) => sign)
    if (wrong.length > 0) {
      yield problem(
        `calls with a wrong signature: ${wrong.length}, the last one to ${newest(wrong).api}: ${toldSign(newest(wrong).sign!)}; to have one of your messages explained: POST /__mock/v1/worlds/${world.id}/explain-sign`,
      )
    }
  },

  *refusals({ calls }) {
    // Whatever a fault did was requested.
    const refused = calls.filter(
      ({ api, note, sign, fault }) =>
        api !== 'unknown' && !sign && fault === undefined && !['SUCCESS', 'ok'].includes(note),
    )
    if (refused.length > 0) {
      yield hint(
        `calls that were refused: ${refused.length}, the last one to ${newest(refused).api}: ${newest(refused).note}`,
      )
    }
  },

  *lint({ calls }) {
    const findings = new Map(
      calls
        .flatMap(({ lint = [] }) => lint)
        .filter(({ level }) => level === 'warning')
        .map((finding) => [finding.rule, finding]),
    )
    for (const { rule, message } of findings.values()) {
      yield hint(`works here, might not in production (${rule}): ${message}`)
    }
  },

  *notifications({ deliveries, orders, world }) {
    const unpaid = orders.filter(({ tradeState }) => tradeState === 'NOTPAY')
    if (deliveries.length === 0) {
      if (unpaid.length > 0) yield hint(`unpaid orders: ${unpaid.length} (wechat-mock pay)`)
      return
    }
    // By URL: each handler's newest answer shows its current state.
    for (const { id, notificationId, url, verdict, reason, outTradeNo } of new Map(
      deliveries.map((delivery) => [delivery.url, delivery]),
    ).values()) {
      yield verdict === 'acked'
        ? ok(`${url} acknowledges notifications`)
        : problem(
            `${url} did not acknowledge the notification of ${outTradeNo}: ${verdict}, ${reason}; to send it again: wechat-mock deliver ${notificationId}, or the curl command of GET /__mock/v1/worlds/${world.id}/deliveries/${id}/curl`,
          )
    }
  },
}

/** What is right and wrong about a setup, as far as the mock has seen. */
export function diagnose(facts: Facts): Diagnosis[] {
  return Object.entries(CHECKS).flatMap(([check, find]) =>
    Array.from(find(facts), (diagnosis) => ({ ...diagnosis, check })),
  )
}

/** The journal is read page by page. */
async function callsOf(here: Ask, since = 0): Promise<Entry[]> {
  const { entries, cursor } = (await here('GET', `/journal?dir=in&since=${since}`)) as {
    entries: Entry[]
    cursor: number
  }
  return entries.length === 0 ? [] : [...entries, ...(await callsOf(here, cursor))]
}

async function gather(ask: Ask, { world: id }: Target, environment: Environment, container: boolean): Promise<Facts> {
  const { name, version } = (await ask('GET', '/version')) as { name: string; version: string }
  if (name !== 'wechat-mock') {
    throw new CommandError('the server there is not a wechat-mock; set its URL (--url, WECHAT_MOCK_URL)')
  }
  const here = inWorld(ask, id)
  return {
    version,
    world: (await here('GET', '')) as WorldView,
    calls: await callsOf(here),
    deliveries: (await here('GET', '/deliveries')) as Delivery[],
    orders: (await here('GET', '/orders')) as Order[],
    environment,
    container,
  }
}

export function addDoctor(program: Command, output: Output): void {
  addCommand(
    program,
    'doctor',
    'diagnoses problems between the mock and your app; exits with 1 if there are any',
  ).action(async (target: Target) => {
    const diagnoses = diagnose(await gather(createAsk(target.url), target, process.env, inContainer()))
    const problems = diagnoses.filter(({ level }) => level === 'problem').length
    tell(output, target, {
      value: { ok: problems === 0, diagnoses },
      text: diagnoses.map(({ level, message }) => `${level.padEnd(7)} ${message}`).join('\n'),
    })
    if (problems > 0) throw new CommandError(`${problems} ${problems === 1 ? 'problem' : 'problems'}`)
  })
}
