import t from 'tap'
import { signV2 } from '../../mock-server/sign-v2.ts'
import { readXml } from '../../mock-server/wire.ts'
import { placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

t.test('a notification that is lost on its way is sent again', async t => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'reset' }, { name: 'lost' })
  t.match(await world.pay('tea-0001'), { verdict: 'reset', reason: 'the connection broke before a whole reply had arrived (ECONNRESET fault lost)', response: undefined })
  t.equal(shop.received.length, 0)
  t.match(await world.advance('15s'), { deliveries: [{ attempt: 1, verdict: 'acked' }] })
})

t.test('an acknowledgement that is lost on its way: the merchant has booked, WeChat does not know', async t => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'reset', when: 'after' })
  t.match(await world.pay('tea-0001'), { verdict: 'reset' })
  t.equal(shop.received.length, 1)
  t.match(await world.advance('15s'), { deliveries: [{ verdict: 'acked' }] })
  t.equal(shop.received[0]!.body, shop.received[1]!.body)
})

t.test('a wrong signature, once', async t => {
  const { default: world } = await startMock(t)
  const right = (body: string) => {
    const fields = readXml(body)
    return fields.get('sign') === signV2(fields, world.credentials.apiKey, 'MD5')
  }
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  world.fault('notify', { kind: 'bad_sign' })
  const first = await world.pay('tea-0001')
  await world.advance('15s')
  t.same(shop.received.map(({ body }) => right(body)), [false, true])
  t.equal(first.request.body, shop.received[0]!.body, 'the delivery has what went out')
})

t.test('delay: of the notification, or of its answer', async t => {
  for (const when of ['before', 'after'] as const) {
    const { default: world } = await startMock(t)
    const shop = await startShop(t)
    await placeOrder(world, shop.notifyUrl)
    world.fault('notify', { kind: 'delay', ms: 50, when })
    const started = performance.now()
    t.match(await world.pay('tea-0001'), { verdict: 'acked' })
    t.ok(performance.now() - started >= 49)
  }
})

t.test('held before it is sent, and after it is answered', async t => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  const sending = world.gate('notify.request')
  const judging = world.gate('notify.response')
  const notification = await world.pay('tea-0001', { deliver: 'background' })
  await sending.reached
  t.equal(shop.received.length, 0)
  await world.advance('7s')
  sending.release()
  await judging.reached
  t.equal(shop.received.length, 1)
  t.same(notification.attempts, [])
  judging.release()
  await world.advance(0)
  t.match(notification.attempts, [{ verdict: 'fail_xml', sentAt: world.clock.now() }], 'sent when it was let go')
  t.same(notification.nextDueAt, new Date(world.clock.now().getTime() + 15_000))
})

t.test('an advance waits for a delivery that a gate holds, until its real time runs out', async t => {
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
