import type { AdvanceBy, AdvanceOptions, ClockMove } from '../clock/clock.ts'
import type { SwitchingClock } from '../clock/switching-clock.ts'
import type { EffectOf } from '../faults/effects.ts'
import type { Fault, FaultOptions, FaultView } from '../faults/faults.ts'
import type { Gate, GateOptions, GatePoint, GateView } from '../faults/gates.ts'
import type { HookBook } from '../faults/hooks.ts'
import type { Finding, JournalEntry } from '../journal/entry.ts'
import type { EventLog } from '../journal/event-log.ts'
import type { Journal } from '../journal/journal.ts'
import type {
  Merchant,
  MerchantChanges,
  MerchantOptions,
  MerchantV3Options,
  V3Credentials,
  WorldCredentials,
} from '../ledger/merchant.ts'
import type { Rotatable, RotationOptions } from '../ledger/keys.ts'
import type { OrderSnapshot } from '../ledger/orders.ts'
import type { RefundSnapshot } from '../ledger/refund-rules.ts'
import type { Delivery, Notification } from '../notify/notification.ts'
import type { Plan } from '../notify/schedule.ts'
import type { App, AppChanges } from '../users/app.ts'
import type { LoginCodeOptions, OfApp, User, UserChanges } from '../users/users.ts'
import type { AppOpened, AppPaymentParams } from '../wechat/phone/app-payment.ts'
import type { CashierOpened, RequestPaymentParams } from '../wechat/phone/request-payment.ts'
import type {
  PhoneNumberEvent,
  PhoneNumberOptions,
  UserProfile,
  UserProfileOptions,
} from '../wechat/phone/user-data.ts'
import type { SignExplanation } from '../wire/explain-sign.ts'
import type { Api, ApiVersion } from '../wire/names.ts'
import type { SignedCall } from './signing.ts'
import type { CraftOptions, EventOptions } from './craft.ts'
import type { OfMerchant } from './parties.ts'
import type { Payments } from './payments.ts'
import type { Snapshots } from './state/snapshots.ts'
import type { ResetPart } from './state/state.ts'
import type { Happened } from './time.ts'

/** The result of `advance`: every delivery that fell due has been made, answered and judged. */
export interface AdvanceReport extends ClockMove, Happened {}

/** The clock of a world. */
export interface WorldClock extends Pick<SwitchingClock, 'mode' | 'now' | 'timers' | 'switchTo'> {
  /** Moves the virtual clock; see {@link World.advance}. */
  readonly advance: (by: AdvanceBy, options?: AdvanceOptions) => Promise<AdvanceReport>
}

/** A login code and whose it is. */
export interface IssuedCode {
  readonly code: string
  readonly openid: string
  readonly unionid: string | undefined
  readonly expiresAt: Date
}

/** The current data of a user. */
export type UserSnapshot = Readonly<User> & { readonly appid: string }

/** The events of a world. */
export interface WorldEvents {
  /** A notification was sent and judged. */
  readonly delivery: Delivery
  /** An exchange was completed. */
  readonly journal: JournalEntry
  /** A fault was applied. */
  readonly fault: FaultView
  /** A gate holds an exchange, or has opened. */
  readonly gate: GateView
  /** An order was paid. */
  readonly paid: OrderSnapshot
  /** A virtual clock was advanced. */
  readonly clock: Pick<ClockMove, 'from' | 'to'>
  /** Parts of the world were emptied or replaced. */
  readonly reset: { readonly what: readonly ResetPart[] }
}

/**
 * A merchant with an app, or several of each if added, with their own time, users, orders and ids. Worlds are isolated
 * from each other.
 */
export interface World extends AsyncDisposable, Snapshots {
  readonly id: string
  /** The base URL for both api.mch.weixin.qq.com and api.weixin.qq.com. */
  readonly baseUrl: string
  /** As they are now: {@link World.setMerchant} and {@link World.setApp} change them. */
  readonly credentials: WorldCredentials
  readonly clock: WorldClock
  /** The retry schedule. */
  readonly plan: Plan
  readonly journal: Journal
  /**
   * Moves a virtual clock by `'24h4m'`, `'15s'`, … or milliseconds, to a moment, or over the next events, and makes every
   * delivery that falls due, one after the other, each judged before time moves on.
   * @example await world.advance({ next: 1 }) // the next retry, whenever it is due
   * @throws MockError CLOCK_BUSY, CLOCK_REAL, CLOCK_TIMEOUT (with `details.report`), SETTLE_FAILED, BAD_INPUT, UNKNOWN_WORLD
   * (the world has ended, possibly during the call)
   */
  readonly advance: WorldClock['advance']
  /** A code as returned by `wx.login`: single use, valid for 300 s. */
  readonly loginCode: (options?: LoginCodeOptions) => IssuedCode
  /**
   * Changes a merchant, as in the merchant platform: new messages are signed with the new key; existing notifications
   * keep their bytes. An unknown merchant is added: it has its own orders, refunds and bills, a random key if none is
   * given, and every app of the world is bound to it.
   * @throws MockError BAD_INPUT, ID_TAKEN (by another world), UNKNOWN_WORLD (it has ended)
   */
  readonly setMerchant: (mchId: string, changes?: MerchantChanges) => Merchant
  /** The first one is that of {@link World.credentials}. */
  readonly merchants: () => Merchant[]
  /**
   * Replaces a key of API v3: the merchant's certificate and private key, the platform certificate, or the WeChat Pay public
   * key. `keepOld`: the old one stays valid too; `newKeyShare` of the merchant says how often WeChat signs with which.
   * @throws MockError UNKNOWN_MERCHANT, BAD_INPUT
   */
  readonly rotateKey: (what: Rotatable, options?: RotationOptions & OfMerchant) => V3Credentials
  /**
   * The value for the plugin's `merchant` option, for the first merchant or another one. Of a service provider it has `partner`:
   * all of its sub-merchants, and the first app as its own.
   * @example app.register(wechatPay, { appid, appSecret, merchant: world.merchantOptions('v3'), … })
   * @throws MockError UNKNOWN_MERCHANT, BAD_INPUT
   */
  readonly merchantOptions: {
    (version: 'v2', options?: OfMerchant): MerchantOptions
    (version: 'v3', options?: OfMerchant): MerchantV3Options
    (version: 'v2' | 'v3', options?: OfMerchant): MerchantOptions | MerchantV3Options
  }
  /**
   * Changes an app. An unknown one is added: it has its own users, openids, session keys and access tokens, a random
   * secret if none is given, and is bound to every merchant of the world.
   * @throws MockError BAD_INPUT, ID_TAKEN (by another world), UNKNOWN_WORLD (it has ended)
   */
  readonly setApp: (appid: string, changes?: AppChanges) => App
  /** The first one is that of {@link World.credentials}. */
  readonly apps: () => App[]
  readonly users: () => UserSnapshot[]
  /** Changes the user with this openid; creates it if unknown. */
  readonly setUser: (openid: string, changes?: UserChanges & OfApp) => UserSnapshot
  /** The result of wx.getUserProfile: `rawData` with its signature, and the same encrypted under the current session_key. */
  readonly userProfile: (openid: string, options?: UserProfileOptions) => UserProfile
  /** The event of a phone number button: a code for getuserphonenumber (single use, 300 s) and the encrypted number. */
  readonly phoneNumber: (openid: string, options?: PhoneNumberOptions) => PhoneNumberEvent
  /** Gives the user a new session_key, as a wx.login whose code never reached the server; the old one is invalid. */
  readonly rotateSessionKey: (openid: string, options?: OfApp) => UserSnapshot
  /** Checks the five parameters as the WeChat client does. Throws RequestPaymentError. It does not pay. */
  readonly requestPayment: (params: RequestPaymentParams) => CashierOpened
  /** The same for the seven values that an app hands to WeChat's SDK. Throws AppPaymentError. It does not pay. */
  readonly appPayment: (params: AppPaymentParams) => AppOpened
  /**
   * The user pays: the order becomes SUCCESS and is notified at once. `deliver: 'await'` (default) waits for the first
   * delivery and returns it with its verdict; `'background'` sends without waiting, `'hold'` does not send. If the
   * schedule's first send is not immediate, nothing is sent yet: the notification is `pending` and due at `nextDueAt`.
   * @throws MockError UNKNOWN_ORDER, ORDER_NOT_PAYABLE, BAD_INPUT
   */
  readonly pay: Payments['pay']
  /**
   * The user tries to pay and fails: the order stays open, the mini program gets the error, and no notification is sent
   * unless `notify` is set.
   * @throws MockError UNKNOWN_ORDER, ORDER_NOT_PAYABLE
   */
  readonly fail: Payments['fail']
  /**
   * The order expires now: it is CLOSED, as at its time_expire.
   * @throws MockError UNKNOWN_ORDER, ORDER_PAID
   */
  readonly expire: Payments['expire']
  /**
   * Makes orderquery answer this trade_state without a payment, until the order is paid, closed or refunded.
   * @example world.forceState('tea-0001', 'PAYERROR')
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT (no such state)
   */
  readonly forceState: Payments['forceState']
  /**
   * The merchant refunds an order manually in its console: the refund is PROCESSING, `refund_request_source` is VENDOR_PLATFORM.
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT, REFUND_REFUSED (with the API's answer)
   */
  readonly refundFromConsole: Payments['refundFromConsole']
  /**
   * Ends a refund that is PROCESSING, or CHANGE, and notifies its URL if it has one; `deliver` as in {@link World.pay}.
   * @throws MockError UNKNOWN_REFUND, REFUND_ENDED
   */
  readonly settleRefund: Payments['settleRefund']
  /** @throws MockError UNKNOWN_REFUND */
  readonly refund: (outRefundNo: string, options?: OfMerchant) => RefundSnapshot
  readonly refunds: () => RefundSnapshot[]
  /** @throws MockError UNKNOWN_ORDER */
  readonly order: (outTradeNo: string, options?: OfMerchant) => OrderSnapshot
  readonly orders: () => OrderSnapshot[]
  /** The judged deliveries, in the order of sending; the newest `maxJournal` of them. */
  readonly deliveries: () => Delivery[]
  readonly notifications: () => Notification[]
  /**
   * Crafts a notification about an order, paid or not. Nothing is sent: `deliver()` sends it once, `release()` sends it
   * and then follows WeChat's schedule.
   * @example await world.craft('tea-0001', { fields: { total_fee: '1' }, sign: 'keep' }).deliver() // tampered with
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT
   */
  readonly craft: (outTradeNo: string, options?: CraftOptions & OfMerchant) => Notification
  /**
   * Crafts an event of another product, as it may reach a shared notify handler (API v3). Nothing is sent, as with
   * {@link World.craft}.
   * @example world.craftEvent({ eventType: 'COMPLAINT.CREATE', originalType: 'complaint', resource: { … }, url })
   * @throws MockError UNKNOWN_MERCHANT, BAD_INPUT
   */
  readonly craftEvent: (options: EventOptions & OfMerchant) => Notification
  /**
   * The headers WeChat sends with such a body, for a test that sends the bytes itself; in API v3 with a signature of them,
   * right or as wrong as the options say.
   * @throws MockError UNKNOWN_MERCHANT, BAD_INPUT
   */
  readonly noticeHeaders: (
    version: ApiVersion,
    body: string,
    options?: Pick<CraftOptions, 'sign' | 'signer' | 'serial' | 'skewSeconds' | 'headers'> & OfMerchant,
  ) => Readonly<Record<string, string>>
  /**
   * Changes the next notification just before it is sent.
   * @example world.once('beforeNotify', draft => { draft.fields.total_fee = '2' }) // and validly signed
   */
  readonly once: HookBook['once']
  /**
   * By the number of a paid order, or any {@link Notification.id}.
   * @throws MockError UNKNOWN_NOTIFICATION
   */
  readonly notification: (id: string) => Notification
  /**
   * The last notification of a refund.
   * @throws MockError UNKNOWN_REFUND, UNKNOWN_NOTIFICATION
   */
  readonly refundNotification: (outRefundNo: string, options?: OfMerchant) => Notification
  /** The clock awaits `fn()` before time moves on and after the last delivery of an advance. */
  readonly settleOn: (fn: () => Promise<unknown>) => void
  /**
   * Makes something go wrong, once by default.
   * @example world.fault('refund', { kind: 'reset', when: 'after' }) // accepted, but the reply is lost
   * @throws MockError BAD_INPUT
   */
  readonly fault: <A extends Api>(api: A, effect: EffectOf<A>, options?: FaultOptions) => Fault
  readonly faults: () => Fault[]
  /**
   * Holds every exchange that reaches a point until the gate is released; held exchanges do not stop the clock.
   * @example world.gate('unifiedorder.response', { until: 'delivery.completed' }) // the notification before the reply
   * @throws MockError BAD_INPUT
   */
  readonly gate: (hold: GatePoint, options?: GateOptions) => Gate
  readonly gates: () => Gate[]
  /**
   * Passes if every fault was applied as often as requested, every gate was reached and every hook has run.
   * @throws MockError NOT_DRAINED (with `details.faults`, `details.gates` and the number of `details.hooks`)
   */
  readonly assertDrained: () => void
  /** What production might refuse about the calls in the journal. */
  readonly lint: () => Finding[]
  /** Calls to paths that are not emulated. */
  readonly unexpected: () => JournalEntry[]
  /**
   * Passes if every called path is emulated.
   * @throws MockError UNEXPECTED_CALLS (with `details.calls`)
   */
  readonly assertNoUnexpected: () => void
  /**
   * Why a message's signature is not the expected one: the text to sign, and where the caller's differs. The caller's is
   * `theirs`, or the result of a common mistake. A message of v2 is an XML text, a call of v3 an object.
   * @throws MockError BAD_INPUT
   */
  readonly explainSign: (message: string | SignedCall, theirs?: string) => SignExplanation
  /** {@link Journal.verify} of the world's journal. */
  readonly verify: Journal['verify']
  /** Calls the listener from now on. If it throws, the process emits a warning. */
  readonly on: <E extends keyof WorldEvents>(event: E, listener: (value: WorldEvents[E]) => void) => void
  /** The latest events by number, as in the control API's event stream. */
  readonly events: Omit<EventLog, 'push'>
  /** What the clock is currently waiting for, by name. */
  readonly inFlight: () => string[]
  /**
   * Ends the world: its merchant and app become unknown, nothing more is sent, gates open.
   * @throws MockError DEFAULT_WORLD
   */
  readonly close: () => void
}
