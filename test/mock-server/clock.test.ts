import t from 'tap'
import { createRandom } from '../../mock-server/base/random.ts'
import { nativeNow } from '../../mock-server/base/real-time.ts'
import type { ClockMode } from '../../mock-server/clock/clock.ts'
import { checkMoment, parseDuration } from '../../mock-server/clock/duration.ts'
import { createRealClock } from '../../mock-server/clock/real-clock.ts'
import { createSwitchingClock } from '../../mock-server/clock/switching-clock.ts'
import { type Timer, TimerHeap } from '../../mock-server/clock/timers.ts'
import { createVirtualClock } from '../../mock-server/clock/virtual-clock.ts'
import { deferred, NOON } from './helpers.ts'

const noon = new Date(NOON)
const after = (seconds: number) => new Date(NOON + seconds * 1000)
const never = () => undefined

t.test('virtual time stands still until it is advanced', async (t) => {
  const clock = createVirtualClock(NOON, never)
  t.equal(clock.mode, 'virtual')
  t.same(clock.now(), noon)
  t.same(await clock.advance('24h4m'), { from: noon, to: after(86_640), remainingTimers: [] })
  t.same(clock.now(), after(86_640))
  t.same(await clock.advance(0), { from: after(86_640), to: after(86_640), remainingTimers: [] })
  await t.rejects(clock.advance('soon'), { code: 'BAD_INPUT' })
  clock.close()
})

t.test('timers run at their time, in order, including timers set by a timer', async (t) => {
  const clock = createVirtualClock(NOON, never)
  const ran: [string, Date][] = []
  const set = (seconds: number, sequence: number, name: string, then?: () => void) =>
    clock.at({
      due: NOON + seconds * 1000,
      sequence,
      what: name,
      run: async () => {
        ran.push([name, clock.now()])
        then?.()
      },
    })
  set(20, 0, 'late')
  set(10, 2, 'second of two')
  set(10, 1, 'first of two', () => set(15, 0, 'set on the way'))
  set(-5, 0, 'overdue', () => set(3600, 0, 'far'))
  const cancel = set(12, 0, 'cancelled')
  cancel()
  t.same(
    clock.timers().map(({ what }) => what),
    ['overdue', 'first of two', 'second of two', 'late'],
  )

  const { remainingTimers } = await clock.advance('20s')
  t.same(ran, [
    ['overdue', noon],
    ['first of two', after(10)],
    ['second of two', after(10)],
    ['set on the way', after(15)],
    ['late', after(20)],
  ])
  t.same(remainingTimers, [{ due: after(3600), what: 'far' }])
})

t.test('to a time, or over a number of events', async (t) => {
  const clock = createVirtualClock(NOON, never)
  const ran: string[] = []
  for (const seconds of [10, 10, 30]) {
    clock.at({
      due: NOON + seconds * 1000,
      sequence: ran.length,
      what: `at ${seconds} s`,
      run: async () => {
        ran.push(`at ${seconds} s`)
      },
    })
  }
  t.match(
    await clock.advance({ next: 1 }),
    { to: after(10), remainingTimers: [{ due: after(10) }, { due: after(30) }] },
    'one of two at one time',
  )
  t.match(await clock.advance({ next: 1 }), { to: after(10), remainingTimers: [{ due: after(30) }] })
  t.match(await clock.advance({ to: after(20) }), { to: after(20), remainingTimers: [{ due: after(30) }] })
  t.match(await clock.advance({ next: 5 }), { to: after(30), remainingTimers: [] }, 'no more than exist')
  t.same(ran, ['at 10 s', 'at 10 s', 'at 30 s'])
  t.match(await clock.advance({ to: after(30) }), { from: after(30), to: after(30) }, 'the current time is not past')
  for (const next of [0, 1.5, NaN]) {
    await t.rejects(clock.advance({ next }), { code: 'BAD_INPUT', details: { field: 'next', rule: 'minimum' } })
  }
  await t.rejects(clock.advance({ to: noon }), { code: 'BAD_INPUT', details: { field: 'to', rule: 'minimum' } })
  await t.rejects(clock.advance({ to: new Date(NaN) }), { code: 'BAD_INPUT', details: { field: 'to', rule: 'moment' } })
})

t.test('time does not move while something is in flight', async (t) => {
  const log: string[] = []
  let land = () => {}
  const flights = [
    undefined,
    new Promise<void>((resolve) => {
      land = () => {
        log.push('landed')
        resolve()
      }
    }),
    undefined,
  ]
  const clock = createVirtualClock(NOON, () => flights.shift())
  for (const due of [1, 2]) {
    clock.at({
      due: NOON + due,
      sequence: 0,
      what: 'x',
      run: async () => {
        log.push(`timer ${due}`)
      },
    })
  }
  const advanced = clock.advance(2)
  await new Promise((resolve) => setImmediate(resolve))
  t.same(log, ['timer 1'])
  t.same(clock.now(), new Date(NOON + 1))
  land()
  await advanced
  t.same(log, ['timer 1', 'landed', 'timer 2'])
})

t.test('a second or re-entrant advance is refused, but not one after a failed one', async (t) => {
  const clock = createVirtualClock(NOON, never)
  clock.at({
    due: NOON + 1,
    sequence: 0,
    what: 'x',
    run: () => t.rejects(clock.advance('1s'), { code: 'CLOCK_BUSY', statusCode: 409 }),
  })
  await clock.advance('1s')

  const failing = createVirtualClock(NOON, () => Promise.reject(new Error('the hook failed')))
  await t.rejects(failing.advance('1s'), { message: 'the hook failed' })
  await t.rejects(failing.advance('1s'), { message: 'the hook failed' }, 'not CLOCK_BUSY')
})

t.test('how far time has moved is reported even if something fails on the way', async (t) => {
  let clock = createVirtualClock(NOON, () =>
    clock.now() > noon ? Promise.reject(new Error('the hook failed')) : undefined,
  )
  const moves: unknown[] = []
  const onMove = (move: unknown) => {
    moves.push(move)
  }
  clock.at({
    due: NOON + 1000,
    sequence: 0,
    what: 'x',
    run: () => t.rejects(clock.advance('1s', {}, onMove), { code: 'CLOCK_BUSY' }),
  })
  await t.rejects(clock.advance('5s', {}, onMove), { message: 'the hook failed' })
  t.same(moves, [{ from: noon, to: after(1) }], 'not by a refused advance')
  await t.rejects(clock.advance('5s', {}, onMove), { message: 'the hook failed' })
  t.equal(moves.length, 1, 'not if time has not moved')
  clock = createVirtualClock(NOON, never)
  await clock.advance(0, {}, onMove)
  t.same(moves.slice(1), [{ from: noon, to: noon }], 'a successful move is always reported')
})

t.test('an advance that takes too long in real time stops at the last finished event', async (t) => {
  const endless = new Promise<void>(() => {})
  const hanging = createVirtualClock(NOON, () => (hanging.now() > noon ? endless : undefined))
  for (const due of [1, 2]) {
    hanging.at({ due: NOON + due * 1000, sequence: 0, what: `event ${due}`, run: async () => {} })
  }
  await t.rejects(hanging.advance('1h', { realTimeoutMs: 1 }), {
    code: 'CLOCK_TIMEOUT',
    statusCode: 504,
    message: /longer than 1 real ms and stopped at 2026-01-15T04:00:01/,
    details: { report: { from: noon, to: after(1), remainingTimers: [{ due: after(2), what: 'event 2' }] } },
  })
  t.same(hanging.now(), after(1))

  const slow = createVirtualClock(NOON, never)
  slow.at({ due: NOON + 1000, sequence: 0, what: 'event', run: async () => {} })
  await t.rejects(slow.advance('1h', { realTimeoutMs: 0 }), {
    code: 'CLOCK_TIMEOUT',
    details: { report: { to: after(1) } },
  })
})

t.test('a closed clock stops where it is, whatever it waits for', async (t) => {
  const endless = new Promise<void>(() => {})
  for (const waiting of [undefined, endless]) {
    const clock = createVirtualClock(NOON, () => (clock.now() > noon ? waiting : undefined))
    clock.at({
      due: NOON + 1000,
      sequence: 0,
      what: 'it closes',
      run: async () => {
        setImmediate(clock.close)
      },
    })
    clock.at({
      due: NOON + 2000,
      sequence: 0,
      what: 'late',
      run: () => waiting ?? new Promise((resolve) => setImmediate(resolve)),
    })
    clock.at({ due: NOON + 3000, sequence: 0, what: 'never', run: async () => t.fail('it is closed') })
    const to = after(waiting ? 1 : 2)
    t.match(await clock.advance('1h'), { from: noon, to })
    t.match(await clock.advance('1h'), { from: to, to }, 'it does not continue')
  }
})

t.test('a timer that closes its clock is the last to run, whatever else is due at that moment', async (t) => {
  const clock = createVirtualClock(NOON, never)
  clock.at({ due: NOON + 1000, sequence: 0, what: 'it closes', run: async () => clock.close() })
  clock.at({ due: NOON + 1000, sequence: 1, what: 'never', run: async () => t.fail('it is closed') })
  t.match(await clock.advance('1h'), { to: after(1), remainingTimers: [{ what: 'never' }] })
})

t.test('setting it drops its timers; cancelling an old one does nothing', async (t) => {
  const clock = createVirtualClock(NOON, never)
  const at = (seconds: number, run: () => Promise<unknown>) =>
    clock.at({ due: NOON + seconds * 1000, sequence: 0, what: `at ${seconds} s`, run })
  const cancel = at(10, async () => t.fail('it was dropped'))
  await clock.advance('5s')
  clock.reset(noon)
  t.same([clock.now(), clock.timers()], [noon, []])
  at(10, async () => t.throws(() => clock.reset(noon), { code: 'CLOCK_BUSY' }))
  cancel()
  t.equal(clock.timers().length, 1)
  await clock.advance('10s')
  t.same(clock.now(), after(10))
})

t.test('the real clock runs on its own from its start, and cannot be advanced', async (t) => {
  const clock = createRealClock(NOON)
  t.equal(clock.mode, 'real')
  const first = clock.now().getTime()
  t.ok(first >= NOON && first < NOON + 60_000, 'it starts at the given time')
  await t.rejects(clock.advance(0), { code: 'CLOCK_REAL', statusCode: 409, message: /--clock virtual/ })

  // The test keeps the process alive: the clock's own timers do not.
  const hold = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(hold))
  const fired = await new Promise<Date>((resolve) => {
    clock.at({ due: first + 20, sequence: 0, what: 'soon', run: async () => resolve(clock.now()) })
  })
  t.ok(fired.getTime() >= first + 19, 'a timer fires when its time has come')
  t.same(clock.timers(), [])
})

t.test('real timers are listed by due time, and cancelled one by one or all together', async (t) => {
  const clock = createRealClock(nativeNow())
  const run = async () => t.fail('it was cancelled')
  const at = (seconds: number) =>
    clock.at({ due: nativeNow() + seconds * 1000, sequence: 0, what: `in ${seconds} s`, run })
  at(200)
  const cancel = at(100)
  const names = () => clock.timers().map(({ what }) => what)
  t.same(names(), ['in 100 s', 'in 200 s'])
  cancel()
  t.same(names(), ['in 200 s'])
  clock.reset(noon)
  t.same(names(), [])
  t.ok(clock.now().getTime() > NOON, 'real time continues')
  at(300)
  clock.close()
  t.same(names(), [])
  at(400)()
  t.same(names(), [], 'no timer is set in a world that has ended')
})

t.test('what is due in months does not run now, and what takes more than one real timer runs on time', async (t) => {
  const clock = createRealClock(NOON)
  t.teardown(clock.close)
  clock.at({ due: NOON + 30 * 86_400_000, sequence: 0, what: 'in a month', run: async () => t.fail('it is not due') })

  const hold = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(hold))
  const stepwise = createRealClock(NOON, 5)
  const due = stepwise.now().getTime() + 30
  const cancel = stepwise.at({
    due: due + 60_000,
    sequence: 0,
    what: 'cancelled on the way',
    run: async () => t.fail('it was cancelled'),
  })
  const fired = await new Promise<Date>((resolve) => {
    const soon = { due: due + 20, sequence: 0, what: 'soon', run: async () => resolve(stepwise.now()) }
    const takeBack = async () => {
      cancel()
      stepwise.at(soon)
    }
    stepwise.at({ due, sequence: 0, what: 'take back', run: takeBack })
  })
  t.ok(fired.getTime() >= due + 20)
  t.same(stepwise.timers(), [])
  t.equal(clock.timers().length, 1)
})

const create = (mode: ClockMode, start: number) =>
  mode === 'real' ? createRealClock(start) : createVirtualClock(start, () => undefined)

t.test('it continues at its time, with what is still due', async (t) => {
  const clock = createSwitchingClock('virtual', NOON, create)
  t.teardown(clock.close)
  const ran: string[] = []
  const at = (seconds: number) =>
    clock.at({
      due: NOON + seconds * 1000,
      sequence: 0,
      what: `at ${seconds} s`,
      run: async () => {
        ran.push(`at ${seconds} s`)
      },
    })
  const names = () => clock.timers().map(({ what }) => what)
  at(10)
  at(3600)
  const cancel = at(7200)
  await clock.advance('1m')
  t.same([clock.mode, clock.now(), ran], ['virtual', after(60), ['at 10 s']])

  clock.switchTo('real')
  t.equal(clock.mode, 'real')
  const passed = clock.now().getTime() - after(60).getTime()
  t.ok(passed >= 0 && passed < 60_000, 'not the time of the machine')
  t.same(names(), ['at 3600 s', 'at 7200 s'], 'what has run does not run again')
  await t.rejects(clock.advance('1h'), { code: 'CLOCK_REAL' })
  cancel()
  cancel()

  clock.switchTo('virtual')
  t.same(names(), ['at 3600 s'])
  await clock.advance({ to: after(3600) })
  t.same([clock.now(), ran], [after(3600), ['at 10 s', 'at 3600 s']])
})

t.test('what was due before runs automatically on the real clock', async (t) => {
  const clock = createSwitchingClock('virtual', NOON, create)
  t.teardown(clock.close)
  const ran = deferred<void>()
  clock.at({ due: NOON, sequence: 0, what: 'now', run: async () => ran.resolve() })
  clock.switchTo('real')
  // The clock's own timers do not keep the process alive.
  const hold = setInterval(() => {}, 1000)
  await ran.promise
  clearInterval(hold)
  t.same(clock.timers(), [])
})

t.test('a closed clock does not start again', async (t) => {
  const clock = createSwitchingClock('virtual', NOON, create)
  clock.close()
  clock.switchTo('real')
  t.equal(clock.mode, 'virtual')
})

t.test('it cannot switch during an advance; switching to the current mode does nothing', async (t) => {
  const clock = createSwitchingClock('virtual', NOON, create)
  clock.at({
    due: NOON + 1000,
    sequence: 0,
    what: 'it switches',
    run: async () => {
      t.throws(() => clock.switchTo('real'), { code: 'CLOCK_BUSY' })
      clock.switchTo('virtual')
    },
  })
  clock.at({ due: NOON + 2000, sequence: 0, what: 'later', run: async () => {} })
  t.match(await clock.advance('1s'), { to: after(1), remainingTimers: [{ what: 'later' }] })
  clock.reset(after(0))
  clock.switchTo('real')
  t.same(clock.timers(), [], 'what a reset has dropped does not come back')
})

const timer = (due: number, sequence: number): Timer => ({
  due,
  sequence,
  what: `${due}/${sequence}`,
  run: async () => {},
})

function drain(heap: TimerHeap, limit = Infinity): string[] {
  const popped: string[] = []
  for (let next = heap.popDue(limit); next; next = heap.popDue(limit)) popped.push(next.what)
  return popped
}

t.test('timers with equal sequence run in the order of their tie', async (t) => {
  const heap = new TimerHeap()
  for (const tie of [2, 0, 1]) heap.push({ ...timer(1, 1), what: String(tie), ...(tie > 0 && { tie }) })
  t.same(drain(heap), ['0', '1', '2'])
})

t.test('timers come out by due time, then by sequence, in whatever order they were added', async (t) => {
  const random = createRandom('heap')
  const timers = Array.from({ length: 300 }, (_, n) => timer(Number(random.digits(2, 'due', n)), n))
  const expected = timers.toSorted((a, b) => a.due - b.due || a.sequence - b.sequence).map(({ what }) => what)
  for (const shuffle of ['one', 'two', 'three']) {
    const heap = new TimerHeap()
    for (const one of timers.toSorted((a, b) =>
      random.hex(8, shuffle, a.what) < random.hex(8, shuffle, b.what) ? -1 : 1,
    )) {
      heap.push(one)
    }
    t.same(
      heap.list().map(({ what }) => what),
      expected,
    )
    t.same(drain(heap), expected)
  }
})

t.test('only what is due by the limit comes out', async (t) => {
  const heap = new TimerHeap()
  for (const due of [30, 10, 20]) heap.push(timer(due, 0))
  t.same(drain(heap, 20), ['10/0', '20/0'])
  t.same(drain(heap, 29), [])
  t.same(drain(heap, 30), ['30/0'])
})

t.test('a cancelled timer is neither listed nor run', async (t) => {
  const heap = new TimerHeap()
  const [one, two] = [timer(10, 0), timer(20, 0)]
  heap.push(one)
  heap.push(two)
  heap.cancel(one)
  t.same(heap.list(), [two])
  t.same(drain(heap), ['20/0'])
  for (const past of [one, two]) heap.cancel(past)
  heap.push(two)
  t.same(drain(heap), ['20/0'], 'a timer that has run is not remembered as cancelled')
})

const good: [string | number, number][] = [
  ['24h4m', 86_640_000],
  ['15s', 15_000],
  ['30m', 1_800_000],
  ['1d', 86_400_000],
  ['500ms', 500],
  ['1m500ms', 60_500],
  ['0s', 0],
  [0, 0],
  [1500, 1500],
  ['2932896d15h59m', 253_402_271_940_000],
]
for (const [by, ms] of good) t.equal(parseDuration(by), ms, JSON.stringify(by))

const bad: unknown[] = [
  '',
  '15',
  's',
  '15 s',
  '-15s',
  '1.5h',
  '1w',
  '15s!',
  -1,
  1.5,
  NaN,
  Infinity,
  null,
  undefined,
  {},
  9007199254740991,
  '99999999999d',
  253_402_272_000_000,
]
for (const by of bad) {
  t.throws(
    () => parseDuration(by as string),
    { code: 'BAD_INPUT', message: /^by: must be .* got /, details: { field: 'by', rule: 'duration' } },
    String(by),
  )
}
t.throws(() => parseDuration('soon', 'refundDelay'), { message: /^refundDelay: /, details: { field: 'refundDelay' } })

for (const ms of [0, 253_402_271_999_999]) t.equal(checkMoment('startTime', ms), ms)
for (const ms of [-1, 253_402_272_000_000, 9e15, NaN]) {
  t.throws(
    () => checkMoment('startTime', ms),
    {
      code: 'BAD_INPUT',
      message: /^startTime: must be a moment of the years 1970 to 9999/,
      details: { field: 'startTime', rule: 'moment' },
    },
    String(ms),
  )
}
