import { nativeNow } from '../base/real-time.ts'
import { checkMoment } from './duration.ts'
import type { Timer } from './timers.ts'

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

export const pending = ({ due, what }: Timer): PendingTimer => ({ due: new Date(due), what })
