import type { PayApi } from '../client/pay.ts'
import type { Order } from '../model.ts'
import { isFinal, isOpen } from './machine/ruling.ts'
import type { Observation } from './machine/observation.ts'
import { createQuery } from './query.ts'
import type { Query } from './query.ts'

export interface AskingDeps {
  pay: Pick<PayApi, 'query' | 'listRefunds' | 'close'>
  /** Applies what was learned of an order that exists. */
  apply: (order: Order, observation: Observation) => Promise<Order>
  now: () => Date
  wechatNow: () => Date
}

/** What is said to WeChat about an order that it may know: questions, and requests to close it. Who asks may be the schedule, or anybody beside it. */
export interface Asking {
  /** Asks WeChat and applies what it says. */
  ask: Query
  /** Asks, and says whether the order is still open and too old by WeChat's time, which its answer tells: nothing is closed for its age before. */
  askAge(order: Order, polled: boolean, isTooOld: (order: Order) => boolean): Promise<{ order: Order; isOver: boolean }>
  /**
   * Query, unless WeChat has just been asked, close there, query again if it says paid: closed only on WeChat's word, and still open to a payment until then.
   * Resolves with an order that is still `closing` when WeChat says that it does not know one that it gave a prepay id for.
   */
  close(order: Order, reason: string, polled: boolean, asked?: boolean): Promise<Order>
  /**
   * For clients that poll: asks, unless the order is over or WeChat was asked a moment ago. Those who look at the same moment share one question. Of a paid
   * order only a refund made elsewhere can be news: that is asked for some minutes after the payment or the last question.
   */
  look(order: Order): Promise<Order>
  /**
   * For clients that cancel or order again: closes, unless the order is over. Those who want it at the same moment share one conversation; an order whose
   * closing has just failed stays `closing`, which is the schedule's business then.
   */
  end(order: Order, reason: string, asked?: boolean): Promise<Order>
}

/** Clients make WeChat be asked, or told to close, at most this often per order. */
const REST_MS = 2000
const PAID_REST_MS = 5 * 60_000

/** Who asks: the sweeper, whose next try depends on the answer, or anybody beside it. */
export const SCHEDULED = false
export const POLLED = true
/** WeChat has just said that the order can be closed. */
export const ASKED = true

export function createAsking({ pay, apply, now, wechatNow }: AskingDeps): Asking {
  const looks = createTalks(REST_MS, now)
  const ends = createTalks(REST_MS, now)

  const ask = createQuery({ pay, apply })

  async function close(order: Order, reason: string, polled: boolean, asked = false): Promise<Order> {
    let current = await apply(order, { seen: 'close-wanted', source: 'order', reason })
    if (current.state === 'closing' && !asked) current = await ask(current, polled)
    if (current.state !== 'closing') return current
    let answer: 'closed' | 'paid' | 'not-exist'
    try {
      answer = await pay.close(current.outTradeNo)
    } catch (error) {
      await apply(current, { seen: 'no-answer', source: 'close', polled, reason: (error as Error).message })
      throw error
    }
    if (answer === 'paid') return await ask(current, polled)
    // WeChat gave a prepay id for it, so somebody may still pay it, whatever WeChat says now: it is asked again until its time is over.
    if (answer === 'not-exist' && current.prepayId !== undefined && current.expiresAt > wechatNow()) {
      return await apply(current, {
        seen: 'no-answer',
        source: 'close',
        polled,
        reason: 'WeChat does not know the order although it accepted it',
      })
    }
    return await apply(current, { seen: 'closed', source: 'close' })
  }

  return {
    ask,
    close,
    async askAge(order, polled, isTooOld) {
      let isOld = false
      const asked = await ask(order, polled, () => {
        // At once: the clock may be set before the answer is stored.
        isOld = isTooOld(order)
      })
      return { order: asked, isOver: isOld && isOpen(asked) }
    },
    async look(order) {
      if ((isFinal(order) && order.payment === undefined) || wasHeardOfLately(order)) return order
      return (await looks.join(order.outTradeNo, () => ask(order, POLLED))) ?? order
    },
    async end(order, reason, asked) {
      if (isFinal(order)) return order
      // What is to be closed only now is news to WeChat.
      const urgent = order.state !== 'closing'
      return (await ends.join(order.outTradeNo, () => close(order, reason, POLLED, asked), urgent)) ?? order
    },
  }

  /** Whether WeChat has just said something about it: when it was asked, by our clock, or when it was paid, by WeChat's. */
  function wasHeardOfLately({ queriedAt, payment }: Order): boolean {
    const restMs = payment === undefined ? REST_MS : PAID_REST_MS
    return isLately(queriedAt, now(), restMs) || isLately(payment?.paidAt, wechatNow(), restMs)
  }
}

/** A moment that is yet to come was noted by a clock that is ahead of ours: it says nothing. */
function isLately(at: Date | undefined, now: Date, withinMs: number): boolean {
  if (at === undefined) return false
  const since = now.getTime() - at.getTime()
  return since >= 0 && since < withinMs
}

/** Conversations about orders, by their numbers. */
export interface Talks {
  /**
   * One conversation at a time about each order, which all who want it share, and none sooner than `restMs` after the one before began: `undefined` then,
   * unless it is urgent.
   */
  join(outTradeNo: string, talk: () => Promise<Order>, urgent?: boolean): Promise<Order | undefined>
  /** How many orders are remembered: those of the last `restMs`, and no more than that after the next call. */
  readonly size: number
}

export function createTalks(restMs: number, now: () => Date): Talks {
  const underWay = new Map<string, Promise<Order>>()
  /** When the last one began; the oldest first. */
  const begun = new Map<string, number>()

  return {
    async join(outTradeNo, talk, urgent = false) {
      const shared = underWay.get(outTradeNo)
      if (shared !== undefined) return await shared
      const at = now().getTime()
      for (const [name, time] of begun) {
        if (Math.abs(at - time) < restMs) break
        begun.delete(name)
      }
      if (begun.has(outTradeNo) && !urgent) return undefined
      begun.delete(outTradeNo)
      begun.set(outTradeNo, at)
      const talking = talk().finally(() => underWay.delete(outTradeNo))
      underWay.set(outTradeNo, talking)
      return await talking
    },
    get size() {
      return begun.size
    },
  }
}
