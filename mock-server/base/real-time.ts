// Captured once, at import: a test that later installs fake timers or a fake Date must not stop the mock.
const { setTimeout } = globalThis
export const { clearTimeout: nativeClearTimeout, setImmediate: nativeSetImmediate } = globalThis

/** In milliseconds: Node fires a timer with a longer delay at once. */
export const LONGEST_TIMEOUT_MS = 2 ** 31 - 1
export const nativeSetTimeout = (run: () => void, ms: number) => setTimeout(run, Math.min(ms, LONGEST_TIMEOUT_MS))
export const nativeNow = Date.now
export const nativeElapsed = performance.now.bind(performance)

/** Resolves with false if `work` is not done within `ms` real milliseconds. */
export async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout
  const limit = new Promise<false>((resolve) => {
    timer = nativeSetTimeout(() => resolve(false), ms)
  })
  return Promise.race([work.then(() => true), limit]).finally(() => nativeClearTimeout(timer))
}

/** Real-time waits that end with the world: pending ones then resolve at once, and none keeps the process alive. */
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
