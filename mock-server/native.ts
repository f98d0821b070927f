// Taken once, at import: a test that installs fake timers or a fake Date afterwards must not stop the mock.
const { setTimeout } = globalThis
export const { clearTimeout: nativeClearTimeout, setImmediate: nativeSetImmediate } = globalThis

/** Of real milliseconds: a timer that is set for longer goes off at once. */
export const LONGEST_TIMEOUT_MS = 2 ** 31 - 1
export const nativeSetTimeout = (run: () => void, ms: number) => setTimeout(run, Math.min(ms, LONGEST_TIMEOUT_MS))
export const nativeNow = Date.now
export const nativeElapsed = performance.now.bind(performance)
