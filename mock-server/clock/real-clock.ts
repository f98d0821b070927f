import { MockError } from '../base/errors.ts'
import { LONGEST_TIMEOUT_MS, nativeClearTimeout, nativeNow, nativeSetTimeout } from '../base/real-time.ts'
import { type Clock, pending } from './clock.ts'
import type { Timer } from './timers.ts'

/**
 * The machine's time, shifted so that it begins at `start`. Timers fire automatically; one real timer covers at most
 * `stepMs`.
 */
export function createRealClock(start: number, stepMs = LONGEST_TIMEOUT_MS): Clock {
  const offset = start - nativeNow()
  const now = () => nativeNow() + offset
  const running = new Map<Timer, NodeJS.Timeout>()
  let closed = false
  const cancel = (timer: Timer) => {
    nativeClearTimeout(running.get(timer))
    running.delete(timer)
  }
  return {
    mode: 'real',
    now: () => new Date(now()),
    at: (timer) => {
      const fire = () => {
        if (timer.due > now()) return wait()
        running.delete(timer)
        timer.run()
      }
      // A timer must not keep the process alive: the listening server does.
      const wait = () => {
        running.set(timer, nativeSetTimeout(fire, Math.min(stepMs, Math.max(0, timer.due - now()))).unref())
      }
      if (closed) return () => {}
      wait()
      return () => cancel(timer)
    },
    timers: () => [...running.keys()].sort((a, b) => a.due - b.due).map(pending),
    advance: async () => {
      throw new MockError(
        'CLOCK_REAL',
        "this world runs on the real clock, which cannot be advanced; start it with clock: 'virtual' (--clock virtual)",
      )
    },
    reset: () => {
      for (const timer of running.keys()) cancel(timer)
    },
    close: () => {
      closed = true
      for (const timer of running.keys()) cancel(timer)
    },
  }
}
