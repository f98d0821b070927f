import { TRADE_STATE } from '../../ledger/orders.ts'
import { KEY_MODE } from '../../ledger/merchant.ts'
import { badInput } from '../../base/checks.ts'
import { isMoment, LAST_MOMENT } from '../../clock/duration.ts'
import { checkFault } from '../../faults/faults.ts'
import { couponRefundFee } from '../../ledger/refunds.ts'
import type { NotificationData } from '../../notify/notification.ts'
import { APIS } from '../../wire/names.ts'
import { readXml } from '../../wire/xml.ts'
import type { MerchantDump, WorldState } from './state.ts'

/** Passes, or throws an error naming a place such as `state.orders.0`. */
type Check = (value: unknown, place: string) => void

function refuse(place: string, rule: string): never {
  throw badInput(place, rule, `must be ${rule}; was the export changed by hand?`)
}

const is =
  (rule: string, holds: (value: unknown) => boolean): Check =>
  (value, place) => {
    if (!holds(value)) refuse(place, rule)
  }
const text = is('a text', (value) => typeof value === 'string')
const flag = is('true or false', (value) => typeof value === 'boolean')
const count = is('a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0)
const number = is('a number', Number.isFinite)
const moment = is('a date from 1970 to 9999', (value) => value instanceof Date && isMoment(value.getTime()))
// Something lasting until then may be as long as a duration can express.
const date = is(
  'a date',
  (value) => value instanceof Date && value.getTime() >= 0 && value.getTime() <= 2 * LAST_MOMENT,
)
const url = is(
  'an absolute http(s) URL',
  (value) => typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value),
)
const message = is('an XML message', (value) => {
  try {
    return readXml(value as string).size > 0
  } catch {
    return false
  }
})
const envelope = is('a JSON message', (value) => {
  try {
    return typeof (JSON.parse(value as string) as { resource?: unknown }).resource === 'object'
  } catch {
    return false
  }
})
const bytes = is('bytes', Buffer.isBuffer)
const oneOf = (...values: readonly string[]) =>
  is(`one of ${values.join(', ')}`, (value) => values.includes(value as string))
const optional =
  (check: Check): Check =>
  (value, place) => {
    if (value !== undefined) check(value, place)
  }

const orNothing =
  (check: Check): Check =>
  (value, place) => {
    if (value !== '') check(value, place)
  }

const list =
  (check: Check): Check =>
  (value, place) => {
    if (!Array.isArray(value)) refuse(place, 'a list')
    value.forEach((item, n) => check(item, `${place}.${n}`))
  }

const object: Check = is('an object', (value) => Object.prototype.toString.call(value) === '[object Object]')
const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, place) => {
    object(value, place)
    for (const [name, check] of Object.entries(fields)) {
      check((value as Record<string, unknown>)[name], `${place}.${name}`)
    }
  }
const texts: Check = (value, place) => {
  object(value, place)
  for (const [name, item] of Object.entries(value as object)) text(item, `${place}.${name}`)
}
const pair: Check = (value, place) => {
  list(text)(value, place)
  if ((value as string[]).length !== 2) refuse(place, 'two texts')
}

const coupon = record({ fee: count, id: text, type: optional(oneOf('CASH', 'NO_CASH')) })
const signType = oneOf('MD5', 'HMAC-SHA256')

const version = oneOf('v2', 'v3')

const shipping = record({
  ...{ logisticsType: count, mode: count, content: text, uploads: count, isFinished: flag },
  ...{ uploadedAt: date, receivedAt: optional(date) },
})

const payer = { openid: text, subOpenid: optional(text) }
const payment = record({ ...payer, transactionId: text, bankType: text, coupons: list(coupon), paidAt: date })

const order = record({
  version,
  parameters: text,
  ...{ outTradeNo: text, body: text, totalFee: count, feeType: text, tradeType: text },
  ...{ appid: text, openid: text, deviceInfo: text, attach: text, nonceStr: text, prepayId: text },
  sub: optional(record({ mchId: text, appid: text, openid: text })),
  createdAt: date,
  notifyUrl: url,
  signType,
  prepayIssuedAt: date,
  expiresAt: optional(date),
  tradeState: oneOf('NOTPAY', 'SUCCESS', 'REFUND', 'CLOSED'),
  forcedState: optional(oneOf(...TRADE_STATE.enum)),
  payment: optional(payment),
  autoPayAt: optional(date),
  shipping: optional(shipping),
})

const refundStatus = oneOf('PROCESSING', 'SUCCESS', 'CHANGE', 'REFUNDCLOSE')

const refund = record({
  version,
  from: list(record({ account: text, amount: count })),
  outRefundNo: text,
  refundId: text,
  ordinal: count,
  outTradeNo: text,
  refundFee: count,
  cashRefundFee: count,
  coupons: list(coupon),
  desc: text,
  account: text,
  source: text,
  notifyUrl: orNothing(url),
  requestedAt: date,
  status: refundStatus,
  channel: text,
  receivedBy: text,
  endedAt: optional(date),
  firstEnd: optional(record({ status: refundStatus, channel: text, endedAt: date })),
  dueAt: optional(date),
  notificationId: optional(text),
})

const generation = is(
  'a whole number below 1000',
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 1000,
)
/** How often each key was replaced before. */
const generations: Check = (value, place) => {
  list(generation)(value, place)
  if ((value as number[]).length === 0) refuse(place, 'a list of at least one')
}
const keys = record({ merchantCertificates: generations, platformCertificates: generations, publicKeys: generations })

const books = { orders: record({ orders: list(order), prepays: list(pair), burnt: list(text) }), refunds: list(refund) }

const reply = record({ status: count, headers: object, body: text, raw: optional(bytes) })
const kind = oneOf('pay', 'refund', 'fail', 'crafted', 'event')

const delivery = record({
  id: text,
  notificationId: text,
  version,
  kind,
  mchId: text,
  outTradeNo: text,
  outRefundNo: optional(text),
  attempt: count,
  sentAt: date,
  url: text,
  request: record({ headers: texts, body: text }),
  response: optional(reply),
  startedMs: number,
  durationMs: number,
  verdict: text,
  reason: text,
  fault: optional(text),
})

const signing = record({
  how: text,
  of: text,
  stranger: flag,
  serial: optional(text),
  skewSeconds: number,
  headers: object,
})

const anyNotification = record({
  id: text,
  version,
  signing: optional(signing),
  gaps: optional(list(count)),
  kind,
  mchId: text,
  outTradeNo: text,
  outRefundNo: optional(text),
  url,
  body: text,
  sequence: count,
  attempts: list(delivery),
  due: optional(date),
  sends: count,
  acked: flag,
  finished: flag,
  held: flag,
  cancelled: flag,
})
const notification: Check = (value, place) => {
  anyNotification(value, place)
  // Crafted values may be anything.
  const { version, kind, body } = value as NotificationData
  if (kind !== 'crafted') (version === 'v3' ? envelope : message)(body, `${place}.body`)
}

const entry = record({
  cursor: count,
  at: date,
  direction: oneOf('in', 'out'),
  api: oneOf(...APIS, 'unknown'),
  outTradeNo: optional(text),
  request: record({ method: text, url: text, headers: object, body: text }),
  response: optional(record({ status: count, headers: object, body: text })),
  note: optional(text),
  fault: optional(text),
  lint: optional(list(object)),
})

const code = (worth: Check) => record({ code: text, worth, expiresAt: date, usesLeft: count })
const users = record({
  users: list(
    record({
      openid: text,
      unionid: optional(text),
      nickName: optional(text),
      sessionKey: text,
      sessionKeySince: date,
    }),
  ),
  codes: list(code(record({ openid: text }))),
  phoneCodes: list(code(record({ phoneNumber: text, purePhoneNumber: text, countryCode: text }))),
  drawn: list(text),
  issued: record({ codes: count, phoneCodes: count, openids: count }),
})

const tokens = record({
  tokens: list(record({ text, kind: oneOf('plain', 'stable'), expiresAt: date, staleAt: optional(date) })),
  issued: count,
  forced: list(date),
})

const fault = record({
  api: text,
  effect: object,
  options: record({ name: text, rate: optional(object) }),
  seen: count,
  hits: count,
  turns: object,
  passed: list(number),
})

const state = record({
  now: moment,
  replies: count,
  merchants: list(
    record({
      mchId: text,
      apiKey: text,
      signType: oneOf('any', 'MD5', 'HMAC-SHA256'),
      certMode: oneOf('none', 'required'),
      apiV3Key: text,
      keyMode: oneOf(...KEY_MODE.enum),
      publicKeyShare: number,
      newKeyShare: number,
      actsFor: optional(list(record({ mchId: text, appids: list(text) }))),
      keys,
      ...books,
    }),
  ),
  apps: list(record({ appid: text, appSecret: text, users, tokens })),
  notifications: record({
    notifications: list(notification),
    log: record({ taken: count, deliveries: list(delivery) }),
  }),
  journal: record({ cursor: count, entries: list(entry), forgotten: count }),
  faults: list(fault),
})

/** The references from one part of the state to another. */
function checkReferences({ orders: { orders, prepays }, refunds }: MerchantDump, place: string): void {
  const byNumber = new Map(orders.map((order) => [order.outTradeNo, order]))
  const given = new Map<string, number>()
  orders.forEach(({ tradeState, payment }, n) => {
    const isPaid = tradeState === 'SUCCESS' || tradeState === 'REFUND'
    if (isPaid !== (payment !== undefined)) {
      refuse(`${place}.orders.orders.${n}.tradeState`, 'SUCCESS or REFUND if and only if there is a payment')
    }
  })
  prepays.forEach(([, outTradeNo], n) => {
    if (!byNumber.has(outTradeNo)) refuse(`${place}.orders.prepays.${n}`, 'of an existing order')
  })
  refunds.forEach(({ outTradeNo, coupons, refundFee, cashRefundFee, status }, n) => {
    const { payment, totalFee } = byNumber.get(outTradeNo) ?? {}
    if (payment?.coupons.length !== coupons.length) {
      refuse(`${place}.refunds.${n}`, 'of a paid order, with a part for each of its coupons')
    }
    if (refundFee !== cashRefundFee + couponRefundFee({ coupons })) {
      refuse(`${place}.refunds.${n}.refundFee`, 'the sum of its parts')
    }
    if (status === 'REFUNDCLOSE') return
    const sum = (given.get(outTradeNo) ?? 0) + refundFee
    if (sum > totalFee!) refuse(`${place}.refunds.${n}.refundFee`, 'at most what is left of its order')
    given.set(outTradeNo, sum)
  })
}

function checkOnce(ids: readonly string[], place: string, name: string): void {
  ids.forEach((id, n) => {
    if (ids.indexOf(id) !== n) refuse(`${place}.${n}.${name}`, 'different from those before it')
  })
}

/**
 * Checks a state from outside before it replaces anything of the world.
 * @throws MockError BAD_INPUT
 */
export function checkState(decoded: unknown): WorldState {
  state(decoded, 'state')
  const checked = decoded as WorldState
  checkOnce(
    checked.merchants.map(({ mchId }) => mchId),
    'state.merchants',
    'mchId',
  )
  checkOnce(
    checked.apps.map(({ appid }) => appid),
    'state.apps',
    'appid',
  )
  checked.merchants.forEach((merchant, n) => checkReferences(merchant, `state.merchants.${n}`))
  for (const { api, effect, options } of checked.faults) checkFault(api, effect, options)
  return checked
}
