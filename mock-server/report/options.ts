import { isIP } from 'node:net'
import { badInput } from '../base/checks.ts'
import { type Case, type Suite } from './case.ts'
import type { Ask, OrderWord } from './parts/merchant.ts'
import { casesOf, SUITES } from './suites.ts'

/** What a run attacks, and how much of the backend it can see. */
export interface CardOptions {
  /** Default v2. `login`: the login route instead of the notify handler. */
  readonly version?: 'v2' | 'v3' | 'login'
  readonly notifyUrl?: string | undefined
  /** The handler for refund notifications. */
  readonly refundUrl?: string | undefined
  /** The route that logs a user in: a POST with `{"code":"…"}`. */
  readonly loginUrl?: string | undefined
  /** Level L1: makes the backend place an order. The call gets `code`, `openid`, `fee`, `notify_url`. */
  readonly order?: Ask | undefined
  /** Makes the backend close an order. The call gets `out_trade_no`. */
  readonly close?: Ask | undefined
  /** Level L2: reports what became of an order. */
  readonly probe?: ((outTradeNo: string) => Promise<OrderWord>) | undefined
  /** Restarts a dead backend. The call gets no values. */
  readonly restart?: Ask | undefined
  /** Only these cases: ids, or chapters by their first digit, such as `N-3`. */
  readonly only?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
  /** Only the cases that matter most, in under ten seconds. */
  readonly quick?: boolean | undefined
  /** Default `card`. */
  readonly seed?: string | undefined
  /** Real milliseconds that a backend may take to fulfil after its acknowledgement; default 3000. */
  readonly settleMs?: number | undefined
  /** The target is neither on this machine nor in a private network, and it is mine. */
  readonly ownHost?: boolean | undefined
}

const PRIVATE =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|::1$|::ffff:127\.|f[cd][0-9a-f]{2}:|fe80:)/i
/** Names that no public resolver knows: this machine, container networks, and names reserved for tests. */
const LOCAL_NAME = /^(?:localhost|[^.]+|.*\.(?:localhost|local|internal|test|lan|home\.arpa))$/i

/** Whether an address is loopback or private. */
export function isNear(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return isIP(host) === 0 ? LOCAL_NAME.test(host) : PRIVATE.test(host)
}

/** @throws MockError BAD_INPUT */
export function checkTarget(field: string, url: string, ownHost: boolean): void {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw badInput(field, 'url', `must be an absolute http(s) URL; got ${url}`)
  }
  if (!ownHost && !isNear(url)) {
    throw badInput(
      field,
      'own host',
      `is neither on this machine nor in a private network (${new URL(url).hostname}); attack only what is yours, and say so: --i-own-this-host (ownHost)`,
    )
  }
}

export function suiteOf(version: CardOptions['version'] = 'v2'): Suite {
  return SUITES.find((suite) => suite.version === version)!
}

/** Whether a name selects a case: its id, or the beginning of it. */
const selects = (names: readonly string[], { id }: Case) => names.some((name) => id.startsWith(name.toUpperCase()))

/**
 * The cases of a run. The others do not run at all.
 * @throws MockError BAD_INPUT if a name matches no case
 */
export function selectCases({ version, only, exclude = [], quick = false }: CardOptions): Case[] {
  const all = casesOf(suiteOf(version))
  for (const name of [...(only ?? []), ...exclude]) {
    if (!all.some((one) => selects([name], one))) {
      throw badInput('only', 'case', `no case of ${suiteOf(version).id} is called ${name}; see: wechat-mock card list`)
    }
  }
  return all.filter((one) => (!only || selects(only, one)) && !selects(exclude, one) && (!quick || one.quick === true))
}

const MAX_SETTLE_MS = 60_000

/** @throws MockError BAD_INPUT */
export function checkOptions(options: CardOptions): void {
  const { version = 'v2', notifyUrl, refundUrl, loginUrl, ownHost = false, settleMs = 0 } = options
  if (!SUITES.some((suite) => suite.version === version)) {
    throw badInput('version', 'enum', `must be one of ${SUITES.map(({ version }) => version).join(', ')}`)
  }
  if (!Number.isInteger(settleMs) || settleMs < 0 || settleMs > MAX_SETTLE_MS) {
    throw badInput('settleMs', 'range', `must be whole milliseconds, at most ${MAX_SETTLE_MS}`)
  }
  const needed = version === 'login' ? (['loginUrl', loginUrl] as const) : (['notifyUrl', notifyUrl] as const)
  if (needed[1] === undefined) {
    throw badInput(needed[0], 'required', `is missing: the suite ${suiteOf(version).id} attacks it`)
  }
  for (const [field, url] of Object.entries({ notifyUrl, refundUrl, loginUrl })) {
    if (url !== undefined) checkTarget(field, url, ownHost)
  }
  selectCases(options)
}
