import { listens, publish } from '../diagnostics.ts'
import type { FulfilContext, Hooks, Log, PaidOrder } from '../hooks.ts'
import type { Refund } from '../model.ts'
import type { Claim, Store } from '../store/store.ts'
import { decide, isOpen } from './machine.ts'
import type { Observation, Policy } from './machine.ts'
import type { Orders } from './orders.ts'
import type { Refunds } from './refunds.ts'

export interface WorkDeps {
  store: Store
  orders: Orders
  refunds: Refunds
  policy: Policy
  hooks: Pick<Hooks, 'onPaid' | 'onRefunded'>
  now: () => Date
  log: Log
  /** How long a claimed order is left to its claimer, ms. */
  leaseMs: number
}

export interface Work {
  /** Starts an order's due work now, without waiting for it. */
  start (outTradeNo: string): void
  /**
   * Does everything that is due, the longest due first; resolves with the number of orders worked on. A hook that does not end within its lease is
   * left behind: whoever sweeps next takes its order over.
   */
  sweep (): Promise<number>
  /** Takes no further work. */
  stop (): void
  /** Waits for the work under way, at most `limitMs`. */
  idle (limitMs: number): Promise<void>
}

/** Work that has been due this long is told to the operator. */
const STUCK_MS = 10 * 60_000

/** Rows taken at once: enough to keep the network busy, few enough to finish within a lease. */
const BATCH = 16

/**
 * Does what orders owe: asks WeChat about unpaid ones on WeChat's cadence, closes expired ones, runs `onPaid` for paid ones, pursues
 * refunds. Whoever claims an order
 * works on it; if that process dies, the lease ends and another takes over.
 */
export function createWork ({ store, orders, refunds, policy, hooks, now, log, leaseMs }: WorkDeps): Work {
  const running = new Set<Promise<void>>()
  const life = { stopped: false }

  function track (task: Promise<void>): Promise<void> {
    running.add(task)
    return task.finally(() => running.delete(task))
  }

  async function work (claim: Claim): Promise<void> {
    const { order } = claim
    if (!orders.owns(order)) {
      log.error({ outTradeNo: order.outTradeNo, mchId: order.mchId, appid: order.appid }, "Work is due for another account's order: give each account a store of its own")
      return
    }
    try {
      if (order.fulfilment === 'due') await fulfil(claim)
      else if (order.state === 'closing' || (isOpen(order) && order.expiresAt <= now())) await orders.cancel(order.outTradeNo, 'expired')
      else if (isOpen(order)) await orders.refresh(order.outTradeNo)
      for (const refund of order.refunds.filter(({ dueAt }) => dueAt !== null && dueAt <= now())) {
        if (refund.fulfilment === 'due') await fulfilRefund(claim, refund)
        else await refunds.pursue(order, refund)
      }
    } catch (error) {
      // The order keeps its place in the schedule: the engine has noted the failure, or the lease ends.
      log.warn({ outTradeNo: order.outTradeNo, err: error }, 'Work that was due could not be done; it will be tried again')
    }
  }

  async function fulfil (claim: Claim): Promise<void> {
    const order = claim.order as PaidOrder
    await runHook(claim, 'onPaid', async (context) => { await hooks.onPaid(order, context) }, { seen: 'fulfilled' },
      (reason) => ({ seen: 'fulfil-failed', claims: claim.claims, reason }))
  }

  async function fulfilRefund (claim: Claim, refund: Refund): Promise<void> {
    const order = claim.order as PaidOrder
    const { outRefundNo } = refund
    await runHook(claim, 'onRefunded', async (context) => { await hooks.onRefunded?.(order, refund, context) }, { seen: 'refund-fulfilled', outRefundNo },
      (reason) => ({ seen: 'refund-fulfil-failed', outRefundNo, claims: claim.claims, reason }))
  }

  /** Runs a hook and `done` in one transaction, or notes that it failed. */
  async function runHook (claim: Claim, hook: 'onPaid' | 'onRefunded', run: (context: FulfilContext<unknown>) => Promise<void>, done: Observation, failed: (reason: string) => Observation): Promise<void> {
    const { outTradeNo } = claim.order
    try {
      const outcome = await store.fulfil(claim, async (tx) => { await run({ tx, log }) }, (current) => decide(current, done, policy, now()).change)
      publish('fastify-wechat-pay:hook', () => ({ outTradeNo, hook, outcome }))
      if (outcome === 'lost') log.warn({ outTradeNo }, `${hook} took longer than its lease; another process has taken the order over`)
    } catch (error) {
      publish('fastify-wechat-pay:hook', () => ({ outTradeNo, hook, outcome: 'failed' }))
      log.error({ outTradeNo, err: error }, `${hook} failed; it will be run again`)
      await orders.observe(outTradeNo, failed((error instanceof Error ? error.message : String(error)).slice(0, 500)))
    }
  }

  async function workOn (outTradeNo: string): Promise<void> {
    try {
      await afterReply()
      for (const claimed of await claim(1, outTradeNo)) await work(claimed)
    } catch (error) {
      log.error({ outTradeNo, err: error }, 'Work that is due could not be started; the sweeper will')
    }
  }

  async function claim (limit: number, outTradeNo?: string): Promise<Claim[]> {
    return await store.claimDue(now(), limit, leaseMs, outTradeNo)
  }

  return {
    start (outTradeNo) {
      track(workOn(outTradeNo))
    },

    async sweep () {
      let count = 0
      while (!life.stopped) {
        const claims = await claim(BATCH)
        if (claims.length === 0) break
        count += claims.length
        await endsWithin(leaseMs, track(Promise.all(claims.map(work)).then(() => {})))
      }
      if (listens('fastify-wechat-pay:sweep')) {
        const counts = await store.countDue(now(), new Date(now().getTime() - STUCK_MS))
        publish('fastify-wechat-pay:sweep', () => ({ worked: count, ...counts }))
      }
      return count
    },

    stop () {
      life.stopped = true
    },

    async idle (limitMs) {
      await endsWithin(limitMs, drained())
    }
  }

  async function drained (): Promise<void> {
    while (running.size > 0) await Promise.allSettled(running)
  }
}

/** The reply to WeChat is written first: not even the synchronous part of a hook may delay it. */
async function afterReply (): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

/** Waits for the task, at most so many real ms; the task goes on. */
async function endsWithin (limitMs: number, task: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => { timer = setTimeout(resolve, limitMs) })
  await Promise.race([task, limit])
  clearTimeout(timer)
}
