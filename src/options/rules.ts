import { inspect } from 'node:util'
import { whyUnusable } from '../client/certificate.ts'
import { date } from '../base/rules.ts'
import type { LogLevel, LogLevels } from '../hooks.ts'
import type { Store } from '../store/store.ts'
import { reasonOf } from '../base/thrown.ts'
import { keysOf } from './keys.ts'
import { isPem, whyNoCertificate, whyNoPrivateKey, whyNoPublicKey } from './merchant-keys.ts'
import type { App, MerchantV2, MerchantV3, Partner, Pem, WechatPayOptions } from './options.ts'
import { isOrigin, isProxy, isPublicUrl } from './urls.ts'

export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

const STORE_METHODS = [
  'insertOrder',
  'findOrder',
  'findLiveOrder',
  'findOrders',
  'ordersBetween',
  'refundedBetween',
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
  'deleteSessionsBefore',
  'forget',
  'getShared',
  'swapShared',
] as const satisfies (keyof Store)[]

interface Rule {
  test: (value: unknown) => boolean
  rule: string
  /** What is wrong with a value of the right form, and what to do; `undefined` if nothing is. */
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

/** One key, or two different ones during a change. */
const isKey = (pattern: RegExp) => (value: unknown) =>
  keysOf(value).length > 0 && keysOf(value).every((key) => typeof key === 'string' && pattern.test(key))

const APP_NAME = /^[0-9A-Za-z][0-9A-Za-z_-]{0,31}$/

/** Each sweep names them all in its query. */
const MAX_APPS = 50

/** Whether it can be the option `apps`. */
export function isApps(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.keys(value)
  return names.length > 0 && names.length <= MAX_APPS && names.every((name) => APP_NAME.test(name))
}

/** Of each app. */
export const APP_RULES: Record<keyof App, Rule> = {
  appid: { test: isText(/^wx[0-9a-f]{16}$/), rule: 'must be "wx" and 16 lower-case hex digits', required: true },
  appSecret: {
    test: isKey(/^[0-9a-f]{32}$/),
    rule: 'must be 32 lower-case hex digits, from the mini program console, or two of these while you change it',
    required: true,
    secret: true,
  },
}

const LINES = ['paid', 'refunded', 'refused', 'event'] satisfies (keyof LogLevels)[]
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] satisfies LogLevel[]

/** One row per option: its rule in words and as a test. An option without a row does not exist. */
export const RULES: Record<keyof WechatPayOptions, Rule> = {
  ...APP_RULES,
  apps: {
    test: isApps,
    rule: 'must be an object of 1 to 50 apps, { appid, appSecret } each, by names of 1 to 32 letters, digits, "_" and "-"',
    secret: true,
  },
  merchant: {
    test: (value) => typeof value === 'object' && value !== null,
    rule: 'must be an object with version, mchId and the keys of that version',
    required: true,
    secret: true,
  },
  publicUrl: {
    test: isPublicUrl,
    rule: 'must be an https URL (http only on loopback) without query, fragment or credentials',
    required: true,
  },
  prefix: { test: isText(/^(\/(?!\.+(\/|$))[0-9A-Za-z_.~-]+)+$/), rule: 'must be a path such as "/wechat"' },
  store: {
    test: isStore,
    rule: `must be sqlStore(…), memoryStore() or a store of your own, with ${STORE_METHODS.join(', ')}`,
    required: true,
    secret: true,
  },
  orderBody: {
    test: (value) => (typeof value === 'object' && value !== null) || isFunction(value),
    rule: 'must be a schema of the body of POST /orders',
    secret: true,
  },
  documentRoutes: { test: isOneOf(true, false), rule: 'must be true or false' },
  price: { test: isFunction, rule: 'must be a function that returns the price of an order', required: true },
  onPaid: { test: isFunction, rule: 'must be a function that delivers what was paid for', required: true },
  onRefunded: { test: isFunction, rule: 'must be a function' },
  enqueue: { test: isFunction, rule: 'must be a function that hands a job to your queue' },
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
  reconcileAt: {
    test: isText(/^(1\d|2[0-3]):[0-5]\d$/),
    rule: 'must be a time of day in GMT+8 such as "10:30", 10:00 at the earliest: WeChat has made the bill by then',
  },
  concurrency: { test: isWithin(1, 1000), rule: 'must be a whole number from 1 to 1000' },
  timeoutMs: { test: isWithin(10, MINUTE), rule: 'must be a whole number of ms from 10 to 60000' },
  baseUrl: { test: isOrigin, rule: 'must be an origin such as "http://127.0.0.1:8090"' },
  proxy: {
    test: isProxy,
    rule: 'must be the URL of an HTTP proxy, such as "http://user:password@proxy.example.com:3128", without a path',
    secret: true,
  },
  logLevels: { test: isLogLevels, rule: `must be an object of ${LINES.join(', ')}, each one of ${LEVELS.join(', ')}` },
  now: { test: isFunction, rule: 'must be a function', why: whyNoClock },
}

const beside: Rule = {
  test: () => false,
  rule: 'must be left out beside `apps`, which has it for each app',
  secret: true,
}

/** With `apps`. */
export const RULES_OF_SEVERAL: typeof RULES = { ...RULES, appid: beside, appSecret: beside }

/** For both versions. */
const MCH_ID: Rule = {
  test: isText(/^[0-9]{8,10}$/),
  rule: 'must be the merchant number, 8 to 10 digits',
  required: true,
}
const API_KEY: Rule = {
  test: isKey(/^[\x21-\x7e]{32}$/),
  rule: 'must be the APIv2 key, exactly 32 characters, or two of these while you change it; it is neither the app secret nor the APIv3 key',
  secret: true,
}
/** The object itself. */
export const PARTNER: Rule = {
  test: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  rule: 'must be { spAppid, subMchIds }',
}

const isSubMchIds = (value: unknown) =>
  value === 'any' ||
  (Array.isArray(value) && value.length > 0 && new Set(value).size === value.length && value.every(MCH_ID.test))

/** Of a service provider. */
export const PARTNER_RULES: Record<keyof Partner, Rule> = {
  spAppid: APP_RULES.appid,
  subMchIds: {
    test: isSubMchIds,
    rule: 'must be "any", or one or more merchant numbers of 8 to 10 digits, each once',
    required: true,
  },
}

const SIGN_TYPE: Rule = { test: isOneOf('MD5', 'HMAC-SHA256'), rule: 'must be "MD5" or "HMAC-SHA256"' }

const V2: Record<keyof MerchantV2, Rule> = {
  version: { test: isOneOf('v2'), rule: 'must be "v2" or "v3"', required: true },
  mchId: MCH_ID,
  apiKey: { ...API_KEY, required: true },
  signType: SIGN_TYPE,
  cert: {
    test: isClientCert,
    rule: 'must be { pfx, passphrase } or { cert, key }: the files of the merchant platform, read into buffers',
    why: whyUnusable,
    secret: true,
  },
  partner: PARTNER,
}

const V3: Record<keyof MerchantV3, Rule> = {
  version: { test: isOneOf('v3'), rule: 'must be "v2" or "v3"', required: true },
  mchId: MCH_ID,
  apiV3Key: {
    test: isKey(/^[\x21-\x7e]{32}$/),
    rule: 'must be the APIv3 key, exactly 32 characters, or two of these while you change it; it is neither the app secret nor the APIv2 key',
    required: true,
    secret: true,
  },
  privateKey: {
    test: isPem,
    rule: 'must be the content of apiclient_key.pem',
    why: whyNoPrivateKey,
    required: true,
    secret: true,
  },
  serialNo: {
    test: isText(/^[0-9A-Fa-f]{8,40}$/),
    rule: "must be the serial number of the merchant's API certificate: hex digits",
  },
  certificate: {
    test: isPem,
    rule: 'must be the content of apiclient_cert.pem',
    why: whyNoCertificate,
    secret: true,
  },
  publicKeyId: {
    test: isText(/^PUB_KEY_ID_[0-9A-Za-z]{1,64}$/),
    rule: 'must be the id of the WeChat Pay public key: "PUB_KEY_ID_" and its number',
  },
  publicKey: {
    test: isPem,
    rule: 'must be the content of pub_key.pem',
    why: whyNoPublicKey,
    secret: true,
  },
  platformCertificates: {
    test: (value) => value === 'download' || (Array.isArray(value) && value.length > 0 && value.every(isPem)),
    rule: 'must be "download", or the contents of one or more platform certificates',
    why: (value: 'download' | Pem[]) =>
      value === 'download' ? undefined : value.map(whyNoCertificate).find((reason) => reason !== undefined),
    secret: true,
  },
  apiKey: API_KEY,
  signType: SIGN_TYPE,
  partner: PARTNER,
}

/** The rules of a merchant's version; by default those of v2. */
export function merchantRules(merchant: Record<string, unknown>): Record<string, Rule> {
  return merchant.version === 'v3' ? V3 : V2
}

/** The faults of the values, one sentence each: the option, the rule and, unless it is secret, the value. */
export function check(
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

/** A clock that returns numbers, like `Date.now`, would fail at the first payment. */
function whyNoClock(now: () => unknown): string | undefined {
  try {
    const fault = date(now())
    return fault && `its result ${fault}`
  } catch (error) {
    return `it threw: ${reasonOf(error)}`
  }
}

function isLogLevels(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(
    ([line, level]) => LINES.some((name) => name === line) && (level === undefined || isOneOf(...LEVELS)(level)),
  )
}

function isClientCert(value: unknown): boolean {
  // TLS would treat an empty one as none.
  const isFile = (file: unknown) => (Buffer.isBuffer(file) || typeof file === 'string') && file.length > 0
  const { pfx, passphrase, cert, key, ...more } = (value ?? {}) as Record<string, unknown>
  const pair = pfx === undefined && passphrase === undefined && isFile(cert) && isFile(key)
  const file = cert === undefined && key === undefined && Buffer.isBuffer(pfx) && typeof passphrase === 'string'
  // Nothing else: other TLS options could turn checks off.
  return (pair || file) && Object.keys(more).length === 0
}

function isStore(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    STORE_METHODS.every((name) => isFunction((value as Record<string, unknown>)[name]))
  )
}

/** A value fit for a log: for an object only its kind, for a string nothing that may be a key or password given to the wrong option. */
function shown(value: unknown, secrets: string[]): string {
  if (typeof value !== 'string') return inspect(value, { depth: -1, customInspect: false })
  if (/[0-9A-Za-z]{32}|:\/\/.*@|^[!-~]{32}$/.test(value) || secrets.some((secret) => value.includes(secret))) {
    return `this string of ${value.length} characters`
  }
  return value.length > 80 ? `${JSON.stringify(value.slice(0, 80))}…` : JSON.stringify(value)
}
