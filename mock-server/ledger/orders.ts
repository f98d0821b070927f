import { oneOf } from '../base/schema.ts'
import type { ApiVersion } from '../wire/names.ts'
import type { SignType } from '../wire/sign-v2.ts'

const TRADE_STATES = ['NOTPAY', 'SUCCESS', 'REFUND', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR', 'ACCEPT'] as const
/** Every trade_state of the protocol. A JSAPI order only reaches the first four; a test can force any of them. */
export type TradeState = (typeof TRADE_STATES)[number]
export const TRADE_STATE = oneOf(...TRADE_STATES)

/** A coupon used in a payment; most real notifications omit `type`. */
export interface Coupon {
  /** Fen. */
  readonly fee: number
  readonly id?: string
  /** `CASH` (bought) or `NO_CASH` (granted). */
  readonly type?: 'CASH' | 'NO_CASH'
}

export interface Payment {
  readonly transactionId: string
  readonly openid: string
  /** The payer in the sub-merchant's app, if the order named one. */
  readonly subOpenid?: string
  readonly bankType: string
  readonly coupons: readonly Coupon[]
  readonly paidAt: Date
}

/** The sub-merchant that a service provider's order belongs to. */
export interface Sub {
  readonly mchId: string
  /** '' if the order names no app of it. */
  readonly appid: string
  /** '' if the order was not created for a user of that app. */
  readonly openid: string
}

/** Shipping information of an order, in the wire's numbers. */
export interface Shipping {
  readonly logisticsType: number
  readonly mode: number
  /** What was reported, as JSON: the same again changes nothing. */
  readonly content: string
  /** How often the shipping was reported as complete. */
  readonly uploads: number
  readonly isFinished: boolean
  readonly uploadedAt: Date
  /** When the goods arrived, as the payer was reminded. */
  receivedAt: Date | undefined
}

/** An order as WeChat keeps it. */
export interface Order {
  /** The API it was created with. */
  readonly version: ApiVersion
  readonly outTradeNo: string
  readonly body: string
  /** Fen. */
  readonly totalFee: number
  readonly feeType: string
  readonly tradeType: string
  /** The appid of the mini program. */
  readonly appid: string
  /** The user the order was created for; '' if anybody may pay it. */
  readonly openid: string
  /** Absent in an order of an ordinary merchant. */
  readonly sub?: Sub | undefined
  readonly createdAt: Date
  /** API v3: all its parameters, which a repeated call must not change; '' in v2. */
  readonly parameters: string
  deviceInfo: string
  attach: string
  notifyUrl: string
  /** From the last unifiedorder: the notification echoes it. */
  nonceStr: string
  signType: SignType
  prepayId: string
  prepayIssuedAt: Date
  /** time_expire: the last moment to pay. */
  expiresAt: Date | undefined
  /** The state it actually reached. */
  tradeState: 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED'
  /** The state a test has forced, until the order is paid, closed or refunded. */
  forcedState?: TradeState | undefined
  payment: Payment | undefined
  /** When it will be paid automatically. */
  autoPayAt?: Date | undefined
  /** What the mini program has reported of its shipping. */
  shipping?: Shipping | undefined
}

/** Whether it belongs to this sub-merchant; '': to no sub-merchant. */
export const isOf = ({ sub }: Order, subMchId: string) => (sub?.mchId ?? '') === subMchId

/** The app in which it is paid. */
export const payingAppid = ({ appid, sub }: Order) => sub?.appid || appid

/** A prepay_id is valid for two hours. */
export const PREPAY_LIFE_MS = 2 * 3_600_000

/** The state that WeChat reports. */
export const stateOf = ({ forcedState, tradeState }: Pick<Order, 'forcedState' | 'tradeState'>): TradeState =>
  forcedState ?? tradeState

/** Whether it can still be paid. */
export const isOpen = (order: Order) => ['NOTPAY', 'USERPAYING', 'ACCEPT'].includes(stateOf(order)) && !order.payment

/** In v3 an order is not closed at its time_expire, but after seven days. */
const OPEN_V3_MS = 7 * 24 * 3_600_000

/** When it is CLOSED if nobody pays it. */
function closesAt({ version, createdAt, expiresAt }: Order): Date | undefined {
  if (version === 'v2') return expiresAt
  return new Date(Math.max(createdAt.getTime() + OPEN_V3_MS, expiresAt?.getTime() ?? 0))
}

/** Whether its time_expire has passed. */
export const isOverdue = ({ expiresAt }: Order, now: Date) => expiresAt !== undefined && expiresAt <= now

/** Whether it can no longer be paid. */
export const isOver = (order: Order) => ['CLOSED', 'REVOKED'].includes(stateOf(order))

/** The sum of a payment's coupons, in fen. */
export const couponFee = (payment: Payment) => payment.coupons.reduce((sum, { fee }) => sum + fee, 0)

/** The current state of an order; amounts in fen. */
export interface OrderSnapshot {
  readonly mchId: string
  readonly appid: string
  /** The API it was created with. */
  readonly version: ApiVersion
  readonly outTradeNo: string
  readonly tradeState: TradeState
  readonly totalFee: number
  readonly cashFee: number | undefined
  readonly feeType: string
  readonly tradeType: string
  readonly body: string
  readonly attach: string
  /** The user the order was created for; the payer once it is paid. */
  readonly openid: string
  /** Only in orders of a service provider; '' is as in the order. */
  readonly subMchId?: string
  readonly subAppid?: string
  readonly subOpenid?: string
  readonly prepayId: string
  readonly notifyUrl: string
  readonly signType: SignType | 'RSA'
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
  readonly transactionId: string | undefined
  readonly bankType: string | undefined
  readonly coupons: readonly Coupon[]
  readonly paidAt: Date | undefined
}

export function orderSnapshot(mchId: string, order: Order): OrderSnapshot {
  const {
    version,
    outTradeNo,
    totalFee,
    feeType,
    tradeType,
    body,
    attach,
    openid,
    prepayId,
    notifyUrl,
    signType,
    createdAt,
    expiresAt,
    payment,
    sub,
  } = order
  return {
    mchId,
    appid: order.appid,
    version,
    outTradeNo,
    tradeState: stateOf(order),
    totalFee,
    cashFee: payment && totalFee - couponFee(payment),
    feeType,
    tradeType,
    body,
    attach,
    openid: payment?.openid ?? openid,
    ...(sub && { subMchId: sub.mchId, subAppid: sub.appid, subOpenid: payment?.subOpenid ?? sub.openid }),
    prepayId,
    notifyUrl,
    signType: version === 'v3' ? 'RSA' : signType,
    createdAt,
    expiresAt,
    transactionId: payment?.transactionId,
    bankType: payment?.bankType,
    coupons: payment?.coupons ?? [],
    paidAt: payment?.paidAt,
  }
}

/** A merchant's orders. Every lookup first closes the orders that have expired. */
export interface OrderBook {
  readonly add: (order: Order) => void
  readonly find: (outTradeNo: string) => Order | undefined
  readonly findPrepay: (prepayId: string) => Order | undefined
  readonly findTransaction: (transactionId: string) => Order | undefined
  readonly indexPrepay: (order: Order) => void
  readonly indexTransaction: (order: Order, payment: Payment) => void
  readonly list: () => Order[]
  readonly count: () => number
  /** Makes a number unusable: it was closed without ever having been ordered. */
  readonly burn: (outTradeNo: string) => void
  readonly isBurnt: (outTradeNo: string) => boolean
  /** Drops the given orders. */
  readonly forget: (isGone: (outTradeNo: string) => boolean) => void
  readonly dump: () => OrdersDump
  readonly load: (dump: OrdersDump) => void
}

/** A merchant's orders as stored in a snapshot; each may have had several prepay_ids. */
export interface OrdersDump {
  readonly orders: readonly Order[]
  readonly prepays: readonly (readonly [prepayId: string, outTradeNo: string])[]
  readonly burnt: readonly string[]
}

const MAX_BURNT = 10_000

export function createOrderBook(now: () => Date): OrderBook {
  const byNumber = new Map<string, Order>()
  const byPrepay = new Map<string, Order>()
  const byTransaction = new Map<string, Order>()
  const burnt = new Set<string>()
  const current = (order: Order | undefined) => {
    if (order?.tradeState !== 'NOTPAY') return order
    const end = closesAt(order)
    if (end && end <= now()) order.tradeState = 'CLOSED'
    return order
  }
  return {
    add: (order) => {
      byNumber.set(order.outTradeNo, order)
    },
    find: (outTradeNo) => current(byNumber.get(outTradeNo)),
    findPrepay: (prepayId) => current(byPrepay.get(prepayId)),
    findTransaction: (transactionId) => byTransaction.get(transactionId),
    indexPrepay: (order) => {
      byPrepay.set(order.prepayId, order)
    },
    indexTransaction: (order, { transactionId }) => {
      byTransaction.set(transactionId, order)
    },
    list: () => Array.from(byNumber.values(), (order) => current(order)!),
    count: () => byNumber.size,
    burn: (outTradeNo) => {
      burnt.add(outTradeNo)
      // The first is the oldest.
      if (burnt.size > MAX_BURNT) burnt.delete(burnt.values().next().value!)
    },
    isBurnt: (outTradeNo) => burnt.has(outTradeNo),
    forget: (isGone) => {
      for (const index of [byNumber, byPrepay, byTransaction]) {
        for (const [name, { outTradeNo }] of index) if (isGone(outTradeNo)) index.delete(name)
      }
    },
    dump: () => ({
      orders: [...byNumber.values()],
      prepays: Array.from(byPrepay, ([prepayId, { outTradeNo }]) => [prepayId, outTradeNo]),
      burnt: [...burnt],
    }),
    load: (dump) => {
      const { orders, prepays } = dump
      for (const index of [byNumber, byPrepay, byTransaction, burnt]) index.clear()
      for (const outTradeNo of dump.burnt) burnt.add(outTradeNo)
      for (const order of orders) {
        byNumber.set(order.outTradeNo, order)
        if (order.payment) byTransaction.set(order.payment.transactionId, order)
      }
      for (const [prepayId, outTradeNo] of prepays) byPrepay.set(prepayId, byNumber.get(outTradeNo)!)
    },
  }
}
