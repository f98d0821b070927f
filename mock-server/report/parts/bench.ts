import { nativeElapsed } from '../../base/real-time.ts'
import type { Random } from '../../base/random.ts'
import type { ApiVersion, Notice, Verdict } from '../../wire/names.ts'
import { judge } from '../../notify/judge.ts'
import type { Exchange, Reply } from '../../notify/sender.ts'
import type { CraftOptions } from '../../world/craft.ts'
import type { World } from '../../world/world.ts'
import { Ruling, type Need } from '../verdicts.ts'
import { askUntil, pauseFor, type Ask, type OrderWord } from './merchant.ts'
import type { Orders } from './orders.ts'
import type { shoot, Shot } from './shoot.ts'
import type { Trap } from './trap.ts'

/** How long WeChat waits for an answer. */
export const ACK_LIMIT_MS = 5000

/** How much of a body is kept. */
const SHOWN_BYTES = 16 * 1024

/** A body, as the report shows it. */
export interface ShownBody {
  readonly text: string
  /** The size of the whole body. */
  readonly bytes: number
  /** In base64, if the body is not text; both hold only the beginning. */
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
  /** WeChat would accept it. */
  readonly acked: boolean
  readonly verdict: Verdict
  readonly reason: string
  /** 0 if no complete answer came. */
  readonly status: number
  readonly body: string
  readonly ms: number
}

/** The tools of a case. */
export interface Bench {
  readonly id: string
  readonly version: ApiVersion
  readonly world: World
  /** Random values by name, from the seed and the case. */
  readonly random: Random
  readonly trap: Trap
  readonly orders: Orders
  readonly notifyUrl: string
  readonly refundUrl: string
  readonly loginUrl: string
  readonly close: Ask | undefined
  readonly has: (need: Need) => boolean
  /** Creates an unpaid order and returns its number. */
  readonly order: () => Promise<string>
  /** A notification that the order is paid: genuine except for the changes. */
  readonly message: (outTradeNo: string, changes?: CraftOptions) => Shot
  /** These bytes, with the headers of a notification. */
  readonly bytes: (body: string | Buffer, headers?: Readonly<Record<string, string>>) => Shot
  readonly send: (shot: Shot, limitMs?: number) => Promise<Answer>
  /** Pays the order at WeChat and sends the genuine notification, which the backend must accept. */
  readonly pay: (outTradeNo: string) => Promise<Answer>
  /** What the backend reports about the order, at level L2. */
  readonly word: (outTradeNo: string) => Promise<OrderWord | undefined>
  /** At level L2: checks that no goods went out. */
  readonly stillUnpaid: (outTradeNo: string, because: string) => Promise<void>
  /** At level L2: checks that goods go out exactly once, now and later. */
  readonly paidOnce: (outTradeNo: string, because?: string) => Promise<void>
  readonly note: (text: string) => void
  /** The case goes on, but its verdict is LAX at best. */
  readonly lax: (said: string) => void
  /** All answers of this case so far. */
  readonly answers: () => readonly Answer[]
}

export interface BenchParts extends Pick<
  Bench,
  'id' | 'version' | 'world' | 'random' | 'trap' | 'orders' | 'notifyUrl' | 'refundUrl' | 'loginUrl' | 'close' | 'has'
> {
  readonly probe: ((outTradeNo: string) => Promise<OrderWord>) | undefined
  /** How long a backend may take to fulfil after it acknowledges. */
  readonly settleMs: number
  /** The longest wait for an answer. */
  readonly answerMs: number
  /** How often the goods of each order must have gone out by the end: checked again after the last case. */
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

/** How much longer a connection lasts while others must not wait for it. */
const OUTLIVES_MS = 2000

/** A merchant of API v3 may refuse what looks like API v2 in the words of API v2: WeChat then reads the body. */
const refusesAsV2 = ({ body }: Shot, exchange: Exchange, limitMs: number) =>
  String(body.slice(0, 64)).trimStart().startsWith('<xml') && judge(exchange, limitMs).verdict === 'fail_xml'

export const timesOf = (n: number) => (n === 1 ? 'once' : `${n} times`)

/** Creates the tools of a case, and the remarks that make it LAX. */
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
    const limit = Math.min(limitMs, answerMs) + (shot.until ? OUTLIVES_MS : 0)
    const exchange = await shoot(shot, limit)
    const reply = 'reply' in exchange ? exchange.reply : undefined
    const isV2 = version === 'v2' || refusesAsV2(shot, exchange, limit)
    const { verdict, reason } = judge(exchange, limit, { version: isV2 ? 'v2' : 'v3' })
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
    note(`the backend reports on ${outTradeNo}: ${JSON.stringify(told)}`)
    return told
  }

  async function stillUnpaid(outTradeNo: string, because: string): Promise<void> {
    const told = await word(outTradeNo)
    if (!told) return
    expected.set(outTradeNo, 0)
    if (told.fulfilments > 0 || told.paid) {
      throw new Ruling('FAIL', `${because}; the order counts as paid (fulfilled ${timesOf(told.fulfilments)})`)
    }
  }

  async function paidOnce(outTradeNo: string, because = 'the order is paid'): Promise<void> {
    if (!probe) return
    const told = await askUntil(
      () => probe(outTradeNo),
      ({ fulfilments }) => fulfilments > 0,
      settleMs,
    )
    note(`the backend reports on ${outTradeNo}: ${JSON.stringify(told)}`)
    expected.set(outTradeNo, 1)
    if (told.fulfilments !== 1 || !told.paid) {
      const what =
        told.fulfilments === 0
          ? 'not fulfilled: the payment is lost'
          : `fulfilled ${timesOf(told.fulfilments)}, not once`
      throw new Ruling('FAIL', `${because}, but the order was ${what}`)
    }
    const { totalFee } = world.order(outTradeNo)
    if (told.amount !== undefined && told.amount !== totalFee) {
      throw new Ruling('FAIL', `the backend booked ${told.amount} fen for an order of ${totalFee} fen`)
    }
  }

  async function pay(outTradeNo: string): Promise<Answer> {
    if (world.order(outTradeNo).tradeState === 'NOTPAY') await world.pay(outTradeNo, { deliver: 'hold' })
    const answer = await send(message(outTradeNo))
    if (!answer.acked) throw new Ruling('FAIL', `the backend did not accept a genuine notification: ${answer.reason}`)
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

/** Waits for work that a backend does after its answer. */
export const settle = (ms: number) => pauseFor(ms)
