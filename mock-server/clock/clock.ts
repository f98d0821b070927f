import { nativeNow } from '../base/real-time.ts'
import { oneOf } from '../base/schema.ts'
import { checkMoment } from './duration.ts'
import type { Timer } from './timers.ts'

/** Whether time stands until it is advanced, or runs. */
export type ClockMode = 'virtual' | 'real'
export const CLOCK_MODE = oneOf('virtual', 'real')

/** What is still planned on a clock. */
export interface PendingTimer {
  readonly due: Date
  readonly what: string
}

/** The result of advancing the clock. */
export interface ClockMove {
  readonly from: Date
  readonly to: Date
  readonly remainingTimers: readonly PendingTimer[]
}

/** How long an advance may take. */
export interface AdvanceOptions {
  /** Real milliseconds after which the advance gives up with CLOCK_TIMEOUT; default 30 000. */
  readonly realTimeoutMs?: number
}

/**
 * How far: by a duration (`'24h4m'`, `'15s'`, milliseconds), to a moment that is not past, or over the next n events,
 * whenever they are due. If fewer remain, to the last of them.
 */
export type AdvanceBy = string | number | { readonly to: Date } | { readonly next: number }

/** A world's time, the only source of time in the mock. */
export interface Clock {
  readonly mode: ClockMode
  readonly now: () => Date
  /** Runs `run` at `due`; returns a function that cancels the timer. `run` must not reject. */
  readonly at: (timer: Timer) => () => void
  readonly timers: () => PendingTimer[]
  /**
   * Moves a virtual clock; throws CLOCK_BUSY, CLOCK_REAL or CLOCK_TIMEOUT (`details.report` is a {@link ClockMove}).
   * After a timeout the clock stays at the event that did not finish; that event keeps running. `onMove` receives how far
   * time has moved, even if something fails on the way.
   */
  readonly advance: (
    by: AdvanceBy,
    options?: AdvanceOptions,
    onMove?: (move: Pick<ClockMove, 'from' | 'to'>) => void,
  ) => Promise<ClockMove>
  /**
   * Drops every timer and sets a virtual clock to `now`; real time cannot be set.
   * @throws MockError CLOCK_BUSY
   */
  readonly reset: (now: Date) => void
  /** From now on nothing happens automatically; an advance in progress stops where it is. */
  readonly close: () => void
}

/** The given moment, or the machine's time, in whole seconds. */
export const startOf = (startTime: Date | number | undefined): number =>
  startTime === undefined
    ? Math.floor(nativeNow() / 1000) * 1000
    : checkMoment('startTime', new Date(startTime).getTime())

export const pending = ({ due, what }: Timer): PendingTimer => ({ due: new Date(due), what })
