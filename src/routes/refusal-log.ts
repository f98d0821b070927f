import type { NotificationFault } from '../client/pay.ts'
import type { Log } from '../hooks.ts'

/** Anybody can send what is refused: no more than this many lines for each fault and minute, so that nobody fills the log. */
const LINES = 10
const MINUTE = 60_000

/** Faults that only the operator can fix, and the one that is not a fault. */
const LEVELS: Partial<Record<NotificationFault, keyof Log>> = {
  'unknown-key': 'error',
  'not-decrypted': 'error',
  'no-v2-key': 'error',
  probe: 'debug',
}

/** Logs a refused notification. */
export type RefusalLog = (fault: NotificationFault, details: object, message: string) => void

/** The first lines of a minute are written; the next one after it says how many were left out (`leftOut`). */
export function createRefusalLog(log: Log, now: () => Date): RefusalLog {
  const minutes = new Map<NotificationFault, { began: number; count: number }>()
  return (fault, details, message) => {
    const at = now().getTime()
    const last = minutes.get(fault)
    const isSame = last !== undefined && Math.abs(at - last.began) < MINUTE
    const minute = isSame ? last : { began: at, count: 0 }
    minute.count += 1
    minutes.set(fault, minute)
    if (minute.count > LINES) return
    const leftOut = isSame ? 0 : Math.max((last?.count ?? 0) - LINES, 0)
    log[LEVELS[fault] ?? 'warn']({ fault, ...details, ...(leftOut > 0 && { leftOut }) }, message)
  }
}
