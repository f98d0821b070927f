import assert from 'node:assert/strict'
import type { Account, Anomaly, HistoryEntry, HistoryLine, Order, Payment, Refund, Owner } from '../model.ts'
import type { Change, Claim, Decide, Store } from '../store/store.ts'

/** What databases, drivers and query builders get wrong with their defaults. */
export const TEXTS = [
  '红茶 250g，两盒——“特价”',
  '😀👩‍👩‍👧‍👦🇨🇳',
  'it\'s 100% \\ "quoted" `ticked` $1 ? :name @p1 {} -- /* */ ; \\n',
  ' spaces around ',
  '',
  'null',
  '0',
]

/** The owner of the orders. */
export const ACCOUNT: Account = { appid: 'wx0000000000000001', mchId: '1900000001' }
/** Another merchant on the same store. */
export const OTHER = '1900000002'
export const OWNER: Owner = { appids: [ACCOUNT.appid], mchId: ACCOUNT.mchId }

const START = Date.parse('2026-02-28T15:59:59.999Z')

export function at(ms: number): Date {
  return new Date(START + ms)
}

/** Counts orders, so that each has a unique number. */
let made = 0

export function newOrder(part: Partial<Order> = {}): Order {
  const outTradeNo = `contract-${++made}`
  return {
    outTradeNo,
    key: outTradeNo,
    liveKey: part.key ?? outTradeNo,
    ...ACCOUNT,
    openid: 'o-contract',
    description: 'Tea',
    totalFee: 1250,
    apiVersion: 'v2',
    tradeType: 'JSAPI',
    currency: 'CNY',
    clientIp: '203.0.113.7',
    state: 'created',
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

/** An order with every field in use. */
export function full(order: Order, text: string): Order {
  return {
    ...order,
    apiVersion: 'v3',
    subMchId: '1900000201',
    spAppid: 'wx0000000000000009',
    tradeType: 'H5',
    description: text,
    attach: text,
    extras: { goodsTag: text, detail: { goodsDetail: [{ merchantGoodsId: text, quantity: 1, unitPrice: 2 }] } },
    payUrl: `https://wx.tenpay.com/${text}`,
    totalFee: Number.MAX_SAFE_INTEGER,
    clientIp: '2001:db8:ffff:ffff:ffff:ffff:255.255.255.255',
    expiresAt: new Date('2040-01-01T00:00:00.001Z'),
    state: 'paid',
    prepayId: 'wx282359599990000000000000000000'.padEnd(64, 'x'),
    prepayExpiresAt: at(1),
    queriedAt: at(2),
    payment: { ...newPayment(order), totalFee: Number.MAX_SAFE_INTEGER, attach: text, bankType: 'ICBC_DEBIT' },
    refunds: [fullRefund(order, text), bareRefund(order)],
    fulfilment: 'held',
    shipping: {
      shipments: [{ logisticsType: 'express', parcels: [{ itemDesc: text, trackingNo: '1', expressCompany: 'SF' }] }],
      sent: 0,
      attempts: 1,
      dueAt: at(6),
    },
    attempts: 2,
    dueAt: at(-1),
  }
}

export function fullRefund({ outTradeNo }: Order, text: string): Refund {
  return {
    ...bareRefund({ outTradeNo }),
    outRefundNo: `${outTradeNo}-2`,
    key: `key ${text}`,
    refundFee: Number.MAX_SAFE_INTEGER - 1,
    reason: text,
    refundAccount: 'AVAILABLE',
    origin: 'external',
    state: 'success',
    refundId: `5030${outTradeNo}`,
    succeededAt: at(4),
    attempts: 3,
    dueAt: at(5),
    fulfilment: 'done',
  }
}

export function bareRefund({ outTradeNo }: Pick<Order, 'outTradeNo'>): Refund {
  return {
    outRefundNo: `${outTradeNo}-1`,
    key: 'refund',
    refundFee: 1,
    origin: 'local',
    state: 'created',
    createdAt: at(0),
    attempts: 0,
    dueAt: null,
    fulfilment: 'none',
  }
}

export function newPayment({ outTradeNo, appid, mchId, openid, totalFee, currency }: Order): Payment {
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

export function newAnomaly(part: Partial<Anomaly>): Anomaly {
  return {
    id: 'mismatch:0',
    kind: 'mismatch',
    outTradeNo: 'contract-0',
    at: at(0),
    reason: 'totalFee is 1, the order is over 1250',
    ...part,
  }
}

export function line({ outTradeNo, state }: Order, seen: string, when = at(0)): HistoryLine {
  return { outTradeNo, at: when, source: 'notify', seen, outcome: seen, from: 'created', to: state }
}

/** A stored line that was written once. */
export function once(said: HistoryLine): HistoryEntry {
  return { ...said, count: 1, lastAt: said.at }
}

export function change(order: Order, seen = 'changed'): Change {
  return { order, history: [line(order, seen)], anomalies: [] }
}

export function increment(current: Order): Change {
  const attempts = current.attempts + 1
  return change({ ...current, attempts }, `attempt ${attempts}`)
}

export const done: Decide = (current) => change({ ...current, fulfilment: 'done', dueAt: null }, 'done')

/** Leaves the row unchanged, and fails if it is not this one. */
export function isGiven(order: Order): Decide {
  return (current) => {
    same(current, order)
    return undefined
  }
}

export async function add(store: Store, part?: Partial<Order>): Promise<Order> {
  const order = newOrder(part)
  same(await store.insertOrder(change(order, 'added')), { inserted: true })
  return order
}

/** A paid order that has just been claimed. */
export async function claimed(store: Store): Promise<Claim> {
  await add(store, { state: 'paid', fulfilment: 'due', dueAt: at(0) })
  const [claim] = await store.claimDue(OWNER, at(0), 1, 60_000)
  assert.ok(claim, 'a row that is due can be claimed')
  return claim
}

export async function isRefused(store: Store, order: Order, existing: Order): Promise<void> {
  same(await store.insertOrder({ ...change(order), anomalies: [newAnomaly({ id: 'never' })] }), {
    inserted: false,
    existing,
  })
  same(await store.findOrder(existing.outTradeNo), existing)
  assert.equal((await store.history(existing.outTradeNo)).length, 1)
  assert.deepEqual(await store.anomalies(100), [])
}

export async function oneWins(store: Store, orders: Order[]): Promise<void> {
  const results = await Promise.all(orders.map((order) => store.insertOrder(change(order))))
  const winners = orders.filter((_, n) => results[n]!.inserted)
  assert.equal(winners.length, 1, `${winners.length} of ${orders.length} inserts won`)
  for (const result of results) if (!result.inserted) same(result.existing, winners[0])
  same(await store.findLiveOrder(winners[0]!.key, OWNER.mchId), winners[0])
  assert.equal((await store.history(winners[0]!.outTradeNo)).length, 1)
}

/** Deep equality in which an absent field and one that is `undefined` are the same. */
export function same(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(defined(actual), defined(expected), message)
}

function defined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(defined)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [name, defined(part)]),
  )
}

export function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n))
}
