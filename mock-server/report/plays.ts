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

/** A play of its own. */
export const play = (
  needs: readonly Need[],
  outcomes: Play['outcomes'],
  run: (bench: Bench) => Promise<void>,
): Play => ({ needs, outcomes, run })

interface Acceptance {
  readonly needs?: readonly Need[]
  /** A refusal is tolerable, because of this. */
  readonly lax?: string
  /** Further checks of the answer. */
  readonly also?: (bench: Bench, answer: Answer, outTradeNo: string) => void | Promise<void>
}

/** The order is paid; the notification, however it is written, is taken and the goods go out once. */
export const accepted = (make: Make, { needs = [], lax, also }: Acceptance = {}): Play => ({
  needs: ['acks', ...needs],
  genuine: true,
  outcomes: [
    ['PASS', 'the answer is one that WeChat takes; at level L2 the order is fulfilled once'],
    ...(lax === undefined
      ? ([
          ['FAIL', 'it is refused or not answered within 5 s: WeChat retries for a day, and the payment is lost'],
        ] as const)
      : ([['LAX', `it is refused: ${lax}`]] as const)),
    ['FAIL', 'it is taken, and the order is not fulfilled, or more than once'],
  ],
  run: async (bench) => {
    const outTradeNo = await bench.order()
    await bench.world.pay(outTradeNo, { deliver: 'hold' })
    const answer = await bench.send(await make(bench, outTradeNo))
    if (!answer.acked) {
      if (lax === undefined) fail(`it was not taken: ${answer.reason}`)
      return bench.lax(`it was not taken: ${answer.reason}. ${lax}`)
    }
    await also?.(bench, answer, outTradeNo)
    await bench.paidOnce(outTradeNo)
  },
})

interface RefusalOptions {
  readonly needs?: readonly Need[]
  /** What an acknowledgement without fulfilment is worth: FAIL, or PASS where the message is genuine in its form. */
  readonly taken?: 'FAIL' | 'PASS' | 'LAX'
  /** The genuine notification that follows may be refused: the backend may hold the order back for a person. */
  readonly held?: true
}

const TAKEN: Readonly<Record<'FAIL' | 'PASS' | 'LAX', readonly [CardVerdict, string]>> = {
  FAIL: ['FAIL', 'it is taken'],
  PASS: ['PASS', 'it is taken and not fulfilled (level L2): recorded, and left to a person'],
  LAX: ['LAX', 'it is taken and not fulfilled (level L2)'],
}

/** Checks the answer to what must not be fulfilled. */
export async function refusedOr(
  bench: Bench,
  answer: Answer,
  outTradeNo: string,
  taken: 'FAIL' | 'PASS' | 'LAX' = 'FAIL',
): Promise<void> {
  await settle(20)
  await bench.stillUnpaid(outTradeNo, answer.acked ? 'it was taken' : 'it was refused')
  if (answer.verdict === 'timeout_5s') {
    fail('there was no answer within 5 s: a refusal has to be told, or the connection closed')
  }
  if (!answer.acked) return
  if (taken === 'FAIL') fail('it was taken')
  if (!bench.has('probe')) skip('it was taken; only a probe (level L2) sees whether goods went out')
  if (taken === 'LAX') bench.lax('it was taken, and nothing was fulfilled')
}

/** The notification is refused and nothing is fulfilled; then the genuine one of the same order is taken. */
export const refused = (make: Make, { needs = [], taken = 'FAIL', held }: RefusalOptions = {}): Play => ({
  needs: ['acks', ...needs],
  outcomes: [
    [
      'PASS',
      'it is refused within 5 s (XML with FAIL, HTTP 4xx or 5xx, or a closed connection), and nothing is fulfilled',
    ],
    TAKEN[taken],
    ['FAIL', 'goods go out, or there is no answer'],
    held
      ? ['LAX', 'the genuine notification that follows is refused: the order waits for a person']
      : ['FAIL', 'the genuine notification that follows is not taken'],
  ],
  run: async (bench) => {
    const outTradeNo = await bench.order()
    await refusedOr(bench, await bench.send(await make(bench, outTradeNo)), outTradeNo, taken)
    await genuineFollows(bench, outTradeNo, held)
  },
})

/** The payment is not lost by what came before it. */
export async function genuineFollows(bench: Bench, outTradeNo: string, held?: true): Promise<void> {
  try {
    await bench.pay(outTradeNo)
    await bench.paidOnce(outTradeNo, 'the genuine notification followed')
  } catch (error) {
    if (!held || !(error instanceof Ruling)) throw error
    bench.lax(`${error.message}; it may wait for a person after what came before`)
  }
}

interface Survival {
  readonly limitMs?: number
  readonly taken?: 'FAIL' | 'PASS' | 'LAX'
  readonly needs?: readonly Need[]
}

/** No answer and no call of the backend shows what it was lured to read. */
export async function notLured(bench: Bench): Promise<void> {
  await settle(20)
  const { hits, secret } = bench.trap
  if (hits().some((name) => name.startsWith(bench.id))) fail('the backend fetched an address that stood in the message')
  if (bench.answers().some(({ body }) => body.includes(secret))) {
    fail('the answer holds the content of a file of the machine')
  }
}

/** Hostile bytes: any refusal will do, in time, without a trace, and the backend stays alive. */
export const survived = (make: Make, { limitMs = 5000, taken = 'FAIL', needs = [] }: Survival = {}): Play => ({
  needs,
  outcomes: [
    ['PASS', `it is refused, or the connection closed, within ${limitMs / 1000} s, and nothing is fulfilled`],
    TAKEN[taken],
    ['FAIL', 'the backend fetches what the message names, shows a file, or gives no answer in time'],
    ['FAIL', 'it dies or hangs: the order after it is not served within 5 s'],
  ],
  run: async (bench) => {
    const outTradeNo = await bench.order()
    const answer = await bench.send(await make(bench, outTradeNo), limitMs)
    await notLured(bench)
    if (answer.verdict === 'timeout_5s') fail(`there was no answer within ${limitMs / 1000} s`)
    await bench.stillUnpaid(outTradeNo, 'it is no message')
    if (answer.acked && taken === 'FAIL') fail('it was taken')
  },
})

/** A new order, unpaid, is paid and served; where genuine notifications are refused, any answer within 5 s shows life. */
export async function notifyCanary(bench: Bench): Promise<void> {
  const outTradeNo = await bench.order()
  await bench.stillUnpaid(outTradeNo, 'it is new')
  if (bench.has('acks')) {
    await bench.pay(outTradeNo)
    return bench.paidOnce(outTradeNo)
  }
  const { status, reason } = await bench.send(bench.message(outTradeNo))
  if (status === 0) fail(reason)
}
