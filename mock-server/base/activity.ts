/** One operation in flight. */
export interface Presence {
  /** The operation has ended. */
  readonly leave: () => void
  /** It is held on purpose: nobody waits for it until it resumes. */
  readonly stepOut: () => void
  readonly stepIn: () => void
}

/** Counts operations in flight by name, so that the clock can wait for them and show what it is waiting for. */
export interface Activity {
  /** Records that `what` has begun. `awaited`: a caller that could otherwise advance the clock is awaiting its end. */
  readonly enter: (what: string, awaited?: boolean) => Presence
  readonly busy: () => boolean
  readonly list: () => string[]
  /** Names a caller is awaiting. */
  readonly awaited: () => string[]
  /** Resolves when nothing is in flight. */
  readonly idle: () => Promise<void>
}

export function createActivity(): Activity {
  const running = new Set<{ what: string; awaited: boolean }>()
  let waiting: (() => void)[] = []
  return {
    enter: (what, awaited = false) => {
      const token = { what, awaited }
      let ended = false
      running.add(token)
      const stepOut = () => {
        running.delete(token)
        if (running.size > 0) return
        for (const resolve of waiting) resolve()
        waiting = []
      }
      return {
        leave: () => {
          ended = true
          stepOut()
        },
        stepOut,
        stepIn: () => {
          if (!ended) running.add(token)
        },
      }
    },
    busy: () => running.size > 0,
    list: () => Array.from(running, ({ what }) => what),
    awaited: () => [...running].filter(({ awaited }) => awaited).map(({ what }) => what),
    idle: () =>
      running.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve)
          }),
  }
}
