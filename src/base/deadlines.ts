/** How often running deadlines are checked, as a fraction of their length. */
const LOOK_SHARE = 0.02

/** A deadline for something under way. */
export interface Deadline {
  /** The task has ended. */
  close(): void
}

export interface Deadlines {
  /** A moment for `began`: real time, in ms. */
  now(): number
  /** Calls `onEnd` after `ms`, counted from `began`, unless the deadline is closed before. */
  begin(onEnd: () => void, began?: number): Deadline
  /** The task's outcome, or a rejection with `late()` if it takes too long; the task itself continues. */
  limit<T>(task: Promise<T>, late: () => Error): Promise<T>
  /** Running deadlines continue; the timer stops after the last of them. */
  stop(): void
}

/** A running deadline, linked to those started before and after it. A finished one has no links. */
class Running implements Deadline {
  before: Running = this
  after: Running = this
  readonly at: number
  readonly onEnd: () => void
  readonly #left: () => void

  constructor(at: number, onEnd: () => void, left: () => void) {
    this.at = at
    this.onEnd = onEnd
    this.#left = left
  }

  get isAlone(): boolean {
    return this.after === this
  }

  /** Inserts it before `other`. */
  join(other: Running): void {
    this.before = other.before
    this.after = other
    other.before.after = this
    other.before = this
  }

  close(): void {
    if (this.isAlone) return
    this.before.after = this.after
    this.after.before = this.before
    this.before = this.after = this
    this.#left()
  }
}

/**
 * Deadlines of `ms` each, real time, late by at most a fiftieth. One timer checks all of them: a timer for each would often cost more than the work it
 * watches. It keeps the process alive only while a deadline is running.
 */
export function createDeadlines(ms: number): Deadlines {
  /** Running deadlines form a ring with this one. A Set would copy its contents when many come and go, and each notification creates three. */
  const ring = new Running(Infinity, left, left)
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function look(): void {
    const now = performance.now()
    const late: Running[] = []
    for (let each = ring.after; each !== ring; each = each.after) if (each.at <= now) late.push(each)
    for (const each of late) {
      // The callback of another late one may have closed it.
      if (each.isAlone) continue
      each.close()
      each.onEnd()
    }
  }

  function left(): void {
    if (!ring.isAlone) return
    if (stopped) clear()
    else timer?.unref()
  }

  function clear(): void {
    clearInterval(timer)
    timer = undefined
  }

  function begin(onEnd: () => void, began = performance.now()): Deadline {
    timer ??= setInterval(look, Math.max(ms * LOOK_SHARE, 1))
    if (ring.isAlone) timer.ref()
    const deadline = new Running(began + ms, onEnd, left)
    deadline.join(ring)
    return deadline
  }

  return {
    now: () => performance.now(),
    begin,
    limit(task, late) {
      return new Promise((resolve, reject) => {
        const deadline = begin(() => {
          reject(late())
        })
        task.then(
          (value) => {
            deadline.close()
            resolve(value)
          },
          (error: unknown) => {
            deadline.close()
            reject(error)
          },
        )
      })
    },
    stop() {
      stopped = true
      if (ring.isAlone) clear()
    },
  }
}
