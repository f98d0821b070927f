import type { NotificationFault } from '../client/pay.ts'
import type { Log, LogLevel } from '../hooks.ts'

/** Anybody can send or repeat what causes these lines: at most this many of each kind per minute, so that nobody can fill the log. */
const LINES = 10
const MINUTE = 60_000

/** Faults that only the operator can fix, and the one that is not a fault. */
const LEVELS: Partial<Record<NotificationFault, keyof Log>> = {
  blocked: 'error',
  'unknown-key': 'error',
  'not-decrypted': 'error',
  'no-v2-key': 'error',
  probe: 'debug',
}

export interface RefusalLog {
  /** A notification was refused. `log` is its request's. */
  refused(log: Log, fault: NotificationFault, details: object, message: string): void
  /** Genuine news that changed nothing. */
  heard(log: Log, level: LogLevel, what: 'event' | 'payment-failed', details: object, message: string): void
}

/** The first lines of a minute are written; the next one after it says how many were left out (`leftOut`). `level` is that of other faults. */
export function createRefusalLog(now: () => Date, level: LogLevel = 'warn'): RefusalLog {
  const minutes = new Map<string, { began: number; count: number }>()

  function write(log: Log, level: LogLevel, kind: string, details: object, message: string): void {
    const at = now().getTime()
    const last = minutes.get(kind)
    const isSame = last !== undefined && Math.abs(at - last.began) < MINUTE
    const minute = isSame ? last : { began: at, count: 0 }
    minute.count += 1
    minutes.set(kind, minute)
    if (minute.count > LINES || level === 'silent') return
    const leftOut = isSame ? 0 : Math.max((last?.count ?? 0) - LINES, 0)
    log[level]({ ...details, ...(leftOut > 0 && { leftOut }) }, message)
  }

  return {
    refused(log, fault, details, message) {
      write(log, LEVELS[fault] ?? level, fault, { fault, ...details }, message)
    },
    heard: write,
  }
}
