import t from 'tap'
import type { World } from '../../../mock-server/index.ts'
import { createRandom } from '../../../mock-server/base/random.ts'
import type { Exchange } from '../../../mock-server/notify/sender.ts'
import type { Case, Suite } from '../../../mock-server/report/case.ts'
import { casesOf, SUITES } from '../../../mock-server/report/index.ts'
import { createBench } from '../../../mock-server/report/parts/bench.ts'
import type { OrderWord } from '../../../mock-server/report/parts/merchant.ts'
import { createOrders } from '../../../mock-server/report/parts/orders.ts'
import { setTrap } from '../../../mock-server/report/parts/trap.ts'
import { entryOf } from '../../../mock-server/report/zh/index.ts'
import { Ruling } from '../../../mock-server/report/verdicts.ts'
import { size } from '../../sizes.ts'
import { ACK, REFUSAL, startMock } from '../helpers.ts'
import { inParallel } from './plant.ts'

// How the cases judge answers, without a network: each case meets merchants that always answer the same.

const reply = (status: number, body: string): Exchange => ({ durationMs: 1, reply: { status, headers: {}, body } })

interface Merchant {
  /** Its nth answer within a case. */
  readonly answers: (n: number) => Exchange
  /** Its nth report on an order; undefined at level L0. */
  readonly words?: (n: number) => OrderWord
}

const word = (fulfilments: number, more: Partial<OrderWord> = {}): OrderWord => ({
  fulfilments,
  paid: fulfilments > 0,
  ...more,
})
const silence: Exchange = { durationMs: 1, timedOut: true }
const ack: Merchant['answers'] = () => reply(200, ACK)
const refuse: Merchant['answers'] = () => reply(400, REFUSAL)
const TRACE = 'Error: x\n    at Object.<anonymous> (app.js:3:1) <html>'

const MERCHANTS: Readonly<Record<string, Merchant>> = {
  'takes everything, at length': {
    answers: () => reply(200, ACK.replace('</xml>', `<pad>${'x'.repeat(1100)}</pad></xml>`)),
  },
  'takes and fulfils everything, and tells little': { answers: ack, words: () => word(1) },
  'takes everything, fulfils nothing': { answers: ack, words: () => word(0) },
  'takes everything, fulfils everything': {
    answers: ack,
    words: () => word(1, { amount: 1250, transactionId: '1', refunds: 1 }),
  },
  'fulfils twice': { answers: ack, words: (n) => word(n === 0 ? 0 : 2, { refunds: 5 }) },
  'fulfils once after a look, and books nothing': { answers: ack, words: (n) => word(n === 0 ? 0 : 1, { refunds: 0 }) },
  'books refunds twice': { answers: ack, words: () => word(1, { refunds: 2 }) },
  'books the wrong amount': { answers: ack, words: (n) => word(n === 0 ? 0 : 1, { amount: 1 }) },
  'refuses everything': { answers: refuse, words: () => word(0) },
  'refuses every second': {
    answers: (n) => (n % 2 === 0 ? ack(n) : refuse(n)),
    words: () => word(1, { transactionId: `t${Math.random()}` }),
  },
  'breaks, but for the first': { answers: (n) => (n === 0 ? ack(n) : reply(500, '')), words: () => word(1) },
  'is silent after the first': {
    answers: (n) => (n === 0 ? ack(n) : silence),
    words: () => word(1, { refunds: 0 }),
  },
  'is silent after the second': { answers: (n) => (n < 2 ? ack(n) : silence), words: () => word(1) },
  'refuses the first': { answers: (n) => (n === 0 ? refuse(n) : ack(n)), words: () => word(0) },
  breaks: { answers: () => reply(500, TRACE), words: () => word(0) },
  redirects: { answers: () => reply(302, ''), words: () => word(0) },
  'is silent': { answers: () => silence, words: () => word(0) },
  'cuts every connection': {
    answers: () => ({ durationMs: 1, error: Object.assign(new Error('cut'), { code: 'ECONNRESET' }) }),
    words: () => word(0),
  },
  'tells its secrets': { answers: () => reply(200, '{"session_key":"x","code":"FAIL"}'), words: () => word(1) },
}

async function verdictOf(
  world: World,
  suite: Suite,
  one: Case,
  { answers, words }: Merchant,
  seed: string,
): Promise<{ verdict: string; said: readonly string[] }> {
  if (!words && one.play.needs.includes('probe')) return { verdict: 'SKIP', said: [] }
  let sent = 0
  let asked = 0
  const random = createRandom(`${seed}/${one.id}/${suite.version}`)
  const { bench, remarks } = createBench({
    id: one.id,
    version: suite.version === 'v3' ? 'v3' : 'v2',
    world,
    random,
    trap: await trap,
    orders: createOrders(
      world,
      'http://127.0.0.1:1/notify',
      createRandom(`${seed}/${one.id}/${suite.version}/orders`),
      undefined,
    ),
    notifyUrl: 'http://127.0.0.1:1/notify',
    refundUrl: 'http://127.0.0.1:1/refund',
    loginUrl: 'http://127.0.0.1:1/login',
    close: async () => {
      throw new Error('it is paid')
    },
    has: (need) => need !== 'probe' || words !== undefined,
    probe: words && (async () => words(asked++)),
    settleMs: 0,
    answerMs: 5000,
    expected: new Map(),
    tell: () => {},
    started: 0,
    shoot: async () => answers(sent++),
  })
  try {
    await one.play.run(bench)
    return { verdict: remarks.length > 0 ? 'LAX' : 'PASS', said: remarks }
  } catch (error) {
    if (error instanceof Ruling) return { verdict: error.verdict, said: [error.message] }
    throw error
  }
}

const trap = setTrap('judgement')
t.teardown(async () => (await trap).close())
t.setTimeout(300_000)

/** Too large to judge again and again, or they wait for something that such a merchant never does. */
const HEAVY = /^(?:[NV]-(?:505|515|516|506|517|518|519|514|607|206|208)|L-409)$/

/** One case of each kind: cases that differ only in their bytes are judged alike. Those in the pattern check different things. */
function kindsOf(cases: readonly Case[]): Case[] {
  const kindOf = ({ id, play: { run, needs, outcomes } }: Case) =>
    /-(?:2|7|102|103|130)/.test(id) ? id : JSON.stringify([String(run), needs, outcomes])
  return [...new Map(cases.toReversed().map((one) => [kindOf(one), one])).values()]
}

t.test('every case against merchants that always answer the same', async (t) => {
  const mock = await startMock(t)
  const seen: Record<string, Record<string, string>> = {}
  const texts = new Map<string, string>()
  for (const [name, merchant] of Object.entries(MERCHANTS)) {
    seen[name] = {}
    const world = mock.world()
    for (const suite of SUITES) {
      const all = casesOf(suite).filter(({ id }) => !HEAVY.test(id))
      await inParallel(size(kindsOf(all), all), 40, async (one) => {
        const { verdict, said } = await verdictOf(world, suite, one, merchant, name)
        seen[name]![one.id] = verdict
        for (const text of said) texts.set(text, one.id)
      })
    }
  }
  for (const [text, id] of texts) t.ok(entryOf(text), `${id} in Chinese: ${text}`)
  const verdicts = (name: string, pattern: RegExp) => Object.entries(seen[name]!).filter(([id]) => pattern.test(id))
  for (const [id, verdict] of verdicts('takes everything, fulfils everything', /^[NV]-3(?:0[1-5]|1[3-9]|2[0-5])$/)) {
    t.equal(verdict, 'FAIL', `${id}: forgeries`)
  }
  for (const [id, verdict] of verdicts('fulfils twice', /^[NV]-20[1-5]$/)) t.equal(verdict, 'FAIL', `${id}: repeats`)
  for (const [id, verdict] of verdicts('takes everything, fulfils nothing', /^[NV]-10[134578]$/)) {
    t.equal(verdict, 'FAIL', `${id}: payments that are lost`)
  }
  for (const [id, verdict] of verdicts('is silent', /^[NV]-[1245]/)) t.not(verdict, 'PASS', `${id}: no answer`)
  for (const [id, verdict] of verdicts('tells its secrets', /^L-[12]/)) t.equal(verdict, 'FAIL', `${id}: secrets`)
  t.equal(seen['breaks']!['N-608'], 'FAIL')
  for (const id of ['N-712', 'V-712']) {
    t.equal(seen['takes and fulfils everything, and tells little']![id], 'SKIP', `${id}: refunds that are not told`)
  }
  for (const [id, verdict] of verdicts('books refunds twice', /^[NV]-70[123]$/)) {
    t.equal(verdict, 'FAIL', `${id}: a refund booked twice`)
  }
  for (const id of ['N-703', 'V-703', 'N-711', 'V-715']) t.equal(seen['is silent after the first']![id], 'FAIL', id)
})

t.test('200 orders at once, some of them refused', async (t) => {
  const mock = await startMock(t)
  const [suite] = SUITES
  const one = casesOf(suite!).find(({ id }) => id === 'N-607')!
  const merchants: [Merchant, string][] = [
    [{ answers: (n) => (n === 0 ? refuse(n) : ack(n)), words: () => word(1) }, 'LAX'],
    [{ answers: (n) => (n < 200 ? ack(n) : refuse(n)), words: () => word(0) }, 'FAIL'],
  ]
  for (const [merchant, verdict] of merchants.slice(0, size(1, 2))) {
    t.match(await verdictOf(mock.default, suite!, one, merchant, verdict), { verdict })
  }
})
