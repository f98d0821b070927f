import { once } from 'node:events'
import t from 'tap'
import { guarded } from '../../mock-server/guarded.ts'
import { callPay, placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

t.test('what fails is told, and stops nothing', async (t) => {
  const heard: unknown[] = []
  guarded('delivery', (...args: unknown[]) => {
    heard.push(...args)
  })(1, 2)
  t.same(heard, [1, 2])
  for (const [failure, told] of [
    [new Error('oh'), /^a listener of delivery failed: Error: oh\n +at /],
    ['oh', /^a listener of delivery failed: 'oh'$/],
  ] as const) {
    const warned = once(process, 'warning')
    guarded('delivery', () => {
      throw failure
    })()
    t.match(await warned, [{ name: 'MockWarning', message: told }])
  }
})

t.test('a listener that throws does not break the wire', async (t) => {
  const warnings: string[] = []
  const note = ({ message }: Error) => {
    warnings.push(message.split('\n')[0]!)
  }
  process.on('warning', note)
  t.teardown(() => {
    process.off('warning', note)
  })
  const fail = () => {
    throw new Error('oh')
  }
  const { default: world } = await startMock(t, { log: fail })
  const shop = await startShop(t, () => REFUSAL)
  for (const event of ['journal', 'delivery', 'paid', 'fault', 'gate', 'clock', 'reset'] as const) world.on(event, fail)
  world.events.subscribe(fail)
  const heard: unknown[] = []
  world.on('delivery', (delivery) => {
    heard.push(delivery)
  })
  world.fault('notify', { kind: 'delay', ms: 0 })
  world.gate('orderquery.request').release()

  await placeOrder(world, shop.notifyUrl)
  t.match(await world.pay('tea-0001'), { verdict: 'fail_xml' })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { trade_state: 'SUCCESS' } })
  t.match(await world.advance('24h4m'), { deliveries: { length: 15 }, remainingTimers: [] })
  t.equal(heard.length, 16, 'the other listeners hear')
  world.reset()
  await new Promise((resolve) => setImmediate(resolve))
  const told = (what: string) => warnings.includes(`a listener of ${what} failed: Error: oh`)
  for (const what of ['journal', 'delivery', 'paid', 'fault', 'gate', 'clock', 'reset', 'events', 'log']) {
    t.ok(told(what), what)
  }
})
