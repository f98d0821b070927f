import type { FastifyInstance, FastifyReply } from 'fastify'
import { createDeadlines } from '../deadlines.ts'
import { publish } from '../diagnostics.ts'
import { NotificationError } from '../client/pay.ts'
import type { NotificationFault, PayApi } from '../client/pay.ts'
import type { Orders } from '../engine/orders.ts'
import { WechatError } from '../errors.ts'
import type { Log } from '../hooks.ts'

export interface NotifyRouteDeps {
  pay: PayApi
  orders: Orders
  now: () => Date
  log: Log
}

const BODY_LIMIT = 64 * 1024

/** @fastify/swagger leaves it out: the route is WeChat's alone. */
const HIDDEN: object = { hide: true }

/** WeChat waits 5 s. A store that takes longer than this is answered for: WeChat sends again, and what was stored after all is then known already. */
const REPLY_LIMIT_MS = 4000

/** What a notification came to: a fault when WeChat must be told that it was not taken. */
interface Taken {
  fault?: NotificationFault
  outcome: string
  lagMs?: number
}

/**
 * `POST /notify`. The reply is ours alone: it is written to the socket past the host's `onSend`, serialisers and error handler, so that nothing the host
 * does can turn a failure into a success or reshape what WeChat reads. A success is said only after the change has been committed.
 */
export function notifyRoute(scope: FastifyInstance, { pay, orders, now, log }: NotifyRouteDeps): void {
  const replyLimits = createDeadlines(REPLY_LIMIT_MS)
  scope.addHook('onClose', async () => {
    replyLimits.stop()
  })

  // The host's parsers must not touch the body: the signature covers its bytes, whatever the Content-Type says.
  scope.removeAllContentTypeParsers()
  // … even where it is none.
  scope.addHook('onRequest', ({ raw }, _reply, done) => {
    raw.headers['content-type'] = 'text/xml'
    done()
  })
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, done) => {
    done(null, body)
  })

  async function take(body: Buffer): Promise<Taken> {
    const notification = pay.readNotification(body)
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

  function answer(reply: FastifyReply, fault?: NotificationFault, status?: number): void {
    const { status: usual, contentType, body } = pay.reply(fault)
    reply.hijack()
    // Such as a content-encoding that our body does not have.
    for (const name of reply.raw.getHeaderNames()) reply.raw.removeHeader(name)
    reply.raw.writeHead(status ?? usual, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
    reply.raw.end(body)
  }

  scope.post(
    '/notify',
    {
      schema: HIDDEN,
      bodyLimit: BODY_LIMIT,
      // A body that cannot be read, or a hook of the host that threw: not believed, and never an HTML or JSON page.
      errorHandler: (error, _request, reply) => {
        log.warn({ err: error }, 'A notification could not be taken in')
        answer(reply, 'unreadable', error.statusCode !== undefined && error.statusCode >= 400 ? error.statusCode : 500)
      },
      // A hook of the host that answered in our place: WeChat must not take its page for ours.
      onSend: async (_request, reply) => {
        const { status, contentType, body } = pay.reply('unreadable')
        reply
          .code(reply.statusCode >= 400 ? reply.statusCode : status)
          .header('content-type', contentType)
          .removeHeader('content-length')
        return body
      },
    },
    async (request, reply) => {
      let taken: Taken
      try {
        taken = await replyLimits.limit(
          take(request.body as Buffer),
          () => new WechatError('WECHAT_STORE_FAILED', `The order store did not answer within ${REPLY_LIMIT_MS} ms.`),
        )
        if (taken.fault !== undefined) {
          log.warn({ fault: taken.fault }, 'A verified notification was not taken; the history of its order says why')
        }
      } catch (error) {
        const fault = error instanceof NotificationError ? error.fault : 'not-stored'
        if (fault === 'not-stored') {
          log.error({ err: error }, 'A notification could not be stored; WeChat will send it again')
        } else log.warn({ fault, reason: (error as Error).message }, 'A notification was refused')
        taken = { fault, outcome: fault }
      }
      publish('fastify-wechat-pay:notification', () => ({
        outcome: taken.outcome,
        accepted: taken.fault === undefined,
        lagMs: taken.lagMs,
      }))
      answer(reply, taken.fault)
    },
  )
}
