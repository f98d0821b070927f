import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import Koa from 'koa'
import type { Middleware } from 'koa'
import wechatpayAxiosPlugin from 'wechatpay-axios-plugin'
import { memoryStore, wechatPay } from '../../src/index.ts'
import { verifyV2 } from '../../src/protocol/sign-v2.ts'
import { readXml } from '../../src/protocol/xml.ts'
import { ACCOUNT, OPENID, orderOf, PATH } from './messages.ts'

/** One way to serve WeChat's notification. */
export interface Contestant {
  listen: () => Promise<number>
  expect: (count: number) => Promise<void>
  settled: () => Promise<number | null>
}

const SUCCESS = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'
const FAIL = '<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[no]]></return_msg></xml>'

/** Fastify's default, for those that are not Fastify too. */
const KEEP_ALIVE_MS = 72_000

/** Keeps no orders. */
const stateless = { expect: async () => {}, settled: async () => null }

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export const CONTESTANTS = {
  plugin,
  'by hand': byHand,
  bare,
  tenpay,
  'wechatpay-axios-plugin': axiosPlugin,
} satisfies Record<string, () => Contestant | Promise<Contestant>>

export type Name = keyof typeof CONTESTANTS

/** This package with its default options, on the memory store. */
async function plugin(): Promise<Contestant> {
  const app = Fastify()
  const store = memoryStore()
  let known = 0
  let fulfilled = 0
  await app.register(wechatPay, {
    appid: ACCOUNT.appid,
    appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
    merchant: { version: 'v2', mchId: ACCOUNT.mchId, apiKey: ACCOUNT.apiKey, signType: 'MD5' },
    publicUrl: 'https://shop.example.com',
    // Nothing listens there: a notification costs no call.
    baseUrl: 'http://127.0.0.1:9',
    store,
    price: () => {
      throw new Error('Nobody orders here.')
    },
    onPaid: () => {
      fulfilled += 1
    },
  })
  return {
    listen: async () => await listen(app),
    async expect(count) {
      const createdAt = new Date()
      const expiresAt = new Date(createdAt.getTime() + 2 * 60 * 60 * 1000)
      for (const end = known + count; known < end; known++) {
        const { outTradeNo, totalFee } = orderOf(known)
        await store.insertOrder({
          order: {
            outTradeNo,
            appid: ACCOUNT.appid,
            mchId: ACCOUNT.mchId,
            key: `cart-${known}`,
            liveKey: `cart-${known}`,
            openid: OPENID,
            description: 'Tea',
            totalFee,
            apiVersion: 'v2',
            currency: 'CNY',
            clientIp: '203.0.113.7',
            state: 'prepaid',
            prepayId: 'wx15093000257392f61a80c7ab2f1d0000',
            prepayExpiresAt: expiresAt,
            // As the engine makes orders, with every field.
            queriedAt: undefined,
            payment: undefined,
            createdAt,
            expiresAt,
            refunds: [],
            fulfilment: 'none',
            attempts: 0,
            // Not before the benchmark has ended.
            dueAt: expiresAt,
            claims: 0,
          },
          history: [
            {
              outTradeNo,
              at: createdAt,
              source: 'order',
              seen: 'order',
              outcome: 'created',
              from: 'created',
              to: 'prepaid',
            },
          ],
          anomalies: [],
        })
      }
    },
    async settled() {
      await app.close()
      let paid = 0
      for (let n = 0; n < known; n++) {
        const order = await store.findOrder(orderOf(n).outTradeNo)
        if (order?.state === 'paid' && order.fulfilment === 'done') paid += 1
      }
      if (paid !== fulfilled) throw new Error(`${paid} orders are paid and done, but onPaid ran ${fulfilled} times.`)
      return paid
    },
  }
}

/** The least that a notification takes: plain code in a route, with the package's reader and the package's check of the signature. */
function byHand(): Contestant {
  const app = Fastify()
  const orders = new Map<string, { totalFee: number; transactionId?: string; paidAt?: Date }>()
  let known = 0
  let fulfilled = 0
  const onPaid = async () => {
    fulfilled += 1
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.post(PATH, async (request, reply) => {
    reply.type('text/xml; charset=utf-8')
    const fields = readXml(request.body as Buffer)
    const order = orders.get(fields.get('out_trade_no') ?? '')
    const fits =
      fields.get('result_code') === 'SUCCESS' &&
      verifyV2(fields, ACCOUNT.apiKey, 'MD5') &&
      fields.get('appid') === ACCOUNT.appid &&
      fields.get('mch_id') === ACCOUNT.mchId &&
      fields.get('openid') === OPENID &&
      Number(fields.get('total_fee')) === order?.totalFee
    if (!fits) return FAIL
    if (order!.paidAt === undefined) {
      order!.paidAt = new Date()
      order!.transactionId = fields.get('transaction_id')!
      await onPaid()
    }
    return SUCCESS
  })
  return {
    listen: async () => await listen(app),
    async expect(count) {
      for (const end = known + count; known < end; known++) {
        const { outTradeNo, totalFee } = orderOf(known)
        orders.set(outTradeNo, { totalFee })
      }
    },
    async settled() {
      await app.close()
      const paid = [...orders.values()].filter(({ paidAt }) => paidAt !== undefined).length
      if (paid !== fulfilled) throw new Error(`${paid} orders are paid, but onPaid ran ${fulfilled} times.`)
      return paid
    },
  }
}

/** What Fastify itself allows: the body read as it is, a constant answered. */
function bare(): Contestant {
  const app = Fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.post(PATH, async (_request, reply) => reply.type('text/xml; charset=utf-8').send(SUCCESS))
  return { ...stateless, listen: async () => await listen(app) }
}

/** tenpay's middleware under Koa, with the smallest of body readers. */
function tenpay(): Contestant {
  const Tenpay = createRequire(import.meta.url)('tenpay') as new (options: object) => {
    middleware(type: 'pay'): Middleware
  }
  const api = new Tenpay({ appid: ACCOUNT.appid, mchid: ACCOUNT.mchId, partnerKey: ACCOUNT.apiKey })
  const app = new Koa()
  app.use(async (ctx, next) => {
    if (ctx.path !== PATH) return
    const chunks: Buffer[] = []
    for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
    Object.assign(ctx.request, { body: Buffer.concat(chunks).toString() })
    await next()
  })
  app.use(api.middleware('pay'))
  app.use(async (ctx) => {
    ;(ctx as unknown as { reply(): void }).reply()
  })
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, app.callback())
  return {
    ...stateless,
    listen: async () =>
      await new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => {
          resolve((server.address() as AddressInfo).port)
        })
      }),
  }
}

/** wechatpay-axios-plugin's helpers under Fastify, put together as its README shows them. */
function axiosPlugin(): Contestant {
  const { Hash, Transformer } = wechatpayAxiosPlugin
  const key = Hash.keyObjectFrom(ACCOUNT.apiKey)
  const app = Fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body)
  })
  app.post(PATH, async (request, reply) => {
    const message = Transformer.toObject(request.body as string) as Record<string, string>
    const genuine = Hash.equals(Hash.sign(Hash.ALGO_MD5, message, key), message.sign)
    return reply
      .type('text/xml; charset=utf-8')
      .send(
        Transformer.toXml(
          genuine ? { return_code: 'SUCCESS', return_msg: 'OK' } : { return_code: 'FAIL', return_msg: 'sign' },
        ),
      )
  })
  return { ...stateless, listen: async () => await listen(app) }
}
