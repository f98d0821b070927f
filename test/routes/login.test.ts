import t from 'tap'
import { inspect } from 'node:util'
import Fastify from 'fastify'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { LoginResult, WechatPayOptions } from '../../src/index.ts'
import type { Test } from 'tap'
import { merchant, serve } from '../helpers.ts'

const appSecret = '0123456789abcdef0123456789abcdef'
const apiKey = 'an-api-key-of-exactly-32-letters'
const sessionKey = 'tiihtNczf5v6AKRyjwEUhQ=='
const code = '021ByuFs0fNXie1T5lJs0IwBFs0ByuF1'
const session = JSON.stringify({ session_key: sessionKey, openid: 'oAlice', unionid: 'uAlice' })

/** An app whose WeChat answers logins with `reply`; it counts the exchanges. */
async function appWith(
  t: Test,
  reply: string | ((count: number) => string | undefined),
  options: Partial<WechatPayOptions<any>> = {},
) {
  const calls: string[] = []
  const baseUrl = await serve(t, (request, response) => {
    calls.push(request.url!)
    const text = typeof reply === 'string' ? reply : reply(calls.length)
    if (text === undefined) response.destroy()
    else response.writeHead(200, { 'content-type': 'text/plain' }).end(text)
  })
  const logs: string[] = []
  const app = Fastify({
    logger: {
      level: 'trace',
      stream: {
        write: (line: string) => {
          logs.push(line)
        },
      },
    },
  })
  t.teardown(async () => {
    await app.close()
  })
  await app.register(wechatPay, {
    appid: 'wx0123456789abcdef',
    appSecret,
    merchant: { version: 'v2', mchId: '1900000109', apiKey },
    publicUrl: 'https://shop.example.com',
    baseUrl,
    store: memoryStore(),
    sweepIntervalMs: 0,
    timeoutMs: 2000,
    price: () => ({ key: 'k', description: 'tea', totalFee: 1 }),
    onPaid: () => {},
    ...options,
  })
  return {
    app,
    calls,
    logs,
    login: async (payload: string | object = { code }) =>
      await app.inject({ method: 'POST', url: '/wechat/login', payload }),
  }
}

t.test('a code becomes a token; the session key and the openid stay on the server', async (t) => {
  const { login, calls } = await appWith(t, session)
  const reply = await login()
  t.equal(reply.statusCode, 200)
  t.match(reply.json(), { token: /^[\w-]{43}$/, expiresAt: /^\d{4}-/ })
  t.strictSame(Object.keys(reply.json<object>()), ['token', 'expiresAt'])
  const query = new URL(calls[0]!, 'http://wechat').searchParams
  t.strictSame(Object.fromEntries(query), {
    appid: 'wx0123456789abcdef',
    secret: appSecret,
    js_code: code,
    grant_type: 'authorization_code',
  })
})

t.test('exposeOpenid, onLogin, issueToken and authenticate', async (t) => {
  const seen: LoginResult[] = []
  const { app, login } = await appWith(t, session, {
    exposeOpenid: true,
    onLogin: (result) => {
      seen.push(result)
    },
    issueToken: ({ openid }) => ({ token: `mine:${openid}` }),
    authenticate: (request) =>
      request.headers['x-user'] === undefined
        ? undefined
        : { appid: 'wx0123456789abcdef', openid: String(request.headers['x-user']) },
  })
  t.strictSame((await login()).json(), { token: 'mine:oAlice', openid: 'oAlice' })
  t.match(seen, [{ appid: 'wx0123456789abcdef', openid: 'oAlice', unionid: 'uAlice' }])
  t.equal(seen[0]!.sessionKey.reveal(), sessionKey)
  t.notMatch(JSON.stringify(seen) + inspect(seen), sessionKey)
  for (const [headers, status] of [
    [{}, 401],
    [{ 'x-user': 'oAlice' }, 404],
  ] as const) {
    t.equal((await app.inject({ url: '/wechat/orders/123456', headers })).statusCode, status)
  }
})

t.test('both content types of wx.request are accepted', async (t) => {
  const { app } = await appWith(t, session)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  t.equal(
    (await app.inject({ method: 'POST', url: '/wechat/login', headers, payload: `code=${code}` })).statusCode,
    200,
  )
})

t.test('a malformed code is refused without a call', async (t) => {
  const { login, calls } = await appWith(t, session)
  for (const payload of [
    {},
    { code: '' },
    { code: 'a b' },
    { code: 'a&secret=b' },
    { code: '../x' },
    { code: 'a'.repeat(129) },
    { code: '码' },
    { code: { a: 1 } },
    [],
    '',
  ]) {
    t.equal((await login(payload)).statusCode, 400, JSON.stringify(payload))
  }
  t.strictSame(calls, [])
})

t.test("WeChat's refusals", async (t) => {
  const cases: [number, number, string][] = [
    [40029, 401, 'WECHAT_CODE_REJECTED'],
    [40163, 401, 'WECHAT_CODE_REJECTED'],
    [40226, 403, 'WECHAT_USER_BLOCKED'],
    [45011, 429, 'WECHAT_RATE_LIMITED'],
    [40013, 500, 'WECHAT_ACCOUNT_REFUSED'],
    [40125, 500, 'WECHAT_ACCOUNT_REFUSED'],
    [40164, 500, 'WECHAT_ACCOUNT_REFUSED'],
    [45009, 503, 'WECHAT_UNAVAILABLE'],
    [-1, 503, 'WECHAT_UNAVAILABLE'],
    [99999, 422, 'WECHAT_REFUSED'],
  ]
  for (const [errcode, status, name] of cases) {
    const { login, logs } = await appWith(
      t,
      JSON.stringify({ errcode, errmsg: 'words of WeChat, rid: 66c69111-4157f271-729ca238' }),
    )
    const reply = await login()
    t.match([reply.statusCode, reply.json()], [status, { code: name }], String(errcode))
    const loud = logs.some(
      (line) => line.includes('Nobody can log in') && line.includes('"level":50') && line.includes('rid: 66c69111'),
    )
    t.equal(loud, name === 'WECHAT_ACCOUNT_REFUSED', 'our own faults are logged as errors, with the reason')
    t.equal(reply.body.includes('words of WeChat'), false, 'and the client learns nothing about them')
  }
})

t.test('network trouble', async (t) => {
  for (const [name, reply, status] of [
    ['connection reset', () => undefined, 502],
    ['not JSON', '<html>', 502],
    ['no session key', '{"openid":"o"}', 502],
    ['JSON null', 'null', 502],
  ] as const) {
    const { login, calls } = await appWith(t, reply)
    t.equal((await login()).statusCode, status, name)
    t.equal(calls.length, 1, 'a code is never sent twice')
  }

  await t.test('no answer in time', async (t) => {
    const baseUrl = await serve(t, () => {})
    const { login } = await appWith(t, session, { baseUrl, timeoutMs: 50 })
    t.equal((await login()).statusCode, 504)
  })
  await t.test('nobody listens', async (t) => {
    const { login } = await appWith(t, session, { baseUrl: 'http://127.0.0.1:9' })
    t.equal((await login()).statusCode, 502)
  })
})

t.test('a double tap makes one exchange', async (t) => {
  const { login, calls } = await appWith(t, session)
  const replies = await Promise.all([login(), login(), login()])
  t.strictSame(
    replies.map(({ statusCode }) => statusCode),
    [200, 200, 200],
  )
  t.equal(calls.length, 1)
})

t.test('no reply, log line or error holds a secret, whatever goes wrong', async (t) => {
  const echo = JSON.stringify({ errcode: 40125, errmsg: `invalid appsecret ${appSecret} for code ${code}` })
  const replies: (string | (() => undefined))[] = [
    session,
    echo,
    echo.replace('40125', '40029'),
    echo.replace('40125', '77777'),
    `{"session_key":"${sessionKey}"}`,
    '<html>',
    () => undefined,
  ]
  for (const reply of replies) {
    const { app, login, logs } = await appWith(t, reply)
    app.setErrorHandler((error, request, response) => {
      request.log.error({ error, shown: inspect(error, { depth: 9, showHidden: true }) })
      response.code(500).send({ message: (error as Error).message, stack: (error as Error).stack })
    })
    const answer = await login()
    const { token } = answer.json<{ token?: string }>()
    const order = await app.inject({
      method: 'POST',
      url: '/wechat/orders',
      headers: { authorization: `Bearer ${token ?? 'unknown-token-0123456789'}` },
      payload: {},
    })
    const everything =
      logs.join('') +
      answer.headers.toString() +
      order.body +
      (token === undefined ? answer.body : '') +
      inspect(app.wechat, { depth: 9, showHidden: true })
    for (const secret of [appSecret, apiKey, sessionKey, code, token ?? 'unknown-token-0123456789']) {
      t.equal(everything.includes(secret), false, `${secret.slice(0, 4)}… after ${String(reply).slice(0, 30)}`)
    }
  }
})

t.test('the whole trace-level log of a paid order holds no secret', async (t) => {
  const shop = await merchant(t)
  const headers = await shop.login()
  await shop.post('/wechat/orders', {}, headers)
  const outTradeNo = await shop.order({ price: { key: 'another' } })
  await shop.world.pay(outTradeNo)
  await shop.notify('<xml></xml>')
  const { appSecret, apiKey } = shop.world.credentials
  const text = JSON.stringify(shop.logs)
  for (const secret of [appSecret, apiKey, headers.authorization.slice(7)]) t.notOk(text.includes(secret))
  t.notMatch(text, /js_code|session_key|[?&]secret=/)
})
