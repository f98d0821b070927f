import type { Order } from '../model.ts'
import { CALL_GRACE, CLOCKS_APART } from './schedule.ts'

/** A prepay id lives 2 h (unifiedorder 4011940985); one this close to its end is not handed out. */
export const PREPAY_TTL = 2 * 60 * 60 * 1000
const PREPAY_MARGIN = 5 * 60 * 1000
/** Nor is an order this close to its expiry, or in the second half of a shorter life. */
const EXPIRY_MARGIN = 60 * 1000

/** Questions about an order's age: WeChat's clock decides when it was made and expires, ours the rest. */
export interface Ages {
  /** It has expired. */
  isExpired(order: Order): boolean
  /** Too little of its time is left to return it to a client. */
  isEnding(order: Order): boolean
  /**
   * Its first call to WeChat may be under way. If two clients that order at the same moment closed each other's order, both would have none.
   * Clocks of other processes may be ahead.
   */
  isBeingMade(order: Order): boolean
  /** It has a prepay id that can be returned to a client. */
  hasPrepay(order: Order): order is Order & { prepayId: string }
}

export function createAges(now: () => Date, wechatNow: () => Date): Ages {
  function left({ expiresAt }: Order): number {
    return expiresAt.getTime() - wechatNow().getTime()
  }

  return {
    isExpired: (order) => left(order) <= 0,

    isEnding(order) {
      const life = order.expiresAt.getTime() - order.createdAt.getTime()
      return left(order) < Math.min(EXPIRY_MARGIN, life / 2)
    },

    isBeingMade({ state, createdAt }) {
      const age = wechatNow().getTime() - createdAt.getTime()
      return state === 'created' && age > -CLOCKS_APART && age < CALL_GRACE
    },

    hasPrepay(order): order is Order & { prepayId: string } {
      const { state, prepayId, prepayExpiresAt } = order
      if (state !== 'prepaid' || prepayId === undefined || prepayExpiresAt === undefined) return false
      const left = prepayExpiresAt.getTime() - now().getTime()
      // A prepay id that is valid for longer than possible was noted by a clock that was ahead: its real end is unknown.
      return left > PREPAY_MARGIN && left <= PREPAY_TTL + CLOCKS_APART
    },
  }
}
