import { badInput, checkNames, checkOneOf } from '../base/checks.ts'
import type { Random } from '../base/random.ts'
import { parseDuration } from '../clock/duration.ts'
import { ERR_CODES, type ErrCode, type Errcode, ERRCODES } from '../wire/error-codes.ts'
import { type Api, APIS, isLoginApi, isNotice, isPayApi, type LoginApi, type PayApi } from '../wire/names.ts'

/**
 * `before` (default): the request has no effect. `after`: WeChat has done what it was asked to, and then this happens to
 * the reply, so that the caller cannot know.
 */
export interface Timing {
  readonly when?: 'before' | 'after'
}

/** What can happen to any exchange. */
export type TransportEffect =
  /** The request, or the reply, is late by real milliseconds. */
  | (Timing & { readonly kind: 'delay'; readonly ms: number })
  /** The connection is reset. */
  | (Timing & { readonly kind: 'reset' })

/** What can happen to a call to WeChat. */
export type CallEffect =
  | TransportEffect
  /** There is never a reply. */
  | (Timing & { readonly kind: 'hang' })
  /** An HTTP status that WeChat does not use, as from a gateway. */
  | (Timing & { readonly kind: 'http'; readonly status: number; readonly body?: string })
  /** A web page instead of a message; `status` is 200 unless given. */
  | (Timing & { readonly kind: 'html_page'; readonly status?: number })
  /** The connection breaks after the first `bytes` of the reply's body, by default half of it, and never after all of them. */
  | { readonly kind: 'truncate'; readonly bytes?: number }

/** `return_code` FAIL: not signed. Only downloadbill has an `error_code`; default: the one that goes with the text. */
export type ReturnCodeFail<A extends PayApi = PayApi> = Timing & {
  readonly kind: 'return_code_fail'
  readonly return_msg?: string
} & (A extends 'downloadbill' ? { readonly error_code?: string } : unknown)
/** `result_code` FAIL: signed; `err_code_des` is WeChat's own text unless given. */
export type ResultCodeFail<A extends keyof typeof ERR_CODES = keyof typeof ERR_CODES> = Timing & {
  readonly kind: 'result_code_fail'
  readonly err_code: ErrCode<A>
  readonly err_code_des?: string
}
/** A signature of the right form and the wrong value. */
export interface BadSign {
  readonly kind: 'bad_sign'
}
/** The reply in GBK, and a Content-Type that says so. */
export interface Gbk {
  readonly kind: 'gbk'
}
/** `errcode` of the login side; `errmsg` is WeChat's own text unless given. */
export type ErrcodeFail<A extends LoginApi = LoginApi> = Timing & {
  readonly kind: 'errcode'
  readonly errcode: Errcode<A>
  readonly errmsg?: string
}

/** The effects that make sense for one call. */
export type EffectOf<A extends Api> =
  | TransportEffect
  | (A extends PayApi | LoginApi ? CallEffect : never)
  | (A extends PayApi ? ReturnCodeFail<A> | Gbk : never)
  | (A extends keyof typeof ERR_CODES ? ResultCodeFail<A> : never)
  | (A extends LoginApi ? ErrcodeFail<A> : never)
  | (A extends SignedApi ? BadSign : never)
export type Effect = EffectOf<Api>

/** The messages that WeChat signs. */
const SIGNED_APIS = ['unifiedorder', 'orderquery', 'closeorder', 'refund', 'refundquery', 'notify'] as const
type SignedApi = (typeof SIGNED_APIS)[number]

/** Which of the matching exchanges a fault meets. */
export interface FaultOptions {
  /** One fault has one name: setting it again replaces it. Default: the api and a number. */
  readonly name?: string
  /** Only exchanges about this order. */
  readonly out_trade_no?: string
  /** Only the nth matching exchange, counted from 1 since the fault was set. */
  readonly nth?: number
  /** Only each nth matching exchange. */
  readonly every?: number
  /** How often it strikes; default once, but `always` where `every`, `probability` or `rate` is given. */
  readonly times?: number | 'always'
  /** From 0 (never) to 1 (always), drawn from the world's seed for each order and each of its exchanges. */
  readonly probability?: number
  /** A rate limit: strikes what exceeds `limit` exchanges within `per` of the world's time (`'1m'` or milliseconds). */
  readonly rate?: { readonly limit: number; readonly per: string | number }
}

/** A fault as it stands. */
export interface FaultView extends FaultOptions {
  readonly name: string
  readonly api: Api
  readonly effect: Effect
  readonly times: number | 'always'
  /** How many exchanges matched api and order. */
  readonly seen: number
  /** How many of them it struck. */
  readonly hits: number
  /** Struck as often as asked for; one that strikes always is used after the first time. */
  readonly used: boolean
}

/** A fault: a live view. */
export interface Fault extends FaultView {
  /** Takes it back. */
  readonly remove: () => void
}

export interface FaultBook {
  /** @throws MockError BAD_INPUT */
  readonly set: (api: Api, effect: Effect, options?: FaultOptions) => Fault
  /** The fault that strikes this exchange: of those that fit, the one set first. `canStrike` says which effects are possible. */
  readonly claim: (
    api: Api,
    outTradeNo: string | undefined,
    canStrike?: (effect: Effect) => boolean,
  ) => FaultView | undefined
  readonly list: () => Fault[]
  readonly clear: () => void
  /** Forgets how often the orders that are gone were met. */
  readonly forget: (isGone: (outTradeNo: string) => boolean) => void
  readonly dump: () => FaultsDump
  readonly load: (dump: FaultsDump) => void
}

function kindsOf(api: Api): Effect['kind'][] {
  return [
    'delay',
    'reset',
    ...(isNotice(api) ? [] : (['hang', 'http', 'html_page', 'truncate'] as const)),
    ...(isPayApi(api) ? (['return_code_fail', 'gbk'] as const) : []),
    ...(api in ERR_CODES ? (['result_code_fail'] as const) : []),
    ...(isLoginApi(api) ? (['errcode'] as const) : []),
    ...((SIGNED_APIS as readonly string[]).includes(api) ? (['bad_sign'] as const) : []),
  ]
}

/** What each effect can say beside its kind. */
const EFFECT_NAMES: Readonly<Record<Effect['kind'], readonly string[]>> = {
  delay: ['ms', 'when'],
  reset: ['when'],
  hang: ['when'],
  http: ['status', 'body', 'when'],
  html_page: ['status', 'when'],
  truncate: ['bytes'],
  return_code_fail: ['return_msg', 'error_code', 'when'],
  result_code_fail: ['err_code', 'err_code_des', 'when'],
  errcode: ['errcode', 'errmsg', 'when'],
  bad_sign: [],
  gbk: [],
}

const OPTION_NAMES = ['name', 'out_trade_no', 'nth', 'every', 'times', 'probability', 'rate']

/** What the types say, for callers that have none: the effect must be one of the api's, and its code too. */
function checkEffect(api: Api, effect: Effect): void {
  checkOneOf('api', api, APIS)
  const kinds = kindsOf(api)
  if (!kinds.includes(effect.kind)) {
    throw badInput(
      'effect.kind',
      'enum',
      `must be one of ${kinds.join(', ')} for ${api}; got ${JSON.stringify(effect.kind)}`,
    )
  }
  checkNames('effect.', effect, ['kind', ...EFFECT_NAMES[effect.kind]])
  if ('when' in effect) checkOneOf('effect.when', effect.when, ['before', 'after'])
  if ('error_code' in effect && api !== 'downloadbill') {
    throw badInput('effect.error_code', 'api', `must not be given for ${api}: only downloadbill answers with one`)
  }
  const known =
    effect.kind === 'result_code_fail'
      ? { field: 'err_code', value: effect.err_code, table: ERR_CODES[api as keyof typeof ERR_CODES] }
      : effect.kind === 'errcode' && { field: 'errcode', value: effect.errcode, table: ERRCODES[api as LoginApi] }
  if (known && !Object.hasOwn(known.table, known.value)) {
    throw badInput(
      `effect.${known.field}`,
      'enum',
      `must be one of ${Object.keys(known.table).join(', ')} for ${api}; got ${JSON.stringify(known.value)}`,
    )
  }
}

function checkOptions(options: FaultOptions): void {
  checkNames('', options, OPTION_NAMES)
  const { nth = 1, every = 1, times = 1, probability = 1, rate = { limit: 1, per: 0 } } = options
  checkNames('rate.', rate, ['limit', 'per'])
  for (const [field, value] of Object.entries({
    nth,
    every,
    times: times === 'always' ? 1 : times,
    'rate.limit': rate.limit,
  })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw badInput(field, 'minimum', `must be a whole number from 1; got ${JSON.stringify(value)}`)
    }
  }
  if (!(probability >= 0 && probability <= 1)) {
    throw badInput('probability', 'range', `must be a number from 0 to 1; got ${JSON.stringify(probability)}`)
  }
  parseDuration(rate.per, 'rate.per')
}

/** @throws MockError BAD_INPUT */
export function checkFault(api: Api, effect: Effect, options: FaultOptions): void {
  checkEffect(api, effect)
  checkOptions(options)
}

/** Everything about a fault that changes or was asked for; plain data. */
interface FaultState {
  readonly api: Api
  readonly effect: Effect
  readonly options: FaultOptions & { readonly name: string; readonly times: number | 'always' }
  seen: number
  hits: number
  /** By order number: how often the probability was drawn. */
  readonly turns: Map<string, number>
  /** World times of the exchanges that a rate let through. */
  passed: number[]
}

/** A world's faults, as they go into a snapshot. */
export type FaultsDump = readonly (Omit<FaultState, 'turns'> & { readonly turns: Readonly<Record<string, number>> })[]

const isUsed = ({ hits, options: { times } }: FaultState) => hits >= (times === 'always' ? 1 : times)

export function createFaultBook(random: Random, now: () => Date, onHit: (fault: FaultView) => void): FaultBook {
  const states = new Map<string, FaultState>()
  let numbered = 0

  /** Drawn by order, so that what happens to one does not depend on how the others interleave with it. */
  function drawn({ options: { name, probability = 1 }, turns }: FaultState, outTradeNo: string): boolean {
    const turn = (turns.get(outTradeNo) ?? 0) + 1
    turns.set(outTradeNo, turn)
    return random.fraction('fault', name, outTradeNo, turn) < probability
  }

  function exceeded(state: FaultState, { limit, per }: NonNullable<FaultOptions['rate']>): boolean {
    const time = now().getTime()
    const span = parseDuration(per)
    state.passed = state.passed.filter((passed) => time - passed < span)
    if (state.passed.length >= limit) return true
    state.passed.push(time)
    return false
  }

  /** Counts the exchange, and says whether it is one that the fault strikes. */
  function strikes(state: FaultState, outTradeNo: string | undefined): boolean {
    const { out_trade_no: wanted, nth, every, probability, rate, times } = state.options
    if (wanted !== undefined && wanted !== outTradeNo) return false
    const seen = ++state.seen
    if (times !== 'always' && state.hits >= times) return false
    return (
      (nth === undefined || seen === nth) &&
      (every === undefined || seen % every === 0) &&
      (probability === undefined || drawn(state, outTradeNo ?? '')) &&
      (rate === undefined || exceeded(state, rate))
    )
  }

  const view = (state: FaultState): Fault => ({
    ...state.options,
    api: state.api,
    effect: state.effect,
    get seen() {
      return state.seen
    },
    get hits() {
      return state.hits
    },
    get used() {
      return isUsed(state)
    },
    remove: () => {
      if (states.get(state.options.name) === state) states.delete(state.options.name)
    },
  })

  return {
    set: (api, effect, options = {}) => {
      checkFault(api, effect, options)
      const { name = `${api}-${++numbered}`, every, probability, rate } = options
      const repeats = (every ?? probability ?? rate) !== undefined
      const state: FaultState = {
        api,
        effect,
        options: { ...options, name, times: options.times ?? (repeats ? 'always' : 1) },
        seen: 0,
        hits: 0,
        turns: new Map(),
        passed: [],
      }
      states.set(name, state)
      return view(state)
    },
    claim: (api, outTradeNo, canStrike = () => true) => {
      if (states.size === 0) return undefined
      // Each is asked, not only up to the first that strikes: all of them count the exchange.
      const struck = [...states.values()].filter(
        (state) => state.api === api && canStrike(state.effect) && strikes(state, outTradeNo),
      )[0]
      if (!struck) return undefined
      struck.hits++
      const fault = view(struck)
      onHit(fault)
      return fault
    },
    list: () => Array.from(states.values(), view),
    clear: () => states.clear(),
    forget: (isGone) => {
      for (const { turns } of states.values()) {
        for (const outTradeNo of turns.keys()) if (isGone(outTradeNo)) turns.delete(outTradeNo)
      }
    },
    dump: () =>
      structuredClone(Array.from(states.values(), (state) => ({ ...state, turns: Object.fromEntries(state.turns) }))),
    load: (dump) => {
      states.clear()
      for (const { turns, ...state } of structuredClone(dump)) {
        states.set(state.options.name, { ...state, turns: new Map(Object.entries(turns)) })
      }
    },
  }
}
