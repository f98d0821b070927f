import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import type { AccountServices } from './account.ts'
import type { Party } from './client/partner.ts'
import type { RegisteredApp } from './engine/users/apps.ts'
import { Secret } from './base/secret.ts'
import { WechatError } from './errors.ts'
import type { Check, Order } from './model.ts'
import { noticesOf } from './options/notices.ts'
import type { Config } from './options/parse.ts'
import { isLoopback } from './options/urls.ts'
import { isPrivateAddress, readIpAddress } from './protocol/ip-address.ts'

export interface SelfTestDeps {
  config: Config
  services: Pick<AccountServices, 'pay' | 'wechatNow' | 'apps'>
  /** Sends a body to the notify route as WeChat would, through the hooks of the app; resolves with the reply. Absent outside an app. */
  notify?: ((body: string) => Promise<string>) | undefined
  /** The addresses of a host; an argument so that tests need no DNS. */
  resolve?: (host: string) => Promise<string[]>
}

/** How far the clock may be off before anything fails. */
const CLOCK_LIMIT_MS = 60_000

/** How long the store may take to provide its connections. */
const CONNECTIONS_LIMIT_MS = 3000

/** The number of an order that does not exist. */
const newNumber = () => `selftest-${randomBytes(8).toString('hex')}`

type Outcome = Omit<Check, 'check'>
type Look = [check: string, look: () => Promise<Outcome> | Outcome]

/**
 * The checks before going live. They ask WeChat about a login code and an order that do not exist, and open connections of the store; nothing is
 * written, ordered or changed.
 */
export async function selfTest(deps: SelfTestDeps): Promise<Check[]> {
  const { apps } = deps.services
  const each = (check: string, look: (app: RegisteredApp) => Promise<Outcome>): Look[] =>
    apps.appids.map((appid) => {
      const app = apps.find(appid)
      return [app.name === undefined ? check : `${check} of ${app.name}`, async () => await look(app)]
    })
  const checks: Look[] = [
    ['certificates', () => endings(deps)],
    ...each('app secret', (app) => appSecret(app)),
    // In API v3 a query names no app, but a service provider's names the sub-merchant.
    ...(deps.config.merchant.version === 'v2' && deps.config.partner === undefined
      ? each('payment API', (app) => paymentApi(deps, app))
      : [['payment API', () => paymentApi(deps)] satisfies Look]),
    ['APIv3 key', () => apiV3Key(deps)],
    ['API v2', () => apiV2(deps)],
    ['clock', () => clock(deps)],
    ['notify route', () => notifyRoute(deps)],
    ['public URL', () => publicUrl(deps)],
    ['store', () => store(deps)],
    ['connections', () => connections(deps)],
  ]
  const found: Check[] = []
  // One after the other: each check uses what the earlier ones have learned about WeChat's clock.
  for (const [check, look] of checks) {
    const outcome = await Promise.resolve()
      .then(look)
      .catch((error: unknown) => failed(error))
    found.push({ check, ...outcome })
  }
  return found
}

/** With an advice it is a warning. */
function good(reason: string, advice?: string): Outcome {
  return { ok: true, reason, ...(advice !== undefined && { advice }) }
}

function bad(reason: string, advice: string): Outcome {
  return { ok: false, reason, advice }
}

function failed(error: unknown): Outcome {
  if (error instanceof WechatError) {
    const { message, wechatText } = error
    return bad(wechatText === undefined ? message : `${message} ${wechatText}`, 'See the codes in docs/errors.md.')
  }
  return bad('The check could not be made.', String(error))
}

function endings({ config }: SelfTestDeps): Outcome {
  const notices = noticesOf(config, new Date())
  const [first] = notices
  return first === undefined
    ? good('No key or certificate of the merchant expires within 30 days.')
    : bad(notices.map(({ text }) => `${text}.`).join(' '), 'Replace what is about to expire.')
}

async function appSecret({ miniProgram }: RegisteredApp): Promise<Outcome> {
  try {
    await miniProgram.code2Session(new Secret(newNumber()))
  } catch (error) {
    if (!(error instanceof WechatError)) throw error
    // 40029 or 40163: WeChat has checked the code, so it accepts appid and secret.
    if (error.code === 'WECHAT_CODE_REJECTED') return good('WeChat knows the app and its secret.')
    return failed(error)
  }
  return bad('WeChat has accepted a made-up login code.', 'Check `baseUrl`: this is not WeChat.')
}

async function paymentApi({ config, services: { pay } }: SelfTestDeps, app?: RegisteredApp): Promise<Outcome> {
  const of = partyOf(config)
  if (of === undefined) return NO_SUB
  const { tradeState } = await pay.query(newNumber(), { appid: app?.appid, ...of })
  if (tradeState !== 'NOT_EXIST') {
    return bad(
      `WeChat says that an order with a made-up number is ${tradeState}.`,
      'Check `baseUrl`: this is not WeChat.',
    )
  }
  return good(`WeChat Pay accepts our signature, and we accept its signature (API ${pay.version}).`)
}

const NO_SUB = good(
  "Not tried: `subMchIds: 'any'` names no sub-merchant to ask about.",
  'Order something for one of them before going live.',
)

/** Whose order to query; `undefined` if a service provider has no known sub-merchant. */
function partyOf({ partner }: Config): Party | undefined {
  if (partner === undefined) return {}
  return partner.subMchIds === 'any' ? undefined : { subMchId: partner.subMchIds[0] }
}

/** In API v3 only WeChat's ciphertexts show whether this key is right: certificates, which not every merchant has, and notifications. */
async function apiV3Key({ services: { pay } }: SelfTestDeps): Promise<Outcome> {
  if (pay.version === 'v2') return good('API v2 has no such key.')
  try {
    await pay.tryApiV3Key()
  } catch (error) {
    if (!(error instanceof WechatError) || error.code === 'WECHAT_REPLY_INVALID') throw error
    return good(
      `Not tried: only a notification can show whether it is right. ${error.message}`,
      'Pay for an order before going live: `not-decrypted` in the log means that `merchant.apiV3Key` is wrong.',
    )
  }
  return good('The APIv3 key decrypts what WeChat has encrypted.')
}

async function apiV2({ config, services: { pay } }: SelfTestDeps): Promise<Outcome> {
  if (config.merchant.version === 'v2') return good('It is the API of this merchant.')
  if (pay.listRefunds === undefined) {
    return good(
      'There is no `merchant.apiKey`: messages in API v2 cannot be read, such as notifications of refunds made in the merchant platform and of orders made before the change to v3.',
      'Set `merchant.apiKey`, the APIv2 key of the same merchant number, unless refunds are never made in the merchant platform.',
    )
  }
  const of = partyOf(config)
  if (of === undefined) return NO_SUB
  await pay.listRefunds(newNumber(), of)
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
      'Not tried, as there is no app here.',
      'Call `fastify.wechat.selfTest()` in the app to test it through the hooks of the app.',
    )
  }
  const answer = await notify('d=x')
  if (/unreadable|incomplete/.test(answer)) {
    return good(`A notification to ${new URL(notifyUrl).pathname} passes the hooks of this app.`)
  }
  return bad(
    `Something in this app blocks notifications: ${answer.slice(0, 100)}`,
    'The log names the hook. Exempt the notify route from it.',
  )
}

async function publicUrl({ config: { notifyUrl }, resolve = lookedUp }: SelfTestDeps): Promise<Outcome> {
  const { protocol, hostname, origin } = new URL(notifyUrl)
  if (protocol !== 'https:' || isLoopback(hostname)) {
    return bad(`WeChat cannot reach ${origin}.`, 'Set `publicUrl` to a public https address.')
  }
  const host = hostname.replace(/^\[|\]$/g, '')
  const addresses = readIpAddress(host) === undefined ? await resolve(host).catch(() => []) : [host]
  if (addresses.length === 0) return bad(`${hostname} has no address.`, 'Add it to the DNS, or correct `publicUrl`.')
  const inner = addresses.filter(isPrivateAddress)
  if (inner.length > 0) {
    return bad(
      `${hostname} has the private address ${inner[0]}, which WeChat cannot reach.`,
      'That is fine if it has another address outside this network.',
    )
  }
  return good(
    `${hostname} has the public address ${addresses[0]}. Only a test from outside can show that its firewall lets WeChat in.`,
  )
}

async function lookedUp(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

async function store({ config: { store, now, mchId } }: SelfTestDeps): Promise<Outcome> {
  try {
    const at = now()
    const { due } = await store.countDue(mchId, at, at)
    return good(`The store answers; ${due} orders have work due.`)
  } catch (error) {
    return bad(
      `The store failed: ${(error as Error).message}`,
      'Check that the database is reachable and that `store.migrate()`, or your own migration, has run.',
    )
  }
}

/** Opens one transaction for each hook that may run at once, and one for the other work; each ends without a change. */
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
      'Transactions of this store run one after the other: one hook runs at a time.',
      'SQLite works like this. For another database, give its pool more connections.',
    )
  }
  return bad(
    `The store has ${reached} connections, and \`concurrency\` ${concurrency} needs ${needed}: hooks and notifications would wait for each other.`,
    'Give the pool more connections, or lower `concurrency`.',
  )
}
