import { badInput, checkNames, checkOneOf } from '../base/checks.ts'
import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import type { ClockMode } from '../clock/clock.ts'
import { type CertMode, checkAppid, checkMchId } from '../ledger/merchant.ts'
import type { AnySchedule, LateSchedule, Schedule } from '../notify/schedule.ts'
import type { Behaviour } from '../wechat/behaviour.ts'
import type { SignType } from '../wire/sign-v2.ts'

const NAMES = Object.keys({
  id: true,
  seed: true,
  startTime: true,
  clock: true,
  schedule: true,
  ackTimeoutMs: true,
  maxJournal: true,
  signType: true,
  refundDelay: true,
  sessionKeyPeriod: true,
  codeLimit: true,
  autoPay: true,
  refundNotifyUrl: true,
  settleUrl: true,
  strict: true,
  certMode: true,
  behaviour: true,
  appid: true,
  appSecret: true,
  mchId: true,
  apiKey: true,
} satisfies Record<keyof AnyWorldOptions, true>)

const CHOICES = {
  clock: ['virtual', 'real'],
  signType: ['MD5', 'HMAC-SHA256'],
  certMode: ['none', 'required'],
} as const

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1

/** What else has no check of its own where it is read. */
const RULES: Partial<Record<keyof AnyWorldOptions, readonly [rule: string, holds: (value: unknown) => boolean]>> = {
  id: [
    '1 to 64 letters, digits, dots, dashes and underscores',
    (value) => isText(value) && /^[\w.-]{1,64}$/.test(value as string),
  ],
  seed: ['a number or a text', (value) => typeof value === 'number' || typeof value === 'string'],
  ackTimeoutMs: [
    `whole milliseconds from 1 to ${LONGEST_TIMEOUT_MS}`,
    (value) => isCount(value) && (value as number) <= LONGEST_TIMEOUT_MS,
  ],
  maxJournal: ['a whole number from 1', isCount],
  strict: ['true or false', (value) => typeof value === 'boolean'],
  appSecret: ['a text', isText],
  apiKey: ['a text', isText],
}

/**
 * What the types say, for callers that have none.
 * @throws MockError BAD_INPUT
 */
export function checkWorldOptions(options: AnyWorldOptions): void {
  checkNames('', options, NAMES)
  for (const [name, known] of Object.entries(CHOICES)) {
    const choice = options[name as keyof typeof CHOICES]
    if (choice !== undefined) checkOneOf(name, choice, known)
  }
  for (const [name, [rule, holds]] of Object.entries(RULES)) {
    const value = options[name as keyof AnyWorldOptions]
    if (value !== undefined && !holds(value)) {
      throw badInput(name, rule, `must be ${rule}; got ${JSON.stringify(value)}`)
    }
  }
  const { appid, mchId } = options
  if (appid !== undefined) checkAppid(appid)
  if (mchId !== undefined) checkMchId(mchId)
}

export interface WorldOptions<S = Schedule> {
  /** How control calls name it; default `w1`, `w2`, … */
  readonly id?: string
  /**
   * Everything the world draws comes from here: the same seed gives the same credentials and ids. Default: the world's id;
   * on the real clock ids then also differ from run to run, because an application's database outlives the mock.
   */
  readonly seed?: number | string
  /** World time at creation; default: the machine's, in whole seconds. */
  readonly startTime?: Date | number
  /** Default `virtual`: time stands still until it is advanced. */
  readonly clock?: ClockMode
  /**
   * Gaps between a send and its retry: WeChat's current ones (default), its older ones, or seconds; `{ gaps, immediate: false }`:
   * the first send is due after the first gap.
   */
  readonly schedule?: S
  /** Real milliseconds a merchant may take to answer; default 5000. */
  readonly ackTimeoutMs?: number
  /**
   * How much is remembered, the newest of it: so many exchanges in the journal, so many deliveries, and at least so many
   * orders that are over (closed, or paid, told and refunded to the end). Default 5000. Of orders that are not paid, and of
   * users, at least 10 000 are remembered.
   */
  readonly maxJournal?: number
  /** The only algorithm the merchant may sign with; default: each request chooses. */
  readonly signType?: SignType
  /**
   * World time (`'20m'`, milliseconds) after which a refund succeeds unless it has been settled before; `'never'`: it stays
   * PROCESSING until it is settled. Default: `'never'` on the virtual clock, where a test settles it, `'5s'` on the real one,
   * where nobody may be there to do it.
   */
  readonly refundDelay?: string | number | 'never'
  /**
   * World time (`'10m'`, milliseconds) for which wx.login leaves a session_key alone; `'never'`: until it is rotated by
   * hand. WeChat does not publish its own; default `'10m'`.
   */
  readonly sessionKeyPeriod?: string | number | 'never'
  /**
   * How many codes of one user jscode2session takes within a minute of world time; more are refused with 45011, and stay
   * good. WeChat's own limit is 100. Default: any number.
   */
  readonly codeLimit?: number
  /** World time (`'0s'`, `'20s'`, milliseconds) after which each order is paid by itself. Default: you pay. */
  readonly autoPay?: string | number
  /** The refund notification URL of the merchant platform: for refunds that bring no notify_url of their own. */
  readonly refundNotifyUrl?: string
  /**
   * An address of the application that answers, with 2xx, when its work in the background is done: what
   * {@link World.settleOn} is in the process. It is asked by POST before time moves on, if its host may be notified.
   */
  readonly settleUrl?: string
  /** Refuses what production may not like ({@link Finding}), instead of only saying so. Default false. */
  readonly strict?: boolean
  /**
   * Whether refund and downloadfundflow ask for the merchant's certificate; default `none`. `required` needs a mock with TLS:
   * without a certificate the connection breaks, with one whose common name is not the mch_id the answer is CERT_ERROR.
   */
  readonly certMode?: CertMode
  /** What to do where WeChat is undocumented or has changed. */
  readonly behaviour?: Partial<Behaviour>
  readonly appid?: string
  readonly appSecret?: string
  readonly mchId?: string
  /** Exactly 32 bytes. */
  readonly apiKey?: string
}

/** A world whose schedule begins with the first gap. */
export type LateWorldOptions = WorldOptions<LateSchedule> & { readonly schedule: LateSchedule }

/** Of whichever kind. */
export type AnyWorldOptions = WorldOptions<AnySchedule>
