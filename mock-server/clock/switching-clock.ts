import type { Clock, ClockMode } from './clock.ts'
import type { Timer } from './timers.ts'

/** A clock that can switch between virtual and real time: it continues from the time it shows and keeps its timers. */
export interface SwitchingClock extends Clock {
  /** @throws MockError CLOCK_BUSY */
  readonly switchTo: (mode: ClockMode) => void
}

export function createSwitchingClock(
  mode: ClockMode,
  start: number,
  create: (mode: ClockMode, start: number) => Clock,
): SwitchingClock {
  const due = new Map<Timer, () => void>()
  let clock = create(mode, start)
  let closed = false

  function plan(timer: Timer): void {
    due.set(
      timer,
      clock.at({
        ...timer,
        run: () => {
          due.delete(timer)
          return timer.run()
        },
      }),
    )
  }

  return {
    get mode() {
      return clock.mode
    },
    now: () => clock.now(),
    at: (timer) => {
      plan(timer)
      return () => {
        due.get(timer)?.()
        due.delete(timer)
      }
    },
    timers: () => clock.timers(),
    advance: (...args) => clock.advance(...args),
    reset: (now) => {
      clock.reset(now)
      due.clear()
    },
    close: () => {
      closed = true
      clock.close()
    },
    switchTo: (mode) => {
      if (closed || mode === clock.mode) return
      const now = clock.now()
      clock.reset(now)
      clock = create(mode, now.getTime())
      for (const timer of [...due.keys()]) plan(timer)
    },
  }
}
