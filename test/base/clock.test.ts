import fc from 'fast-check'
import t from 'tap'
import { createClock } from '../../src/base/clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const T0 = Date.parse('2026-03-01T04:00:00.000Z')

/** A machine with a clock that can be set, and real time, which advances with it unless moved separately. */
function rig() {
  let own = T0
  let steady = 0
  const told: number[] = []
  const clock = createClock({
    own: () => new Date(own),
    steady: () => steady,
    onDifference: (aheadMs) => {
      told.push(aheadMs)
    },
  })
  return {
    clock,
    told,
    /** Our time and WeChat's, as ms after the start. */
    now: () => clock.now().getTime() - T0,
    wechatNow: () => clock.wechatNow().getTime() - T0,
    pass(ms: number) {
      own += ms
      steady += ms
    },
    /** Sets the machine's clock, or moves a virtual one. */
    set(ms: number) {
      own += ms
    },
    /** A reply arrives `tripMs` after its request, when WeChat's clock shows this many ms after the start. */
    hear(ms: number, tripMs = 100) {
      clock.heard(new Date(Math.floor((T0 + ms) / 1000) * 1000), tripMs)
    },
  }
}

t.test('our time is that of the underlying clock, and never goes back', async (t) => {
  const { now, pass, set } = rig()
  t.equal(now(), 0)
  pass(SECOND)
  t.equal(now(), SECOND)
  set(HOUR)
  t.equal(now(), HOUR + SECOND, 'a clock set forward is followed, as the machine may have slept')
  set(-2 * HOUR)
  t.equal(now(), HOUR + SECOND, 'a clock set back is not followed')
  t.equal(now(), HOUR + SECOND)
  pass(1000 * SECOND)
  t.equal(now(), HOUR + SECOND + 900 * SECOND, 'it continues from there at nine tenths of its speed')
})

t.test('after a clock was set back, both agree again later, and small steps do not add up', async (t) => {
  const { now, pass, set } = rig()
  set(-MINUTE)
  for (let second = 0; second < 600; second++) {
    now()
    pass(SECOND)
  }
  t.equal(now(), 600 * SECOND - MINUTE, 'ten minutes after a step of one minute')
  for (let day = 0; day < 30; day++) {
    pass(24 * HOUR)
    now()
    set(-2 * SECOND)
    now()
    pass(MINUTE)
    t.equal(now(), (day + 1) * (24 * HOUR + MINUTE - 2 * SECOND) + 600 * SECOND - MINUTE)
  }
})

t.test('a virtual clock moves our time by the same amount, also after it was set back', async (t) => {
  const { now, set } = rig()
  set(HOUR)
  t.equal(now(), HOUR)
  set(-HOUR)
  t.equal(now(), HOUR, 'a world was restored')
  for (let n = 1; n <= 100; n++) {
    set(31 * SECOND)
    t.equal(now(), HOUR + n * 31 * SECOND)
  }
})

t.test('however the clock is set, our time never goes back, and no wait is much longer than planned', async () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          passed: fc.constantFrom(0, 1, 7, SECOND, 5 * SECOND, MINUTE),
          set: fc.constantFrom(0, 0, 0, 1, -1, SECOND, -SECOND, HOUR, -HOUR, 10 * HOUR, -10 * HOUR),
        }),
        { minLength: 1, maxLength: 100 },
      ),
      (steps) => {
        const { now, pass, set } = rig()
        let before = now()
        for (const { passed, set: by } of steps) {
          set(by)
          const at = now()
          if (at < before) throw new Error('it went back')
          pass(passed)
          before = now()
          if (before - at < Math.floor(passed * 0.9) - 1) throw new Error('it waited')
        }
      },
    ),
  )
})

t.test("WeChat's time is ours unless its replies say otherwise", async (t) => {
  const { wechatNow, pass, hear, told } = rig()
  t.equal(wechatNow(), 0)
  for (let n = 0; n < 100; n++) {
    pass(777)
    hear(n * 777 + 777)
    t.equal(wechatNow(), n * 777 + 777, 'a Date has whole seconds, so a smaller difference changes nothing')
  }
  pass(SECOND)
  hear(100 * 777 + 500, 600)
  t.equal(wechatNow(), 100 * 777 + SECOND, 'it may have been written at any moment of the round trip')
  t.same(told, [])
})

t.test("WeChat's time is only as exact as its replies", async (t) => {
  for (const ahead of [-HOUR, -90 * SECOND, -5 * SECOND, 5 * SECOND, 90 * SECOND, HOUR, 3650 * 24 * HOUR]) {
    for (const trip of [0, 100, 5 * SECOND]) {
      const { wechatNow, now, pass, hear } = rig()
      for (let n = 0; n < 50; n++) {
        pass(4321)
        hear(now() + ahead - trip / 2, trip)
        const off = Math.abs(wechatNow() - now() - ahead)
        if (off > trip + SECOND) t.fail(`${ahead} ms ahead, ${trip} ms round trip: off by ${off} ms`)
      }
    }
  }
  t.pass()
})

t.test('a difference of more than a minute is reported once, and again when it has changed', async (t) => {
  const { pass, set, hear, told, now } = rig()
  const replies = (ahead: number) => {
    for (let n = 0; n < 10; n++) {
      pass(SECOND)
      hear(now() + ahead)
    }
    return told.splice(0).map((ms) => Math.round(ms / MINUTE))
  }
  t.same(replies(0), [])
  t.same(replies(MINUTE), [], 'a minute is not reported')
  t.same(replies(2 * MINUTE), [2])
  t.same(replies(2.5 * MINUTE), [])
  t.same(replies(HOUR), [60])
  t.same(replies(50 * MINUTE), [], 'a slightly smaller large difference is not reported again')
  t.same(replies(0), [0], 'the end of the difference is reported too')
  set(HOUR)
  t.same(replies(-HOUR), [-60], 'the clock of this machine was set forward')
  set(-HOUR)
  t.same(replies(-HOUR), [], 'and back: ours continues')
})

t.test('the time of a virtual WeChat that stands still or jumps is followed', async (t) => {
  const { wechatNow, pass, hear, told } = rig()
  const world = { time: 200 * 24 * HOUR }
  for (let n = 0; n < 1000; n++) {
    pass(SECOND)
    if (n % 100 === 99) world.time += 3 * HOUR
    hear(world.time, 1)
    const off = Math.abs(wechatNow() - world.time)
    if (off > SECOND + 1) t.fail(`off by ${off} ms`)
  }
  t.equal(told.length, 1, 'it is reported once')
})

t.test('by default it reads the real clock', async (t) => {
  const clock = createClock({ own: () => new Date() })
  const before = Date.now()
  const at = clock.now().getTime()
  t.ok(at >= before && at <= Date.now())
  clock.heard(new Date(before + HOUR), 0)
  t.ok(clock.wechatNow().getTime() >= before + HOUR)
})
