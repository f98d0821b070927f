import type { Order } from '../model.ts'
import type { Hooks, Log, PaidOrder } from '../hooks.ts'
import type { Claim, Store } from '../store/store.ts'
import { decide, isOpen } from './machine.ts'
import type { Policy } from './machine.ts'
import type { Orders } from './orders.ts'

export interface WorkDeps {
  store: Store
  orders: Orders
  policy: Policy
  onPaid: Hooks['onPaid']
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
  /** Waits for the work under way, at most `limitMs`. */
  idle (limitMs: number): Promise<void>
}

/** Rows taken at once: enough to keep the network busy, few enough to finish within a lease. */
const BATCH = 16

/**
 * Does what orders owe: asks WeChat about unpaid ones on WeChat's cadence, closes expired ones, runs `onPaid` for paid ones. Whoever claims an order
 * works on it; if that process dies, the lease ends and another takes over.
 */
export function createWork ({ store, orders, policy, onPaid, now, log, leaseMs }: WorkDeps): Work {
  const running = new Set<Promise<void>>()

  function track (task: Promise<void>): Promise<void> {
    running.add(task)
    return task.finally(() => running.delete(task))
  }

  async function work (claim: Claim): Promise<void> {
    const { order } = claim
    try {
      if (order.fulfilment === 'due') await fulfil(claim)
      else if (order.state === 'closing' || (isOpen(order) && order.expiresAt <= now())) await orders.cancel(order.outTradeNo, 'expired')
      else await orders.refresh(order.outTradeNo)
    } catch (error) {
      // The order keeps its place in the schedule: the engine has noted the failure, or the lease ends.
      log.warn({ outTradeNo: order.outTradeNo, err: error }, 'Work that was due could not be done; it will be tried again')
    }
  }

  async function fulfil (claim: Claim): Promise<void> {
    const { order } = claim
    const done = (current: Order) => decide(current, { seen: 'fulfilled' }, policy, now()).change
    try {
      const outcome = await store.fulfil(claim, async (tx) => { await onPaid(order as PaidOrder, { tx, log }) }, done)
      if (outcome === 'lost') log.warn({ outTradeNo: order.outTradeNo }, 'onPaid took longer than its lease; another process has taken the order over')
    } catch (error) {
      log.error({ outTradeNo: order.outTradeNo, err: error }, 'onPaid failed; it will be run again')
      await orders.observe(order.outTradeNo, { seen: 'fulfil-failed', claims: claim.claims, reason: error instanceof Error ? error.message : String(error) })
    }
  }

  async function claim (limit: number, outTradeNo?: string): Promise<Claim[]> {
    return await store.claimDue(now(), limit, leaseMs, outTradeNo)
  }

  return {
    start (outTradeNo) {
      track(claim(1, outTradeNo).then(async (claims) => { await Promise.all(claims.map(work)) }).catch((error: unknown) => {
        log.error({ outTradeNo, err: error }, 'onPaid could not be started; the sweeper will')
      }))
    },

    async sweep () {
      let count = 0
      for (;;) {
        const claims = await claim(BATCH)
        if (claims.length === 0) return count
        count += claims.length
        await endsWithin(leaseMs, track(Promise.all(claims.map(work)).then(() => {})))
      }
    },

    async idle (limitMs) {
      await endsWithin(limitMs, drained())
    }
  }

  async function drained (): Promise<void> {
    while (running.size > 0) await Promise.allSettled(running)
  }
}

/** Waits for the task, at most so many real ms; the task goes on. */
async function endsWithin (limitMs: number, task: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => { timer = setTimeout(resolve, limitMs) })
  await Promise.race([task, limit])
  clearTimeout(timer)
}
