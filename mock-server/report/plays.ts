import type { Bench, Answer } from './parts/bench.ts'
import type { Play } from './case.ts'
import { Ruling, type CardVerdict, type Need } from './verdicts.ts'
import { settle } from './parts/bench.ts'
import type { Shot } from './parts/shoot.ts'

/** The request of a case about an order. */
export type Make = (bench: Bench, outTradeNo: string) => Shot | Promise<Shot>

export const fail = (said: string): never => {
  throw new Ruling('FAIL', said)
}
export const skip = (said: string): never => {
  throw new Ruling('SKIP', said)
}
export const info = (said: string): never => {
  throw new Ruling('INFO', said)
}

/** What the backend did, if both choices are sound. */
export const choiceOf = ({ acked, reason }: Answer): string =>
  acked ? 'the backend accepted it' : `the backend refused it: ${reason}`

/** A play with its own steps and outcomes. */
export const play = (
  needs: readonly Need[],
  outcomes: Play['outcomes'],
  run: (bench: Bench) => Promise<void>,
): Play => ({ needs, outcomes, run })

interface Acceptance {
  readonly needs?: readonly Need[]
  /** Why a refusal is tolerable. */
  readonly lax?: string
  /** Further checks of the answer. */
  readonly also?: (bench: Bench, answer: Answer, outTradeNo: string) => void | Promise<void>
}

/** The order is paid: the backend accepts the notification, however it is written, and fulfils the order once. */
export const accepted = (make: Make, { needs = [], lax, also }: Acceptance = {}): Play => ({
  needs: ['acks', ...needs],
  genuine: true,
  outcomes: [
    ['PASS', 'the answer is one that WeChat accepts; at level L2, the order is fulfilled once'],
    ...(lax === undefined
      ? ([
          [
            'FAIL',
            'the backend refuses it, or does not answer within 5 s: WeChat retries for a day, then the payment is lost',
          ],
        ] as const)
      : ([['LAX', `the backend refuses it: ${lax}`]] as const)),
    ['FAIL', 'the backend accepts it but fulfils the order not at all, or more than once'],
  ],
  run: async (bench) => {
    const outTradeNo = await bench.order()
    await bench.world.pay(outTradeNo, { deliver: 'hold' })
    const answer = await bench.send(await make(bench, outTradeNo))
    if (!answer.acked) {
      if (lax === undefined) fail(`the backend did not accept it: ${answer.reason}`)
      return bench.lax(`the backend did not accept it: ${answer.reason}. ${lax}`)
    }
    await also?.(bench, answer, outTradeNo)
    await bench.paidOnce(outTradeNo)
  },
})

interface RefusalOptions {
  readonly needs?: readonly Need[]
  /** The verdict on an acknowledgement without fulfilment: FAIL, or PASS if the message is genuine in form. */
  readonly taken?: 'FAIL' | 'PASS' | 'LAX'
  /** The backend may refuse the genuine notification that follows: it may hold the order for manual review. */
  readonly held?: true
}

const TAKEN: Readonly<Record<'FAIL' | 'PASS' | 'LAX', readonly [CardVerdict, string]>> = {
  FAIL: ['FAIL', 'the backend accepts it'],
  PASS: ['PASS', 'the backend accepts it without fulfilling the order (level L2): it keeps it for manual review'],
  LAX: ['LAX', 'the backend accepts it without fulfilling the order (level L2)'],
}

/** Checks the answer to a message that must not be fulfilled. */
export async function refusedOr(
  bench: Bench,
  answer: Answer,
  outTradeNo: string,
  taken: 'FAIL' | 'PASS' | 'LAX' = 'FAIL',
): Promise<void> {
  await settle(20)
  await bench.stillUnpaid(outTradeNo, answer.acked ? 'the backend accepted it' : 'the backend refused it')
  if (answer.verdict === 'timeout_5s') {
    fail('no answer within 5 s: a refusal needs an answer or a closed connection')
  }
  if (!answer.acked) return
  if (taken === 'FAIL') fail('the backend accepted it')
  if (!bench.has('probe')) skip('the backend accepted it; only a probe (level L2) shows whether goods went out')
  if (taken === 'LAX') bench.lax('the backend accepted it but fulfilled nothing')
}

/** The backend refuses the notification and fulfils nothing; then it accepts the genuine one for the same order. */
export const refused = (make: Make, { needs = [], taken = 'FAIL', held }: RefusalOptions = {}): Play => ({
  needs: ['acks', ...needs],
  outcomes: [
    [
      'PASS',
      'the backend refuses it within 5 s (XML with FAIL, HTTP 4xx or 5xx, or a closed connection) and fulfils nothing',
    ],
    TAKEN[taken],
    ['FAIL', 'goods go out, or no answer comes'],
    held
      ? ['LAX', 'the backend refuses the genuine notification that follows: the order awaits manual review']
      : ['FAIL', 'the backend does not accept the genuine notification that follows'],
  ],
  run: async (bench) => {
    const outTradeNo = await bench.order()
    await refusedOr(bench, await bench.send(await make(bench, outTradeNo)), outTradeNo, taken)
    await genuineFollows(bench, outTradeNo, held)
  },
})

/** What came before must not lose the payment. */
export async function genuineFollows(bench: Bench, outTradeNo: string, held?: true): Promise<void> {
  try {
    await bench.pay(outTradeNo)
    await bench.paidOnce(outTradeNo, 'the genuine notification came next')
  } catch (error) {
    if (!held || !(error instanceof Ruling) || error.verdict !== 'FAIL') throw error
    bench.lax(`${error.message}; after the earlier message, the order may await manual review`)
  }
}

interface Survival {
  readonly limitMs?: number
  readonly taken?: 'FAIL' | 'PASS' | 'LAX'
  readonly needs?: readonly Need[]
}

/** Neither an answer nor a call of the backend shows that it read what the message pointed at. */
export async function notLured(bench: Bench): Promise<void> {
  await settle(20)
  const { hits, secret } = bench.trap
  if (hits().some((name) => name.startsWith(bench.id))) fail('the backend fetched a URL from the message')
  if (bench.answers().some(({ body }) => body.includes(secret))) {
    fail('the answer contains a file from the machine')
  }
}

/** Hostile bytes: any refusal will do, provided it comes in time and leaks nothing, and the backend stays alive. */
export const survived = (make: Make, { limitMs = 5000, taken = 'FAIL', needs = [] }: Survival = {}): Play => ({
  needs,
  outcomes: [
    ['PASS', `within ${limitMs / 1000} s the backend refuses it or closes the connection, and it fulfils nothing`],
    TAKEN[taken],
    ['FAIL', 'the backend fetches a URL from the message, reveals a file, or does not answer in time'],
    ['FAIL', 'the backend dies or hangs: it does not serve the next order within 5 s'],
  ],
  run: async (bench) => {
    const outTradeNo = await bench.order()
    const answer = await bench.send(await make(bench, outTradeNo), limitMs)
    await notLured(bench)
    if (answer.verdict === 'timeout_5s') fail(`no answer within ${limitMs / 1000} s`)
    await bench.stillUnpaid(outTradeNo, 'the message is not valid')
    if (answer.acked && taken === 'FAIL') fail('the backend accepted it')
  },
})

/** A new order is unpaid, then paid and served. If the backend refuses genuine notifications, any answer within 5 s shows that it is alive. */
export async function notifyCanary(bench: Bench): Promise<void> {
  const outTradeNo = await bench.order()
  await bench.stillUnpaid(outTradeNo, 'the order is new')
  if (bench.has('acks')) {
    await bench.pay(outTradeNo)
    return bench.paidOnce(outTradeNo)
  }
  const { status, reason } = await bench.send(bench.message(outTradeNo))
  if (status === 0) fail(reason)
}
