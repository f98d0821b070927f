import type { Log } from '../../hooks.ts'

export interface Slots {
  /** Resolves with at least one slot, as soon as one is free, and at most `limit`. */
  take(limit: number): Promise<number>
  /** One slot, if one is free now. */
  tryTake(): boolean
  give(count: number): void
  /**
   * Starts the work of an order after the replies of this turn, as soon as a slot is free. The work returns its slot. An order that is still to be
   * started is started once: its claim will see all that is due.
   */
  begin(outTradeNo: string, log?: Log): void
  /** Starts nothing from now on. */
  stop(): void
  /** Waits for all slots to be free, at most `limitMs`. */
  idle(limitMs: number): Promise<void>
}

const waiting: (() => void)[] = []

/** Runs after the replies to WeChat are written: not even the synchronous part of a hook may delay them. It must not throw. */
export function afterReply(run: () => void): void {
  if (waiting.push(run) === 1) setImmediate(runWaiting)
}

function runWaiting(): void {
  for (const run of waiting.splice(0)) run()
}

/** How many orders are worked on at once, and which is next. */
export function createSlots(count: number, begin: (outTradeNo: string, log?: Log) => void): Slots {
  let free = count
  let stopped = false
  /** Orders to start after this turn of the event loop. */
  let announced = 0
  /** Orders without a slot yet, and all that are not started yet. */
  const queue: { outTradeNo: string; log: Log | undefined }[] = []
  const pending = new Set<string>()
  /** Sweeps without a slot yet. */
  const takers: { limit: number; serve: (taken: number) => void }[] = []
  const idlers: (() => void)[] = []

  /** Sweeps first: they take what has been due the longest. */
  function serve(): void {
    while (free > 0 && takers.length > 0) {
      const { limit, serve } = takers.shift()!
      const taken = Math.min(free, limit)
      free -= taken
      serve(taken)
    }
    while (free > 0 && queue.length > 0) {
      free -= 1
      const { outTradeNo, log } = queue.shift()!
      pending.delete(outTradeNo)
      begin(outTradeNo, log)
    }
    if (isIdle()) for (const tell of idlers.splice(0)) tell()
  }

  function isIdle(): boolean {
    return free === count && announced === 0
  }

  return {
    take(limit) {
      const taken = new Promise<number>((resolve) => {
        takers.push({ limit, serve: resolve })
      })
      serve()
      return taken
    },

    tryTake() {
      if (free === 0) return false
      free -= 1
      return true
    },

    give(count) {
      free += count
      serve()
    },

    begin(outTradeNo, log) {
      if (pending.has(outTradeNo)) return
      pending.add(outTradeNo)
      announced += 1
      afterReply(() => {
        announced -= 1
        if (!stopped) queue.push({ outTradeNo, log })
        serve()
      })
    },

    stop() {
      stopped = true
      queue.length = 0
    },

    async idle(limitMs) {
      if (isIdle()) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs)
        idlers.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
  }
}
