import type { preHandlerAsyncHookHandler } from 'fastify'
import type { Bills } from './client/bills.ts'
import type { Party } from './client/partner.ts'
import type { AbnormalRefund, NotificationMessage } from './client/pay.ts'
import type { PayV2Api } from './client/pay-v2/pay-v2.ts'
import type { PayV3Api } from './client/pay-v3/api.ts'
import { PAID_TRADE, SHIP, SHIPMENT } from './client/mini-program/shipping.ts'
import type { Anomalies } from './engine/anomalies.ts'
import type { RegisteredApp } from './engine/users/apps.ts'
import type { Shipping } from './engine/claims/shipping.ts'
import type { Forget } from './engine/users/forget.ts'
import type { Login } from './engine/users/login.ts'
import type { Orders } from './engine/orders.ts'
import type { Reconcile } from './engine/reconcile/reconcile.ts'
import { REFUND_ACCOUNT } from './engine/refunds.ts'
import type { Refunds } from './engine/refunds.ts'
import { EXTRAS, fen, TRADE_TYPES } from './engine/extras.ts'
import { WechatError } from './errors.ts'
import type { Job } from './hooks.ts'
import type { Check, Identity, Order, Refund, Resolution } from './model.ts'
import { parseTime } from './protocol/time.ts'
import { date, faultOf, kindOf, objectOf, oneOf, optional, shown, text } from './base/rules.ts'
import type { Rule } from './base/rules.ts'

/** The methods of `fastify.wechat`: the same as the routes, and more. An argument of the wrong type is refused with `WECHAT_INPUT_INVALID`, which names it. */
export interface Wechat {
  login: Login
  orders: Pick<Orders, 'create' | 'get' | 'refresh' | 'cancel' | 'history'>
  refunds: Pick<Refunds, 'create' | 'list' | 'get' | 'refresh' | 'retry' | 'settleAbnormal'>
  ship: Shipping['ship']
  anomalies: Anomalies
  forget: Forget
  /** Bills of a day, row by row. */
  bills: Bills
  /** The calls of the mini program. With several apps, use those of `app(name)`. */
  miniProgram: RegisteredApp['miniProgram']
  /**
   * One of several apps, by its name or appid: its calls, and a preHandler that admits only its users.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID` for an unknown app, or without a name if there are several
   */
  app(nameOrAppid?: string): RegisteredApp & Pick<Wechat, 'requireUser'>
  /** The raw payment API of the merchant; with `version` `'v3'` it has more methods. */
  pay: PayV2Api | PayV3Api
  /**
   * Checks keys, app secret, clock, notify route, public URL and store before you go live. It asks WeChat about a code and an order that do not
   * exist, and writes nothing. The same outside an app: `npx -p fastify-wechat-pay fastify-wechat-pay doctor FILE`.
   */
  selfTest(): Promise<Check[]>
  /**
   * Compares the trade bill of a day with the store, and recovers payments and refunds that the store missed, because a notification was lost or a
   * refund was made in the merchant platform: WeChat is asked about each difference, and its signed answer is applied like any other (source `bill`).
   * A difference that remains is an anomaly (`bill-differs`). Running it again changes nothing.
   *
   * @param date The day in GMT+8: `yyyy-MM-dd`.
   * @throws {WechatError} `WECHAT_UNAVAILABLE` if the bill does not exist yet, `WECHAT_REPLY_INVALID` if it arrived incomplete: then nothing was changed
   */
  reconcile: Reconcile
  /**
   * A preHandler for your own routes: `request.wechatUser` is the user who logged in, and requests without a valid token are refused (401, `WECHAT_UNAUTHENTICATED`).
   *
   * @example app.get('/me', { preHandler: app.wechat.requireUser }, async ({ wechatUser }) => await accountOf(wechatUser.openid))
   */
  requireUser: preHandlerAsyncHookHandler
  /** Does all due work now and resolves with the number of orders worked on. For a cron job, a queue or a test. Do not await it in a hook: the hook would wait for itself. */
  sweep(): Promise<number>
  /**
   * Does the due work of the order of a job: it is claimed with the same lease as by a sweep, so that a job that comes twice, late, or
   * for work already done changes nothing. Resolves when the work is over, with whether there was any. A hook that fails does not reject: the work is due again
   * later, with a new job. Do not await it in a hook.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID` for anything but a job, and for another merchant's job; `WECHAT_STORE_FAILED`, or `WECHAT_BUSY` if the app is closing: let your queue deliver it again
   */
  perform(job: Pick<Job, 'mchId' | 'outTradeNo'>): Promise<boolean>
  /** Waits until this process has no running work, at most `limitMs` (default 8000). For tests, e.g. `world.settleOn(() => app.wechat.idle())`. */
  idle(limitMs?: number): Promise<void>
}

type Argument = readonly [name: string, rule: Rule]

const anyText: Rule = (value) => (typeof value === 'string' ? undefined : `must be a string, not ${shown(value)}`)
/** For look-ups: any text that is not too long may be an unknown number. */
const upTo =
  (max: number): Rule =>
  (value) =>
    anyText(value) ?? ((value as string).length > max ? `must be a string of at most ${max} characters` : undefined)
const names = <T extends string>(all: Record<T, true>) => Object.keys(all)

const IDENTITY = objectOf({
  appid: text(1, 128),
  openid: text(1, 128),
  unionid: optional(text(0, 128)),
} satisfies Record<keyof Identity, Rule>)
/** The parts of them that the payment API reads. */
const ORDER = objectOf({
  appid: optional(text(1, 128)),
  outTradeNo: anyText,
  tradeType: oneOf(TRADE_TYPES),
  openid: optional(anyText),
  description: anyText,
  attach: optional(anyText),
  totalFee: fen,
  currency: anyText,
  clientIp: anyText,
  createdAt: date,
  expiresAt: date,
} satisfies Partial<Record<keyof Order, Rule>>)
const REFUND = objectOf({ outRefundNo: anyText, refundFee: fen, reason: optional(anyText) } satisfies Partial<
  Record<keyof Refund, Rule>
>)
const ABNORMAL_ACCOUNT: Rule = (value) =>
  value === 'merchant'
    ? undefined
    : objectOf({ bankType: text(1, 16), bankAccount: text(1, 200), realName: text(1, 200) })(value)
const ABNORMAL_REFUND = objectOf({
  outRefundNo: text(1, 64),
  account: ABNORMAL_ACCOUNT,
} satisfies Record<keyof AbnormalRefund, Rule>)
const DAY: Rule = (value) =>
  typeof value === 'string' && parseTime(`${value} 00:00:00`) !== undefined
    ? undefined
    : `must be a day such as "2026-01-31", not ${kindOf(value)}`
const TRADE_BILL = [
  ['date', DAY],
  [
    'options',
    optional(
      objectOf({ type: optional(oneOf(['ALL', 'SUCCESS', 'REFUND'])), subMchId: optional(text(1, 32)) }, 'refused'),
    ),
  ],
] as const
const FUND_BILL = [
  ['date', DAY],
  ['options', optional(objectOf({ account: optional(oneOf(['BASIC', 'OPERATION', 'FEES'])) }, 'refused'))],
] as const
const ACTION = oneOf(names<Resolution['action']>({ refund: true, fulfil: true, dismiss: true }))
/** It is written into the reply unchanged. */
const FAULT: Rule = (value) =>
  typeof value === 'string' && /^[a-z0-9-]{1,32}$/.test(value)
    ? undefined
    : `must be a word such as "mismatch", not ${kindOf(value)}`
const PAGE = optional(
  objectOf(
    {
      limit: optional((value) =>
        Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 1000
          ? undefined
          : `must be a whole number from 1 to 1000, not ${shown(value)}`,
      ),
      after: optional(objectOf({ at: date, id: upTo(512) })),
    },
    'refused',
  ),
)
/** A text that every database can store; a note may have line breaks. */
const NOTE: Rule = (value) =>
  typeof value === 'string' && value.length <= 4000 && !value.includes('\0') && value.isWellFormed()
    ? undefined
    : `must be a string of at most 4000 characters, without NUL and half characters, not ${kindOf(value)}`
const SECRET: Rule = (value) =>
  typeof (value as { reveal?: unknown } | null | undefined)?.reveal === 'function' ? undefined : 'must be a Secret'
/** Written out for speed: each notification is checked here twice. */
const MESSAGE: Rule = (value) => {
  const { headers, body } = (value ?? {}) as Partial<NotificationMessage>
  return Buffer.isBuffer(body) && typeof headers === 'object' && headers !== null
    ? undefined
    : `must be { headers, body } with the raw bytes as a Buffer, not ${kindOf(value)}`
}
/** Checked by the engine. */
const anything: Rule = () => undefined
const LIMIT = optional((value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
    ? undefined
    : `must be a whole number of ms, not ${shown(value)}`,
)

const JOB = objectOf({ mchId: text(1, 32), outTradeNo: upTo(128) } satisfies Partial<Record<keyof Job, Rule>>)

/** Of orders and rows of bills too. */
const PARTY = {
  appid: optional(text(1, 128)),
  subMchId: optional(text(1, 32)),
  spAppid: optional(text(1, 128)),
} satisfies Record<keyof Party, Rule>
const OF = ['of', optional(objectOf(PARTY))] as const
const OPENID = ['openid', text(1, 128)] as const
const SESSION_KEY = ['sessionKey', SECRET] as const
const OUT_TRADE_NO = ['outTradeNo', upTo(128)] as const
const OUT_REFUND_NO = ['outRefundNo', upTo(128)] as const
/** A text to send. */
const SENT_TRADE_NO = ['outTradeNo', text(1, 32)] as const
const SENT_REFUND_NO = ['outRefundNo', text(1, 64)] as const

/** One row per method, with a check for each of its arguments. */
const GROUPS: {
  [
    Group in Exclude<
      keyof Wechat,
      'selfTest' | 'ship' | 'forget' | 'requireUser' | 'app' | 'reconcile' | 'sweep' | 'perform' | 'idle' | 'pay'
    >
  ]: Rows<Wechat[Group]>
} & {
  pay: Rows<PayV3Api>
} = {
  login: {
    exchange: [
      ['code', anyText],
      ['app', optional(anyText)],
    ],
    issueToken: [['identity', IDENTITY]],
    identify: [['token', anyText]],
    revokeToken: [['token', anyText]],
  },
  orders: {
    create: [['terms', anything]],
    get: [OUT_TRADE_NO],
    refresh: [OUT_TRADE_NO],
    cancel: [OUT_TRADE_NO, ['reason', optional(text(0, 500))]],
    history: [OUT_TRADE_NO],
  },
  refunds: {
    create: [OUT_TRADE_NO, ['request', anything]],
    list: [OUT_TRADE_NO],
    get: [OUT_TRADE_NO, OUT_REFUND_NO],
    refresh: [OUT_TRADE_NO, OUT_REFUND_NO],
    retry: [OUT_TRADE_NO, OUT_REFUND_NO, ['refundAccount', optional(REFUND_ACCOUNT)]],
    settleAbnormal: [OUT_TRADE_NO, OUT_REFUND_NO, ['account', ABNORMAL_ACCOUNT]],
  },
  anomalies: {
    list: [['page', PAGE]],
    resolve: [
      ['id', upTo(512)],
      ['action', ACTION],
      ['note', NOTE],
    ],
  },
  bills: { trades: TRADE_BILL, funds: FUND_BILL },
  miniProgram: {
    code2Session: [['code', SECRET]],
    phoneNumber: [['code', SECRET]],
    checkSession: [OPENID, SESSION_KEY],
    resetSession: [OPENID, SESSION_KEY],
    paidUnionid: [OPENID, ['transactionId', text(1, 32)]],
    isUserData: [['rawData', anyText], ['signature', anyText], SESSION_KEY],
    uploadShippingInfo: [
      ['order', PAID_TRADE],
      ['shipment', SHIPMENT],
    ],
    shippingOrder: [['order', PAID_TRADE]],
    notifyConfirmReceive: [
      ['order', PAID_TRADE],
      ['receivedAt', date],
    ],
    decryptUserData: [['data', objectOf({ encryptedData: upTo(1_000_000), iv: upTo(100) })], SESSION_KEY],
  },
  pay: {
    prepay: [['order', ORDER]],
    payParams: [['prepayId', text(1, 128)], ['now', date], OF],
    query: [SENT_TRADE_NO, OF],
    close: [SENT_TRADE_NO, OF],
    textFault: [['text', anyText]],
    extrasFault: [['extras', objectOf(EXTRAS, 'refused')]],
    refund: [
      ['order', ORDER],
      ['refund', REFUND],
    ],
    queryRefund: [SENT_REFUND_NO, OF],
    listRefunds: [SENT_TRADE_NO, OF],
    queryTransaction: [['transactionId', text(1, 32)], OF],
    tryApiV3Key: [],
    appParams: [['prepayId', text(1, 128)], ['now', date], OF],
    applyAbnormalRefund: [['refundId', text(1, 64)], ['refund', ABNORMAL_REFUND], OF],
    tradeBill: TRADE_BILL,
    fundFlowBill: FUND_BILL,
    readNotification: [['message', MESSAGE]],
    reply: [
      ['message', MESSAGE],
      ['fault', optional(FAULT)],
    ],
  },
}
const AT_ONCE: readonly string[] = [
  'payParams',
  'appParams',
  'tradeBill',
  'fundFlowBill',
  'trades',
  'funds',
  'textFault',
  'extrasFault',
  'isUserData',
  'decryptUserData',
  'readNotification',
  'reply',
]

type Row<F> = F extends (...args: infer Args) => unknown ? { readonly [N in keyof Required<Args>]: Argument } : never
/** A row for each method. */
type Rows<T> = {
  [Name in keyof T as NonNullable<T[Name]> extends (...args: never[]) => unknown ? Name : never]-?: Row<
    NonNullable<T[Name]>
  >
}

type Call = (...args: unknown[]) => unknown

/** Adds a check of the arguments to each method. The objects stay the same, so replacing a method, e.g. in a test, replaces it for all callers. */
export function checkCalls(wechat: Wechat, apps: readonly Pick<RegisteredApp, 'miniProgram'>[] = []): Wechat {
  const groups = Object.keys(GROUPS).map((group) => [group, wechat[group as keyof typeof GROUPS]] as const)
  const all = [...groups, ...apps.map(({ miniProgram }) => ['miniProgram', miniProgram] as const)]
  for (const [group, calls] of all) {
    const target = calls as unknown as Record<string, Call | undefined>
    for (const [name, rules] of Object.entries(
      GROUPS[group as keyof typeof GROUPS] as Record<string, readonly Argument[]>,
    )) {
      const call = target[name]
      if (call !== undefined) target[name] = checked(`${group}.${name}`, rules, call, AT_ONCE.includes(name))
    }
  }
  return {
    ...wechat,
    ship: checked('ship', SHIP, wechat.ship as Call, false) as Wechat['ship'],
    forget: checked('forget', [OPENID], wechat.forget as Call, false) as Wechat['forget'],
    reconcile: checked('reconcile', [['date', DAY]], wechat.reconcile as Call, false) as Wechat['reconcile'],
    app: checked('app', [['nameOrAppid', optional(anyText)]], wechat.app as Call, true) as Wechat['app'],
    perform: checked('perform', [['job', JOB]], wechat.perform as Call, false) as Wechat['perform'],
    idle: checked('idle', [['limitMs', LIMIT]], wechat.idle as Call, false) as Wechat['idle'],
  }
}

function checked(path: string, rules: readonly Argument[], call: Call, atOnce: boolean): Call {
  return (...given) => {
    const faults: string[] = []
    for (let n = 0; n < rules.length; n++) {
      const [name, rule] = rules[n]!
      const fault = faultOf(rule, given[n])
      if (fault !== undefined) faults.push(`${name} ${fault}`)
    }
    if (faults.length === 0) return call(...given)
    const error = new WechatError(
      'WECHAT_INPUT_INVALID',
      `${path} was called with wrong arguments: ${faults.join('; ')}.`,
      {
        sent: false,
      },
    )
    if (atOnce) throw error
    return Promise.reject(error)
  }
}
