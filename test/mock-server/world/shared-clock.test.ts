import { setTimeout as pause } from 'node:timers/promises'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { MockError } from '../../../mock-server/base/errors.ts'
import type { Clock } from '../../../mock-server/clock/clock.ts'
import {
  createMockWechat,
  createSharedClock,
  mockFastifyPlugin,
  type MockWechat,
  type SharedClock,
  type SharedReport,
  type World,
} from '../../../mock-server/index.ts'
import { joinClock } from '../../../mock-server/world/shared-clock.ts'
import { advanceWorlds, type Happened, type Settling, type Watched } from '../../../mock-server/world/time.ts'
import {
  ACK,
  type Answer,
  callPay,
  control,
  deferred,
  NOON,
  orderFields,
  placeOrder,
  REFUSAL,
  signedXml,
  startShop,
} from '../helpers.ts'

const after = (seconds: number) => new Date(NOON + seconds * 1000)

async function startMock(t: Test, clock: SharedClock): Promise<MockWechat> {
  const mock = await createMockWechat({ clock })
  t.teardown(mock.close)
  return mock
}

/** Two worlds on one clock, each with a paid order; the shop refuses by default. */
async function setup(t: Test, answer: Answer = () => REFUSAL) {
  const clock = createSharedClock({ startTime: NOON })
  const mock = await startMock(t, clock)
  const shop = await startShop(t, answer)
  const a = mock.world({ id: 'a' })
  const b = mock.world({ id: 'b' })
  for (const world of [b, a]) {
    await placeOrder(world, `${shop.notifyUrl}/${world.id}`)
    await world.pay('tea-0001')
  }
  return { clock, mock, shop, a, b }
}

const sent = ({ deliveries }: SharedReport) =>
  deliveries.map(({ world, attempt, sentAt }) => `${world} #${attempt} +${(sentAt.getTime() - NOON) / 1000}`)

t.test('one time for all worlds, and a report of all', async (t) => {
  const { clock, a, b } = await setup(t)
  t.same([clock.now(), a.clock.now(), a.clock.mode], [after(0), after(0), 'virtual'])
  t.same(clock.timers(), [
    { due: after(15), what: 'b: notify tea-0001 attempt 1' },
    { due: after(15), what: 'a: notify tea-0001 attempt 1' },
  ])
  t.same(a.clock.timers(), [{ due: after(15), what: 'notify tea-0001 attempt 1' }])
  const report = await clock.advance('30s')
  t.match(report, { from: after(0), to: after(30), remainingTimers: { length: 2 } })
  t.same(sent(report), ['b #1 +15', 'a #1 +15', 'b #2 +30', 'a #2 +30'], 'those of one moment in the order of planning')
  t.same([a.clock.now(), b.clock.now()], [after(30), after(30)])
  t.match(await clock.advance({ next: 1 }), { to: after(60), deliveries: [{ world: 'b' }] })
  t.match(await clock.advance({ to: after(100) }), { to: after(100), deliveries: [{ world: 'a' }] })
})

t.test('an advance of one world is the same move, and reports of that world', async (t) => {
  const { clock, mock, a, b } = await setup(t)
  const moves: unknown[] = []
  b.on('clock', (move) => {
    moves.push(move)
  })
  const report = await a.advance('15s')
  t.match(report, {
    from: after(0),
    to: after(15),
    remainingTimers: [{ due: after(30), what: 'notify tea-0001 attempt 2' }],
  })
  t.same(
    report.deliveries.map(({ id }) => id),
    ['d2'],
  )
  t.same(report.deliveries, a.deliveries().slice(1))
  t.equal(b.deliveries().length, 2)
  t.same(clock.now(), after(15))
  t.same(moves, [{ from: after(0), to: after(15) }])
  t.match(await control(mock, 'POST', '/worlds/b/clock/advance', { by: '15s' }), {
    status: 200,
    json: { to: after(30).toISOString(), deliveries: [{ id: 'd3' }] },
  })
  t.match(await control(mock, 'GET', '/worlds/a/clock'), {
    json: { mode: 'virtual', now: after(30).toISOString(), timers: [{ what: 'notify tea-0001 attempt 3' }] },
  })
})

t.test('an app in the process plans its own work between two retries', async (t) => {
  const { clock, a } = await setup(t)
  const log: string[] = []
  a.on('delivery', ({ attempt }) => {
    log.push(`retry ${attempt}`)
  })
  // An app that closes orders unpaid after 30 min.
  await placeOrder(a, 'http://127.0.0.1:9/notify', { out_trade_no: 'tea-0002' })
  clock.at(
    after(1800),
    async () => {
      log.push(`time-out at +${(clock.now().getTime() - NOON) / 1000}`)
      await callPay(a, 'closeorder', { out_trade_no: 'tea-0002' })
    },
    'order tea-0002 times out',
  )
  const cancel = clock.at(after(1801), () => {
    log.push('never')
  })
  t.match(
    clock
      .timers()
      .map(({ what }) => what)
      .slice(-2),
    ['order tea-0002 times out', 'the application'],
  )
  cancel()
  clock.at(NOON - 1000, () => {
    log.push('overdue')
  })
  await clock.advance({ to: after(2040) })
  t.same(log, ['overdue', 'retry 1', 'retry 2', 'retry 3', 'retry 4', 'retry 5', 'time-out at +1800', 'retry 6'])
  t.equal(a.order('tea-0002').tradeState, 'CLOSED')
  for (const due of [NaN, null, undefined, '2026-01-15', new Date(NaN), -1]) {
    t.throws(() => clock.at(due as Date, () => {}), { code: 'BAD_INPUT', details: { field: 'due' } }, String(due))
  }
  t.throws(() => clock.at(NOON, undefined as never), { code: 'BAD_INPUT', details: { field: 'run', rule: 'function' } })

  clock.at(after(2050), () => {
    throw new Error('the app failed')
  })
  const moves: unknown[] = []
  a.on('clock', (move) => {
    moves.push(move)
  })
  await t.rejects(clock.advance('1h'), { message: 'the app failed' })
  t.same(clock.now(), after(2050))
  t.same(moves, [{ from: after(2040), to: after(2050) }], 'time has moved, and every listener is informed')
})

t.test('time waits for every world: its requests, its sends and its hooks', async (t) => {
  const { clock, a, b } = await setup(t)
  const log: string[] = []
  const done = deferred<void>()
  b.settleOn(async () => {
    log.push('asked')
    if (log.length === 3) await done.promise
  })
  a.on('delivery', () => {
    log.push('a sent')
  })
  b.on('delivery', () => {
    log.push('b sent')
  })
  const advanced = clock.advance('15s')
  while (log.length < 3) await pause(1)
  t.same(log, ['asked', 'b sent', 'asked'].slice(0, log.length))
  done.resolve()
  await advanced
  t.same(log, ['asked', 'b sent', 'asked', 'a sent', 'asked'])

  // A hook that creates work in the other world, whose own hooks are already done.
  b.fault('refundquery', { kind: 'delay', ms: 30 })
  a.settleOn(async () => {
    if (log.includes('left behind')) return
    log.push('left behind')
    callPay(b, 'refundquery', { out_trade_no: 'tea-0001' }).then(() => {
      log.push('answered')
    })
    while (b.inFlight().length === 0) await pause(1)
  })
  await a.advance(0)
  t.equal(b.journal.entries({ api: 'refundquery' }).length, 1, 'no advance ends while a request of any world is open')
})

t.test('work of the app that outlasts an advance is waited for by the next', async (t) => {
  const clock = createSharedClock({ startTime: NOON })
  const work = deferred<void>()
  const log: string[] = []
  clock.at(after(1), async () => {
    await work.promise
    log.push('done')
  })
  await t.rejects(clock.advance('10s', { realTimeoutMs: 50 }), {
    code: 'CLOCK_TIMEOUT',
    details: { report: { to: after(1) } },
  })
  clock.at(after(2), () => {
    log.push('the next')
  })
  const next = clock.advance('10s')
  work.resolve()
  await next
  t.same(log, ['done', 'the next'])

  const failing = deferred<void>()
  clock.at(after(20), () =>
    failing.promise.then(() => {
      throw new Error('the app failed late')
    }),
  )
  await t.rejects(clock.advance('10s', { realTimeoutMs: 50 }), { code: 'CLOCK_TIMEOUT' })
  const rejected = t.rejects(clock.advance('10s'), { message: 'the app failed late' })
  failing.resolve()
  await rejected
  t.match(await clock.advance('10s'), { from: after(20), to: after(30) }, 'reported once')
})

t.test('a world created during an advance is in its report', async (t) => {
  const { clock, mock, shop, a } = await setup(t)
  const moves: unknown[] = []
  clock.at(after(20), async () => {
    const late = mock.world({ id: 'late' })
    late.on('clock', (move) => {
      moves.push(move)
    })
    await placeOrder(late, shop.notifyUrl, { nonce_str: 'always' })
    await callPay(late, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
    await late.pay('tea-0001')
  })
  const report = await clock.advance('40s')
  t.same(
    sent(report).filter((line) => line.startsWith('late')),
    ['late #0 +20', 'late #1 +35'],
  )
  t.equal(report.lint.filter(({ rule }) => rule === 'nonce-repeated').length, 1)
  t.same(moves, [{ from: after(0), to: after(40) }])
  t.same(sent(await clock.advance('5s')), [], 'once each')
  clock.at(after(50), () => {
    mock.world({ id: 'later' })
  })
  const own = await a.advance('1m')
  t.same(
    own.deliveries.map(({ sentAt }) => sentAt),
    [after(60)],
    'the report of one world is of that world',
  )
})

t.test('reset and restore of one world do not affect the time or the other world', async (t) => {
  const { clock, a, b } = await setup(t)
  clock.at(after(50), () => {}, "the app's")
  const name = a.snapshot()
  await clock.advance('15s')
  a.restore(name)
  t.same(clock.now(), after(15))
  t.same(
    clock.timers().map(({ due, what }) => `${what} +${(due.getTime() - NOON) / 1000}`),
    ['a: notify tea-0001 attempt 1 +15', 'b: notify tea-0001 attempt 2 +30', "the app's +50"],
    'what became due meanwhile is due at once',
  )
  t.same(sent(await clock.advance('15s')), ['a #1 +15', 'b #2 +30', 'a #2 +30'])
  b.reset('clock')
  t.same(b.clock.timers(), [{ due: after(60), what: 'notify tea-0001 attempt 3' }], 'planned again, at the same time')
  b.reset()
  t.same([clock.now(), b.clock.timers(), a.clock.timers().length], [after(30), [], 1])
  t.same(
    clock.timers().map(({ what }) => what),
    ["the app's", 'a: notify tea-0001 attempt 3'],
  )
  clock.at(after(40), () => {
    for (const change of [() => a.reset(), () => a.restore(name), () => a.import(a.export())]) {
      t.throws(change, { code: 'CLOCK_BUSY' })
    }
  })
  await clock.advance('10s')
})

t.test('a timer is cancelled with its purpose', async (t) => {
  const { clock, a } = await setup(t)
  const notification = a.notification('tea-0001')
  notification.hold()
  t.same(
    clock.timers().map(({ what }) => what),
    ['b: notify tea-0001 attempt 1'],
  )
  await clock.advance('15s')
  notification.cancel()
  t.equal(clock.timers().length, 1)
})

t.test('a closed world drops its timers, and no advance waits for it', async (t) => {
  const hanging = deferred<void>()
  const { clock, mock, a, b } = await setup(t, ({ url }, _response, count) => {
    if (!url!.endsWith('/a') || count <= 2) return REFUSAL
    hanging.resolve()
    return undefined
  })
  b.settleOn(async () => {
    if (clock.now().getTime() > NOON + 15_000) b.close()
  })
  const advanced = clock.advance('1m')
  await hanging.promise
  a.close()
  const report = await advanced
  t.same(
    sent(report).filter((line) => line.startsWith('b')),
    ['b #1 +15', 'b #2 +30'],
    'closed in its own hook',
  )
  t.same([clock.timers(), report.to], [[], after(60)])
  await t.rejects(a.advance('1h'), { code: 'UNKNOWN_WORLD' })
  t.same(clock.now(), after(60), 'it moves no world')
  t.match(await control(mock, 'DELETE', '/worlds/default'), { status: 409 })
  a.clock.switchTo('virtual')
})

t.test('timers of a closed world never run', async (t) => {
  const clock = createSharedClock({ startTime: NOON })
  const settling: Settling = {
    id: 'w',
    busy: () => false,
    settle: () => undefined,
    awaited: () => [],
    collect: () => () => ({ deliveries: [], lint: [] }),
    moved: () => {},
  }
  const { clock: own } = joinClock(clock, settling)
  own.close()
  own.at({ due: NOON + 1, sequence: 0, what: 'late', run: async () => t.fail('nobody is there') })()
  await clock.advance('1s')
  t.same(clock.timers(), [])
})

t.test('a second concurrent advance is refused', async (t) => {
  const { clock, mock, a, b } = await setup(t)
  const refused: unknown[] = []
  a.settleOn(async () => {
    if (refused.length > 0) return
    refused.push('')
    await t.rejects(clock.advance('1s'), { code: 'CLOCK_BUSY' })
    await t.rejects(b.advance('1s'), { code: 'CLOCK_BUSY' })
    t.match(await control(mock, 'POST', '/worlds/b/clock/advance', { by: '1s' }), {
      status: 409,
      json: { code: 'CLOCK_BUSY' },
    })
  })
  await clock.advance('1s')
  t.same([clock.now(), refused.length], [after(1), 1])

  const answered = deferred<string>()
  const slow = await startShop(t, () => answered.promise)
  await placeOrder(b, slow.notifyUrl, { out_trade_no: 'tea-0002' })
  const paid = b.pay('tea-0002')
  await t.rejects(clock.advance('1s'), { code: 'CLOCK_BUSY', message: /^notify tea-0002 attempt 0 is still in flight/ })
  await t.rejects(a.advance('1s'), { code: 'CLOCK_BUSY' }, 'nor may another world')
  answered.resolve(ACK)
  await paid
})

t.test('an advance that takes too long reports what was done', async (t) => {
  const { clock, b } = await setup(t)
  let settled = 0
  b.settleOn(() => (++settled < 2 ? Promise.resolve() : new Promise(() => {})))
  await t.rejects(clock.advance('1m', { realTimeoutMs: 300 }), {
    code: 'CLOCK_TIMEOUT',
    details: { report: { to: after(15), deliveries: [{ world: 'b', attempt: 1 }] } },
  })
  b.close()
})

t.test('values that are refused', async (t) => {
  const clock = createSharedClock({ startTime: NOON })
  const mock = await startMock(t, clock)
  t.throws(() => mock.default.clock.switchTo('real'), { code: 'CLOCK_SHARED', statusCode: 409 })
  t.match(await control(mock, 'PUT', '/worlds/default/clock', { mode: 'real' }), {
    status: 409,
    json: { code: 'CLOCK_SHARED' },
  })
  t.match(await control(mock, 'PUT', '/worlds/default/clock', { mode: 'virtual' }), {
    status: 200,
    json: { mode: 'virtual' },
  })
  for (const own of [{ startTime: NOON }, { clock: 'virtual' }, { clock: 'real' }] as const) {
    const [field] = Object.keys(own)
    t.throws(() => mock.world(own), { code: 'BAD_INPUT', details: { field, rule: 'shared' } })
    t.match(await control(mock, 'POST', '/worlds', own), {
      status: 400,
      json: { code: 'BAD_INPUT', field, rule: 'shared' },
    })
    await t.rejects(createMockWechat({ clock, world: own }), { code: 'BAD_INPUT' })
  }
  await t.rejects(createMockWechat({ clock: { ...clock } }), { code: 'BAD_INPUT', details: { field: 'clock' } })
  t.throws(() => createSharedClock({ startTime: NaN }), { code: 'BAD_INPUT', details: { field: 'startTime' } })
  t.throws(() => mock.world({ id: 'default', autoPay: 0, settleUrl: 'http://127.0.0.1:9/' }), { code: 'WORLD_EXISTS' })
  for (const options of [{ codeLimit: 0 }, { sessionKeyPeriod: 'soon' }]) {
    t.throws(() => mock.world(options), { code: 'BAD_INPUT' })
    await t.rejects(createMockWechat({ clock, world: options }), { code: 'BAD_INPUT' })
  }
  await clock.advance('1s')
  t.same(clock.now(), after(1), 'a world that could not be created is not waited for')
  t.ok(Math.abs(createSharedClock().now().getTime() - Date.now()) < 60_000, 'without a start time it begins now')
})

t.test('every run is the same, however long each answer takes', async (t) => {
  async function run(latencies: readonly number[]): Promise<string[]> {
    const clock = createSharedClock({ startTime: NOON })
    const mock = await startMock(t, clock)
    const worlds = latencies.map((_, n) => mock.world({ id: `shop-${n}`, seed: n, refundDelay: '1h' }))
    let calls = 0
    const shop = await startShop(t, async ({ url }) => {
      const n = Number(url!.split('-')[1])
      await pause(latencies[(n + calls++) % latencies.length]!)
      const { fields } = await callPay(worlds[n]!, 'orderquery', { out_trade_no: 'tea-0001' })
      return fields.trade_state === 'SUCCESS' && calls > 60 ? ACK : REFUSAL
    })
    for (const world of worlds) await placeOrder(world, `${shop.notifyUrl}/${world.id}`)
    await Promise.all(worlds.map((world) => world.pay('tea-0001')))
    clock.at(NOON + 3_600_000, () =>
      callPay(worlds[0] as World, 'refund', {
        out_trade_no: 'tea-0001',
        out_refund_no: 'r1',
        total_fee: 1250,
        refund_fee: 1250,
      }),
    )
    const { deliveries, to, remainingTimers } = await clock.advance('24h4m')
    return [
      ...deliveries.map(
        ({ world, id, sentAt, verdict, request }) =>
          `${world} ${id} ${sentAt.toISOString()} ${verdict} ${request.body}`,
      ),
      to.toISOString(),
      JSON.stringify(remainingTimers),
    ]
  }
  const first = await run([0, 4, 1, 8, 2])
  t.ok(first.length > 40)
  t.same(await run([7, 0, 3, 1, 5]), first)
})

t.test('the plugin for applications without sockets runs on it too', async (t) => {
  const clock = createSharedClock({ startTime: NOON })
  const app = Fastify()
  t.teardown(() => app.close())
  const heard: Date[] = []
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post('/notify', async () => {
    heard.push(clock.now())
    return REFUSAL
  })
  await app.register(mockFastifyPlugin, { clock })
  const { default: world, fetch } = app.mockWechat
  await fetch(`${world.baseUrl}/pay/unifiedorder`, {
    method: 'POST',
    body: signedXml(world, orderFields('http://shop.invalid/notify')),
  })
  await world.pay('tea-0001')
  const { deliveries } = await clock.advance('15s')
  t.match(deliveries, [{ world: 'default', sentAt: after(15) }])
  t.same(heard, [after(0), after(15)])
})

const move = { from: new Date(0), to: new Date(1), remainingTimers: [] }
const nothing: Happened = { deliveries: [], lint: [] }

interface Named extends Watched {
  readonly name: string
}

/** Two worlds on one clock, a third added by `late`, and the events they got. */
function setupTime(advance: Clock['advance'], { mode = 'virtual' as const, awaited = [] as string[] } = {}) {
  const log: string[] = []
  const watched = (name: string): Named => ({
    name,
    awaited: () => awaited,
    collect: () => {
      log.push(`${name} collects`)
      return () => {
        log.push(`${name} gives`)
        return nothing
      }
    },
    moved: ({ from, to }) => {
      log.push(`${name} moved ${from.getTime()}…${to.getTime()}`)
    },
  })
  const watching = new Set<(world: Named) => void>()
  const late = () => {
    for (const see of watching) see(watched('late'))
  }
  const watch = (see: (world: Named) => void) => {
    for (const name of ['a', 'b']) see(watched(name))
    watching.add(see)
    return () => {
      watching.delete(see)
    }
  }
  const run = () =>
    advanceWorlds(
      { mode, advance },
      watch,
      (move, seen) => ({ ...move, worlds: seen.map(({ world: { name }, happened }) => [name, happened]) }),
      '1s',
    )
  return { log, run, late, watching }
}

const both = [
  ['a', nothing],
  ['b', nothing],
]

t.test('events are collected from every world', async (t) => {
  const { log, run } = setupTime(async (_by, _options, onMove) => {
    onMove?.(move)
    return move
  })
  t.same(await run(), { ...move, worlds: both })
  t.same(log.slice(0, 6), ['a collects', 'b collects', 'a moved 0…1', 'b moved 0…1', 'a gives', 'b gives'])
})

t.test('also from a world added meanwhile', async (t) => {
  const { log, run, late, watching } = setupTime(async (_by, _options, onMove) => {
    late()
    onMove?.(move)
    return move
  })
  t.same(await run(), { ...move, worlds: [...both, ['late', nothing]] })
  t.match(log, ['a collects', 'b collects', 'late collects', 'a moved 0…1', 'b moved 0…1', 'late moved 0…1'])
  t.equal(watching.size, 0, 'and not afterwards')
})

t.test('while a caller waits for a send, the clock cannot be advanced', async (t) => {
  const { log, run, watching } = setupTime(async () => t.fail('not advanced') as never, {
    awaited: ['notify tea-0001 attempt 0'],
  })
  await t.rejects(run(), { code: 'CLOCK_BUSY', message: /^notify tea-0001 attempt 0 is still in flight/ })
  t.same(log, ['a collects', 'b collects', 'a gives', 'b gives'])
  t.equal(watching.size, 0)
})

t.test('an advance that does not end reports what happened; other errors are passed on', async (t) => {
  const late = setupTime(async () => {
    throw new MockError('CLOCK_TIMEOUT', 'too long', { report: move })
  })
  await t.rejects(late.run(), {
    code: 'CLOCK_TIMEOUT',
    message: 'too long',
    details: { report: { ...move, worlds: both } },
  })
  t.notMatch(late.log.join(), 'moved', 'time has not moved')
  for (const mistake of [new Error('a hook failed'), new MockError('CLOCK_BUSY', 'busy')]) {
    const failing = setupTime(async () => {
      throw mistake
    })
    await t.rejects(failing.run(), mistake)
    t.same(failing.log, ['a collects', 'b collects', 'a gives', 'b gives'], 'collecting ends')
  }
})
