import { get, request } from 'node:http'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { createMockWechat, type MockWechat, type World } from '../../mock-server/index.ts'
import { callPay, control, deadUrl, orderFields, placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

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
    const gate = world.gate('notify.request', { out_trade_no: 'tea-0002' })
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
    t.match(await held, { verdict: 'reset', reason: /the world has ended/ })
    t.match(await world.notification('tea-0001').deliver(), [{ verdict: 'reset', reason: /the world has ended/ }])
    t.equal(shop.received.length, 2, String(end))
  }
})

t.test('whoever waits for a world gets an answer when it ends', async (t) => {
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
    world.pay('tea-0001'),
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
