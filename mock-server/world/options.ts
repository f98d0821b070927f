import { FLAG, integer, oneOf, strict, text, validate, type Schema } from '../base/schema.ts'
import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import { CLOCK_MODE, type ClockMode } from '../clock/clock.ts'
import { parseDuration } from '../clock/duration.ts'
import { API_V3_KEY, KEY_MODE, MCH_ID, SHARE, type CertMode, type KeyMode } from '../ledger/merchant.ts'
import { APPID } from '../users/app.ts'
import type { Schedule } from '../notify/schedule.ts'
import { CHOICES, type Behaviour } from '../wechat/behaviour.ts'
import type { SignType } from '../wire/sign-v2.ts'

/** A command-line flag. Its value is parsed according to the schema of its row, as a duration, or by the command line itself. */
export interface Flag {
  readonly flags: string
  readonly text: string
  /** The command line's default, if it differs from the in-process one. */
  readonly default?: string | number
  /** The flag sets the default for every world of the process. */
  readonly everyWorld?: true
}

/** One option: its type, its rule, and its flag. The control API applies the same rule. */
interface Row<T> {
  readonly schema: Schema
  readonly flag?: Flag
  /** Only for the type. */
  readonly type?: T
}

const row = <T>(schema: Schema, flag?: Flag): Row<T> => ({ schema, ...(flag && { flag }) })

/** `'20m'`, or milliseconds: validated by parseDuration. */
export const DURATION: Schema = { type: ['string', 'number'], description: "a duration such as '20m', or milliseconds" }
export const OR_NEVER: Schema = { ...DURATION, description: "a duration such as '20m', milliseconds, or 'never'" }
const SECRET: Schema = { ...text(), writeOnly: true }

/** Whose time is used in signatures of API v3. */
export type SignTime = 'real' | 'world'

export const OPTIONS = {
  /** The name in control calls; default `w1`, `w2`, … */
  id: row<string>(
    {
      type: 'string',
      pattern: '^[\\w.-]{1,64}$',
      description: '1 to 64 letters, digits, dots, dashes and underscores',
    },
    { flags: '--world <id>', text: 'name of the first world', default: 'default' },
  ),
  /**
   * Source of everything random: the same seed produces the same credentials and ids. Default in the
   * process: the world's id; on the real clock ids then also differ from run to run. Default on the command line: a random
   * one, which it prints, because an application's database outlives the mock.
   */
  seed: row<number | string>(
    { type: ['number', 'string'] },
    {
      flags: '--seed <seed>',
      text: 'the same seed produces the same credentials and ids; default: a random one, which is printed',
    },
  ),
  /** World time at creation; default: the machine's time, in whole seconds. */
  startTime: row<Date | number>(
    { type: ['integer', 'string'], format: 'date-time' },
    { flags: '--start-time <time>', text: 'world time at the start; default: now' },
  ),
  /** Default `virtual`: time stands still until it is advanced. */
  clock: row<ClockMode>(CLOCK_MODE, {
    flags: '--clock <mode>',
    text: 'real: retries are sent when due; virtual: when the clock is advanced',
    default: 'real',
  }),
  /**
   * Gaps between retries: WeChat's current ones (default), its older ones, or seconds; with `{ gaps, immediate: false }`
   * the first send is due after the first gap.
   */
  schedule: row<Schedule>(
    {},
    {
      flags: '--schedule <schedule>',
      text: 'retry gaps: current (2019), legacy, seconds such as 15,15,30, {"gaps":"current","immediate":false} for a first send after the first gap, or a file with them',
      default: 'current',
    },
  ),
  /** Real milliseconds a merchant may take to answer; default 5000. */
  ackTimeoutMs: row<number>(integer(1, LONGEST_TIMEOUT_MS), {
    flags: '--ack-timeout <ms>',
    text: 'real milliseconds a notify handler may take',
    default: 5000,
  }),
  /**
   * How much is remembered, newest first: this many exchanges in the journal, this many deliveries, and at least this
   * many finished orders (closed, or paid, notified and without a pending refund). Default 5000. At least 10 000 unpaid
   * orders and 10 000 users are always remembered.
   */
  maxJournal: row<number>(integer(1), {
    flags: '--max-journal <n>',
    text: 'how many exchanges, deliveries and finished orders a world remembers',
    default: 5000,
    everyWorld: true,
  }),
  /** The only algorithm the merchant may sign with; default: each request chooses. */
  signType: row<SignType>(oneOf('MD5', 'HMAC-SHA256')),
  /**
   * World time (`'20m'`, milliseconds) after which a refund succeeds unless settled before; `'never'`: it stays
   * PROCESSING until it is settled. Default: `'never'` on the virtual clock, where a test settles it; `'5s'` on the real
   * one, where often nobody settles it.
   */
  refundDelay: row<string | number>(OR_NEVER, {
    flags: '--refund-delay <duration>',
    text: 'world time after which a refund succeeds, or never; default 5s on the real clock, never on the virtual one',
  }),
  /**
   * World time (`'10m'`, milliseconds) for which wx.login keeps a session_key; `'never'`: until it is rotated explicitly.
   * WeChat does not publish its value; default `'10m'`.
   */
  sessionKeyPeriod: row<string | number>(OR_NEVER),
  /**
   * How many codes of one user jscode2session accepts per minute of world time; further ones are refused with 45011 and
   * stay valid. WeChat's own limit is 100. Default: any number.
   */
  codeLimit: row<number>(integer(1)),
  /** World time (`'0s'`, `'20s'`, milliseconds) after which each order is paid automatically. Default: never. */
  autoPay: row<string | number>(DURATION, {
    flags: '--auto-pay [delay]',
    text: 'pays each order automatically, at once or after a duration',
  }),
  /** The refund notification URL set in the merchant platform, for refunds without their own notify_url. */
  refundNotifyUrl: row<string>(text(256)),
  /**
   * A URL of the application that answers 2xx once its background work is done: the counterpart of {@link World.settleOn}
   * for other processes. It is called by POST before time moves on, if its host may be notified.
   */
  settleUrl: row<string>(text(), {
    flags: '--settle-url <url>',
    text: 'a URL of the app that answers once its background work is done',
  }),
  /** Refuses what production might refuse ({@link Finding}), instead of only reporting it. Default false. */
  strict: row<boolean>(FLAG, {
    flags: '--strict',
    text: 'refuse what production might refuse, instead of only reporting it',
    everyWorld: true,
  }),
  /**
   * Whether refund and downloadfundflow require the merchant's certificate; default `none`. `required` needs a mock with
   * TLS: without a certificate the connection breaks; one whose common name is not the mch_id gets CERT_ERROR.
   */
  certMode: row<CertMode>(oneOf('none', 'required'), {
    flags: '--cert-mode <mode>',
    text: "whether refunds require the merchant's certificate",
    default: 'none',
  }),
  /**
   * What WeChat signs with in API v3; default `public-key`, as for merchants who sign up today. `changing`: the platform
   * certificate, and the public key where a request names it in `Wechatpay-Serial`.
   */
  keyMode: row<KeyMode>(KEY_MODE, {
    flags: '--key-mode <mode>',
    text: 'what WeChat signs with in API v3: public-key, certificate, or both while changing',
    default: 'public-key',
  }),
  /** The share, from 0 to 1, of notifications signed with the public key while `keyMode` is `changing`. Default 0.5. */
  publicKeyShare: row<number>(SHARE),
  /**
   * The time in signatures of API v3 (the timestamps of replies and notifications, and the check of a request's) and in
   * the Date header. `real`: the machine's, for an application on a real clock, even where the world's is virtual; the
   * default of the command line and of worlds made over HTTP. `world`: the world's, for an application that takes its time
   * from the world; the default in the process.
   */
  signTime: row<SignTime>(oneOf('real', 'world'), {
    flags: '--sign-time <time>',
    text: "time in signatures of API v3 and in the Date header: the machine's, or the world's",
    default: 'real',
  }),
  /**
   * Makes the merchant a service provider (服务商) with this many sub-merchants, each with an app of its own;
   * `credentials.subMerchants` has them. Default: an ordinary merchant.
   */
  subMerchants: row<number>(integer(1, 100), {
    flags: '--sub-merchants <n>',
    text: 'makes the merchant a service provider with this many sub-merchants, each with an app',
  }),
  /** What to do where WeChat is undocumented or has changed. */
  behaviour: row<Partial<Behaviour>>(
    strict(Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, oneOf(...values)]))),
  ),
  /** 1 to 32 letters and digits. */
  appid: row<string>(APPID),
  appSecret: row<string>(SECRET),
  /** 1 to 32 digits. */
  mchId: row<string>(MCH_ID),
  /** Exactly 32 bytes. */
  apiKey: row<string>(SECRET),
  /** 32 letters and digits. */
  apiV3Key: row<string>(API_V3_KEY),
}

type TypeOf<R> = R extends Row<infer T> ? T : never

/** The options of a world; each has a default. */
export type WorldOptions = { readonly [Name in keyof typeof OPTIONS]?: TypeOf<(typeof OPTIONS)[Name]> }

export const WORLD_OPTIONS: Schema = strict(
  Object.fromEntries(Object.entries(OPTIONS).map(([name, { schema }]) => [name, schema])),
)

/** @throws MockError BAD_INPUT */
export const checkWorldOptions = (options: WorldOptions) => validate(WORLD_OPTIONS, options)

/** World time after which a refund succeeds; undefined: only when settled. */
export function refundDelayMs({
  clock,
  refundDelay = clock === 'real' ? '5s' : 'never',
}: WorldOptions): number | undefined {
  return refundDelay === 'never' ? undefined : parseDuration(refundDelay, 'refundDelay')
}

/** How long wx.login keeps a session_key; undefined: forever. */
export function sessionKeyMs({ sessionKeyPeriod = '10m' }: WorldOptions): number | undefined {
  return sessionKeyPeriod === 'never' ? undefined : parseDuration(sessionKeyPeriod, 'sessionKeyPeriod')
}
