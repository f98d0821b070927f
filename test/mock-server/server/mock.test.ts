import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import * as door from '../../../mock-server/index.ts'
import { createMockWechat, type MockWechat, type World } from '../../../mock-server/index.ts'
import { checkCaller } from '../../../mock-server/server/guard.ts'
import { sendOutcome } from '../../../mock-server/server/outcome.ts'
import { VERSION } from '../../../mock-server/version.ts'
import type { Outcome } from '../../../mock-server/faults/effects.ts'
import {
  callPay,
  control,
  deadUrl,
  orderFields,
  placeOrder,
  postRaw,
  REFUSAL,
  signedXml,
  startMock,
  startShop,
} from '../helpers.ts'

t.test('it answers as soon as it is there, and not after it is closed', async (t) => {
  const mock = await createMockWechat()
  t.match(mock.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal(mock.controlUrl, `${mock.url}/__mock/v1`)
  t.equal(mock.default.baseUrl, mock.url)
  t.same(await (await fetch(`${mock.url}/readyz`)).json(), { status: 'ready', worlds: 1 })
  t.same(await (await fetch(`${mock.url}/healthz`)).json(), { status: 'ok' })
  await mock.close()
  await t.rejects(fetch(`${mock.url}/healthz`))
})

t.test(
  'its disposal, which await using calls, closes it; neither an idle connection nor half a request keeps it',
  async (t) => {
    const mock = await createMockWechat()
    const { url } = mock
    const idle = get(`${url}/healthz`, { headers: { connection: 'keep-alive' } })
    await once(idle, 'response')
    const half = connect(Number(new URL(url).port), '127.0.0.1')
    half.on('error', () => {})
    half.write('POST /pay/orderquery HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n<xml>')
    await fetch(`${url}/healthz`)
    await mock[Symbol.asyncDispose]()
    await t.rejects(fetch(url))
  },
)

t.test('addresses', async (t) => {
  for (const [host, url] of [
    ['localhost', /^http:\/\/localhost:/],
    ['0.0.0.0', /^http:\/\/127\.0\.0\.1:/],
    ['::1', /^http:\/\/\[::1\]:/],
  ] as const) {
    const mock = await startMock(t, { host })
    t.match(mock.url, url)
    t.equal((await fetch(`${mock.url}/healthz`)).status, 200)
  }
  const { url } = await startMock(t)
  await t.rejects(createMockWechat({ port: Number(new URL(url).port) }), { code: 'EADDRINUSE' })
})

t.test('worlds have their own merchant, orders and time; requests find them by mch_id', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  const [one, two] = [mock.world(), mock.world({ id: 'mine', startTime: 0 })]
  t.same([mock.default.id, one.id, two.id], ['default', 'w1', 'mine'])
  t.same(mock.worlds(), [mock.default, one, two])
  t.equal(new Set(mock.worlds().map(({ credentials }) => credentials.mchId)).size, 3)

  await placeOrder(one, shop.notifyUrl)
  await one.pay('tea-0001')
  t.same(two.orders(), [])
  t.same(mock.default.orders(), [])
  await placeOrder(two, shop.notifyUrl, { body: 'something else' })
  t.equal(two.order('tea-0001').body, 'something else')
  await one.advance('1h')
  t.same(two.clock.now(), new Date(0))
})

t.test('two worlds of one seed differ in a repeatable way', async (t) => {
  const appids = async () => {
    const mock = await startMock(t)
    return [mock.world({ seed: 42 }), mock.world({ seed: 42 }), mock.world({ seed: '42' })].map(
      ({ credentials }) => credentials.appid,
    )
  }
  const first = await appids()
  t.equal(new Set(first).size, 3)
  t.same(await appids(), first)
})

t.test('an id, an appid or a mchId is given once', async (t) => {
  const mock = await startMock(t)
  const { appid, mchId } = mock.default.credentials
  for (const options of [{ id: 'default' }, { appid }, { mchId }]) {
    t.throws(() => mock.world(options), { code: 'WORLD_EXISTS', statusCode: 409 }, JSON.stringify(options))
  }
  t.equal(mock.worlds().length, 1)
})

t.test("an openid that another app's login made up is not accepted, one that a test has chosen is", async (t) => {
  const mock = await startMock(t)
  const [one, two] = [mock.world(), mock.world()]
  const { openid } = one.loginCode()
  const notifyUrl = await deadUrl()
  t.match(await callPay(two, 'unifiedorder', orderFields(notifyUrl, { openid })), {
    fields: { return_code: 'FAIL', return_msg: 'appid and openid not match' },
  })
  await placeOrder(one, notifyUrl, { openid })
  one.loginCode({ openid: 'o-alice' })
  await placeOrder(two, notifyUrl, { openid: 'o-alice' })
})

t.test('closing it stops the timers of a real clock', async (t) => {
  const mock = await createMockWechat({ world: { clock: 'real' } })
  await placeOrder(mock.default, await deadUrl())
  await mock.default.pay('tea-0001')
  t.equal(mock.default.clock.timers().length, 1)
  await mock.close()
  t.same(mock.default.clock.timers(), [])
})

t.test('a world ends when its test does; its name and seed are free again', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  const world = mock.world({ id: 'mine', seed: 7 })
  const { credentials } = world
  await placeOrder(world, shop.notifyUrl)
  const gate = world.gate('orderquery.request')
  const queried = callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  await gate.reached
  await world[Symbol.asyncDispose]()
  t.match(
    await queried,
    { fields: { return_msg: 'appid不存在' } },
    'what a gate held is let go, and nobody knows it any more',
  )
  t.same(mock.worlds(), [mock.default])
  t.same(mock.world({ id: 'mine', seed: 7 }).credentials, credentials)
  t.same([mock.world({ id: 'w4' }).id, mock.world().id], ['w4', 'w5'])
  t.throws(() => mock.default.close(), { code: 'DEFAULT_WORLD', statusCode: 409 })
})

t.test('a world that has ended sends nothing any more', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, async () => {
    world.close()
    return REFUSAL
  })
  const world = mock.world({ clock: 'real', schedule: [0] })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  t.same(world.clock.timers(), [])
})

t.test('nor does one on the virtual clock: in the middle of an advance, by hand, or held by a gate', async (t) => {
  const endings: ((mock: MockWechat, world: World) => unknown)[] = [
    (_mock, world) => world.close(),
    (mock) => control(mock, 'DELETE', '/worlds/w1'),
    (mock) => mock.close(),
  ]
  for (const end of endings) {
    const mock = await startMock(t)
    const world = mock.world()
    const shop = await startShop(t, async (_notified, _response, count) => {
      if (count === 2) await end(mock, world)
      return REFUSAL
    })
    await placeOrder(world, shop.notifyUrl)
    await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
    await world.pay('tea-0001')
    const gate = world.gate('notify.request', { outTradeNo: 'tea-0002' })
    const held = world.pay('tea-0002')
    await gate.reached
    const from = world.clock.now()
    await t.rejects(
      world.advance('24h4m'),
      { code: 'UNKNOWN_WORLD', message: 'world w1 has ended', statusCode: 404 },
      'a test must not take it for a day that has passed',
    )
    await t.rejects(world.advance('1h'), { code: 'UNKNOWN_WORLD' })
    t.same(world.clock.now(), new Date(from.getTime() + 15_000))
    t.match((await held).delivery, { verdict: 'reset', reason: /the world has ended/ })
    t.match(await world.notification('tea-0001').deliver(), [{ verdict: 'reset', reason: /the world has ended/ }])
    t.equal(shop.received.length, 2, String(end))
  }
})

t.test('pending waits are answered when their world ends', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  const world = mock.world({ id: 'mine' })
  for (const outTradeNo of ['tea-0001', 'tea-0002']) {
    await placeOrder(world, shop.notifyUrl, { out_trade_no: outTradeNo })
  }
  const ms = 600_000
  world.fault('notify', { kind: 'delay', ms })
  world.fault('orderquery', { kind: 'delay', ms })
  await world.pay('tea-0002', { deliver: 'hold' })
  const waits = [
    world.pay('tea-0001').then(({ delivery }) => delivery),
    control(mock, 'POST', '/worlds/mine/notifications/tea-0002/deliver', { count: 2, concurrent: true, delayMs: ms }),
    callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }),
  ]
  while (world.inFlight().length < 4 || shop.received.length < 1) await new Promise((resolve) => setImmediate(resolve))
  world.close()
  const lost = { verdict: 'reset', reason: /the world has ended/ }
  t.match(await Promise.all(waits), [
    lost,
    { status: 200, json: { deliveries: [{ verdict: 'acked' }, lost] } },
    { fields: { return_msg: 'appid不存在' } },
  ])
})

t.test('its control API may be called by more names', async (t) => {
  const status = async (allowedHosts: string[]) => {
    const { url } = await startMock(t, { allowedHosts })
    const asked = request(`${url}/__mock/v1/worlds`, { headers: { host: 'wechat-mock:8090' } }).end()
    const [response] = await once(asked, 'response')
    response.resume()
    return response.statusCode
  }
  t.equal(await status([]), 403)
  t.equal(await status(['wechat-mock']), 200)
})

t.test('a port of its own for the control API', async (t) => {
  const mock = await startMock(t, { controlPort: 0 })
  const controlOrigin = new URL(mock.controlUrl).origin
  t.not(controlOrigin, mock.url)
  t.equal((await fetch(`${mock.controlUrl}/worlds`)).status, 200)
  t.match(await (await fetch(`${controlOrigin}/__mock/openapi.json`)).json(), { servers: [{ url: mock.controlUrl }] })
  t.match(await (await fetch(`${mock.url}/__mock/v1/worlds`)).json(), {
    code: 'UNKNOWN_PATH',
    message: new RegExp(`control: ${mock.controlUrl}`),
  })
  t.equal((await fetch(`${controlOrigin}/sns/jscode2session`)).status, 404)
  for (const url of [mock.url, controlOrigin]) t.equal((await fetch(`${url}/readyz`)).status, 200)
  await t.rejects(
    createMockWechat({ controlPort: Number(new URL(mock.url).port) }),
    { code: 'EADDRINUSE' },
    'and what had begun to listen has ended',
  )
})

t.test('a world that was refused leaves its seed to the next', async (t) => {
  const fresh = (await startMock(t)).world({ seed: 'tea' }).credentials
  const mock = await startMock(t)
  for (const options of [{ apiKey: 'short' }, { id: 'default' }]) {
    t.throws(() => mock.world({ seed: 'tea', ...options }))
  }
  t.same(mock.world({ seed: 'tea' }).credentials, fresh)
})

t.test('WeChat reads the bytes, whatever the Content-Type', async (t) => {
  const { default: world } = await startMock(t)
  const xml = signedXml(world, orderFields(await deadUrl()))
  for (const type of [
    'text/xml; charset=utf-8',
    'application/xml',
    'application/x-www-form-urlencoded',
    'application/json',
    'text/xml; charset=gbk',
    'nonsense',
    ';',
    undefined,
  ]) {
    const { fields, status, contentType } = await postRaw(
      `${world.baseUrl}/pay/unifiedorder`,
      Buffer.from(xml),
      type === undefined ? {} : { headers: { 'content-type': type } },
    )
    t.match(
      { fields, status, contentType },
      { status: 200, contentType: 'text/plain', fields: { result_code: 'SUCCESS' } },
      String(type),
    )
  }
  const types = world.journal.entries().map(({ request }) => request.headers['content-type'])
  t.match(types, ['text/xml; charset=utf-8', 'application/xml'], 'the journal has the header as it was sent')
})

t.test('a body that is too large is no XML', async (t) => {
  const { default: world } = await startMock(t)
  const { status, text } = await postRaw(`${world.baseUrl}/pay/unifiedorder`, `<xml><a>${'x'.repeat(70_000)}</a></xml>`)
  t.equal(status, 200)
  t.equal(
    text,
    '<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[XML格式错误]]></return_msg></xml>',
  )
  t.match(world.journal.entries(), [{ api: 'unifiedorder', note: /^XML格式错误: .*too large/ }])
})

t.test("a bug in the mock is not reported in WeChat's words", async (t) => {
  const { default: world } = await startMock(t)
  Object.assign(world.journal, {
    record: () => {
      throw new Error('broken')
    },
  })
  const response = await fetch(`${world.baseUrl}/pay/orderquery`, {
    method: 'POST',
    body: signedXml(world, { out_trade_no: 'tea-0001' }),
  })
  t.equal(response.status, 500)
  t.match(await response.json(), { message: 'broken' })
})

t.test('what is not emulated says so and what is', async (t) => {
  const lines: string[] = []
  const mock = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  for (const [method, path] of [
    ['POST', '/pay/micropay'],
    ['GET', '/'],
    ['GET', '/__mock/v1/nonsense'],
  ] as const) {
    const response = await fetch(`${mock.url}${path}`, { method })
    t.equal(response.status, 404)
    t.match(await response.json(), {
      code: 'UNKNOWN_PATH',
      message: new RegExp(
        `^${method} ${path} is not emulated; .*/sns/jscode2session, .*/pay/unifiedorder, .*/pay/closeorder.*; control: ${mock.controlUrl}`,
      ),
    })
  }
  t.match(lines, ['unknown path POST /pay/micropay', /./, /./])
})

t.test('the clock waits until a reply is on its way', async (t) => {
  const { default: world } = await startMock(t)
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  await world.advance('1s')
  t.same(world.inFlight(), [])
})

t.test("the Date of a reply is the world's", async (t) => {
  const { default: world } = await startMock(t)
  await world.advance('1h')
  const { headers } = await fetch(`${world.baseUrl}/sns/jscode2session`)
  t.equal(headers.get('date'), 'Thu, 15 Jan 2026 05:00:00 GMT')
})

const reply = { status: 201, headers: { 'content-type': 'text/plain' }, body: 'a whole reply' }

async function received(
  t: Test,
  app: FastifyInstance,
  outcome: Outcome,
  secure = false,
): Promise<{ text: string; error: string | undefined }> {
  t.teardown(() => app.close())
  app.get('/', async (_request, reply) => sendOutcome(reply, outcome))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = secure
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1')
  let text = ''
  let error: string | undefined
  socket
    .setEncoding('utf8')
    .on('data', (chunk: string) => {
      text += chunk
    })
    .on('error', (found: NodeJS.ErrnoException) => {
      error = found.code
    })
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  await new Promise((resolve) => {
    socket.once('close', resolve)
  })
  return { text, error }
}

t.test('a reply is sent as it is', async (t) => {
  const { text } = await received(t, Fastify(), { kind: 'reply', reply } as Outcome)
  t.match(text, /^HTTP\/1\.1 201 [^]*content-type: text\/plain[^]*a whole reply$/)
})

t.test('a truncated reply promises more than it sends', async (t) => {
  const { text } = await received(t, Fastify(), { kind: 'truncate', reply, bytes: 7 } as Outcome)
  t.match(text, /content-length: 13[^]*a whole$/)
})

t.test('a reset says nothing', async (t) => {
  const { text, error } = await received(t, Fastify(), { kind: 'reset' } as Outcome)
  t.strictSame([text, error], ['', 'ECONNRESET'])
  const https = {
    key: readFileSync(new URL('../../tls/key.pem', import.meta.url)),
    cert: readFileSync(new URL('../../tls/cert.pem', import.meta.url)),
  }
  t.equal(
    (await received(t, Fastify({ https }) as unknown as FastifyInstance, { kind: 'reset' } as Outcome, true)).text,
    '',
    'over TLS the connection just ends',
  )
})

t.test('what a supervisor asks', async (t) => {
  const mock = await startMock(t)
  const json = async (path: string) => (await fetch(`${mock.url}${path}`)).json()
  t.same(await json('/healthz'), { status: 'ok' })
  t.same(await json('/readyz'), { status: 'ready', worlds: 1 })
  t.same(await json('/version'), { name: 'wechat-mock', version: VERSION })
})

t.test('a call that is not emulated is answered clearly and listed in its world', async (t) => {
  const mock = await startMock(t)
  const [one, two] = [mock.world(), mock.world()]
  const calls: [path: string, init: RequestInit, world: typeof one][] = [
    ['/pay/micropay', { method: 'POST', body: `<xml><mch_id>${one.credentials.mchId}</mch_id></xml>` }, one],
    [`/sns/userinfo?appid=${two.credentials.appid}`, {}, two],
    ['/cgi-bin/tokens', { method: 'POST', body: JSON.stringify({ appid: two.credentials.appid }) }, two],
    ['/tools', {}, mock.default],
    ['/%zz', {}, mock.default],
    ['/pay/%E9%BE%99?a=%zz', {}, mock.default],
    ['/pay/micropay', { method: 'POST', body: 'x'.repeat(70_000) }, mock.default],
  ]
  mock.assertNoUnexpected()
  for (const [path, init, world] of calls) {
    const response = await fetch(`${mock.url}${path}`, init)
    const body = await response.text()
    t.equal(response.status, 404)
    t.match(JSON.parse(body), {
      code: 'UNKNOWN_PATH',
      message: /is not emulated; WeChat's paths here: .*\/pay\/unifiedorder/,
    })
    t.match(world.unexpected().at(-1), {
      api: 'unknown',
      direction: 'in',
      request: { method: init.method ?? 'GET', url: path },
      response: { status: 404, body },
    })
  }
  t.same(
    mock.worlds().map((world) => world.unexpected().length),
    [4, 1, 2],
  )
  t.throws(() => one.assertNoUnexpected(), {
    code: 'UNEXPECTED_CALLS',
    message: 'calls to paths that are not emulated: POST /pay/micropay',
  })
  t.throws(() => mock.assertNoUnexpected(), {
    message:
      /: GET \/tools, GET \/%zz, GET \/pay\/%E9%BE%99\?a=%zz, POST \/pay\/micropay, POST \/pay\/micropay, GET \/sns/,
  })
  one.journal.delete()
  one.assertNoUnexpected()
})

t.test('it is a call of the world whose token, merchant or app it names', async (t) => {
  const mock = await startMock(t)
  const world = mock.world()
  const { appid, appSecret, mchId } = world.credentials
  const { access_token: token } = (await (
    await fetch(`${mock.url}/cgi-bin/token?grant_type=client_credential&appid=${appid}&secret=${appSecret}`)
  ).json()) as { access_token: string }
  const calls: [path: string, json: object][] = [
    [`/wxa/sec/order/upload_shipping_info?access_token=${token}`, { order_key: { mchid: '1900000109' } }],
    ['/v3/pay/transactions/codepay', { mchid: mchId }],
    ['/v3/pay/partner/transactions/jsapi', { sp_mchid: mchId }],
    ['/v3/pay/partner/transactions/jsapi', { sp_mchid: '1900000109', sp_appid: appid }],
    ['/pay/micropay', { mch_id: '1900000109', access_token: token }],
  ]
  for (const [path, json] of calls) {
    await fetch(`${mock.url}${path}`, { method: 'POST', body: JSON.stringify(json) })
    t.equal(world.unexpected().at(-1)?.request.url, path)
  }
  t.equal(world.unexpected().length, calls.length)
  mock.default.assertNoUnexpected()
})

t.test("a control path that does not exist is the caller's own mistake", async (t) => {
  const mock = await startMock(t)
  const response = await fetch(`${mock.controlUrl}/nonsense`)
  t.equal(response.status, 404)
  t.match(await response.json(), { code: 'UNKNOWN_PATH', message: new RegExp(`control: ${mock.controlUrl}$`) })
  mock.assertNoUnexpected()
})

const good: [host: string, origin?: string][] = [
  ['127.0.0.1:8090'],
  ['127.0.0.1'],
  ['[::1]:8090'],
  ['192.168.1.7:8090'],
  ['localhost:8090'],
  ['wechat.localhost:8090'],
  ['mock:8090'],
  ['wechat-mock:8090'],
  ['LOCALHOST:8090'],
  ['WeChat.LocalHost'],
  ['MOCK'],
  ['127.0.0.1:8090', 'http://127.0.0.1:8090'],
]
for (const [host, origin] of good) {
  t.doesNotThrow(
    () => checkCaller({ headers: { host, origin }, protocol: 'http' }, ['Mock', 'wechat-mock']),
    `${host} ${origin}`,
  )
}
t.doesNotThrow(() =>
  checkCaller({ headers: { host: 'localhost', origin: 'https://localhost' }, protocol: 'https' }, []),
)

const bad: [host: string | undefined, origin: string | undefined, code: string][] = [
  ['evil.example:8090', undefined, 'FORBIDDEN_HOST'],
  ['127.0.0.1.evil.example', undefined, 'FORBIDDEN_HOST'],
  ['notlocalhost:8090', undefined, 'FORBIDDEN_HOST'],
  [undefined, undefined, 'FORBIDDEN_HOST'],
  ['127.0.0.1:8090', 'http://evil.example', 'FORBIDDEN_ORIGIN'],
  ['127.0.0.1:8090', 'http://127.0.0.1:3000', 'FORBIDDEN_ORIGIN'],
  ['127.0.0.1:8090', 'https://127.0.0.1:8090', 'FORBIDDEN_ORIGIN'],
  ['127.0.0.1:8090', 'null', 'FORBIDDEN_ORIGIN'],
]
for (const [host, origin, code] of bad) {
  t.throws(
    () => checkCaller({ headers: { host, origin }, protocol: 'http' }, ['mock']),
    { code, statusCode: 403 },
    `${host} ${origin}`,
  )
}

t.test('a foreign page can neither read nor steer', async (t) => {
  const mock = await startMock(t)
  const response = await fetch(`${mock.controlUrl}/worlds`, { headers: { origin: 'http://evil.example' } })
  t.equal(response.status, 403)
  t.match(await response.json(), {
    code: 'FORBIDDEN_ORIGIN',
    message: 'a page of http://evil.example may not control the mock',
  })
  t.equal(response.headers.get('access-control-allow-origin'), null)
})

t.test('what tells of the worlds or of the control API is guarded too; what a supervisor asks is not', async (t) => {
  const mock = await startMock(t)
  const evil = (path: string) =>
    new Promise<number | undefined>((resolve) => {
      get(`${mock.url}${path}`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
    })
  for (const path of ['/__mock/v1/worlds', '/__mock/openapi.json']) t.equal(await evil(path), 403, path)
  for (const path of ['/healthz', '/readyz', '/version']) t.equal(await evil(path), 200, path)
})

t.test('the door has what a test needs, and nothing else', async (t) => {
  t.same(Object.keys(door).sort(), [
    'MockError',
    'RequestPaymentError',
    'createMockWechat',
    'createSharedClock',
    'mockFastifyPlugin',
    'overlapOf',
  ])
})

t.test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.equal(VERSION, version)
})

t.test('a web page of another site is answered, and touches no test', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const fault = world.fault('orderquery', { kind: 'reset' })
  const { host } = new URL(mock.url)
  const cases: [headers: Record<string, string>, status: number][] = [
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
    [{}, 200],
    [{ origin: `http://${host}` }, 200],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
  ]
  let journalled = 0
  for (const [headers, status] of cases) {
    for (const path of ['/pay/closeorder', '/sns/jscode2session', '/nothing']) {
      const asked = request(`${mock.url}${path}`, { method: 'POST', headers }).end(
        signedXml(world, { out_trade_no: 'x' }),
      )
      const [response] = await once(asked, 'response')
      response.resume()
      t.equal(response.statusCode === 403, status === 403, `${JSON.stringify(headers)} ${path}`)
      if (status === 200) journalled++
      t.equal(world.journal.entries().length, journalled)
    }
  }
  t.equal(fault.seen, 0)
})

t.test('a visit of a browser is no unexpected call; a path with // says what is wrong', async (t) => {
  const mock = await startMock(t)
  for (const path of ['/', '/favicon.ico', '/?from=bookmark']) {
    t.equal((await fetch(`${mock.url}${path}`)).status, 404, path)
  }
  mock.assertNoUnexpected()
  t.equal((await fetch(`${mock.url}/`, { method: 'POST' })).status, 404)
  t.equal(mock.default.unexpected().length, 1, 'what no browser does')
  const response = await fetch(`${mock.url}//pay/unifiedorder`, { method: 'POST', body: signedXml(mock.default, {}) })
  t.match(await response.json(), {
    code: 'UNKNOWN_PATH',
    message:
      /POST \/\/pay\/unifiedorder is not emulated: its path contains \/\/; remove the slash at the end of the base URL/,
  })
})
