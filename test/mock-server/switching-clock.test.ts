import t from 'tap'
import { createRealClock, createVirtualClock, type ClockMode } from '../../mock-server/clock.ts'
import { createSwitchingClock } from '../../mock-server/switching-clock.ts'
import { deferred, NOON } from './helpers.ts'

const create = (mode: ClockMode, start: number) =>
  mode === 'real' ? createRealClock(start) : createVirtualClock(start, () => undefined)
const after = (seconds: number) => new Date(NOON + seconds * 1000)

t.test('it goes on at its time, with what is still due', async (t) => {
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
  t.same(names(), ['at 3600 s', 'at 7200 s'], 'what has run does not come again')
  await t.rejects(clock.advance('1h'), { code: 'CLOCK_REAL' })
  cancel()
  cancel()

  clock.switchTo('virtual')
  t.same(names(), ['at 3600 s'])
  await clock.advance({ to: after(3600) })
  t.same([clock.now(), ran], [after(3600), ['at 10 s', 'at 3600 s']])
})

t.test('what was due before runs by itself on the real clock', async (t) => {
  const clock = createSwitchingClock('virtual', NOON, create)
  t.teardown(clock.close)
  const ran = deferred<void>()
  clock.at({ due: NOON, sequence: 0, what: 'now', run: async () => ran.resolve() })
  clock.switchTo('real')
  // The clock's own timers do not hold the process.
  const hold = setInterval(() => {}, 1000)
  await ran.promise
  clearInterval(hold)
  t.same(clock.timers(), [])
})

t.test('one that is closed does not begin again', async (t) => {
  const clock = createSwitchingClock('virtual', NOON, create)
  clock.close()
  clock.switchTo('real')
  t.equal(clock.mode, 'virtual')
})

t.test('in the middle of an advance it stays what it is; to be what it is already is nothing', async (t) => {
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
  t.same(clock.timers(), [], 'what a reset has forgotten does not come back')
})
