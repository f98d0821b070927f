// Taken once, at import: a test that installs fake timers or a fake Date afterwards must not stop the mock.
export const { setTimeout: nativeSetTimeout, clearTimeout: nativeClearTimeout } = globalThis
export const nativeNow = Date.now
export const nativeElapsed = performance.now.bind(performance)
