import type { WorldCore } from '../wechat/core.ts'
import { MockError } from '../base/errors.ts'
import type { Entry } from '../notify/notification.ts'
import { PREPAY_LIFE_MS, type Order } from './orders.ts'
import { failNotifyBody } from '../wechat/pay-v2/notifications.ts'

/** @throws MockError ORDER_NOT_PAYABLE */
export function checkPayable({ clock }: WorldCore, { outTradeNo, tradeState, prepayIssuedAt }: Order): void {
  const refuse = (why: string) => new MockError('ORDER_NOT_PAYABLE', `order ${outTradeNo} cannot be paid: ${why}`)
  if (tradeState !== 'NOTPAY') throw refuse(`it is ${tradeState}`)
  if (clock.now().getTime() - prepayIssuedAt.getTime() >= PREPAY_LIFE_MS) {
    throw refuse('its prepay_id is older than 2 h; the merchant must call unifiedorder again')
  }
}

export interface FailOptions {
  /** Default NOTENOUGH. */
  readonly err_code?: string
  /** Default 余额不足. */
  readonly err_code_des?: string
  /**
   * Also sends the notification with `result_code` FAIL that the documents describe. Default false: nobody has seen one; a
   * payment that failed leaves the order open and tells nobody.
   */
  readonly notify?: boolean
}

/** What the mini program's `fail` gets. */
export interface PaymentFailure {
  readonly errMsg: 'requestPayment:fail'
  readonly err_code: string
  readonly err_code_des: string
}

/** The payer tries and fails: the order stays NOTPAY. Gives the notification, not yet sent, if there is to be one. */
export function failPayment(
  world: WorldCore,
  order: Order,
  { err_code: code = 'NOTENOUGH', err_code_des: told = '余额不足', notify = false }: FailOptions = {},
): PaymentFailure & { entry: Entry | undefined } {
  checkPayable(world, order)
  const failure = { errMsg: 'requestPayment:fail', err_code: code, err_code_des: told } as const
  const entry = notify
    ? world.notifier.create(
        order.outTradeNo,
        order.notifyUrl,
        failNotifyBody(order, failure, world.credentials, world.notifyStyle),
        { kind: 'fail', mchId: world.credentials.mchId },
      )
    : undefined
  return { ...failure, entry }
}

/**
 * The order's time is over now; one that is closed already stays so.
 * @throws MockError ORDER_PAID
 */
export function expireOrder({ clock }: WorldCore, order: Order): void {
  if (order.payment) {
    throw new MockError('ORDER_PAID', `order ${order.outTradeNo} cannot expire: it is ${order.tradeState}`)
  }
  if (order.tradeState === 'NOTPAY') Object.assign(order, { tradeState: 'CLOSED', expiresAt: clock.now() })
}
