import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { PayApi } from '../../src/client/pay.ts'
import { createClock } from '../../src/base/clock.ts'
import { createAnomalies } from '../../src/engine/anomalies.ts'
import { createOutbox } from '../../src/engine/claims/jobs.ts'
import { isOpen } from '../../src/engine/machine/ruling.ts'
import { createOrders } from '../../src/engine/orders.ts'
import { acceptedFee } from '../../src/engine/machine/refund-fees.ts'
import { createRefunds } from '../../src/engine/refunds.ts'
import { createForget } from '../../src/engine/users/forget.ts'
import { createWork } from '../../src/engine/work.ts'
import { WechatError } from '../../src/errors.ts'
import type { FulfilContext, Job, PaidOrder } from '../../src/hooks.ts'
import type { AnomalyKind, Order, Payment, Refund, RefundReport, Resolution } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { isDone } from '../../src/store/done.ts'
import { ofMerchant } from '../../src/store/own.ts'
import type { Store } from '../../src/store/store.ts'
import { NASTY } from '../nonsense.ts'
import { size } from '../sizes.ts'
import { HOUR, MINUTE, newOrder, SECOND, T0, termsOf } from './helpers.ts'

// Two processes on one store, with clocks that are wrong and jump, against a WeChat that loses requests and replies. Every call, to the store and to WeChat, is a point where anything else
// may happen first, or where the process may die. `npm run property` for a long run;
// `FC_SEED` and `FC_PATH` repeat a failure by what it printed.

const { FC_RUNS = size(150, 10_000), FC_SEED, FC_PATH } = process.env
const runs = Number(FC_RUNS)
// Of a long run, which takes some 5 ms each; tap would end it after 30 s.
t.setTimeout(30_000 + runs * 50)

type Command =
  | { do: 'order'; process: 0 | 1; key: string; totalFee: number }
  | {
      do:
        | 'cancel'
        | 'poll'
        | 'sweep'
        | 'refund'
        | 'refund again'
        | 'refund all'
        | 'notify'
        | 'forge'
        | 'reuse'
        | 'recut'
        | 'hint'
        | 'hint of nothing'
        | 'report'
      process: 0 | 1
    }
  /** A process ends, killed or in good order, and another begins, whose clock is that far ahead. */
  | { do: 'crash' | 'deploy'; process: 0 | 1; aheadMs: number }
  /** Somebody sets the clock of a process. */
  | { do: 'set clock'; process: 0 | 1; aheadMs: number }
  /** The queue delivers jobs, and forgets them, or delivers them once more later. */
  | { do: 'perform'; process: 0 | 1; count: number; again: boolean }
  /** Operators decide about all that waits. */
  | { do: 'resolve'; process: 0 | 1; action: Resolution['action'] }
  /** A payer asks to be forgotten. */
  | { do: 'forget'; process: 0 | 1; openid: string }
  /** What people and WeChat do meanwhile; and whether hooks can do their work. */
  | {
      do:
        | 'pay'
        | 'pay for another'
        | 'settle refunds'
        | 'close refunds'
        | 'refund elsewhere'
        | 'refund all elsewhere'
        | 'break'
        | 'mend'
    }
  | { do: 'wait'; ms: number }
  | { do: 'steps'; count: number }

const PAYER = newOrder().openid!
const ANOTHER = 'oAnother'

const processes = fc.constantFrom<0 | 1>(0, 1)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      process: processes,
      key: fc.constantFrom('cart-1', 'cart-1', 'cart-2'),
      totalFee: fc.constantFrom(1250, 1250, 1400),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cancel' as const,
        'poll' as const,
        'sweep' as const,
        'sweep' as const,
        'refund' as const,
        'refund again' as const,
        'refund all' as const,
        'notify' as const,
        'forge' as const,
        'reuse' as const,
        'recut' as const,
        'hint' as const,
        'hint of nothing' as const,
        'report' as const,
      ),
      process: processes,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('perform' as const),
      process: processes,
      count: fc.integer({ min: 1, max: 4 }),
      again: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('resolve' as const),
      process: processes,
      action: fc.constantFrom('refund' as const, 'fulfil' as const, 'dismiss' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forget' as const),
      process: processes,
      openid: fc.constantFrom(PAYER, ANOTHER),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('crash' as const, 'deploy' as const, 'set clock' as const),
      process: processes,
      aheadMs: fc.constantFrom(0, 90 * SECOND, -90 * SECOND, HOUR, -HOUR),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pay' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'pay for another' as const,
        'settle refunds' as const,
        'settle refunds' as const,
        'close refunds' as const,
        'refund elsewhere' as const,
        'refund all elsewhere' as const,
        'break' as const,
        'mend' as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(SECOND, 30 * SECOND, MINUTE, HOUR) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 12 }) }) },
)

/** What can happen to a call: it is answered, it never arrives, its answer is lost, or a refund is not visible yet. */
const luck = fc.infiniteStream(
  fc.constantFrom<'well' | 'request lost' | 'reply lost' | 'not booked'>(
    'well',
    'well',
    'well',
    'request lost',
    'reply lost',
    'not booked',
  ),
)

/** What a broken hook throws: an ordinary error, or one that breaks code that inspects it. */
const misfortune = fc.infiniteStream(
  fc.constantFrom<(() => unknown)[]>(
    () => new Error('no stock'),
    ...Object.entries(NASTY).flatMap(([name, make]) => (/MB|20 000/.test(name) ? [] : make)),
  ),
)

/** Inspects everything it is given, as a logger does. */
function look(details: unknown): void {
  const { err } = details as { err?: Error }
  if (err === undefined) return
  for (const name in err) JSON.stringify(err[name as keyof Error])
  for (let cause: unknown = err, depth = 0; cause instanceof Error; cause = cause.cause) {
    assert.ok(depth++ < 10, 'the chain of causes ends')
    assert.ok(`${cause.message}${cause.stack}`.length < 20_000)
  }
}

const OTHER_APP = 'wx00000000000000c0'
const OTHER_MERCHANT = { mchId: '1900000999' }
const SUB_MERCHANTS = ['1900000201', '1900000202'] as const

interface Trade {
  appid: string
  mchId: string
  subMchId: string | undefined
  totalFee: number
  state: 'NOTPAY' | 'SUCCESS' | 'CLOSED'
  payment?: Payment
  refunds: Map<string, RefundReport>
}

function refusal(wechatCode: string, advice: 'query' | 'stop'): WechatError {
  return new WechatError('WECHAT_REFUSED', wechatCode, { wechatCode, advice })
}

/** WeChat as documented: what it did stays done, even if its answer is lost. */
function createWechat(now: () => Date) {
  const trades = new Map<string, Trade>()
  let numbers = 0

  const answers = {
    prepay({ outTradeNo, appid, mchId, subMchId, totalFee }: Order) {
      const trade = trades.get(outTradeNo)
      if (trade?.state === 'SUCCESS') throw refusal('ORDERPAID', 'query')
      if (trade?.state === 'CLOSED') throw refusal('ORDERCLOSED', 'query')
      if (trade !== undefined && trade.totalFee !== totalFee) throw refusal('INVALID_REQUEST', 'query')
      if (trade === undefined) {
        trades.set(outTradeNo, { appid, mchId, subMchId, totalFee, state: 'NOTPAY', refunds: new Map() })
      }
      return `wx${outTradeNo}`
    },
    query(outTradeNo: string) {
      const trade = trades.get(outTradeNo)
      if (trade === undefined) return { tradeState: 'NOT_EXIST' as const }
      if (trade.state !== 'SUCCESS') return { tradeState: trade.state }
      return {
        tradeState: trade.refunds.size > 0 ? ('REFUND' as const) : ('SUCCESS' as const),
        payment: trade.payment!,
      }
    },
    close(outTradeNo: string) {
      const trade = trades.get(outTradeNo)
      if (trade?.state === 'SUCCESS') return 'paid' as const
      if (trade !== undefined) trade.state = 'CLOSED'
      return 'closed' as const
    },
    refund(
      { outTradeNo }: { outTradeNo: string },
      { outRefundNo, refundFee }: { outRefundNo: string; refundFee: number },
    ) {
      const trade = trades.get(outTradeNo)!
      const known = trade.refunds.get(outRefundNo)
      if (known !== undefined) return known.refundId
      if (refundFee > left(trade)) throw refusal('INVALID_REQUEST', 'query')
      const refundId = `50${++numbers}`
      trade.refunds.set(outRefundNo, { outRefundNo, outTradeNo, refundId, refundFee, state: 'processing' })
      return refundId
    },
    queryRefund(outRefundNo: string) {
      const refund = [...trades.values()]
        .map(({ refunds }) => refunds.get(outRefundNo))
        .find((each) => each !== undefined)
      return refund && { ...refund }
    },
    listRefunds(outTradeNo: string) {
      return [...trades.get(outTradeNo)!.refunds.values()].map((refund) => ({ ...refund })).reverse()
    },
  }

  function left({ payment, refunds }: Trade): number {
    return [...refunds.values()].reduce(
      (rest, { state, refundFee }) => (state === 'closed' ? rest : rest - refundFee),
      payment?.totalFee ?? 0,
    )
  }

  return {
    trades,
    answers,
    left,
    pay(openid: string) {
      for (const [outTradeNo, trade] of trades) {
        if (trade.state !== 'NOTPAY') continue
        const { currency } = newOrder()
        const { appid, mchId, totalFee } = trade
        Object.assign(trade, {
          state: 'SUCCESS',
          payment: {
            transactionId: `42${++numbers}`,
            outTradeNo,
            appid,
            mchId,
            openid,
            totalFee,
            currency,
            paidAt: now(),
          },
        })
      }
    },
    settleRefunds(state: 'success' | 'closed') {
      for (const { refunds } of trades.values()) {
        for (const refund of refunds.values()) {
          if (refund.state === 'processing') Object.assign(refund, { state, succeededAt: now() })
        }
      }
    },
    /** In the merchant platform. */
    refundElsewhere(all: boolean) {
      for (const [outTradeNo, trade] of trades) {
        const refundFee = all ? left(trade) : 300
        if (refundFee > 0 && refundFee <= left(trade)) {
          answers.refund({ outTradeNo }, { outRefundNo: `console-${++numbers}`, refundFee })
        }
      }
    },
    paid: () => [...trades.values()].flatMap(({ payment }) => payment ?? []),
  }
}

/** Every failure is one of our own errors. */
function expected(error: unknown): void {
  assert.ok(error instanceof WechatError, String(error))
}

t.test('every payment is recorded and fulfilled once, despite lost messages, repeats and kills', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(command, { minLength: 5, maxLength: 60, size: 'max' }),
      luck,
      misfortune,
      fc.constantFrom('hold' as const, 'fulfil' as const, 'refund' as const),
      fc.constantFrom('hints' as const, 'reports' as const, 'questions' as const),
      fc.constantFrom(
        'one merchant' as const,
        'two apps' as const,
        'two merchants' as const,
        'two sub-merchants' as const,
      ),
      fc.constantFrom('at once' as const, 'by a queue' as const),
      async (scheduler, commands, lucks, misfortunes, latePayment, refundsBy, who, begins) => {
        let now = T0
        let orders = 0
        let keys = 0
        let lossy = true
        let broken = false
        /** Rules found broken during the run. */
        const faults: string[] = []
        const wechat = createWechat(() => now)
        const store = memoryStore() as Store
        /** Commits of onPaid's transaction by order, and of onRefunded's by refund. */
        const fulfilled = new Map<string, number>()
        const policy = { latePayment }
        /** Jobs that wait. Those of the last commands are never delivered. */
        const jobs: Job[] = []

        /**
         * A process: everything it does passes through `point`, where others may run first, and which never returns
         * once the process is dead.
         */
        function start(process: 0 | 1, aheadMs = 0) {
          const { appid, mchId } = newOrder(who === 'two merchants' && process === 1 ? OTHER_MERCHANT : {})
          const appids = who === 'two apps' ? [appid, OTHER_APP] : [appid]
          const partner =
            who === 'two sub-merchants' ? { spAppid: 'wx00000000000000f0', subMchIds: SUB_MERCHANTS } : undefined
          const life = { alive: true, aheadMs }
          const { wechatNow, heard, ...own } = createClock({
            own: () => new Date(now.getTime() + life.aheadMs),
            steady: () => now.getTime(),
          })
          const clock = own.now
          const point = async () => {
            await scheduler.schedule(Promise.resolve())
            if (!life.alive) await new Promise(() => {})
          }
          const through = (target: object) =>
            Object.fromEntries(
              Object.entries(target).map(([name, method]: [string, (...args: unknown[]) => unknown]) => [
                name,
                async (...args: unknown[]) => {
                  await point()
                  const result = await method(...args)
                  await point()
                  return result
                },
              ]),
            )
          const shared = through(store) as unknown as Store
          shared.updateOrder = async (outTradeNo, decide) => {
            await point()
            const updated = await store.updateOrder(outTradeNo, (current) => {
              const change = decide(current)
              if (change !== undefined && current.mchId !== mchId) {
                faults.push(`${outTradeNo} is changed by another merchant`)
              }
              // An order is no longer handed out a minute before it expires; a Date header has whole seconds.
              const early = isOpen(current) && now.getTime() < current.expiresAt.getTime() - 61 * SECOND
              if (
                early &&
                /^close-wanted: (expired|ordered again, too close to its expiry)$/.test(change?.history[0]?.seen ?? '')
              ) {
                faults.push(`${outTradeNo} is closed for its age too early`)
              }
              return change
            })
            await point()
            return updated
          }
          shared.fulfil = async (claim, work, decide) => {
            await point()
            const tx = { wrote: '' }
            const outcome = await store.fulfil(
              claim,
              async () => {
                await work(tx)
                await point()
              },
              decide,
            )
            if (outcome === 'done') fulfilled.set(tx.wrote, (fulfilled.get(tx.wrote) ?? 0) + 1)
            await point()
            return outcome
          }
          const calls = Object.fromEntries(
            Object.entries(wechat.answers).map(([name, answer]) => [
              name,
              async (...args: unknown[]) => {
                await point()
                const fate = lossy ? lucks.next().value : 'well'
                const lost = new WechatError('WECHAT_TIMEOUT', fate, { advice: 'repeat' })
                if (fate === 'request lost') throw lost
                if (fate === 'not booked' && name === 'queryRefund') return undefined
                if (fate === 'not booked' && name === 'listRefunds') return []
                const asked = (args.find((arg) => typeof arg === 'object' && arg !== null && 'mchId' in arg) ??
                  {}) as Partial<Order>
                const trade = wechat.trades.get(asked.outTradeNo ?? '')
                if (
                  asked.mchId !== mchId ||
                  (trade ?? asked).mchId !== mchId ||
                  (trade ?? asked).subMchId !== asked.subMchId ||
                  (asked.subMchId === undefined) !== (partner === undefined) ||
                  (trade ?? asked).appid !== asked.appid
                ) {
                  faults.push(`${name} of ${asked.outTradeNo} for another app or merchant`)
                }
                const reply = (answer as (...args: unknown[]) => unknown)(...args)
                await point()
                if (fate === 'reply lost') throw lost
                heard(new Date(Math.floor(now.getTime() / SECOND) * SECOND), 0)
                return reply
              },
            ]),
          )
          // API v3 lists no refunds.
          if (refundsBy === 'reports') delete calls.listRefunds
          const pay = { ...calls, canRefund: true, payParams: () => ({}) } as unknown as PayApi
          const observer = {
            anomaly() {},
            due(outTradeNo: string) {
              if (begins === 'at once') work.start(outTradeNo)
            },
            reserve: () => (begins === 'at once' ? work.reserve() : undefined),
            outbox: begins === 'at once' ? undefined : createOutbox(enqueue),
          }
          /** A job may also stay although its transaction was rolled back, as with a queue elsewhere. */
          async function enqueue(job: Job): Promise<void> {
            if (lossy && lucks.next().value === 'request lost') throw new Error('the queue is down')
            jobs.push(JSON.parse(JSON.stringify(job)))
            await point()
          }
          const view = ofMerchant(shared, mchId)
          const made = createOrders({
            appids,
            mchId,
            partner,
            pay,
            store: view,
            policy,
            observer,
            now: clock,
            wechatNow,
            newOutTradeNo: () => `order-${++orders}`,
          })
          const refunds = createRefunds({ pay, orders: made })
          const written = (details: unknown, message = '') => {
            try {
              look(details)
            } catch (error) {
              faults.push(`a logger was harmed by "${message}": ${String(error)}`)
            }
          }
          const log = { debug: written, info: written, warn: written, error: written }
          const hooks = {
            onPaid({ outTradeNo, refunds, payment }: PaidOrder, { tx }: FulfilContext<unknown>) {
              const back = refunds.filter(
                ({ origin, refundId, state }) =>
                  (origin === 'local' || refundId !== undefined) && state !== 'closed' && state !== 'failed',
              )
              if (back.reduce((sum, { refundFee }) => sum + refundFee, 0) >= payment.totalFee) {
                faults.push(`onPaid runs for ${outTradeNo}, which was refunded`)
              }
              if (broken) throw misfortunes.next().value()
              Object.assign(tx!, { wrote: outTradeNo })
            },
            onRefunded(_order: PaidOrder, { outRefundNo }: Refund, { tx }: FulfilContext<unknown>) {
              if (broken) throw misfortunes.next().value()
              Object.assign(tx!, { wrote: outRefundNo })
            },
          }
          const work = createWork({
            store: view,
            orders: made,
            refunds,
            policy,
            hooks,
            now: clock,
            wechatNow,
            log,
            leaseMs: 2000,
            concurrency: 5,
          })
          const anomalies = createAnomalies({ store: view, orders: made, pay, now: clock })
          const forget = createForget({ store: view, mchId, now: clock })
          async function resolve(action: Resolution['action'], only?: AnomalyKind): Promise<void> {
            for (const { id, kind, payment } of await view.anomalies(100)) {
              // An operator sees the real payment in the merchant platform.
              if (only === undefined || kind === only) {
                await anomalies
                  .resolve(id, payment?.transactionId === 'forged' ? 'dismiss' : action, 'as decided')
                  .catch(expected)
              }
            }
          }
          async function hint(outTradeNo: string, outRefundNo: string, refundFee: number): Promise<void> {
            await made.observe(outTradeNo, { seen: 'refund-hinted', source: 'notify', outRefundNo, refundFee })
          }
          /** Notified by API v3, signed. */
          async function report(refund: RefundReport): Promise<void> {
            const { subMchId } = wechat.trades.get(refund.outTradeNo)!
            await made.observe(refund.outTradeNo, {
              seen: 'refund-reported',
              source: 'notify',
              report: refund,
              subMchId,
            })
          }
          /** As the keys of this merchant may have signed it, whosever order it names. */
          const signed = (payment: Payment): Payment => ({ ...payment, mchId })
          return { life, orders: made, refunds, work, resolve, forget, hint, report, signed, appids }
        }

        const alive = [start(0), start(1)]
        const begun: Promise<unknown>[] = []
        const begin = (task: Promise<unknown>) => {
          begun.push(task.catch(expected))
        }
        async function drain(): Promise<void> {
          do {
            await scheduler.waitAll()
            await new Promise((resolve) => {
              setImmediate(resolve)
            })
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
              wechat.pay(PAYER)
              break
            case 'pay for another':
              wechat.pay(ANOTHER)
              break
            case 'settle refunds':
              wechat.settleRefunds('success')
              break
            case 'close refunds':
              wechat.settleRefunds('closed')
              break
            case 'refund elsewhere':
            case 'refund all elsewhere':
              wechat.refundElsewhere(command.do === 'refund all elsewhere')
              break
            case 'break':
            case 'mend':
              broken = command.do === 'break'
              break
            case 'resolve':
              begin(alive[command.process]!.resolve(command.action))
              break
            case 'forget':
              begin(alive[command.process]!.forget(command.openid))
              break
            case 'set clock':
              alive[command.process]!.life.aheadMs = command.aheadMs
              break
            case 'crash':
              alive[command.process]!.life.alive = false
              alive[command.process] = start(command.process, command.aheadMs)
              break
            case 'deploy':
              alive[command.process]!.work.stop()
              alive[command.process]!.work.giveUp()
              alive[command.process] = start(command.process, command.aheadMs)
              break
            default: {
              const { orders, refunds, work, hint, report, signed, appids } = alive[command.process]!
              const known = [...wechat.trades.keys()]
              if (command.do === 'order') {
                begin(
                  orders.create(
                    termsOf({
                      key: command.key,
                      appid: appids[command.totalFee === 1250 ? 0 : appids.length - 1],
                      ...(who === 'two sub-merchants' && {
                        subMchId: SUB_MERCHANTS[command.totalFee === 1250 ? 0 : 1],
                      }),
                      expiresAt: new Date(now.getTime() + HOUR),
                      totalFee: command.totalFee,
                    }),
                  ),
                )
              } else if (command.do === 'sweep') begin(work.sweep())
              else if (command.do === 'perform') {
                const delivered = jobs.splice(0, command.count)
                if (command.again) jobs.push(...delivered)
                for (const { mchId, outTradeNo } of delivered) {
                  const worker = alive.find(({ orders }) => orders.owner.mchId === mchId)!
                  begin((orders.owner.mchId === mchId ? work : worker.work).perform(outTradeNo))
                }
              } else {
                for (const outTradeNo of known) {
                  const { payment, subMchId } = wechat.trades.get(outTradeNo)!
                  if (command.do === 'cancel') begin(orders.cancel(outTradeNo))
                  if (command.do === 'poll') begin(orders.refresh(outTradeNo))
                  if (command.do === 'refund') begin(refunds.create(outTradeNo, { key: `k${++keys}`, refundFee: 500 }))
                  if (command.do === 'refund again') begin(refunds.create(outTradeNo, { key: 'again', refundFee: 750 }))
                  if (command.do === 'refund all') {
                    const refundFee = wechat.trades.get(outTradeNo)!.totalFee
                    begin(refunds.create(outTradeNo, { key: `k${++keys}`, refundFee }))
                  }
                  if (command.do === 'hint') {
                    for (const { outRefundNo, refundFee } of wechat.trades.get(outTradeNo)!.refunds.values()) {
                      begin(hint(outTradeNo, outRefundNo, refundFee))
                    }
                  }
                  if (command.do === 'hint of nothing') {
                    for (const outRefundNo of ['never-made', 'order-1-1', 'order-2-1']) {
                      begin(hint(outTradeNo, outRefundNo, 1))
                    }
                  }
                  if (command.do === 'report') {
                    for (const refund of wechat.trades.get(outTradeNo)!.refunds.values()) begin(report({ ...refund }))
                  }
                  if (command.do === 'notify' && payment !== undefined) {
                    begin(orders.observePayment('notify', signed(payment), undefined, subMchId))
                  }
                  if (command.do === 'reuse') {
                    // A transaction that paid one order is reported for the others of its merchant too.
                    const { mchId, payment: paid } = (await store.findOrder(outTradeNo)) ?? {}
                    for (const other of paid === undefined ? [] : known.filter((number) => number !== outTradeNo)) {
                      if ((await store.findOrder(other))?.mchId !== mchId) continue
                      begin(
                        orders.observePayment('notify', signed({ ...paid!, outTradeNo: other }), undefined, subMchId),
                      )
                    }
                  }
                  if (command.do === 'recut') {
                    const transactionId = payment?.transactionId ?? 'recut'
                    begin(
                      orders.observe(outTradeNo, { seen: 'payment-hinted', source: 'notify', transactionId, subMchId }),
                    )
                  }
                  if (command.do === 'forge' && payment !== undefined) {
                    const forged = signed({ ...payment, transactionId: 'forged', totalFee: 1 })
                    begin(orders.observePayment('notify', forged, undefined, subMchId))
                  }
                }
              }
            }
          }
        }

        // Then things calm down: nothing more is lost, and time passes.
        lossy = false
        broken = false
        await drain()
        for (let round = 0; round < 60; round++) {
          wechat.settleRefunds('success')
          now = new Date(now.getTime() + 31 * MINUTE)
          const workers = who === 'two merchants' ? alive : [alive[round % 2]!]
          for (const { work } of workers) begin(work.sweep())
          await drain()
          // WeChat repeats each refund notification until it is acknowledged or the order is queried, and an operator
          // handles payments that match no order.
          for (const [outTradeNo, { refunds }] of round === 10 ? wechat.trades : []) {
            for (const { orders, hint, report } of workers) {
              if (refundsBy === 'questions') begin(orders.refresh(outTradeNo))
              else {
                for (const refund of refunds.values()) {
                  begin(
                    refundsBy === 'reports'
                      ? report({ ...refund })
                      : hint(outTradeNo, refund.outRefundNo, refund.refundFee),
                  )
                }
              }
            }
          }
          if (round === 20) for (const { resolve } of workers) begin(resolve('dismiss', 'mismatch'))
          await drain()
        }
        assert.deepEqual(faults, [])

        for (const payment of wechat.paid()) {
          const order = (await store.findOrder(payment.outTradeNo))!
          if (order.payment === undefined) {
            assert.ok(
              payment.openid === ANOTHER &&
                (await store.findAnomaly(`mismatch:${payment.outTradeNo}:${payment.transactionId}`)),
              'every payment is recorded, unless it was a mismatch, which was reported',
            )
            assert.equal(order.state, 'failed', 'the order of a dismissed mismatch has ended')
            continue
          }
          assert.equal(order.payment.transactionId, payment.transactionId, 'no other payment is recorded')
          assert.equal(
            fulfilled.get(payment.outTradeNo) ?? 0,
            order.fulfilment === 'done' ? 1 : 0,
            'a done order was fulfilled once, any other never',
          )
          assert.ok(['done', 'held', 'dismissed'].includes(order.fulfilment), 'nothing is owed at the end')
          if (order.state === 'paid' && order.fulfilment !== 'done') {
            const decided = (await store.history(payment.outTradeNo)).some(
              ({ source, outcome }) =>
                source === 'operator' || outcome.includes('refunded elsewhere') || outcome.includes('no longer owed'),
            )
            assert.ok(
              decided,
              'a payment in time is fulfilled, unless it was refunded or an operator decided otherwise',
            )
          }
          const lines = await store.history(payment.outTradeNo)
          assert.ok(lines.filter(({ from, to }) => from !== 'paid' && to === 'paid').length <= 1, 'it is settled once')
          if (
            order.fulfilment === 'done' &&
            lines.find(({ from, to }) => from !== 'paid' && to === 'paid')?.seen.endsWith('refunded')
          ) {
            assert.ok(
              lines.some(({ source, seen }) => source === 'operator' && seen.startsWith('fulfil')),
              'a payment refunded before it was known is fulfilled only if an operator says so',
            )
          }
          const { refunds } = wechat.trades.get(payment.outTradeNo)!
          assert.ok(wechat.left(wechat.trades.get(payment.outTradeNo)!) >= 0, 'refunds never exceed the payment')
          for (const { outRefundNo, state } of refunds.values()) {
            const refund: Refund | undefined = order.refunds.find((each: Refund) => each.outRefundNo === outRefundNo)
            const expected = state === 'success' ? ['success', 'done', 1] : ['closed', 'none', undefined]
            assert.deepEqual(
              [refund?.state, refund?.fulfilment, fulfilled.get(outRefundNo)],
              expected,
              'every refund at WeChat is known here, and onRefunded ran once for it',
            )
          }
          for (const { outRefundNo, origin, state } of order.refunds) {
            assert.ok(
              refunds.has(outRefundNo) || (origin === 'local' && state === 'failed'),
              `${outRefundNo}: a refund that is not at WeChat has failed or is gone`,
            )
          }
        }
        for (const { forget } of alive) {
          for (const openid of [PAYER, ANOTHER]) begin(forget(openid))
          await drain()
        }
        const undecided = new Set((await store.anomalies(1000)).map(({ outTradeNo }) => outTradeNo))
        const live = new Set<string>()
        const transactions = new Set<string>()
        for (let n = 1; n <= orders; n++) {
          const order = await store.findOrder(`order-${n}`)
          if (order === undefined) continue // killed before its row was written, so WeChat never got it
          assert.equal(order.dueAt, null, `order-${n} owes nothing at the end`)
          if (order.payment !== undefined) {
            assert.ok(!transactions.has(order.payment.transactionId), 'a transaction pays one order only')
            transactions.add(order.payment.transactionId)
            assert.ok(acceptedFee(order) <= order.payment.totalFee, 'booked refunds never exceed the payment')
            assert.equal(
              wechat.trades.get(order.outTradeNo)?.state,
              'SUCCESS',
              'nothing is paid without a payment at WeChat',
            )
          }
          const lines = await store.history(order.outTradeNo)
          const told = JSON.stringify([order, lines])
          assert.ok(
            ![PAYER, ANOTHER].some((openid) => told.includes(openid)) ||
              !isDone(order) ||
              undecided.has(order.outTradeNo),
            'what is over no longer names its payer',
          )
          const since = lines.slice(lines.findIndex(({ seen }) => seen === 'payer forgotten'))
          if (order.fulfilment === 'done' && since.some(({ from, to }) => from !== 'paid' && to === 'paid')) {
            assert.ok(
              since[0]!.seen !== 'payer forgotten' ||
                since.some(({ source, seen }) => source === 'operator' && seen.startsWith('fulfil')),
              'what is paid after its payer was forgotten is fulfilled only if an operator says so',
            )
          }
          const name = `${order.mchId} ${order.liveKey}`
          if (order.liveKey !== null) assert.ok(!live.has(name), 'the key has at most one live order of a merchant')
          live.add(name)
          const asSent = wechat.trades.get(order.outTradeNo)
          assert.ok(asSent === undefined || asSent.subMchId === order.subMchId, "an order stays its sub-merchant's")
        }
      },
    ),
    {
      numRuns: runs,
      ...(FC_SEED !== undefined && { seed: Number(FC_SEED) }),
      ...(FC_PATH !== undefined && { path: FC_PATH }),
    },
  )
  t.pass(`${runs} runs`)
})
