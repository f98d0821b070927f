import type { SwitchingClock } from '../clock/switching-clock.ts'
import { createSwitchingClock } from '../clock/switching-clock.ts'
import { createRealClock } from '../clock/real-clock.ts'
import { createVirtualClock } from '../clock/virtual-clock.ts'
import type { ClockMode } from '../clock/clock.ts'
import { MockError } from '../base/errors.ts'
import type { AdvanceBy, AdvanceOptions, Clock, ClockMove } from '../clock/clock.ts'
import type { Finding } from '../journal/entry.ts'
import type { Delivery } from '../notify/notification.ts'

/** What happened in a world while its clock was advanced. */
export interface Happened {
  readonly deliveries: readonly Delivery[]
  /** What production might refuse about the calls made meanwhile. */
  readonly lint: readonly Finding[]
}

/** A world, as an advance of its clock sees it. */
export interface Watched {
  /** Names the operations in flight that are awaited by a caller able to advance the clock. */
  readonly awaited: () => string[]
  /** Collects what happens from now on; the returned function stops and returns it. */
  readonly collect: () => () => Happened
  /** The clock has been advanced. */
  readonly moved: (move: Pick<ClockMove, 'from' | 'to'>) => void
}

/** A world to be attached to a clock. */
export interface Settling extends Watched {
  readonly id: string
  readonly busy: () => boolean
  /** Returns undefined if there is nothing to wait for. */
  readonly settle: () => Promise<void> | undefined
}

/** The clock of a world: its time, and how it is advanced. */
export interface WorldTime {
  readonly clock: Omit<SwitchingClock, 'advance'>
  readonly advance: (by: AdvanceBy, options?: AdvanceOptions) => Promise<ClockMove & Happened>
  /** Numbers scheduled events where several worlds share the clock. */
  readonly nextSequence?: () => number
  /** Call it once the world exists: the clock waits for it from now on. */
  readonly enter: () => void
}

/** A world, and what happened in it meanwhile. */
export interface Seen<W> {
  readonly world: W
  readonly happened: Happened
}

/** Calls back for all worlds of a clock, and for each added later, until the returned function is called. */
export type Watch<W> = (see: (world: W) => void) => () => void

/**
 * Advances a clock and reports, through `view`, what happened meanwhile in the worlds that run on it.
 * @throws MockError CLOCK_BUSY, CLOCK_REAL, CLOCK_TIMEOUT (with the report), SETTLE_FAILED, BAD_INPUT
 */
export async function advanceWorlds<W extends Watched, R extends ClockMove>(
  clock: Pick<Clock, 'mode' | 'advance'>,
  watch: Watch<W>,
  view: (move: ClockMove, seen: readonly Seen<W>[]) => R,
  by: AdvanceBy,
  options?: AdvanceOptions,
): Promise<R> {
  const watched: { readonly world: W; readonly end: () => Happened }[] = []
  const unwatch = watch((world) => {
    watched.push({ world, end: world.collect() })
  })
  const report = (move: ClockMove) =>
    view(
      move,
      watched.map(({ world, end }) => ({ world, happened: end() })),
    )
  const giveUp = (error: unknown): never => {
    if (!(error instanceof MockError) || error.code !== 'CLOCK_TIMEOUT') throw error
    throw new MockError(error.code, error.message, { report: report(error.details.report as ClockMove) })
  }
  try {
    const [awaited] = watched.flatMap(({ world }) => world.awaited())
    if (clock.mode === 'virtual' && awaited !== undefined) {
      throw new MockError(
        'CLOCK_BUSY',
        `${awaited} is still in flight: await it before advancing the clock (a notify handler cannot advance the clock that is delivering to it)`,
      )
    }
    const move = clock.advance(by, options, (move) => {
      for (const { world } of watched) world.moved(move)
    })
    return report(await move.catch(giveUp))
  } finally {
    unwatch()
    for (const { end } of watched) end()
  }
}

/** A clock for a single world. */
export function ownTime(mode: ClockMode, start: number, world: Settling): WorldTime {
  const clock = createSwitchingClock(mode, start, (mode, from) =>
    mode === 'real' ? createRealClock(from) : createVirtualClock(from, world.settle),
  )
  const watch = (see: (world: Settling) => void) => {
    see(world)
    return () => {}
  }
  return {
    clock,
    advance: (by, options) =>
      advanceWorlds(clock, watch, (move, [own]) => ({ ...move, ...own!.happened }), by, options),
    enter: () => {},
  }
}
