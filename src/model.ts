/**
 * What the package speaks of, in its own words. Types only.
 * Money is an integer number of fen; moments are `Date`.
 */

/** What WeChat says of a trade (API v2 orderquery, `trade_state`). */
export type TradeState = 'SUCCESS' | 'REFUND' | 'NOTPAY' | 'CLOSED' | 'REVOKED' | 'USERPAYING' | 'PAYERROR' | 'ACCEPT'

/**
 * Where an order stands.
 *
 * - `created`: the number is in our store, WeChat has not answered yet
 * - `unknown`: WeChat was asked and the answer was lost; the number may exist there
 * - `prepaid`: WeChat gave a prepay id; the user can pay
 * - `closing`: we mean to close it; it can still turn out paid
 * - `paid`: WeChat took the money. Final
 * - `closed`: WeChat says it can no longer be paid. Final
 * - `failed`: WeChat refused to create it. Final
 */
export type OrderState = 'created' | 'unknown' | 'prepaid' | 'closing' | 'paid' | 'closed' | 'failed'

/**
 * Where the work that a payment owes its payer stands: `due` until `onPaid` has run to its end, then `done`.
 * `held` waits for the operator, `dismissed` was decided by one, also of an order whose only payment did not fit.
 */
export type Fulfilment = 'none' | 'due' | 'done' | 'held' | 'dismissed'

/** The terms of an order: what WeChat is told, and told again unchanged on every repetition. */
export interface OrderTerms {
  /** The caller's own business key, e.g. a cart id. One live order exists per key. */
  key: string
  openid: string
  /** Shown to the payer. At most 127 bytes. */
  description: string
  /** Fen. */
  totalFee: number
  /** Given back by WeChat with the payment. At most 127 bytes. */
  attach?: string | undefined
  /** The payer's IPv4 or IPv6 address. `::ffff:203.0.113.7` becomes `203.0.113.7`, and a zone id is left out. */
  clientIp: string
  /** By WeChat's clock. */
  expiresAt: Date
}

/** Whose an order is: a mini program and the merchant number that it takes money with. */
export interface Account {
  appid: string
  mchId: string
}

export interface Order extends OrderTerms, Account {
  outTradeNo: string
  /** The version of WeChat Pay's API that it was made with. */
  apiVersion: 'v2' | 'v3'
  currency: 'CNY'
  state: OrderState
  /** `key` while the order can still be paid or has been, `null` once it is closed: unique, so that one live order exists per key. */
  liveKey: string | null
  /** By WeChat's clock, as far as it was known. */
  createdAt: Date
  prepayId?: string | undefined
  prepayExpiresAt?: Date | undefined
  /** When WeChat was last asked for the trade's state. */
  queriedAt?: Date | undefined
  /** What WeChat took, recorded whatever the order's state. */
  payment?: Payment | undefined
  /** In the order they were asked for or discovered. */
  refunds: readonly Refund[]
  fulfilment: Fulfilment
  /** Failed tries of the work now due; resets when the work changes. */
  attempts: number
  /** When the order's next work is due; `null` when it owes none. A claim moves it to the end of the lease. */
  dueAt: Date | null
  /** Counts claims: a lease holds while nobody has claimed since. Only the store writes it. */
  claims: number
}

/** A payment as WeChat reports it, in a notification, an orderquery or a bill. */
export interface Payment {
  transactionId: string
  outTradeNo: string
  appid: string
  mchId: string
  openid: string
  /** Fen: what the order cost. Less may have been taken from the payer's account when coupons paid the rest. */
  totalFee: number
  currency: string
  paidAt: Date
  bankType?: string | undefined
  attach?: string | undefined
}

/**
 * Where a refund stands.
 *
 * - `created`: the number is in our store, WeChat has not answered yet
 * - `unknown`: WeChat was asked and the answer was lost; it is asked again under the same number
 * - `processing`: WeChat accepted it
 * - `success`: the money is back. Final
 * - `closed`, `failed`: WeChat closed or refused it; the amount can be refunded again. Final
 * - `abnormal`: the money cannot reach the payer's account; the operator settles it in the merchant platform
 */
export type RefundState = 'created' | 'unknown' | 'processing' | 'success' | 'closed' | 'failed' | 'abnormal'

export interface Refund {
  /** `outTradeNo` and a counter for ours; whatever the merchant platform gave for one made there. */
  outRefundNo: string
  /** The caller's own key: the same key is never refunded twice. */
  key: string
  /** Fen. */
  refundFee: number
  reason?: string | undefined
  /** `external`: made in the merchant platform and discovered by us. */
  origin: 'local' | 'external'
  state: RefundState
  /** WeChat's number, once known. */
  refundId?: string | undefined
  createdAt: Date
  /** When the money was back. */
  succeededAt?: Date | undefined
  /** Asked since the state last changed. */
  attempts: number
  /** When somebody must act on it; `null` when nobody must. */
  dueAt: Date | null
  /** `due` until `onRefunded` has run to its end for a refund that succeeded. */
  fulfilment: 'none' | 'due' | 'done'
}

/** A refund as WeChat reports it when asked. */
export interface RefundReport {
  outRefundNo: string
  outTradeNo: string
  refundId: string
  /** Fen. */
  refundFee: number
  state: 'processing' | 'success' | 'closed' | 'abnormal'
  succeededAt?: Date | undefined
}

/** What WeChat tells a merchant, verified and decrypted (API v3). */
export interface WechatEvent {
  /** The same for every repetition. */
  id: string
  /** Such as `COMPLAINT.CREATE`. */
  type: string
  /** `original_type` of the resource, such as `complaint`. */
  resourceType?: string | undefined
  /** The decrypted JSON object. */
  resource: Readonly<Record<string, unknown>>
}

/** Who brought the news. */
export type Source = 'notify' | 'query' | 'bill' | 'close' | 'order' | 'refund' | 'operator' | 'fulfil'

/** One line of an order's life: what was seen, from where, when, what it changed, or why it changed nothing. */
export interface HistoryLine {
  outTradeNo: string
  at: Date
  source: Source
  seen: string
  outcome: string
  from: OrderState
  to: OrderState
}

/** A line as it is kept: the same news is counted, not repeated. */
export interface HistoryEntry extends HistoryLine {
  /** How often this was seen; `at` is the first time. */
  count: number
  /** The last time. */
  lastAt: Date
}

/** What is not as it should be with money, and waits for somebody to look. */
export type AnomalyKind =
  /** Paid after the order was closed or had failed. */
  | 'late'
  /** Paid although another order of the same key has been paid. */
  | 'duplicate'
  /** WeChat has refunded some or all of it, before its payment or the refund was known here. On hold, unless it has been delivered. */
  | 'refunded'
  /** Amount, appid, merchant, currency or payer is not the order's. */
  | 'mismatch'
  /** Another transaction for an order that is paid already. */
  | 'second-transaction'
  /** A transaction that has paid another order already. */
  | 'reused-transaction'
  /** A validly signed notification for an order that is not ours. */
  | 'unknown-order'
  /** A refund that cannot reach the payer: to be settled in the merchant platform. */
  | 'refund-abnormal'
  /** WeChat refused a refund for good. */
  | 'refund-refused'
  /** WeChat reports a refund of another amount than was asked for, or more than was paid. */
  | 'refund-mismatch'
  /** A refund has been asked for ten times, and WeChat has not taken it: e.g. the merchant's balance is too low. It is asked for on. */
  | 'refund-stuck'
  /** The bill of a day and the store differ, and WeChat, asked, has not settled it. */
  | 'bill-differs'
  /** `onPaid` or `onRefunded` has failed ten times for the same order or refund. It is run on. */
  | 'hook-failing'

/** What an operator decided about an anomaly. */
export interface Resolution {
  action: 'refund' | 'fulfil' | 'dismiss'
  note: string
  at: Date
}

export interface Anomaly {
  /** The same for the same finding, however often it is reported. */
  id: string
  kind: AnomalyKind
  outTradeNo: string
  at: Date
  /** One sentence: what was expected, what came. */
  reason: string
  payment?: Payment | undefined
  /** Absent while it waits. */
  resolution?: Resolution | undefined
}

/** Who a login belongs to. */
export interface Identity {
  appid: string
  openid: string
  unionid?: string | undefined
}

/** A token's row. Only the hash of the token is kept. */
export interface TokenSession extends Identity {
  /** SHA-256 of the token, lower-case hex. */
  tokenHash: string
  expiresAt: Date
}

/** What `wx.requestPayment` takes, value for value. */
export interface PayParams {
  /** UNIX seconds, ten digits. */
  timeStamp: string
  nonceStr: string
  /** `prepay_id=…` */
  package: string
  signType: string
  paySign: string
}

/** One thing that has to hold before going live. */
export interface Check {
  /** What was looked at, e.g. `app secret`. */
  check: string
  ok: boolean
  /** What was found, as a sentence. It holds no secret. */
  reason: string
  /** What to do, where it does not hold; or what to think of, where it does. */
  advice?: string
}
