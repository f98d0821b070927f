import { listens, publish } from '../diagnostics.ts'
import type { FulfilContext, Hooks, Log, PaidOrder } from '../hooks.ts'
import type { Refund } from '../model.ts'
import type { Claim, Store } from '../store/store.ts'
import { decide, isOpen, isOwed } from './machine.ts'
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
  /** How many orders are worked on at once: each may hold a connection of the store while a hook runs. */
  concurrency: number
}

export interface Work {
  /** Starts an order's due work now, without waiting for it. */
  start (outTradeNo: string): void
  /** Does everything that is due, the longest due first; resolves with the number of orders worked on. */
  sweep (): Promise<number>
  /** Takes no further work. */
  stop (): void
  /** Waits for the work under way, at most `limitMs`. */
  idle (limitMs: number): Promise<void>
}

/** Work that has been due this long is told to the operator. */
const STUCK_MS = 10 * 60_000

/** The part of a lease that a hook may run: it is over, and noted as failed, before somebody else may take its order over. */
const HOOK_SHARE = 0.9

/**
 * Does what orders owe: asks WeChat about unpaid ones on WeChat's cadence, closes expired ones, runs `onPaid` for paid ones, pursues refunds. Whoever claims
 * an order works on it; if that process dies, the lease ends and another takes over. Nothing is claimed before there is a place for it, so that a lease is
 * never spent on waiting.
 */
export function createWork ({ store, orders, refunds, policy, hooks, now, log, leaseMs, concurrency }: WorkDeps): Work {
  const running = new Set<Promise<void>>()
  const life = { stopped: false }
  const places = createPlaces(concurrency)

  function track (task: Promise<void>): Promise<void> {
    running.add(task)
    return task.finally(() => running.delete(task))
  }

  /** Does the work of a claim and gives its place back, at the end of the lease at the latest: by then the order is anybody's. */
  async function work (claim: Claim): Promise<void> {
    const deadline = new AbortController()
    const timer = setTimeout(() => { deadline.abort(new Error(`it had not ended after ${leaseMs * HOOK_SHARE} ms, and is left behind: see the option leaseMs`)) }, leaseMs * HOOK_SHARE)
    await endsWithin(leaseMs, workOn(claim, deadline.signal).finally(() => { clearTimeout(timer) }))
    places.give(1)
  }

  async function workOn (claim: Claim, signal: AbortSignal): Promise<void> {
    const { order } = claim
    if (!orders.owns(order)) {
      log.error({ outTradeNo: order.outTradeNo, mchId: order.mchId, appid: order.appid }, "Work is due for another account's order: give each account a store of its own")
      return
    }
    try {
      if (isOwed(order)) await fulfil(claim, signal)
      else if (isOpen(order) || order.state === 'closing') await orders.pursue(order)
      for (const refund of order.refunds.filter(({ dueAt }) => dueAt !== null && dueAt <= now())) {
        if (signal.aborted) break
        if (refund.fulfilment === 'due') await fulfilRefund(claim, refund, signal)
        else await refunds.pursue(order, refund)
      }
    } catch (error) {
      // The order keeps its place in the schedule: the engine has noted the failure, or the lease ends.
      log.warn({ outTradeNo: order.outTradeNo, err: error }, 'Work that was due could not be done; it will be tried again')
    }
  }

  async function fulfil (claim: Claim, signal: AbortSignal): Promise<void> {
    const order = claim.order as PaidOrder
    await runHook(claim, signal, 'onPaid', async (context) => { await hooks.onPaid(order, context) }, { seen: 'fulfilled' },
      (reason) => ({ seen: 'fulfil-failed', claims: claim.claims, reason }))
  }

  async function fulfilRefund (claim: Claim, refund: Refund, signal: AbortSignal): Promise<void> {
    const order = claim.order as PaidOrder
    const { outRefundNo } = refund
    await runHook(claim, signal, 'onRefunded', async (context) => { await hooks.onRefunded?.(order, refund, context) }, { seen: 'refund-fulfilled', outRefundNo },
      (reason) => ({ seen: 'refund-fulfil-failed', outRefundNo, claims: claim.claims, reason }))
  }

  /** Runs a hook and `done` in one transaction, or notes that it failed. */
  async function runHook (
    claim: Claim, signal: AbortSignal, hook: 'onPaid' | 'onRefunded', run: (context: FulfilContext<unknown>) => Promise<void>, done: Observation, failed: (reason: string) => Observation
  ): Promise<void> {
    const { outTradeNo } = claim.order
    try {
      const outcome = await store.fulfil(claim, async (tx) => {
        // A transaction may have had to wait for its connection.
        signal.throwIfAborted()
        await unlessAborted(signal, run({ tx, log, signal }))
      }, (current) => decide(current, done, policy, now()).change)
      publish('fastify-wechat-pay:hook', () => ({ outTradeNo, hook, outcome }))
      if (outcome === 'lost') log.warn({ outTradeNo }, `${hook} took longer than its lease; another process has taken the order over`)
    } catch (error) {
      publish('fastify-wechat-pay:hook', () => ({ outTradeNo, hook, outcome: 'failed' }))
      log.error({ outTradeNo, err: error }, `${hook} failed; it will be run again`)
      await orders.observe(outTradeNo, failed((error instanceof Error ? error.message : String(error)).slice(0, 500)))
    }
  }

  async function startWork (outTradeNo: string): Promise<void> {
    try {
      await afterReply()
      await Promise.all((await claim(1, outTradeNo)).map(work))
    } catch (error) {
      log.error({ outTradeNo, err: error }, 'Work that is due could not be started; the sweeper will')
    }
  }

  /** Claims as much as there are places for, when there is one; each claim keeps its place. */
  async function claim (limit: number, outTradeNo?: string): Promise<Claim[]> {
    const taken = await places.take(limit)
    let claims: Claim[] = []
    try {
      if (!life.stopped) claims = await store.claimDue(now(), taken, leaseMs, outTradeNo)
    } finally {
      places.give(taken - claims.length)
    }
    return claims
  }

  /** One round of a sweep: what is due, until there is no more. */
  async function round (): Promise<number> {
    const tasks = new Set<Promise<void>>()
    let count = 0
    let claims: Claim[]
    do {
      claims = await claim(concurrency)
      count += claims.length
      for (const claimed of claims) {
        const task: Promise<void> = track(work(claimed)).finally(() => tasks.delete(task))
        tasks.add(task)
      }
    } while (claims.length > 0)
    await Promise.all(tasks)
    return count
  }

  return {
    start (outTradeNo) {
      track(startWork(outTradeNo))
    },

    async sweep () {
      let count = 0
      // Work may make more work that is due at once: a query finds a payment, and onPaid is to run.
      for (let worked = await round(); worked > 0; worked = await round()) count += worked
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

/** The task, or the deadline's error: the task goes on, with nobody to listen to it. */
async function unlessAborted (signal: AbortSignal, task: Promise<void>): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => { signal.addEventListener('abort', () => { reject(signal.reason) }, { once: true }) })
  await Promise.race([task, aborted])
}

/** So many places, taken and given back. */
function createPlaces (count: number) {
  const places = { free: count }
  const waiting: (() => void)[] = []
  return {
    /** At least one, as soon as there is one, and at most `limit`. */
    async take (limit: number): Promise<number> {
      while (places.free === 0) await new Promise<void>((resolve) => { waiting.push(resolve) })
      const taken = Math.min(places.free, limit)
      places.free -= taken
      return taken
    },
    give (count: number) {
      places.free += count
      for (const wake of waiting.splice(0, count)) wake()
    }
  }
}

/** Waits for the task, at most so many real ms; the task goes on. */
async function endsWithin (limitMs: number, task: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => { timer = setTimeout(resolve, limitMs) })
  await Promise.race([task, limit])
  clearTimeout(timer)
}
