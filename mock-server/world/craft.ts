import { badInput } from '../base/checks.ts'
import { integer, oneOf, strict, text, validate, type Schema } from '../base/schema.ts'
import type { Account } from '../ledger/account.ts'
import type { Order, Payment } from '../ledger/orders.ts'
import type { Entry } from '../notify/notification.ts'
import { noticeHeaders as headersOf } from '../notify/outgoing.ts'
import type { WorldCore } from '../wechat/core.ts'
import { createNoticeSigner, envelope, messageForm } from '../wechat/pay-v3/notifications.ts'
import type { ApiVersion } from '../wire/names.ts'
import { changeFields, type FieldChanges, type Resign, signAgain, withBadSign } from '../wire/tamper.ts'
import { OF_MERCHANT } from './parties.ts'
import { noticeBody } from './payments.ts'

/** Only for API v3, whose signature is in the headers of a notification. */
interface SigningOptions {
  /** A `stranger` signs with a key that is not WeChat's; default `wechat`. */
  readonly signer?: 'wechat' | 'stranger'
  /** Wechatpay-Serial; default: that of the key in use. */
  readonly serial?: string
  /** Added to the timestamp before signing. */
  readonly skewSeconds?: number
  /** Headers to send; null removes one. */
  readonly headers?: FieldChanges
}

/** How a crafted notification differs from the real one of its order. */
export interface CraftOptions extends SigningOptions {
  /** Default: that of the order. */
  readonly version?: ApiVersion
  /** New values of fields; null removes a field. In API v3 those of the encrypted resource: `amount.total`. */
  readonly fields?: FieldChanges
  /** Default `again`: a valid signature of what is sent. A probe is a signature that is wrong on purpose (API v3). */
  readonly sign?: Resign | 'probe-live' | 'probe-docs'
  /** The key to sign with instead of the merchant's; in API v3 the key to encrypt with. */
  readonly key?: string
  /** Sends exactly this instead of a message built from the order. */
  readonly body?: string
  /** Default: the order's notify_url. */
  readonly url?: string
}

/** An event of another product, such as a complaint or a transfer (API v3). */
export interface EventOptions extends SigningOptions {
  /** `COMPLAINT.CREATE`, `MCHTRANSFER.BILL.FINISHED`, … */
  readonly eventType: string
  /** resource.original_type, `complaint`; also the associated_data. */
  readonly originalType: string
  readonly summary?: string
  /** What is encrypted. */
  readonly resource: Readonly<Record<string, unknown>>
  readonly url: string
}

const FIELDS: Schema = { type: 'object', additionalProperties: { type: ['string', 'null'] } }
const SIGNING = {
  signer: oneOf('wechat', 'stranger'),
  serial: text(64),
  skewSeconds: integer(-1e9, 1e9),
  headers: FIELDS,
}

export const CRAFT = strict({
  version: oneOf('v2', 'v3'),
  fields: FIELDS,
  sign: oneOf('again', 'keep', 'wrong', 'none', 'probe-live', 'probe-docs'),
  key: text(),
  body: { type: 'string' },
  url: text(),
  ...SIGNING,
  ...OF_MERCHANT,
})

export const EVENT = strict(
  {
    eventType: text(64),
    originalType: text(64),
    summary: text(128),
    resource: { type: 'object' },
    url: text(),
    ...SIGNING,
    ...OF_MERCHANT,
  },
  'eventType',
  'originalType',
  'resource',
  'url',
)

/** The payment that the notification would report if the order's own user had just paid. */
function imagined({ now, random }: Account, { outTradeNo, openid }: Order): Payment {
  return {
    transactionId: `4200${random.digits(24, 'crafted', outTradeNo)}`,
    openid,
    bankType: 'OTHERS',
    coupons: [],
    paidAt: now(),
  }
}

function sealed(xml: string, key: string, sign: CraftOptions['sign']): string {
  switch (sign) {
    case 'again':
      return signAgain(xml, key)
    case 'keep':
      return xml
    case 'none':
      return changeFields(xml, { sign: null })
    default:
      return withBadSign(signAgain(xml, key))
  }
}

/** A forgery may be any value that can be sent. */
function checkUrl(url: string): void {
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw badInput('url', 'url', `must be an absolute http(s) URL; got ${url}`)
  }
}

function checkNames(fields: FieldChanges): void {
  for (const name of Object.keys(fields)) {
    if (!/^(?!xml$)[A-Za-z_][\w.-]*$/.test(name)) {
      throw badInput(`fields.${name}`, 'name', 'must be the name of an XML element inside <xml>')
    }
  }
}

function checkKey(version: ApiVersion, key: string): void {
  if (version === 'v3' && Buffer.byteLength(key) !== 32) {
    throw badInput('key', '32 bytes', `must be 32 bytes in API v3; got ${Buffer.byteLength(key)}`)
  }
}

const signingOf = (
  { signer = 'wechat', serial, skewSeconds = 0, headers = {} }: SigningOptions,
  how: NonNullable<CraftOptions['sign']>,
  of: string,
) => ({ how, of, stranger: signer === 'stranger', serial, skewSeconds, headers })

type Parts = Pick<WorldCore, 'notifier' | 'random' | 'behaviour'>

/**
 * Crafts a notification about an order, paid or not, as WeChat or an attacker might send it. It is not sent yet.
 * @throws MockError BAD_INPUT
 */
export function craft(
  { notifier, random, behaviour }: Parts,
  account: Account,
  order: Order,
  options: CraftOptions = {},
): Entry {
  validate(CRAFT, options)
  const { version = order.version, fields = {}, sign = 'again', body, url = order.notifyUrl } = options
  const { key = version === 'v3' ? account.apiV3Key : account.apiKey } = options
  checkUrl(url)
  checkNames(fields)
  checkKey(version, key)
  const real = () => {
    const news = { kind: 'paid', order, payment: order.payment ?? imagined(account, order) } as const
    return noticeBody(version, news, account, random, behaviour)
  }
  const changed = () =>
    version === 'v3'
      ? messageForm(account.apiV3Key, key).change(real(), fields, false)
      : sealed(changeFields(real(), fields), key, sign)
  return notifier.create(order.outTradeNo, url, body ?? changed(), {
    version,
    kind: 'crafted',
    mchId: account.mchId,
    ...(version === 'v3' && { signing: signingOf(options, sign, real()) }),
  })
}

/**
 * Crafts an event of another product. It is not sent yet.
 * @throws MockError BAD_INPUT
 */
export function craftEvent(
  { notifier, behaviour, nextReply }: Pick<WorldCore, 'notifier' | 'behaviour' | 'nextReply'>,
  account: Account,
  options: EventOptions,
): Entry {
  validate(EVENT, options)
  const { eventType, originalType, summary = eventType, resource, url } = options
  checkUrl(url)
  const number = nextReply()
  const body = envelope({ eventType, originalType, summary, resource }, account, behaviour, ['event', number])
  return notifier.create('', url, body, {
    version: 'v3',
    kind: 'event',
    mchId: account.mchId,
    name: `${eventType}-${number}`,
    signing: signingOf(options, 'again', body),
  })
}

/**
 * The headers of a notification with this body.
 * @throws MockError BAD_INPUT
 */
export function noticeHeaders(
  core: Pick<WorldCore, 'signNow' | 'nextReply' | 'random'>,
  account: Account,
  version: ApiVersion,
  body: string,
  options: CraftOptions = {},
): Readonly<Record<string, string>> {
  validate(CRAFT, options)
  const signing = signingOf(options, options.sign ?? 'again', '')
  const signer = createNoticeSigner(core, () => account)
  return headersOf({ version, body, signing, mchId: account.mchId }, signer)
}
