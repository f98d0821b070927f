import type { AdvanceBy, AdvanceOptions, ClockMove } from '../clock/clock.ts'
import type { SwitchingClock } from '../clock/switching-clock.ts'
import type { EffectOf } from '../faults/effects.ts'
import type { Fault, FaultOptions, FaultView } from '../faults/faults.ts'
import type { Gate, GateOptions, GatePoint, GateView } from '../faults/gates.ts'
import type { HookBook } from '../faults/hooks.ts'
import type { Finding, JournalEntry } from '../journal/entry.ts'
import type { EventLog } from '../journal/event-log.ts'
import type { Journal } from '../journal/journal.ts'
import type { Merchant, MerchantChanges, MerchantOptions, WorldCredentials } from '../ledger/merchant.ts'
import type { OrderSnapshot } from '../ledger/orders.ts'
import type { RefundSnapshot } from '../ledger/refund-rules.ts'
import type { Delivery, Notification } from '../notify/notification.ts'
import type { App, AppChanges } from '../users/app.ts'
import type { LoginCodeOptions, OfApp, User, UserChanges } from '../users/users.ts'
import type { CashierOpened, RequestPaymentParams } from '../wechat/phone/request-payment.ts'
import type {
  PhoneNumberEvent,
  PhoneNumberOptions,
  UserProfile,
  UserProfileOptions,
} from '../wechat/phone/user-data.ts'
import type { SignExplanation } from '../wire/explain-sign.ts'
import type { Api } from '../wire/names.ts'
import type { CraftOptions } from './craft.ts'
import type { OfMerchant } from './parties.ts'
import type { Payments } from './payments.ts'
import type { Snapshots } from './state/snapshots.ts'
import type { ResetPart } from './state/state.ts'
import type { Happened } from './time.ts'

/** What `advance` did: every delivery that fell due has been made, answered and judged. */
export interface AdvanceReport extends ClockMove, Happened {}

export interface WorldClock extends Pick<SwitchingClock, 'mode' | 'now' | 'timers' | 'switchTo'> {
  /** Moves the virtual clock; see {@link World.advance}. */
  readonly advance: (by: AdvanceBy, options?: AdvanceOptions) => Promise<AdvanceReport>
}

export interface IssuedCode {
  readonly code: string
  readonly openid: string
  readonly unionid: string | undefined
  readonly expiresAt: Date
}

/** A user as they are now. */
export type UserSnapshot = Readonly<User> & { readonly appid: string }

/** What a world tells, as it happens. */
export interface WorldEvents {
  /** A notification was sent and judged. */
  readonly delivery: Delivery
  /** Something went over the wire. */
  readonly journal: JournalEntry
  /** A fault struck. */
  readonly fault: FaultView
  /** A gate holds something, or has opened. */
  readonly gate: GateView
  /** An order was paid. */
  readonly paid: OrderSnapshot
  /** A virtual clock was advanced. */
  readonly clock: Pick<ClockMove, 'from' | 'to'>
  /** Parts of the world were emptied or replaced. */
  readonly reset: { readonly what: readonly ResetPart[] }
}

/**
 * A merchant with an app, and more of them if they are added: its own time, users, orders and ids. Worlds do not see each other.
 */
export interface World extends AsyncDisposable, Snapshots {
  readonly id: string
  /** The base URL of api.mch.weixin.qq.com and api.weixin.qq.com alike. */
  readonly baseUrl: string
  /** As they are now: {@link World.setMerchant} and {@link World.setApp} change them. */
  readonly credentials: WorldCredentials
  readonly clock: WorldClock
  readonly journal: Journal
  /**
   * Moves a virtual clock by `'24h4m'`, `'15s'`, … or milliseconds, to a moment, or over the next events, and makes every
   * delivery that falls due, one after the other, each judged before time moves on.
   * @example await world.advance({ next: 1 }) // the next retry, whenever it is due
   * @throws MockError CLOCK_BUSY, CLOCK_REAL, CLOCK_TIMEOUT (with `details.report`), SETTLE_FAILED, BAD_INPUT, UNKNOWN_WORLD
   * (the world has ended, be it in the middle of it)
   */
  readonly advance: WorldClock['advance']
  /** A code as `wx.login` gives it: single use, 300 s. */
  readonly loginCode: (options?: LoginCodeOptions) => IssuedCode
  /**
   * A merchant of the world, changed: as by hand in the merchant platform, what is made from now on is signed with the new
   * key; a notification that was made before keeps its bytes. One that is not known yet is added: it has orders, refunds and
   * bills of its own, a key that is drawn if none is given, and every app of the world is bound to it.
   * @throws MockError BAD_INPUT, ID_TAKEN (by another world), UNKNOWN_WORLD (it has ended)
   */
  readonly setMerchant: (mchId: string, changes?: MerchantChanges) => Merchant
  /** The first is the one of {@link World.credentials}. */
  readonly merchants: () => Merchant[]
  /**
   * What `merchant` of the plugin takes, for the first merchant or another one.
   * @example app.register(wechatPay, { appid, appSecret, merchant: world.merchantOptions('v2'), … })
   * @throws MockError UNKNOWN_MERCHANT, BAD_INPUT
   */
  readonly merchantOptions: (version: 'v2', options?: OfMerchant) => MerchantOptions
  /**
   * An app of the world, changed. One that is not known yet is added: it has users, openids, session keys and access tokens
   * of its own, a secret that is drawn if none is given, and is bound to every merchant of the world.
   * @throws MockError BAD_INPUT, ID_TAKEN (by another world), UNKNOWN_WORLD (it has ended)
   */
  readonly setApp: (appid: string, changes?: AppChanges) => App
  /** The first is the one of {@link World.credentials}. */
  readonly apps: () => App[]
  readonly users: () => UserSnapshot[]
  /** The user with this openid, made known and changed. */
  readonly setUser: (openid: string, changes?: UserChanges & OfApp) => UserSnapshot
  /** What wx.getUserProfile gives: `rawData` with its signature, and the same encrypted under the session_key of now. */
  readonly userProfile: (openid: string, options?: UserProfileOptions) => UserProfile
  /** What a button for the phone number gives: a code for getuserphonenumber, single use, 300 s, and the number encrypted. */
  readonly phoneNumber: (openid: string, options?: PhoneNumberOptions) => PhoneNumberEvent
  /** The user has a new session_key, as by a wx.login whose code the server never got; the old one is dead. */
  readonly rotateSessionKey: (openid: string, options?: OfApp) => UserSnapshot
  /** Checks the five parameters as the WeChat client does. Throws RequestPaymentError. It does not pay. */
  readonly requestPayment: (params: RequestPaymentParams) => CashierOpened
  /**
   * The user pays: the order becomes SUCCESS and is notified at once. `deliver: 'await'` (default) waits for the first delivery,
   * which is then in the result, judged; `'background'` sends without waiting, `'hold'` does not send. With a schedule whose
   * first send is not immediate nothing is sent yet: the notification is `pending` and says when it is due (`nextDueAt`).
   * @throws MockError UNKNOWN_ORDER, ORDER_NOT_PAYABLE, BAD_INPUT
   */
  readonly pay: Payments['pay']
  /**
   * The user tries to pay and fails: the order stays open, the mini program gets the error, and nobody is notified unless
   * `notify` says so.
   * @throws MockError UNKNOWN_ORDER, ORDER_NOT_PAYABLE
   */
  readonly fail: Payments['fail']
  /**
   * The order's time is over: it is CLOSED, as by its time_expire.
   * @throws MockError UNKNOWN_ORDER, ORDER_PAID
   */
  readonly expire: Payments['expire']
  /**
   * Orderquery answers this trade_state from now on, without a payment, until the order is paid, closed or refunded.
   * @example world.forceState('tea-0001', 'PAYERROR')
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT (no such state)
   */
  readonly forceState: Payments['forceState']
  /**
   * The merchant refunds an order by hand, in its console: the refund is PROCESSING, `refund_request_source` is
   * VENDOR_PLATFORM.
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT, REFUND_REFUSED (with what the API would have answered)
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
   * Makes up a notification about an order, paid or not. Nothing is sent: `deliver()` sends it, `release()` sends it and
   * keeps WeChat's schedule.
   * @example await world.craft('tea-0001', { fields: { total_fee: '1' }, sign: 'keep' }).deliver() // tampered with
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT
   */
  readonly craft: (outTradeNo: string, options?: CraftOptions & OfMerchant) => Notification
  /**
   * Changes the next notification in the moment before it is sent.
   * @example world.once('beforeNotify', draft => { draft.fields.total_fee = '2' }) // and validly signed
   */
  readonly once: HookBook['once']
  /**
   * By the number of the paid order, or by another {@link Notification.id}.
   * @throws MockError UNKNOWN_NOTIFICATION
   */
  readonly notification: (id: string) => Notification
  /**
   * The last notification of a refund.
   * @throws MockError UNKNOWN_REFUND, UNKNOWN_NOTIFICATION
   */
  readonly refundNotification: (outRefundNo: string, options?: OfMerchant) => Notification
  /** Before time moves on, and after the last delivery of an advance, the clock waits for `fn()`. */
  readonly settleOn: (fn: () => Promise<unknown>) => void
  /**
   * Makes something go wrong, once unless asked otherwise.
   * @example world.fault('refund', { kind: 'reset', when: 'after' }) // accepted, but the reply is lost
   * @throws MockError BAD_INPUT
   */
  readonly fault: <A extends Api>(api: A, effect: EffectOf<A>, options?: FaultOptions) => Fault
  readonly faults: () => Fault[]
  /**
   * Holds every exchange that comes to a point until the gate is released; what is held does not hold the clock.
   * @example world.gate('unifiedorder.response', { until: 'delivery.completed' }) // the notification before the reply
   * @throws MockError BAD_INPUT
   */
  readonly gate: (hold: GatePoint, options?: GateOptions) => Gate
  readonly gates: () => Gate[]
  /**
   * Passes if every fault struck as often as asked for, every gate was reached and every hook has met a notification.
   * @throws MockError NOT_DRAINED (with `details.faults`, `details.gates` and the number of `details.hooks`)
   */
  readonly assertDrained: () => void
  /** What production may not like about the calls in the journal. */
  readonly lint: () => Finding[]
  /** Calls to paths that are not emulated. */
  readonly unexpected: () => JournalEntry[]
  /**
   * Passes if no path was called that is not emulated.
   * @throws MockError UNEXPECTED_CALLS (with `details.calls`)
   */
  readonly assertNoUnexpected: () => void
  /**
   * Why a message's signature is not the one expected: the text that was to be signed, and where the caller's differs, which
   * is `theirs` or what a usual mistake would have given.
   * @throws MockError BAD_INPUT
   */
  readonly explainSign: (xml: string, theirs?: string) => SignExplanation
  /** {@link Journal.verify} of the world's journal. */
  readonly verify: Journal['verify']
  /** Calls the listener from now on. One that throws is told as a warning of the process. */
  readonly on: <E extends keyof WorldEvents>(event: E, listener: (value: WorldEvents[E]) => void) => void
  /** The last events by number, as the event stream of the control API tells them. */
  readonly events: Omit<EventLog, 'push'>
  /** What the clock waits for now, by name. */
  readonly inFlight: () => string[]
  /**
   * Ends the world: its merchant and app are unknown from then on, nothing is sent any more, gates let go.
   * @throws MockError DEFAULT_WORLD
   */
  readonly close: () => void
}
