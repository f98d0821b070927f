import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { Version } from '../helpers.ts'

/** A shop with one address and one store, whose processes are replaced by deploys. */
async function shopOf(t: Test) {
  const mock = await createMockWechat()
  const world = mock.default
  const { appid, appSecret } = world.credentials
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = memoryStore()
  const paid: string[] = []
  const refunded: string[] = []
  let app: FastifyInstance | undefined

  async function deploy(version: Version): Promise<void> {
    await app?.close()
    server.removeAllListeners('request')
    app = Fastify({ serverFactory: (handler) => server.on('request', handler) })
    await app.register(wechatPay, {
      appid,
      appSecret,
      merchant: world.merchantOptions(version),
      baseUrl: mock.url,
      publicUrl: url,
      store,
      now: () => world.clock.now(),
      sweepIntervalMs: 0,
      price: (request) => ({ key: (request.body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
      onPaid: ({ outTradeNo }) => {
        paid.push(outTradeNo)
      },
      onRefunded: (_order, { outRefundNo }) => {
        refunded.push(outRefundNo)
      },
    })
    await app.ready()
  }
  t.teardown(async () => {
    await app?.close()
    await mock.close()
    server.close().closeAllConnections()
  })

  async function post(path: string, body: object, headers = {}): Promise<any> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    return await response.json()
  }
  return {
    world,
    paid,
    refunded,
    deploy,
    wechat: () => app!.wechat,
    async order(cart: string): Promise<string> {
      const { token } = await post('/wechat/login', { code: world.loginCode({ openid: 'oAlice' }).code })
      const { outTradeNo, ...params } = await post('/wechat/orders', { cart }, { authorization: `Bearer ${token}` })
      world.requestPayment(params)
      return outTradeNo
    },
    /** Advances time and does what becomes due. */
    async live(minutes: number): Promise<void> {
      for (let n = 0; n < minutes * 2; n++) {
        await world.advance('30s')
        await app!.wechat.sweep()
        await app!.wechat.idle()
      }
    },
  }
}

for (const [from, to] of [
  ['v2', 'v3'],
  ['v3', 'v2'],
] as const) {
  t.test(`a deploy from ${from} to ${to}, with orders in flight, loses nothing`, async (t) => {
    const { world, paid, refunded, deploy, wechat, order, live } = await shopOf(t)
    await deploy(from)
    const delivered = await order('delivered')
    await world.pay(delivered)
    await live(1)
    const refund = await wechat().refunds.create(delivered, { key: 'r1', refundFee: 250 })
    const unheard = await wechat().refunds.create(delivered, { key: 'r2', refundFee: 250 })
    world.fault('refund', { kind: 'reset', when: 'after' }, { times: 2 })
    const lost = await wechat().refunds.create(delivered, { key: 'r4', refundFee: 100 })
    t.match(lost, { state: 'unknown' }, 'WeChat has accepted it, and its answers are lost')
    const missed = await order('missed')
    await world.pay(missed, { deliver: 'hold' })
    const [open, abandoned, again] = [await order('open'), await order('abandoned'), await order('again')]

    await deploy(to)
    const [delivery] = await world.notification(missed).deliver()
    t.not(delivery!.verdict, 'acked', 'not accepted before WeChat has been queried with the current version')
    await world.pay(open)
    await world.settleRefund(refund.outRefundNo, 'SUCCESS')
    await world.settleRefund(unheard.outRefundNo, 'SUCCESS', { deliver: 'hold' })
    await world.settleRefund(lost.outRefundNo, 'SUCCESS', { deliver: 'hold' })
    const later = await order('later')
    await world.pay(later)
    const second = await order('again')
    t.not(second, again, 'a prepay id of the other version is not given to the payer')
    t.equal(world.order(again).tradeState, 'CLOSED')
    await world.pay(second)
    const more = await wechat()
      .refunds.create(missed, { key: 'r3', refundFee: 1250 })
      .catch((error: unknown) => error)
    await live(30)

    t.same(new Set(paid), new Set([delivered, missed, open, later, second]))
    t.equal(paid.length, 5, 'each once')
    t.same(new Set(refunded), new Set([refund.outRefundNo, unheard.outRefundNo, lost.outRefundNo]))
    t.equal(refunded.length, 3, 'each once')
    t.equal(world.refunds().filter(({ outTradeNo }) => outTradeNo === delivered).length, 3, 'and no other was made')
    t.match(more, from === 'v2' ? { state: 'processing' } : { code: 'WECHAT_ORDER_CONFLICT' })
    t.same(await wechat().anomalies.list(), [])

    await live(120)
    t.match(await wechat().orders.get(abandoned), { state: 'closed' })
    t.equal(world.order(abandoned).tradeState, 'CLOSED')
  })
}
