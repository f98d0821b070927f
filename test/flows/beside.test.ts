import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'
import { freePort } from '../fixtures.ts'
import { both } from '../helpers.ts'

// What docs/app.md says about other plugins, with the plugins themselves.

const exempt = { allowList: (request: { url: string }) => request.url === '/wechat/notify' }

/** A hook of an app that knows no tokens but its own. */
function authenticating(isOpen: (url: string) => boolean) {
  return (app: FastifyInstance) => {
    app.addHook('onRequest', async ({ url, headers }, reply) => {
      if (!isOpen(url) && headers['x-api-key'] !== 'own') await reply.code(401).send({ error: 'who are you?' })
    })
  }
}

const FINE: Record<string, (app: FastifyInstance) => void> = {
  '@fastify/rate-limit with the notify route exempted': (app) => {
    app.register(rateLimit, { max: 4, ...exempt })
  },
  'authentication that leaves our routes to us': authenticating((url) => url.startsWith('/wechat/')),
  '@fastify/helmet': (app) => {
    app.register(helmet)
  },
  '@fastify/cors': (app) => {
    app.register(cors, { origin: 'https://shop.example.com' })
  },
}

both('beside other plugins an order is made, paid, notified again and again, and seen', async (t, open) => {
  for (const [name, before] of Object.entries(FINE)) {
    const shop = await open(t, { before })
    const outTradeNo = await shop.order()
    t.match(await shop.world.pay(outTradeNo), { delivery: { verdict: 'acked' } }, name)
    const again = await shop.world.notification(outTradeNo).deliver({ count: 10 })
    t.strictSame(new Set(again.map(({ verdict }) => verdict)), new Set(['acked']), `${name}: again`)
    await shop.app.wechat.idle()
    t.strictSame(shop.paid, [outTradeNo], name)
    const { headers } = await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers: await shop.login() })
    t.match(headers.get('content-type'), 'application/json', name)
    const { checks } = { checks: await shop.app.wechat.selfTest() }
    t.match(
      checks.find(({ check }) => check === 'notify route'),
      { ok: true },
      `${name}: self-test`,
    )
  }
})

const IN_THE_WAY: Record<string, [before: (app: FastifyInstance) => void, says: RegExp]> = {
  '@fastify/rate-limit': [
    (app) => {
      app.register(rateLimit, { max: 3 })
    },
    /HTTP 429, probably a rate limit: exempt POST \/wechat\/notify/,
  ],
  'authentication of every route but the login': [
    authenticating((url) => url === '/wechat/login' || url === '/wechat/orders'),
    /HTTP 401, probably authentication: exempt POST \/wechat\/notify/,
  ],
}

both('without the exemption WeChat hears that it failed, the log says why, and the money is found', async (t, open) => {
  for (const [name, [before, says]] of Object.entries(IN_THE_WAY)) {
    const shop = await open(t, { before })
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    const sent = await shop.world.notification(outTradeNo).deliver({ count: 5 })
    t.not(sent.at(-1)!.verdict, 'acked', name)
    t.ok(
      shop.logs.some(({ level, msg }) => level === 50 && says.test(msg)),
      name,
    )
    await shop.app.wechat.orders.refresh(outTradeNo)
    await shop.app.wechat.idle()
    t.strictSame(shop.paid, [outTradeNo], name)
  }
})

t.test('@fastify/rate-limit limits the login, by address', async (t) => {
  const { app } = await plain(t, (app) => {
    app.register(rateLimit, { max: 2, ...exempt })
  })
  const codes = []
  for (let n = 0; n < 3; n++) {
    codes.push((await app.inject({ method: 'POST', url: '/wechat/login', payload: { code: '' } })).statusCode)
  }
  t.strictSame(codes, [400, 400, 429])
})

t.test('swagger documents the routes if it comes first', async (t) => {
  for (const first of [true, false]) {
    const add = (app: FastifyInstance) => {
      app.register(swagger, { openapi: {} })
    }
    const { app } = await plain(t, first ? add : () => {}, first ? () => {} : add)
    const { paths = {} } = app.swagger() as { paths?: object }
    t.equal('/wechat/login' in paths, first)
    t.notOk('/wechat/notify' in paths)
  }
})

t.test("the app's error handler answers for our routes, if it is set first, but never WeChat", async (t) => {
  for (const first of [true, false]) {
    const add = (app: FastifyInstance) => {
      app.setErrorHandler((error: Error & { code?: string }, _request, reply) => {
        reply.code(418).send({ teapot: error.code })
      })
    }
    const { app } = await plain(t, first ? add : () => {}, first ? () => {} : add)
    const login = await app.inject({ method: 'POST', url: '/wechat/login', payload: {} })
    t.equal(login.statusCode, first ? 418 : 400)
    const notify = await app.inject({ method: 'POST', url: '/wechat/notify', payload: 'x' })
    t.match(notify.body, 'FAIL')
  }
})

/** An app that needs no WeChat. */
async function plain(
  t: { teardown(end: () => unknown): void },
  before: (app: FastifyInstance) => void,
  after: (app: FastifyInstance) => void = () => {},
) {
  const app = Fastify()
  t.teardown(() => app.close())
  before(app)
  await app.register(wechatPay, {
    appid: 'wx0123456789abcdef',
    appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
    merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
    publicUrl: 'https://shop.example.com',
    store: memoryStore(),
    price: () => ({ key: 'cart', description: 'Tea', totalFee: 1 }),
    onPaid() {},
  })
  after(app)
  await app.ready()
  return { app }
}

for (const version of ['v2', 'v3'] as const) {
  t.test(`${version}: HTTP/2 for the users, and HTTP/1.1 for WeChat`, async (t) => {
    const [cert, key] = ['cert', 'key'].map((name) => readFileSync(new URL(`../tls/${name}.pem`, import.meta.url)))
    const mock = await createMockWechat({ tlsSkipVerify: true })
    const world = mock.default
    const port = await freePort()
    const app = Fastify({ http2: true, https: { allowHTTP1: true, cert: cert!, key: key! } })
    const { appid, appSecret } = world.credentials
    const paid: string[] = []
    await app.register(wechatPay, {
      appid,
      appSecret,
      merchant: world.merchantOptions(version as 'v3'),
      publicUrl: `https://127.0.0.1:${port}`,
      baseUrl: mock.url,
      store: memoryStore(),
      now: () => world.clock.now(),
      price: () => ({ key: 'cart', description: 'Tea', totalFee: 1250 }),
      onPaid: ({ outTradeNo }) => {
        paid.push(outTradeNo)
      },
    } as Parameters<typeof wechatPay>[1])
    await app.listen({ port, host: '127.0.0.1' })
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
    t.teardown(async () => {
      session.close()
      await app.close()
      await mock.close()
    })
    const call = async (path: string, body: object | string, headers = {}) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/wechat${path}`,
        'content-type': 'application/json',
        ...headers,
      })
      stream.end(typeof body === 'string' ? body : JSON.stringify(body))
      const text = Buffer.concat(await stream.toArray()).toString()
      return { text, json: () => JSON.parse(text) as Record<string, string> }
    }
    const { token } = (await call('/login', { code: world.loginCode().code })).json()
    const { outTradeNo } = (await call('/orders', {}, { authorization: `Bearer ${token}` })).json()
    t.match(await world.pay(outTradeNo!), { delivery: { verdict: 'acked' } })
    await app.wechat.idle()
    t.strictSame(paid, [outTradeNo])
    t.match((await call('/notify', 'x')).text, 'FAIL', 'a notification by HTTP/2 is answered too')
  })
}
