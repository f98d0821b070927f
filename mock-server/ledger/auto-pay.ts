import type { Clock } from '../clock/clock.ts'
import type { Account, AutoPay } from './account.ts'
import { payOrder } from './cashier.ts'
import type { Order } from './orders.ts'

/** At any one moment, refunds end first, then orders are paid, then notifications are sent. */
const FIRST_SEQUENCE = -(2 ** 40)

/** `delayMs`: world time between order and payment; undefined: nothing is paid automatically. */
export function createAutoPay(clock: Pick<Clock, 'now' | 'at'>, delayMs: number | undefined): AutoPay {
  const cancels = new Map<Order, () => void>()
  let sequence = FIRST_SEQUENCE

  function pay(account: Account, order: Order): string | undefined {
    try {
      return payOrder(account, order)
    } catch {
      // It was paid or closed meanwhile.
      return undefined
    }
  }

  function plan(account: Account, order: Order, due: Date): void {
    order.autoPayAt = due
    cancels.set(
      order,
      clock.at({
        due: due.getTime(),
        sequence: sequence++,
        what: `order ${order.outTradeNo} is paid`,
        run: async () => {
          cancels.delete(order)
          order.autoPayAt = undefined
          const notificationId = pay(account, order)
          if (notificationId !== undefined) await account.send(notificationId)
        },
      }),
    )
  }

  return {
    order: (account, order) => {
      if (delayMs !== undefined) plan(account, order, new Date(clock.now().getTime() + delayMs))
    },
    resume: (accounts) => {
      for (const cancel of cancels.values()) cancel()
      cancels.clear()
      for (const account of accounts) {
        for (const order of account.orders.list()) if (order.autoPayAt) plan(account, order, order.autoPayAt)
      }
    },
  }
}
