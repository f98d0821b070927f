import { WechatError } from '../errors.ts'
import type { BillFiles } from './bills.ts'
import type { Order, PayParams, Payment, Refund, RefundReport, TradeState, WechatEvent } from '../model.ts'

/** What WeChat says of a trade when asked. */
export type TradeReport =
  | { tradeState: 'SUCCESS'; payment: Payment }
  | { tradeState: 'REFUND'; payment: Payment }
  | { tradeState: Exclude<TradeState, 'SUCCESS' | 'REFUND'> }
  | { tradeState: 'NOT_EXIST' }

/** A notification whose signature and account have been verified. The order it names has not been looked at yet. */
export type Notification =
  | { kind: 'payment'; payment: Payment }
  /** Signed, but its signed text can be cut into fields in more than one way: a hint to ask, nothing to believe. */
  | { kind: 'payment-hint'; outTradeNo: string; transactionId: string }
  | { kind: 'payment-failed'; outTradeNo: string | undefined; reason: string }
  /** What a signed message says of a refund; its order tells of which app. */
  | { kind: 'refund'; report: RefundReport }
  /**
   * Decrypted under our key but not signed (refund notify of V2): a hint to ask, nothing to believe. A merchant number has one refund URL for all of its apps:
   * `appid` may be another one's.
   */
  | { kind: 'refund-hint'; appid: string; outTradeNo: string; outRefundNo: string; refundFee: number }
  /** Anything else that WeChat tells a merchant by API v3, such as a complaint or a transfer. */
  | { kind: 'event'; event: WechatEvent }

/** Why a notification is answered with a failure: a closed set, for logs and counters. */
export type NotificationFault =
  /** A hook or a middleware of the app has answered in our place, or taken its body away. */
  | 'blocked'
  | 'unreadable'
  | 'incomplete'
  | 'bad-signature'
  /** API v3: the signature is wrong on purpose, to see whether it is refused (WECHATPAY/SIGNTEST). Nothing to worry about. */
  | 'probe'
  /** API v3: signed more than five minutes from now: a clock is wrong, or somebody has replayed it. */
  | 'stale'
  /** API v3: signed under a key that is none of this merchant's: see `merchant.publicKeyId` and `merchant.platformCertificates`. */
  | 'unknown-key'
  /** API v3: signed by WeChat, and not readable under `merchant.apiV3Key`. */
  | 'not-decrypted'
  /** API v2 XML for a merchant of API v3 without `merchant.apiKey`, such as news of a refund made in the merchant platform. */
  | 'no-v2-key'
  | 'wrong-account'
  | 'ambiguous'
  | 'unknown-order'
  | 'mismatch'
  | 'not-stored'

/** A notification that is not believed. */
export class NotificationError extends WechatError {
  readonly fault: NotificationFault

  constructor(fault: NotificationFault, message: string) {
    super('WECHAT_NOTIFICATION_INVALID', message)
    this.name = 'NotificationError'
    this.fault = fault
  }
}

/** What asking for a refund, or for a fund flow of API v2, comes to without the merchant's certificate. */
export function noCertificate(what = 'Refunds need'): WechatError {
  return new WechatError(
    'WECHAT_OPTIONS_INVALID',
    `${what} the option merchant.cert: WeChat takes none without the certificate of the merchant. Nothing was sent.`,
    { sent: false },
  )
}

/** Closing an order that was closed before is refused, in words that name no order: so WeChat is asked about this one. */
export async function confirmClosed(
  outTradeNo: string,
  query: PayApi['query'],
): Promise<'closed' | 'paid' | 'not-exist'> {
  const { tradeState } = await query(outTradeNo)
  if (tradeState === 'CLOSED' || tradeState === 'REVOKED') return 'closed'
  if (tradeState === 'SUCCESS' || tradeState === 'REFUND') return 'paid'
  if (tradeState === 'NOT_EXIST') return 'not-exist'
  throw new WechatError(
    'WECHAT_REPLY_INVALID',
    `WeChat Pay says that ${outTradeNo} was closed before and, asked, that it is ${tradeState}. Query before anything else.`,
    { advice: 'query' },
  )
}

/** A notification as it came. */
export interface NotificationMessage {
  /** By lower-case name. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The bytes as they came: the signature covers them. */
  body: Buffer
}

/** The HTTP reply WeChat reads after a notification. */
export interface NotificationReply {
  status: number
  contentType: string
  body: string
}

/**
 * One merchant's payment API, whatever its version: the only thing the engine knows of WeChat Pay.
 * Every reply is verified before it is believed. Each method throws `WechatError`; its `advice` says what may be done next.
 */
export interface PayApi extends BillFiles {
  readonly version: 'v2' | 'v3'
  /** Orders, or orders again under the same number: repeating it with the same terms is safe. */
  prepay(order: Order): Promise<string>
  /** The parameters of `wx.requestPayment`, signed. */
  payParams(prepayId: string, now: Date): PayParams
  query(outTradeNo: string): Promise<TradeReport>
  /** `paid` when WeChat refuses since the order is paid; `not-exist` when it does not know the number. Repeating it is safe. */
  close(outTradeNo: string): Promise<'closed' | 'paid' | 'not-exist'>
  /** Whether refunds can be asked for at all: they need the merchant's certificate. */
  readonly canRefund: boolean
  /** Why a free text (an order's description or attach, the reason of a refund) cannot be sent, as the end of a sentence; `undefined` if it can. */
  textFault?(text: string): string | undefined
  /** Asks for a refund, or again for the same number, which refunds once. Resolves with WeChat's number: accepted, not yet refunded. */
  refund(order: Order, refund: Refund): Promise<string>
  /** `undefined` when WeChat does not know the number. Whose order it is of is for the caller to compare. */
  queryRefund(outRefundNo: string): Promise<RefundReport | undefined>
  /** All refunds of an order, wherever they were made, in WeChat's order; absent where an API cannot list them, as that of v3. */
  listRefunds?(outTradeNo: string): Promise<RefundReport[]>
  /** @throws {NotificationError} */
  readNotification(message: NotificationMessage): Notification | Promise<Notification>
  /** The exact reply for success, or for failure with a fixed word, in the version that the message speaks: that of the merchant while its body has not been read. */
  reply(message: NotificationMessage, fault?: NotificationFault): NotificationReply
}
