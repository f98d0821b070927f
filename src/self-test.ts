import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import type { AccountServices } from './account.ts'
import { Secret } from './base/secret.ts'
import { WechatError } from './errors.ts'
import type { Check, Order } from './model.ts'
import { noticesOf } from './options/notices.ts'
import type { Config } from './options/parse.ts'
import { isLoopback } from './options/urls.ts'
import { isPrivateAddress, readIpAddress } from './protocol/ip-address.ts'

export interface SelfTestDeps {
  config: Config
  services: Pick<AccountServices, 'miniProgram' | 'pay' | 'wechatNow'>
  /** Brings a body to the notify route as WeChat would, through the hooks of the app; resolves with what WeChat reads. Absent outside of an app. */
  notify?: ((body: string) => Promise<string>) | undefined
  /** The addresses of a host; an argument so that tests need no DNS. */
  resolve?: (host: string) => Promise<string[]>
}

/** The clock may be wrong by this much before anybody notices. */
const CLOCK_LIMIT_MS = 60_000

/** How long the store may take to hand out its connections. */
const CONNECTIONS_LIMIT_MS = 3000

/** A number that nobody has ordered. */
const newNumber = () => `selftest-${randomBytes(8).toString('hex')}`

type Outcome = Omit<Check, 'check'>

/**
 * What a person looks at before going live. It asks WeChat about a login code and an order that do not exist, and the store for its connections; nothing is written,
 * ordered or changed.
 */
export async function selfTest(deps: SelfTestDeps): Promise<Check[]> {
  const checks: [check: string, look: () => Promise<Outcome> | Outcome][] = [
    ['certificates', () => endings(deps)],
    ['app secret', () => appSecret(deps)],
    ['payment API', () => paymentApi(deps)],
    ['API v2', () => apiV2(deps)],
    ['clock', () => clock(deps)],
    ['notify route', () => notifyRoute(deps)],
    ['public URL', () => publicUrl(deps)],
    ['store', () => store(deps)],
    ['connections', () => connections(deps)],
  ]
  const found: Check[] = []
  // One after the other: what one of them has learned of WeChat's clock, the next one uses.
  for (const [check, look] of checks) {
    const outcome = await Promise.resolve()
      .then(look)
      .catch((error: unknown) => failed(error))
    found.push({ check, ...outcome })
  }
  return found
}

function good(reason: string, advice?: string): Outcome {
  return { ok: true, reason, ...(advice !== undefined && { advice }) }
}

function bad(reason: string, advice: string): Outcome {
  return { ok: false, reason, advice }
}

function failed(error: unknown): Outcome {
  if (error instanceof WechatError) {
    const { message, wechatText } = error
    return bad(wechatText === undefined ? message : `${message} ${wechatText}`, 'See the codes in README.md, Errors.')
  }
  return bad('It could not be looked at.', String(error))
}

function endings({ config }: SelfTestDeps): Outcome {
  const notices = noticesOf(config, new Date())
  const [first] = notices
  return first === undefined
    ? good('Nothing of the merchant ends within 30 days.')
    : bad(notices.map(({ text }) => `${text}.`).join(' '), 'Replace what ends.')
}

async function appSecret({ services: { miniProgram } }: SelfTestDeps): Promise<Outcome> {
  try {
    await miniProgram.code2Session(new Secret(newNumber()))
  } catch (error) {
    if (!(error instanceof WechatError)) throw error
    // 40029, or 40163: WeChat has looked at the code, so it knows the app and its secret.
    if (error.code === 'WECHAT_CODE_REJECTED') return good('WeChat knows the app and its secret.')
    return failed(error)
  }
  return bad('WeChat has taken a login code that was made up.', 'Look at `baseUrl`: this is not WeChat.')
}

async function paymentApi({ services: { pay } }: SelfTestDeps): Promise<Outcome> {
  const { tradeState } = await pay.query(newNumber())
  if (tradeState !== 'NOT_EXIST') {
    return bad(
      `WeChat says that an order is ${tradeState} whose number was made up.`,
      'Look at `baseUrl`: this is not WeChat.',
    )
  }
  return good(`WeChat Pay has verified what we sign, and we what it signs (API ${pay.version}).`)
}

async function apiV2({ config: { merchant }, services: { pay } }: SelfTestDeps): Promise<Outcome> {
  if (merchant.version === 'v2') return good('It is the API of this merchant.')
  if (pay.listRefunds === undefined) {
    return bad(
      'There is no `merchant.apiKey`: what still comes by API v2 cannot be read, such as notifications of refunds made in the merchant platform and of orders made before the change to v3.',
      'Give `merchant.apiKey`, the APIv2 key of the same merchant number; or do without, if no refund is ever made in the merchant platform.',
    )
  }
  await pay.listRefunds(newNumber())
  return good('The APIv2 key is right.')
}

function clock({ config: { now }, services: { wechatNow } }: SelfTestDeps): Outcome {
  const ahead = Math.round((wechatNow().getTime() - now().getTime()) / 1000)
  if (Math.abs(ahead) * 1000 < CLOCK_LIMIT_MS) return good(`This clock and WeChat's differ by ${Math.abs(ahead)} s.`)
  return bad(
    `This clock is ${Math.abs(ahead)} s ${ahead < 0 ? 'ahead of' : 'behind'} WeChat's.`,
    'Set it, e.g. by NTP.',
  )
}

async function notifyRoute({ config: { notifyUrl }, notify }: SelfTestDeps): Promise<Outcome> {
  if (notify === undefined) {
    return good(
      'It was not tried, as there is no app here.',
      'Call `fastify.wechat.selfTest()` in the app to try it through its hooks.',
    )
  }
  const answer = await notify('d=x')
  if (/unreadable|incomplete/.test(answer)) {
    return good(`What is sent to ${new URL(notifyUrl).pathname} reaches us through the hooks of this app.`)
  }
  return bad(
    `Something of this app stands between WeChat and us: ${answer.slice(0, 100)}`,
    'The log names the hook. Exempt the notify route from it.',
  )
}

async function publicUrl({ config: { notifyUrl }, resolve = lookedUp }: SelfTestDeps): Promise<Outcome> {
  const { protocol, hostname, origin } = new URL(notifyUrl)
  if (protocol !== 'https:' || isLoopback(hostname)) {
    return bad(`WeChat cannot reach ${origin}.`, 'Give a public https address as `publicUrl`.')
  }
  const host = hostname.replace(/^\[|\]$/g, '')
  const addresses = readIpAddress(host) === undefined ? await resolve(host).catch(() => []) : [host]
  if (addresses.length === 0) return bad(`${hostname} has no address.`, 'Set up its DNS, or correct `publicUrl`.')
  const inner = addresses.filter(isPrivateAddress)
  if (inner.length > 0) {
    return bad(
      `${hostname} has the private address ${inner[0]}, which WeChat cannot reach.`,
      'If it has another address outside of this network, all is well.',
    )
  }
  return good(
    `${hostname} has the public address ${addresses[0]}.`,
    'That its firewall lets WeChat in can be seen from outside only.',
  )
}

async function lookedUp(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

async function store({ config: { store, now } }: SelfTestDeps): Promise<Outcome> {
  try {
    const at = now()
    const { due } = await store.countDue(at, at)
    return good(`The store answers; ${due} orders have work due.`)
  } catch (error) {
    return bad(
      `The store failed: ${(error as Error).message}`,
      'Can the database be reached, and has `store.migrate()`, or your own migration, been run?',
    )
  }
}

/** Opens as many transactions at once as hooks may run, and one more for the rest of the work; each ends without a change. */
async function connections({ config: { store, concurrency, now } }: SelfTestDeps): Promise<Outcome> {
  const needed = concurrency + 1
  let open = 0
  let allOpen = () => {}
  const full = new Promise<void>((resolve) => {
    allOpen = resolve
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CONNECTIONS_LIMIT_MS)
  })
  const enough = Promise.race([full, late])
  const nobody = { outTradeNo: newNumber(), claims: 0, dueAt: now() } as Order
  const work = async () => {
    open += 1
    if (open === needed) allOpen()
    await enough
  }
  const all = Array.from({ length: needed }, () => store.fulfil({ order: nobody, claims: 0 }, work, () => undefined))
  await enough
  clearTimeout(timer)
  const reached = open
  await Promise.allSettled(all)
  if (reached === needed) {
    return good(`${needed} hooks and queries run at once, as \`concurrency\` ${concurrency} needs.`)
  }
  if (reached <= 1) {
    return good(
      'Transactions of this store take turns: one hook runs at a time.',
      'This is how SQLite works. With another database, give its pool more connections.',
    )
  }
  return bad(
    `The store has ${reached} connections, and \`concurrency\` ${concurrency} needs ${needed}: hooks and notifications would wait for each other.`,
    'Give the pool more connections, or lower `concurrency`.',
  )
}
