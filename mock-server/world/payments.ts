import { oneOf, strict, validate } from '../base/schema.ts'
import { MockError } from '../base/errors.ts'
import type { Gates } from '../faults/gates.ts'
import { Refusal, type Account, type News } from '../ledger/account.ts'
import {
  expireOrder,
  failPayment,
  FAILURE,
  PAYMENT,
  payOrder,
  type FailOptions,
  type PaymentFailure,
  type PaymentOptions,
} from '../ledger/cashier.ts'
import { orderSnapshot, TRADE_STATE, type Order, type OrderSnapshot, type TradeState } from '../ledger/orders.ts'
import {
  canEnd,
  CONSOLE_REFUND,
  END,
  endRefund,
  refundFromConsole,
  refundSnapshot,
  type ConsoleRefund,
  type EndOptions,
  type RefundSnapshot,
} from '../ledger/refund-rules.ts'
import type { RefundEnd } from '../ledger/refunds.ts'
import type { Delivery, Notification } from '../notify/notification.ts'
import type { Notifier } from '../notify/notifier.ts'
import type { Random } from '../base/random.ts'
import type { ApiVersion } from '../wire/names.ts'
import type { Behaviour } from '../wechat/behaviour.ts'
import { refusalOf } from '../wechat/pay-v2/answers.ts'
import { notificationBody as notificationV2 } from '../wechat/pay-v2/notifications.ts'
import { notificationBody as notificationV3 } from '../wechat/pay-v3/notifications.ts'
import { OF_MERCHANT, type OfMerchant, type Parties } from './parties.ts'

/** `await`: wait for the first delivery; `background`: send without waiting; `hold`: do not send. */
export type Deliver = 'await' | 'background' | 'hold'

const DELIVER = oneOf('await', 'background', 'hold')

export const PAY = strict({ ...PAYMENT, ...OF_MERCHANT, deliver: DELIVER })
export const FAIL = strict({ ...FAILURE, ...OF_MERCHANT })
/** For calls with no other options. */
export const WHERE = strict(OF_MERCHANT)
export const REFUND = strict({ ...CONSOLE_REFUND, ...OF_MERCHANT })
export const STATUS = oneOf('SUCCESS', 'CHANGE', 'REFUNDCLOSE')
export const SETTLE = strict({ ...END, ...OF_MERCHANT, deliver: DELIVER })

/** A notification and, if it was sent and waited for, its first delivery, judged. */
export interface Notified {
  readonly notification: Notification
  readonly delivery: Delivery | undefined
}

/** Who pays, with what, and whether to wait for the notification. */
export interface PayOptions extends PaymentOptions, OfMerchant {
  /** Default `await`. */
  readonly deliver?: Deliver
}

/** How a refund ends, and whether to wait for its notification. */
export interface SettleOptions extends EndOptions, OfMerchant {
  /** Default `await`. */
  readonly deliver?: Deliver
}

/** A payment: the order, its notification and, if it was awaited, the first delivery. */
export interface Paid extends Notified {
  readonly order: OrderSnapshot
}

/** `notification` is undefined if none is sent. */
export interface Failed extends PaymentFailure {
  readonly order: OrderSnapshot
  readonly notification: Notification | undefined
  readonly delivery: Delivery | undefined
}

/** `notification` is undefined if none is sent. */
export interface Settled {
  readonly refund: RefundSnapshot
  readonly notification: Notification | undefined
  readonly delivery: Delivery | undefined
  /** Why no notification is sent, if none is. */
  readonly note: string | undefined
}

/** The actions of people in a world. */
export interface Payments {
  readonly pay: (outTradeNo: string, options?: PayOptions) => Promise<Paid>
  readonly fail: (outTradeNo: string, options?: FailOptions & OfMerchant) => Promise<Failed>
  readonly expire: (outTradeNo: string, options?: OfMerchant) => OrderSnapshot
  readonly forceState: (outTradeNo: string, state: TradeState, options?: OfMerchant) => OrderSnapshot
  readonly refundFromConsole: (outTradeNo: string, options?: ConsoleRefund & OfMerchant) => RefundSnapshot
  readonly settleRefund: (outRefundNo: string, status: RefundEnd, options?: SettleOptions) => Promise<Settled>
}

/** The API of a notification: that of the call it is about. */
function versionOf(news: News, { refundNotifications }: Behaviour): ApiVersion {
  if (news.kind !== 'refunded') return news.order.version
  return refundNotifications === 'v2' ? 'v2' : news.refund.version
}

/** According to WeChat's staff, a port is dropped. */
function withoutPort(url: string): string {
  const address = new URL(url)
  address.port = ''
  return address.href
}

export function noticeBody(
  version: ApiVersion,
  news: News,
  account: Account,
  random: Random,
  behaviour: Behaviour,
): string {
  return version === 'v3' && news.kind !== 'failed'
    ? notificationV3(news, account, behaviour)
    : notificationV2(news, account, random)
}

/** Creates the notification of what happened, and informs the rest of the world. */
export const createTell =
  (gates: Gates, notifier: Notifier, random: Random, behaviour: Behaviour, onPaid: (order: OrderSnapshot) => void) =>
  (account: Account, news: News): string => {
    const { mchId } = account
    const { outTradeNo } = news.order
    if (news.kind === 'paid') {
      gates.signal('order.paid', outTradeNo)
      onPaid(orderSnapshot(mchId, news.order))
    }
    const { url, subject } =
      news.kind === 'refunded'
        ? { url: news.refund.notifyUrl, subject: { kind: 'refund', outRefundNo: news.refund.outRefundNo } as const }
        : { url: news.order.notifyUrl, subject: { kind: news.kind === 'paid' ? 'pay' : 'fail' } as const }
    const version = versionOf(news, behaviour)
    const to = behaviour.notifyPort === 'dropped' ? withoutPort(url) : url
    const body = noticeBody(version, news, account, random, behaviour)
    return notifier.create(outTradeNo, to, body, { ...subject, version, mchId }).id
  }

const UNHEARD =
  'no notification: the refund has no notify_url, and the merchant platform has no URL for refunds (refundNotifyUrl of the world)'

const isUnpaid = ({ tradeState }: Order) => tradeState === 'NOTPAY'
const isPaid = ({ payment }: Order) => payment !== undefined

export function createPayments({ findOrder, findRefund }: Parties, notifier: Notifier, behaviour: Behaviour): Payments {
  async function send(notificationId: string, deliver: Deliver): Promise<Notified> {
    const notification = notifier.find(notificationId)!
    if (deliver === 'hold') return { notification, delivery: undefined }
    const first = notifier.start(notification, deliver === 'await')
    return { notification, delivery: deliver === 'await' ? await first : undefined }
  }

  const NOBODY = { notification: undefined, delivery: undefined }

  return {
    pay: async (outTradeNo, given = {}) => {
      validate(PAY, given)
      const { deliver = 'await', mchId, ...options } = given
      const [account, order] = findOrder(outTradeNo, mchId === undefined ? {} : { mchId }, isUnpaid)
      const notified = await send(payOrder(account, order, options), deliver)
      return { ...notified, order: orderSnapshot(account.mchId, order) }
    },
    fail: async (outTradeNo, options = {}) => {
      validate(FAIL, options)
      const [account, order] = findOrder(outTradeNo, options, isUnpaid)
      const { failure, notificationId } = failPayment(account, order, options)
      const notified = notificationId === undefined ? NOBODY : await send(notificationId, 'await')
      return { ...failure, ...notified, order: orderSnapshot(account.mchId, order) }
    },
    expire: (outTradeNo, options = {}) => {
      validate(WHERE, options)
      const [account, order] = findOrder(outTradeNo, options, isUnpaid)
      expireOrder(account, order)
      return orderSnapshot(account.mchId, order)
    },
    forceState: (outTradeNo, state, options = {}) => {
      validate(TRADE_STATE, state, 'state')
      validate(WHERE, options)
      const [account, order] = findOrder(outTradeNo, options, isUnpaid)
      order.forcedState = state === order.tradeState ? undefined : state
      return orderSnapshot(account.mchId, order)
    },
    refundFromConsole: (outTradeNo, options = {}) => {
      validate(REFUND, options)
      const [account, order] = findOrder(outTradeNo, options, isPaid)
      try {
        return refundSnapshot(account, refundFromConsole(account, order, options))
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const refused = refusalOf('refund', error, behaviour) as Error & { readonly errCode: string }
        throw new MockError(
          'REFUND_REFUSED',
          `order ${outTradeNo} cannot be refunded: ${refused.errCode} ${refused.message}`,
          { err_code: refused.errCode, err_code_des: refused.message },
        )
      }
    },
    settleRefund: async (outRefundNo, status, given = {}) => {
      validate(STATUS, status, 'status')
      validate(SETTLE, given)
      const { deliver = 'await', mchId, ...options } = given
      const [account, refund] = findRefund(outRefundNo, mchId === undefined ? {} : { mchId }, canEnd)
      const notificationId = endRefund(account, refund, status, options)
      // Taken now: the world might drop the order meanwhile.
      const ended = refundSnapshot(account, refund)
      const notified = notificationId === undefined ? NOBODY : await send(notificationId, deliver)
      return { ...notified, refund: ended, note: notificationId === undefined ? UNHEARD : undefined }
    },
  }
}
