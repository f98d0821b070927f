import { WechatError } from '../errors.ts'
import type { BillFiles } from './bills.ts'
import type { Party } from './partner.ts'
import type { Order, OrderExtras, Payment, Refund, RefundReport, TradeState, WechatEvent } from '../model.ts'

/** The values that a mobile app passes to WeChat's SDK (doc/v3/merchant/4013070351). */
export interface AppParams {
  appid: string
  partnerid: string
  prepayid: string
  package: 'Sign=WXPay'
  noncestr: string
  /** UNIX seconds. */
  timestamp: string
  sign: string
}

/** The parameters of `wx.requestPayment`. */
export interface PayParams {
  /** UNIX seconds, ten digits. */
  timeStamp: string
  nonceStr: string
  /** `prepay_id=…` */
  package: string
  signType: string
  paySign: string
}

/** WeChat's reply about a trade. */
export type TradeReport =
  | { tradeState: 'SUCCESS'; payment: Payment }
  | { tradeState: 'REFUND'; payment: Payment }
  | { tradeState: Exclude<TradeState, 'SUCCESS' | 'REFUND'> }
  | { tradeState: 'NOT_EXIST' }

/**
 * A notification with verified signature and account. Its order has not been checked yet. With `subMchId` it is only for an order of that sub-merchant of a
 * service provider.
 */
export type Notification = { subMchId?: string | undefined } & (
  | { kind: 'payment'; payment: Payment }
  /** Signed, but its signed text can be split into fields in more than one way: only a reason to ask WeChat. */
  | { kind: 'payment-hint'; outTradeNo: string; transactionId: string }
  | { kind: 'payment-failed'; outTradeNo: string | undefined; reason: string }
  /** A refund from a signed message; its order names the app. */
  | { kind: 'refund'; report: RefundReport }
  /**
   * Decrypted with our key but not signed (refund notification of API v2): only a reason to ask WeChat. A merchant number has one refund URL for all of
   * its apps, so `appid` may be another app's; a service provider's may not name the app of its sub-merchant.
   */
  | { kind: 'refund-hint'; appid: string | undefined; outTradeNo: string; outRefundNo: string; refundFee: number }
  /** Any other notification of API v3, such as a complaint or a transfer. */
  | { kind: 'event'; event: WechatEvent }
)

/** Why a notification is answered with FAIL: a closed set, for logs and counters. */
export type NotificationFault =
  /** A hook or middleware of the app has answered instead of us, or consumed its body. */
  | 'blocked'
  | 'unreadable'
  | 'incomplete'
  | 'bad-signature'
  /** API v3: a wrong signature, sent on purpose to test whether we refuse it (WECHATPAY/SIGNTEST). No problem. */
  | 'probe'
  /** API v3: signed more than five minutes before or after now: a clock is wrong, or it is a replay. */
  | 'stale'
  /** API v3: signed with a key that is unknown here: see `merchant.publicKeyId` and `merchant.platformCertificates`. */
  | 'unknown-key'
  /** API v3: signed by WeChat, but not decryptable with `merchant.apiV3Key`. */
  | 'not-decrypted'
  /** API v2 XML for a merchant of API v3 without `merchant.apiKey`, e.g. about a refund made in the merchant platform. */
  | 'no-v2-key'
  | 'wrong-account'
  | 'ambiguous'
  | 'unknown-order'
  | 'mismatch'
  | 'not-stored'

/** A rejected notification. */
export class NotificationError extends WechatError {
  readonly fault: NotificationFault

  constructor(fault: NotificationFault, message: string) {
    super('WECHAT_NOTIFICATION_INVALID', message)
    this.name = 'NotificationError'
    this.fault = fault
  }
}

/** The error for a refund, or a fund flow of API v2, without the merchant's certificate. */
export function noCertificate(what = 'Refunds need'): WechatError {
  return new WechatError(
    'WECHAT_OPTIONS_INVALID',
    `${what} the option merchant.cert: WeChat requires the merchant's certificate. Nothing was sent.`,
    { sent: false },
  )
}

/** WeChat refuses to close a closed order with a text that names no order, so this one is queried. */
export async function confirmClosed(
  outTradeNo: string,
  query: PayApi['query'],
  of?: Party,
): Promise<'closed' | 'paid' | 'not-exist'> {
  const { tradeState } = await query(outTradeNo, of)
  if (tradeState === 'CLOSED' || tradeState === 'REVOKED') return 'closed'
  if (tradeState === 'SUCCESS' || tradeState === 'REFUND') return 'paid'
  if (tradeState === 'NOT_EXIST') return 'not-exist'
  throw new WechatError(
    'WECHAT_REPLY_INVALID',
    `WeChat Pay says that ${outTradeNo} is already closed, but a query says that it is ${tradeState}. Query before anything else.`,
    { advice: 'query' },
  )
}

/** A raw notification. */
export interface NotificationMessage {
  /** By lower-case name. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The raw bytes: the signature covers them. */
  body: Buffer
}

/** The HTTP reply to a notification. */
export interface NotificationReply {
  status: number
  contentType: string
  body: string
}

/** The destination of a refund that could not reach the payer. */
export interface AbnormalRefund {
  outRefundNo: string
  /** The merchant's own bank account, or a bank card of the payer's. Number and name go to WeChat encrypted. */
  account: 'merchant' | { bankType: string; bankAccount: string; realName: string }
}

/**
 * One merchant's payment API, of any version: the engine knows nothing else of WeChat Pay.
 * Every reply is verified. Each method throws `WechatError`; its `advice` says what to do next.
 */
export interface PayApi extends BillFiles {
  readonly version: 'v2' | 'v3'
  /**
   * Places an order, or places it again under the same number: repeating it with the same terms is safe. Resolves with what the payer's side needs: the
   * prepay id of a `JSAPI` or `APP` order, the content of the QR code of a `NATIVE` one, the page to open of an `H5` one.
   */
  prepay(order: Order): Promise<string>
  /** The parameters of `wx.requestPayment`, signed. */
  payParams(prepayId: string, now: Date, of?: Party): PayParams
  /** The values that a mobile app passes to WeChat's SDK, signed. */
  appParams(prepayId: string, now: Date, of?: Party): AppParams
  query(outTradeNo: string, of?: Party): Promise<TradeReport>
  /** `paid` if WeChat refuses because the order is paid; `not-exist` if it does not know the number. Repeating it is safe. */
  close(outTradeNo: string, of?: Party): Promise<'closed' | 'paid' | 'not-exist'>
  /** Whether refunds are possible: with API v2 they need the merchant's certificate. */
  readonly canRefund: boolean
  /** Why a free text (an order's description or attach, the reason of a refund) cannot be sent, as the end of a sentence; `undefined` if it can. */
  textFault?(text: string): string | undefined
  /** Why the further values of an order cannot be sent, likewise. */
  extrasFault?(extras: OrderExtras): string | undefined
  /** Requests a refund; the same number refunds once. Resolves with WeChat's number: accepted, not yet refunded. */
  refund(order: Order, refund: Refund): Promise<string>
  /** `undefined` if WeChat does not know the number. The caller has to compare the order. */
  queryRefund(outRefundNo: string, of?: Party): Promise<RefundReport | undefined>
  /** Sends a refund that is `abnormal` to another account; absent if the API cannot, like v2. `refundId` is WeChat's number. */
  applyAbnormalRefund?(refundId: string, refund: AbnormalRefund, of?: Party): Promise<RefundReport>
  /** All refunds of an order, made here or elsewhere, in WeChat's order; absent if the API cannot list them, like v3. */
  listRefunds?(outTradeNo: string, of?: Party): Promise<RefundReport[]>
  /** @throws {NotificationError} */
  readNotification(message: NotificationMessage): Notification | Promise<Notification>
  /** The exact reply for success, or for failure with a fixed word, in the API version of the message, or in the merchant's if the body has not been read. */
  reply(message: NotificationMessage, fault?: NotificationFault): NotificationReply
}
