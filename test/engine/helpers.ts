import type { Order, Payment } from '../../src/model.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

export const T0 = new Date('2026-03-01T04:00:00.000Z')

/** A moment counted from `T0`. */
export function at (ms: number): Date {
  return new Date(T0.getTime() + ms)
}

/** An order made at `T0`. */
export function newOrder (part: Partial<Order> = {}): Order {
  return {
    outTradeNo: '20260301120000tea00000000000001',
    key: 'cart-1',
    liveKey: 'cart-1',
    appid: 'wx0123456789abcdef',
    mchId: '1900000109',
    openid: 'oTea_payer',
    description: '红茶 250g',
    totalFee: 1250,
    currency: 'CNY',
    clientIp: '203.0.113.7',
    state: 'created',
    createdAt: T0,
    expiresAt: at(2 * HOUR),
    fulfilment: 'none',
    attempts: 0,
    dueAt: null,
    claims: 0,
    ...part
  }
}

/** What WeChat reports when the order's payer has paid it. */
export function paymentOf (order: Order, part: Partial<Payment> = {}): Payment {
  const { outTradeNo, appid, mchId, openid, totalFee, currency } = order
  return { transactionId: '4200000001', outTradeNo, appid, mchId, openid, totalFee, currency, paidAt: T0, ...part }
}
