import type { Order, Refund, RefundReport } from '../../model.ts'
import type { PayApi, TradeReport } from '../pay.ts'

/** The terms of an order without a payer yet. */
export type TradeTerms = Pick<Order, 'outTradeNo' | 'description' | 'totalFee' | 'clientIp' | 'expiresAt' | 'attach'>

/** Where an order of a mobile browser comes from (doc/v3/merchant/4012791834). */
export interface H5Scene {
  type: 'Wap' | 'iOS' | 'Android'
  appName?: string
  appUrl?: string
  bundleId?: string
  packageName?: string
}

/** The values an app passes to WeChat's SDK (doc/v3/merchant/4013070351). */
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

/** Where the money of a refund comes from (doc/v3/merchant/4012791903). */
export interface RefundSource {
  fundsAccount?: 'AVAILABLE' | 'UNSETTLED'
  /** Fen from each account; the sum is the refund. */
  from?: readonly { account: 'AVAILABLE' | 'UNAVAILABLE'; amount: number }[]
}

/** The destination of a refund that could not reach the payer. */
export interface AbnormalRefund {
  outRefundNo: string
  /** The merchant's own bank account, or a bank card of the payer's. Number and name go to WeChat encrypted. */
  account: 'merchant' | { bankType: string; bankAccount: string; realName: string }
}

/**
 * Further calls of API v3. They only call WeChat, with verification: they change no order of the store.
 * Each throws `WechatError`; its `advice` says what to do next.
 */
export interface PayV3Api extends PayApi {
  readonly version: 'v3'
  queryTransaction(transactionId: string): Promise<TradeReport>
  /** Downloads the platform certificates, which only the right APIv3 key decrypts, and keeps none. WeChat refuses it to merchants that have a public key only. */
  tryApiV3Key(): Promise<void>
  /** Orders for a QR code; resolves with its content, valid for two hours. */
  orderNative(terms: TradeTerms): Promise<string>
  /** Orders for an app; resolves with its prepay id. */
  orderApp(terms: TradeTerms): Promise<string>
  /** The signed values that the app passes to WeChat's SDK. */
  appParams(prepayId: string, now: Date): AppParams
  /** Orders for a mobile browser; resolves with the URL to open within five minutes. */
  orderH5(terms: TradeTerms & { h5: H5Scene }): Promise<string>
  refund(order: Order, refund: Refund & RefundSource): Promise<string>
  /** Sends a refund that is `abnormal` to another account (doc/v3/merchant/4012791905). `refundId` is WeChat's number. */
  applyAbnormalRefund(refundId: string, refund: AbnormalRefund): Promise<RefundReport>
}
