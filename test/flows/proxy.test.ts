import { inspect } from 'node:util'
import t from 'tap'
import { connectProxy } from '../connect-proxy.ts'
import { both, merchant } from '../helpers.ts'

/** How the calls look on the wire, and how many agents make them: refunds of v2 have one of their own, for the client certificate. */
const CALLS = {
  v2: {
    unifiedorder: /POST \/pay\/unifiedorder /g,
    refund: /POST \/secapi\/pay\/refund /g,
    orderquery: /POST \/pay\/orderquery /g,
  },
  v3: {
    unifiedorder: /POST \/v3\/pay\/transactions\/jsapi /g,
    refund: /POST \/v3\/refund\/domestic\/refunds /g,
    orderquery: /GET \/v3\/pay\/transactions\/out-trade-no\/\S+ /g,
  },
}
const AGENTS = { v2: 3, v3: 2 }

both('every call to WeChat goes through the proxy: logins, orders, queries and refunds', async (t, open, version) => {
  const proxy = await connectProxy(t, { credentials: 'shop:hunter2' })
  const shop = await open(t, { options: { proxy: proxy.url.replace('//', '//shop:hunter2@') } })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo])
  t.match(await shop.app.wechat.refunds.create(outTradeNo, { key: 'all', refundFee: 1250 }), { state: 'processing' })
  await shop.app.wechat.orders.refresh(outTradeNo)
  const calls = { jscode2session: /GET \/sns\/jscode2session\?/g, ...CALLS[version] }
  for (const api of ['jscode2session', 'unifiedorder', 'refund', 'orderquery'] as const) {
    const through = [...proxy.seen().matchAll(calls[api])]
    t.equal(through.length, shop.world.journal.find({ api }).length, `${api}: only through the proxy`)
    t.not(through.length, 0)
  }
  t.ok(proxy.asked.length >= AGENTS[version], 'a tunnel for each')
  t.notMatch(JSON.stringify(shop.logs), 'hunter2', 'the log does not contain the password')
  t.notMatch(inspect(shop.app.wechat, { depth: 9, showHidden: true }), 'hunter2', 'nor does anything the app can see')
})

t.test('an error names the proxy that refused the call, without its password', async (t) => {
  const proxy = await connectProxy(t, { credentials: 'shop:hunter2' })
  const shop = await merchant(t, { options: { proxy: proxy.url.replace('//', '//shop:hunter3@') } })
  const { status, body } = await shop.post('/wechat/login', { code: shop.world.loginCode().code })
  t.match([status, body], [502, { code: 'WECHAT_NETWORK', message: /through the proxy .* \(the proxy answered 407\)/ }])
  t.notMatch(JSON.stringify([body, shop.logs]), /hunter/)
  t.strictSame(shop.world.journal.find({ api: 'jscode2session' }), [])
})

both('the environment sets no proxy', async (t, open) => {
  const proxy = await connectProxy(t)
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  Object.assign(process.env, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NODE_USE_ENV_PROXY: '1' })
  const shop = await open(t)
  await shop.order()
  t.strictSame(proxy.asked, [])
})
