import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { Store, Wechat } from '../../src/index.ts'
import { both } from '../helpers.ts'
import type { LogLine, Version } from '../helpers.ts'

const [A, B] = ['wx00000000000000aa', 'wx00000000000000bb'] as const

/**
 * Registrations of one merchant number, by name: which app, on which server and store. The refund URL of the merchant
 * number is that of `a`.
 */
async function merchantOf(
  t: Test,
  version: Version,
  registrations: Record<string, { appid: string; server: number; store: Store }>,
) {
  const mock = await createMockWechat({ world: { appid: A, clock: 'virtual' } })
  const world = mock.default
  world.setApp(B)
  const secrets = new Map(world.apps().map(({ appid, appSecret }) => [appid, appSecret]))
  const logs: LogLine[] = []
  const stream = {
    write: (line: string) => {
      logs.push(JSON.parse(line) as LogLine)
    },
  }
  const refunded: string[] = []
  const apps: Record<string, Wechat> = {}
  const urls: Record<string, string> = {}
  for (const server of new Set(Object.values(registrations).map((each) => each.server))) {
    const http = createServer()
    await new Promise<void>((resolve) => {
      http.listen(0, '127.0.0.1', resolve)
    })
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const app = Fastify({ logger: { stream }, serverFactory: (handler) => http.on('request', handler) })
    t.teardown(async () => {
      await app.close()
      http.close().closeAllConnections()
    })
    for (const [name, { appid, store }] of Object.entries(registrations).filter(([, each]) => each.server === server)) {
      await app.register(
        async (scope) => {
          await scope.register(wechatPay, {
            appid,
            appSecret: secrets.get(appid)!,
            merchant: world.merchantOptions(version),
            baseUrl: mock.url,
            publicUrl: url,
            store,
            now: () => world.clock.now(),
            sweepIntervalMs: 0,
            price: () => ({ key: 'k', description: 'tea', totalFee: 1250 }),
            onPaid: () => {},
            onRefunded: (_order, { outRefundNo }) => {
              refunded.push(`${name} ${outRefundNo}`)
            },
          })
          apps[name] = scope.wechat
          urls[name] = `${url}/${name}/wechat/notify`
        },
        { prefix: `/${name}` },
      )
    }
    await app.ready()
  }
  t.teardown(() => mock.close())

  return {
    world,
    apps,
    refunded,
    logs,
    /**
     * A paid and fulfilled order of the registration that is partly refunded in the merchant platform: the notification
     * goes to `a`.
     */
    async refundElsewhere(name: string) {
      const { appid } = registrations[name]!
      const openid = `o-${appid}`
      world.setUser(openid, { appid })
      const { order } = await apps[name]!.orders.create({
        key: `${name}-cart`,
        openid,
        description: 'tea',
        totalFee: 1250,
        clientIp: '203.0.113.7',
        expiresAt: new Date(world.clock.now().getTime() + 3_600_000),
      })
      await world.pay(order.outTradeNo)
      await settle()
      const { outRefundNo } = world.refundFromConsole(order.outTradeNo, { refundFee: 300, notifyUrl: urls.a! })
      const { delivery } = await world.settleRefund(outRefundNo, 'SUCCESS')
      return {
        outTradeNo: order.outTradeNo,
        outRefundNo,
        verdict: delivery?.verdict,
      }
    },
    settle,
  }

  async function settle(): Promise<void> {
    for (const each of Object.values(apps)) {
      await each.idle()
      await each.sweep()
      await each.idle()
    }
  }
}

const found = (outRefundNo: string) => [{ outRefundNo, origin: 'external', state: 'success', fulfilment: 'done' }]

both(
  'with two apps of one merchant number and one refund URL, the notification reaches the app that owns the order',
  async (t, _open, version) => {
    const shared = memoryStore() as Store
    for (const [what, stores] of [
      ['each with its own store', { a: memoryStore() as Store, b: memoryStore() as Store }],
      ['on one store', { a: shared, b: shared }],
    ] as const) {
      const made = await merchantOf(t, version, {
        a: { appid: A, server: 1, store: stores.a },
        b: { appid: B, server: 1, store: stores.b },
      })
      for (const name of ['b', 'a']) {
        const { outTradeNo, outRefundNo, verdict } = await made.refundElsewhere(name)
        t.equal(verdict, 'acked', `${what}: ${name}`)
        await made.apps[name]!.idle()
        t.match(await made.apps[name]!.refunds.list(outTradeNo), found(outRefundNo), 'it is queried at once')
        t.strictSame(made.refunded.splice(0), [`${name} ${outRefundNo}`], 'by its owner, once')
      }
      t.strictSame(
        made.logs.filter(({ level }) => Number(level) >= 40),
        [],
      )
    }
  },
)

both('an owner registered on another server does the work if they share the store', async (t, _open, version) => {
  const store = memoryStore() as Store
  const made = await merchantOf(t, version, { a: { appid: A, server: 1, store }, b: { appid: B, server: 2, store } })
  const { outTradeNo, outRefundNo, verdict } = await made.refundElsewhere('b')
  t.equal(verdict, 'acked')
  t.equal(await made.apps.a!.sweep(), 0, "no registration works on another app's order")
  t.match(await made.apps.b!.refunds.list(outTradeNo), [{ outRefundNo, state: 'processing', refundId: undefined }])
  await made.settle()
  t.match(await made.apps.b!.refunds.list(outTradeNo), found(outRefundNo))
  t.strictSame(made.refunded, [`b ${outRefundNo}`])
  await t.rejects(made.apps.a!.refunds.refresh(outTradeNo, outRefundNo), { code: 'WECHAT_ORDER_CONFLICT' })
})

both('without an owner the answer is FAIL, and the log says where the URL is set', async (t, _open, version) => {
  const made = await merchantOf(t, version, {
    a: { appid: A, server: 1, store: memoryStore() as Store },
    b: { appid: B, server: 2, store: memoryStore() as Store },
  })
  const { outTradeNo, verdict } = await made.refundElsewhere('b')
  t.equal(verdict, 'fail_xml')
  t.match(
    made.logs.filter(({ msg }) => msg === 'A notification was refused'),
    [{ fault: 'wrong-account', reason: new RegExp(`app ${B}, .*交易中心 – 退款管理 – 退款配置`) }],
  )
  t.strictSame(await made.apps.b!.refunds.list(outTradeNo), [])
  t.match(await made.apps.b!.orders.refresh(outTradeNo), { refunds: [{ state: 'success' }] }, 'a query finds it')
})
