import type { IncomingMessage } from 'node:http'
import express from '@fastify/express'
import bodyParser from 'body-parser'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import wechatPay, { memoryStore } from '../../src/index.ts'
import { merchant, serve } from '../helpers.ts'

/** An app with the plugin, whose WeChat accepts every login. */
async function appWith(t: Test, host: (app: FastifyInstance) => void): Promise<FastifyInstance> {
  const baseUrl = await serve(t, (_request, response) => {
    response.end(JSON.stringify({ session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid: 'oAlice' }))
  })
  const app = Fastify()
  t.teardown(() => app.close())
  host(app)
  await app.register(wechatPay, {
    appid: 'wx0123456789abcdef',
    appSecret: '0123456789abcdef0123456789abcdef',
    merchant: { version: 'v2', mchId: '1900000109', apiKey: 'an-api-key-of-exactly-32-letters' },
    publicUrl: 'https://shop.example.com',
    baseUrl,
    store: memoryStore(),
    sweepIntervalMs: 0,
    price: () => ({ key: 'k', description: 'tea', totalFee: 1 }),
    onPaid: () => {},
  })
  return app
}

const code = '021ByuFs0fNXie1T5lJs0IwBFs0ByuF1'
const login = (payload: object = { code }) => ({ method: 'POST' as const, url: '/wechat/login', payload })

t.test("the host's error handler has the last word on replies that do not go to WeChat", async (t) => {
  const app = await appWith(t, (app) => {
    app.setErrorHandler((error: Error & { code?: string }, _request, reply) => {
      reply.code(200).send({ errno: 7, errmsg: error.code ?? error.message })
    })
  })
  const reply = await app.inject({ url: '/wechat/orders/order-1' })
  t.strictSame([reply.statusCode, reply.json()], [200, { errno: 7, errmsg: 'WECHAT_UNAUTHENTICATED' }])
})

t.test('without an error handler, errors have the form of Fastify', async (t) => {
  const app = await appWith(t, () => {})
  t.strictSame((await app.inject({ url: '/wechat/orders/order-1' })).json(), {
    statusCode: 401,
    code: 'WECHAT_UNAUTHENTICATED',
    error: 'Unauthorized',
    message: 'No valid token. Log in with wx.login and send it as `Authorization: Bearer …`.',
  })
  t.match((await app.inject(login({}))).json(), { statusCode: 400, error: 'Bad Request', message: /code/ })
})

t.test("the host's envelope wraps every reply", async (t) => {
  const app = await appWith(t, (app) => {
    app.addHook('preSerialization', async (_request, _reply, data) => ({ code: 0, data }))
  })
  t.match((await app.inject(login())).json(), { code: 0, data: { token: /^[\w-]{43}$/ } })
})

/** Middlewares that read the body before us, and the status of a login. */
const READERS: [name: string, middleware: unknown, payload: object | string, status: number][] = [
  ['as JSON', bodyParser.json(), { code }, 200],
  ['as JSON, of the wrong shape', bodyParser.json(), { code: 7 }, 400],
  ['as a form', bodyParser.urlencoded({ extended: false }), `code=${code}`, 200],
  ['as text', bodyParser.text({ type: '*/*' }), { code }, 200],
  ['as bytes', bodyParser.raw({ type: '*/*' }), { code }, 200],
  ['as bytes that are not JSON', bodyParser.raw({ type: '*/*' }), '{', 400],
  [
    'and does not keep it',
    (request: IncomingMessage, _response: unknown, next: () => void) => {
      request.resume().on('end', next)
    },
    { code },
    500,
  ],
]
for (const [name, middleware, payload, status] of READERS) {
  t.test(`a host whose middleware has read the body ${name}`, async (t) => {
    const app = await appWith(t, (app) => {
      app.register(express).after(() => {
        app.use(middleware as Parameters<typeof app.use>[0])
      })
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const form = typeof payload === 'string' && payload.includes('=')
    const response = await fetch(`${app.listeningOrigin}/wechat/login`, {
      method: 'POST',
      headers: { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json' },
      body: typeof payload === 'string' ? payload : JSON.stringify(payload),
      signal: AbortSignal.timeout(5000),
    })
    t.equal(response.status, status)
    const { token, message } = (await response.json()) as { token?: string; message?: string }
    if (status === 200) t.match(token, /^[\w-]{43}$/)
    if (status === 500) {
      t.match(message, /has read the body of POST \/wechat\/login before fastify-wechat-pay: exempt this route/)
    }
  })
}

const HOSTS: Record<string, (app: FastifyInstance) => void> = {
  'schema compilers of another library': (app) => {
    app.setValidatorCompiler(
      ({ schema }) =>
        (data) =>
          (schema as { safeParse: (data: unknown) => { value: unknown } }).safeParse(data),
    )
    app.setSerializerCompiler(
      ({ schema }) =>
        (data) =>
          JSON.stringify((schema as { parse: (data: unknown) => unknown }).parse(data)),
    )
  },
  'a JSON parser that keeps the raw text, for its own signatures': (app) => {
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })
  },
  'a single parser that returns the raw body': (app) => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })
  },
}

for (const [name, host] of Object.entries(HOSTS)) {
  t.test(`a host with ${name}`, async (t) => {
    const app = await appWith(t, host)
    t.match((await app.inject(login())).json(), { token: /^[\w-]{43}$/ })
    t.equal((await app.inject(login({ code: 7 }))).statusCode, 400)
    t.equal((await app.inject({ url: '/wechat/orders/order-1' })).json().code, 'WECHAT_UNAUTHENTICATED')
  })
}

t.test('an empty JSON body, as wx.request sends it, means no body; a broken one is refused', async (t) => {
  const shop = await merchant(t)
  const headers = { ...(await shop.login()), 'content-type': 'application/json' }
  const outTradeNo = await shop.order()
  const cancelled = await fetch(`${shop.url}/wechat/orders/${outTradeNo}/cancel`, { method: 'POST', headers })
  t.match([cancelled.status, await cancelled.json()], [200, { state: 'closed' }])
  t.equal(
    (await fetch(`${shop.url}/wechat/orders`, { method: 'POST', headers })).status,
    200,
    'the price hook may not need a body',
  )
  for (const body of ['{', '[', '{"__proto__":{"code":"x"}}', '{"constructor":{"prototype":{}}}']) {
    t.equal((await fetch(`${shop.url}/wechat/login`, { method: 'POST', headers, body })).status, 400, body)
  }
})

t.test('forms are accepted too', async (t) => {
  const app = await appWith(t, () => {})
  const reply = await app.inject({
    method: 'POST',
    url: '/wechat/login',
    payload: `code=${code}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  t.match(reply.json(), { token: /^[\w-]{43}$/ })
})
