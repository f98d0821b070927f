import type { Order, Refund, RefundReport } from '../../model.ts'
import type { Party } from '../partner.ts'
import type { AbnormalRefund, PayApi, TradeReport } from '../pay.ts'

/** Where the money of a refund comes from (doc/v3/merchant/4012791903). */
export interface RefundSource {
  /** Fen from each account; the sum is the refund. */
  from?: readonly { account: 'AVAILABLE' | 'UNAVAILABLE'; amount: number }[]
}

/**
 * Further calls of API v3. They only call WeChat, with verification: they change no order of the store.
 * Each throws `WechatError`; its `advice` says what to do next.
 */
export interface PayV3Api extends PayApi {
  readonly version: 'v3'
  queryTransaction(transactionId: string, of?: Party): Promise<TradeReport>
  /** Downloads the platform certificates, which only the right APIv3 key decrypts, and keeps none of them. WeChat refuses this to merchants that have only a public key. */
  tryApiV3Key(): Promise<void>
  refund(order: Order, refund: Refund & RefundSource): Promise<string>
  /** Sends a refund that is `abnormal` to another account (doc/v3/merchant/4012791905). `refundId` is WeChat's number. */
  applyAbnormalRefund(refundId: string, refund: AbnormalRefund, of?: Party): Promise<RefundReport>
}
