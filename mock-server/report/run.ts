import { createRandom } from '../base/random.ts'
import { nativeElapsed } from '../base/real-time.ts'
import type { World } from '../world/world.ts'
import { levelOf, type Case } from './case.ts'
import { countsOf, sentenceOf } from './summary.ts'
import { Ruling, type CardVerdict, type Level, type Need, type Severity } from './verdicts.ts'
import { checkOptions, selectCases, suiteOf, type CardOptions } from './options.ts'
import { createBudget, NO_TIME } from './parts/budget.ts'
import { createBench, timesOf, type Bench, type CardEvent } from './parts/bench.ts'
import { askUntil, pauseFor, StepError } from './parts/merchant.ts'
import { createOrders, inTime, ORDER_LIMIT_MS, type Orders } from './parts/orders.ts'
import { shoot } from './parts/shoot.ts'
import { setTrap, type Trap } from './parts/trap.ts'

/** What became of one case. */
export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly chapter: string
  readonly severity: Severity
  readonly level: Level
  readonly verdict: CardVerdict
  /** One sentence: why. */
  readonly said: string
  readonly durationMs: number
  readonly events: readonly CardEvent[]
}

/** The report card of a backend. */
export interface Card {
  readonly suite: string
  readonly seed: string
  readonly target: string
  readonly level: Level
  /** "Money-safe: no (2 cases)" */
  readonly sentence: string
  readonly counts: Readonly<Record<CardVerdict, number>>
  readonly durationMs: number
  readonly results: readonly CaseResult[]
}

/** What a run finds out before its first case. */
interface Prepared {
  readonly trap: Trap
  readonly orders: Orders
  /** The backend accepts a genuine notification. */
  readonly acks: boolean
  /** Why it does not. */
  readonly whyNot?: string
  /** Why the runner cannot do its work. */
  readonly trouble?: string
}

export interface CardRun {
  readonly cases: readonly Case[]
  /** Runs one case, then an order that shows whether the backend is still alive. Never rejects. */
  readonly one: (one: Case) => Promise<CaseResult>
  /** Checks every order once more and writes the card. */
  readonly finish: () => Promise<Card>
}

const SETTLE_MS = 3000

/** How long a run waits, in real milliseconds. */
export interface Limits {
  /** The longest wait for an answer, whatever the case allows. */
  readonly answerMs: number
  /** For an order that the backend was asked to create. */
  readonly orderMs: number
  /** For a backend that stopped answering to come back by itself. */
  readonly comesBackMs: number
  /** For it to come back after a restart. */
  readonly restartMs: number
  /** For a sign of life from a dead backend. */
  readonly quickLookMs: number
  /** For all of a run with `quick`. */
  readonly quickMs: number
}

const LIMITS: Limits = {
  answerMs: Infinity,
  orderMs: ORDER_LIMIT_MS,
  comesBackMs: 5000,
  restartMs: 30_000,
  quickLookMs: 1000,
  quickMs: 9500,
}

/** Work that a backend does later than this after the last case is not seen. */
const LATE_MS = 1000

/** How many orders are checked together at the end. */
const LOOKS = 4

const WHY_NOT: Readonly<Record<Need, string>> = {
  acks: 'the backend refuses genuine notifications about orders it does not know, so a refusal proves nothing: let it create the orders (--order-url or --order-cmd)',
  orders: 'the backend has to create the orders: --order-url or --order-cmd',
  probe: 'the backend has to report on its orders: --probe-url or --verify-cmd',
  close: 'the backend has to close an order: --close-url or --close-cmd',
  refunds: 'the URL for refund notifications is needed: --refund-url',
  login: 'the login route is needed: --login-url',
}

/**
 * Prepares a run against a backend that is configured for the world. `shorter`: limits for a backend that is known to hang.
 * @throws MockError BAD_INPUT
 */
export function createRun(world: World, options: CardOptions, shorter: Partial<Limits> = {}): CardRun {
  checkOptions(options)
  const limits = { ...LIMITS, ...shorter }
  const { version = 'v2', seed = 'card', order, close, probe, restart, settleMs = SETTLE_MS } = options
  const { notifyUrl = '', refundUrl = '', loginUrl = '' } = options
  const suite = suiteOf(version)
  const cases = selectCases(options)
  const chapterOf = (one: Case) => suite.chapters.find(({ cases }) => cases.includes(one))!.name
  const level: Level = probe ? 'L2' : order ? 'L1' : 'L0'
  const given: Readonly<Record<Need, boolean>> = {
    acks: false,
    orders: order !== undefined,
    probe: probe !== undefined,
    close: close !== undefined && order !== undefined,
    refunds: refundUrl !== '',
    login: loginUrl !== '',
  }
  const random = createRandom(seed)
  const results: CaseResult[] = []
  const expected = new Map<CaseResult['id'], Map<string, number>>()
  const began = nativeElapsed()
  let ready: Promise<Prepared> | undefined
  let dead: string | undefined
  const isQuick = options.quick === true
  const looks = { made: 0, ms: 0, due: 0, lateMs: probe ? Math.min(settleMs, LATE_MS) : 0 }
  /** The end takes this long: work may come late, and each order is looked at again; not sooner together if the machine is busy. */
  const endMs = () => looks.lateMs + (looks.due * looks.ms) / Math.max(looks.made, 1)
  const budget = createBudget(isQuick ? limits.quickMs : Infinity, endMs)

  const look =
    probe &&
    ((outTradeNo: string) =>
      budget.step(async () => {
        const started = nativeElapsed()
        const told = await probe(outTradeNo)
        looks.made++
        looks.ms += nativeElapsed() - started
        return told
      }))

  /** The tools of a case, and the traces it leaves. */
  function benchFor(id: string, parts: { trap: Trap; orders: Orders; acks: boolean }, isBlind = false) {
    const events: CardEvent[] = []
    const promises = new Map<string, number>()
    const made = createBench({
      ...parts,
      id,
      version: version === 'v3' ? 'v3' : 'v2',
      world,
      random: createRandom(`${seed}/${id}`),
      notifyUrl,
      refundUrl,
      loginUrl,
      close: close && ((values) => budget.step(() => close(values))),
      has: (need) => (need === 'acks' ? parts.acks : given[need]),
      probe: isBlind ? undefined : look,
      settleMs,
      answerMs: limits.answerMs,
      expected: promises,
      tell: (event) => events.push(event),
      started: nativeElapsed(),
      shoot: (shot, limitMs) => budget.step(() => shoot(shot, limitMs)),
    })
    return { ...made, events, promises }
  }

  /** Once, before the first case: does the backend accept a genuine notification? */
  const prepare = () =>
    (ready ??= (async (): Promise<Prepared> => {
      const trap = await setTrap(random.hex(32, 'trap'))
      const made = createOrders(world, notifyUrl, createRandom(`${seed}/orders`), order, limits.orderMs)
      const orders = inTime(made, budget)
      const { bench } = benchFor('canary', { trap, orders, acks: true })
      try {
        await suite.canary(bench)
        return { trap, orders, acks: true }
      } catch (error) {
        const { message } = error as Error
        return { trap, orders, acks: false, ...(error instanceof Ruling ? { whyNot: message } : { trouble: message }) }
      }
    })())

  /** Tries an ordinary order: why the backend does not serve it. */
  async function canaryFails(parts: { trap: Trap; orders: Orders; acks: boolean }): Promise<string | undefined> {
    try {
      // The acknowledgement shows that the backend is alive; a probe may take most of a short run's time.
      await suite.canary(benchFor('canary', parts, isQuick).bench)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  /** Says how the backend came back, or that it is dead. */
  async function recover(parts: { trap: Trap; orders: Orders; acks: boolean }, why: string): Promise<string> {
    const since = nativeElapsed()
    let how = 'it came back by itself'
    if (restart) {
      how = 'the restart command brought it back'
      await budget
        .step(() => restart({}))
        .catch((error: Error) => {
          how = `the restart command failed (${error.message}), but it came back`
        })
    }
    const still = await askUntil(
      () => canaryFails(parts),
      (fails) => fails === undefined,
      Math.min(restart ? limits.restartMs : limits.comesBackMs, budget.left()),
    )
    if (still === undefined) return `${how} after ${Math.round(nativeElapsed() - since)} ms`
    dead = why
    return 'it has not come back'
  }

  async function ruling(one: Case, bench: Bench, remarks: readonly string[]): Promise<[CardVerdict, string]> {
    try {
      await one.play.run(bench)
      return remarks.length > 0 ? ['LAX', remarks.join('; ')] : ['PASS', 'as required']
    } catch (error) {
      if (error instanceof Ruling) return [error.verdict, error.message]
      return [
        'ERROR',
        error instanceof StepError ? error.message : `${(error as Error).name}: ${(error as Error).message}`,
      ]
    }
  }

  async function attempt(one: Case): Promise<CaseResult> {
    const parts = await prepare()
    const { id, title, severity } = one
    const started = nativeElapsed()
    const { bench, remarks, events, promises } = benchFor(id, parts)
    const result = (verdict: CardVerdict, said: string, costs = severity): CaseResult => {
      const durationMs = Math.round(nativeElapsed() - started)
      const made = {
        id,
        title,
        chapter: chapterOf(one),
        severity: costs,
        level: levelOf(one),
        verdict,
        said,
        durationMs,
        events,
      }
      results.push(made)
      expected.set(id, promises)
      looks.due += promises.size
      return made
    }
    if (parts.trouble !== undefined) return result('ERROR', parts.trouble)
    if (budget.isUp()) return result('SKIP', NO_TIME)
    const isKnown = level !== 'L0' || version === 'login'
    const isTried = one.play.genuine && isKnown
    const lacks = one.play.needs.find((need) => (need === 'acks' ? !parts.acks && !isTried : !given[need]))
    if (lacks === 'acks' && isKnown) {
      return result('SKIP', `the backend does not serve even a genuine one: ${parts.whyNot}`)
    }
    if (lacks) return result('SKIP', WHY_NOT[lacks])
    if (dead !== undefined) {
      const back = await Promise.race([canaryFails(parts), pauseFor(limits.quickLookMs).then(() => 'no answer')])
      if (back !== undefined) return result('SKIP', `the backend is dead (${dead}); --restart-cmd can bring it back`)
      dead = undefined
    }
    const [verdict, said] = await ruling(one, bench, remarks)
    const fails = await canaryFails(parts)
    if (fails === undefined) return result(verdict, said)
    if (budget.isUp()) return verdict === 'FAIL' ? result(verdict, said) : result('SKIP', NO_TIME)
    const after = await recover(parts, `since ${id}: ${fails}`)
    bench.note(`the next order was not served: ${fails}; ${after}`)
    const story = `the next order was not served: ${fails}; ${after}`
    return verdict === 'FAIL'
      ? result('FAIL', `${said}; and ${story}`)
      : result('FAIL', story, severity === 'hygiene' ? 'availability' : severity)
  }

  /** What a backend does late counts too. */
  async function seenAgain(result: CaseResult): Promise<CaseResult> {
    if (!look || !['PASS', 'LAX'].includes(result.verdict)) return result
    for (const [outTradeNo, n] of expected.get(result.id)!) {
      const told = await look(outTradeNo).catch((error: unknown) => (error instanceof Ruling ? error : undefined))
      if (told instanceof Ruling) return { ...result, verdict: told.verdict, said: told.message }
      if (told && told.fulfilments !== n) {
        const said = `by the end of the run, order ${outTradeNo} was fulfilled ${timesOf(told.fulfilments)} instead of ${timesOf(n)}: the backend did work late`
        return { ...result, verdict: 'FAIL', said }
      }
    }
    return result
  }

  async function seenAll(): Promise<CaseResult[]> {
    await pauseFor(looks.lateMs)
    Object.assign(looks, { lateMs: 0, due: 0 })
    const final = [...results]
    const queue = results.entries()
    const looker = async () => {
      for (const [n, result] of queue) final[n] = await seenAgain(result)
    }
    await Promise.all(Array.from({ length: LOOKS }, looker))
    return final
  }

  return {
    cases,
    one: (one) => budget.during(() => attempt(one)),
    finish: async () => {
      const { trap } = await prepare()
      const final = await budget.during(seenAll)
      trap.close()
      return {
        suite: suite.id,
        seed,
        target: version === 'login' ? loginUrl : notifyUrl,
        level,
        sentence: sentenceOf(final, version === 'login'),
        counts: countsOf(final),
        durationMs: Math.round(nativeElapsed() - began),
        results: final,
      }
    },
  }
}

/** Runs every case. `on` gets each result; `shorter` as for {@link createRun}. */
export async function runCard(
  world: World,
  options: CardOptions,
  on: (result: CaseResult) => void = () => {},
  shorter?: Partial<Limits>,
): Promise<Card> {
  const run = createRun(world, options, shorter)
  for (const one of run.cases) on(await run.one(one))
  return run.finish()
}
