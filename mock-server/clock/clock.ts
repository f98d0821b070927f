import { MockError } from '../base/errors.ts'
import { LONGEST_TIMEOUT_MS, nativeClearTimeout, nativeNow, nativeSetTimeout, within } from '../base/real-time.ts'
import { checkMoment, parseDuration } from './duration.ts'
import { type Timer, TimerHeap } from './timers.ts'

export type ClockMode = 'virtual' | 'real'

/** What a clock still has to do. */
export interface PendingTimer {
  readonly due: Date
  readonly what: string
}

/** What an advance of the clock did. */
export interface ClockMove {
  readonly from: Date
  readonly to: Date
  readonly remainingTimers: readonly PendingTimer[]
}

export interface AdvanceOptions {
  /** Real milliseconds after which the advance gives up with CLOCK_TIMEOUT; default 30 000. */
  readonly realTimeoutMs?: number
}

/**
 * How far: by a span (`'24h4m'`, `'15s'`, milliseconds), to a moment that is not past, or over the next so many events,
 * whenever they are due; where fewer come, to the last of them.
 */
export type AdvanceBy = string | number | { readonly to: Date } | { readonly next: number }

/** A world's time. Everything in the mock that knows an hour takes it from here. */
export interface Clock {
  readonly mode: ClockMode
  readonly now: () => Date
  /** Runs `run` at `due`; returns a function that takes the timer back. `run` must not reject. */
  readonly at: (timer: Timer) => () => void
  readonly timers: () => PendingTimer[]
  /**
   * Moves a virtual clock; throws CLOCK_BUSY, CLOCK_REAL, CLOCK_TIMEOUT (`details.report` is a {@link ClockMove}): then it
   * stands at the event that does not end, which has begun at that time and goes on. `onMove` hears how far time has moved,
   * also where something fails on the way.
   */
  readonly advance: (
    by: AdvanceBy,
    options?: AdvanceOptions,
    onMove?: (move: Pick<ClockMove, 'from' | 'to'>) => void,
  ) => Promise<ClockMove>
  /**
   * Forgets every timer and sets a virtual clock to `now`; real time cannot be set.
   * @throws MockError CLOCK_BUSY
   */
  readonly reset: (now: Date) => void
  /** Nothing happens by itself any more; an advance that is under way ends where it is. */
  readonly close: () => void
}

/** A moment that is given, or the machine's time, in whole seconds. */
export const startOf = (startTime: Date | number | undefined): number =>
  startTime === undefined
    ? Math.floor(nativeNow() / 1000) * 1000
    : checkMoment('startTime', new Date(startTime).getTime())

const BUSY =
  'the clock is being advanced already; await that advance first (a notify handler cannot advance the clock that is delivering to it)'

/** Until when, and over how many events. */
function goalOf(by: AdvanceBy, from: number): { readonly target: number; readonly most: number } {
  if (typeof by !== 'object') return { target: checkMoment('by', from + parseDuration(by)), most: Infinity }
  if ('next' in by) {
    if (Number.isSafeInteger(by.next) && by.next > 0) return { target: Infinity, most: by.next }
    throw new MockError('BAD_INPUT', `next: must be a number of events from 1; got ${by.next}`, {
      field: 'next',
      rule: 'minimum',
    })
  }
  const target = checkMoment('to', by.to.getTime())
  if (target >= from) return { target, most: Infinity }
  throw new MockError(
    'BAD_INPUT',
    `to: must not be past; got ${by.to.toISOString()}, and the clock stands at ${new Date(from).toISOString()}`,
    { field: 'to', rule: 'minimum' },
  )
}

const pending = ({ due, what }: Timer): PendingTimer => ({ due: new Date(due), what })

/**
 * Time that stands still until it is advanced, and never moves while anything is in flight: between two timers the clock
 * waits for `settle` (which answers undefined when there is nothing to wait for).
 */
export function createVirtualClock(
  start: number,
  settle: () => Promise<void> | undefined,
): Clock & { readonly checkIdle: () => void } {
  let heap = new TimerHeap()
  let now = start
  let advancing = false
  let closed = false
  let interrupt = () => {}

  /** @throws MockError CLOCK_BUSY, while it is being advanced */
  function checkIdle(): void {
    if (advancing) throw new MockError('CLOCK_BUSY', BUSY)
  }

  const advance: Clock['advance'] = async (by, { realTimeoutMs = 30_000 } = {}, onMove = () => {}) => {
    checkIdle()
    const from = now
    const { target, most } = goalOf(by, from)
    const deadline = nativeNow() + realTimeoutMs
    const report = (): ClockMove => ({
      from: new Date(from),
      to: new Date(now),
      remainingTimers: heap.list().map(pending),
    })
    const giveUp = () =>
      new MockError(
        'CLOCK_TIMEOUT',
        `the advance took longer than ${realTimeoutMs} real ms and stopped at ${new Date(now).toISOString()}; a request, a settle hook or work of the application does not end, or realTimeoutMs is too small`,
        { report: report() },
      )
    if (closed) return report()
    let over = false
    const interrupted = new Promise<void>((resolve) => {
      interrupt = () => {
        over = true
        resolve()
      }
    })
    let left = most
    const next = () => (over || left-- === 0 ? undefined : heap.popDue(target))
    async function go(): Promise<void> {
      await settle()
      for (let timer = next(); timer; timer = next()) {
        now = Math.max(now, timer.due)
        await timer.run()
        const settling = settle()
        if (settling) await settling
        if (nativeNow() >= deadline) throw giveUp()
      }
      if (!over && target !== Infinity) now = target
    }
    let ended = false
    advancing = true
    try {
      // One limit for all of it: whatever is being waited for then goes on, and nothing follows it.
      if (!(await within(Promise.race([go(), interrupted]), realTimeoutMs))) throw giveUp()
      ended = true
      return report()
    } finally {
      over = true
      advancing = false
      if (ended || now > from) onMove({ from: new Date(from), to: new Date(now) })
    }
  }

  return {
    mode: 'virtual',
    now: () => new Date(now),
    at: (timer) => {
      const home = heap
      home.push(timer)
      return () => home.cancel(timer)
    },
    timers: () => heap.list().map(pending),
    advance,
    checkIdle,
    reset: (to) => {
      checkIdle()
      heap = new TimerHeap()
      now = to.getTime()
    },
    close: () => {
      closed = true
      interrupt()
    },
  }
}

/** The machine's time, shifted so that it begins at `start`. Timers fire by themselves, over at most `stepMs` at a time. */
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
      // Not a reason for the process to stay: the listening server is.
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
