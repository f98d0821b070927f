import type { PayApi } from '../client/pay.ts'
import type { Order } from '../model.ts'
import { isFinal, isOpen } from './machine/ruling.ts'
import type { Observation } from './machine/observation.ts'
import { createQuery } from './query.ts'
import type { Query } from './query.ts'

export interface AskingDeps {
  pay: Pick<PayApi, 'query' | 'listRefunds' | 'close'>
  /** Applies news about an existing order. */
  apply: (order: Order, observation: Observation) => Promise<Order>
  now: () => Date
  wechatNow: () => Date
}

/** Queries and closes of orders that WeChat may know, by the schedule or for a client. */
export interface Asking {
  /** Queries WeChat and applies the answer. */
  ask: Query
  /**
   * Queries WeChat, and returns whether the order is still open and too old by WeChat's time, which the answer contains. No order is closed for its age
   * without a query.
   * `planned`: the next query is already in the schedule.
   */
  askAge(
    order: Order,
    polled: boolean,
    isTooOld: (order: Order) => boolean,
    planned?: boolean,
  ): Promise<{ order: Order; isOver: boolean }>
  /**
   * Queries (unless WeChat has just been asked), closes, and queries again if WeChat says paid: the order is closed only on WeChat's word, and can be paid
   * until then. Resolves with an order that is still `closing` if WeChat does not know it although it accepted it.
   */
  close(order: Order, reason: string, polled: boolean, asked?: boolean): Promise<Order>
  /**
   * Closes an expired order that WeChat has just said is unpaid. Nothing is noted first: if this is cut off, the order is queried again when its lease ends.
   */
  expire(order: Order): Promise<Order>
  /**
   * For polling clients: queries WeChat, unless the order is final or was queried a moment ago. Simultaneous clients share one query. For a paid
   * order only a refund made elsewhere can be news, so it is queried a few minutes after the payment or the last query.
   */
  look(order: Order): Promise<Order>
  /**
   * For clients that cancel or order again: closes the order, unless it is final. Simultaneous clients share one attempt. An order whose close has
   * just failed stays `closing`, and the schedule retries it.
   */
  end(order: Order, reason: string, asked?: boolean): Promise<Order>
}

/** The least time between two queries, or two closes, of one order by clients. */
const REST_MS = 2000
const PAID_REST_MS = 5 * 60_000

/** Who asks: the sweeper, whose next attempt depends on the answer, or a client. */
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
    return await closeThere(current, polled)
  }

  /** Closes it at WeChat, whose word counts. */
  async function closeThere(order: Order, polled: boolean, reason?: string): Promise<Order> {
    let answer: 'closed' | 'paid' | 'not-exist'
    try {
      answer = await pay.close(order.outTradeNo, order)
    } catch (error) {
      // WeChat may have closed it.
      const closing = isOpen(order)
        ? await apply(order, { seen: 'close-wanted', source: 'order', reason: reason! })
        : order
      await apply(closing, { seen: 'no-answer', source: 'close', polled, reason: (error as Error).message })
      throw error
    }
    if (answer === 'paid') return await ask(order, polled)
    // WeChat has accepted it, so it may still be paid: ask again until it expires.
    if (answer === 'not-exist' && order.prepayExpiresAt !== undefined && order.expiresAt > wechatNow()) {
      return await apply(order, {
        seen: 'no-answer',
        source: 'close',
        polled,
        reason: 'WeChat does not know the order although it accepted it',
      })
    }
    return await apply(order, { seen: 'closed', source: 'close', ...(reason !== undefined && { reason }) })
  }

  return {
    ask,
    close,
    expire: (order) => closeThere(order, SCHEDULED, 'expired'),
    async askAge(order, polled, isTooOld, planned = false) {
      let isOld = false
      const asked = await ask(order, polled, () => {
        // At once: the clock may be set before the answer is stored.
        isOld = isTooOld(order)
        return planned || isOld
      })
      return { order: asked, isOver: isOld && isOpen(asked) }
    },
    async look(order) {
      if ((isFinal(order) && order.payment === undefined) || wasHeardOfLately(order)) return order
      return (await looks.join(order.outTradeNo, () => ask(order, POLLED))) ?? order
    },
    async end(order, reason, asked) {
      if (isFinal(order)) return order
      // WeChat has not been asked to close this order yet.
      const urgent = order.state !== 'closing'
      return (await ends.join(order.outTradeNo, () => close(order, reason, POLLED, asked), urgent)) ?? order
    },
  }

  /** Whether it was queried recently, by our clock, or paid recently, by WeChat's. */
  function wasHeardOfLately({ queriedAt, payment }: Order): boolean {
    const restMs = payment === undefined ? REST_MS : PAID_REST_MS
    return isLately(queriedAt, now(), restMs) || isLately(payment?.paidAt, wechatNow(), restMs)
  }
}

/** A time in the future was recorded by a clock that is ahead of ours, and does not count. */
function isLately(at: Date | undefined, now: Date, withinMs: number): boolean {
  if (at === undefined) return false
  const since = now.getTime() - at.getTime()
  return since >= 0 && since < withinMs
}

/** Conversations with WeChat, by order number. */
export interface Talks {
  /**
   * One conversation at a time per order, shared by all callers, and none within `restMs` of the start of the previous one: then `undefined`, unless
   * urgent.
   */
  join(outTradeNo: string, talk: () => Promise<Order>, urgent?: boolean): Promise<Order | undefined>
  /** The number of remembered orders: those of the last `restMs`, after the next call. */
  readonly size: number
}

export function createTalks(restMs: number, now: () => Date): Talks {
  const underWay = new Map<string, Promise<Order>>()
  /** The start of each order's last conversation, oldest first. */
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
