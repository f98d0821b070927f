import { nativeClearTimeout, nativeSetTimeout } from './native.ts'

/** Waits in real time, which end with the world: nothing that is late keeps the process. */
export interface Delays {
  /** Resolves after real milliseconds; never, once closed. */
  readonly wait: (ms: number) => Promise<void>
  readonly close: () => void
}

export function createDelays (): Delays {
  const timers = new Set<NodeJS.Timeout>()
  return {
    wait: ms => new Promise(resolve => {
      const timer = nativeSetTimeout(() => {
        timers.delete(timer)
        resolve()
      }, ms)
      timers.add(timer)
    }),
    close: () => { for (const timer of timers) nativeClearTimeout(timer) }
  }
}
