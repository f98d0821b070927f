/**
 * All error codes, a closed set: `switch (error.code)` is exhaustive.
 * The number is the HTTP status of a route's answer.
 */
const STATUS = {
  /** The options given at registration are wrong; the message lists every fault. */
  WECHAT_OPTIONS_INVALID: 500,
  /** A request's body, code or number, or an argument of a method of `fastify.wechat`, is malformed. Nothing was sent to WeChat. */
  WECHAT_INPUT_INVALID: 400,
  /** The token is missing, unknown or expired. Log in again. */
  WECHAT_UNAUTHENTICATED: 401,
  /** WeChat refused the login code: used, expired or another app's (40029, 40163). Call wx.login again. */
  WECHAT_CODE_REJECTED: 401,
  /** WeChat considers this user high-risk (40226). */
  WECHAT_USER_BLOCKED: 403,
  /** The session key has changed: it is not the one the data was encrypted with, or no longer valid for the user. Log in again. */
  WECHAT_SESSION_KEY_STALE: 401,
  /** Data about a user was made for another app, and was rejected. */
  WECHAT_DATA_FOREIGN: 403,
  /** No such order, or not this user's. */
  WECHAT_ORDER_NOT_FOUND: 404,
  /** This key has already been paid. */
  WECHAT_ORDER_PAID: 409,
  /** The order's state does not allow it, or an earlier order of the key is still being closed. */
  WECHAT_ORDER_CONFLICT: 409,
  /** This WeChat transaction has paid another order. Thrown by a store; the engine sets the payment aside. */
  WECHAT_TRANSACTION_TAKEN: 409,
  /** WeChat understood and refused; see `wechatCode`, `wechatText` and `advice`. */
  WECHAT_REFUSED: 422,
  /** WeChat asks to slow down: too many calls for this user or order (45011, FREQUENCY_LIMITED, INVALID_REQ_TOO_MUCH). */
  WECHAT_RATE_LIMITED: 429,
  /** The `price` hook returned an invalid price, or `orders.create` got invalid terms. */
  WECHAT_PRICE_INVALID: 500,
  /** Another hook returned an invalid value: the message names the hook, the field and the rule. */
  WECHAT_HOOK_INVALID: 500,
  /** WeChat refused our own credentials or permissions. The operator must act; the log says how. */
  WECHAT_ACCOUNT_REFUSED: 500,
  /** The connection to WeChat failed. */
  WECHAT_NETWORK: 502,
  /** WeChat's reply is malformed or its signature is wrong. It was rejected. */
  WECHAT_REPLY_INVALID: 502,
  /** This process has reached its limit of concurrent logins, or is closing. Nothing was sent: try again. */
  WECHAT_BUSY: 503,
  /** WeChat is busy, or our daily quota of calls is used up (-1, 45009, SYSTEMERROR). */
  WECHAT_UNAVAILABLE: 503,
  /** The store or the `enqueue` hook failed; `cause` is its error. Nothing was recorded: try again. */
  WECHAT_STORE_FAILED: 503,
  /** WeChat did not answer in time: the outcome is unknown. */
  WECHAT_TIMEOUT: 504,
  /** A notification was rejected; `reason` says why. Never reaches the app's error handler. */
  WECHAT_NOTIFICATION_INVALID: 400,
  /** The text is not XML as WeChat writes it. */
  WECHAT_XML_INVALID: 400,
} as const

/** The closed set of codes. */
export type WechatErrorCode = keyof typeof STATUS

/**
 * What the caller of a failed exchange may do:
 * `repeat` exactly the same request (same number, same parameters); `query` WeChat first; take a `new-number`, as WeChat no longer accepts this one;
 * `configure`: the operator has to set something right first, here or in the merchant platform; `stop`, as repeating cannot help.
 */
export type Advice = 'repeat' | 'query' | 'new-number' | 'configure' | 'stop'

export interface WechatErrorDetails {
  /** WeChat's own code, e.g. `ORDERPAID` or `40163`. Branch on this, never on a message. */
  wechatCode?: string | undefined
  /** WeChat's own words, e.g. `该订单已支付`. */
  wechatText?: string | undefined
  /** The detail that API v3 adds: a value of any type, for people to read. */
  wechatDetail?: unknown
  advice?: Advice | undefined
  /** Whether the request may have reached WeChat. `false` only if no connection was made. */
  sent?: boolean | undefined
  cause?: unknown
}

/**
 * The one error class of this package.
 *
 * `message` says what happened, with which value, and what to do; it never contains a secret, a session key, a login code or a token.
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
