/** Counts what is in flight, by name, so that the clock can wait for it and people can see what it waits for. */
export interface Activity {
  /** Notes that `what` has begun; call the result once when it has ended. */
  readonly enter: (what: string) => () => void
  readonly busy: () => boolean
  readonly list: () => string[]
  /** Resolves when nothing is in flight. */
  readonly idle: () => Promise<void>
}

export function createActivity (): Activity {
  const running = new Set<{ what: string }>()
  let waiting: (() => void)[] = []
  return {
    enter: what => {
      const token = { what }
      running.add(token)
      return () => {
        running.delete(token)
        if (running.size > 0) return
        for (const resolve of waiting) resolve()
        waiting = []
      }
    },
    busy: () => running.size > 0,
    list: () => Array.from(running, ({ what }) => what),
    idle: () => running.size === 0 ? Promise.resolve() : new Promise(resolve => { waiting.push(resolve) })
  }
}
