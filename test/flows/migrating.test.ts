import { createRequire } from 'node:module'
import Fastify from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'
import { freePort } from '../fixtures.ts'
import { ACK } from '../mock-server/helpers.ts'

// docs/migrating.md, "Orders in flight": another client has made orders of the same merchant, and has a notify route of its own.

type Reply = Record<string, string>
interface Client {
  urls: Record<string, string>
  unifiedOrder(order: Record<string, string | number>): Promise<Reply>
}
const Tenpay = createRequire(import.meta.url)('tenpay') as new (options: Record<string, string>) => Client

async function shopOf(t: Test, version: 'v2' | 'v3') {
  const mock = await createMockWechat()
  const world = mock.default
  const { appid, appSecret, mchId, apiKey } = world.credentials
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const client = new Tenpay({ appid, mchid: mchId, partnerKey: apiKey, notify_url: `${url}/old/notify` })
  client.urls = { unifiedorder: `${mock.url}/pay/unifiedorder` }

  const old = { notified: 0, unpaid: new Map<string, string[]>() }
  const paid: string[] = []
  const app = Fastify()
  t.teardown(async () => {
    await app.close()
    await mock.close()
  })
  await app.register(async (scope) => {
    scope.addContentTypeParser('text/xml', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    scope.post('/old/notify', async (_request, reply) => {
      old.notified++
      return reply.type('text/xml').send(ACK)
    })
  })
  await app.register(wechatPay, {
    appid,
    appSecret,
    merchant: world.merchantOptions(version),
    baseUrl: mock.url,
    publicUrl: url,
    store: memoryStore(),
    now: () => world.clock.now(),
    sweepIntervalMs: 0,
    price: async ({ body }) => {
      const { cart } = body as { cart: string }
      for (const outTradeNo of old.unpaid.get(cart) ?? []) {
        if ((await app.wechat.pay.close(outTradeNo)) === 'paid') {
          throw Object.assign(new Error('This cart has been paid.'), { statusCode: 409 })
        }
      }
      old.unpaid.delete(cart)
      return { key: cart, description: 'tea', totalFee: 1250 }
    },
    onPaid: ({ outTradeNo }) => {
      paid.push(outTradeNo)
    },
  })
  await app.listen({ port, host: '127.0.0.1' })

  const { code } = world.loginCode({ openid: 'o-alice' })
  const { token } = (await app.inject({ method: 'POST', url: '/wechat/login', payload: { code } })).json()
  return {
    app,
    world,
    old,
    paid,
    oldOrder: async (cart: string, outTradeNo: string, notifyUrl = `${url}/old/notify`) => {
      const order = { out_trade_no: outTradeNo, body: 'tea', total_fee: 1250, openid: 'o-alice', notify_url: notifyUrl }
      await client.unifiedOrder(order)
      old.unpaid.set(cart, [outTradeNo])
    },
    order: async (cart: string) =>
      await app.inject({
        method: 'POST',
        url: '/wechat/orders',
        headers: { authorization: `Bearer ${token}` },
        payload: { cart },
      }),
    notifyUrl: `${url}/wechat/notify`,
  }
}

for (const version of ['v2', 'v3'] as const) {
  t.test(
    `${version}: an old order is closed before a new one is made, or its payment is left to the old route`,
    async (t) => {
      const { world, old, paid, oldOrder, order } = await shopOf(t, version)
      await oldOrder('open', 'old-open')
      await oldOrder('paid', 'old-paid')
      old.unpaid.set('lost', ['old-that-never-reached-WeChat'])
      t.match(await world.pay('old-paid'), { delivery: { verdict: 'acked' } })
      t.equal(old.notified, 1)

      const { outTradeNo } = (await order('open')).json()
      t.equal(world.order('old-open').tradeState, 'CLOSED')
      await t.rejects(world.pay('old-open'), 'nobody can pay it any more')
      t.match(await world.pay(outTradeNo), { delivery: { verdict: 'acked' } })
      t.equal((await order('paid')).statusCode, 409)
      t.equal((await order('lost')).statusCode, 200)
      t.equal(world.orders().filter(({ tradeState }) => tradeState === 'SUCCESS').length, 2, 'each cart was paid once')
      t.same(paid, [outTradeNo])
    },
  )

  t.test(
    `${version}: payments and refunds of old orders at the plugin's URL are refused, and none is delivered`,
    async (t) => {
      const { app, world, paid, oldOrder, notifyUrl } = await shopOf(t, version)
      await oldOrder('cart', 'old-order', notifyUrl)
      const { delivery } = await world.pay('old-order')
      t.not(delivery!.verdict, 'acked')
      t.same(await app.wechat.orders.get('old-order'), undefined)
      await t.rejects(app.wechat.refunds.create('old-order', { key: 'r', refundFee: 1250 }), {
        code: 'WECHAT_ORDER_NOT_FOUND',
      })
      t.same(paid, [])
    },
  )
}
