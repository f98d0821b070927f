import type { Order, TradeType } from '../model.ts'
import { CALL_GRACE, CLOCKS_APART } from './schedule.ts'

const MINUTE = 60 * 1000
/** A prepay id lives 2 h, and so does a QR code (unifiedorder 4011940985); one this close to its end is not handed out. */
const PREPAY_TTL = 120 * MINUTE
const PREPAY_MARGIN = 5 * MINUTE
/** The page for a mobile browser lives 5 min. */
const H5_TTL = 5 * MINUTE
const H5_MARGIN = MINUTE
/** Nor is an order this close to its expiry, or in the second half of a shorter life. */
const EXPIRY_MARGIN = 60 * 1000

/** How long a prepay id or URL from WeChat can be used, ms. */
export function prepayTtl(tradeType: TradeType): number {
  return tradeType === 'H5' ? H5_TTL : PREPAY_TTL
}

/** Checks of an order's age. When it was made and expires is measured by WeChat's clock, everything else by ours. */
export interface Ages {
  /** It has expired. */
  isExpired(order: Order): boolean
  /** Too little of its time is left to return it to a client. */
  isEnding(order: Order): boolean
  /**
   * Its first call to WeChat may still be in progress. If two clients that order at the same moment closed each other's orders, both would end up with none.
   * Clocks of other processes may be ahead.
   */
  isBeingMade(order: Order): boolean
  /** WeChat has accepted it, and its prepay id or URL can be returned to a client. */
  isPayable(order: Order): boolean
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

    isPayable({ state, tradeType, prepayId, payUrl, prepayExpiresAt }) {
      if (state !== 'prepaid' || (prepayId ?? payUrl) === undefined || prepayExpiresAt === undefined) return false
      const left = prepayExpiresAt.getTime() - now().getTime()
      const margin = tradeType === 'H5' ? H5_MARGIN : PREPAY_MARGIN
      // A prepay id that is valid for longer than possible was recorded by a clock that was ahead: its real expiry is unknown.
      return left > margin && left <= prepayTtl(tradeType) + CLOCKS_APART
    },
  }
}
