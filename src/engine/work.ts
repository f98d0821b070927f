import { createDeadlines } from '../base/deadlines.ts'
import { listens, publish } from '../base/diagnostics.ts'
import { WechatError } from '../errors.ts'
import type { Hooks, Log, PaidOrder } from '../hooks.ts'
import type { Order, Refund } from '../model.ts'
import type { Claim, Store } from '../store/store.ts'
import { createFulfilment } from './claims/fulfilment.ts'
import { Lease } from './claims/lease.ts'
import { planQuery } from './machine.ts'
import type { Policy } from './machine/ruling.ts'
import type { Shipping } from './claims/shipping.ts'
import type { Slot } from './news.ts'
import type { Orders } from './orders.ts'
import type { Refunds } from './refunds.ts'
import { furthest, isDue, isOwed, later } from './schedule.ts'
import { afterReply, createSlots } from './claims/slots.ts'

export interface WorkDeps {
  store: Store
  orders: Orders
  refunds: Refunds
  shipping?: Pick<Shipping, 'pursue'>
  policy: Policy
  hooks: Pick<Hooks, 'onPaid' | 'onRefunded'>
  /** This process's clock. */
  now: () => Date
  /** WeChat's. Default: ours. */
  wechatNow?: () => Date
  log: Log
  /** How long a claim lasts, ms. */
  leaseMs: number
  /** The name of this process. */
  claimer?: string
  /** How many orders are worked on at once: each may hold a connection of the store while a hook runs. */
  concurrency: number
}

export interface Work {
  /** Starts an order's due work now, without waiting for it. */
  start(outTradeNo: string, log?: Log): void
  /** A slot for work that is about to be due, if one is free. */
  reserve(): Slot | undefined
  /** Does the due work of one order, as soon as a slot is free; resolves with whether there was any. Rejects if it could not be claimed. */
  perform(outTradeNo: string): Promise<boolean>
  /** Does everything that is due, longest overdue first; resolves with the number of orders worked on. */
  sweep(): Promise<number>
  /** Takes no more work. Claimed work that has not started is given back. */
  stop(): void
  /** Aborts every running hook: it is rolled back and given back. */
  giveUp(): void
  /** Waits for running and started work, at most `limitMs`. */
  idle(limitMs: number): Promise<void>
}

/** The part of a lease that a hook may use: it is aborted, and recorded as failed, before another process may take over its order. */
const HOOK_SHARE = 0.9

/** How often a sweep deletes expired sessions, and looks for work that a fast clock has put too far into the future. */
const LOOK_EVERY_MS = 5 * 60_000

/** Work that has been due this long is reported to the operator. */
const STUCK_MS = 10 * 60_000

/**
 * Does the due work of orders: queries WeChat about unpaid ones at the intervals that WeChat recommends, closes expired ones, runs `onPaid` for paid
 * ones, and follows refunds. A process claims an order before it works on it; if the process dies, the lease ends and another takes over. Nothing is
 * claimed without a free slot, so that no lease is spent waiting.
 */
export function createWork({
  store,
  orders,
  refunds,
  shipping,
  policy,
  hooks,
  now,
  wechatNow = now,
  log,
  leaseMs,
  claimer = '',
  concurrency,
}: WorkDeps): Work {
  const hookMs = leaseMs * HOOK_SHARE
  const hookLimits = createDeadlines(hookMs)
  const leaseEnds = createDeadlines(leaseMs - hookMs)
  let stopped = false
  /** When work in the far future was last looked for. */
  let lookedAt = -Infinity
  const leases = new Set<Lease>()
  const { onPaid, onRefunded, giveBack } = createFulfilment({
    store,
    orders,
    hooks,
    policy,
    now,
    wechatNow,
    leaseMs,
  })
  const slots = createSlots(concurrency, workOnStarted)

  function claimDue(limit: number, outTradeNo?: string): Promise<Claim[]> {
    const plan = (order: Order) => planQuery(order, now(), wechatNow())
    return answered(store.claimDue(orders.owner, now(), limit, leaseMs, { outTradeNo, claimer, plan }))
  }

  /** Deletes expired sessions. A process whose clock was ahead may have died and left work that is due only in the far future. */
  async function tidy(): Promise<void> {
    const at = now()
    if (stopped || at.getTime() - lookedAt < LOOK_EVERY_MS) return
    lookedAt = at.getTime()
    await answered(store.deleteSessionsBefore(at))
    const count = await answered(store.bringForward(orders.owner.mchId, furthest(at, leaseMs), at))
    if (count > 0) {
      log.warn(
        { count },
        'A clock that was ahead had scheduled the work of these orders too far in the future: it is due now',
      )
    }
  }

  /** A store that does not answer holds a slot for no longer than a hook may. */
  function answered<T>(answer: Promise<T>): Promise<T> {
    return hookLimits.limit(
      answer,
      () =>
        new WechatError('WECHAT_STORE_FAILED', `The order store did not answer within ${hookMs} ms. Try again.`, {
          advice: 'repeat',
        }),
    )
  }

  async function workOnStarted(outTradeNo: string, its: Log = log): Promise<void> {
    const began = hookLimits.now()
    let claim: Claim | undefined
    try {
      claim = (await claimDue(1, outTradeNo))[0]
    } catch (error) {
      its.error({ outTradeNo, err: error }, 'Work that is due could not be started; the sweeper will')
    }
    if (claim === undefined) slots.give(1)
    else work(claim, began, its)
  }

  /** Waits for a slot, then claims as many orders as there are slots, or only this one; each claim keeps its slot. */
  async function claimNext(limit: number, outTradeNo?: string): Promise<{ claims: Claim[]; began: number }> {
    const taken = await slots.take(limit)
    const began = hookLimits.now()
    let claims: Claim[] = []
    try {
      if (!stopped) claims = await claimDue(taken, outTradeNo)
    } finally {
      slots.give(taken - claims.length)
    }
    return { claims, began }
  }

  /** One round of a sweep: works until nothing is due. */
  async function round(): Promise<number> {
    const tasks = new Set<Promise<void>>()
    let count = 0
    let found: number
    do {
      const { claims, began } = await claimNext(concurrency)
      found = claims.length
      count += found
      for (const claim of claims) {
        const task: Promise<void> = new Promise<void>((resolve) => {
          work(claim, began, log, resolve)
        }).finally(() => tasks.delete(task))
        tasks.add(task)
      }
    } while (found > 0)
    await Promise.all(tasks)
    return count
  }

  /**
   * Does the work of a claim and returns its slot, at the latest when the lease ends: from then on any process may claim the order. `began` is when
   * the claim was requested, in real time, as its lease may have begun then.
   */
  function work(claim: Claim, began: number, its: Log, done = () => {}): void {
    let over = false
    const end = () => {
      if (over) return
      over = true
      lease.end()
      leases.delete(lease)
      deadline.close()
      slots.give(1)
      done()
    }
    const lease = new Lease(its)
    leases.add(lease)
    let deadline = hookLimits.begin(() => {
      lease.tooLate(new Error(`it had not ended after ${hookMs} ms and was abandoned: see the option leaseMs`))
      deadline = leaseEnds.begin(end)
    }, began)
    const task = stopped ? giveBack(claim, lease) : workOn(claim, lease)
    task.then(end, (error: unknown) => {
      // The order keeps its place in the schedule: the engine has recorded the failure, or the lease ends.
      its.warn(
        { outTradeNo: claim.order.outTradeNo, err: error },
        'Work that was due could not be done; it will be tried again',
      )
      end()
    })
  }

  async function workOn(claim: Claim, lease: Lease): Promise<void> {
    let order: Order | undefined = claim.order
    if (!orders.owns(order)) {
      log.error(
        { outTradeNo: order.outTradeNo, mchId: order.mchId, appid: order.appid },
        "The store returned another account's order: it breaks the contract of stores",
      )
      return
    }
    let worked = isOwed(order)
    if (worked) order = await onPaid(claim, lease)
    else if (order.payment === undefined) await orders.pursue(order, claim.planned)
    // Each result returns the order as it is now: refunds may have been added meanwhile, and the lease stands while a hook is due.
    for (let refund = hookDue(order, lease); refund !== undefined; refund = hookDue(order, lease)) {
      worked = true
      order = await onRefunded(claim, order as PaidOrder, refund, lease)
    }
    for (const refund of order?.refunds ?? []) {
      if (!isDue(refund.dueAt, now()) || lease.isLate) continue
      worked = true
      await refunds.pursue(order!, refund, lease.log)
    }
    // Last, and in a claim of its own: the earlier work has ended the lease, and two claims would send the same report.
    const { dueAt = null } = order?.shipping ?? {}
    if (!worked && isDue(dueAt, now()) && !lease.isLate) await shipping?.pursue(order!, lease.log)
  }

  /** A refund of the order for which onRefunded still has to run. */
  function hookDue(order: Order | undefined, lease: Lease): Refund | undefined {
    if (lease.isLate) return undefined
    return order?.refunds.find(({ fulfilment, dueAt }) => fulfilment === 'due' && isDue(dueAt, now()))
  }

  return {
    start: slots.begin,

    reserve() {
      if (stopped || !slots.tryTake()) return undefined
      const began = hookLimits.now()
      let over = false
      const deadline = hookLimits.begin(() => {
        over = true
        slots.give(1)
      }, began)
      return {
        leaseEnd: () => later(now(), leaseMs),
        claimer,
        end(committed, its = log) {
          // Committed too late: another process does the work after the lease.
          if (over) return
          deadline.close()
          if (committed === undefined) slots.give(1)
          else if (stopped) work(committed, began, its)
          else {
            afterReply(() => {
              work(committed, began, its)
            })
          }
        },
      }
    },

    async perform(outTradeNo) {
      const {
        claims: [claim],
        began,
      } = await claimNext(1, outTradeNo)
      if (claim !== undefined) await new Promise<void>((resolve) => work(claim, began, log, resolve))
      else if (stopped) throw closing()
      return claim !== undefined
    },

    async sweep() {
      let count = 0
      await tidy()
      // Work may create more work that is due at once: a query finds a payment, and onPaid has to run.
      for (let worked = await round(); worked > 0; worked = await round()) count += worked
      if (listens('fastify-wechat-pay:sweep')) {
        const counts = await store.countDue(orders.owner.mchId, now(), new Date(now().getTime() - STUCK_MS))
        publish('fastify-wechat-pay:sweep', () => ({ worked: count, ...counts }))
      }
      return count
    },

    stop() {
      stopped = true
      slots.stop()
      hookLimits.stop()
      leaseEnds.stop()
    },

    giveUp() {
      for (const lease of leases) lease.leave()
    },

    idle: slots.idle,
  }
}

function closing(): WechatError {
  return new WechatError('WECHAT_BUSY', 'The app is closing and has not begun this work. Let another process do it.', {
    advice: 'repeat',
    sent: false,
  })
}
