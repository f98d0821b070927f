import { types } from 'node:util'
import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import {
  type AdvanceBy,
  type AdvanceOptions,
  type Clock,
  type ClockMove,
  type PendingTimer,
  startOf,
} from '../clock/clock.ts'
import { checkMoment } from '../clock/duration.ts'
import { inOrder, type Timer } from '../clock/timers.ts'
import { createVirtualClock } from '../clock/virtual-clock.ts'
import type { Finding } from '../journal/entry.ts'
import type { Delivery } from '../notify/notification.ts'
import { advanceWorlds, type Settling, type Watch, type WorldTime } from './time.ts'

/** Where a shared clock starts. */
export interface SharedClockOptions {
  /** Default: the machine's time, in whole seconds. */
  readonly startTime?: Date | number
}

/** A delivery, and the world that made it. */
export interface SharedDelivery extends Delivery {
  readonly world: string
}

/** The result of advancing a shared clock, in all of its worlds. */
export interface SharedReport extends ClockMove {
  /** In the order of sending. */
  readonly deliveries: readonly SharedDelivery[]
  /** What production might refuse about the calls made meanwhile. */
  readonly lint: readonly Finding[]
}

/**
 * One virtual time for an application and its WeChat: all worlds of the mock run on it, and an application in the same
 * process reads its time from it and schedules its own work on it.
 *
 * At any one moment, refunds end first, then orders are paid automatically, then everything else in the order it was
 * scheduled; for notifications that is their creation.
 */
export interface SharedClock {
  readonly now: () => Date
  /**
   * Runs `run` at `due` during an advance, which awaits the returned promise (if it outlasts the advance, the next one
   * does). If `due` is past, `run` is called at once. If it fails, the advance rejects with its error and stays at that
   * time. The returned function cancels it.
   * @throws MockError BAD_INPUT
   */
  readonly at: (due: Date | number, run: () => unknown, what?: string) => () => void
  /** What is due, in order: of every world, and of the application. */
  readonly timers: () => PendingTimer[]
  /**
   * Moves time for all. Between two events it waits until every world has settled: no request is open, nothing is being
   * sent, and all `settleOn` hooks are done. Advancing one world's clock does the same.
   * @throws MockError CLOCK_BUSY, CLOCK_TIMEOUT (with `details.report`), SETTLE_FAILED, BAD_INPUT
   */
  readonly advance: (by: AdvanceBy, options?: AdvanceOptions) => Promise<SharedReport>
}

const joins = new WeakMap<SharedClock, (world: Settling) => WorldTime>()

/** The worlds that run on a clock. */
interface Members {
  readonly list: () => Settling[]
  readonly add: (world: Settling) => void
  readonly delete: (world: Settling) => void
  readonly watch: Watch<Settling>
}

function createMembers(): Members {
  const worlds = new Set<Settling>()
  const watching = new Set<(world: Settling) => void>()
  return {
    list: () => [...worlds],
    add: (world) => {
      worlds.add(world)
      for (const see of watching) see(world)
    },
    delete: (world) => {
      worlds.delete(world)
    },
    watch: (see) => {
      worlds.forEach(see)
      watching.add(see)
      return () => {
        watching.delete(see)
      }
    },
  }
}

/** One world's view of a clock: it sees, drops and ends only its own timers. */
function membership(
  clock: Clock & { readonly checkIdle: () => void },
  worlds: Members,
  next: () => number,
  world: Settling,
): WorldTime {
  const own = new Map<Timer, () => void>()
  let left = false
  let leave = () => {}
  /** A closed world is not waited for. */
  const unlessLeft = (work: Promise<unknown>) =>
    new Promise<void>((resolve, reject) => {
      leave = resolve
      work.then(() => resolve(), reject)
    })
  const member: Settling = {
    ...world,
    settle: () => {
      const work = world.settle()
      return work && unlessLeft(work)
    },
  }
  const timers = (): PendingTimer[] =>
    [...own.keys()].sort(inOrder).map(({ due, what }) => ({ due: new Date(due), what }))
  const forget = () => {
    for (const cancel of own.values()) cancel()
    own.clear()
  }
  return {
    clock: {
      mode: 'virtual',
      now: clock.now,
      at: (timer) => {
        if (left) return () => {}
        own.set(
          timer,
          clock.at({
            ...timer,
            tie: next(),
            what: `${world.id}: ${timer.what}`,
            run: () => {
              own.delete(timer)
              return unlessLeft(timer.run())
            },
          }),
        )
        return () => {
          own.get(timer)?.()
          own.delete(timer)
        }
      },
      timers,
      reset: () => {
        clock.checkIdle()
        forget()
      },
      close: () => {
        left = true
        worlds.delete(member)
        forget()
        leave()
      },
      switchTo: (mode) => {
        if (mode === 'real') {
          throw new MockError(
            'CLOCK_SHARED',
            `world ${world.id} runs on a shared virtual clock and cannot switch to real time alone`,
          )
        }
      },
    },
    advance: (by, options) =>
      advanceWorlds(
        clock,
        worlds.watch,
        (move, seen) => ({
          ...move,
          remainingTimers: timers(),
          ...seen.find(({ world }) => world === member)!.happened,
        }),
        by,
        options,
      ),
    nextSequence: next,
    enter: () => {
      worlds.add(member)
    },
  }
}

/**
 * Creates a clock to share.
 * @example
 * const clock = createSharedClock()
 * const mock = await createMockWechat({ clock })
 * const app = buildApp({ now: clock.now })
 * @throws MockError BAD_INPUT
 */
export function createSharedClock({ startTime }: SharedClockOptions = {}): SharedClock {
  const worlds = createMembers()
  /** The application's work in progress: it may outlast its advance. */
  const working = new Set<Promise<unknown>>()
  let planned = 0
  const next = () => planned++

  const unsettled = () => [
    ...working,
    ...worlds
      .list()
      .map((world) => world.settle())
      .filter((work) => work !== undefined),
  ]
  function settle(): Promise<void> | undefined {
    const first = unsettled()
    if (first.length === 0) return undefined
    return (async () => {
      await Promise.all(first)
      while (worlds.list().some((world) => world.busy())) await Promise.all(unsettled())
    })()
  }
  const clock = createVirtualClock(startOf(startTime), settle)
  async function work(run: () => unknown): Promise<void> {
    const running = (async () => run())()
    working.add(running)
    try {
      await running
    } finally {
      working.delete(running)
    }
  }

  const shared: SharedClock = {
    now: clock.now,
    at: (due, run, what = 'the application') => {
      // Not new Date(due), which accepts null; nor instanceof, which rejects a Date of a test runner's own realm.
      const moment = checkMoment('due', types.isDate(due) ? due.getTime() : typeof due === 'number' ? due : NaN)
      if (typeof run !== 'function') {
        throw badInput('run', 'function', 'must be a function')
      }
      return clock.at({ due: moment, sequence: next(), what, run: () => work(run) })
    },
    timers: clock.timers,
    advance: (by, options) =>
      advanceWorlds(
        clock,
        worlds.watch,
        (move, seen) => ({
          ...move,
          deliveries: seen
            .flatMap(({ world: { id }, happened: { deliveries } }) =>
              deliveries.map((delivery) => ({ ...delivery, world: id })),
            )
            .sort((a, b) => a.startedMs - b.startedMs),
          lint: seen.flatMap(({ happened: { lint } }) => lint),
        }),
        by,
        options,
      ),
  }
  joins.set(shared, (world) => membership(clock, worlds, next, world))
  return shared
}

/**
 * Lets a world run on a shared clock.
 * @throws MockError BAD_INPUT
 */
export function joinClock(clock: SharedClock, world: Settling): WorldTime {
  const join = joins.get(clock)
  if (!join) {
    throw badInput('clock', 'createSharedClock', 'must be created by createSharedClock')
  }
  return join(world)
}

/** @throws MockError BAD_INPUT if a world asks for its own time on a shared clock */
export function checkOwnTime(
  shared: SharedClock | undefined,
  options: { readonly startTime?: unknown; readonly clock?: unknown },
): void {
  const own = (['startTime', 'clock'] as const).find((name) => options[name] !== undefined)
  if (shared && own !== undefined) {
    throw badInput(own, 'shared', `all worlds of this mock run on its shared clock; omit ${own}`)
  }
}
