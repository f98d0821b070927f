import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import Fastify from 'fastify'
import formbody from '@fastify/formbody'
import wechatPay, { memoryStore, wechatPay as named } from '../src/index.ts'
import { merchant } from './helpers.ts'

const options = {
  appid: 'wx0123456789abcdef',
  appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
  merchant: { version: 'v2' as const, mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
  publicUrl: 'https://shop.example.com',
  store: memoryStore(),
  price: () => ({ key: 'k', description: 'tea', totalFee: 1 }),
  onPaid: () => {},
}

t.test("the plugin registers under any prefix, once per scope, and leaves the host's parsers alone", async (t) => {
  t.equal(named, wechatPay)
  const app = Fastify()
  t.teardown(async () => {
    await app.close()
  })
  await app.register(wechatPay, { ...options, prefix: '/pay/v1' })
  await app.ready()
  t.ok(app.hasRoute({ method: 'POST', url: '/pay/v1/notify' }))
  for (const url of ['/pay/v1/login', '/pay/v1/orders', '/pay/v1/orders/:outTradeNo/cancel']) {
    t.ok(app.hasRoute({ method: 'POST', url }), url)
  }
  t.notOk(app.hasContentTypeParser('text/xml'))
  t.notOk(app.hasContentTypeParser('application/x-www-form-urlencoded'))
  await t.rejects(
    async () => {
      await Fastify().register(wechatPay, options).register(wechatPay, options)
    },
    {
      code: 'WECHAT_OPTIONS_INVALID',
      message: /already registered in this scope. Register another merchant in its own scope/,
    },
  )
})

t.test('forms are accepted whether or not the host already has a parser for them', async (t) => {
  for (const hosts of [false, true]) {
    const app = Fastify()
    t.teardown(async () => {
      await app.close()
    })
    if (hosts) await app.register(formbody)
    await app.register(wechatPay, options)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    t.equal(
      (await app.inject({ method: 'POST', url: '/wechat/login', headers, payload: 'code=a+b' })).statusCode,
      400,
      'it was read, and refused for its form',
    )
  }
})

t.test('registration reports all faults of the configuration', async (t) => {
  const faulty = { ...options, appid: 'wx1', publicUrl: 'http://shop.example.com', onPaid: undefined, colour: 'red' }
  await t.rejects(
    async () => {
      await Fastify().register(wechatPay, faulty as any)
    },
    { code: 'WECHAT_OPTIONS_INVALID', message: /appid[^]*publicUrl[^]*onPaid/ },
  )
})

t.test('the routes have equivalent methods', async (t) => {
  const shop = await merchant(t)
  const { wechat } = shop.app
  const terms = {
    key: 'k',
    openid: 'oAlice',
    description: 'tea',
    totalFee: 1,
    clientIp: '::1',
    expiresAt: new Date(shop.world.clock.now().getTime() + 3_600_000),
  }
  const {
    order: { outTradeNo },
  } = await wechat.orders.create(terms)
  t.match(outTradeNo, /^\d{14}[0-9A-Za-z]{14}$/)
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  t.match(await wechat.orders.refresh(outTradeNo), { state: 'paid' })
  t.equal(await wechat.orders.refresh('unknown-number'), undefined)
  t.match(await wechat.orders.history(outTradeNo), [
    { seen: 'order of 1 fen' },
    { seen: 'prepaid' },
    { source: 'query', outcome: 'paid' },
  ])
  t.strictSame(await wechat.anomalies.list(), [])
})

t.test('the sweeper finds a payment whose notification never came, and continues after the store failed', async (t) => {
  const store = memoryStore()
  let asked = 0
  const shop = await merchant(t, {
    options: { sweepIntervalMs: 100 },
    store: {
      ...store,
      async claimDue(...args) {
        if (++asked === 1) throw new Error('the database is down')
        return await store.claimDue(...args)
      },
    },
  })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  await shop.world.advance('6s')
  while (shop.paid.length === 0) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  t.strictSame(shop.paid, [outTradeNo])
  t.ok(shop.logs.some(({ msg }) => msg.startsWith('The store could not return due work')))
})

t.test('the reply is written before a hook starts, however long its synchronous part takes', async (t) => {
  let reply: ServerResponse | undefined
  let answered: boolean | undefined
  const shop = await merchant(t, {
    options: {
      onPaid: () => {
        answered = reply!.writableEnded
      },
    },
  })
  const outTradeNo = await shop.order()
  shop.app.server.on('request', (_request, response) => {
    reply = response
  })
  t.match((await shop.world.pay(outTradeNo)).delivery!, { verdict: 'acked' })
  await shop.app.wechat.idle()
  t.equal(answered, true)
})

t.test('onAnomaly gets payments that match no order, and may fail', async (t) => {
  const kinds: string[] = []
  const shop = await merchant(t, {
    options: {
      onAnomaly: ({ kind }) => {
        kinds.push(kind)
        throw new Error('pager is down')
      },
    },
  })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { openid: 'oMallory' })
  await shop.app.wechat.sweep()
  t.strictSame(kinds, ['mismatch'])
  t.match(await shop.app.wechat.anomalies.list(), [
    { kind: 'mismatch', outTradeNo, reason: /the payer is another than the order's/ },
  ])
  t.ok(shop.logs.some(({ msg }) => msg === 'onAnomaly failed'))
  t.strictSame(shop.paid, [])
})

t.test('close waits for onPaid before the app closes its database, and leaves nothing unfinished', async (t) => {
  let finished = false
  let finishedBeforeDatabase: boolean | undefined
  const started = new EventEmitter()
  const released = new EventEmitter()
  const shop = await merchant(t, {
    options: {
      sweepIntervalMs: 100,
      onPaid: async () => {
        started.emit('onPaid')
        await once(released, 'release')
        finished = true
      },
    },
    // Fastify runs the hooks added last first.
    after: (app) => {
      app.addHook('onClose', async () => {
        finishedBeforeDatabase = finished
      })
    },
  })
  const running = once(started, 'onPaid')
  const outTradeNo = await shop.order()
  t.match((await shop.world.pay(outTradeNo)).delivery!, { verdict: 'acked' }, 'the reply does not wait for onPaid')
  await running
  const closing = shop.app.close()
  setImmediate(() => {
    released.emit('release')
  })
  await closing
  t.equal(finishedBeforeDatabase, true)
  t.match(await shop.app.wechat.orders.get(outTradeNo), { fulfilment: 'done' })
})
