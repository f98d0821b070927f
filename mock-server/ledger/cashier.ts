import { FLAG, integer, oneOf, strict, text, type Properties } from '../base/schema.ts'
import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import { wechatTime } from '../wire/time.ts'
import type { Account, Failure } from './account.ts'
import { isOpen, isOverdue, PREPAY_LIFE_MS, stateOf, type Coupon, type Order, type Payment } from './orders.ts'

/** @throws MockError ORDER_NOT_PAYABLE */
export function checkPayable(account: Pick<Account, 'now'>, order: Order): void {
  const { outTradeNo, prepayIssuedAt } = order
  const refuse = (why: string) => new MockError('ORDER_NOT_PAYABLE', `order ${outTradeNo} cannot be paid: ${why}`)
  if (!isOpen(order)) throw refuse(`it is ${stateOf(order)}`)
  if (isOverdue(order, account.now())) throw refuse('its time_expire has passed')
  if (account.now().getTime() - prepayIssuedAt.getTime() >= PREPAY_LIFE_MS) {
    throw refuse('its prepay_id is older than 2 h; the merchant must order again with the same number')
  }
}

function checkCoupons(order: Order, coupons: readonly Coupon[]): void {
  const sum = coupons.reduce((total, { fee }) => total + fee, 0)
  if (sum > order.totalFee) {
    throw badInput('coupons', 'maximum', `${sum} fen of coupons for an order of ${order.totalFee} fen`)
  }
}

/**
 * The payer in the app of the merchant, and in that of the sub-merchant if the order names one: WeChat then reports both,
 * whichever the order was created for (the mock's reading of sub_openid in 4011983228: returned if sub_appid was sent).
 */
function payerOf(account: Account, order: Order, openid: string | undefined): Pick<Payment, 'openid' | 'subOpenid'> {
  const { sub } = order
  if (!sub?.appid) return { openid: openid ?? (order.openid || account.payerOf(order)) }
  const known = () => (order.openid ? account.sameUser(sub.appid, order.openid) : account.payerOf(order))
  const subOpenid = openid ?? (sub.openid || known())
  return { openid: order.openid || account.sameUser(order.appid, subOpenid), subOpenid }
}

/** How an order is paid. */
export interface PaymentOptions {
  /** The payer, in the app in which the order is paid; default: the user the order was created for. */
  readonly openid?: string
  /** Default `OTHERS`. */
  readonly bankType?: string
  readonly coupons?: readonly Coupon[]
}

export const PAYMENT: Properties = {
  openid: text(128),
  bankType: text(32),
  coupons: { type: 'array', items: strict({ fee: integer(1), id: text(20), type: oneOf('CASH', 'NO_CASH') }, 'fee') },
}

/**
 * The user pays: the order is SUCCESS. Returns the id of the notification, which is not sent yet.
 * @throws MockError ORDER_NOT_PAYABLE, BAD_INPUT
 */
export function payOrder(
  account: Account,
  order: Order,
  { openid, bankType = 'OTHERS', coupons = [] }: PaymentOptions = {},
): string {
  checkPayable(account, order)
  checkCoupons(order, coupons)
  const { outTradeNo } = order
  const { random, orders } = account
  const paidAt = account.now()
  const payment = {
    transactionId: `4200${random.digits(6, 'transaction', outTradeNo, 'head')}${wechatTime(paidAt).slice(0, 8)}${random.digits(10, 'transaction', outTradeNo, 'tail')}`,
    ...payerOf(account, order, openid),
    bankType,
    coupons: coupons.map((coupon, n) => ({
      ...coupon,
      id: coupon.id ?? random.digits(10, 'coupon', outTradeNo, n),
    })),
    paidAt,
  }
  Object.assign(order, { tradeState: 'SUCCESS', forcedState: undefined, payment })
  orders.indexTransaction(order, payment)
  return account.tell({ kind: 'paid', order, payment })
}

/** Why a payment fails, and whether WeChat notifies it. */
export interface FailOptions {
  /** Default NOTENOUGH. */
  readonly err_code?: string
  /** Default 余额不足. */
  readonly err_code_des?: string
  /**
   * Also sends the notification with `result_code` FAIL that the documentation describes. Default false: no recording of
   * one is known; a failed payment leaves the order open and sends no notification.
   */
  readonly notify?: boolean
}

export const FAILURE: Properties = { err_code: text(32), err_code_des: text(128), notify: FLAG }

/** What the mini program's `fail` callback receives. */
export interface PaymentFailure extends Failure {
  readonly errMsg: 'requestPayment:fail'
}

/**
 * The user tries to pay and fails: the order stays NOTPAY. The result includes the id of the notification, if there is one.
 * @throws MockError ORDER_NOT_PAYABLE
 */
export function failPayment(
  account: Account,
  order: Order,
  { err_code: code = 'NOTENOUGH', err_code_des: text = '余额不足', notify = false }: FailOptions = {},
): { readonly failure: PaymentFailure; readonly notificationId: string | undefined } {
  checkPayable(account, order)
  if (notify && order.version === 'v3') {
    throw badInput('notify', 'v2', 'must not be set for an order of API v3: it has no notification of failed payments')
  }
  const failure = { errMsg: 'requestPayment:fail', err_code: code, err_code_des: text } as const
  return { failure, notificationId: notify ? account.tell({ kind: 'failed', order, failure }) : undefined }
}

/**
 * The order expires now; a closed one stays closed.
 * @throws MockError ORDER_PAID
 */
export function expireOrder({ now }: Pick<Account, 'now'>, order: Order): void {
  if (order.payment) {
    throw new MockError('ORDER_PAID', `order ${order.outTradeNo} cannot expire: it is ${stateOf(order)}`)
  }
  if (order.tradeState === 'NOTPAY') {
    Object.assign(order, { tradeState: 'CLOSED', forcedState: undefined, expiresAt: now() })
  }
}
