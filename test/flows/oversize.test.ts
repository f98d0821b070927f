// A host of WeChat's that sends without an end: a login fails at once; an order that may exist is closed before there is another one.
import Fastify from 'fastify'
import t from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'

const EFFECTS = [
  { kind: 'oversize' },
  { kind: 'endless_headers', when: 'after' },
  { kind: 'endless_headers', ms: 0 },
] as const

for (const version of ['v2', 'v3'] as const) {
  t.test(`logins and orders, ${version}`, async (t) => {
    const mock = await createMockWechat()
    const world = mock.default
    const { appid, appSecret } = world.credentials
    const app = Fastify()
    t.teardown(async () => {
      await app.close()
      await mock.close()
    })
    let cart = 0
    await app.register(wechatPay, {
      appid,
      appSecret,
      merchant: world.merchantOptions(version as 'v2'),
      baseUrl: mock.url,
      publicUrl: 'https://shop.example.com',
      store: memoryStore(),
      price: () => ({ key: `cart-${cart}`, description: 'Tea', totalFee: 1250 }),
      onPaid: () => {},
      now: world.clock.now,
    })
    const call = async (url: string, payload: object, token = '') => {
      const { statusCode, body } = await app.inject({
        method: 'POST',
        url: `/wechat${url}`,
        payload,
        headers: { authorization: `Bearer ${token}` },
      })
      return { statusCode, json: JSON.parse(body) as Record<string, string> }
    }
    const login = () => call('/login', { code: world.loginCode({ openid: 'oAlice' }).code })
    const started = performance.now()
    for (const effect of EFFECTS) {
      world.fault('jscode2session', effect)
      t.match(await login(), { statusCode: /^5\d\d$/ }, `login: ${effect.kind}`)
    }
    const { token } = (await login()).json
    t.type(token, 'string')
    for (const effect of EFFECTS) {
      cart++
      world.fault('unifiedorder', effect)
      const { statusCode, json } = await call('/orders', {}, token)
      t.equal(statusCode, 200, `order: ${effect.kind}`)
      const { outTradeNo, ...params } = json
      t.match(world.requestPayment(params as never), { outTradeNo })
      t.equal(world.orders().filter(({ tradeState }) => tradeState === 'NOTPAY').length, cart, 'one that can be paid')
    }
    t.ok(performance.now() - started < 20_000, `${Math.round(performance.now() - started)} ms`)
    world.assertDrained()
  })
}
