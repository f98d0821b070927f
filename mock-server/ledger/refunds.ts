import type { ApiVersion } from '../wire/names.ts'
import type { Coupon, Order, Payment } from './orders.ts'

/**
 * The status of a refund (protocol: refund_status). Only CHANGE, which needs the merchant's intervention, can end a second
 * time.
 */
export type RefundStatus = 'PROCESSING' | 'SUCCESS' | 'CHANGE' | 'REFUNDCLOSE'

/** How a refund ends. */
export type RefundEnd = Exclude<RefundStatus, 'PROCESSING'>

/** Where the money goes (protocol: refund_channel). */
export type RefundChannel = 'ORIGINAL' | 'BALANCE' | 'OTHER_BALANCE' | 'OTHER_BANKCARD'

/** Whose money it is (protocol: refund_account). */
export type RefundAccount = 'REFUND_SOURCE_UNSETTLED_FUNDS' | 'REFUND_SOURCE_RECHARGE_FUNDS'

/** What one refund returns of one coupon. */
export interface CouponRefund {
  /** Fen; may be 0. */
  readonly fee: number
  readonly id: string
  readonly type?: NonNullable<Coupon['type']>
}

/** A part of a refund, and the account that pays it. */
export interface FundsPart {
  readonly account: 'AVAILABLE' | 'UNAVAILABLE'
  /** Fen. */
  readonly amount: number
}

/** The status of a refund at some time. */
export type RefundOutcome = Pick<Refund, 'status' | 'channel' | 'endedAt'>

/** A refund as WeChat stores it; amounts in fen. */
export interface Refund {
  /** The API of the call that requested it; `v2` for the console. */
  readonly version: ApiVersion
  readonly outRefundNo: string
  readonly refundId: string
  /** How many refunds were requested before it. */
  readonly ordinal: number
  readonly outTradeNo: string
  readonly refundFee: number
  readonly cashRefundFee: number
  /** In the order of the payment's coupons. */
  readonly coupons: readonly CouponRefund[]
  readonly desc: string
  readonly account: RefundAccount
  /** How it is split across the merchant's accounts (API v3), if the merchant said so. */
  readonly from: readonly FundsPart[]
  /** `API`, or the merchant's console. */
  readonly source: 'API' | 'VENDOR_PLATFORM'
  /** '' if no notification is sent. */
  readonly notifyUrl: string
  readonly requestedAt: Date
  status: RefundStatus
  channel: RefundChannel
  /** refund_recv_accout, in words. */
  receivedBy: string
  endedAt: Date | undefined
  /** Its status after the first end, if it has ended twice. */
  firstEnd?: RefundOutcome
  /** When it will succeed automatically. */
  dueAt: Date | undefined
  cancelTimer: () => void
  /** The last one created. */
  notificationId: string | undefined
}

/** Cancels a timer that was never set. */
export const nothing = () => {}

const BEGUN: RefundOutcome = { status: 'PROCESSING', channel: 'ORIGINAL', endedAt: undefined }

/** The status of a refund at a moment after its request. */
export const outcomeAt = (refund: Refund, moment: Date): RefundOutcome =>
  [refund, refund.firstEnd].find((outcome) => outcome?.endedAt && outcome.endedAt <= moment) ?? BEGUN

/** A closed refund returned the money to the merchant; any other one holds it. */
export const liveRefunds = (refunds: readonly Refund[]) => refunds.filter(({ status }) => status !== 'REFUNDCLOSE')

export const refundedFee = (refunds: readonly Refund[]) =>
  liveRefunds(refunds).reduce((sum, { refundFee }) => sum + refundFee, 0)

/**
 * Splits a refund across the means of payment, in proportion to what remains of each. The parts add up to the refund, and
 * none is refunded beyond its size.
 */
export function divideRefund(
  totalFee: number,
  { coupons }: Payment,
  earlier: readonly Refund[],
  refundFee: number,
): Pick<Refund, 'coupons' | 'cashRefundFee'> {
  const left = totalFee - refundedFee(earlier)
  let above = 0
  const share = (part: number) => {
    const from = Math.floor((above * refundFee) / left)
    above += part
    return Math.floor((above * refundFee) / left) - from
  }
  const returned = (n: number) => liveRefunds(earlier).reduce((sum, { coupons }) => sum + coupons[n]!.fee, 0)
  const shares = coupons.map(({ fee, id, type }, n): CouponRefund => ({
    fee: share(fee - returned(n)),
    id: id!,
    ...(type && { type }),
  }))
  return { coupons: shares, cashRefundFee: refundFee - shares.reduce((sum, { fee }) => sum + fee, 0) }
}

export const couponRefundFee = ({ coupons }: Pick<Refund, 'coupons'>) => coupons.reduce((sum, { fee }) => sum + fee, 0)

const granted = (coupons: readonly Coupon[]) =>
  coupons.reduce((sum, { fee, type }) => (type === 'NO_CASH' ? sum + fee : sum), 0)

/** What the merchant receives for a paid order: everything except granted coupons, which were never paid to it. */
export const settledFee = ({ totalFee, payment }: Order) => totalFee - granted(payment!.coupons)

/** The settled amounts of a refund and its order. */
export const refundSettlement = (order: Order, { refundFee, coupons }: Refund) => ({
  totalFee: settledFee(order),
  refundFee: refundFee - granted(coupons),
})

/** What a refund returns of coupons that the payer had bought. */
export const rechargeRefundFee = ({ coupons }: Refund) =>
  coupons.reduce((sum, { fee, type }) => (type === 'CASH' ? sum + fee : sum), 0)

/** A merchant's refunds. */
export interface RefundBook {
  readonly add: (refund: Refund) => void
  readonly find: (outRefundNo: string) => Refund | undefined
  readonly findId: (refundId: string) => Refund | undefined
  /** In the order of their requests. */
  readonly ofOrder: (outTradeNo: string) => readonly Refund[]
  readonly list: () => Refund[]
  /** The ordinal of the next one: the number of refunds so far. */
  readonly next: () => number
  /** Drops the refunds of the given orders. */
  readonly forget: (isGone: (outTradeNo: string) => boolean) => void
  readonly dump: () => RefundsDump
  /** Drops everything, including what was to happen automatically. */
  readonly load: (dump: RefundsDump) => void
}

/** A merchant's refunds as stored in a snapshot. */
export type RefundsDump = readonly Omit<Refund, 'cancelTimer'>[]

export function createRefundBook(): RefundBook {
  const byNumber = new Map<string, Refund>()
  const byId = new Map<string, Refund>()
  const byOrder = new Map<string, Refund[]>()
  let next = 0
  const ofOrder = (outTradeNo: string) => byOrder.get(outTradeNo) ?? []
  function add(refund: Refund): void {
    next = refund.ordinal + 1
    byNumber.set(refund.outRefundNo, refund)
    byId.set(refund.refundId, refund)
    byOrder.set(refund.outTradeNo, [...ofOrder(refund.outTradeNo), refund])
  }
  return {
    add,
    find: (outRefundNo) => byNumber.get(outRefundNo),
    findId: (refundId) => byId.get(refundId),
    ofOrder,
    list: () => [...byNumber.values()],
    next: () => next,
    forget: (isGone) => {
      for (const { outTradeNo, outRefundNo, refundId } of byNumber.values()) {
        if (!isGone(outTradeNo)) continue
        byNumber.delete(outRefundNo)
        byId.delete(refundId)
        byOrder.delete(outTradeNo)
      }
    },
    dump: () => Array.from(byNumber.values(), ({ cancelTimer: _timer, ...data }) => data),
    load: (dump) => {
      for (const { cancelTimer } of byNumber.values()) cancelTimer()
      for (const index of [byNumber, byId, byOrder]) index.clear()
      next = 0
      for (const data of dump) add({ ...data, cancelTimer: nothing })
    },
  }
}
