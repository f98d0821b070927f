import { setImmediate as tick } from 'node:timers/promises'
import tap from 'tap'
import type { Test } from 'tap'
import type { PartnerConfig } from '../../src/client/partner.ts'
import type { PayApi, TradeReport } from '../../src/client/pay.ts'
import type { LatePayment } from '../../src/engine/machine/ruling.ts'
import { createOrders } from '../../src/engine/orders.ts'
import type { Orders } from '../../src/engine/orders.ts'
import { createRefunds } from '../../src/engine/refunds.ts'
import type { Refunds } from '../../src/engine/refunds.ts'
import { createWork } from '../../src/engine/work.ts'
import type { Work } from '../../src/engine/work.ts'
import { WechatError } from '../../src/errors.ts'
import type { Hooks } from '../../src/hooks.ts'
import type { Anomaly, Order, OrderTerms, Payment, RefundReport } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

export const T0 = new Date('2026-03-01T04:00:00.000Z')

/** `T0` plus that many milliseconds. */
export function at(ms: number): Date {
  return new Date(T0.getTime() + ms)
}

/** An order created at `T0`. */
export function newOrder(part: Partial<Order> = {}): Order {
  return {
    outTradeNo: '20260301120000tea00000000000001',
    key: 'cart-1',
    liveKey: 'cart-1',
    appid: 'wx0123456789abcdef',
    mchId: '1900000109',
    openid: 'oTea_payer',
    description: '红茶 250g',
    totalFee: 1250,
    apiVersion: 'v2',
    tradeType: 'JSAPI',
    currency: 'CNY',
    clientIp: '203.0.113.7',
    state: 'created',
    createdAt: T0,
    expiresAt: at(2 * HOUR),
    refunds: [],
    fulfilment: 'none',
    attempts: 0,
    dueAt: null,
    claims: 0,
    ...part,
  }
}

/** What WeChat reports once the order's payer has paid. */
export function paymentOf(order: Order, part: Partial<Payment> = {}): Payment {
  const { outTradeNo, appid, mchId, openid, totalFee, currency } = order
  return {
    transactionId: '4200000001',
    outTradeNo,
    appid,
    mchId,
    openid: openid!,
    totalFee,
    currency,
    paidAt: T0,
    ...part,
  }
}

/**
 * The fake's answer to one call: a value, an error to throw, or a function that does something and then returns the
 * value.
 */
type Answer<T> = T | Error | (() => Promise<T>)

/** One call that WeChat has to receive, and its answer. */
export type Call =
  | ['prepay', Answer<string>]
  | ['query', Answer<TradeReport>]
  | ['close', Answer<'closed' | 'paid' | 'not-exist'>]
  | ['refund', Answer<string>]
  | ['queryRefund', Answer<RefundReport | undefined>]

export interface FakePay extends PayApi {
  /** The calls expected from now on, in this order. */
  expect(...calls: Call[]): void
  /** The calls so far, e.g. `query order-1`. */
  asked: string[]
  /** The orders as WeChat was sent them. */
  told: Order[]
  /** Unexpected calls, and expected calls that did not come. */
  faults(): string[]
}

/** A scripted WeChat: any call that is not in the script fails the test. */
export function fakePay(): FakePay {
  const script: Call[] = []
  const unexpected: string[] = []
  const asked: string[] = []
  const told: Order[] = []

  async function take(method: Call[0], outTradeNo: string): Promise<unknown> {
    asked.push(`${method} ${outTradeNo}`)
    const [expected, answer] = script.shift() ?? []
    if (expected !== method) {
      unexpected.push(`${method} ${outTradeNo} came instead of ${expected ?? 'nothing'}`)
      throw new Error(unexpected.at(-1))
    }
    if (answer instanceof Error) throw answer
    return typeof answer === 'function' ? await answer() : answer
  }

  return {
    asked,
    told,
    version: 'v2',
    canRefund: true,
    expect(...calls) {
      script.push(...calls)
    },
    faults: () => [...unexpected, ...script.map(([method]) => `${method} did not come`)],
    prepay: async (order) => {
      told.push(order)
      return (await take('prepay', order.outTradeNo)) as string
    },
    query: async (outTradeNo) => (await take('query', outTradeNo)) as TradeReport,
    close: async (outTradeNo) => (await take('close', outTradeNo)) as 'closed' | 'paid' | 'not-exist',
    refund: async (order, { outRefundNo }) => (await take('refund', outRefundNo)) as string,
    queryRefund: async (outRefundNo) => (await take('queryRefund', outRefundNo)) as RefundReport | undefined,
    payParams: (prepayId, now) => ({
      timeStamp: String(now.getTime() / 1000),
      nonceStr: 'nonce',
      package: `prepay_id=${prepayId}`,
      signType: 'MD5',
      paySign: 'sign',
    }),
    appParams: (prepayId, now) => ({
      appid: 'wx0123456789abcdef',
      partnerid: '1900000109',
      prepayid: prepayId,
      package: 'Sign=WXPay',
      noncestr: 'nonce',
      timestamp: String(now.getTime() / 1000),
      sign: 'sign',
    }),
    async *tradeBill() {
      throw new Error('No bill is expected.')
    },
    async *fundFlowBill() {
      throw new Error('The engine reads no fund flow.')
    },
    readNotification() {
      throw new Error('The engine reads no notifications.')
    },
    reply() {
      throw new Error('The engine writes no replies.')
    },
  }
}

/** Refusals and failures as the client reports them. */
export const errors = {
  timeout: () => new WechatError('WECHAT_TIMEOUT', 'WeChat did not answer in time.', { advice: 'repeat', sent: true }),
  neverSent: () => new WechatError('WECHAT_NETWORK', 'WeChat cannot be reached.', { advice: 'repeat', sent: false }),
  refused: () =>
    new WechatError('WECHAT_ACCOUNT_REFUSED', 'WeChat Pay refused: NOAUTH.', { wechatCode: 'NOAUTH', advice: 'stop' }),
  repeated: (wechatCode: string) =>
    new WechatError('WECHAT_ORDER_CONFLICT', `WeChat Pay refused: ${wechatCode}.`, { wechatCode, advice: 'query' }),
}

export interface Rig {
  pay: FakePay
  store: Store
  orders: Orders
  refunds: Refunds
  work: Work
  /** The anomalies passed to `onAnomaly`. */
  anomalies: Anomaly[]
  /** The orders whose work has been started. */
  started: string[]
  /** The messages of the log. */
  logged: string[]
  advance(ms: number): void
  now(): Date
}

export interface RigOptions {
  latePayment?: LatePayment
  onPaid?: Hooks['onPaid']
  onRefunded?: Hooks['onRefunded']
  leaseMs?: number
  concurrency?: number
  /** Of a service provider. */
  partner?: PartnerConfig
  /** Start `onPaid` as soon as it is due. By default only a sweep starts it. */
  startWork?: boolean
  /** A store to use instead of an empty memory store. */
  store?: Store
}

/**
 * A store whose answers take several turns of the event loop, writes more than reads, as with a database: a missing
 * await shows.
 */
export function unhurried(store: Store): Store {
  const verbs = Object.entries(store).map(([name, verb]) => [
    name,
    async (...args: unknown[]) => {
      for (let turns = name.startsWith('find') ? 1 : 3; turns > 0; turns--) await tick()
      return await (verb as (...args: unknown[]) => Promise<unknown>)(...args)
    },
  ])
  return Object.fromEntries(verbs) as Store
}

/** An engine with a scripted WeChat, a memory store and a clock that stands still. */
export function rig({
  latePayment = 'hold',
  onPaid = () => {},
  onRefunded = () => {},
  leaseMs = MINUTE,
  concurrency = 5,
  startWork = false,
  partner,
  store = unhurried(memoryStore() as Store),
}: RigOptions = {}): Rig {
  let now = T0
  let numbers = 0
  const pay = fakePay()
  const anomalies: Anomaly[] = []
  const started: string[] = []
  const logged: string[] = []
  const policy = { latePayment }
  const observer = {
    anomaly(anomaly: Anomaly) {
      anomalies.push(anomaly)
    },
    due(outTradeNo: string) {
      started.push(outTradeNo)
      if (startWork) work.start(outTradeNo)
    },
    reserve: () => (startWork ? work.reserve() : undefined),
  }
  const log = (_details: unknown, message = '') => {
    logged.push(message)
  }
  const { appid, mchId } = newOrder()
  const orders = createOrders({
    appids: [appid],
    mchId,
    partner,
    pay,
    store,
    policy,
    observer,
    now: () => now,
    newOutTradeNo: () => `order-${++numbers}`,
  })
  const refunds = createRefunds({ pay, orders })
  const work = createWork({
    store,
    orders,
    refunds,
    policy,
    hooks: { onPaid, onRefunded },
    now: () => now,
    log: { debug: log, info: log, warn: log, error: log },
    leaseMs,
    concurrency,
  })
  return {
    pay,
    store,
    orders,
    refunds,
    work,
    anomalies,
    started,
    logged,
    now: () => now,
    advance(ms) {
      now = new Date(now.getTime() + ms)
    },
  }
}

/** A test with its own engine; it fails if the calls to WeChat were not exactly those expected. */
export function scenario(name: string, run: (t: Test, rig: Rig) => Promise<void>, options?: RigOptions): void {
  tap.test(name, async (t) => {
    const made = rig(options)
    await run(t, made)
    t.same(made.pay.faults(), [], 'WeChat got the calls it expected')
  })
}

/** The terms of `newOrder`. */
export function termsOf(part: Partial<OrderTerms> = {}): OrderTerms {
  const { key, openid, description, totalFee, clientIp, expiresAt } = newOrder()
  return { key, openid, description, totalFee, clientIp, expiresAt, ...part }
}

/** Creates an order that WeChat accepts. */
export async function ordered({ orders, pay }: Rig, part?: Partial<OrderTerms>): Promise<Order> {
  pay.expect(['prepay', 'wx1'])
  return (await orders.create(termsOf(part))).order
}

/** Creates an order and closes it. */
export async function closed(rig: Rig, part?: Partial<OrderTerms>): Promise<Order> {
  const { outTradeNo } = await ordered(rig, part)
  rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'])
  return (await rig.orders.cancel(outTradeNo))!
}
