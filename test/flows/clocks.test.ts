import Fastify from 'fastify'
import tap from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import type { MockWechat } from '../../mock-server/index.ts'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { Store, WechatPayOptions } from '../../src/index.ts'
import type { Version } from '../helpers.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A process of the shop: an app on a store, with its own clock. */
async function start(
  t: Test,
  mock: MockWechat,
  version: Version,
  store: Store,
  options: Partial<WechatPayOptions<any>>,
) {
  const { appid, appSecret } = mock.default.credentials
  /** Its log lines about the clock, and all warnings and errors. */
  const logged: { level: number; aheadMs?: number; msg: string }[] = []
  const paid: string[] = []
  const app = Fastify({
    logger: {
      level: 'info',
      stream: {
        write(line: string) {
          const entry = JSON.parse(line)
          if (entry.level > 30 || 'aheadMs' in entry) logged.push(entry)
        },
      },
    },
  })
  t.teardown(() => app.close())
  await app.register(wechatPay, {
    appid,
    appSecret,
    merchant: mock.default.merchantOptions(version),
    baseUrl: mock.url,
    publicUrl: 'http://127.0.0.1:1',
    store,
    sweepIntervalMs: 0,
    price: (request) => ({ key: (request.body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
    onPaid: ({ outTradeNo }) => {
      paid.push(outTradeNo)
    },
    ...options,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })

  async function ask(method: 'GET' | 'POST', path: string, payload?: object, headers = {}): Promise<any> {
    const response = await app.inject({ method, url: `/wechat${path}`, headers, ...(payload && { payload }) })
    return response.json()
  }
  async function login(): Promise<{ authorization: string }> {
    const { token } = await ask('POST', '/login', { code: mock.default.loginCode({ openid: 'oAlice' }).code })
    return { authorization: `Bearer ${token}` }
  }
  return {
    app,
    logged,
    paid,
    ask,
    login,
    async order(cart: string, headers?: object): Promise<string> {
      return (await ask('POST', '/orders', { cart }, headers ?? (await login()))).outTradeNo as string
    },
    /** WeChat's notification, as WeChat sends it to this process: the verdict. */
    async notify(outTradeNo: string): Promise<string> {
      const [delivery] = await mock.default.craft(outTradeNo, { url: `${url}/wechat/notify` }).deliver()
      return delivery!.verdict
    },
  }
}

async function wechat(t: Test): Promise<MockWechat> {
  const mock = await createMockWechat()
  t.teardown(() => mock.close())
  return mock
}

function each(name: string, test: (t: Test, version: Version) => Promise<void>): void {
  for (const version of ['v2', 'v3'] as const) tap.test(`${version}: ${name}`, async (t) => await test(t, version))
}

/** The names of the calls to WeChat so far. */
function calls(mock: MockWechat): string[] {
  return mock.default.journal.entries().map(({ api }) => api)
}

each(
  'after the clock is set back by an hour, GET still queries WeChat and the sweeper still works',
  async (t, version) => {
    const mock = await wechat(t)
    const world = mock.default
    let offset = 0
    let broken = true
    const shop = await start(t, mock, version, memoryStore() as Store, {
      now: () => new Date(world.clock.now().getTime() + offset),
      onPaid: () => {
        if (broken) throw new Error('no stock')
      },
    })
    const headers = await shop.login()
    const [polled, delivered, forgotten] = [
      await shop.order('cart-1', headers),
      await shop.order('cart-2', headers),
      await shop.order('cart-3', headers),
    ]
    await world.pay(delivered, { deliver: 'hold' })
    await shop.notify(delivered)
    await shop.app.wechat.idle()
    await shop.ask('GET', `/orders/${polled}`, undefined, headers)
    offset = -HOUR
    await shop.app.wechat.sweep()

    const before = calls(mock).length
    await world.advance('3s')
    t.match(await shop.ask('GET', `/orders/${polled}`, undefined, headers), { state: 'prepaid' })
    t.same(calls(mock).slice(before), ['orderquery'], "a client's GET after three seconds queries WeChat")
    broken = false
    await world.advance('2s')
    t.equal(
      await shop.app.wechat.sweep(),
      3,
      'after five minutes the failed hook runs again and open orders are queried',
    )
    t.match(await shop.app.wechat.orders.get(delivered), { fulfilment: 'done' })
    await world.advance('25s')
    t.equal(await shop.app.wechat.sweep(), 2)
    const next = await shop.order('cart-4', headers)
    await world.advance('2h')
    await shop.app.wechat.sweep()
    for (const outTradeNo of [polled, forgotten, next]) {
      t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'closed' }, 'each order is closed when it expires')
    }
    t.equal(world.order(polled).tradeState, 'CLOSED')
  },
)

each(
  'a process whose clock is an hour ahead closes nothing early, logs the difference once, and closes on time',
  async (t, version) => {
    const mock = await wechat(t)
    const world = mock.default
    const store = memoryStore() as Store
    const right = await start(t, mock, version, store, { now: () => world.clock.now() })
    const headers = await right.login()
    const numbers: string[] = []
    for (let n = 0; n < 20; n++) numbers.push(await right.order(`cart-${n}`, headers))
    await world.advance('61m')
    await right.app.wechat.sweep()

    const ahead = await start(t, mock, version, store, { now: () => new Date(world.clock.now().getTime() + HOUR) })
    const before = calls(mock).length
    t.equal(await ahead.app.wechat.sweep(), 20, 'the orders are due by its clock')
    t.same(
      new Set(calls(mock).slice(before)),
      new Set(['orderquery']),
      'so it queries WeChat, and learns the time from the reply',
    )
    for (const outTradeNo of numbers) t.match(await store.findOrder(outTradeNo), { state: 'prepaid' })
    t.equal(await ahead.app.wechat.sweep(), 0, 'it does not query again')
    t.match(ahead.logged, [
      { msg: /^The clock of this process is (3599|3600) s ahead of WeChat's\. Orders expire by WeChat's/ },
    ])
    t.equal(await ahead.order('cart-0', headers), numbers[0], 'an order made an hour ago is still valid')
    const late = await ahead.order('late', headers)
    const left = world.order(late).expiresAt!.getTime() - world.clock.now().getTime()
    t.ok(Math.abs(left - 2 * HOUR) <= 1000, 'a new order gets exactly two hours')

    await world.advance('58m')
    t.equal((await ahead.app.wechat.sweep()) > 0, true)
    for (const outTradeNo of numbers) t.match(await store.findOrder(outTradeNo), { state: 'prepaid' })
    await world.advance('1m')
    await ahead.app.wechat.sweep()
    for (const outTradeNo of numbers) t.match(await store.findOrder(outTradeNo), { state: 'closed' })
    t.match(await store.findOrder(late), { state: 'prepaid' })
    t.equal(ahead.logged.length, 1)
  },
)

each(
  'ordering again in a process whose clock is an hour ahead does not close the order for its age',
  async (t, version) => {
    const mock = await wechat(t)
    const world = mock.default
    const store = memoryStore() as Store
    const right = await start(t, mock, version, store, { now: () => world.clock.now() })
    const headers = await right.login()
    const outTradeNo = await right.order('cart', headers)
    await world.advance('90m')
    const ahead = await start(t, mock, version, store, { now: () => new Date(world.clock.now().getTime() + HOUR) })
    t.equal(await ahead.order('cart', headers), outTradeNo)
    t.equal(world.orders().length, 1)
  },
)

for (const behind of [-HOUR, -90 * SECOND]) {
  each(`a process whose clock is ${-behind / SECOND} s behind closes on time`, async (t, version) => {
    const mock = await wechat(t)
    const world = mock.default
    let offset = behind
    const shop = await start(t, mock, version, memoryStore() as Store, {
      orderTtlMs: 10 * MINUTE,
      now: () => new Date(world.clock.now().getTime() + offset),
    })
    const outTradeNo = await shop.order('cart')
    t.equal(world.order(outTradeNo).expiresAt?.getTime(), world.clock.now().getTime() + 10 * MINUTE)
    for (const [span, state] of [
      ['9m59s', 'prepaid'],
      ['1s', 'closed'],
    ] as const) {
      await world.advance(span)
      await shop.app.wechat.sweep()
      t.match(await shop.app.wechat.orders.get(outTradeNo), { state })
    }
    offset = 0
    await shop.login()
    t.match(
      shop.logged,
      [
        { level: 40, msg: /^The clock of this process is \d+ s behind WeChat's\. Orders expire by WeChat's/ },
        { level: 30, msg: /WeChat's, back under a minute$/ },
      ],
      'a log line says that the clock is right again',
    )
  })
}

each('two processes whose clocks are three minutes apart fulfil everything once', async (t, version) => {
  const mock = await wechat(t)
  const world = mock.default
  const store = memoryStore() as Store
  const shops = await Promise.all(
    [90 * SECOND, -90 * SECOND].map(
      async (offset) =>
        await start(t, mock, version, store, { now: () => new Date(world.clock.now().getTime() + offset) }),
    ),
  )
  const numbers: string[] = []
  for (let n = 0; n < 20; n++) {
    const outTradeNo = await shops[n % 2]!.order(`cart-${n}`)
    numbers.push(outTradeNo)
    await world.pay(outTradeNo, { deliver: 'hold' })
    // Half of them are notified, to either process; the others are not.
    if (n % 4 < 2) await shops[(n >> 2) % 2]!.notify(outTradeNo)
  }
  for (let n = 0; n < 40; n++) {
    await world.advance('5s')
    for (const { app } of shops) await app.wechat.sweep()
  }
  t.same(shops.flatMap(({ paid }) => paid).sort(), numbers.sort())
})

each('an app on the real clock works with a virtual WeChat whose time is far away and jumps', async (t, version) => {
  for (const startTime of ['2020-01-15T12:00:00+08:00', '2050-01-15T12:00:00+08:00']) {
    const mock = await createMockWechat({ world: { startTime: new Date(startTime) } })
    t.teardown(() => mock.close())
    const world = mock.default
    const shop = await start(t, mock, version, memoryStore() as Store, { orderTtlMs: 30 * MINUTE })
    let headers = await shop.login()
    for (let n = 0; n < 3; n++) {
      const outTradeNo = await shop.order(`cart-${n}`, headers)
      t.match(world.order(outTradeNo), {
        tradeState: 'NOTPAY',
        expiresAt: new Date(world.clock.now().getTime() + 30 * MINUTE),
      })
      t.match(await shop.ask('GET', `/orders/${outTradeNo}`, undefined, headers), { state: 'prepaid' })
      await world.pay(outTradeNo, { deliver: 'hold' })
      t.equal(await shop.notify(outTradeNo), 'acked')
      await shop.app.wechat.idle()
      t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'done' })
      await world.advance('25h')
      // The first reply after a jump shows the new time.
      headers = await shop.login()
    }
    const cancelled = await shop.order('cancelled', headers)
    t.match(await shop.ask('POST', `/orders/${cancelled}/cancel`, {}, headers), { state: 'closed' })
    const left = await shop.order('left', headers)
    await world.advance('31m')
    const overdue = { v2: 'closed', v3: 'prepaid' }[version]
    t.match(await shop.ask('GET', `/orders/${left}`, undefined, headers), { state: overdue }, 'v2 has closed it')
    t.match(await shop.app.wechat.orders.cancel(left), { state: 'closed' })
    t.match(
      shop.logged.map(({ msg }) => msg),
      [/^The clock of this process/],
      'logged once, and nothing else is logged',
    )
  }
})
