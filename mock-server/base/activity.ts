/** One thing in flight. */
export interface Presence {
  /** It has ended. */
  readonly leave: () => void
  /** It is held on purpose: nobody waits for it until it steps in again. */
  readonly stepOut: () => void
  readonly stepIn: () => void
}

/** Counts what is in flight, by name, so that the clock can wait for it and people can see what it waits for. */
export interface Activity {
  /** Notes that `what` has begun; `awaited`: somebody who could advance the clock meanwhile waits for its end. */
  readonly enter: (what: string, awaited?: boolean) => Presence
  readonly busy: () => boolean
  readonly list: () => string[]
  /** What of it somebody waits for. */
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
