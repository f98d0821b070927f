import { createDeadlines } from '../../base/deadlines.ts'
import { loggable } from '../../base/thrown.ts'
import { WechatError } from '../../errors.ts'
import type { Hooks, Job } from '../../hooks.ts'
import type { Order } from '../../model.ts'
import type { Change } from '../../store/store.ts'
import { isOwed } from '../schedule.ts'

/** Adds to a change the job for the work that it makes due. */
export type Outbox = (change: Change, before: Order, now: Date) => Change

/** How long `enqueue` may keep the row of an order locked; a notification is answered after 4 s. */
const ENQUEUE_MS = 3000

export function createOutbox(enqueue: NonNullable<Hooks['enqueue']>, limitMs = ENQUEUE_MS): Outbox {
  const limits = createDeadlines(limitMs)

  return (change, before, now) => {
    const { order } = change
    const job = jobOf(before, order, now)
    if (job === undefined) return change
    const dueAt = order.dueAt!
    return {
      ...change,
      async also(tx) {
        try {
          await limits.limit(
            (async () => await enqueue(job, { tx, dueAt }))(),
            () => new Error(`it had not ended after ${limitMs} ms`),
          )
        } catch (thrown) {
          throw new WechatError('WECHAT_STORE_FAILED', 'The hook enqueue failed, so nothing was recorded. Try again.', {
            cause: loggable(thrown),
            advice: 'repeat',
          })
        }
      },
    }
  }
}

/** The work that a change makes due: for a paid order, all of it, now or later; for an unpaid one, only what is due at once, as its queries have a schedule. */
export function jobOf(before: Order, after: Order, now: Date): Job | undefined {
  const { mchId, outTradeNo, claims, payment, dueAt } = after
  if (dueAt === null || dueAt.getTime() === before.dueAt?.getTime()) return undefined
  if (payment === undefined && dueAt > now) return undefined
  return { kind: kindOf(after), mchId, outTradeNo, claims }
}

function kindOf(order: Order): Job['kind'] {
  if (isOwed(order)) return 'onPaid'
  if (order.payment === undefined) return 'query'
  const isHook = order.refunds.some(
    ({ fulfilment, dueAt }) => fulfilment === 'due' && dueAt !== null && dueAt <= order.dueAt!,
  )
  if (isHook) return 'onRefunded'
  return order.refunds.some(({ dueAt }) => dueAt !== null && dueAt <= order.dueAt!) ? 'refund' : 'shipping'
}
