import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import tap from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { Order, Store, Wechat } from '../../src/index.ts'
import { serve } from '../fixtures.ts'
import { both, resigned } from '../helpers.ts'
import type { Version } from '../helpers.ts'

const NAMES = ['a', 'b'] as const
type Name = (typeof NAMES)[number]
const MERCHANTS = { a: '1900000109', b: '1900000110' }
const OPENID = 'oAlice'

/** Two merchants with one app, in one process, on one store. `mixedUp`: what is sent to b arrives at a. `silent`: the WeChat of a, if it is another. */
async function merchants(
  t: Test,
  version: Version,
  { mixedUp = false, silent }: { mixedUp?: boolean; silent?: string } = {},
) {
  const mock = await createMockWechat({ world: { mchId: MERCHANTS.a, clock: 'virtual' } })
  const world = mock.default
  world.setMerchant(MERCHANTS.b)
  const { appid, appSecret } = world.credentials
  world.setUser(OPENID, { appid })
  const store = memoryStore() as Store
  const paid: string[] = []
  const http = createServer()
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const app = Fastify({
    serverFactory: (handler) =>
      http.on('request', (request, response) => {
        if (mixedUp) request.url = request.url!.replace('/b/wechat/notify', '/a/wechat/notify')
        handler(request, response)
      }),
  })
  t.teardown(async () => {
    await app.close()
    await mock.close()
    http.close().closeAllConnections()
  })
  const at = {} as Record<Name, Wechat>
  for (const name of NAMES) {
    await app.register(
      async (scope) => {
        await scope.register(wechatPay, {
          ...{ appid, appSecret, store, now: () => world.clock.now(), sweepIntervalMs: 0 },
          merchant: world.merchantOptions(version, { mchId: MERCHANTS[name] }),
          baseUrl: (name === 'a' && silent) || mock.url,
          publicUrl: url,
          price: () => ({ key: 'cart', description: 'tea', totalFee: 1250 }),
          onPaid: ({ outTradeNo }) => {
            paid.push(`${name} ${outTradeNo}`)
          },
        })
        at[name] = scope.wechat
      },
      { prefix: `/${name}` },
    )
  }
  await app.ready()

  return {
    ...{ world, store, at, paid, url },
    async order(name: Name, key = 'cart'): Promise<Order> {
      const { order } = await at[name].orders.create({
        ...{ key, openid: OPENID, description: 'tea', totalFee: 1250, clientIp: '203.0.113.7' },
        expiresAt: new Date(world.clock.now().getTime() + 3_600_000),
      })
      return order
    },
    async settle(): Promise<void> {
      for (const name of NAMES) {
        await at[name].idle()
        await at[name].sweep()
        await at[name].idle()
      }
    },
    post: async (name: Name, body: string) =>
      await (await fetch(`${url}/${name}/wechat/notify`, { method: 'POST', body })).text(),
  }
}

both('each merchant has an order of the same key, and does the work of its own', async (t, _open, version) => {
  const { at, world, order, settle, paid } = await merchants(t, version)
  const orders = { a: await order('a'), b: await order('b') }
  t.not(orders.a.outTradeNo, orders.b.outTradeNo)
  for (const name of NAMES) t.match(orders[name], { key: 'cart', mchId: MERCHANTS[name], state: 'prepaid' })
  t.strictSame((await order('a')).outTradeNo, orders.a.outTradeNo, 'the same again')

  for (const [name, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const { outTradeNo } = orders[name]
    t.equal(await at[other].orders.get(outTradeNo), undefined)
    t.equal(await at[other].orders.refresh(outTradeNo), undefined)
    t.equal(await at[other].orders.cancel(outTradeNo), undefined)
    t.strictSame(await at[other].orders.history(outTradeNo), [])
    const { delivery } = await world.pay(outTradeNo)
    t.equal(delivery?.verdict, 'acked')
    await settle()
    t.match(await at[name].orders.get(outTradeNo), { state: 'paid', fulfilment: 'done' })

    await t.rejects(at[other].refunds.create(outTradeNo, { key: 'back', refundFee: 100 }), {
      code: 'WECHAT_ORDER_NOT_FOUND',
    })
    const { outRefundNo, state } = await at[name].refunds.create(outTradeNo, { key: 'back', refundFee: 100 })
    t.equal(state, 'processing')
    t.equal(await at[other].refunds.refresh(outTradeNo, outRefundNo), undefined)
    t.strictSame(await at[other].refunds.list(outTradeNo), [])
    await world.settleRefund(outRefundNo, 'SUCCESS')
    await settle()
    t.match(await at[name].refunds.list(outTradeNo), [{ state: 'success' }])
  }
  t.strictSame(paid, [`a ${orders.a.outTradeNo}`, `b ${orders.b.outTradeNo}`])
  for (const name of NAMES) t.strictSame(await at[name].anomalies.list(), [])
  world.assertNoUnexpected()
})

both('a finding is shown to its own merchant, and only that one decides', async (t, _open, version) => {
  const { at, world, order, settle, paid } = await merchants(t, version)
  const { outTradeNo } = await order('b')
  await at.b.orders.cancel(outTradeNo)
  world.forceState(outTradeNo, 'NOTPAY')
  await world.pay(outTradeNo)
  await settle()
  const [finding, ...more] = await at.b.anomalies.list()
  t.match([finding, ...more], [{ kind: 'late', outTradeNo }])
  t.strictSame(await at.a.anomalies.list(), [])
  for (const action of ['refund', 'fulfil', 'dismiss'] as const) {
    await t.rejects(at.a.anomalies.resolve(finding!.id, action, 'mine'), { code: 'WECHAT_INPUT_INVALID' })
  }
  t.match(await at.b.orders.get(outTradeNo), { fulfilment: 'held' })
  await at.b.anomalies.resolve(finding!.id, 'fulfil', 'it is paid')
  await settle()
  t.strictSame(paid, [`b ${outTradeNo}`])
})

both("a notification sent to another merchant's address changes nothing", async (t, _open, version) => {
  const { at, world, order, settle, paid } = await merchants(t, version, { mixedUp: true })
  const { outTradeNo } = await order('b')
  const { delivery } = await world.pay(outTradeNo)
  t.not(delivery?.verdict, 'acked')
  t.match(await at.b.orders.get(outTradeNo), { state: 'prepaid' })
  t.strictSame(await at.a.anomalies.list(), [])
  await at.b.orders.refresh(outTradeNo)
  await settle()
  t.strictSame(paid, [`b ${outTradeNo}`], 'asking finds the payment')
})

// In API v3 WeChat signs: the test of the notify route has such messages.
tap.test("v2: a merchant's own payment never counts for an order of another", async (t) => {
  const { at, world, order, store, post } = await merchants(t, 'v2')
  const [ours, theirs] = [await order('a'), await order('b')]
  const { notification } = await world.pay(ours.outTradeNo, { deliver: 'hold' })
  const { apiKey } = world.merchantOptions('v2', { mchId: MERCHANTS.a })
  const before = [await store.findOrder(theirs.outTradeNo), await store.history(theirs.outTradeNo)]
  const forged = resigned(notification.body, { out_trade_no: theirs.outTradeNo }, apiKey)
  t.match(await post('a', forged), /unknown-order/)
  t.strictSame([await store.findOrder(theirs.outTradeNo), await store.history(theirs.outTradeNo)], before)
  t.match(await at.a.anomalies.list(), [{ kind: 'unknown-order', outTradeNo: theirs.outTradeNo }])
  t.strictSame(await at.b.anomalies.list(), [])
})

both('a merchant whose WeChat hangs does not hold up the other', async (t, _open, version) => {
  const held: ServerResponse[] = []
  let silence = true
  const silent = await serve(t, (_request, response) => {
    if (silence) held.push(response)
    else response.writeHead(500).end()
  })
  const { at, world, order, store } = await merchants(t, version, { silent })
  const template = await order('b')
  const due = world.clock.now()
  for (let n = 0; n < 20; n++) {
    const outTradeNo = `20260301120000hang${String(n).padStart(10, '0')}`
    const stuck: Order = {
      ...template,
      outTradeNo,
      key: outTradeNo,
      liveKey: outTradeNo,
      mchId: MERCHANTS.a,
      dueAt: due,
    }
    await store.insertOrder({ order: stuck, history: [], anomalies: [] })
  }
  let over = false
  const sweep = at.a.sweep().finally(() => {
    over = true
  })
  await world.pay(template.outTradeNo)
  await at.b.idle()
  await at.b.sweep()
  t.match(await at.b.orders.get(template.outTradeNo), { state: 'paid', fulfilment: 'done' })
  t.notOk(over, 'while the other still waits')
  silence = false
  for (const response of held) response.writeHead(500).end()
  await sweep
})

both(
  'a cart that moves to another merchant number is cancelled at the first, or stays paid there',
  async (t, _open, version) => {
    for (const isPaid of [false, true]) {
      const { at, world, order, settle, paid } = await merchants(t, version)
      const old = await order('a')
      if (isPaid) await world.pay(old.outTradeNo, { deliver: 'hold' })
      const cancelled = await at.a.orders.cancel(old.outTradeNo)
      t.equal(cancelled?.state, isPaid ? 'paid' : 'closed')
      if (!isPaid) {
        const { outTradeNo } = await order('b')
        await t.rejects(world.pay(old.outTradeNo), { code: 'ORDER_NOT_PAYABLE' })
        await world.pay(outTradeNo)
      }
      await settle()
      t.equal(paid.length, 1, 'paid once')
    }
  },
)
