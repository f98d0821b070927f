import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import type { World } from '../world/world.ts'
import { checkOptions, checkTarget, type CardOptions } from './options.ts'
import { askBy, readWord, stepOf } from './parts/merchant.ts'
import { createRun, type Card, type CardRun, type CaseResult } from './run.ts'

/** The options of a run over HTTP: URLs, but no shell commands. */
export interface RunRequest extends Pick<
  CardOptions,
  'version' | 'notifyUrl' | 'refundUrl' | 'loginUrl' | 'only' | 'exclude' | 'quick' | 'seed' | 'settleMs' | 'ownHost'
> {
  readonly orderUrl?: string | undefined
  readonly closeUrl?: string | undefined
  readonly probeUrl?: string | undefined
}

/** A run of a world: a live view. */
export interface Run {
  readonly id: string
  readonly request: RunRequest
  readonly state: 'running' | 'finished'
  /** The number of cases. */
  readonly cases: number
  readonly results: readonly CaseResult[]
  /** Set when the run is finished. */
  readonly card: Card | undefined
}

/** How many runs each world remembers. */
const MAX_RUNS = 10

const books = new WeakMap<World, Run[]>()

/** The runs of a world, newest last. */
export const runsOf = (world: World): readonly Run[] => books.get(world) ?? []

/** @throws MockError UNKNOWN_RUN */
export function findRun(world: World, id: string): Run {
  const run = runsOf(world).find((run) => run.id === id)
  if (run) return run
  throw new MockError('UNKNOWN_RUN', `world ${world.id} has no run ${id}`)
}

async function attack(run: CardRun, results: CaseResult[]): Promise<Card> {
  for (const one of run.cases) results.push(await run.one(one))
  return run.finish()
}

/** Anybody who reaches the control API can start a run, so foreign addresses need a confirmation. */
function checkAddresses(request: RunRequest, refusal: (url: string) => string | undefined): void {
  const { notifyUrl, refundUrl, loginUrl, orderUrl, closeUrl, probeUrl, ownHost = false } = request
  for (const [field, template] of Object.entries({ notifyUrl, refundUrl, loginUrl, orderUrl, closeUrl, probeUrl })) {
    if (template === undefined) continue
    const { address } = stepOf(template)
    const why = refusal(address)
    if (why !== undefined) throw badInput(field, 'notify host', `is not allowed: ${why}`)
    checkTarget(field, address, ownHost)
  }
}

/**
 * Starts a run; results arrive one by one. `refusal`: why the mock may send nothing to an address.
 * @throws MockError BAD_INPUT, RUN_BUSY
 */
export function startRun(world: World, request: RunRequest, refusal: (url: string) => string | undefined): Run {
  const { orderUrl, closeUrl, probeUrl, ...options } = request
  checkAddresses(request, refusal)
  const before = runsOf(world)
  if (before.some(({ state }) => state === 'running')) {
    throw new MockError('RUN_BUSY', `a run of world ${world.id} is still going; wait until it ends`)
  }
  const ask = askBy(probeUrl, undefined, 'GET')
  const whole: CardOptions = {
    ...options,
    order: askBy(orderUrl, undefined, 'POST'),
    close: askBy(closeUrl, undefined, 'POST'),
    probe: ask && (async (outTradeNo) => readWord(await ask({ out_trade_no: outTradeNo }))),
  }
  checkOptions(whole)
  const prepared = createRun(world, whole)
  const results: CaseResult[] = []
  let card: Card | undefined
  const run: Run = {
    id: String(Number(before.at(-1)?.id ?? 0) + 1),
    request,
    cases: prepared.cases.length,
    get state() {
      return card ? 'finished' : 'running'
    },
    get results() {
      return card?.results ?? results
    },
    get card() {
      return card
    },
  }
  books.set(world, [...before, run].slice(-MAX_RUNS))
  attack(prepared, results).then((done) => {
    card = done
  })
  return run
}
