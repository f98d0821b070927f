import type { Test } from 'tap'
import { type MockWechat, type WorldOptions } from '../../../mock-server/index.ts'
import {
  askBy,
  readWord,
  runCard,
  suiteOf,
  type Card,
  type CardOptions,
  type CaseResult,
  type Limits,
} from '../../../mock-server/report/index.ts'
import { selectCases } from '../../../mock-server/report/options.ts'
import { size } from '../../sizes.ts'
import { NOON, startMock } from '../helpers.ts'
import { startLogin } from './toy/login.ts'
import { startToy, type Toy } from './toy/server.ts'

/** The options that let a run use a toy fully. */
export function stepsOf({ orderUrl, closeUrl, probeUrl, restart }: Toy): CardOptions {
  const probe = askBy(probeUrl, undefined, 'GET')!
  return {
    order: askBy(orderUrl, undefined, 'POST'),
    close: askBy(closeUrl, undefined, 'POST'),
    probe: async (number) => readWord(await probe({ out_trade_no: number })),
    restart,
    settleMs: 300,
  }
}

/** Runs against a toy merchant with these bugs, in its own world. */
export async function runToy(
  mock: MockWechat,
  options: CardOptions,
  bugs: readonly string[] = [],
  world: WorldOptions = {},
  limits: Partial<Limits> = {},
): Promise<Card> {
  const { version = 'v2', seed = 'card' } = options
  const made = mock.world({ startTime: NOON, seed, ...world })
  const toy = await startToy(made, bugs, version === 'v3' ? 'v3' : 'v2')
  try {
    const target = { notifyUrl: toy.notifyUrl, refundUrl: toy.refundUrl }
    return await runCard(made, { ...stepsOf(toy), ...target, ...options }, undefined, limits)
  } finally {
    await toy.close()
    made.close()
  }
}

const shown = ({ id, verdict, said }: CaseResult) => `${id} ${verdict}: ${said}`
export const notPassed = ({ results }: Card) =>
  results.filter(({ verdict }) => !['PASS', 'INFO', 'SKIP'].includes(verdict)).map(shown)

export type BugTable = Readonly<Record<string, { readonly finds: string; readonly hmac?: true }>>

/** Runs several at a time: most of the time they wait for answers that do not come. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}

/** Bugs that a run finds in an unusual way: by the trap, at its end, by the bytes of an answer. */
const SPECIAL = ['xxe', 'late-double', 'ack-comment', 'ack-trailing', 'always-md5', 'by-transaction']

/** Bugs that never answer: waiting 5 s would show nothing more. */
const HANGS = /hang|wedges|expands|one-at-a-time|one-request-per-connection/
const HANG_LIMITS: Partial<Limits> = { answerMs: 700, orderMs: 10_000, comesBackMs: 0, restartMs: 0, quickLookMs: 500 }

/** The first bug of each chapter with the first of its cases that is not slow, and the bugs that are found in an unusual way. */
function oneOfEach(bugs: readonly PlantedBug[], version: 'v2' | 'v3', slow: RegExp): PlantedBug[] {
  const special = bugs.filter(({ bug }) => SPECIAL.includes(bug))
  const chapterOf = ({ only: [first] }: PlantedBug) =>
    suiteOf(version).chapters.find(({ cases }) => cases.some(({ id }) => id === first))
  const found = bugs
    .filter(({ bug }) => !HANGS.test(bug))
    .map(({ only, ...bug }) => ({ ...bug, only: only.filter((id) => !slow.test(id)).slice(0, 1) }))
    .filter(({ only }) => only.length > 0)
  return [...special, ...new Map(found.reverse().map((bug) => [chapterOf(bug), bug])).values()]
}

interface PlantedBug {
  readonly bug: string
  readonly only: readonly string[]
  readonly hmac?: true
}

/** Runs against a login route with these bugs, in its own world. */
export async function runLogin(mock: MockWechat, options: CardOptions, bugs: readonly string[] = []): Promise<Card> {
  const world = mock.world({ startTime: NOON, seed: options.seed ?? 'login' })
  const login = await startLogin(world, bugs)
  try {
    return await runCard(world, { version: 'login', loginUrl: login.url, ...options })
  } finally {
    await login.close()
    world.close()
  }
}

/** Splits the cases over several runs against the sound merchant. */
export async function runSound(mock: MockWechat, options: CardOptions, world: WorldOptions): Promise<Card[]> {
  const cases = selectCases(options).map(({ id }) => id)
  const parts = Array.from({ length: 3 }, (_, part) => cases.filter((_, n) => n % 3 === part))
  return Promise.all(parts.map((only) => runToy(mock, { ...options, only }, [], world)))
}

/** What a run sent and concluded, without what differs from run to run: ports, and what is encrypted with a port in it. */
export const traceOf = ({ results }: Card) =>
  results.map(({ id, verdict, events }) => {
    const sent = events.flatMap(({ request }) => (request ? [[request.method, request.headers, request.body]] : []))
    // Those that go out together end in any order.
    const text = JSON.stringify([id, verdict, sent.map((request) => JSON.stringify(request)).sort()]).replace(
      /127\.0\.0\.1:\d+/g,
      'here',
    )
    return id === 'N-704' ? text.replace(/<req_info>.*?<\/req_info>/, '') : text
  })

/** A correct backend passes everything: with ten seeds, each twice with the same bytes and verdicts; in `npm test` with one seed, once. */
export async function passesOnSeeds(
  t: Test,
  leastPassed: number,
  run: (mock: MockWechat, seed: string, n: number) => Promise<Card[]>,
): Promise<void> {
  const seeds = Array.from({ length: size(1, 10) }, (_, n) => n)
  await inParallel(seeds, 2, async (n) => {
    const seed = `seed-${n}`
    // A new mock names its worlds from the beginning.
    const cards = await run(await startMock(t), seed, n)
    t.strictSame(cards.flatMap(notPassed), [], seed)
    for (const { sentence } of cards) t.match(sentence, /^(?:Money|Login)-safe: yes/, seed)
    const passed = cards.reduce((sum, { counts }) => sum + counts.PASS, 0)
    t.ok(passed > leastPassed, `${seed}: ${passed} passed`)
    for (const again of size([], [run])) {
      t.strictSame((await again(await startMock(t), seed, n)).flatMap(traceOf), cards.flatMap(traceOf), seed)
    }
  })
}

/** Checks that each case of a bug finds it. */
export async function findBugs(t: Test, version: 'v2' | 'v3', bugs: BugTable, slow: RegExp = /^$/): Promise<void> {
  const mock = await startMock(t)
  const all = Object.entries(bugs).map(([bug, { finds, ...more }]) => ({ bug, only: finds.split(' '), ...more }))
  await inParallel(size(oneOfEach(all, version, slow), all), 8, async ({ bug, only, hmac }) => {
    const world: WorldOptions = hmac ? { signType: 'HMAC-SHA256' } : {}
    const card = await runToy(mock, { version, only }, bug.split('+'), world, HANGS.test(bug) ? HANG_LIMITS : {})
    for (const result of card.results) t.match(result.verdict, /^(?:FAIL|LAX)$/, `${bug}: ${shown(result)}`)
    t.equal(card.results.length, only.length, bug)
  })
}
