import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { PayApi } from '../../src/client/pay.ts'
import { createOrders } from '../../src/engine/orders.ts'
import { createRefunds } from '../../src/engine/refunds.ts'
import { createWork } from '../../src/engine/work.ts'
import { WechatError } from '../../src/errors.ts'
import type { FulfilContext, PaidOrder } from '../../src/hooks.ts'
import type { Payment, Refund, RefundReport } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { HOUR, MINUTE, newOrder, SECOND, T0, termsOf } from './helpers.ts'

// Two processes on one store, against a WeChat that loses requests and replies. Every call, to the store and to WeChat, is a point where anything else
// may happen first, or where the process may die. `FC_RUNS=1000000 node --import=ts-blank-space/register test/engine/system.property.test.ts` for a long run.

const runs = Number(process.env.FC_RUNS ?? 400)
// Of a long run, which takes some 5 ms each; tap would end it after 30 s.
t.setTimeout(30_000 + runs * 50)

type Command =
  | { do: 'order' | 'cancel' | 'sweep' | 'refund' | 'notify' | 'forge' | 'crash', process: 0 | 1 }
  | { do: 'pay' | 'settle-refunds' }
  | { do: 'wait', ms: number }
  | { do: 'steps', count: number }

const processes = fc.constantFrom<0 | 1>(0, 1)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('order' as const, 'cancel' as const, 'sweep' as const, 'refund' as const, 'notify' as const, 'forge' as const), process: processes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), process: processes }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pay' as const, 'settle-refunds' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(SECOND, 30 * SECOND, MINUTE, HOUR) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 12 }) }) }
)

/** What can befall a call: it arrives and is answered, it never arrives, or its answer is lost. */
const luck = fc.infiniteStream(fc.constantFrom<'well' | 'request lost' | 'reply lost'>('well', 'well', 'well', 'request lost', 'reply lost'))

interface Trade { state: 'NOTPAY' | 'SUCCESS' | 'CLOSED', payment?: Payment, refunds: Map<string, RefundReport> }

function refusal (wechatCode: string, advice: 'query' | 'stop'): WechatError {
  return new WechatError('WECHAT_REFUSED', wechatCode, { wechatCode, advice })
}

/** WeChat as the documents describe it: what it did stays done, whether or not anybody heard of it. */
function createWechat (now: () => Date) {
  const trades = new Map<string, Trade>()
  let numbers = 0

  const answers = {
    prepay ({ outTradeNo }: { outTradeNo: string }) {
      const trade = trades.get(outTradeNo)
      if (trade?.state === 'SUCCESS') throw refusal('ORDERPAID', 'query')
      if (trade?.state === 'CLOSED') throw refusal('ORDERCLOSED', 'query')
      if (trade === undefined) trades.set(outTradeNo, { state: 'NOTPAY', refunds: new Map() })
      return `wx${outTradeNo}`
    },
    query (outTradeNo: string) {
      const trade = trades.get(outTradeNo)
      if (trade === undefined) return { tradeState: 'NOT_EXIST' as const }
      return trade.state === 'SUCCESS' ? { tradeState: 'SUCCESS' as const, payment: trade.payment! } : { tradeState: trade.state }
    },
    close (outTradeNo: string) {
      const trade = trades.get(outTradeNo)
      if (trade?.state === 'SUCCESS') return 'paid' as const
      if (trade !== undefined) trade.state = 'CLOSED'
      return 'closed' as const
    },
    refund ({ outTradeNo }: { outTradeNo: string }, { outRefundNo, refundFee }: { outRefundNo: string, refundFee: number }) {
      const { refunds, payment } = trades.get(outTradeNo)!
      const known = refunds.get(outRefundNo)
      if (known !== undefined) return known.refundId
      const sum = [...refunds.values()].reduce((total, refund) => total + (refund.state === 'closed' ? 0 : refund.refundFee), 0)
      if (sum + refundFee > payment!.totalFee) throw refusal('INVALID_REQUEST', 'query')
      const refundId = `50${++numbers}`
      refunds.set(outRefundNo, { outRefundNo, outTradeNo, refundId, refundFee, state: 'processing' })
      return refundId
    },
    queryRefund (outRefundNo: string) {
      const refund = [...trades.values()].map(({ refunds }) => refunds.get(outRefundNo)).find((each) => each !== undefined)
      return refund && { ...refund }
    }
  }

  return {
    trades,
    answers,
    pay () {
      for (const [outTradeNo, trade] of trades) {
        if (trade.state !== 'NOTPAY') continue
        const { appid, mchId, openid, totalFee, currency } = newOrder()
        Object.assign(trade, { state: 'SUCCESS', payment: { transactionId: `42${++numbers}`, outTradeNo, appid, mchId, openid, totalFee, currency, paidAt: now() } })
      }
    },
    settleRefunds () {
      for (const { refunds } of trades.values()) {
        for (const refund of refunds.values()) if (refund.state === 'processing') Object.assign(refund, { state: 'success', succeededAt: now() })
      }
    },
    paid: () => [...trades.values()].flatMap(({ payment }) => payment ?? [])
  }
}

t.test('whatever is lost, repeated, overtaken or killed: every payment is recorded and fulfilled once', async (t) => {
  await fc.assert(fc.asyncProperty(fc.scheduler(), fc.array(command, { minLength: 5, maxLength: 60, size: 'max' }), luck, fc.constantFrom('hold' as const, 'fulfil' as const, 'refund' as const), async (scheduler, commands, lucks, latePayment) => {
    let now = T0
    let orders = 0
    let keys = 0
    let lossy = true
    const clock = () => now
    const wechat = createWechat(clock)
    const store = memoryStore() as Store
    /** Commits of onPaid's transaction, by order; of onRefunded's, by refund. */
    const fulfilled = new Map<string, number>()
    const policy = { latePayment }

    /** A process: everything it does goes through `point`, where others may go first, and where nothing comes back once it is dead. */
    function start () {
      const life = { alive: true }
      const point = async () => {
        await scheduler.schedule(Promise.resolve())
        if (!life.alive) await new Promise(() => {})
      }
      const through = (target: object) => Object.fromEntries(Object.entries(target).map(([name, method]: [string, (...args: unknown[]) => unknown]) => [name, async (...args: unknown[]) => {
        await point()
        const result = await method(...args)
        await point()
        return result
      }]))
      const shared = through(store) as unknown as Store
      shared.fulfil = async (claim, work, decide) => {
        await point()
        const tx = { wrote: '' }
        const outcome = await store.fulfil(claim, async () => { await work(tx); await point() }, decide)
        if (outcome === 'done') fulfilled.set(tx.wrote, (fulfilled.get(tx.wrote) ?? 0) + 1)
        await point()
        return outcome
      }
      const calls = Object.fromEntries(Object.entries(wechat.answers).map(([name, answer]) => [name, async (...args: unknown[]) => {
        await point()
        const fate = lossy ? lucks.next().value : 'well'
        const lost = new WechatError('WECHAT_TIMEOUT', fate, { advice: 'repeat' })
        if (fate === 'request lost') throw lost
        const reply = (answer as (...args: unknown[]) => unknown)(...args)
        await point()
        if (fate === 'reply lost') throw lost
        return reply
      }]))
      const pay = { ...calls, canRefund: true, payParams: () => ({}) } as unknown as PayApi
      const observer = { anomaly () {}, due (outTradeNo: string) { work.start(outTradeNo) } }
      const { appid, mchId } = newOrder()
      const made = createOrders({ appid, mchId, pay, store: shared, policy, observer, now: clock, newOutTradeNo: () => `order-${++orders}` })
      const refunds = createRefunds({ pay, orders: made })
      const log = { info () {}, warn () {}, error () {} }
      const hooks = {
        onPaid ({ outTradeNo }: PaidOrder, { tx }: FulfilContext<unknown>) { Object.assign(tx!, { wrote: outTradeNo }) },
        onRefunded (_order: PaidOrder, { outRefundNo }: Refund, { tx }: FulfilContext<unknown>) { Object.assign(tx!, { wrote: outRefundNo }) }
      }
      const work = createWork({ store: shared, orders: made, refunds, policy, hooks, now: clock, log, leaseMs: 2000, concurrency: 5 })
      return { life, orders: made, refunds, work }
    }

    const alive = [start(), start()]
    const begun: Promise<unknown>[] = []
    const begin = (task: Promise<unknown>) => { begun.push(task.catch((error: unknown) => { assert.ok(error instanceof WechatError, String(error)) })) }
    async function drain (): Promise<void> {
      do {
        await scheduler.waitAll()
        await new Promise((resolve) => { setImmediate(resolve) })
      } while (scheduler.count() > 0)
    }

    for (const command of commands) {
      switch (command.do) {
        case 'wait':
          now = new Date(now.getTime() + command.ms)
          break
        case 'steps':
          for (let n = 0; n < command.count && scheduler.count() > 0; n++) await scheduler.waitOne()
          break
        case 'pay':
          wechat.pay()
          break
        case 'settle-refunds':
          wechat.settleRefunds()
          break
        case 'crash':
          alive[command.process]!.life.alive = false
          alive[command.process] = start()
          break
        default: {
          const { orders, refunds, work } = alive[command.process]!
          const known = [...wechat.trades.keys()]
          if (command.do === 'order') begin(orders.create(termsOf({ expiresAt: new Date(now.getTime() + HOUR), totalFee: newOrder().totalFee })))
          else if (command.do === 'sweep') begin(work.sweep())
          else {
            for (const outTradeNo of known) {
              const payment = wechat.trades.get(outTradeNo)!.payment
              if (command.do === 'cancel') begin(orders.cancel(outTradeNo))
              if (command.do === 'refund') begin(refunds.create(outTradeNo, { key: `k${++keys}`, refundFee: 500 }))
              if (command.do === 'notify' && payment !== undefined) begin(orders.observePayment('notify', payment))
              if (command.do === 'forge' && payment !== undefined) begin(orders.observePayment('notify', { ...payment, transactionId: 'forged', totalFee: 1 }))
            }
          }
        }
      }
    }

    // Then the world calms down: nothing is lost any more, and time passes.
    lossy = false
    await drain()
    for (let round = 0; round < 60; round++) {
      wechat.settleRefunds()
      now = new Date(now.getTime() + 31 * MINUTE)
      begin(alive[round % 2]!.work.sweep())
      await drain()
    }

    for (const payment of wechat.paid()) {
      const order = await store.findOrder(payment.outTradeNo)
      assert.equal(order?.payment?.transactionId, payment.transactionId, 'what WeChat took is recorded')
      assert.equal(fulfilled.get(payment.outTradeNo) ?? 0, order.fulfilment === 'done' ? 1 : 0, 'and fulfilled once, or held')
      assert.ok(order.state === 'paid' ? order.fulfilment === 'done' : order.fulfilment === 'held' || order.fulfilment === 'dismissed')
      const lines = await store.history(payment.outTradeNo)
      assert.ok(lines.filter(({ from, to }) => from !== 'paid' && to === 'paid').length <= 1, 'it is settled once')
      const { refunds } = wechat.trades.get(payment.outTradeNo)!
      const back = [...refunds.values()].reduce((sum, { refundFee }) => sum + refundFee, 0)
      assert.ok(back <= payment.totalFee, 'no more is given back than was paid')
      for (const { outRefundNo } of refunds.values()) {
        const refund: Refund | undefined = order.refunds.find((each: Refund) => each.outRefundNo === outRefundNo)
        assert.deepEqual([refund?.state, refund?.fulfilment, fulfilled.get(outRefundNo)], ['success', 'done', 1], 'every refund at WeChat is known here, and told once')
      }
    }
    const live = new Set<string>()
    for (let n = 1; n <= orders; n++) {
      const order = await store.findOrder(`order-${n}`)
      if (order === undefined) continue // killed before its row was written: WeChat never heard of it
      assert.equal(order.dueAt, null, `order-${n} owes nothing in the end`)
      assert.equal(order.payment !== undefined, wechat.trades.get(order.outTradeNo)?.state === 'SUCCESS', 'nothing is paid that WeChat did not take')
      if (order.liveKey !== null) assert.ok(!live.has(order.liveKey), 'one live order of the key')
      live.add(order.liveKey ?? '')
    }
  }), { numRuns: runs })
  t.pass(`${runs} runs`)
})
