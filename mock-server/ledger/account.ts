import { createRandom, type Random } from '../base/random.ts'
import type { Clock } from '../clock/clock.ts'
import type { SignType } from '../wire/sign-v2.ts'
import { createKeys, type Keys } from './keys.ts'
import {
  createNonces,
  type CertMode,
  type KeyMode,
  type Merchant,
  type MerchantChanges,
  type Nonces,
  type SubMerchant,
} from './merchant.ts'
import { createOrderBook, type Order, type OrderBook, type Payment } from './orders.ts'
import { createRefundBook, type Refund, type RefundBook } from './refunds.ts'

/** Why a payment failed, in WeChat's words. */
export interface Failure {
  readonly err_code: string
  readonly err_code_des: string
}

/** A change of an order or a refund that is to be notified. */
export type News =
  | { readonly kind: 'paid'; readonly order: Order; readonly payment: Payment }
  | { readonly kind: 'failed'; readonly order: Order; readonly failure: Failure }
  | { readonly kind: 'refunded'; readonly order: Order; readonly refund: Refund }

/** Pays each order some time after it was created. */
export interface AutoPay {
  /** An order was created. */
  readonly order: (account: Account, order: Order) => void
  /** Reschedules the payments after orders or timers were replaced. */
  readonly resume: (accounts: readonly Account[]) => void
}

/** What all merchants of a world have in common. */
export interface AccountHost {
  readonly clock: Pick<Clock, 'now' | 'at'>
  readonly autoPay: AutoPay
  /** World time after which an open refund succeeds; undefined: never. */
  readonly refundDelayMs: number | undefined
  /** The refund URL set in the merchant platform; '' when none is set. */
  readonly refundNotifyUrl: string
  /** Whether platform certificates have expired. */
  readonly expiredCertificates: boolean
  /** An openid to pay an order that was not created for a certain user. */
  readonly payerOf: (order: Order) => string
  /** The openid that a user of another app has in this one. */
  readonly sameUser: (appid: string, openid: string) => string
  /** Creates the notification in the format of the API that created the order; returns its id. Nothing is sent yet. */
  readonly tell: (account: Account, news: News) => string
  /** Starts sending a notification; no caller awaits the answer. */
  readonly send: (notificationId: string) => Promise<unknown>
}

/** A merchant: its key, its books, and what the money rules need. */
export interface Account extends Omit<AccountHost, 'clock' | 'tell' | 'expiredCertificates'> {
  readonly mchId: string
  /** The APIv2 key, 32 bytes. */
  apiKey: string
  /** The only algorithm accepted; `any`: each request chooses. */
  signType: SignType | 'any'
  /** Whether calls that need the merchant's certificate require it. */
  certMode: CertMode
  /** 32 letters and digits. */
  apiV3Key: string
  keyMode: KeyMode
  /** The share of notifications signed with the public key while the mode is `changing`. */
  publicKeyShare: number
  /** The share of messages signed with the newer of two keys of one kind. */
  newKeyShare: number
  /** The sub-merchants it acts for as a service provider; none for an ordinary merchant. */
  actsFor: readonly SubMerchant[]
  /** Its API certificates, and what WeChat signs with. */
  readonly keys: Keys
  readonly nonces: Nonces
  readonly orders: OrderBook
  readonly refunds: RefundBook
  readonly random: Random
  readonly now: () => Date
  readonly at: Clock['at']
  readonly tell: (news: News) => string
}

export function createAccount(
  merchant: Merchant,
  seed: string,
  { clock, tell, expiredCertificates, ...shared }: AccountHost,
): Account {
  const random = createRandom(seed)
  const account: Account = {
    ...shared,
    ...merchant,
    keys: createKeys(merchant.mchId, expiredCertificates),
    nonces: createNonces(),
    orders: createOrderBook(clock.now),
    refunds: createRefundBook(),
    random,
    now: clock.now,
    at: clock.at,
    tell: (news) => tell(account, news),
  }
  return account
}

export const merchantView = (account: Account): Merchant => {
  const { mchId, apiKey, signType, certMode, apiV3Key, keyMode, publicKeyShare, newKeyShare, actsFor } = account
  return { mchId, apiKey, signType, certMode, apiV3Key, keyMode, publicKeyShare, newKeyShare, actsFor }
}

/** Changes what is given. */
export function changeMerchant(account: Account, changes: MerchantChanges): void {
  Object.assign(account, Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)))
}

/** Why a money rule refuses; each API has its own code and text for it. */
export type Reason =
  | 'closed'
  | 'paid'
  | 'not-paid'
  | 'terms-differ'
  | 'other-order'
  | 'other-total'
  | 'not-abnormal'
  | 'expires-too-soon'
  | 'overdue'
  | 'refunded-in-full'
  | 'above-what-is-left'
  | 'too-many'

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: Reason

  constructor(reason: Reason, message: string = reason) {
    super(message)
    this.reason = reason
  }
}
