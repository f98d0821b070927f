import type { PayApi } from '../../src/client/pay.ts'
import { createOrders } from '../../src/engine/orders.ts'
import { createRefunds } from '../../src/engine/refunds.ts'
import { createWork } from '../../src/engine/work.ts'
import type { Order } from '../../src/model.ts'
import type { Store } from '../../src/store/store.ts'

const APPID = 'wx2421b1c4370ec43b'
const MCH_ID = '1900000109'
const OPENID = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'
const ATTACH = '茶叶 2 盒，门店自提'

const SECOND = 1000
const MINUTE = 60 * SECOND
/** As the plugin has it by default. */
const ORDER_TTL_MS = 2 * 60 * MINUTE
const AT_ONCE = 8

/** What is done at these moments after ordering, ms. */
const SWEEPS = [5 * SECOND, 30 * SECOND, MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, ORDER_TTL_MS]
const PAID_AFTER = 20 * SECOND

export interface Shop {
  /** Orders that are paid 20 s after they were made, and delivered at once. */
  paid(count: number): Promise<void>
  /** Orders that nobody pays: asked about seven times and closed when their time is over. */
  abandoned(count: number): Promise<void>
}

/** The engine on a store, in time of its own, with a WeChat that gives the answers that such orders get. Its numbers begin at `from`. */
export function createShop(store: Store, from = 0): Shop {
  let time = Date.parse('2026-01-15T01:30:00Z')
  let made = from
  let delivered = 0
  const now = () => new Date(time)
  const failed: unknown[] = []
  const log = {
    info() {},
    debug() {},
    warn: (what: unknown) => failed.push(what),
    error: (what: unknown) => failed.push(what),
  }
  // As long as those of the plugin.
  const number = (n: number) => `20260115093000Tq7Zk2${String(n).padStart(8, '0')}`

  const pay: PayApi = {
    version: 'v2',
    canRefund: false,
    prepay: async () => 'wx15093000257392f61a80c7ab2f1d0000',
    payParams: () => ({ timeStamp: '', nonceStr: '', package: '', signType: '', paySign: '' }),
    appParams: never,
    query: async () => ({ tradeState: 'NOTPAY' }),
    close: async () => 'closed',
    refund: never,
    queryRefund: never,
    tradeBill: never,
    fundFlowBill: never,
    readNotification: never,
    reply: never,
  }
  const observer = {
    anomaly: never,
    due: (outTradeNo: string) => work.start(outTradeNo),
    reserve: () => work.reserve(),
  }
  const orders = createOrders({
    appids: [APPID],
    mchId: MCH_ID,
    pay,
    store,
    policy: { latePayment: 'hold' },
    observer,
    now,
    newOutTradeNo: () => number(made++),
  })
  const work = createWork({
    store,
    orders,
    refunds: createRefunds({ pay, orders }),
    policy: { latePayment: 'hold' },
    hooks: {
      onPaid() {
        delivered += 1
      },
    },
    now,
    log,
    leaseMs: MINUTE,
    // As long as that of the plugin.
    claimer: 'Wq3fT9xLm2Za',
    // More places than are needed at once: no payment needs a claim of its own.
    concurrency: 4 * AT_ONCE,
  })

  async function order(count: number): Promise<Order[]> {
    const from = made
    return await inTurns(count, async (n) => {
      const { order } = await orders.create({
        key: `cart-${from + n}`,
        openid: OPENID,
        description: 'Tea',
        totalFee: 100 + (n % 9900),
        attach: ATTACH,
        clientIp: '203.0.113.7',
        expiresAt: new Date(time + ORDER_TTL_MS),
      })
      return order
    })
  }

  async function sweepAt(moment: number): Promise<void> {
    time = moment
    await work.sweep()
    await work.idle(MINUTE)
  }

  /** Every one must have come to its end: nobody is counted doing something else. */
  async function check(all: Order[], state: Order['state'], fulfilment: Order['fulfilment']): Promise<void> {
    if (failed.length > 0) throw new Error('The engine has met with a failure', { cause: failed[0] })
    await inTurns(all.length, async (n) => {
      const order = await store.findOrder(all[n]!.outTradeNo)
      if (order?.state !== state || order.fulfilment !== fulfilment || order.dueAt !== null) {
        throw new Error(
          `${all[n]!.outTradeNo} is ${order?.state} and ${order?.fulfilment}, due at ${String(order?.dueAt)}`,
        )
      }
    })
  }

  return {
    async paid(count) {
      const [began, before] = [time, delivered]
      const all = await order(count)
      await sweepAt(began + 5 * SECOND)
      time = began + PAID_AFTER
      const pay = async (n: number) => {
        const { outTradeNo, totalFee } = all[n]!
        await orders.observePayment('notify', {
          transactionId: `420000054020260115${outTradeNo.slice(-10)}`,
          outTradeNo,
          appid: APPID,
          mchId: MCH_ID,
          openid: OPENID,
          totalFee,
          currency: 'CNY',
          paidAt: now(),
          bankType: 'CMB_CREDIT',
          attach: ATTACH,
        })
      }
      for (let n = 0; n < count; n += AT_ONCE) {
        await inTurns(Math.min(AT_ONCE, count - n), (m) => pay(n + m))
        await work.idle(MINUTE)
      }
      await sweepAt(time)
      await check(all, 'paid', 'done')
      if (delivered !== before + count) throw new Error(`${delivered - before} of ${count} orders were delivered`)
      time = began + ORDER_TTL_MS
    },
    async abandoned(count) {
      const began = time
      const all = await order(count)
      for (const after of SWEEPS) await sweepAt(began + after)
      await check(all, 'closed', 'none')
    },
  }
}

function never(): never {
  throw new Error('Nothing of this happens here')
}

async function inTurns<T>(count: number, task: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) {
        const n = next++
        results[n] = await task(n)
      }
    }),
  )
  return results
}
