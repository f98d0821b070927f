import { nativeElapsed, within } from '../../base/real-time.ts'
import { Ruling } from '../verdicts.ts'

export const NO_TIME = 'the time of --quick is up: leave --quick out, or run it alone (--only)'

/** The time of a run, in real milliseconds. Only the runner's own work counts, so tests of other things may run in between. */
export interface Budget {
  /** Counts the time of this work. */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>
  readonly left: () => number
  /** A step had no time left. */
  readonly isUp: () => boolean
  /**
   * A step of a case.
   * @throws Ruling SKIP if it does not end in time
   */
  readonly step: <T>(work: () => Promise<T>) => Promise<T>
}

/** `reserved`: time that no step may take. */
export function createBudget(limitMs: number, reserved: () => number = () => 0): Budget {
  let used = 0
  let since: number | undefined
  let up = false
  const over = () => {
    up = true
    return new Ruling('SKIP', NO_TIME)
  }
  const left = () => limitMs - reserved() - used - (since === undefined ? 0 : nativeElapsed() - since)
  return {
    left,
    isUp: () => up || left() <= 0,
    during: async (work) => {
      since = nativeElapsed()
      try {
        return await work()
      } finally {
        used += nativeElapsed() - since
        since = undefined
      }
    },
    step: async (work) => {
      if (left() <= 0) throw over()
      const result = work()
      // Without a limit there is no timer that could fire too early.
      if (limitMs < Infinity && !(await within(result, left()))) throw over()
      return result
    },
  }
}
