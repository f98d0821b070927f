import { oneOf, strict, text, validate, type Schema } from '../base/schema.ts'
import { OF_MERCHANT } from './parties.ts'
import type { Account } from '../ledger/account.ts'
import { badInput } from '../base/checks.ts'
import type { Order, Payment } from '../ledger/orders.ts'
import type { Entry } from '../notify/notification.ts'
import type { WorldCore } from '../wechat/core.ts'
import { notificationBody } from '../wechat/pay-v2/notifications.ts'
import { changeFields, type FieldChanges, type Resign, signAgain, withBadSign } from '../wire/tamper.ts'

/** How a crafted notification differs from the real one of its order. */
export interface CraftOptions {
  /** New values of fields; null removes a field. */
  readonly fields?: FieldChanges
  /** Default `again`: a valid signature of what is sent. */
  readonly sign?: Resign
  /** Signs with this key instead of the merchant's. */
  readonly key?: string
  /** Sends exactly this instead of a message built from the order. */
  readonly body?: string
  /** Default: the order's notify_url. */
  readonly url?: string
}

export const CRAFT: Schema = strict({
  fields: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
  sign: oneOf('again', 'keep', 'wrong', 'none'),
  key: text(),
  body: { type: 'string' },
  url: text(),
  ...OF_MERCHANT,
})

/** What the notification would say if the order's own user had just paid it. */
function imagined({ now, random }: Account, { outTradeNo, openid }: Order): Payment {
  return {
    transactionId: `4200${random.digits(24, 'crafted', outTradeNo)}`,
    openid,
    bankType: 'OTHERS',
    coupons: [],
    paidAt: now(),
  }
}

function sealed(xml: string, key: string, sign: Resign): string {
  switch (sign) {
    case 'again':
      return signAgain(xml, key)
    case 'wrong':
      return withBadSign(signAgain(xml, key))
    case 'keep':
      return xml
    case 'none':
      return changeFields(xml, { sign: null })
  }
}

/** A forgery may be any value that can be sent. */
function check(fields: FieldChanges, url: string): void {
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw badInput('url', 'url', `must be an absolute http(s) URL; got ${url}`)
  }
  for (const name of Object.keys(fields)) {
    if (!/^(?!xml$)[A-Za-z_][\w.-]*$/.test(name)) {
      throw badInput(`fields.${name}`, 'name', 'must be the name of an XML element inside <xml>')
    }
  }
}

/**
 * Crafts a notification about an order, paid or not, as WeChat or an attacker might send it. It is not sent yet.
 * @throws MockError BAD_INPUT
 */
export function craft(
  { notifier, random }: Pick<WorldCore, 'notifier' | 'random'>,
  account: Account,
  order: Order,
  options: CraftOptions = {},
): Entry {
  validate(CRAFT, options)
  const { fields = {}, sign = 'again', key = account.apiKey, body, url = order.notifyUrl } = options
  check(fields, url)
  const news = () => ({ kind: 'paid', order, payment: order.payment ?? imagined(account, order) }) as const
  const real = () => notificationBody(news(), account, random)
  return notifier.create(order.outTradeNo, url, body ?? sealed(changeFields(real(), fields), key, sign), {
    kind: 'crafted',
    mchId: account.mchId,
  })
}
