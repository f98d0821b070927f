/**
 * Every way this package refuses, as one closed set: `switch (error.code)` is exhaustive.
 * The number is the HTTP status a route answers with.
 */
const STATUS = {
  /** The options given at registration are wrong; the message lists every fault. */
  WECHAT_OPTIONS_INVALID: 500,
  /** A request's body, code or number has the wrong shape, or an argument of a call of `fastify.wechat`. Nothing was sent to WeChat. */
  WECHAT_INPUT_INVALID: 400,
  /** No token, or one that is unknown or expired. Log in again. */
  WECHAT_UNAUTHENTICATED: 401,
  /** WeChat refused the login code: used, expired or another app's (40029, 40163). Call wx.login again. */
  WECHAT_CODE_REJECTED: 401,
  /** WeChat holds this user to be high-risk (40226). */
  WECHAT_USER_BLOCKED: 403,
  /** No such order, or not this user's. */
  WECHAT_ORDER_NOT_FOUND: 404,
  /** This key has been paid already. */
  WECHAT_ORDER_PAID: 409,
  /** The order's state does not allow it, or an earlier order of the key is still being closed. */
  WECHAT_ORDER_CONFLICT: 409,
  /** Another order has been paid by this transaction of WeChat's. A store says so; the engine sets the payment aside. */
  WECHAT_TRANSACTION_TAKEN: 409,
  /** WeChat understood and refused; see `wechatCode`, `wechatText` and `advice`. */
  WECHAT_REFUSED: 422,
  /** WeChat says slow down: this user's or this order's calls come too fast (45011, FREQUENCY_LIMITED, INVALID_REQ_TOO_MUCH). */
  WECHAT_RATE_LIMITED: 429,
  /** The `price` hook answered, or `orders.create` was given, what is no price or no order. */
  WECHAT_PRICE_INVALID: 500,
  /** Another hook answered what it must not: the message names the hook, the field and the rule. */
  WECHAT_HOOK_INVALID: 500,
  /** WeChat refused our own credentials or permissions. The operator must act; the log says what. */
  WECHAT_ACCOUNT_REFUSED: 500,
  /** The connection to WeChat failed. */
  WECHAT_NETWORK: 502,
  /** WeChat's reply is malformed or its signature does not verify. It was not believed. */
  WECHAT_REPLY_INVALID: 502,
  /** As many logins as this process takes on at once are under way at WeChat. Nothing was sent: try again. */
  WECHAT_BUSY: 503,
  /** WeChat is busy, or our daily quota of calls is used up (-1, 45009, SYSTEMERROR). */
  WECHAT_UNAVAILABLE: 503,
  /** The store failed; `cause` is its own error. Try again. */
  WECHAT_STORE_FAILED: 503,
  /** WeChat did not answer in time: the outcome is unknown. */
  WECHAT_TIMEOUT: 504,
  /** A notification was not believed; `reason` says why. Never reaches a host's error handler. */
  WECHAT_NOTIFICATION_INVALID: 400,
  /** A text is not the XML WeChat speaks. */
  WECHAT_XML_INVALID: 400,
} as const

/** The closed set of codes. */
export type WechatErrorCode = keyof typeof STATUS

/**
 * What the caller of a failed exchange may do:
 * `repeat` the very same request (same number, same parameters); `query` WeChat for the truth first; `stop`, as repeating cannot help.
 */
export type Advice = 'repeat' | 'query' | 'stop'

export interface WechatErrorDetails {
  /** WeChat's own code, e.g. `ORDERPAID` or `40163`. Branch on this, never on a text. */
  wechatCode?: string | undefined
  /** WeChat's own words, e.g. `该订单已支付`. */
  wechatText?: string | undefined
  /** What API v3 adds to its words: a value of any type, for a person to read. */
  wechatDetail?: unknown
  advice?: Advice | undefined
  /** Whether the request may have reached WeChat. `false` only when the connection was never made. */
  sent?: boolean | undefined
  cause?: unknown
}

/**
 * The one error class of this package.
 *
 * `message` says what happened, with which value, and what to do; it never holds a secret, a session key, a login code or a token.
 */
export class WechatError extends Error {
  readonly code: WechatErrorCode
  readonly statusCode: number
  readonly wechatCode: string | undefined
  readonly wechatText: string | undefined
  readonly wechatDetail: unknown
  readonly advice: Advice
  readonly sent: boolean

  constructor(code: WechatErrorCode, message: string, details: WechatErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'WechatError'
    this.code = code
    this.statusCode = STATUS[code]
    this.wechatCode = details.wechatCode
    this.wechatText = details.wechatText
    this.wechatDetail = details.wechatDetail
    this.advice = details.advice ?? 'stop'
    this.sent = details.sent ?? true
  }
}
