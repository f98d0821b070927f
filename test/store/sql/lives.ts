import { createForget } from '../../../src/engine/users/forget.ts'
import type { Forget } from '../../../src/engine/users/forget.ts'
import type { Order } from '../../../src/model.ts'
import type { Change, Decide, Store } from '../../../src/store/store.ts'
import { ACCOUNT, at, change, paymentOf } from '../orders.ts'

/** After everything that happens to these orders. */
export const LATER = at(9000)

/** The order is paid, and its key stays live. */
export const settle: Decide = (order) =>
  once(order, { ...order, state: 'paid', fulfilment: 'due', dueAt: at(1), payment: paymentOf(order) }, 'settled')

/** Delivered: nothing is left to do. */
export const deliver: Decide = (order) =>
  once(order, { ...order, fulfilment: 'done', dueAt: null, attempts: 1 }, 'delivered')

export const forgetIn = (store: Store): Forget => createForget({ store, mchId: ACCOUNT.mchId, now: () => at(2) })

/** Each order has a payer of its own. */
export const payerOf = (outTradeNo: string): string => `o-${outTradeNo}`

function once(before: Order, after: Order, seen: string): Change | undefined {
  if (seen === 'settled' ? before.payment !== undefined : before.fulfilment !== 'due') return undefined
  const { order, history, anomalies } = change(after)
  return { order, history: history.map((line) => ({ ...line, seen })), anomalies }
}
