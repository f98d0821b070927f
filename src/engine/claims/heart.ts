import type { Log } from '../../hooks.ts'
import type { Store } from '../../store/store.ts'
import { later } from '../schedule.ts'

/** How often a process reports that it is alive. */
const BEAT_MS = 2500

/** A process that has not reported for this long counts as dead. */
const SILENCE_MS = 9000

export interface HeartDeps {
  store: Pick<Store, 'beat' | 'takeOver'>
  /** The name of this process. */
  claimer: string
  now: () => Date
  /** Monotonic time, ms: setting the clock does not change it. */
  elapsed: () => number
  /** Waits this many ms without keeping the process alive. */
  pause: (ms: number) => Promise<void>
  leaseMs: number
  log: Log
}

export interface Heart {
  /** Reports that this process is alive, and takes over the claims of processes that are not. Resolves with the number of orders taken over. */
  beat(): Promise<number>
  /** Beats from now on, and calls `onTaken` when there is something to do. */
  start(onTaken: () => Promise<unknown>): void
  /** This process stops cleanly, so the others need not detect it. */
  stop(): Promise<void>
}

/**
 * Each process increments a counter in the store. A process whose counter stands still has died or is frozen, and others may take over its claims
 * without waiting for the leases to end. Clocks play no part. A process wrongly considered dead continues, and commits what nobody else has claimed
 * meanwhile.
 */
export function createHeart({ store, claimer, now, elapsed, pause, leaseMs, log }: HeartDeps): Heart {
  let beats = 0
  let stopped = false
  let beating: Promise<void> | undefined
  let last = -Infinity
  /** The latest beat of each other process, and when it was first seen here. */
  const others = new Map<string, { beats: number; since: number }>()

  async function beat(): Promise<number> {
    const heard = await store.beat(claimer, ++beats)
    const at = elapsed()
    // No beat was read meanwhile: the store was unreachable, or this process was frozen.
    const wasDeaf = at - last > SILENCE_MS
    last = at
    let count = 0
    for (const other of heard) {
      if (other.claimer === claimer) continue
      const known = others.get(other.claimer)
      if (wasDeaf || known?.beats !== other.beats) {
        others.set(other.claimer, { beats: other.beats, since: at })
      } else if (at - known.since >= SILENCE_MS) {
        others.delete(other.claimer)
        const taken = await store.takeOver(other.claimer, now(), later(now(), leaseMs), later(now(), -leaseMs))
        if (taken > 0) log.warn({ count: taken }, 'A process has died: the orders it had claimed are due now')
        count += taken
      }
    }
    return count
  }

  async function once(onTaken: () => Promise<unknown>): Promise<void> {
    try {
      if ((await beat()) > 0) await onTaken()
    } catch (error) {
      log.debug({ err: error }, 'The heartbeat of this process could not be stored; it will be tried again')
    }
  }

  function goOn(onTaken: () => Promise<unknown>): void {
    beating = once(onTaken)
    beating
      .then(() => pause(BEAT_MS))
      .then(() => {
        if (!stopped) goOn(onTaken)
      })
  }

  return {
    beat,
    start: goOn,
    async stop() {
      stopped = true
      await beating
      try {
        if (beats > 0) await store.takeOver(claimer, now(), now(), now())
      } catch (error) {
        log.debug({ err: error }, 'The end of this process could not be stored; the other processes will detect it')
      }
    },
  }
}
