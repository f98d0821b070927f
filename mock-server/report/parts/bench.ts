import { nativeElapsed } from '../../base/real-time.ts'
import type { Random } from '../../base/random.ts'
import type { ApiVersion, Notice, Verdict } from '../../wire/names.ts'
import { judge } from '../../notify/judge.ts'
import type { Reply } from '../../notify/sender.ts'
import type { CraftOptions } from '../../world/craft.ts'
import type { World } from '../../world/world.ts'
import { Ruling, type Need } from '../verdicts.ts'
import { askUntil, pauseFor, type Ask, type OrderWord } from './merchant.ts'
import type { Orders } from './orders.ts'
import type { shoot, Shot } from './shoot.ts'
import type { Trap } from './trap.ts'

/** WeChat waits this long for an answer. */
export const ACK_LIMIT_MS = 5000

/** What is remembered of a body. */
const SHOWN_BYTES = 16 * 1024

/** A body as the report shows it. */
export interface ShownBody {
  readonly text: string
  /** Of the whole body. */
  readonly bytes: number
  /** In base64, where the body is no text; both only hold its beginning. */
  readonly base64?: string
}

/** A line of the timeline of a case. */
export interface CardEvent {
  /** Real milliseconds since the case began. */
  readonly atMs: number
  readonly text: string
  readonly request?: Readonly<Pick<Shot, 'url' | 'headers'> & { method: string; body: ShownBody }>
  readonly response?: Readonly<Pick<Reply, 'status' | 'headers'> & { body: ShownBody }>
}

/** What a backend answered. */
export interface Answer {
  /** WeChat would take it. */
  readonly acked: boolean
  readonly verdict: Verdict
  readonly reason: string
  /** 0 if no whole answer came. */
  readonly status: number
  readonly body: string
  readonly ms: number
}

/** What a case has at hand. */
export interface Bench {
  readonly id: string
  readonly version: ApiVersion
  readonly world: World
  /** Values drawn by name from the seed and the case. */
  readonly random: Random
  readonly trap: Trap
  readonly orders: Orders
  readonly notifyUrl: string
  readonly refundUrl: string
  readonly loginUrl: string
  readonly close: Ask | undefined
  readonly has: (need: Need) => boolean
  /** The number of a new order that is not paid. */
  readonly order: () => Promise<string>
  /** A notification that the order is paid: genuine, but for the changes. */
  readonly message: (outTradeNo: string, changes?: CraftOptions) => Shot
  /** These bytes, with the headers of a notification. */
  readonly bytes: (body: string | Buffer, headers?: Readonly<Record<string, string>>) => Shot
  readonly send: (shot: Shot, limitMs?: number) => Promise<Answer>
  /** The order is paid at WeChat, and a genuine notification says so: it must be taken. */
  readonly pay: (outTradeNo: string) => Promise<Answer>
  /** The backend's word on the order, at level L2. */
  readonly word: (outTradeNo: string) => Promise<OrderWord | undefined>
  /** At level L2: no goods went out. */
  readonly stillUnpaid: (outTradeNo: string, because: string) => Promise<void>
  /** At level L2: goods go out exactly once, now and later. */
  readonly paidOnce: (outTradeNo: string, because?: string) => Promise<void>
  readonly note: (text: string) => void
  /** The case goes on, and is no better than this. */
  readonly lax: (said: string) => void
  /** All of them so far, in this case. */
  readonly answers: () => readonly Answer[]
}

export interface BenchParts extends Pick<
  Bench,
  'id' | 'version' | 'world' | 'random' | 'trap' | 'orders' | 'notifyUrl' | 'refundUrl' | 'loginUrl' | 'close' | 'has'
> {
  readonly probe: ((outTradeNo: string) => Promise<OrderWord>) | undefined
  /** How long a backend may take to fulfil after it has acknowledged. */
  readonly settleMs: number
  /** No answer is waited for longer than this. */
  readonly answerMs: number
  /** How often goods have to have gone out in the end, by order: seen again after the last case. */
  readonly expected: Map<string, number>
  readonly tell: (event: CardEvent) => void
  readonly started: number
  readonly shoot: typeof shoot
}

export function shownBody(body: string | Buffer): ShownBody {
  const whole = Buffer.from(body as string)
  const head = whole.subarray(0, SHOWN_BYTES)
  const text = head.toString()
  const isText = Buffer.from(text).equals(head) && !text.includes('\0')
  return { text, bytes: whole.length, ...(!isText && { base64: head.toString('base64') }) }
}

const times = (n: number) => (n === 1 ? 'once' : `${n} times`)

/** Puts together what a case has at hand, and what it leaves: its events, and remarks that make it LAX. */
export function createBench(parts: BenchParts): { bench: Bench; remarks: readonly string[] } {
  const { world, version, shoot, probe, settleMs, answerMs, expected, tell, started, orders, notifyUrl } = parts
  const remarks: string[] = []
  const given: Answer[] = []
  const note = (text: string, more: Partial<CardEvent> = {}) =>
    tell({ atMs: Math.round(nativeElapsed() - started), text, ...more })

  function record(shot: Shot, answer: Answer, response: Reply | undefined): void {
    const { url, method = 'POST', headers } = shot
    const body = shownBody(shot.body)
    const shown = response && { status: response.status, headers: response.headers, body: response.body }
    const isLogin = url === parts.loginUrl
    const what = isLogin ? `HTTP ${answer.status}` : answer.verdict
    note(
      `${method} ${body.bytes} bytes → ${what} in ${Math.round(answer.ms)} ms${isLogin ? '' : `: ${answer.reason}`}`,
      {
        request: { url, method, headers, body },
        ...(response && { response: { ...shown!, body: shownBody(response.raw ?? response.body) } }),
      },
    )
    if (isLogin) return
    const api: Notice = url === parts.refundUrl && url !== notifyUrl ? 'refundnotify' : 'notify'
    world.journal.record({
      at: world.clock.now(),
      direction: 'out',
      api,
      outTradeNo: orders.last(),
      request: { method, url, headers, body: body.text },
      ...(response && { response: { ...shown!, body: response.body.slice(0, SHOWN_BYTES) } }),
      note: `${parts.id} ${answer.verdict}: ${answer.reason}`,
      verdict: answer.verdict,
    })
  }

  async function send(shot: Shot, limitMs = ACK_LIMIT_MS): Promise<Answer> {
    const limit = Math.min(limitMs, answerMs)
    const exchange = await shoot(shot, limit)
    const { verdict, reason } = judge(exchange, limit, { version })
    const reply = 'reply' in exchange ? exchange.reply : undefined
    const answer = {
      acked: verdict === 'acked',
      verdict,
      reason,
      status: reply?.status ?? 0,
      body: reply?.body ?? '',
      ms: exchange.durationMs,
    }
    given.push(answer)
    record(shot, answer, reply)
    return answer
  }

  const bytes: Bench['bytes'] = (body, headers = {}) => ({
    url: notifyUrl,
    headers: { ...world.noticeHeaders(version, String(body)), ...headers },
    body,
  })

  const message: Bench['message'] = (outTradeNo, changes = {}) => {
    const { body } = world.craft(outTradeNo, { version, ...changes })
    return { url: notifyUrl, headers: world.noticeHeaders(version, body, changes), body }
  }

  async function word(outTradeNo: string): Promise<OrderWord | undefined> {
    if (!probe) return undefined
    const told = await probe(outTradeNo)
    note(`the backend says of ${outTradeNo}: ${JSON.stringify(told)}`)
    return told
  }

  async function stillUnpaid(outTradeNo: string, because: string): Promise<void> {
    const told = await word(outTradeNo)
    if (!told) return
    expected.set(outTradeNo, 0)
    if (told.fulfilments > 0 || told.paid) {
      throw new Ruling(
        'FAIL',
        `${because}, and the backend took the order for paid (fulfilled ${times(told.fulfilments)})`,
      )
    }
  }

  async function paidOnce(outTradeNo: string, because = 'it is paid'): Promise<void> {
    if (!probe) return
    const told = await askUntil(
      () => probe(outTradeNo),
      ({ fulfilments }) => fulfilments > 0,
      settleMs,
    )
    note(`the backend says of ${outTradeNo}: ${JSON.stringify(told)}`)
    expected.set(outTradeNo, 1)
    if (told.fulfilments !== 1 || !told.paid) {
      const what =
        told.fulfilments === 0 ? 'not fulfilled: the payment is lost' : `fulfilled ${times(told.fulfilments)}, not once`
      throw new Ruling('FAIL', `${because}, and the order was ${what}`)
    }
    const { totalFee } = world.order(outTradeNo)
    if (told.amount !== undefined && told.amount !== totalFee) {
      throw new Ruling('FAIL', `the backend booked ${told.amount} fen for an order of ${totalFee}`)
    }
  }

  async function pay(outTradeNo: string): Promise<Answer> {
    if (world.order(outTradeNo).tradeState === 'NOTPAY') await world.pay(outTradeNo, { deliver: 'hold' })
    const answer = await send(message(outTradeNo))
    if (!answer.acked) throw new Ruling('FAIL', `a genuine notification was not taken: ${answer.reason}`)
    return answer
  }

  const bench: Bench = {
    ...parts,
    order: async () => {
      const number = await orders.make()
      note(`order ${number} of ${world.order(number).totalFee} fen`)
      return number
    },
    message,
    bytes,
    send,
    pay,
    word,
    stillUnpaid,
    paidOnce,
    note,
    lax: (said) => {
      remarks.push(said)
      note(said)
    },
    answers: () => given,
  }
  return { bench, remarks }
}

/** Lets whatever a backend does after its answer happen. */
export const settle = (ms: number) => pauseFor(ms)
