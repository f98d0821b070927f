import t from 'tap'
import { control, deferred, placeOrder, REFUSAL, startMock, startShop } from '../helpers.ts'

t.test('the clock shows what it will do, and can be advanced', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  t.same(await control(mock, 'GET', '/worlds/default/clock'), {
    status: 200,
    json: {
      mode: 'virtual',
      now: '2026-01-15T04:00:00.000Z',
      timers: [{ due: '2026-01-15T04:00:15.000Z', what: 'notify tea-0001 attempt 1' }],
      inFlight: [],
    },
  })
  const { status, json } = await control(mock, 'POST', '/worlds/default/clock/advance', { by: '24h4m' })
  t.equal(status, 200)
  t.match(json, { from: '2026-01-15T04:00:00.000Z', to: '2026-01-16T04:04:00.000Z', remainingTimers: [] })
  t.equal(json.deliveries.length, 15)
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: 1500 }), {
    json: { to: '2026-01-16T04:04:01.500Z' },
  })
})

t.test('to a time instead of by a duration', async (t) => {
  const mock = await startMock(t)
  const advance = (body: object) => control(mock, 'POST', '/worlds/default/clock/advance', body)
  t.match(await advance({ to: '2026-01-15T13:00:00+08:00' }), {
    status: 200,
    json: { from: '2026-01-15T04:00:00.000Z', to: '2026-01-15T05:00:00.000Z' },
  })
  t.match(
    await advance({ to: '2026-01-15T04:59:59Z' }),
    {
      status: 400,
      json: {
        code: 'BAD_INPUT',
        field: 'to',
        rule: 'minimum',
        message:
          /^to: must not be past; got 2026-01-15T04:59:59.000Z, and the clock stands at 2026-01-15T05:00:00.000Z$/,
      },
    },
    'not back',
  )
  t.match(await advance({ to: 'tomorrow' }), { status: 400, json: { code: 'BAD_INPUT', field: 'to' } })
  for (const body of [{}, { by: '1s', to: '2026-01-15T13:00:00Z' }, { by: '1s', next: 1 }]) {
    t.match(await advance(body), {
      status: 400,
      json: { code: 'BAD_INPUT', rule: 'oneOf', message: /one of by, to and next/ },
    })
  }
})

t.test('over the next events, whenever they are due', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  const advance = (body: object) => control(mock, 'POST', '/worlds/default/clock/advance', body)
  t.match(await advance({ next: 1 }), {
    status: 200,
    json: { to: '2026-01-15T04:00:15.000Z', deliveries: [{ attempt: 1 }] },
  })
  t.match(await advance({ next: 2 }), {
    json: { to: '2026-01-15T04:01:00.000Z', deliveries: [{ attempt: 2 }, { attempt: 3 }] },
  })
  const { json } = await advance({ next: 100 })
  t.match(json, { to: '2026-01-16T04:04:00.000Z', remainingTimers: [] })
  t.equal(json.deliveries.length, 12)
  for (const next of [0, 1.5]) {
    t.match(await advance({ next }), { status: 400, json: { code: 'BAD_INPUT', field: 'next' } })
  }
  t.match(await advance({ by: { next: 1 } }), { status: 400, json: { code: 'BAD_INPUT', field: 'by' } })
})

t.test('switching to real time and back keeps what is due', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  await mock.default.advance('14m')
  const put = (body: object) => control(mock, 'PUT', '/worlds/default/clock', body)
  const timers = [{ due: '2026-01-15T04:34:00.000Z', what: 'notify tea-0001 attempt 6' }]
  t.match(await put({ mode: 'real' }), {
    status: 200,
    json: { mode: 'real', now: /^2026-01-15T04:14:/, timers, inFlight: [] },
  })
  t.equal(mock.default.clock.mode, 'real')
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' }), {
    status: 409,
    json: { code: 'CLOCK_REAL' },
  })
  t.match(await put({ mode: 'virtual' }), { json: { mode: 'virtual', timers } })
  t.match(await put({ mode: 'virtual' }), { status: 200, json: { mode: 'virtual' } }, 'once more')
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { next: 1 }), {
    status: 200,
    json: { deliveries: [{ attempt: 6 }] },
  })
  for (const body of [{}, { mode: 'still' }]) {
    t.match(await put(body), { status: 400, json: { code: 'BAD_INPUT', field: 'mode' } })
  }
})

t.test('real time has a limit: that of a timer', async (t) => {
  const mock = await startMock(t)
  const most = 2 ** 31 - 1
  const cases: [method: string, path: string, body: (ms: number) => object, field: string][] = [
    ['POST', '/worlds/default/clock/advance', (realTimeoutMs) => ({ by: 0, realTimeoutMs }), 'realTimeoutMs'],
    ['POST', '/worlds', (ackTimeoutMs) => ({ ackTimeoutMs }), 'ackTimeoutMs'],
    [
      'PUT',
      '/worlds/default/faults/slow',
      (ms) => ({ match: { api: 'notify' }, effect: { kind: 'delay', ms } }),
      'effect.ms',
    ],
    ['POST', '/worlds/default/notifications/nobody/deliver', (delayMs) => ({ delayMs }), 'delayMs'],
  ]
  for (const [method, path, body, field] of cases) {
    t.match(
      await control(mock, method, path, body(most + 1)),
      { status: 400, json: { code: 'BAD_INPUT', field, rule: 'maximum' } },
      field,
    )
    t.not((await control(mock, method, path, body(most))).status, 400)
  }
})

t.test('409 while the clock is being advanced, and on the real clock', async (t) => {
  const mock = await startMock(t)
  const hook = deferred<void>()
  const reached = deferred<void>()
  mock.default.settleOn(() => {
    reached.resolve()
    return hook.promise
  })
  const first = control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' })
  await reached.promise
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' }), {
    status: 409,
    json: { code: 'CLOCK_BUSY' },
  })
  hook.resolve()
  t.match(await first, { status: 200 })

  mock.world({ id: 'real', clock: 'real' })
  t.match(await control(mock, 'POST', '/worlds/real/clock/advance', { by: '1s' }), {
    status: 409,
    json: { code: 'CLOCK_REAL', message: /cannot be advanced/ },
  })
  t.match(await control(mock, 'GET', '/worlds/real/clock'), { json: { mode: 'real', timers: [] } })
})

t.test('409 from a handler that advances the clock which is delivering to it', async (t) => {
  const mock = await startMock(t)
  const { default: world } = mock
  const answers: unknown[] = []
  const shop = await startShop(t, async () => {
    answers.push(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' }))
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await world.notification('tea-0001').deliver()
  await world.advance('15s')
  const busy = { status: 409, json: { code: 'CLOCK_BUSY' } }
  const told = /notify tea-0001 attempt 0 is still in flight: await it/
  t.match(answers, [{ ...busy, json: { message: told } }, { ...busy, json: { message: told } }, busy])
})

t.test('an advance waits for sends in the background', async (t) => {
  const { default: world } = await startMock(t)
  const answer = deferred<string>()
  const reached = deferred<void>()
  const shop = await startShop(t, () => {
    reached.resolve()
    return answer.promise
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001', { deliver: 'background' })
  await reached.promise
  const advanced = world.advance('1s')
  answer.resolve(REFUSAL)
  t.match(await advanced, { deliveries: [{ attempt: 0 }] })
})

t.test('504 with a report when an advance takes too long', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  mock.default.on('delivery', () => mock.default.settleOn(() => new Promise(() => {})))
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1h', realTimeoutMs: 50 }), {
    status: 504,
    json: {
      code: 'CLOCK_TIMEOUT',
      report: {
        to: '2026-01-15T04:00:15.000Z',
        deliveries: [{ attempt: 1 }],
        remainingTimers: [{ what: 'notify tea-0001 attempt 2' }],
      },
    },
  })
})

t.test('impossible times are refused, and the world goes on', async (t) => {
  const mock = await startMock(t)
  const cases: [path: string, body: object, field: string][] = [
    ['/worlds/default/clock/advance', { by: '99999999999d' }, 'by'],
    ['/worlds/default/clock/advance', { by: Number.MAX_SAFE_INTEGER }, 'by'],
    ['/worlds/default/clock/advance', { by: '2932896d' }, 'by'],
    ['/worlds', { startTime: 9e15 }, 'startTime'],
    ['/worlds', { startTime: -1 }, 'startTime'],
    ['/worlds', { refundDelay: '99999999999d' }, 'refundDelay'],
    ['/worlds', { schedule: [9e15] }, 'schedule'],
    ['/worlds/default/login-codes', { ttl: 9e15 }, 'ttl'],
    ['/worlds/default/users/o-alice/phone-number', { ttl: 9e15 }, 'ttl'],
  ]
  for (const [path, body, field] of cases) {
    t.match(
      await control(mock, 'POST', path, body),
      { status: 400, json: { code: 'BAD_INPUT', field } },
      JSON.stringify(body),
    )
  }
  t.match(await control(mock, 'GET', '/worlds/default/clock'), {
    status: 200,
    json: { now: '2026-01-15T04:00:00.000Z' },
  })
  t.throws(() => mock.world({ schedule: [15, NaN] }), {
    code: 'BAD_INPUT',
    message: 'schedule: must be a number of seconds from 0 to 253402271999; got null',
  })
  t.throws(() => mock.default.loginCode({ ttl: 9e15 }), {
    code: 'BAD_INPUT',
    message: 'ttl: must be a number of seconds from 0 to 253402271999; got 9000000000000000',
  })
  t.match(await control(mock, 'POST', '/worlds/default/login-codes', { ttl: 253_402_271_999 }), {
    status: 200,
    json: { expiresAt: '+010056-01-14T19:59:59.000Z' },
  })
})
