import type { ClientCert } from '../client/certificate.ts'
import type { LatePayment } from '../engine/machine/ruling.ts'
import type { Hooks, LogLevels } from '../hooks.ts'
import type { SignType } from '../protocol/sign-v2.ts'
import type { BodyOf } from './body.ts'
import type { Store } from '../store/store.ts'

/**
 * A key from WeChat's console; two while you change it: the current and the next one. Both are accepted then, so nothing is lost during the change. Go back to one afterwards.
 */
export type Key = string | readonly [current: string, next: string]

/** The content of a PEM file. */
export type Pem = string | Buffer

/**
 * Service-provider mode (服务商): one number and its keys for many sub-merchants (特约商户). Each order names its sub-merchant (`subMchId` of `price` and of
 * `orders.create`). An app of `appid` or `apps` that is not `spAppid` is a sub-merchant's: it is sent as `sub_appid`, and its users as `sub_openid`.
 */
export interface Partner {
  /** The provider's own appid, which is bound to `merchant.mchId`: a mini program or an official account. */
  spAppid: string
  /** The merchant numbers of the sub-merchants. With one, orders need not name it. `'any'`: each order names its own, of any number. */
  subMchIds: readonly [string, ...string[]] | 'any'
}

/** A merchant that speaks API v3. */
export interface MerchantV3 {
  version: 'v3'
  /** The merchant number, usually ten digits. */
  mchId: string
  /** The APIv3 key: exactly 32 characters, set in the merchant platform. It decrypts notifications. */
  apiV3Key: Key
  /** The content of apiclient_key.pem: it signs every request. */
  privateKey: Pem
  /** The serial number of the API certificate that `privateKey` belongs to, from the merchant platform. Not needed with `certificate`. */
  serialNo?: string | undefined
  /** The content of apiclient_cert.pem, instead of `serialNo`: registration then checks that the key belongs to it. */
  certificate?: Pem | undefined
  /** The id of the WeChat Pay public key, `PUB_KEY_ID_…`, from the merchant platform. */
  publicKeyId?: string | undefined
  /** The content of pub_key.pem, WeChat Pay's public key: merchants that sign up today have one. It verifies what WeChat signs. */
  publicKey?: Pem | undefined
  /**
   * WeChat Pay's platform certificates, for merchants without a public key: `'download'` fetches them from WeChat and keeps them fresh. Give both
   * kinds of key while you change from certificates to the public key.
   */
  platformCertificates?: 'download' | readonly Pem[] | undefined
  /**
   * The APIv2 key of the same number, if it has one. It is needed to read notifications in API v2, which WeChat sends for orders made by API v2 and
   * for refunds made in the merchant platform. It also lists the refunds of an order, which API v3 cannot.
   */
  apiKey?: Key | undefined
  /** The algorithm of those orders. Default `HMAC-SHA256`. */
  signType?: SignType | undefined
  /** Set if the merchant is a service provider (服务商), which orders for its sub-merchants; the number and keys above are then the provider's. */
  partner?: Partner | undefined
}

/** A merchant that speaks API v2. */
export interface MerchantV2 {
  version: 'v2'
  /** The merchant number, usually ten digits. */
  mchId: string
  /** The APIv2 key: exactly 32 characters, set in the merchant platform. The app secret, the repeated merchant number, a key from WeChat's documents and placeholders are refused. */
  apiKey: Key
  /** The algorithm of every message in both directions. Default `HMAC-SHA256`. */
  signType?: SignType | undefined
  /** The merchant's API certificate: only refunds need it. One that TLS cannot use is refused with the reason; an expired one is reported in the log at start. */
  cert?: ClientCert | undefined
  /** Set if the merchant is a service provider (服务商), which orders for its sub-merchants; the number and keys above are then the provider's. */
  partner?: Partner | undefined
}

/** The merchant number with its keys, for API v2 or API v3. */
export type Merchant = MerchantV2 | MerchantV3

/** A mini program. */
export interface App {
  appid: string
  /** The app secret from the mini program console. */
  appSecret: Key
}

/**
 * The options of the plugin. Everything without a default is required: of the mini programs either `appid` and `appSecret`, or `apps`.
 *
 * `Tx` is the transaction of the store, `Schema` the type of `orderBody`; {@link wechatPayOptions} infers both.
 */
export interface WechatPayOptions<Tx = unknown, Schema = unknown> extends Hooks<Tx, BodyOf<Schema>> {
  /** The mini program. */
  appid?: string | undefined
  /** The app secret from the mini program console. */
  appSecret?: Key | undefined
  /**
   * Several mini programs of one merchant number, instead of `appid` and `appSecret`, by names of your own: 1 to 32 letters, digits, `_` and `-`. A login
   * names its app, and orders take it from the login. They share the routes, the notify URL and the engine.
   */
  apps?: Readonly<Record<string, App>> | undefined
  merchant: Merchant
  /**
   * Where WeChat reaches this server: `https://…`, without query. The notify URL is `publicUrl + prefix + '/notify'`; if the plugin is registered in a scope with a prefix,
   * that comes before `prefix`.
   */
  publicUrl: string
  /** Path of the routes. Default `/wechat`. (Not `undefined`: Fastify's own `prefix` may not be.) */
  prefix?: string
  store: Store<Tx>
  /**
   * The schema of the body of `POST /orders`: JSON Schema, e.g. made with TypeBox, or, if your app has a validator compiler of its own, a schema of
   * that. A body that does not fit is answered with 400 before `price` runs. It documents the route for @fastify/swagger and types `request.body`.
   * The plugin itself reads nothing from the body, amounts least of all.
   */
  orderBody?: Schema | undefined
  /** Whether @fastify/swagger documents the routes. `false` for an app whose `transform` knows no JSON Schema, such as zod's. Default `true`. */
  documentRoutes?: boolean | undefined
  /** How long an order can be paid, ms: 1 min to 7 days. Default 2 h. */
  orderTtlMs?: number | undefined
  /** Lifetime of a built-in login token, ms. Default 7 days. */
  tokenTtlMs?: number | undefined
  /** Whether `POST /login` returns the openid to the client. Default `false`. */
  exposeOpenid?: boolean | undefined
  /** What to do with a payment for a closed or failed order. With API v2 `refund` needs `merchant.cert`. Default `hold`. */
  latePayment?: LatePayment | undefined
  /** How often to look for due work, ms; 0 leaves it to your own calls of `fastify.wechat.sweep()`. Default 5000. */
  sweepIntervalMs?: number | undefined
  /**
   * How long one process may work on an order before another takes over, ms. A hook that runs for nine tenths of it is abandoned, rolled back, and
   * run again later. Default 60 000.
   */
  leaseMs?: number | undefined
  /**
   * The time, each day in GMT+8, at which one of the processes that share the store reconciles the bill of the day before with it: e.g. `'10:30'`;
   * 10:00 at the earliest, when WeChat has made the bill. Days on which no process ran are reconciled later. Default never: call
   * `fastify.wechat.reconcile(date)`.
   */
  reconcileAt?: string | undefined
  /** How many orders one process works on at once. Each may hold a connection of the store while `onPaid` runs, so keep it below the pool's size. Default 5. */
  concurrency?: number | undefined
  /** How long WeChat may take to answer one try, ms; half of it is for connecting. A call makes at most two tries. Default 5000. */
  timeoutMs?: number | undefined
  /** Another WeChat, e.g. a mock: one origin for all calls. The log at start reports plain http to another machine. */
  baseUrl?: string | undefined
  /**
   * The HTTP proxy for all calls to WeChat, e.g. `http://user:password@proxy.example.com:3128`; it has to allow CONNECT. No log or error shows the
   * user or the password. The environment (`HTTPS_PROXY`, `NO_PROXY`, `NODE_USE_ENV_PROXY`) is not read; to use it, write
   * `proxy: process.env.HTTPS_PROXY`. Default none.
   */
  proxy?: string | undefined
  /** The levels of lines that are not alarms, e.g. `{ paid: 'debug', refused: 'silent' }`. */
  logLevels?: LogLevels | undefined
  /** The clock, for tests with virtual time. Default: the machine's. Orders expire by WeChat's clock, known from the `Date` of its replies. */
  now?: (() => Date) | undefined
}

/**
 * The options, unchanged, with their types inferred: `tx` of the hooks from `store`, `request.body` of `price` from `orderBody`. A hook that takes
 * another library's transaction does not compile.
 *
 * @example await app.register(wechatPay, wechatPayOptions({ store: sqlStore(fromPg(pool)), onPaid: async (order, { tx }) => { … }, … }))
 */
export function wechatPayOptions<Tx, const Schema>(
  options: WechatPayOptions<NoInfer<Tx>, Schema> & { store: Store<Tx> },
): WechatPayOptions<Tx, Schema> {
  return options
}
