import { setTimeout as wait } from 'node:timers/promises'
import { publish } from '../../base/diagnostics.ts'
import { loggable, reasonOf } from '../../base/thrown.ts'
import type { FulfilContext, Hooks, PaidOrder } from '../../hooks.ts'
import type { Order, Refund } from '../../model.ts'
import type { Claim, Store } from '../../store/store.ts'
import { decide } from '../machine.ts'
import type { Observation } from '../machine/observation.ts'
import type { Policy } from '../machine/ruling.ts'
import type { Orders } from '../orders.ts'
import { Context } from './lease.ts'
import type { Lease } from './lease.ts'

export interface FulfilmentDeps {
  store: Pick<Store, 'fulfil'>
  orders: Pick<Orders, 'observe'>
  policy: Policy
  hooks: Pick<Hooks, 'onPaid' | 'onRefunded'>
  now: () => Date
  wechatNow: () => Date
  /** How long a claim lasts, ms. */
  leaseMs: number
}

/** Each resolves with the order as it is afterwards; `undefined` if the claim is lost or was given back. */
export interface Fulfilment {
  onPaid(claim: Claim, lease: Lease): Promise<Order | undefined>
  onRefunded(claim: Claim, order: PaidOrder, refund: Refund, lease: Lease): Promise<Order | undefined>
  /** Leaves the work of a claim to any process. */
  giveBack(claim: Claim, lease: Lease): Promise<void>
}

/** The part of a lease after which storing a result is tried again. */
const RETRY_SHARE = 1 / 60

/** Runs the hooks of the app under a claim, and stores their results. */
export function createFulfilment({
  store,
  orders,
  policy,
  hooks,
  now,
  wechatNow,
  leaseMs,
}: FulfilmentDeps): Fulfilment {
  async function giveBack(claim: Claim, lease: Lease): Promise<void> {
    await conclude(claim, lease, { seen: 'given-back', claims: claim.claims, reason: 'the app is closing' })
  }

  /**
   * Stores the result of a claim, and resolves with the order; `undefined` if it is another process's by now. If the store is unreachable, tries again while
   * the lease lasts; otherwise the order would wait for the lease to end.
   */
  async function conclude(
    claim: Claim,
    lease: Lease,
    observation: Observation,
    isRetry = false,
  ): Promise<Order | undefined> {
    const { outTradeNo } = claim.order
    try {
      const observed = await orders.observe(outTradeNo, observation, lease.log)
      return observed?.order.claims === claim.claims ? observed.order : undefined
    } catch (error) {
      if (lease.isOver || lease.isLeft) throw error
      if (!isRetry) {
        lease.log.warn({ outTradeNo, err: error }, 'The result of the work could not be stored; trying again')
      }
      await wait(leaseMs * RETRY_SHARE)
      return await conclude(claim, lease, observation, true)
    }
  }

  function onPaid(claim: Claim, lease: Lease): Promise<Order | undefined> {
    const order = claim.order as PaidOrder
    return runHook(
      claim,
      lease,
      'onPaid',
      (context) => hooks.onPaid(order, context),
      { seen: 'fulfilled' },
      (reason) => ({ seen: 'fulfil-failed', claims: claim.claims, reason }),
    )
  }

  function onRefunded(claim: Claim, order: PaidOrder, refund: Refund, lease: Lease): Promise<Order | undefined> {
    const { outRefundNo } = refund
    return runHook(
      claim,
      lease,
      'onRefunded',
      (context) => hooks.onRefunded?.(order, refund, context),
      { seen: 'refund-fulfilled', outRefundNo },
      (reason) => ({ seen: 'refund-fulfil-failed', outRefundNo, claims: claim.claims, reason }),
    )
  }

  /** Runs a hook and applies `done` in one transaction, or records that the hook failed; resolves with the order, unless the claim is lost or given back. */
  async function runHook(
    claim: Claim,
    lease: Lease,
    hook: 'onPaid' | 'onRefunded',
    run: (context: FulfilContext<unknown>) => Promise<void> | void,
    done: Observation,
    failed: (reason: string) => Observation,
  ): Promise<Order | undefined> {
    const { outTradeNo } = claim.order
    let after: Order | undefined
    try {
      const outcome = await store.fulfil(
        claim,
        (tx) => lease.limit(() => run(new Context(tx, lease))),
        (current) => {
          const { change } = decide(current, done, policy, now(), wechatNow())
          after = change!.order
          return change
        },
      )
      publish('fastify-wechat-pay:hook', () => ({ outTradeNo, hook, outcome }))
      if (outcome === 'done') return after
      lease.log.warn({ outTradeNo }, `${hook} took longer than its lease; another process has taken the order over`)
      return undefined
    } catch (error) {
      if (lease.isLeft) {
        lease.log.warn(
          { outTradeNo, err: loggable(error) },
          `${hook} was aborted because the app is closing; another process will run it`,
        )
        await giveBack(claim, lease)
        return undefined
      }
      publish('fastify-wechat-pay:hook', () => ({ outTradeNo, hook, outcome: 'failed' }))
      lease.log.error({ outTradeNo, err: loggable(error) }, `${hook} failed; it will be run again`)
      return await conclude(claim, lease, failed(reasonOf(error)))
    }
  }

  return { onPaid, onRefunded, giveBack }
}
