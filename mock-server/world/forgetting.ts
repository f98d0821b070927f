import type { WorldCore } from '../wechat/core.ts'
import type { Notification } from '../notify/notification.ts'
import type { Order } from '../ledger/orders.ts'

/** The minimum number of orders remembered, newest first. */
export interface Memory {
  /** Of finished ones: closed, or paid, notified and without a pending refund. */
  readonly over: number
  readonly unpaid: number
}

/** Still to be sent. A crafted notification that was sent once stays `held` if refused, but counts as finished. */
const isDue = ({ state, kind, attempts }: Notification) =>
  state === 'pending' || (state === 'held' && (kind !== 'crafted' || attempts.length === 0))

/** The orders with something still to happen automatically: a send, or the end of a refund. */
function busyOrders({ notifier, accounts }: WorldCore): Set<string> {
  return new Set([
    ...notifier
      .list()
      .filter(isDue)
      .map(({ outTradeNo }) => outTradeNo),
    ...accounts
      .flatMap(({ refunds }) => refunds.list())
      .filter(({ status }) => status === 'PROCESSING')
      .map(({ outTradeNo }) => outTradeNo),
  ])
}

/** Keeps a long-lived world from growing without limit. Call the returned function whenever something has happened. */
export function createForgetting(world: WorldCore, { over, unpaid }: Memory): () => void {
  // Works in blocks, so that the cost per order is constant: the next block is due at twice the number that remains.
  let next = 2 * over
  return () => {
    const { accounts } = world
    const count = () => accounts.reduce((sum, { orders }) => sum + orders.count(), 0)
    if (count() < next) return
    const busy = busyOrders(world)
    for (const { orders, refunds } of accounts) {
      const idle = orders.list().filter(({ outTradeNo }) => !busy.has(outTradeNo))
      const isUnpaid = ({ tradeState }: Order) => tradeState === 'NOTPAY'
      const old = [
        ...idle.filter((order) => !isUnpaid(order)).slice(0, -over),
        ...idle.filter(isUnpaid).slice(0, -unpaid),
      ]
      const numbers = new Set(old.map(({ outTradeNo }) => outTradeNo))
      for (const book of [orders, refunds]) book.forget((outTradeNo) => numbers.has(outTradeNo))
    }
    // '' stands for exchanges that are about no order.
    const isGone = (outTradeNo: string, of?: string) =>
      outTradeNo !== '' && !accounts.some(({ mchId, orders }) => (of ?? mchId) === mchId && orders.find(outTradeNo))
    for (const book of [world.notifier, world.faults]) book.forget(isGone)
    next = 2 * Math.max(over, count())
  }
}
