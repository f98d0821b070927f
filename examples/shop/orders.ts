import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter, once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Order, Source } from '../../src/index.ts'

/** A request that waits for news is answered after this time without any, so that no proxy cuts it. */
const PATIENCE_MS = 20_000
/** News of another process shows this late. */
const LOOK_AGAIN_MS = 1000

const CHANNELS = ['settlement', 'hook', 'anomaly'].map((name) => `fastify-wechat-pay:${name}`)

/** What a buyer sees of an order. */
interface OrderView {
  outTradeNo: string
  description: string
  totalFee: number
  state: Order['state']
  isShipped: boolean
  /** The state of its refund, or `null`. */
  refund: string | null
  transactionId: string | null
  /** Where the shop knows the payment from: WeChat's notification, or the answer to a query. */
  source: Source | null
  /** Differs from before when anything above does. */
  version: string
}

/** The buyer's orders: an order as the shop knows it, as soon as something has changed, and its refund. */
export function serveOrders(app: FastifyInstance): void {
  const { orders, refunds, requireUser } = app.wechat
  const news = new EventEmitter().setMaxListeners(0)
  const tell = () => news.emit('news')
  const closing = new AbortController()
  for (const channel of CHANNELS) subscribe(channel, tell)
  app.addHook('preClose', async () => {
    closing.abort()
    tell()
    for (const channel of CHANNELS) unsubscribe(channel, tell)
  })

  /** The order, if it is this buyer's. */
  async function find(outTradeNo: string, openid: string): Promise<Order> {
    const order = await orders.get(outTradeNo)
    if (order?.openid === openid) return order
    throw Object.assign(new Error('You have no such order.'), { statusCode: 404 })
  }

  async function view(order: Order): Promise<OrderView> {
    const { outTradeNo, description, totalFee, state, fulfilment, payment } = order
    const refund = order.refunds.at(-1)?.state ?? null
    const paid = payment && (await orders.history(outTradeNo)).find(({ from, to }) => to === 'paid' && from !== 'paid')
    return {
      outTradeNo,
      description,
      totalFee,
      state,
      isShipped: fulfilment === 'done',
      refund,
      transactionId: payment?.transactionId ?? null,
      source: paid?.source ?? null,
      version: [state, fulfilment, refund].join(),
    }
  }

  app.get<{ Params: { outTradeNo: string }; Querystring: { seen?: string } }>(
    '/shop/orders/:outTradeNo',
    { preHandler: requireUser },
    async ({ params, query, wechatUser: { openid } }) => {
      const until = Date.now() + PATIENCE_MS
      let seen = await view(await find(params.outTradeNo, openid))
      while (seen.version === query.seen && Date.now() < until && !closing.signal.aborted) {
        const { signal, stop } = stoppable()
        await Promise.race([once(news, 'news', { signal }), setTimeout(LOOK_AGAIN_MS, undefined, { signal })])
        stop()
        seen = await view(await find(params.outTradeNo, openid))
      }
      return seen
    },
  )

  // One key: however often the button is pressed, the money goes back once.
  app.post<{ Params: { outTradeNo: string } }>(
    '/shop/orders/:outTradeNo/refund',
    { preHandler: requireUser },
    async ({ params, wechatUser: { openid } }) => {
      const { outTradeNo, totalFee } = await find(params.outTradeNo, openid)
      await refunds.create(outTradeNo, { key: 'buyer', refundFee: totalFee, reason: '买家申请退款' })
      return await view(await find(outTradeNo, openid))
    },
  )
}

function stoppable(): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  return { signal: controller.signal, stop: () => controller.abort() }
}
