import { guarded } from '../base/listeners.ts'

/** Something that happened in a world. */
export interface WorldEvent {
  /** Grows by one from event to event. */
  readonly id: number
  readonly event: string
  /** World time. */
  readonly at: Date
  readonly data: unknown
}

/** The latest events of a world, for listeners and for readers that reconnect. */
export interface EventLog {
  readonly push: (event: string, at: Date, data: unknown) => void
  /** The id of the newest event; 0 before the first. */
  readonly newest: () => number
  /** The events after `id`, as far as they are remembered. */
  readonly since: (id: number) => WorldEvent[]
  /** Calls the listener for every event from now on; the returned function stops that. */
  readonly subscribe: (listener: (event: WorldEvent) => void) => () => void
}

export function createEventLog(limit: number): EventLog {
  let kept: WorldEvent[] = []
  let newest = 0
  const listeners = new Set<(event: WorldEvent) => void>()
  return {
    push: (event, at, data) => {
      const happened = { id: ++newest, event, at, data }
      kept.push(happened)
      // Trimmed in blocks, so that adding an event to a full log stays cheap.
      if (kept.length >= 2 * limit) kept = kept.slice(-limit)
      for (const listener of listeners) listener(happened)
    },
    newest: () => newest,
    since: (id) => kept.slice(-limit).filter((event) => event.id > id),
    subscribe: (listener) => {
      const heard = guarded('events', listener)
      listeners.add(heard)
      return () => {
        listeners.delete(heard)
      }
    },
  }
}
