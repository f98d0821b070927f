import type { Order } from '../../src/model.ts'
import type { Change, Claim, Store } from '../../src/store/store.ts'
import { ACCOUNT, at, line, newOrder as contractOrder, newPayment as paymentOf } from '../../src/testing/rows.ts'

export { ACCOUNT, at, paymentOf }

export function newOrder(outTradeNo: string, part: Partial<Order> = {}): Order {
  return contractOrder({ outTradeNo, key: outTradeNo, state: 'prepaid', ...part })
}

/** The order with one line of history: a prepaid order has become it. */
export function change(order: Order): Change {
  return { order, history: [{ ...line(order, 'seen'), from: 'prepaid' }], anomalies: [] }
}

/** A new order whose fulfilment is due, and the claim to do it. */
export async function claimed(store: Store, outTradeNo: string): Promise<Claim> {
  await store.insertOrder(change(newOrder(outTradeNo, { fulfilment: 'due', dueAt: at(0) })))
  const [claim] = await store.claimDue(ACCOUNT, at(0), 1, 60_000, outTradeNo)
  return claim!
}
