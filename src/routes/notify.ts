import type { FastifyInstance } from 'fastify'
import { NotificationError } from '../client/pay.ts'
import type { Notification, NotificationFault, NotificationMessage, PayApi } from '../client/pay.ts'
import type { Observed } from '../engine/news.ts'
import type { Orders } from '../engine/orders.ts'
import { WechatError } from '../errors.ts'
import type { Hooks, Log, LogLevels } from '../hooks.ts'
import { loggable } from '../base/thrown.ts'
import { createPassages } from './passage.ts'
import { createRefusalLog } from './refusal-log.ts'
import type { Taken } from './passage.ts'

export interface NotifyRouteDeps {
  pay: PayApi
  orders: Orders
  /** The orders of all registrations on this server, ours included. */
  registered: () => readonly Orders[]
  hooks: Pick<Hooks<never>, 'onEvent'>
  now: () => Date
  log: Log
  levels?: Pick<LogLevels, 'refused' | 'event'>
  /** Real ms from the arrival of a notification to its answer. */
  limitMs?: number
}

const BODY_LIMIT = 64 * 1024

/** @fastify/swagger leaves it out: the route is only for WeChat. */
const HIDDEN: object = { hide: true }

/** WeChat waits 5 s. After this time we answer FAIL: WeChat sends again, and anything stored meanwhile is then already known. */
const REPLY_LIMIT_MS = 4000

/**
 * `POST /notify`. Only the plugin replies: it writes directly to the socket, bypassing the app's `onSend`, serialisers and error handler, so the app
 * cannot turn a failure into a success or change the reply. Success is answered only after the change has been committed.
 */
export function notifyRoute(
  scope: FastifyInstance,
  { pay, orders, registered, hooks, now, log, levels = {}, limitMs = REPLY_LIMIT_MS }: NotifyRouteDeps,
): void {
  const { refused, heard } = createRefusalLog(now, levels.refused)
  const passages = createPassages(scope, {
    pay,
    log,
    refused,
    url: `${scope.prefix}/notify`,
    bodyLimit: BODY_LIMIT,
    limitMs,
    onLate(passage, reply, log) {
      const err = new WechatError('WECHAT_STORE_FAILED', `The order store did not answer within ${limitMs} ms.`)
      log.error({ err }, NOT_STORED)
      passages.answer(passage, reply, { fault: 'not-stored', outcome: 'not-stored' })
    },
  })

  async function take(message: NotificationMessage, log: Log): Promise<Taken> {
    const notification = await pay.readNotification(message)
    switch (notification.kind) {
      case 'payment': {
        const { payment, subMchId } = notification
        const taken = takenBy(await orders.observePayment('notify', payment, log, subMchId))
        return { ...taken, lagMs: now().getTime() - payment.paidAt.getTime() }
      }
      case 'payment-hint': {
        const { outTradeNo, transactionId, subMchId } = notification
        const hint = { seen: 'payment-hinted', source: 'notify', transactionId, subMchId } as const
        const observed = await orders.observe(outTradeNo, hint, log)
        // Accepted once a query has confirmed it; until then WeChat has to send it again.
        if (observed === undefined || observed.outcome === 'repeated') return takenBy(observed)
        return fault('ambiguous')
      }
      case 'payment-failed': {
        const { outTradeNo, reason, subMchId } = notification
        if (outTradeNo !== undefined) {
          await orders.observe(outTradeNo, { seen: 'payment-failed', source: 'notify', reason, subMchId }, log)
        }
        heard(log, 'warn', 'payment-failed', { outTradeNo, reason }, 'WeChat reports a payment that failed')
        return { outcome: 'payment-failed' }
      }
      case 'refund':
        return takenBy(
          (await takeRefund(notification, log)) ??
            (await orders.noteUnknownRefund(notification.report, log, notification.subMchId)),
        )
      case 'refund-hint':
        return takenBy(
          (await takeRefundHint(notification, log)) ??
            (await orders.noteUnknownRefund(notification, log, notification.subMchId)),
        )
      case 'event': {
        const { event } = notification
        await hooks.onEvent?.(event, { log })
        if (hooks.onEvent === undefined) {
          const { id, type } = event
          heard(
            log,
            levels.event ?? 'info',
            'event',
            { id, type },
            'WeChat has sent an event, but there is no onEvent hook',
          )
        }
        return { outcome: 'event' }
      }
    }
  }

  /** It does not name the app: the order does. Its owner does the work, here or, through a shared store, elsewhere. */
  async function takeRefund(
    { report, subMchId }: Notification & { kind: 'refund' },
    log: Log,
  ): Promise<Observed | undefined> {
    const { mchId } = orders.owner
    const others = registered().filter(({ owner }) => owner.mchId === mchId)
    let keeper: Orders | undefined
    for (const each of new Set([orders, ...others])) {
      const order = await each.get(report.outTradeNo)
      if (order?.mchId !== mchId) continue
      keeper = each
      if (each.owns(order)) break
    }
    return await keeper?.observe(
      report.outTradeNo,
      { seen: 'refund-reported', source: 'notify', report, subMchId },
      log,
    )
  }

  /** It is for the owner of the order: this registration, another one here, or one elsewhere that shares the store and does the work itself. */
  async function takeRefundHint(
    { appid, outTradeNo, outRefundNo, refundFee, subMchId }: Notification & { kind: 'refund-hint' },
    log: Log,
  ): Promise<Observed | undefined> {
    const { mchId } = orders.owner
    const owners = registered().filter((each) => appid !== undefined && each.owns({ appid, mchId }))
    for (const each of new Set([...owners, orders])) {
      const hint = { seen: 'refund-hinted', source: 'notify', appid, outRefundNo, refundFee, subMchId } as const
      const observed = await each.observe(outTradeNo, hint, log)
      if (observed !== undefined) return observed
    }
    if (appid === undefined || orders.owner.appids.includes(appid)) return undefined
    throw new NotificationError(
      'wrong-account',
      `WeChat notified a refund for the app ${appid}, whose order is not known here. WeChat's console (交易中心 – 退款管理 – 退款配置) has one refund URL for all apps of the merchant ${mchId}: set it to a server that has ${appid} registered too, or shares a store with it.`,
    )
  }

  scope.post('/notify', { schema: HIDDEN, bodyLimit: BODY_LIMIT, ...passages.hooks }, async (request, reply) => {
    const passage = passages.of(request, reply)
    const { log } = request
    passage.stage = 'ours'
    reply.hijack()
    let taken: Taken
    try {
      taken = await take(passage, log)
      if (passage.answered) return
      if (taken.fault !== undefined) {
        refused(log, taken.fault, {}, 'A verified notification was not accepted; the history of its order says why')
      }
    } catch (error) {
      if (passage.answered) return
      // The error may come from a hook.
      const err = loggable(error)
      taken = fault(err instanceof NotificationError ? err.fault : 'not-stored')
      if (err instanceof NotificationError) {
        refused(log, err.fault, { reason: err.message }, 'A notification was refused')
      } else log.error({ err }, NOT_STORED)
    }
    passages.answer(passage, reply.raw, taken)
  })
}

function takenBy(observed: Observed | undefined): Taken {
  if (observed === undefined) return fault('unknown-order')
  return observed.outcome === 'refused' ? fault('mismatch') : { outcome: observed.outcome }
}

function fault(fault: NotificationFault): Taken {
  return { fault, outcome: fault }
}

const NOT_STORED = 'A notification could not be stored; WeChat will send it again'
