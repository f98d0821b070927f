/** How often the deadlines under way are looked at, as a part of their length. */
const LOOK_SHARE = 0.02

/** Something that has to end in time. */
export interface Deadline {
  /** It has ended. */
  close(): void
}

export interface Deadlines {
  /** A moment for `began`: real time, in ms. */
  now(): number
  /** Calls `onEnd` after `ms`, counted from `began`, unless the deadline is closed before. */
  begin(onEnd: () => void, began?: number): Deadline
  /** The task's outcome, or a rejection with `late()` when it takes too long; the task goes on. */
  limit<T>(task: Promise<T>, late: () => Error): Promise<T>
  /** Those under way go on; with the last of them the timer goes. */
  stop(): void
}

/**
 * Deadlines of `ms` each, real time, late by at most a fiftieth of it. One timer looks at all of them: a timer for each would cost more than most of what
 * they watch. It keeps the process alive only while something is under way.
 */
export function createDeadlines(ms: number): Deadlines {
  const running = new Set<{ at: number; onEnd: () => void }>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function look(): void {
    const now = performance.now()
    for (const deadline of running) {
      if (deadline.at > now) continue
      leave(deadline)
      deadline.onEnd()
    }
  }

  function leave(deadline: { at: number; onEnd: () => void }): void {
    running.delete(deadline)
    if (running.size > 0) return
    if (stopped) clear()
    else timer?.unref()
  }

  function clear(): void {
    clearInterval(timer)
    timer = undefined
  }

  function begin(onEnd: () => void, began = performance.now()): Deadline {
    timer ??= setInterval(look, Math.max(ms * LOOK_SHARE, 1))
    if (running.size === 0) timer.ref()
    const deadline = { at: began + ms, onEnd }
    running.add(deadline)
    return {
      close() {
        leave(deadline)
      },
    }
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
      if (running.size === 0) clear()
    },
  }
}
