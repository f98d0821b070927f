import { inspect } from 'node:util'
import { whyUnusable } from '../client/certificate.ts'
import type { ClientCert } from '../client/certificate.ts'
import { mixUps } from './credentials.ts'
import { WechatError } from '../errors.ts'
import type { LatePayment } from '../engine/machine.ts'
import type { Hooks } from '../hooks.ts'
import type { SignType } from '../protocol/sign-v2.ts'
import { Secret } from '../secret.ts'
import type { Store } from '../store/store.ts'
import { date } from '../rules.ts'
import { reasonOf } from '../thrown.ts'
import { isOrigin, isProxy, isPublicUrl } from './urls.ts'

/** A merchant that speaks API v2. */
export interface MerchantV2 {
  version: 'v2'
  /** The merchant number, usually ten digits. */
  mchId: string
  /** The APIv2 key: exactly 32 characters, set in the merchant platform. The app secret, the merchant number over and over, a printed key or a placeholder is refused. */
  apiKey: string
  /** The algorithm of every message in both directions. Default `HMAC-SHA256`. */
  signType?: SignType
  /** The merchant's API certificate: refunds need it, nothing else does. One that TLS cannot use is refused with the reason; one that has expired is in the log at start. */
  cert?: ClientCert
}

/** The options of the plugin. Everything without a default is required. */
export interface WechatPayOptions<Tx = unknown> extends Hooks<Tx> {
  /** The mini program. */
  appid: string
  appSecret: string
  merchant: MerchantV2
  /**
   * Where WeChat reaches this server: `https://…`, without query. The notify URL is `publicUrl + prefix + '/notify'`, with the prefix of the scope in which
   * the plugin is registered, if it has one, before `prefix`.
   */
  publicUrl: string
  /** Path of the routes. Default `/wechat`. */
  prefix?: string
  store: Store<Tx>
  /** How long an order can be paid, ms: 1 min to 7 days. Default 2 h. */
  orderTtlMs?: number
  /** Life of a built-in login token, ms. Default 7 days. */
  tokenTtlMs?: number
  /** Whether `POST /login` tells the client its openid. Default `false`. */
  exposeOpenid?: boolean
  /** What happens with money that arrives for a closed order. `refund` needs `merchant.cert`. Default `hold`. */
  latePayment?: LatePayment
  /** How often due work is looked for, ms; 0 leaves it to your own calls of `fastify.wechat.sweep()`. Default 5000. */
  sweepIntervalMs?: number
  /**
   * How long one process may take for one order's work before another takes over, ms. A hook that runs for nine tenths of it is given up, rolled back, and
   * run again later. Default 60 000.
   */
  leaseMs?: number
  /** How many orders one process works on at once. Each may hold one connection of the store while `onPaid` runs: keep it below the pool's size. Default 5. */
  concurrency?: number
  /** How long WeChat may take to answer one try, ms, half of it for the connection. A call makes two tries at most. Default 5000. */
  timeoutMs?: number
  /** Another WeChat, e.g. a mock: one origin for all calls. Plain http to another machine is in the log at start. */
  baseUrl?: string
  /**
   * The HTTP proxy through which every call to WeChat goes, e.g. `http://user:password@proxy.example.com:3128`; it has to allow CONNECT. No log or error shows the
   * user or the password. The environment (`HTTPS_PROXY`, `NO_PROXY`, `NODE_USE_ENV_PROXY`) is not read: `proxy: process.env.HTTPS_PROXY`. Default none.
   */
  proxy?: string | undefined
  /** The clock, for tests with a virtual one. Default that of the machine. Orders expire by WeChat's, which the `Date` of its replies tells. */
  now?: () => Date
}

/** The options, checked and complete, secrets wrapped. */
export interface Config<Tx = unknown> extends Required<
  Omit<WechatPayOptions<Tx>, keyof Hooks | 'appSecret' | 'merchant' | 'publicUrl' | 'baseUrl' | 'proxy'>
> {
  hooks: Hooks<Tx>
  appSecret: Secret
  mchId: string
  apiKey: Secret
  signType: SignType
  cert: ClientCert | undefined
  notifyUrl: string
  proxy: Secret | undefined
  /** Origins by API, the preferred one first. */
  hosts: { miniProgram: readonly string[]; pay: readonly string[] }
}

const HOSTS = {
  miniProgram: ['https://api.weixin.qq.com', 'https://api2.weixin.qq.com'],
  pay: ['https://api.mch.weixin.qq.com', 'https://api2.mch.weixin.qq.com'],
}

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const STORE_METHODS = [
  'insertOrder',
  'findOrder',
  'findLiveOrder',
  'updateOrder',
  'claimDue',
  'bringForward',
  'fulfil',
  'history',
  'insertAnomaly',
  'anomalies',
  'findAnomaly',
  'resolveAnomaly',
  'countDue',
  'putSession',
  'getSession',
  'deleteSession',
] as const satisfies (keyof Store)[]

interface Rule {
  test: (value: unknown) => boolean
  rule: string
  /** What is wrong with a value that has the right form, and what to do; `undefined` when nothing is. */
  why?: (value: never) => string | undefined
  required?: boolean
  /** The value is never quoted. */
  secret?: boolean
}

const isText = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value)
const isFunction = (value: unknown) => typeof value === 'function'
const isWithin = (min: number, max: number) => (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
const isOneOf =
  (...allowed: unknown[]) =>
  (value: unknown) =>
    allowed.includes(value)

/** One row per option: its rule in words and as a test. An option without a row does not exist. */
const RULES: Record<keyof WechatPayOptions, Rule> = {
  appid: { test: isText(/^wx[0-9a-f]{16}$/), rule: 'must be "wx" and 16 lower-case hex digits', required: true },
  appSecret: {
    test: isText(/^[0-9a-f]{32}$/),
    rule: 'must be 32 lower-case hex digits, from the mini program console',
    required: true,
    secret: true,
  },
  merchant: {
    test: (value) => typeof value === 'object' && value !== null,
    rule: 'must be an object with version, mchId and apiKey',
    required: true,
    secret: true,
  },
  publicUrl: {
    test: isPublicUrl,
    rule: 'must be an https URL (http only on loopback) without query, fragment or credentials',
    required: true,
  },
  prefix: { test: isText(/^(\/(?!\.+(\/|$))[0-9A-Za-z_.~-]+)+$/), rule: 'must be a path such as "/wechat"' },
  store: { test: isStore, rule: `must be a store with ${STORE_METHODS.join(', ')}`, required: true, secret: true },
  price: { test: isFunction, rule: 'must be a function: it says what an order costs', required: true },
  onPaid: { test: isFunction, rule: 'must be a function: it does what a payment owes the payer', required: true },
  onRefunded: { test: isFunction, rule: 'must be a function' },
  onAnomaly: { test: isFunction, rule: 'must be a function' },
  onEvent: { test: isFunction, rule: 'must be a function' },
  onLogin: { test: isFunction, rule: 'must be a function' },
  issueToken: { test: isFunction, rule: 'must be a function' },
  authenticate: { test: isFunction, rule: 'must be a function' },
  orderTtlMs: {
    test: isWithin(MINUTE, 7 * DAY),
    rule: 'must be a whole number of ms from 60000 (1 min) to 604800000 (7 days)',
  },
  tokenTtlMs: {
    test: isWithin(MINUTE, 365 * DAY),
    rule: 'must be a whole number of ms from 60000 (1 min) to 31536000000 (a year)',
  },
  exposeOpenid: { test: isOneOf(true, false), rule: 'must be true or false' },
  latePayment: { test: isOneOf('hold', 'refund', 'fulfil'), rule: 'must be "hold", "refund" or "fulfil"' },
  sweepIntervalMs: {
    test: (value) => value === 0 || isWithin(100, DAY)(value),
    rule: 'must be 0 or a whole number of ms from 100 to 86400000',
  },
  leaseMs: { test: isWithin(1000, DAY), rule: 'must be a whole number of ms from 1000 to 86400000' },
  concurrency: { test: isWithin(1, 1000), rule: 'must be a whole number from 1 to 1000' },
  timeoutMs: { test: isWithin(10, MINUTE), rule: 'must be a whole number of ms from 10 to 60000' },
  baseUrl: { test: isOrigin, rule: 'must be an origin such as "http://127.0.0.1:8090"' },
  proxy: {
    test: isProxy,
    rule: 'must be the URL of an HTTP proxy, such as "http://user:password@proxy.example.com:3128", without a path',
    secret: true,
  },
  now: { test: isFunction, rule: 'must be a function', why: whyNoClock },
}

const MERCHANT_RULES: Record<keyof MerchantV2, Rule> = {
  version: { test: isOneOf('v2'), rule: 'must be "v2"', required: true },
  mchId: { test: isText(/^[0-9]{8,10}$/), rule: 'must be the merchant number, 8 to 10 digits', required: true },
  apiKey: {
    test: isText(/^[\x21-\x7e]{32}$/),
    rule: 'must be the APIv2 key, exactly 32 characters; it is neither the app secret nor the APIv3 key',
    required: true,
    secret: true,
  },
  signType: { test: isOneOf('MD5', 'HMAC-SHA256'), rule: 'must be "MD5" or "HMAC-SHA256"' },
  cert: {
    test: isClientCert,
    rule: 'must be { pfx, passphrase } or { cert, key }: the files of the merchant platform, read into buffers',
    why: whyUnusable,
    secret: true,
  },
}

/**
 * Checks the options and completes them.
 *
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID`, naming every fault at once: the option, the rule and, unless it is secret, the value
 */
export function parseOptions<Tx>(input: WechatPayOptions<Tx>, scopePrefix = ''): Config<Tx> {
  const options = (input ?? {}) as unknown as Record<string, unknown>
  const merchant = options.merchant
  const secrets = [options.appSecret, (merchant as Partial<MerchantV2> | undefined)?.apiKey].filter(
    (secret) => typeof secret === 'string' && secret.length >= 8,
  ) as string[]
  const faults = check(options, RULES, '', secrets)
  if (RULES.merchant.test(merchant)) {
    faults.push(...check(merchant as Record<string, unknown>, MERCHANT_RULES, 'merchant.', secrets))
    if (options.latePayment === 'refund' && (merchant as Partial<MerchantV2>).cert === undefined) {
      faults.push("`latePayment: 'refund'` needs `merchant.cert`: WeChat takes no refund without the certificate")
    }
  }
  const { apiKey, mchId } = (merchant ?? {}) as Record<string, unknown>
  faults.push(...mixUps(options.appSecret, apiKey, mchId))
  if ((options.issueToken === undefined) !== (options.authenticate === undefined)) {
    faults.push('`issueToken` and `authenticate` must be given together')
  }
  const { publicUrl, prefix = '/wechat' } = options
  const notifyUrl =
    typeof publicUrl === 'string' && typeof prefix === 'string'
      ? `${publicUrl.replace(/\/$/, '')}${scopePrefix}${prefix}/notify`
      : ''
  if (notifyUrl.length > 256) {
    faults.push('`publicUrl`, the prefix of the scope and `prefix` must give a notify URL of at most 256 characters')
  }
  if (faults.length > 0) {
    throw new WechatError(
      'WECHAT_OPTIONS_INVALID',
      `fastify-wechat-pay cannot be registered:\n${faults.map((fault) => `- ${fault}`).join('\n')}`,
    )
  }

  const { price, onPaid, onRefunded, onAnomaly, onEvent, onLogin, issueToken, authenticate } = input
  return {
    hooks: {
      price,
      onPaid,
      ...defined({ onRefunded, onAnomaly, onEvent, onLogin, issueToken, authenticate }),
    } as Hooks<Tx>,
    appid: input.appid,
    appSecret: new Secret(input.appSecret),
    mchId: input.merchant.mchId,
    apiKey: new Secret(input.merchant.apiKey),
    signType: input.merchant.signType ?? 'HMAC-SHA256',
    cert: input.merchant.cert,
    notifyUrl,
    prefix: input.prefix ?? '/wechat',
    store: input.store,
    orderTtlMs: input.orderTtlMs ?? 120 * MINUTE,
    tokenTtlMs: input.tokenTtlMs ?? 7 * DAY,
    exposeOpenid: input.exposeOpenid ?? false,
    latePayment: input.latePayment ?? 'hold',
    sweepIntervalMs: input.sweepIntervalMs ?? 5000,
    leaseMs: input.leaseMs ?? MINUTE,
    concurrency: input.concurrency ?? 5,
    timeoutMs: input.timeoutMs ?? 5000,
    proxy: input.proxy === undefined ? undefined : new Secret(input.proxy),
    hosts:
      input.baseUrl === undefined
        ? HOSTS
        : { miniProgram: [new URL(input.baseUrl).origin], pay: [new URL(input.baseUrl).origin] },
    now: input.now ?? (() => new Date()),
  }
}

function check(
  values: Record<string, unknown>,
  rules: Record<string, Rule>,
  path: string,
  secrets: string[],
): string[] {
  const faults = Object.keys(values)
    .filter((name) => !Object.hasOwn(rules, name))
    .map((name) => `\`${path}${name}\` is not an option; the options are ${Object.keys(rules).join(', ')}`)
  for (const [name, { test, rule, why, required, secret }] of Object.entries(rules)) {
    const value = values[name]
    if (value === undefined) {
      if (required) faults.push(`\`${path}${name}\` is missing: it ${rule}`)
    } else if (!test(value)) {
      faults.push(`\`${path}${name}\` ${rule}${secret ? '' : `, not ${shown(value, secrets)}`}`)
    } else {
      const reason = why?.(value as never)
      if (reason !== undefined) faults.push(`\`${path}${name}\` cannot be used: ${reason}`)
    }
  }
  return faults
}

/** A clock that counts in numbers, as `Date.now` does, would fail at the first payment. */
function whyNoClock(now: () => unknown): string | undefined {
  try {
    const fault = date(now())
    return fault && `what it answers ${fault}`
  } catch (error) {
    return `it threw: ${reasonOf(error)}`
  }
}

function isClientCert(value: unknown): boolean {
  // An empty one would be none for TLS.
  const isFile = (file: unknown) => (Buffer.isBuffer(file) || typeof file === 'string') && file.length > 0
  const { pfx, passphrase, cert, key, ...more } = (value ?? {}) as Record<string, unknown>
  const pair = pfx === undefined && passphrase === undefined && isFile(cert) && isFile(key)
  const file = cert === undefined && key === undefined && Buffer.isBuffer(pfx) && typeof passphrase === 'string'
  // Nothing else: the rest of what TLS takes could turn its checks off.
  return (pair || file) && Object.keys(more).length === 0
}

function isStore(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    STORE_METHODS.every((name) => isFunction((value as Record<string, unknown>)[name]))
  )
}

/** A value as a log may have it: of an object nothing but its kind, of a text nothing that may be a key or a password given to the wrong option. */
function shown(value: unknown, secrets: string[]): string {
  if (typeof value !== 'string') return inspect(value, { depth: -1, customInspect: false })
  if (/[0-9A-Za-z]{32}|:\/\/.*@|^[!-~]{32}$/.test(value) || secrets.some((secret) => value.includes(secret))) {
    return `this text of ${value.length} characters`
  }
  return value.length > 80 ? `${JSON.stringify(value.slice(0, 80))}…` : JSON.stringify(value)
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
