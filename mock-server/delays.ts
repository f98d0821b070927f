import { nativeClearTimeout, nativeSetTimeout } from './native.ts'

/** Waits in real time, which end with the world: whoever waits goes on at once, and nothing keeps the process. */
export interface Delays {
  /** Resolves after real milliseconds; at once when closed. */
  readonly wait: (ms: number) => Promise<void>
  readonly close: () => void
}

export function createDelays(): Delays {
  const waiting = new Set<() => void>()
  let closed = false
  return {
    wait: async (ms) => {
      if (closed) return
      await new Promise<void>((resolve) => {
        const end = () => {
          nativeClearTimeout(timer)
          waiting.delete(end)
          resolve()
        }
        const timer = nativeSetTimeout(end, ms)
        waiting.add(end)
      })
    },
    close: () => {
      closed = true
      for (const end of waiting) end()
    },
  }
}
