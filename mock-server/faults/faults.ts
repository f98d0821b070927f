import type { Random } from '../base/random.ts'
import { integer, strict, text, validate, type Properties } from '../base/schema.ts'
import { parseDuration } from '../clock/duration.ts'
import type { Api } from '../wire/names.ts'
import { checkEffect, type Effect } from './effects.ts'

/** Which of the matching exchanges a fault applies to. */
export interface FaultOptions {
  /** One fault has one name: setting it again replaces it. Default: the api and a number. */
  readonly name?: string
  /** Only exchanges about this order. */
  readonly outTradeNo?: string
  /** Only the nth matching exchange, counted from 1 since the fault was set. */
  readonly nth?: number
  /** Only every nth matching exchange. */
  readonly every?: number
  /** How often it is applied; default once, but `always` if `every`, `probability` or `rate` is given. */
  readonly times?: number | 'always'
  /** From 0 (never) to 1 (always), drawn from the world's seed for each order and each of its exchanges. */
  readonly probability?: number
  /** A rate limit: applies to what exceeds `limit` exchanges within `per` of the world's time (`'1m'` or milliseconds). */
  readonly rate?: { readonly limit: number; readonly per: string | number }
}

/** The current state of a fault. */
export interface FaultView extends FaultOptions {
  readonly name: string
  readonly api: Api
  readonly effect: Effect
  readonly times: number | 'always'
  /** How many exchanges matched api and order. */
  readonly seen: number
  /** To how many of them it was applied. */
  readonly hits: number
  /** It was applied as often as requested; for a fault that always applies, once is enough. */
  readonly used: boolean
}

/** A fault: a live view. */
export interface Fault extends FaultView {
  /** Removes it. */
  readonly remove: () => void
}

export interface FaultBook {
  /** @throws MockError BAD_INPUT */
  readonly set: (api: Api, effect: Effect, options?: FaultOptions) => Fault
  /** The fault for this exchange: the first one set that matches. `canStrike` says which effects are possible. */
  readonly claim: (
    api: Api,
    outTradeNo: string | undefined,
    canStrike?: (effect: Effect) => boolean,
  ) => FaultView | undefined
  readonly list: () => Fault[]
  readonly clear: () => void
  /** Drops the counters of orders that are gone. */
  readonly forget: (isGone: (outTradeNo: string) => boolean) => void
  readonly dump: () => FaultsDump
  readonly load: (dump: FaultsDump) => void
}

/** Which exchanges a fault applies to, without its name: the control API's `match`, and the rest. */
export const MATCH: Properties = { outTradeNo: text(32), nth: integer(1), every: integer(1) }
export const REPETITION: Properties = {
  times: { anyOf: [integer(1), { const: 'always' }] },
  probability: { type: 'number', minimum: 0, maximum: 1 },
  // parseDuration gives a better message.
  rate: strict({ limit: integer(1), per: { type: ['number', 'string'] } }, 'limit', 'per'),
}
const OPTIONS = strict({ name: text(), ...MATCH, ...REPETITION })

function checkOptions(options: FaultOptions): void {
  validate(OPTIONS, options)
  if (options.rate) parseDuration(options.rate.per, 'rate.per')
}

/** @throws MockError BAD_INPUT */
export function checkFault(api: Api, effect: Effect, options: FaultOptions): void {
  checkEffect(api, effect)
  checkOptions(options)
}

/** A fault's settings and counters; plain data. */
interface FaultState {
  readonly api: Api
  readonly effect: Effect
  readonly options: FaultOptions & { readonly name: string; readonly times: number | 'always' }
  seen: number
  hits: number
  /** By order number: how often the probability was drawn. */
  readonly turns: Map<string, number>
  /** World times of the exchanges that the rate limit let through. */
  passed: number[]
}

/** A world's faults, as they go into a snapshot. */
export type FaultsDump = readonly (Omit<FaultState, 'turns'> & { readonly turns: Readonly<Record<string, number>> })[]

const isUsed = ({ hits, options: { times } }: FaultState) => hits >= (times === 'always' ? 1 : times)

export function createFaultBook(random: Random, now: () => Date, onHit: (fault: FaultView) => void): FaultBook {
  const states = new Map<string, FaultState>()
  let numbered = 0

  /** Drawn per order, so that one order's outcome does not depend on how others interleave with it. */
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

  /** Counts the exchange and returns whether the fault applies to it. */
  function strikes(state: FaultState, outTradeNo: string | undefined): boolean {
    const { outTradeNo: wanted, nth, every, probability, rate, times } = state.options
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
      // Every fault is asked, even after one applies, as all of them count the exchange.
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
