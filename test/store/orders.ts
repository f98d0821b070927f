import type { Account, HistoryLine, Order, Payment, Owner } from '../../src/model.ts'
import { ANOMALY, ORDER } from '../../src/store/sql/fields.ts'
import type { Fields } from '../../src/store/sql/fields.ts'
import type { Change, Claim, Store } from '../../src/store/store.ts'

const NEWER: readonly string[] = [
  ...['apiVersion', 'claimedBy', 'tradeType', 'extras', 'payUrl', 'refundAccounts', 'subMchId', 'spAppid', 'shipping'],
]

/** The columns of orders in versions 1 and 2. */
export const ORDER_1 = {
  ...Object.fromEntries(Object.entries(ORDER).filter(([name]) => !NEWER.includes(name))),
  payment: ANOMALY.payment,
} as Fields<Order>

/** The time used in these tests. */
export function at(ms: number): Date {
  return new Date(Date.parse('2026-02-28T15:59:59.999Z') + ms)
}

/** The owner of the orders. */
export const ACCOUNT: Account = { appid: 'wx0000000000000001', mchId: '1900000001' }
export const OWNER: Owner = { appids: [ACCOUNT.appid], mchId: ACCOUNT.mchId }

export function newOrder(outTradeNo: string, part: Partial<Order> = {}): Order {
  return {
    outTradeNo,
    key: outTradeNo,
    liveKey: outTradeNo,
    ...ACCOUNT,
    openid: 'o-1',
    description: '红茶',
    totalFee: 1250,
    apiVersion: 'v2',
    tradeType: 'JSAPI',
    currency: 'CNY',
    clientIp: '203.0.113.7',
    state: 'prepaid',
    createdAt: at(0),
    expiresAt: at(7_200_000),
    refunds: [],
    fulfilment: 'none',
    attempts: 0,
    dueAt: null,
    claims: 0,
    ...part,
  }
}

/** Its payment. */
export function paymentOf({ outTradeNo, appid, mchId, openid, totalFee, currency }: Order): Payment {
  return {
    transactionId: `4200${outTradeNo}`,
    outTradeNo,
    appid,
    mchId,
    openid: openid!,
    totalFee,
    currency,
    paidAt: at(0),
  }
}

/** The order with one line of history. */
export function change(order: Order): Change {
  const line: HistoryLine = {
    outTradeNo: order.outTradeNo,
    at: at(0),
    source: 'notify',
    seen: 'seen',
    outcome: 'outcome',
    from: 'prepaid',
    to: order.state,
  }
  return { order, history: [line], anomalies: [] }
}

/** A new order whose fulfilment is due, and the claim to do it. */
export async function claimed(store: Store, outTradeNo: string): Promise<Claim> {
  await store.insertOrder(change(newOrder(outTradeNo, { fulfilment: 'due', dueAt: at(0) })))
  const [claim] = await store.claimDue(OWNER, at(0), 1, 60_000, { outTradeNo })
  return claim!
}
