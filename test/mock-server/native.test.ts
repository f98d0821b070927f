import t from 'tap'
import { nativeClearTimeout, nativeElapsed, nativeNow, nativeSetTimeout } from '../../mock-server/native.ts'

t.test('a test that replaces the global timers and the date does not reach the mock', async (t) => {
  const real = { now: Date.now, setTimeout: globalThis.setTimeout, elapsed: performance.now }
  t.teardown(() => {
    Object.assign(Date, { now: real.now })
    Object.assign(globalThis, { setTimeout: real.setTimeout })
    Object.assign(performance, { now: real.elapsed })
  })
  Date.now = () => 0
  performance.now = () => 0
  globalThis.setTimeout = (() => t.fail('the fake timer was used')) as never

  t.ok(nativeNow() > 1.7e12)
  t.ok(nativeElapsed() > 0)
  nativeClearTimeout(nativeSetTimeout(() => t.fail('cleared'), 0))
  await new Promise<void>((resolve) => nativeSetTimeout(resolve, 1))
})
