import { setTimeout as wait } from 'node:timers/promises'

/**
 * What a failed statement means, whichever library reports it: PostgreSQL's SQLSTATE, MySQL's error number, SQLite's extended result code,
 * Prisma's code of a write conflict.
 */
const CONFLICT = new Set(['23505', '1062', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', '2067', '1555'])

/** Deadlocks; what could not be serialized; MariaDB: the row has changed since the transaction began. */
const ROLLED_BACK = ['40P01', '40001', '1213', '1020', 'P2034']

const PASSING = new Set([
  ...ROLLED_BACK,
  // Waited too long for a lock.
  '55P03',
  '1205',
  'SQLITE_BUSY',
  'SQLITE_BUSY_SNAPSHOT',
  'SQLITE_BUSY_RECOVERY',
  'SQLITE_BUSY_TIMEOUT',
  '5',
  '517',
  '261',
  '773',
])

/** A unique column would have held the same value twice. */
export function isConflict(error: unknown): boolean {
  return codes(error).some((code) => CONFLICT.has(code))
}

/** Another transaction was in the way: the same transaction, run again, may succeed. */
export function isPassing(error: unknown): boolean {
  return codes(error).some((code) => PASSING.has(code))
}

/** The database has given the transaction up in favour of another one. */
export function isRolledBack(error: unknown): boolean {
  return codes(error).some((code) => ROLLED_BACK.includes(code))
}

/** How many levels of wrapped errors are followed. */
const WRAPPINGS = 8

/** The codes of an error and of those it wraps. A hook may have thrown it: what throws when it is looked at has no code. */
function codes(error: unknown, wrappings = WRAPPINGS): string[] {
  if (typeof error !== 'object' || error === null || wrappings === 0) return []
  try {
    const { code, errno, errcode, originalCode, cause, meta, driverAdapterError } = error as Record<string, unknown>
    return [
      ...[code, errno, errcode, originalCode].map(String),
      ...[cause, meta, driverAdapterError].flatMap((wrapped) => codes(wrapped, wrappings - 1)),
    ]
  } catch {
    return []
  }
}

/** How often a transaction is tried while others conflict with it, and the first wait between tries, ms. Each further wait is twice as long. */
const TRIES = 8
const FIRST_WAIT = 5

/** Half to three halves, spread evenly: transactions that conflicted should not meet again. */
let waits = 0
const SPREAD = (Math.sqrt(5) - 1) / 2
const uneven = () => 0.5 + ((waits++ * SPREAD) % 1)

/** Retries a transaction that failed for a passing reason. */
export async function repeated<T>(
  run: () => Promise<T>,
  mayPass: (error: unknown) => boolean = isPassing,
  tries = 1,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (tries === TRIES || !mayPass(error)) throw error
  }
  await wait(FIRST_WAIT * 2 ** (tries - 1) * uneven())
  return await repeated(run, mayPass, tries + 1)
}
