import type { Log } from '../../hooks.ts'
import { formatTime, parseTime } from '../../protocol/time.ts'
import type { Store } from '../../store/store.ts'
import { formatReconciliation } from './report.ts'
import type { Reconcile } from './reconcile.ts'

export interface DailyDeps {
  reconcile: Reconcile
  store: Pick<Store, 'getShared' | 'swapShared'>
  /** The name under which the processes of one account share their progress. */
  name: string
  /** `HH:mm` in GMT+8; absent for never. */
  at: string | undefined
  /** This process's clock. */
  now: () => Date
  /** WeChat's. */
  wechatNow: () => Date
  log: Log
}

/** Reconciles each day once, in one of the processes that share the store. */
export interface Daily {
  /** Starts the day that is due, if there is one and no other process is working on it. Does not wait for it. */
  look(): void
  /** Starts no further day. A day in progress is soon left to another process. */
  stop(): void
  /** Waits for the running reconciliation, at most `limitMs`. */
  idle(limitMs: number): Promise<void>
}

/** What the processes share: the last day that was reconciled, and until when one of them works on the next. */
interface Progress {
  done?: string | undefined
  until?: number
}

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** How long a process has before another one starts over. Doing a day twice does no harm. */
const LEASE = 60 * MINUTE
/** After a failure, such as a bill that is late. */
const RETRY = 10 * MINUTE
/** How often a process checks how far the others are. */
const LOOK = MINUTE
/** Bills are kept for three months. */
const MAX_DAYS = 85

export function createDaily({ reconcile, store, name, at, now, wechatNow, log }: DailyDeps): Daily {
  let underWay: Promise<void> | undefined
  let stopped = false
  let nextLook = -Infinity
  const offset = at === undefined ? 0 : Number(at.slice(0, 2)) * 60 * MINUTE + Number(at.slice(3)) * MINUTE

  /** The last day that is due. */
  function lastDue(): string {
    return dayOf(new Date(wechatNow().getTime() - offset - DAY))
  }

  async function doNext(): Promise<void> {
    const before = await store.getShared(name)
    const { done, until = 0 } = (before === undefined ? {} : JSON.parse(before)) as Progress
    const last = lastDue()
    const date = done === undefined ? last : later(dayAfter(done), dayAfter(last, -MAX_DAYS))
    if (date > last || until > now().getTime()) return
    const mine = JSON.stringify({
      ...(done !== undefined && { done }),
      until: now().getTime() + LEASE,
    } satisfies Progress)
    if (!(await store.swapShared(name, before, mine))) return
    let progress: Progress
    try {
      const report = await reconcile(date)
      const { rows, equal, healed, open, unasked, more } = report
      log[open + unasked + more > 0 ? 'warn' : 'info'](
        { date, rows, equal, healed, open, unasked, more },
        `The bill of a day was reconciled\n${formatReconciliation(report)}`,
      )
      // Healed differences make room for more.
      const isDone = unasked === 0 && (more === 0 || healed === 0)
      progress = isDone ? { done: date } : again(done)
      // More days may be due if no process was running for a while.
      if (isDone) nextLook = -Infinity
    } catch (error) {
      log.warn(
        { date, err: error },
        `The bill of a day could not be reconciled; it will be tried again in ${RETRY / MINUTE} min`,
      )
      progress = again(done)
    }
    await store.swapShared(name, mine, JSON.stringify(progress))
  }

  function again(done: string | undefined): Progress {
    return { done, until: now().getTime() + (stopped ? 0 : RETRY) }
  }

  return {
    look() {
      const time = now().getTime()
      if (at === undefined || stopped || underWay !== undefined || time < nextLook) return
      nextLook = time + LOOK
      underWay = doNext()
        .catch((error: unknown) => {
          log.error({ err: error }, 'The store could not return the day to reconcile; it will be asked again')
        })
        .finally(() => {
          underWay = undefined
        })
    },
    stop() {
      stopped = true
    },
    async idle(limitMs) {
      if (underWay === undefined) return
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs)
      })
      await Promise.race([underWay, limit])
      clearTimeout(timer)
    },
  }
}

function dayOf(at: Date): string {
  const text = formatTime(at)
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`
}

function dayAfter(day: string, days = 1): string {
  return dayOf(new Date(parseTime(`${day} 00:00:00`)!.getTime() + days * DAY))
}

function later(one: string, other: string): string {
  return one > other ? one : other
}
