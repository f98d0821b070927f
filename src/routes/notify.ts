import type { FastifyInstance } from 'fastify'
import { NotificationError } from '../client/pay.ts'
import type { Notification, NotificationMessage, PayApi } from '../client/pay.ts'
import type { Observed, Orders } from '../engine/orders.ts'
import { WechatError } from '../errors.ts'
import type { Log } from '../hooks.ts'
import { createPassages } from './passage.ts'
import type { Taken } from './passage.ts'

export interface NotifyRouteDeps {
  pay: PayApi
  orders: Orders
  /** The orders of all registrations on this server, ours included. */
  registered: () => readonly Orders[]
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
  { pay, orders, registered, now, log, limitMs = REPLY_LIMIT_MS }: NotifyRouteDeps,
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
        : await takeRefundHint(notification)
    if (observed === undefined) return { fault: 'unknown-order', outcome: 'unknown-order' }
    if (observed.outcome === 'refused') return { fault: 'mismatch', outcome: 'mismatch' }
    const { outcome } = observed
    return notification.kind === 'payment'
      ? { outcome, lagMs: now().getTime() - notification.payment.paidAt.getTime() }
      : { outcome }
  }

  /** It is for whoever owns the order: we, another registration here, or one elsewhere that shares our store and does its own work. */
  async function takeRefundHint({
    appid,
    outTradeNo,
    outRefundNo,
    refundFee,
  }: Notification & { kind: 'refund-hint' }): Promise<Observed | undefined> {
    const { mchId } = orders.account
    const owners = registered().filter((each) => each.owns({ appid, mchId }))
    for (const each of new Set([...owners, orders])) {
      const hint = { seen: 'refund-hinted', source: 'notify', appid, outRefundNo, refundFee } as const
      const observed = await each.observe(outTradeNo, hint)
      if (observed !== undefined) return observed
    }
    if (appid === orders.account.appid) return undefined
    throw new NotificationError(
      'wrong-account',
      `A refund of the app ${appid} was notified, and its order is not known here. WeChat's console (交易中心 – 退款管理 – 退款配置) has one refund URL for all apps of the merchant ${mchId}: set it to a server where ${appid} is registered too, or which shares a store with it.`,
    )
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
