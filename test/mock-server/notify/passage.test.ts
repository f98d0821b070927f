import type { ServerResponse } from 'node:http'
import t from 'tap'
import type { World } from '../../../mock-server/index.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { ACK, placeOrder, REFUSAL, startMock, startShop } from '../helpers.ts'

t.test('a lost notification is sent again', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'reset' }, { name: 'lost' })
  t.match((await world.pay('tea-0001')).delivery!, {
    verdict: 'reset',
    reason: 'the connection broke before a complete reply had arrived (ECONNRESET fault lost)',
    response: undefined,
  })
  t.equal(shop.received.length, 0)
  t.match(await world.advance('15s'), { deliveries: [{ attempt: 1, verdict: 'acked' }] })
})

t.test('a lost acknowledgement: the merchant has booked, but WeChat does not know', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'reset', when: 'after' })
  t.match((await world.pay('tea-0001')).delivery!, { verdict: 'reset' })
  t.equal(shop.received.length, 1)
  t.match(await world.advance('15s'), { deliveries: [{ verdict: 'acked' }] })
  t.equal(shop.received[0]!.body, shop.received[1]!.body)
})

t.test('a wrong signature, once', async (t) => {
  const { default: world } = await startMock(t)
  const right = (body: string) => {
    const fields = readXml(body)
    return fields.get('sign') === signV2(fields, world.credentials.apiKey, 'MD5')
  }
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'bad_sign' })
  const first = (await world.pay('tea-0001')).delivery!
  await world.advance('15s')
  t.same(
    shop.received.map(({ body }) => right(body)),
    [false, true],
  )
  t.equal(first.request.body, shop.received[0]!.body, 'the delivery has what was sent')
})

t.test('an answer delayed beyond the limit counts as none', async (t) => {
  const { default: world } = await startMock(t, { world: { ackTimeoutMs: 300 } })
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'delay', ms: 60_000, when: 'after' })
  const { verdict, durationMs } = (await world.pay('tea-0001')).delivery!
  t.same([verdict, durationMs, shop.received.length], ['timeout_5s', 300, 1], 'WeChat does not wait for it')
  t.match(await world.advance('15s'), { deliveries: [{ attempt: 1, verdict: 'acked' }] })
})

t.test('delay: of the notification, or of its answer', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const { default: world } = await startMock(t)
    const shop = await startShop(t)
    await placeOrder(world, shop.notifyUrl)
    world.fault('notify', { kind: 'delay', ms: 50, when })
    const started = performance.now()
    t.match((await world.pay('tea-0001')).delivery!, { verdict: 'acked' })
    t.ok(performance.now() - started >= 49)
  }
})

t.test('held before it is sent, and after it is answered', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  const sending = world.gate('notify.request')
  const judging = world.gate('notify.response')
  const notification = (await world.pay('tea-0001', { deliver: 'background' })).notification
  await sending.reached
  t.equal(shop.received.length, 0)
  await world.advance('7s')
  sending.release()
  await judging.reached
  t.equal(shop.received.length, 1)
  t.same(notification.attempts, [])
  judging.release()
  await world.advance(0)
  t.match(notification.attempts, [{ verdict: 'fail_xml', sentAt: world.clock.now() }], 'sent when it was released')
  t.same(notification.nextDueAt, new Date(world.clock.now().getTime() + 15_000))
})

t.test('an advance waits for a delivery held by a gate, until its real-time limit', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  const gate = world.gate('notify.request')
  const advanced = world.advance('15s')
  await gate.reached
  gate.release()
  t.match(await advanced, { deliveries: [{ attempt: 1 }] })

  const stuck = world.gate('notify.request')
  await t.rejects(world.advance('15s', { realTimeoutMs: 50 }), { code: 'CLOCK_TIMEOUT' })
  stuck.release()
  t.match(await world.advance('30s'), { deliveries: [{ attempt: 2 }, { attempt: 3 }] })
})

t.test(
  'what is held when the world is reset or restored is not sent, and does not affect what comes later',
  async (t) => {
    const forgetting: Readonly<Record<string, (world: World) => void>> = {
      reset: (world) => world.reset(),
      'reset of the orders': (world) => world.reset('orders'),
      restore: (world) => world.restore('before'),
    }
    for (const [how, forget] of Object.entries(forgetting)) {
      const { default: world } = await startMock(t)
      const shop = await startShop(t)
      const place = (fen: number) => placeOrder(world, shop.notifyUrl, { total_fee: fen })
      world.snapshot('before')
      await place(500)
      const gate = world.gate('notify.request')
      const held = world.pay('tea-0001')
      await gate.reached
      forget(world)
      await place(100)
      const fault = world.fault('notify', { kind: 'reset', when: 'after' })
      world.once('beforeNotify', (draft) => {
        draft.fields.attach = 'hooked'
      })
      const answered = world.gate('notify.response')
      gate.release()
      t.match((await held).delivery, { verdict: 'reset', reason: /the world no longer remembers it/ }, how)
      t.same([shop.received, world.deliveries(), world.journal.find({ api: 'notify' })], [[], [], []], how)
      t.same([fault.used, answered.state], [false, 'waiting'], how)
      answered.remove()
      t.match((await world.pay('tea-0001')).delivery!, { id: 'd1', verdict: 'reset', reason: /fault/ })
      t.match(shop.received, [{ body: /<attach>.*hooked/ }], 'the notification is about the new order')
    }
  },
)

t.test('what is delayed or repeated when the world is reset is not sent either', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, (_notified, _response, count) => {
    if (count === 1) world.reset()
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  t.match(await (await world.pay('tea-0001', { deliver: 'hold' })).notification.deliver({ count: 3 }), [
    { verdict: 'fail_xml' },
  ])
  t.equal(shop.received.length, 1)

  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'delay', ms: 200 })
  const paid = world.pay('tea-0001')
  const paused = world.notification('tea-0001').deliver({ count: 2, concurrent: true, delayMs: 200 })
  while (shop.received.length < 2) await new Promise((resolve) => setImmediate(resolve))
  world.reset()
  const gate = world.gate('orderquery.request', { until: 'notify.request' })
  const lost = { verdict: 'reset', reason: /the world no longer remembers it/ }
  t.match([(await paid).delivery, ...(await paused)], [lost, { verdict: 'fail_xml' }, lost])
  t.equal(shop.received.length, 2)
  t.equal(gate.state, 'waiting')
})

t.test('an answer that arrives after a reset does not meet later gates', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => {
    world.reset()
    world.gate('notify.response', { name: 'new' })
    world.gate('orderquery.request', { name: 'until', until: 'notify.response' })
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  t.match((await world.pay('tea-0001')).delivery!, { verdict: 'fail_xml' })
  t.match(world.gates(), [
    { name: 'new', state: 'waiting' },
    { name: 'until', state: 'waiting' },
  ])
})

t.test('each delivery is one POST, whenever the merchant closes its connections', async (t) => {
  const { default: world } = await startMock(t)
  const breaksOff = ({ socket }: ServerResponse) => {
    socket!.destroy()
  }
  const closes = (response: ServerResponse) => {
    const { socket } = response
    response.end(ACK, () => {
      socket!.destroy()
    })
  }
  const answers = [
    closes,
    breaksOff,
    closes,
    closes,
    (response: ServerResponse) => {
      response.end(REFUSAL)
    },
    breaksOff,
    breaksOff,
    closes,
  ]
  const verdicts = ['acked', 'reset', 'acked', 'acked', 'fail_xml', 'reset', 'reset', 'acked']
  const shop = await startShop(t, (_notified, response, count) => {
    answers[count - 1]!(response)
    return undefined
  })
  for (const [n, verdict] of verdicts.entries()) {
    const outTradeNo = `tea-000${n}`
    await placeOrder(world, shop.notifyUrl, { out_trade_no: outTradeNo, nonce_str: outTradeNo })
    t.match((await world.pay(outTradeNo)).delivery!, { verdict })
  }
  t.equal(shop.received.length, verdicts.length)
})

t.test('a stopped handler is unreachable, even if it had an open connection', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  shop.server.close()
  shop.server.closeAllConnections()
  t.match(await world.advance('15s'), { deliveries: [{ verdict: 'connection_refused' }] })
})
