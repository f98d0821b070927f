import { EventEmitter } from 'node:events'
import { createActivity } from '../base/activity.ts'
import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import { guarded } from '../base/listeners.ts'
import { createRandom } from '../base/random.ts'
import { createDelays } from '../base/real-time.ts'
import { type AdvanceBy, type AdvanceOptions, type ClockMode, type ClockMove, startOf } from '../clock/clock.ts'
import { parseDuration } from '../clock/duration.ts'
import { createRealClock } from '../clock/real-clock.ts'
import { createSwitchingClock, type SwitchingClock } from '../clock/switching-clock.ts'
import { createVirtualClock } from '../clock/virtual-clock.ts'
import { createFaultBook, type EffectOf, type Fault, type FaultOptions, type FaultView } from '../faults/faults.ts'
import { createGates, type Gate, type GateOptions, type GatePoint, type GateView } from '../faults/gates.ts'
import { createHooks, type HookBook } from '../faults/hooks.ts'
import type { Finding, JournalEntry } from '../journal/entry.ts'
import { createEventLog, type EventLog } from '../journal/event-log.ts'
import { createJournal, type Journal } from '../journal/journal.ts'
import { createAutoPay } from '../ledger/auto-pay.ts'
import { checkPayable, expireOrder, type FailOptions, failPayment, type PaymentFailure } from '../ledger/cashier.ts'
import {
  type App,
  type AppChanges,
  checkApiKey,
  checkAppid,
  checkCertMode,
  checkMchId,
  checkMerchant,
  createNonces,
  type Credentials,
  type Merchant,
  type MerchantChanges,
} from '../ledger/merchant.ts'
import { type Coupon, couponFee, createOrderBook, type Order, type TradeState } from '../ledger/orders.ts'
import {
  canEnd,
  type ConsoleRefund,
  type EndOptions,
  endRefund,
  refundFromConsole,
  refundSnapshot,
  type RefundSnapshot,
} from '../ledger/refund-rules.ts'
import { createRefundBook, type Refund, type RefundEnd } from '../ledger/refunds.ts'
import type { Delivery, Entry, Notification } from '../notify/notification.ts'
import { createNotifier, noticeOf } from '../notify/notifier.ts'
import { createNoticeWire } from '../notify/passage.ts'
import { planOf } from '../notify/schedule.ts'
import type { Sender } from '../notify/sender.ts'
import { createTokens } from '../users/tokens.ts'
import { createUsers, type LoginCodeOptions, type OfApp, type User, type UserChanges } from '../users/users.ts'
import { behaviourOf } from '../wechat/behaviour.ts'
import type { WorldCore } from '../wechat/core.ts'
import { notifyStyle, payNotifyBody } from '../wechat/pay-v2/notifications.ts'
import type { Side } from '../wechat/pay-v2/receive.ts'
import { type CashierOpened, requestPayment, type RequestPaymentParams } from '../wechat/phone/request-payment.ts'
import {
  phoneNumber,
  type PhoneNumberEvent,
  type PhoneNumberOptions,
  userProfile,
  type UserProfile,
  type UserProfileOptions,
} from '../wechat/phone/user-data.ts'
import { explainMessage, type SignExplanation } from '../wire/explain-sign.ts'
import type { Api } from '../wire/names.ts'
import { checkNotifyUrl } from '../wire/notify-url.ts'
import type { SignType } from '../wire/sign-v2.ts'
import { isSignedWith } from '../wire/tamper.ts'
import { wechatTime } from '../wire/time.ts'
import type { Fields } from '../wire/xml.ts'
import { assertDrained, assertNoUnexpected } from './assertions.ts'
import { craft, type CraftOptions } from './craft.ts'
import { createForgetting } from './forgetting.ts'
import { type AnyWorldOptions, checkWorldOptions } from './options.ts'
import { addApp, addMerchant, appView, changeApp, changeMerchant, merchantView, sandboxOf } from './parties.ts'
import { checkSettleUrl, createSettleCall } from './settle-url.ts'
import { joinClock, type Settling, type SharedClock, type WorldTime } from './shared-clock.ts'
import { fromExport, toExport, type WorldExport } from './state/export.ts'
import { checkState } from './state/shape.ts'
import { putState, RESET_PARTS, type ResetPart, resetState, takeState, type WorldState } from './state/state.ts'
import { advanceWorlds, type Happened } from './time.ts'

/** What `advance` did: every delivery that fell due has been made, answered and judged. */
export interface AdvanceReport extends ClockMove, Happened {}

export interface WorldClock extends Pick<SwitchingClock, 'mode' | 'now' | 'timers' | 'switchTo'> {
  /** Moves the virtual clock; see {@link World.advance}. */
  readonly advance: (by: AdvanceBy, options?: AdvanceOptions) => Promise<AdvanceReport>
}

/** Of which merchant, where the world has several. */
export interface OfMerchant {
  readonly mchId?: string
}

/**
 * Where an order is, if several sides know its number: in production or in the sandbox, and of which merchant; default: where
 * what is asked for can be done.
 */
export interface OnSide extends OfMerchant {
  readonly side?: Side
}

/** An order as it is now; money is fen. */
export interface OrderSnapshot {
  readonly mchId: string
  readonly appid: string
  readonly side: Side
  readonly outTradeNo: string
  readonly tradeState: TradeState
  readonly totalFee: number
  readonly cashFee: number | undefined
  readonly feeType: string
  readonly tradeType: string
  readonly body: string
  readonly attach: string
  /** The user the order was made for; the payer once it is paid. */
  readonly openid: string
  readonly prepayId: string
  readonly notifyUrl: string
  readonly signType: SignType
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
  readonly transactionId: string | undefined
  readonly bankType: string | undefined
  readonly coupons: readonly Coupon[]
  readonly paidAt: Date | undefined
}

export interface PayOptions extends OnSide {
  /** The payer, if not the user the order was made for. */
  readonly openid?: string
  /** Default `OTHERS`. */
  readonly bankType?: string
  readonly coupons?: readonly Coupon[]
}

/** Whether to wait for the first delivery, not to wait for it, or not to send at all. */
export type Deliver = 'await' | 'background' | 'hold'

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
 * A merchant with an app, and more of them if they are added: its own time, users, orders and ids. Worlds do not see each other. `First` is what
 * `deliver: 'await'` resolves with: the first delivery, or the pending notification where the schedule is a {@link LateSchedule}.
 */
export interface World<First = Delivery> extends AsyncDisposable {
  readonly id: string
  /** The base URL of api.mch.weixin.qq.com and api.weixin.qq.com alike. */
  readonly baseUrl: string
  /** As they are now: {@link World.merchant} and {@link World.app} change them. */
  readonly credentials: Credentials
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
  readonly merchant: (mchId: string, changes?: MerchantChanges) => Merchant
  /** The first is the one of {@link World.credentials}. */
  readonly merchants: () => Merchant[]
  /**
   * An app of the world, changed. One that is not known yet is added: it has users, openids, session keys and access tokens
   * of its own, a secret that is drawn if none is given, and is bound to every merchant of the world.
   * @throws MockError BAD_INPUT, ID_TAKEN (by another world), UNKNOWN_WORLD (it has ended)
   */
  readonly app: (appid: string, changes?: AppChanges) => App
  /** The first is the one of {@link World.credentials}. */
  readonly apps: () => App[]
  readonly users: () => UserSnapshot[]
  /** The user with this openid, made known and changed. */
  readonly user: (openid: string, changes?: UserChanges & OfApp) => UserSnapshot
  /** What wx.getUserProfile gives: `rawData` with its signature, and the same encrypted under the session_key of now. */
  readonly userProfile: (openid: string, options?: UserProfileOptions) => UserProfile
  /** What a button for the phone number gives: a code for getuserphonenumber, single use, 300 s, and the number encrypted. */
  readonly phoneNumber: (openid: string, options?: PhoneNumberOptions) => PhoneNumberEvent
  /** The user has a new session_key, as by a wx.login whose code the server never got; the old one is dead. */
  readonly rotateSessionKey: (openid: string, options?: OfApp) => UserSnapshot
  /** Checks the five parameters as the WeChat client does. Throws RequestPaymentError. It does not pay. */
  readonly requestPayment: (params: RequestPaymentParams) => CashierOpened
  /**
   * The user pays: the order becomes SUCCESS and the notification is sent at once. `deliver: 'await'` (default) resolves
   * with the judged first delivery; `'background'` sends without waiting and `'hold'` does not send: both resolve with the
   * notification. Where the schedule does not begin at once nothing is sent: then `'await'` resolves with the notification
   * too, which is `pending` and says when it is due (`nextDueAt`).
   * @throws MockError UNKNOWN_ORDER, ORDER_NOT_PAYABLE, BAD_INPUT
   */
  readonly pay: {
    (outTradeNo: string, options?: PayOptions & { readonly deliver?: 'await' }): Promise<First>
    (outTradeNo: string, options: PayOptions & { readonly deliver: 'background' | 'hold' }): Promise<Notification>
  }
  /**
   * The user tries to pay and fails: the order stays open, the mini program is told, and nobody is notified unless `notify`
   * says so; then `delivery` is the judged first one, if the schedule begins at once.
   * @throws MockError UNKNOWN_ORDER, ORDER_NOT_PAYABLE
   */
  readonly fail: (
    outTradeNo: string,
    options?: FailOptions & OnSide,
  ) => Promise<PaymentFailure & { readonly delivery: Delivery | undefined }>
  /**
   * The order's time is over: it is CLOSED, as by its time_expire.
   * @throws MockError UNKNOWN_ORDER, ORDER_PAID
   */
  readonly expire: (outTradeNo: string, options?: OnSide) => OrderSnapshot
  /**
   * The merchant refunds an order by hand, in its console: the refund is PROCESSING, `refund_request_source` is
   * VENDOR_PLATFORM.
   * @throws MockError UNKNOWN_ORDER, BAD_INPUT, REFUND_REFUSED (with what the API would have answered)
   */
  readonly refund: (outTradeNo: string, options?: ConsoleRefund & OnSide) => RefundSnapshot
  /**
   * Ends a refund that is PROCESSING, or CHANGE, and sends the notification if there is a URL for it; `deliver` as in
   * {@link World.pay}. Resolves with undefined when nobody is to be told.
   * @throws MockError UNKNOWN_REFUND, REFUND_ENDED
   */
  readonly settleRefund: {
    (
      outRefundNo: string,
      status: RefundEnd,
      options?: EndOptions & OfMerchant & { readonly deliver?: 'await' },
    ): Promise<First | undefined>
    (
      outRefundNo: string,
      status: RefundEnd,
      options: EndOptions & OfMerchant & { readonly deliver: 'background' | 'hold' },
    ): Promise<Notification | undefined>
  }
  /** @throws MockError UNKNOWN_REFUND */
  readonly getRefund: (outRefundNo: string, options?: OfMerchant) => RefundSnapshot
  readonly refunds: () => RefundSnapshot[]
  /**
   * `tradeState`: where both sides know the number, rather the one in this state.
   * @throws MockError UNKNOWN_ORDER
   */
  readonly order: (outTradeNo: string, options?: OnSide & { readonly tradeState?: TradeState }) => OrderSnapshot
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
  readonly craft: (outTradeNo: string, options?: CraftOptions & OnSide) => Notification
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
   * Empties `orders` (with refunds, notifications and deliveries), `users`, `journal`, `faults` (with gates and hooks) or sets the
   * `clock` back to the start; default: all of them, but the time of a real clock.
   * @throws MockError CLOCK_BUSY, CLOCK_REAL, BAD_INPUT
   */
  readonly reset: (...what: ResetPart[]) => void
  /**
   * Remembers the world as it is now; gives the name to restore it by.
   * @throws MockError TOO_MANY_SNAPSHOTS (a world has 100 at most)
   */
  readonly snapshot: (name?: string) => string
  /** @throws MockError UNKNOWN_SNAPSHOT */
  readonly deleteSnapshot: (name: string) => void
  readonly snapshots: () => { readonly name: string; readonly at: Date }[]
  /**
   * Puts the world back as often as wanted. Gates are let go, hooks forgotten; what is under way leaves no trace in it.
   * @throws MockError UNKNOWN_SNAPSHOT, CLOCK_BUSY
   */
  readonly restore: (name: string) => void
  /** The world as plain JSON data, for a file. */
  readonly export: () => WorldExport
  /**
   * Puts the world into the state of an export of the same merchant and app; its other merchants and apps are added.
   * @throws MockError BAD_INPUT, CLOCK_BUSY, ID_TAKEN
   */
  readonly import: (exported: WorldExport) => void
  /**
   * Ends the world: its merchant and app are unknown from then on, nothing is sent any more, gates let go.
   * @throws MockError DEFAULT_WORLD
   */
  readonly close: () => void
}

/** By which names the wire finds the worlds of a mock. */
export interface Names {
  /** @throws MockError ID_TAKEN */
  readonly checkFree: (kind: 'appid' | 'mchId', name: string) => void
  readonly claim: (kind: 'appid' | 'mchId', name: string, core: WorldCore) => void
}

/** What a world needs from the mock it lives in. */
export interface WorldHost {
  readonly id: string
  /** The seed as it has been made unique among the worlds of the mock. */
  readonly seed: string
  readonly baseUrl: () => string
  readonly sender: Sender
  /** The clock that all worlds of the mock run on, if they share one. */
  readonly clock?: SharedClock | undefined
  /** Whether it is reached by TLS. */
  readonly tls: boolean
  readonly log: (line: string) => void
  readonly names: Names
  /** Forgets the world. */
  readonly remove: () => void
}

const MAX_JOURNAL = 5000

/** These may still be paid, so a short memory for what is over does not shorten theirs. */
const MAX_UNPAID = 10_000

const MAX_EVENTS = 1000

/** Each is a whole world. */
const MAX_SNAPSHOTS = 100

function refundDelay(
  mode: ClockMode,
  { refundDelay = mode === 'real' ? '5s' : 'never' }: AnyWorldOptions,
): number | undefined {
  return refundDelay === 'never' ? undefined : parseDuration(refundDelay, 'refundDelay')
}

function sessionKeyMs({ sessionKeyPeriod = '10m' }: AnyWorldOptions): number | undefined {
  return sessionKeyPeriod === 'never' ? undefined : parseDuration(sessionKeyPeriod, 'sessionKeyPeriod')
}

/** @throws MockError BAD_INPUT, if a world is to have a time of its own on a clock that is shared */
function checkOwnTime(shared: SharedClock | undefined, options: AnyWorldOptions): void {
  const own = (['startTime', 'clock'] as const).find((name) => options[name] !== undefined)
  if (shared && own !== undefined) {
    throw badInput(own, 'shared', `all worlds of this mock run on the one clock that it was given; leave ${own} out`)
  }
}

/** A clock that no other world runs on. */
function ownTime(mode: ClockMode, start: number, world: Settling): WorldTime {
  const clock = createSwitchingClock(mode, start, (mode, from) =>
    mode === 'real' ? createRealClock(from) : createVirtualClock(from, world.settle),
  )
  const watch = (see: (world: Settling) => void) => {
    see(world)
    return () => {}
  }
  return {
    clock,
    advance: (by, options) =>
      advanceWorlds(clock, watch, (move, [own]) => ({ ...move, ...own!.happened }), by, options),
    enter: () => {},
  }
}

function drawCredentials(seed: string, { appid, appSecret, mchId, apiKey }: AnyWorldOptions): Credentials {
  const random = createRandom(seed)
  checkApiKey(apiKey)
  return {
    appid: appid ?? `wx${random.hex(16, 'appid')}`,
    appSecret: appSecret ?? random.hex(32, 'appSecret'),
    mchId: mchId ?? `16${random.digits(8, 'mchId')}`,
    apiKey: apiKey ?? random.alphanumeric(32, 'apiKey'),
  }
}

function checkCoupons(order: Order, coupons: readonly Coupon[]): void {
  const refuse = (message: string) => badInput('coupons', 'value', message)
  if (!coupons.every(({ fee }) => Number.isSafeInteger(fee) && fee > 0)) {
    throw refuse('each fee must be a positive integer of fen')
  }
  const sum = coupons.reduce((total, { fee }) => total + fee, 0)
  if (sum > order.totalFee) throw refuse(`${sum} fen of coupons for an order of ${order.totalFee} fen`)
}

function snapshot({ inSandbox, credentials }: WorldCore, order: Order): OrderSnapshot {
  const {
    outTradeNo,
    tradeState,
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
  } = order
  return {
    mchId: credentials.mchId,
    appid: order.appid,
    side: inSandbox ? 'sandbox' : 'production',
    outTradeNo,
    tradeState,
    totalFee,
    cashFee: payment && totalFee - couponFee(payment),
    feeType,
    tradeType,
    body,
    attach,
    openid: payment?.openid ?? openid,
    prepayId,
    notifyUrl,
    signType,
    createdAt,
    expiresAt,
    transactionId: payment?.transactionId,
    bankType: payment?.bankType,
    coupons: payment?.coupons ?? [],
    paidAt: payment?.paidAt,
  }
}

export function createWorld(host: WorldHost, options: AnyWorldOptions): { world: World; core: WorldCore } {
  const { id, baseUrl, sender } = host
  const log = guarded('log', host.log)
  const { maxJournal = MAX_JOURNAL } = options
  checkWorldOptions(options)
  const credentials = drawCredentials(host.seed, options)
  checkCertMode(options.certMode, host.tls)
  if (options.settleUrl !== undefined) checkSettleUrl(options.settleUrl)
  if (options.refundNotifyUrl !== undefined) checkNotifyUrl('refundNotifyUrl', options.refundNotifyUrl)
  checkOwnTime(host.clock, options)
  const start = startOf(options.startTime)
  const mode = options.clock ?? 'virtual'
  const plan = planOf(options.schedule ?? 'current')
  const behaviour = behaviourOf(options.behaviour)
  const refundDelayMs = refundDelay(mode, options)
  const autoPayMs = options.autoPay === undefined ? undefined : parseDuration(options.autoPay, 'autoPay')
  const sessionKeyPeriodMs = sessionKeyMs(options)
  const activity = createActivity()
  const settleHooks: (() => Promise<unknown>)[] =
    options.settleUrl === undefined ? [] : [createSettleCall(sender, options.settleUrl)]
  const settle = () => {
    if (settleHooks.length === 0 && !activity.busy()) return undefined
    return (async () => {
      do {
        await activity.idle()
        for (const hook of settleHooks) await hook()
      } while (activity.busy())
    })()
  }
  const settling: Settling = {
    id,
    settle,
    busy: activity.busy,
    awaited: activity.awaited,
    collect: () => {
      const deliveries = notifier.collect()
      const lint: Finding[] = []
      const note = (entry: JournalEntry) => {
        lint.push(...(entry.lint ?? []))
      }
      events.on('journal', note)
      return () => {
        events.off('journal', note)
        return { deliveries: deliveries(), lint }
      }
    },
    moved: (move) => tell('clock', move),
  }
  const {
    clock,
    advance: advanceTime,
    nextSequence,
    enter,
  } = host.clock ? joinClock(host.clock, settling) : ownTime(mode, start, settling)
  const random = createRandom(
    options.clock === 'real' && options.seed === undefined ? `${host.seed}@${start}` : host.seed,
  )
  const orders = createOrderBook(clock.now)
  const refunds = createRefundBook()
  const autoPay = createAutoPay(clock, autoPayMs, async (side, order) =>
    payOrder(side, order, { deliver: 'background' }),
  )
  const users = createUsers(random, clock.now, { sessionKeyMs: sessionKeyPeriodMs, codeLimit: options.codeLimit })
  const tokens = createTokens(random, clock.now)
  const events = new EventEmitter()
  const eventLog = createEventLog(MAX_EVENTS)
  function tell<E extends keyof WorldEvents>(event: E, value: WorldEvents[E]): void {
    eventLog.push(event, clock.now(), value)
    events.emit(event, value)
  }
  const journal = createJournal(maxJournal, (entry) => {
    tell('journal', entry)
    forget()
  })
  const delays = createDelays()
  const hooks = createHooks((message) => keyOf(message))
  const faults = createFaultBook(random, clock.now, (fault) => {
    tell('fault', { ...fault })
  })
  const gates = createGates((gate) => {
    tell('gate', gate)
  })
  const style = notifyStyle(random)
  const counters = { replies: 0 }
  let ended = false
  const snapshots = new Map<string, WorldState>()

  const notifier = createNotifier({
    clock,
    activity,
    wire: createNoticeWire({ gates, faults, delays, sender }),
    hasEnded: () => ended,
    mchId: credentials.mchId,
    plan,
    ...(nextSequence && { nextSequence }),
    ackTimeoutMs: options.ackTimeoutMs ?? 5000,
    strict: options.strict ?? false,
    delays,
    maxDeliveries: maxJournal,
    prepare: hooks.prepare,
    onDelivery: (delivery) => {
      const {
        id: deliveryId,
        sentAt,
        notificationId,
        kind,
        outTradeNo,
        url,
        request,
        response,
        verdict,
        reason,
        lint,
        attempt,
      } = delivery
      journal.record({
        at: sentAt,
        direction: 'out',
        api: noticeOf(kind),
        outTradeNo,
        request: { method: 'POST', url, ...request },
        ...(response && { response }),
        note: `${verdict}: ${reason}`,
        ...(lint && { lint }),
        deliveryId,
        verdict,
      })
      log(`${id} notify ${notificationId} attempt ${attempt}: ${verdict} (${reason})`)
      gates.signal('delivery.completed', outTradeNo)
      tell('delivery', delivery)
    },
  })

  const core: WorldCore = {
    id,
    inSandbox: false,
    sandbox: () => sandbox,
    merchants: () => merchants,
    apps: () => apps,
    sides: () => merchants.flatMap((merchant) => [merchant, merchant.sandbox()]),
    certMode: options.certMode ?? 'none',
    credentials,
    signType: options.signType,
    behaviour,
    clock,
    random,
    orders,
    refunds,
    autoPay,
    refundDelayMs,
    refundNotifyUrl: options.refundNotifyUrl ?? '',
    users,
    tokens,
    journal,
    activity,
    faults,
    gates,
    hooks,
    delays,
    strict: options.strict ?? false,
    nonces: createNonces(),
    notifier,
    notifyStyle: style,
    counters,
    nextReply: () => ++counters.replies,
    end,
  }

  const forget = createForgetting(core, { over: maxJournal, unpaid: Math.max(MAX_UNPAID, maxJournal) })

  const sandbox = sandboxOf(core, {
    random: createRandom(`${host.seed}/sandbox`),
    orders: createOrderBook(clock.now),
    refunds: createRefundBook(),
  })
  const merchants = [core]
  const merchantOf = (mchId: string | undefined) => merchants.find((merchant) => merchant.credentials.mchId === mchId)
  /** A message of the sandbox looks like any other; its signature tells. */
  function keyOf(message: Fields): string {
    const merchant = merchantOf(message.get('mch_id')) ?? core
    const { apiKey } = merchant.sandbox().credentials
    return isSignedWith(message, apiKey) ? apiKey : merchant.credentials.apiKey
  }

  /** @throws MockError BAD_INPUT, ID_TAKEN, UNKNOWN_WORLD */
  function checkNew(mchId: string, changes: MerchantChanges): void {
    checkExists()
    checkMchId(mchId)
    checkMerchant(changes, host.tls)
    host.names.checkFree('mchId', mchId)
  }

  function knowMerchant(mchId: string, changes: MerchantChanges): Merchant {
    const known = merchantOf(mchId)
    if (known) return changeMerchant(known, changes, host.tls)
    checkNew(mchId, changes)
    const merchant = addMerchant(core, host.seed, {
      ...credentials,
      mchId,
      apiKey: random.alphanumeric(32, 'apiKey', mchId),
    })
    host.names.claim('mchId', mchId, merchant)
    merchants.push(merchant)
    return changeMerchant(merchant, changes, host.tls)
  }

  const apps = [core]
  const appOf = (appid: string | undefined) => apps.find((app) => app.credentials.appid === appid)
  const secretsOf = (message: Fields) => ({
    apiKey: (merchantOf(message.get('mch_id')) ?? core).credentials.apiKey,
    appSecret: (appOf(message.get('appid')) ?? core).credentials.appSecret,
  })

  /** @throws MockError BAD_INPUT, ID_TAKEN, UNKNOWN_WORLD */
  function checkNewApp(appid: string): void {
    checkExists()
    checkAppid(appid)
    host.names.checkFree('appid', appid)
  }

  function knowApp(appid: string, changes: AppChanges): App {
    const known = appOf(appid)
    if (known) return changeApp(known, changes)
    checkNewApp(appid)
    const app = addApp(
      core,
      host.seed,
      { sessionKeyMs: sessionKeyPeriodMs, codeLimit: options.codeLimit },
      { appid, appSecret: random.hex(32, 'appSecret', appid) },
    )
    host.names.claim('appid', appid, app)
    apps.push(app)
    return changeApp(app, changes)
  }

  /** The app whose user is meant. */
  function appFor(openid: string | undefined, { appid }: OfApp = {}): WorldCore {
    const app =
      appid === undefined
        ? (apps.find(({ users }) => openid !== undefined && users.find(openid)) ?? core)
        : appOf(appid)
    if (!app) {
      throw new MockError(
        'UNKNOWN_APP',
        `world ${id} has no app ${appid}; it has ${apps.map(({ credentials }) => credentials.appid).join(', ')}`,
      )
    }
    return app
  }

  const userView = ({ credentials: { appid } }: WorldCore, user: User): UserSnapshot => ({ ...user, appid })

  /** Where something of a merchant can be, or of any of them. */
  function sidesOf({ mchId }: OfMerchant = {}): readonly WorldCore[] {
    if (mchId === undefined) return core.sides()
    const merchant = merchantOf(mchId)
    if (!merchant) {
      throw new MockError(
        'UNKNOWN_MERCHANT',
        `world ${id} has no merchant ${mchId}; it has ${merchants.map(({ credentials }) => credentials.mchId).join(', ')}`,
      )
    }
    return [merchant, merchant.sandbox()]
  }

  const everyMerchant = () => merchants.map(({ credentials }) => credentials.mchId).join(' or ')

  /** Several sides may know a number: the one is meant that `fits`, or else the first. */
  function findOrder(
    outTradeNo: string,
    options: OnSide = {},
    fits?: (order: Order) => boolean,
  ): readonly [WorldCore, Order] {
    const { side: wanted } = options
    const found = sidesOf(options).flatMap((side) => {
      const order =
        wanted === undefined || side.inSandbox === (wanted === 'sandbox') ? side.orders.find(outTradeNo) : undefined
      return order ? [[side, order] as const] : []
    })
    const [first] = found
    const where = wanted === undefined ? '' : ` in ${wanted === 'sandbox' ? 'the sandbox' : 'production'}`
    if (!first) {
      throw new MockError(
        'UNKNOWN_ORDER',
        `world ${id} has no order ${outTradeNo}${where}; was unifiedorder called with mch_id ${options.mchId ?? everyMerchant()}?`,
      )
    }
    return found.find(([, order]) => fits?.(order)) ?? first
  }

  const isUnpaid = ({ tradeState }: Order) => tradeState === 'NOTPAY'
  const isPaid = ({ payment }: Order) => payment !== undefined

  function findRefund(
    outRefundNo: string,
    options?: OfMerchant,
    fits?: (refund: Refund) => boolean,
  ): readonly [WorldCore, Refund] {
    const found = sidesOf(options).flatMap((side) => {
      const refund = side.refunds.find(outRefundNo)
      return refund ? [[side, refund] as const] : []
    })
    const [first] = found
    if (!first) {
      throw new MockError(
        'UNKNOWN_REFUND',
        `world ${id} has no refund ${outRefundNo}; was refund called with mch_id ${options?.mchId ?? everyMerchant()}?`,
      )
    }
    return found.find(([, refund]) => fits?.(refund)) ?? first
  }

  function findNotification(name: string): Notification {
    const notification = notifier.find(name)
    if (!notification) {
      throw new MockError(
        'UNKNOWN_NOTIFICATION',
        `world ${id} has no notification ${name}; a payment's is made when the order ${name} is paid`,
      )
    }
    return notification
  }

  function findRefundNotification(outRefundNo: string, options?: OfMerchant): Notification {
    const [, { notificationId, status, notifyUrl }] = findRefund(outRefundNo, options)
    if (notificationId === undefined) {
      throw new MockError(
        'UNKNOWN_NOTIFICATION',
        `refund ${outRefundNo} has no notification: it is ${status} and its notify_url is '${notifyUrl}'`,
      )
    }
    return findNotification(notificationId)
  }

  async function dispatch(notification: Entry, deliver: Deliver): Promise<Delivery | Notification> {
    if (deliver === 'hold') return notification
    const first = notifier.start(notification, deliver === 'await')
    return (deliver === 'await' ? await first : undefined) ?? notification
  }

  async function payOrder(
    side: WorldCore,
    order: Order,
    { openid, bankType = 'OTHERS', coupons = [], deliver = 'await' }: PayOptions & { readonly deliver?: Deliver } = {},
  ) {
    const { outTradeNo } = order
    checkPayable(side, order)
    checkCoupons(order, coupons)
    const paidAt = clock.now()
    const payment = {
      transactionId: `4200${side.random.digits(6, 'transaction', outTradeNo, 'head')}${wechatTime(paidAt).slice(0, 8)}${side.random.digits(10, 'transaction', outTradeNo, 'tail')}`,
      openid: openid ?? (order.openid || (appOf(order.appid) ?? core).users.issueCode({}).user.openid),
      bankType,
      coupons: coupons.map((coupon, n) => ({
        ...coupon,
        id: coupon.id ?? side.random.digits(10, 'coupon', outTradeNo, n),
      })),
      paidAt,
    }
    Object.assign(order, { tradeState: 'SUCCESS', payment })
    side.orders.indexTransaction(order, payment)
    gates.signal('order.paid', outTradeNo)
    tell('paid', snapshot(side, order))
    const notification = notifier.create(
      outTradeNo,
      order.notifyUrl,
      payNotifyBody(order, payment, side.credentials, style),
      { kind: 'pay', mchId: side.credentials.mchId },
    )
    return dispatch(notification, deliver)
  }

  async function pay(outTradeNo: string, options: PayOptions & { readonly deliver?: Deliver } = {}) {
    return payOrder(...findOrder(outTradeNo, options, isUnpaid), options)
  }

  async function fail(outTradeNo: string, options?: FailOptions & OnSide): ReturnType<World['fail']> {
    const { entry, ...failure } = failPayment(...findOrder(outTradeNo, options, isUnpaid), options)
    return { ...failure, delivery: entry && (await notifier.start(entry)) }
  }

  async function settleRefund(
    outRefundNo: string,
    status: RefundEnd,
    { deliver = 'await', mchId, ...options }: EndOptions & OfMerchant & { readonly deliver?: Deliver } = {},
  ) {
    const notification = endRefund(
      ...findRefund(outRefundNo, mchId === undefined ? {} : { mchId }, canEnd),
      status,
      options,
    )
    return notification && dispatch(notification, deliver)
  }

  const noSnapshot = (name: string) => new MockError('UNKNOWN_SNAPSHOT', `world ${id} has no snapshot ${name}`)

  function freshSnapshot(): string {
    let n = snapshots.size + 1
    while (snapshots.has(`s${n}`)) n++
    return `s${n}`
  }

  function replaceState(state: WorldState, prepare?: () => void): void {
    putState(core, state, prepare)
    tell('reset', { what: RESET_PARTS })
  }

  /** Adds what an import brings and the world does not have, once it is known that all of it can be added. */
  function newcomersOf({ merchants: importedMerchants = [], apps: importedApps = [] }: WorldState): () => void {
    const checkSame = (place: string, theirs: string, own: string) => {
      if (theirs !== own) {
        throw badInput(place, 'const', 'must be what this world has for the same id')
      }
    }
    importedMerchants.forEach((merchant, n) => {
      const own = merchantOf(merchant.mchId)
      if (own) checkSame(`state.merchants.${n}.apiKey`, merchant.apiKey, own.credentials.apiKey)
      else checkNew(merchant.mchId, merchant)
    })
    importedApps.forEach(({ appid, appSecret }, n) => {
      const own = appOf(appid)
      if (own) checkSame(`state.apps.${n}.appSecret`, appSecret, own.credentials.appSecret)
      else checkNewApp(appid)
    })
    return () => {
      for (const { mchId, apiKey, signType, certMode } of importedMerchants) {
        if (!merchantOf(mchId)) knowMerchant(mchId, { apiKey, signType, certMode })
      }
      for (const { appid, appSecret } of importedApps) knowApp(appid, { appSecret })
    }
  }

  /** @throws MockError UNKNOWN_WORLD */
  function checkExists(): void {
    if (ended) throw new MockError('UNKNOWN_WORLD', `world ${id} has ended`)
  }

  const advance: WorldTime['advance'] = async (by, options) => {
    checkExists()
    const report = await advanceTime(by, options)
    checkExists()
    return report
  }

  function end(): void {
    ended = true
    clock.close()
    delays.close()
    journal.close()
    gates.clear()
  }

  function close(): void {
    host.remove()
    end()
  }

  const unexpected = () => journal.entries({ api: 'unknown' })

  const world: World = {
    id,
    get baseUrl() {
      return baseUrl()
    },
    credentials,
    clock: {
      get mode() {
        return clock.mode
      },
      now: clock.now,
      timers: clock.timers,
      advance,
      switchTo: clock.switchTo,
    },
    journal,
    advance,
    loginCode: (options = {}) => {
      const { code, user, expiresAt } = appFor(options.openid, options).users.issueCode(options)
      return { code, openid: user.openid, unionid: user.unionid, expiresAt }
    },
    merchant: (mchId, changes = {}) => knowMerchant(mchId, changes),
    merchants: () => merchants.map(merchantView),
    app: (appid, changes = {}) => knowApp(appid, changes),
    apps: () => apps.map(appView),
    users: () => apps.flatMap((app) => app.users.list().map((user) => userView(app, user))),
    user: (openid, changes) => {
      const app = appFor(openid, changes)
      return userView(app, app.users.know(openid, changes))
    },
    userProfile: (openid, options) => userProfile(appFor(openid, options), openid, options),
    phoneNumber: (openid, options) => phoneNumber(appFor(openid, options), openid, options),
    rotateSessionKey: (openid, options) => {
      const app = appFor(openid, options)
      const user = app.users.know(openid)
      app.users.rotate(user, 'new')
      return userView(app, user)
    },
    requestPayment: (params) => requestPayment(core, params),
    pay: pay as World['pay'],
    fail,
    expire: (outTradeNo, options) => {
      const [side, order] = findOrder(outTradeNo, options, isUnpaid)
      expireOrder(side, order)
      return snapshot(side, order)
    },
    refund: (outTradeNo, options) => {
      const [side, order] = findOrder(outTradeNo, options, isPaid)
      return refundSnapshot(side, refundFromConsole(side, order, options))
    },
    settleRefund: settleRefund as World['settleRefund'],
    getRefund: (outRefundNo, options) => refundSnapshot(...findRefund(outRefundNo, options)),
    refunds: () => core.sides().flatMap((side) => side.refunds.list().map((refund) => refundSnapshot(side, refund))),
    order: (outTradeNo, options) =>
      snapshot(...findOrder(outTradeNo, options, ({ tradeState }) => tradeState === options?.tradeState)),
    orders: () => core.sides().flatMap((side) => side.orders.list().map((order) => snapshot(side, order))),
    deliveries: notifier.deliveries,
    notifications: notifier.list,
    craft: (outTradeNo, craftOptions) => craft(...findOrder(outTradeNo, craftOptions), craftOptions),
    once: hooks.once,
    notification: findNotification,
    refundNotification: findRefundNotification,
    settleOn: (fn) => {
      settleHooks.push(fn)
    },
    fault: faults.set,
    faults: faults.list,
    gate: gates.set,
    gates: gates.list,
    lint: () => journal.entries().flatMap(({ lint = [] }) => lint),
    unexpected,
    assertNoUnexpected: () => assertNoUnexpected(unexpected()),
    explainSign: (xml, theirs) => explainMessage(xml, secretsOf, theirs),
    verify: journal.verify,
    assertDrained: () => assertDrained(faults.list(), gates.list(), hooks.waiting()),
    on: (event, listener) => {
      events.on(event, guarded(event, listener))
    },
    events: eventLog,
    inFlight: activity.list,
    reset: (...what) => {
      resetState(core, new Date(start), what)
      tell('reset', { what: what.length > 0 ? what : RESET_PARTS })
    },
    snapshot: (name = freshSnapshot()) => {
      if (snapshots.size === MAX_SNAPSHOTS && !snapshots.has(name)) {
        throw new MockError(
          'TOO_MANY_SNAPSHOTS',
          `world ${id} has ${MAX_SNAPSHOTS} snapshots, which is the most; delete one first`,
        )
      }
      snapshots.set(name, takeState(core))
      return name
    },
    deleteSnapshot: (name) => {
      if (!snapshots.delete(name)) throw noSnapshot(name)
    },
    snapshots: () => Array.from(snapshots, ([name, { now }]) => ({ name, at: now })),
    restore: (name) => {
      const state = snapshots.get(name)
      if (!state) throw noSnapshot(name)
      replaceState(state)
    },
    export: () => toExport(credentials, takeState(core)),
    import: (exported) => {
      const state = checkState(fromExport(exported, credentials))
      replaceState(state, newcomersOf(state))
    },
    close,
    [Symbol.asyncDispose]: async () => close(),
  }
  enter()
  return { world, core }
}
