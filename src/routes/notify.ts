import type { FastifyInstance } from 'fastify'
import { NotificationError } from '../client/pay.ts'
import type { NotificationMessage, PayApi } from '../client/pay.ts'
import type { Orders } from '../engine/orders.ts'
import { WechatError } from '../errors.ts'
import type { Log } from '../hooks.ts'
import { createPassages } from './passage.ts'
import type { Taken } from './passage.ts'

export interface NotifyRouteDeps {
  pay: PayApi
  orders: Orders
  now: () => Date
  log: Log
  /** Real ms from the arrival of a notification to its answer. */
  limitMs?: number
}

const BODY_LIMIT = 64 * 1024

/** @fastify/swagger leaves it out: the route is WeChat's alone. */
const HIDDEN: object = { hide: true }

/** WeChat waits 5 s. What takes longer than this is answered for: WeChat sends again, and what was stored after all is then known already. */
const REPLY_LIMIT_MS = 4000

/**
 * `POST /notify`. The reply is ours alone: it is written to the socket past the host's `onSend`, serialisers and error handler, so that nothing the host
 * does can turn a failure into a success or reshape what WeChat reads. A success is said only after the change has been committed.
 */
export function notifyRoute(
  scope: FastifyInstance,
  { pay, orders, now, log, limitMs = REPLY_LIMIT_MS }: NotifyRouteDeps,
): void {
  const passages = createPassages(scope, {
    pay,
    log,
    url: `${scope.prefix}/notify`,
    bodyLimit: BODY_LIMIT,
    limitMs,
    onLate(passage, reply) {
      const err = new WechatError('WECHAT_STORE_FAILED', `The order store did not answer within ${limitMs} ms.`)
      log.error({ err }, NOT_STORED)
      passages.answer(passage, reply, { fault: 'not-stored', outcome: 'not-stored' })
    },
  })

  async function take(message: NotificationMessage): Promise<Taken> {
    const notification = await pay.readNotification(message)
    if (notification.kind === 'payment-failed') {
      const { outTradeNo, reason } = notification
      if (outTradeNo !== undefined) {
        await orders.observe(outTradeNo, { seen: 'payment-failed', source: 'notify', reason })
      }
      log.warn({ outTradeNo, reason }, 'WeChat reports a payment that failed')
      return { outcome: 'payment-failed' }
    }
    if (notification.kind === 'payment-hint') {
      const { outTradeNo, transactionId } = notification
      const observed = await orders.observe(outTradeNo, { seen: 'payment-hinted', source: 'notify', transactionId })
      // Taken once WeChat, asked, has said the same; until then it is to be sent again.
      if (observed === undefined) return { fault: 'unknown-order', outcome: 'unknown-order' }
      const { outcome } = observed
      return outcome === 'repeated' ? { outcome } : { fault: 'ambiguous', outcome: 'ambiguous' }
    }
    const observed =
      notification.kind === 'payment'
        ? await orders.observePayment('notify', notification.payment)
        : await orders.observe(notification.outTradeNo, {
            seen: 'refund-hinted',
            source: 'notify',
            outRefundNo: notification.outRefundNo,
            refundFee: notification.refundFee,
          })
    if (observed === undefined) return { fault: 'unknown-order', outcome: 'unknown-order' }
    if (observed.outcome === 'refused') return { fault: 'mismatch', outcome: 'mismatch' }
    const { outcome } = observed
    return notification.kind === 'payment'
      ? { outcome, lagMs: now().getTime() - notification.payment.paidAt.getTime() }
      : { outcome }
  }

  scope.post('/notify', { schema: HIDDEN, bodyLimit: BODY_LIMIT, ...passages.hooks }, async (request, reply) => {
    const passage = passages.of(request, reply)
    passage.stage = 'ours'
    reply.hijack()
    let taken: Taken
    try {
      taken = await take(passage)
      if (passage.answered) return
      if (taken.fault !== undefined) {
        log.warn({ fault: taken.fault }, 'A verified notification was not taken; the history of its order says why')
      }
    } catch (error) {
      if (passage.answered) return
      const fault = error instanceof NotificationError ? error.fault : 'not-stored'
      if (fault === 'not-stored') log.error({ err: error }, NOT_STORED)
      else log.warn({ fault, reason: (error as Error).message }, 'A notification was refused')
      taken = { fault, outcome: fault }
    }
    passages.answer(passage, reply.raw, taken)
  })
}

const NOT_STORED = 'A notification could not be stored; WeChat will send it again'
