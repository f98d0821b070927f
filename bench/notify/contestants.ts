import { createDecipheriv, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Koa from 'koa'
import type { Middleware } from 'koa'
import wechatpayAxiosPlugin from 'wechatpay-axios-plugin'
import { memoryStore, wechatPay } from '../../src/index.ts'
import type { WechatPayOptions } from '../../src/index.ts'
import { verifyV2 } from '../../src/protocol/sign-v2.ts'
import { readXml } from '../../src/protocol/xml.ts'
import { ACCOUNT, OPENID, orderOf, PATH } from './messages.ts'
import { API_V3_KEY, PUBLIC_KEY_ID } from './messages-v3.ts'

/** One way to serve WeChat's notification. */
export interface Contestant {
  listen: () => Promise<number>
  expect: (count: number) => Promise<void>
  settled: () => Promise<number | null>
}

const SUCCESS = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'
const JSON_TYPE = 'application/json; charset=utf-8'
const SUCCESS_V3 = '{"code":"SUCCESS"}'
const FAIL_V3 = '{"code":"FAIL","message":"no"}'
const FAIL = '<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[no]]></return_msg></xml>'

/** Fastify's default, also used for contestants without Fastify. */
const KEEP_ALIVE_MS = 72_000

/** Keeps no orders. */
const stateless = { expect: async () => {}, settled: async () => null }

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export type Name = 'plugin' | 'by hand' | 'bare' | 'tenpay' | 'wechatpay-axios-plugin'

/** By version of the API; `publicKey` is WeChat Pay's in API v3, PEM. */
export const CONTESTANTS: Record<
  'v2' | 'v3',
  Partial<Record<Name, (publicKey: string) => Contestant | Promise<Contestant>>>
> = {
  v2: {
    plugin: async () => await plugin({ version: 'v2', mchId: ACCOUNT.mchId, apiKey: ACCOUNT.apiKey, signType: 'MD5' }),
    'by hand': () => byHand(readV2, { type: 'text/xml; charset=utf-8', success: SUCCESS, failure: FAIL }),
    bare: () => bare(SUCCESS),
    tenpay,
    'wechatpay-axios-plugin': axiosPlugin,
  },
  v3: {
    plugin: async (publicKey) => await plugin(merchantV3(publicKey)),
    'by hand': (publicKey) =>
      byHand(readV3(publicKey), { type: JSON_TYPE, success: SUCCESS_V3, failure: FAIL_V3, status: 401 }),
    bare: () => bare(SUCCESS_V3),
    'wechatpay-axios-plugin': axiosPluginV3,
  },
}

/** This package with its default options, on the memory store. */
async function plugin(merchant: WechatPayOptions['merchant']): Promise<Contestant> {
  const app = Fastify()
  const store = memoryStore()
  let known = 0
  let fulfilled = 0
  await app.register(wechatPay, {
    appid: ACCOUNT.appid,
    appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
    merchant,
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
            apiVersion: merchant.version,
            tradeType: 'JSAPI',
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
            claimedBy: undefined,
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

/** What a notification says, for a route of plain code; `undefined` for one that is not genuine. */
type Read = (
  request: FastifyRequest,
) => { outTradeNo: string; transactionId: string; totalFee: number; openid: string } | undefined

const readV2: Read = ({ body }) => {
  const fields = readXml(body as Buffer)
  const isGenuine =
    fields.get('result_code') === 'SUCCESS' &&
    verifyV2(fields, ACCOUNT.apiKey, 'MD5') &&
    fields.get('appid') === ACCOUNT.appid &&
    fields.get('mch_id') === ACCOUNT.mchId
  if (!isGenuine) return undefined
  return {
    outTradeNo: fields.get('out_trade_no')!,
    transactionId: fields.get('transaction_id')!,
    totalFee: Number(fields.get('total_fee')),
    openid: fields.get('openid')!,
  }
}

/** node:crypto and JSON.parse: verify the bytes, open the resource. */
function readV3(publicKey: string): Read {
  const key = createPublicKey(publicKey)
  return ({ headers, body }) => {
    const bytes = body as Buffer
    const [timestamp, nonce, signature] = ['timestamp', 'nonce', 'signature'].map(
      (name) => headers[`wechatpay-${name}`] as string,
    )
    const text = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), bytes, Buffer.from('\n')])
    const isGenuine =
      Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300 &&
      headers['wechatpay-serial'] === PUBLIC_KEY_ID &&
      verify('sha256', text, key, Buffer.from(signature!, 'base64'))
    if (!isGenuine) return undefined
    const { event_type: type, resource } = JSON.parse(bytes.toString())
    const sealed = Buffer.from(resource.ciphertext, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', API_V3_KEY, resource.nonce)
    decipher.setAAD(Buffer.from(resource.associated_data)).setAuthTag(sealed.subarray(-16))
    const trade = JSON.parse(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]).toString())
    if (type !== 'TRANSACTION.SUCCESS' || trade.appid !== ACCOUNT.appid || trade.mchid !== ACCOUNT.mchId) {
      return undefined
    }
    return {
      outTradeNo: trade.out_trade_no,
      transactionId: trade.transaction_id,
      totalFee: trade.amount.total,
      openid: trade.payer.openid,
    }
  }
}

interface Words {
  type: string
  success: string
  failure: string
  /** Of a failure. Default 200. */
  status?: number
}

/** The least that a notification takes: plain code in a route. */
function byHand(read: Read, { type, success, failure, status = 200 }: Words): Contestant {
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
    reply.type(type)
    const payment = read(request)
    const order = orders.get(payment?.outTradeNo ?? '')
    if (
      payment === undefined ||
      order === undefined ||
      payment.totalFee !== order.totalFee ||
      payment.openid !== OPENID
    ) {
      reply.code(status)
      return failure
    }
    if (order.paidAt === undefined) {
      order.paidAt = new Date()
      order.transactionId = payment.transactionId
      await onPaid()
    }
    return success
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
function bare(answer: string): Contestant {
  const app = Fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.post(PATH, async (_request, reply) => reply.type('text/xml; charset=utf-8').send(answer))
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

/** Its keys of API v3. Nothing is sent, so the merchant's own key may be any. */
function merchantV3(publicKey: string): WechatPayOptions['merchant'] {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    version: 'v3',
    mchId: ACCOUNT.mchId,
    apiV3Key: API_V3_KEY,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    serialNo: '5157F09EFDC096DE15EBE81A47057A7232F1B8E1',
    publicKeyId: PUBLIC_KEY_ID,
    publicKey,
  }
}

/** The same of API v3, as its README shows them. */
function axiosPluginV3(publicKey: string): Contestant {
  const { Aes, Formatter, Rsa } = wechatpayAxiosPlugin
  const key = Rsa.from(publicKey, Rsa.KEY_TYPE_PUBLIC)
  const app = Fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body)
  })
  app.post(PATH, async ({ headers, body }, reply) => {
    const [timestamp, nonce, signature] = ['timestamp', 'nonce', 'signature'].map(
      (name) => headers[`wechatpay-${name}`] as string,
    )
    reply.type(JSON_TYPE)
    if (!Rsa.verify(Formatter.response(timestamp!, nonce!, body as string), signature!, key)) {
      return await reply.code(401).send(FAIL_V3)
    }
    const { resource } = JSON.parse(body as string)
    JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, API_V3_KEY, resource.nonce, resource.associated_data))
    return await reply.send(SUCCESS_V3)
  })
  return { ...stateless, listen: async () => await listen(app) }
}
