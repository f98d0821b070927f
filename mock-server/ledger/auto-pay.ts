import type { Clock } from '../clock/clock.ts'
import type { WorldCore } from '../wechat/core.ts'
import type { Order } from './orders.ts'

/** At one moment refunds end first, then orders are paid, then notifications are sent. */
const FIRST_SEQUENCE = -(2 ** 40)

/** Payers who need no hand: each order is paid so many milliseconds of world time after it was made. */
export interface AutoPay {
  /** An order has been made. */
  readonly order: (side: WorldCore, order: Order) => void
  /** Plans again, after orders or timers have been replaced, what is to happen by itself. */
  readonly resume: (sides: readonly WorldCore[]) => void
}

/** Without a delay nothing is paid by itself. */
export function createAutoPay(
  clock: Pick<Clock, 'now' | 'at'>,
  delayMs: number | undefined,
  pay: (side: WorldCore, order: Order) => Promise<unknown>,
): AutoPay {
  const cancels = new Map<Order, () => void>()
  let sequence = FIRST_SEQUENCE

  function plan(side: WorldCore, order: Order, due: Date): void {
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
          // Somebody else may have paid or closed it meanwhile.
          await pay(side, order).catch(() => {})
        },
      }),
    )
  }

  return {
    order: (side, order) => {
      if (delayMs !== undefined) plan(side, order, new Date(clock.now().getTime() + delayMs))
    },
    resume: (sides) => {
      for (const cancel of cancels.values()) cancel()
      cancels.clear()
      for (const side of sides) {
        for (const order of side.orders.list()) if (order.autoPayAt) plan(side, order, order.autoPayAt)
      }
    },
  }
}
