import t from 'tap'
import { control, deferred, placeOrder, REFUSAL, startMock, startShop } from '../helpers.ts'

t.test('the clock is shown with what it will do, and advanced', async t => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  t.same(await control(mock, 'GET', '/worlds/default/clock'), {
    status: 200,
    json: { mode: 'virtual', now: '2026-01-15T04:00:00.000Z', timers: [{ due: '2026-01-15T04:00:15.000Z', what: 'notify tea-0001 attempt 1' }], inFlight: [] }
  })
  const { status, json } = await control(mock, 'POST', '/worlds/default/clock/advance', { by: '24h4m' })
  t.equal(status, 200)
  t.match(json, { from: '2026-01-15T04:00:00.000Z', to: '2026-01-16T04:04:00.000Z', remainingTimers: [] })
  t.equal(json.deliveries.length, 15)
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: 1500 }), { json: { to: '2026-01-16T04:04:01.500Z' } })
})

t.test('409 when it is being advanced, and on the real clock', async t => {
  const mock = await startMock(t)
  const hook = deferred<void>()
  const reached = deferred<void>()
  mock.default.settleOn(() => { reached.resolve(); return hook.promise })
  const first = control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' })
  await reached.promise
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' }), { status: 409, json: { code: 'CLOCK_BUSY' } })
  hook.resolve()
  t.match(await first, { status: 200 })

  mock.world({ id: 'real', clock: 'real' })
  t.match(await control(mock, 'POST', '/worlds/real/clock/advance', { by: '1s' }), { status: 409, json: { code: 'CLOCK_REAL', message: /cannot be advanced/ } })
  t.match(await control(mock, 'GET', '/worlds/real/clock'), { json: { mode: 'real', timers: [] } })
})

t.test('504 with what was done when it takes too long', async t => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  mock.default.on('delivery', () => mock.default.settleOn(() => new Promise(() => {})))
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1h', realTimeoutMs: 50 }), {
    status: 504,
    json: { code: 'CLOCK_TIMEOUT', report: { to: '2026-01-15T04:00:15.000Z', deliveries: [{ attempt: 1 }], remainingTimers: [{ what: 'notify tea-0001 attempt 2' }] } }
  })
})
