import type { FastifyRequest } from 'fastify'
import type { Anomaly, Identity, Order, Payment, Refund, WechatEvent } from './model.ts'
import type { Secret } from './base/secret.ts'

/** What the server asks for an order. Nothing of it is read from the client's body unless the hook does so. */
export interface Price {
  /**
   * Your own key of what is paid for, e.g. a cart id: the same key never has two live orders, whoever orders, and other
   * terms close the one before: name no key that is not this payer's to order. At most 128 bytes.
   */
  key: string
  /** Shown to the payer; 1 to 127 bytes of UTF-8. */
  description: string
  /** Fen: an integer, at least 1. */
  totalFee: number
  /** Comes back with the payment; at most 127 bytes of UTF-8. */
  attach?: string
}

/** An order whose payment is verified and recorded. */
export type PaidOrder = Order & { payment: Payment }

/** The log the package writes to: any Fastify or pino logger. */
export interface Log {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export interface FulfilContext<Tx> {
  /** The transaction that also marks the order fulfilled; `undefined` with a store that has none. */
  tx: Tx
  log: Log
  /** Aborts when the hook has taken too long (nine tenths of `leaseMs`): what it writes through `tx` is rolled back, and it is run again later. */
  signal: AbortSignal
}

export interface LoginResult extends Identity {
  /** Never give it to a client. Keep it, encrypted, only if you need it. */
  sessionKey: Secret
}

export interface IssuedToken {
  /** What the client sends from now on, and `authenticate` knows again: 1 to 16384 bytes. */
  token: string
  expiresAt?: Date | undefined
}

/** Whose request it is. */
export interface AuthenticatedUser {
  openid: string
  unionid?: string | null | undefined
  /** Left out, it is the app's own; no other is taken. */
  appid?: string | undefined
}

/** What the user supplies. Hooks that answer are verbs, hooks that observe are `onX`. */
export interface Hooks<Tx = unknown> {
  /**
   * Says what the order costs: the server's price, looked up by what the request names. An answer with another name than those of `Price` is refused.
   * Runs for every `POST /orders` of an authenticated user. Throw an error with a `statusCode` to refuse. `identity` has what else `authenticate` answered.
   */
  price(request: FastifyRequest, identity: Identity): Promise<Price> | Price
  /**
   * Does what the payment owes the payer. What it writes through `tx` happens exactly once. What it does elsewhere happens at least once,
   * so use `order.outTradeNo` as its key. When it throws it is run again with growing waits, by whichever process is alive; at once where the database has
   * given its transaction up. It never delays a reply to WeChat. It is not run again once all of the money is going back. What was paid is `order.payment`: it differs from the order's
   * own terms if a person took in a payment that did not fit.
   */
  onPaid(order: PaidOrder, context: FulfilContext<Tx>): Promise<void> | void
  /**
   * Money went back to the payer: by `refunds.create`, by the late-payment policy, or by hand in the merchant platform. `refund.origin` tells. The same
   * promises as `onPaid`, with `refund.outRefundNo` as the key.
   */
  onRefunded?(order: PaidOrder, refund: Refund, context: FulfilContext<Tx>): Promise<void> | void
  /** Something is wrong with money and waits for a person. Called once per finding; an error it throws is logged. */
  onAnomaly?(anomaly: Anomaly): Promise<void> | void
  /**
   * WeChat has told something else than a payment or a refund, by API v3: a complaint, a transfer. Verified and decrypted; the same `event.id` may come again.
   * When it throws, WeChat is answered with a failure and sends it again. Without the hook such news is acknowledged and logged.
   */
  onEvent?(event: WechatEvent): Promise<void> | void
  /** A user has logged in: find or create the account here. Runs before the token is issued; when it throws the login fails. What it answers is not read. */
  onLogin?(login: LoginResult, request: FastifyRequest): Promise<void> | void
  /** Issues your own token, e.g. with `@fastify/jwt`, instead of the built-in opaque one. Needs `authenticate` too. */
  issueToken?(identity: Identity, request: FastifyRequest): Promise<IssuedToken> | IssuedToken
  /** Says whose request it is, by the token that `issueToken` issued; `undefined` or `null` for nobody's. */
  authenticate?(
    request: FastifyRequest,
  ): Promise<AuthenticatedUser | null | undefined> | AuthenticatedUser | null | undefined
}
