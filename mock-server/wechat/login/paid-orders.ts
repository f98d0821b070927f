import type { Account } from '../../ledger/account.ts'
import type { Order, Payment } from '../../ledger/orders.ts'
import type { Registry } from '../core.ts'
import type { LoginRequest } from './call.ts'

export interface PaidOrder {
  readonly account: Account
  readonly order: Order
  readonly payment: Payment
}

/** A paid order of the token's world, by its transaction, or by the merchant's number if `transactionId` is ''. */
export function findPaid(
  registry: Registry,
  { get }: LoginRequest,
  by: { transactionId: string; mchId: string; outTradeNo: string },
): PaidOrder | undefined {
  for (const account of registry.byAccessToken(get('access_token'))!.world.accounts) {
    if (by.transactionId === '' && account.mchId !== by.mchId) continue
    const { orders } = account
    const order = by.transactionId === '' ? orders.find(by.outTradeNo) : orders.findTransaction(by.transactionId)
    if (order?.payment) return { account, order, payment: order.payment }
  }
  return undefined
}
