/**
 * The package's data model. Types only.
 * Money is an integer number of fen; moments are `Date`.
 */

import type { OrderExtras } from './model/extras.ts'
import type { OwedShipping } from './model/shipping.ts'

export type { Goods, H5Info, OrderExtras, SceneInfo } from './model/extras.ts'
export type { OwedShipping, Parcel, Shipment } from './model/shipping.ts'

/** WeChat's state of a trade (API v2 orderquery, `trade_state`). */
export type TradeState = 'SUCCESS' | 'REFUND' | 'NOTPAY' | 'CLOSED' | 'REVOKED' | 'USERPAYING' | 'PAYERROR' | 'ACCEPT'

/**
 * The state of an order.
 *
 * - `created`: the number is in our store, WeChat has not answered yet
 * - `unknown`: WeChat was asked and the answer was lost; the number may exist there
 * - `prepaid`: WeChat gave a prepay id; the user can pay
 * - `closing`: we want to close it; it may still turn out to be paid
 * - `paid`: WeChat took the money. Final
 * - `closed`: WeChat says it can no longer be paid. Final
 * - `failed`: WeChat refused to create it. Final
 */
export type OrderState = 'created' | 'unknown' | 'prepaid' | 'closing' | 'paid' | 'closed' | 'failed'

/**
 * The state of the delivery for a payment: `due` until `onPaid` has completed, then `done`. `held` waits for the operator; `dismissed` is
 * the operator's decision, also for an order whose only payment was a mismatch.
 */
export type Fulfilment = 'none' | 'due' | 'done' | 'held' | 'dismissed'

/**
 * How an order is paid: in a mini program (`JSAPI`), by scanning a QR code (`NATIVE`), in a mobile app (`APP`), or in a mobile browser (`H5`, which API v2
 * calls `MWEB`).
 */
export type TradeType = 'JSAPI' | 'NATIVE' | 'APP' | 'H5'

/** The terms of an order, as sent to WeChat, unchanged on every repetition. */
export interface OrderTerms<T extends TradeType = 'JSAPI'> extends OrderExtras {
  /** The caller's own business key, e.g. a cart id. One live order exists per key. */
  key: string
  /** Which app it is made in; needed if there are several. */
  appid?: string | undefined
  /** In service-provider mode, the sub-merchant that gets the money; needed if there are several. */
  subMchId?: string | undefined
  /** Default `JSAPI`. */
  tradeType?: T | undefined
  /** Who orders. With `JSAPI` nobody else can pay, and it is required. */
  openid?: string | undefined
  /** Shown to the payer. At most 127 bytes. */
  description: string
  /** Fen. */
  totalFee: number
  /** Returned by WeChat with the payment. At most 127 bytes. */
  attach?: string | undefined
  /** The payer's IPv4 or IPv6 address. `::ffff:203.0.113.7` becomes `203.0.113.7`, and a zone id is left out. */
  clientIp: string
  /** By WeChat's clock. */
  expiresAt: Date
}

/** The owner of an order: a mini program and its merchant number. */
export interface Account {
  appid: string
  mchId: string
}

/** Whose orders a registration works on: those of these mini programs under one merchant number. */
export interface Owner {
  appids: readonly string[]
  mchId: string
}

/** An order as the store keeps it. */
export interface Order extends Omit<OrderTerms, keyof OrderExtras | 'tradeType' | 'appid'>, Account {
  outTradeNo: string
  /** The service provider's own appid (`sp_appid`) at the time of ordering; set with `subMchId`. If `appid` differs, it is the sub-merchant's (`sub_appid`). */
  spAppid?: string | undefined
  tradeType: TradeType
  /** Further values of its terms. */
  extras?: OrderExtras | undefined
  /** The version of WeChat Pay's API it was made with. */
  apiVersion: 'v2' | 'v3'
  currency: 'CNY'
  state: OrderState
  /**
   * `key`, in service-provider mode with the sub-merchant before it (`1900000200:key`), while the order can still be paid or has been; `null` once it is
   * closed. Unique for the merchant, so that one live order exists per key.
   */
  liveKey: string | null
  /** By WeChat's clock, as precisely as it was known. */
  createdAt: Date
  prepayId?: string | undefined
  /** Instead of a prepay id: the content of the QR code of a `NATIVE` order (`code_url`), the page to open of an `H5` order (`h5_url`). */
  payUrl?: string | undefined
  /** When the prepay id or the URL ends. */
  prepayExpiresAt?: Date | undefined
  /** When WeChat was last asked for the trade's state. */
  queriedAt?: Date | undefined
  /** The payment that WeChat took, recorded in any state of the order. */
  payment?: Payment | undefined
  /** In the order in which they were requested or discovered. */
  refunds: readonly Refund[]
  fulfilment: Fulfilment
  /** What `fastify.wechat.ship` has to report to WeChat. */
  shipping?: OwedShipping | undefined
  /** Failed attempts at the work now due; reset when the work changes. */
  attempts: number
  /** When the order's next work is due; `null` if there is none. A claim moves it to the end of the lease. */
  dueAt: Date | null
  /** Counts claims: a lease is valid until the next claim. */
  claims: number
  /** The process that claimed it last. */
  claimedBy?: string | undefined
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
 * The state of a refund.
 *
 * - `created`: the number is in our store, WeChat has not answered yet
 * - `unknown`: WeChat was asked and the answer was lost; we request it again under the same number
 * - `processing`: WeChat accepted it
 * - `success`: the money is back. Final
 * - `closed`, `failed`: WeChat closed or refused it; the amount can be refunded again. Final
 * - `abnormal`: the money cannot reach the payer's account; the operator settles it in the merchant platform
 */
export type RefundState = 'created' | 'unknown' | 'processing' | 'success' | 'closed' | 'failed' | 'abnormal'

/**
 * The account that the money of a refund comes from: what has not been settled yet (`UNSETTLED`, WeChat's default), or the merchant's balance (`AVAILABLE`).
 * v2: `refund_account` `REFUND_SOURCE_UNSETTLED_FUNDS`, `REFUND_SOURCE_RECHARGE_FUNDS`; v3: `funds_account`.
 */
export type RefundAccount = 'UNSETTLED' | 'AVAILABLE'

/** A refund of an order, as the store keeps it. */
export interface Refund {
  /** `outTradeNo` and a counter for ours; the merchant platform's own number for one made there. */
  outRefundNo: string
  /** The caller's own key: the same key is never refunded twice. */
  key: string
  /** Fen. */
  refundFee: number
  reason?: string | undefined
  refundAccount?: RefundAccount | undefined
  /** `external`: made in the merchant platform and discovered by us. */
  origin: 'local' | 'external'
  state: RefundState
  /** WeChat's number, once known. */
  refundId?: string | undefined
  createdAt: Date
  /** When the money was back. */
  succeededAt?: Date | undefined
  /** Attempts since the state last changed. */
  attempts: number
  /** When its next work is due; `null` if there is none. */
  dueAt: Date | null
  /** For a refund that succeeded: `due` until `onRefunded` has completed. */
  fulfilment: 'none' | 'due' | 'done'
}

/** A refund as WeChat reports it in the answer to a query. */
export interface RefundReport {
  outRefundNo: string
  outTradeNo: string
  refundId: string
  /** Fen. */
  refundFee: number
  state: 'processing' | 'success' | 'closed' | 'abnormal'
  succeededAt?: Date | undefined
}

/** A verified and decrypted notification of API v3. */
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

/** Where the news came from. */
export type Source = 'notify' | 'query' | 'bill' | 'close' | 'order' | 'refund' | 'operator' | 'fulfil'

/** One line of an order's history: what was seen, from where, when, and what it changed or why it changed nothing. */
export interface HistoryLine {
  outTradeNo: string
  at: Date
  source: Source
  seen: string
  outcome: string
  from: OrderState
  to: OrderState
}

/** A stored line of history: repeated news is counted. */
export interface HistoryEntry extends HistoryLine {
  /** How often this was seen; `at` is the first time. */
  count: number
  /** The last time. */
  lastAt: Date
}

/** A problem with money that waits for a person to decide. */
export type AnomalyKind =
  /** Paid after the order was closed or had failed. */
  | 'late'
  /** Paid although another order of the same key has been paid. */
  | 'duplicate'
  /** WeChat has refunded some or all of it before the payment or the refund was known here. On hold, unless it has been delivered. */
  | 'refunded'
  /** Amount, appid, merchant, currency or payer differs from the order's. */
  | 'mismatch'
  /** Another transaction for an order that is paid already. */
  | 'second-transaction'
  /** A transaction that has paid another order already. */
  | 'reused-transaction'
  /** A verified notification about an order that is not known, or about a refund of one; it may have been archived. */
  | 'unknown-order'
  /** A refund cannot reach the payer: settle it in the merchant platform. */
  | 'refund-abnormal'
  /** WeChat refused a refund for good. */
  | 'refund-refused'
  /** WeChat reports a refund with another amount than requested, or more than was paid. */
  | 'refund-mismatch'
  /** A refund is too much for the merchant's account, or has been requested ten times, and WeChat has not accepted it. Retries go on. */
  | 'refund-stuck'
  /** The bill of a day and the store differ, and asking WeChat has not settled it. */
  | 'bill-differs'
  /** WeChat finally refused the shipping report of an order, or has not accepted it in ten attempts. Retries go on. */
  | 'shipping-refused'
  /** `onPaid` or `onRefunded` has failed ten times for the same order or refund. Retries go on. */
  | 'hook-failing'

/** An operator's decision about an anomaly. */
export interface Resolution {
  action: 'refund' | 'fulfil' | 'dismiss'
  note: string
  at: Date
}

/** A finding about money that waits for a person, or was decided by one. */
export interface Anomaly {
  /** Identifies the finding, however often it is reported. */
  id: string
  kind: AnomalyKind
  outTradeNo: string
  at: Date
  /** One sentence: what was expected and what arrived. */
  reason: string
  payment?: Payment | undefined
  /** Absent while undecided. */
  resolution?: Resolution | undefined
}

/** The user a login belongs to. */
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

/** One check before going live. It failed (`ok` is false), passed, or passed with a warning: `ok` is true and there is an `advice`. */
export interface Check {
  /** What was checked, e.g. `app secret`. */
  check: string
  ok: boolean
  /** The result, as a sentence without secrets. */
  reason: string
  /** What to do if the check failed, or what to look at before going live if it passed. */
  advice?: string
}
