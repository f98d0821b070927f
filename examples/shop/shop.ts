import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import wechatPay from '../../src/index.ts'
import type { WechatPayOptions } from '../../src/index.ts'
import type { ShopDatabase } from './database.ts'
import { serveOrders } from './orders.ts'
import { type MockAddress, servePhone } from './phone/phone.ts'

/** What the shop needs to know about WeChat. It sets the plugin's other options itself. */
export type WechatAccount = Pick<WechatPayOptions, 'appid' | 'appSecret' | 'merchant' | 'baseUrl' | 'now'>

export interface ShopOptions {
  wechat: WechatAccount
  /** Where WeChat reaches the shop. */
  publicUrl: string
  database: ShopDatabase
  /** An HTTP server that listens already, so that `publicUrl` can name its port. */
  server: Server
  /** Serves `GET /`, a browser's page that runs the mini program over the `wx` of this mock. */
  phone?: MockAddress
  /** Serves `GET /probe`, for end-to-end tests. */
  probe?: boolean
  log?: boolean
}

/** Prices in fen. The client names the product; the price is looked up here. */
const CATALOGUE: Record<string, { zh: string; en: string; totalFee: number }> = {
  tea: { zh: '龙井茶 50 克', en: 'Dragon Well tea 50 g', totalFee: 1250 },
  cup: { zh: '盖碗', en: 'Gaiwan', totalFee: 8800 },
  pot: { zh: '紫砂壶', en: 'Yixing teapot', totalFee: 36800 },
}

/** A small tea shop: what an app that uses the plugin looks like. */
export async function buildShop({
  wechat,
  publicUrl,
  database,
  server,
  phone,
  probe = false,
  log = false,
}: ShopOptions): Promise<FastifyInstance> {
  const app = Fastify({
    logger: log && { level: 'warn', stream: process.stderr },
    serverFactory: (handler) => server.on('request', handler),
  })

  await app.register(wechatPay, {
    ...wechat,
    publicUrl,
    store: database.store,
    price(request, { openid }) {
      const { item = 'tea', cart = randomUUID() } = (request.body ?? {}) as { item?: string; cart?: string }
      const product = Object.hasOwn(CATALOGUE, item) ? CATALOGUE[item] : undefined
      if (product === undefined) throw Object.assign(new Error(`The shop has no ${item}.`), { statusCode: 404 })
      const { zh, en, totalFee } = product
      // A cart belongs to its user: ordering a key closes the order that another user has placed under it.
      return { key: `${openid}:${cart}`, description: `${zh} ${en}`, totalFee, attach: `item=${item}` }
    },
    async onPaid(order, { tx }) {
      await database.ship(tx, order.outTradeNo)
    },
  })

  app.get('/shop/products', async () => Object.entries(CATALOGUE).map(([item, product]) => ({ item, ...product })))
  serveOrders(app)
  if (phone !== undefined) servePhone(app, phone)

  if (probe) {
    app.get<{ Querystring: { out_trade_no?: string } }>('/probe', async (request, reply) => {
      const order = await app.wechat.orders.get(request.query.out_trade_no ?? '')
      if (order === undefined) return await reply.code(404).send({ message: 'no such order' })
      const refunds = order.refunds.filter(({ state }) => state === 'success')
      return {
        paid: order.payment !== undefined,
        fulfilments: await database.shipments(order.outTradeNo),
        amount: order.totalFee,
        transaction_id: order.payment?.transactionId ?? null,
        refunded: refunds.reduce((sum, { refundFee }) => sum + refundFee, 0),
        refunds: refunds.length,
      }
    })
  }

  // The server was opened before the app, so the shop closes it.
  app.addHook('onClose', async () => {
    server.close()
    server.closeIdleConnections()
    await database.close()
  })
  await app.ready()
  return app
}
