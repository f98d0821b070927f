import type { FastifyRequest } from 'fastify'
import type { Anomaly, Identity, Order, OrderExtras, Payment, Refund, WechatEvent } from './model.ts'
import type { Secret } from './base/secret.ts'

/** What the server charges for an order. The plugin reads none of it from the client's body. */
export interface Price extends OrderExtras {
  /**
   * Your own key for the purchase, e.g. a cart id. A key never has two live orders, not even of different users, and other terms close the
   * earlier order, so return only keys that this payer may order. At most 128 bytes.
   */
  key: string
  /** Shown to the payer; 1 to 127 bytes of UTF-8. */
  description: string
  /** Fen: an integer, at least 1. */
  totalFee: number
  /** In service-provider mode, the sub-merchant that gets the money; needed if there are several. */
  subMchId?: string | undefined
  /** Comes back with the payment; at most 127 bytes of UTF-8. */
  attach?: string | undefined
  /** The last moment to pay. Default: `orderTtlMs` from now. An order keeps the moment it was made with. */
  expiresAt?: Date | undefined
}

/** An order whose payment is verified and recorded. */
export type PaidOrder = Order & { payment: Payment }

/** Work of an order that is due, small enough for any queue: it is JSON. `fastify.wechat.perform` does it. */
export interface Job {
  /** What is due, for queues with priorities: `onPaid` or `onRefunded` to run, a `refund` to request or to ask WeChat about, `shipping` to report, an order to `query`. */
  kind: 'onPaid' | 'onRefunded' | 'refund' | 'shipping' | 'query'
  mchId: string
  outTradeNo: string
  /** How often the order had been claimed. With the number it makes an id: the same until somebody works on the order. */
  claims: number
}

/** What `enqueue` gets besides the job. */
export interface EnqueueContext<Tx> {
  /** The transaction that makes the work due; `undefined` with a store without transactions. */
  tx: Tx
  /** When the work is due: now, or later after a failure. A job that is performed earlier finds nothing to do. */
  dueAt: Date
}

/** Writes a line, as Fastify's and pino's loggers do: details (or an error) with a message, or one of them alone. */
type WriteLine = {
  (details: object, message?: string): void
  (message: string): void
}

/** The log the package writes to: any Fastify or pino logger. */
export interface Log {
  debug: WriteLine
  info: WriteLine
  warn: WriteLine
  error: WriteLine
}

/** The level of a line; `silent` leaves it out. */
export type LogLevel = keyof Log | 'silent'

/** The levels of the lines that are not alarms. */
export interface LogLevels {
  /** A payment was recorded: one line each. Default `info`. */
  paid?: LogLevel | undefined
  /** The money of a refund is back: one line each. Default `info`. */
  refunded?: LogLevel | undefined
  /** A notification was refused that anybody may have sent. Default `warn`. */
  refused?: LogLevel | undefined
  /** WeChat has sent an event, and there is no `onEvent`. Default `info`. */
  event?: LogLevel | undefined
}

/** What `onPaid` and `onRefunded` get besides the order. */
export interface FulfilContext<Tx> {
  /** The transaction that also marks the order fulfilled; `undefined` with a store without transactions. */
  tx: Tx
  /** Fastify's log; if a notification started the work, with its `reqId`. */
  log: Log
  /** Aborts when the hook has taken too long (nine tenths of `leaseMs`). Its writes through `tx` are rolled back, and it runs again later. */
  signal: AbortSignal
}

/** A login, as `onLogin` gets it. */
export interface LoginResult extends Identity {
  /** Never give it to a client. Keep it, encrypted, only if you need it. */
  sessionKey: Secret
}

/** A token of your own, as `issueToken` returns it. */
export interface IssuedToken {
  /** The client sends this token from now on, and `authenticate` has to recognise it: 1 to 16384 bytes. */
  token: string
  expiresAt?: Date | undefined
}

/** The user who sent the request. */
export interface AuthenticatedUser {
  openid: string
  unionid?: string | null | undefined
  /** The app the user has logged in to. With one app it may be left out; any other app is refused. */
  appid?: string | undefined
}

/** Hooks that you supply. Hooks that return an answer are verbs, hooks that only observe are `onX`. `Body` is what `orderBody` allows. */
export interface Hooks<Tx = unknown, Body = unknown> {
  /**
   * Returns the price of the order, looked up on the server by what the request names. Properties other than those of `Price` are refused.
   * Runs for every `POST /orders` of an authenticated user. Throw an error with a `statusCode` to refuse. `identity` includes any other
   * properties that `authenticate` returned.
   */
  price: (request: FastifyRequest<{ Body: Body }>, identity: Identity) => Promise<Price> | Price
  /**
   * Delivers what was paid for. Writes through `tx` happen exactly once. Anything else happens at least once, so use `order.outTradeNo` as
   * its key. If it throws, it runs again with growing waits, in any live process; at once if the database aborted its transaction. It never
   * delays a reply to WeChat. It does not run again once the whole payment is being refunded. `order.payment` is what was paid: it differs from the
   * order's terms if an operator accepted a mismatched payment.
   */
  onPaid: (order: PaidOrder, context: FulfilContext<Tx>) => Promise<void> | void
  /**
   * Money was refunded to the payer: by `refunds.create`, by the late-payment policy, or by hand in the merchant platform (`refund.origin`). The same
   * promises as for `onPaid`, with `refund.outRefundNo` as the key.
   */
  onRefunded?: ((order: PaidOrder, refund: Refund, context: FulfilContext<Tx>) => Promise<void> | void) | undefined
  /**
   * Hands work to your own queue, in the transaction that makes it due; a worker calls `fastify.wechat.perform(job)`. With this hook, a process starts no work by
   * itself: only `perform` and sweeps do it. The order's row is locked meanwhile, so be quick. If it throws or takes 3 s, nothing is recorded: a notification is answered FAIL,
   * and WeChat sends it again. It may run again, if its transaction does.
   *
   * @example enqueue: async (job, { tx, dueAt }) => { await boss.send('wechat', job, { startAfter: dueAt, db: tx }) }
   */
  enqueue?: ((job: Job, context: EnqueueContext<Tx>) => Promise<unknown> | unknown) | undefined
  /** A problem with money needs a person to decide. Called once per finding; if it throws, the error is logged. */
  onAnomaly?: ((anomaly: Anomaly, context: { log: Log }) => Promise<void> | void) | undefined
  /**
   * An API v3 notification of anything but a payment or refund, e.g. a complaint or a transfer. Verified and decrypted; the same `event.id` may
   * come again. If it throws, the answer is a failure, and WeChat sends it again. Without the hook, such notifications are acknowledged and logged.
   */
  onEvent?: ((event: WechatEvent, context: { log: Log }) => Promise<void> | void) | undefined
  /** A user has logged in: find or create the account here. Runs before the token is issued; if it throws, the login fails. Its return value is ignored. */
  onLogin?: ((login: LoginResult, request: FastifyRequest) => Promise<void> | void) | undefined
  /** Issues your own token, e.g. with `@fastify/jwt`, instead of the built-in opaque one. Needs `authenticate` too. */
  issueToken?: ((identity: Identity, request: FastifyRequest) => Promise<IssuedToken> | IssuedToken) | undefined
  /** Returns the user of a request, by the token that `issueToken` issued; `undefined` or `null` if the token is not valid. */
  authenticate?:
    | ((
        request: FastifyRequest,
      ) => Promise<AuthenticatedUser | null | undefined> | AuthenticatedUser | null | undefined)
    | undefined
}
