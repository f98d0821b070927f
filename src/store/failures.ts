import { setTimeout as wait } from 'node:timers/promises'

/**
 * What a failed statement means, whichever library brings the news: PostgreSQL's SQLSTATE, MySQL's error number, SQLite's extended result code,
 * Prisma's code of a write conflict.
 */
const CONFLICT = new Set(['23505', '1062', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', '2067', '1555'])

const PASSING = new Set([
  '40P01',
  '40001',
  // Deadlock; lock wait timeout; MariaDB: the row has changed since the transaction began.
  '1213',
  '1205',
  '1020',
  'SQLITE_BUSY',
  'SQLITE_BUSY_SNAPSHOT',
  'SQLITE_BUSY_RECOVERY',
  'SQLITE_BUSY_TIMEOUT',
  '5',
  '517',
  '261',
  '773',
  'P2034',
])

/** A unique column would have had the same value twice. */
export function isConflict(error: unknown): boolean {
  return codes(error).some((code) => CONFLICT.has(code))
}

/** Another transaction was in the way: the same transaction, run again, may succeed. */
export function isPassing(error: unknown): boolean {
  return codes(error).some((code) => PASSING.has(code))
}

/** How far what an error wraps is followed. */
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

/** How often a transaction is tried while others are in its way; the first wait between, ms. Each further one is twice as long. */
const TRIES = 8
const FIRST_WAIT = 5

/** Tries a transaction again that failed in passing. Only for one that holds nothing but our own statements. */
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
  await wait(FIRST_WAIT * 2 ** (tries - 1))
  return await repeated(run, mayPass, tries + 1)
}
