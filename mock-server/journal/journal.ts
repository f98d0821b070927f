import { badInput, checkNames } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import { within } from '../base/real-time.ts'
import type { JournalEntry } from './entry.ts'
import { checkMatch, type Difference, differences, type JournalMatch } from './matching.ts'

/** Which entries of the journal are listed. */
export interface JournalFilter {
  /** Only entries after this cursor. */
  readonly since?: number
  readonly direction?: 'in' | 'out'
  readonly api?: string
}

/** How many entries to wait for, and how long. */
export interface WaitOptions {
  /** How many entries must match; default 1. */
  readonly count?: number
  /** Only entries after this cursor; default 0: entries already there count. */
  readonly since?: number
  /** Real milliseconds; default 30 000. */
  readonly timeoutMs?: number
}

/** The result of waiting for entries of the journal. */
export interface Waited {
  /** Whether `count` entries arrived in time. */
  readonly matched: boolean
  readonly entries: readonly JournalEntry[]
  /** Where to continue: the last matching entry, or the last one at all after a timeout. */
  readonly cursor: number
}

/** An exact number, or bounds. */
export type Times = number | { readonly atLeast?: number; readonly atMost?: number }

/** The entry that comes closest to a match, and what keeps it from matching. */
export interface NearestMiss {
  readonly entry: JournalEntry
  readonly differences: readonly Difference[]
}

/** A bounded record of everything that was sent and received; an entry is written before its reply is sent. The last 100
 * calls that are not emulated are kept longer, so that other calls do not push them out unseen.
 */
export interface Journal {
  readonly record: (entry: Omit<JournalEntry, 'cursor'>) => void
  readonly entries: (filter?: JournalFilter) => JournalEntry[]
  /** The cursor of the newest entry; 0 before the first. */
  readonly cursor: () => number
  readonly find: (match: JournalMatch, options?: Pick<JournalFilter, 'since'>) => JournalEntry[]
  readonly count: (match: JournalMatch, options?: Pick<JournalFilter, 'since'>) => number
  /** Waits for matching entries, including those already there. A timeout, or the end of the world, is a result, not an error. */
  readonly wait: (match: JournalMatch, options?: WaitOptions) => Promise<Waited>
  /**
   * Passes if as many entries match as expected; default: at least one. Entries dropped since the journal was last empty
   * might have matched too, so they count against `atMost` and an exact number.
   * @throws MockError BAD_INPUT, VERIFICATION_FAILED (with `details.count`, `details.nearest`, a {@link NearestMiss}, and `details.forgotten`)
   */
  readonly verify: (match: JournalMatch, times?: Times) => void
  /** Removes the matching entries, or all, and returns exactly those. */
  readonly delete: (match?: JournalMatch) => JournalEntry[]
  readonly dump: () => JournalDump
  readonly load: (dump: JournalDump) => void
}

/** A journal, as it goes into a snapshot. */
export interface JournalDump {
  readonly cursor: number
  readonly entries: readonly JournalEntry[]
  /** How many entries were dropped since it was last empty. */
  readonly forgotten: number
}

const MAX_UNEXPECTED = 100

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

function badTimes(field: string, rule: string): never {
  throw badInput(field, rule, `must be ${rule}`)
}

/** Checks what the types say, for untyped callers. */
function checkTimes(times: Times): void {
  if (typeof times !== 'object' || times === null) {
    return isCount(times) ? undefined : badTimes('times', 'a whole number from 0, or bounds')
  }
  checkNames('times.', times, ['atLeast', 'atMost'])
  if (Object.keys(times).length === 0) badTimes('times', 'a number, atLeast or atMost')
  for (const [name, bound] of Object.entries(times)) {
    if (!isCount(bound)) badTimes(`times.${name}`, 'a whole number from 0')
  }
}

function expectation(times: Times): { readonly atLeast: number; readonly atMost: number; readonly told: string } {
  if (typeof times === 'number') return { atLeast: times, atMost: times, told: `exactly ${times}` }
  const { atLeast = 0, atMost = Infinity } = times
  const told = [...(atLeast > 0 ? [`at least ${atLeast}`] : []), ...(atMost < Infinity ? [`at most ${atMost}`] : [])]
  return { atLeast, atMost, told: told.join(' and ') }
}

/** Fewest differences first; a different api counts twice, and among equals the newest wins. */
function nearestMiss(entries: readonly JournalEntry[], match: JournalMatch): NearestMiss | undefined {
  const distance = (miss: NearestMiss) =>
    miss.differences.length + (miss.differences.some(({ field }) => field === 'api') ? 1 : 0)
  return entries
    .map((entry) => ({ entry, differences: differences(entry, match) }))
    .filter((miss) => miss.differences.length > 0)
    .reduce<NearestMiss | undefined>(
      (best, miss) => (!best || distance(miss) <= distance(best) ? miss : best),
      undefined,
    )
}

const shown = (match: JournalMatch) =>
  JSON.stringify(match, (_key, value: unknown) => (value instanceof RegExp ? String(value) : value))

/** @throws MockError BAD_INPUT */
function fits(match: JournalMatch): (entry: JournalEntry) => boolean {
  checkMatch(match)
  return (entry) => differences(entry, match).length === 0
}

/** `close` ends every wait and prevents new ones. */
export function createJournal(
  limit: number,
  onRecord = (_entry: JournalEntry) => {},
): Journal & { readonly close: () => void } {
  /** It may hold more than is shown: it is trimmed in blocks, so that adding to a full journal stays cheap. */
  let kept: JournalEntry[] = []
  let cut = 0
  let cursor = 0
  let closed = false
  const waiting = new Map<(entry: JournalEntry) => void, () => void>()

  const remembered = () => [
    ...kept
      .slice(0, -limit)
      .filter(({ api }) => api === 'unknown')
      .slice(-MAX_UNEXPECTED),
    ...kept.slice(-limit),
  ]
  const forgotten = () => cut + kept.length - remembered().length
  function trim(): void {
    cut = forgotten()
    kept = remembered()
  }

  function find(match: JournalMatch, { since = 0 }: Pick<JournalFilter, 'since'> = {}): JournalEntry[] {
    const isMatch = fits(match)
    return remembered().filter((entry) => entry.cursor > since && isMatch(entry))
  }

  async function wait(
    match: JournalMatch,
    { count = 1, since = 0, timeoutMs = 30_000 }: WaitOptions = {},
  ): Promise<Waited> {
    const entries = find(match, { since })
    if (entries.length < count && !closed) {
      const isMatch = fits(match)
      let enough!: () => void
      const heard = new Promise<void>((resolve) => {
        enough = resolve
      })
      const hear = (entry: JournalEntry) => {
        if (entries.length < count && isMatch(entry)) entries.push(entry)
        if (entries.length === count) enough()
      }
      waiting.set(hear, enough)
      await within(heard, timeoutMs)
      waiting.delete(hear)
    }
    const matched = entries.length >= count
    return { matched, entries, cursor: matched ? (entries.at(-1)?.cursor ?? since) : cursor }
  }

  return {
    record: (entry) => {
      const written = { cursor: ++cursor, ...entry }
      kept.push(written)
      if (kept.length >= 2 * limit + MAX_UNEXPECTED) trim()
      for (const hear of waiting.keys()) hear(written)
      onRecord(written)
    },
    entries: ({ since = 0, direction, api } = {}) =>
      remembered().filter(
        (entry) => entry.cursor > since && (!direction || entry.direction === direction) && (!api || entry.api === api),
      ),
    cursor: () => cursor,
    find,
    count: (match, options) => find(match, options).length,
    wait,
    verify: (match, times = { atLeast: 1 }) => {
      checkTimes(times)
      const { atLeast, atMost, told } = expectation(times)
      const count = find(match).length
      const lost = forgotten()
      if (count >= atLeast && count + lost <= atMost) return
      const nearest = nearestMiss(remembered(), match)
      const why = nearest
        ? `; nearest is entry ${nearest.entry.cursor}: ${nearest.differences.map(({ field, expected, actual }) => `${field} is ${JSON.stringify(actual) ?? 'absent'}, not ${String(expected)}`).join('; ')}`
        : ''
      const doubt =
        lost > 0 && count <= atMost
          ? `; but ${lost} older entries were dropped: raise maxJournal, or empty the journal before the part to verify`
          : ''
      throw new MockError('VERIFICATION_FAILED', `expected ${told} of ${shown(match)}, found ${count}${why}${doubt}`, {
        count,
        ...(nearest && { nearest }),
        ...(lost > 0 && { forgotten: lost }),
      })
    },
    delete: (match = {}) => {
      const deleted = find(match)
      const gone = new Set(deleted)
      trim()
      kept = kept.filter((entry) => !gone.has(entry))
      if (Object.keys(match).length === 0) cut = 0
      return deleted
    },
    dump: () => ({ cursor, entries: remembered(), forgotten: forgotten() }),
    load: (dump) => {
      kept = [...dump.entries]
      cut = dump.forgotten
      // Never decreases: a reader that continues from a cursor must not miss entries.
      cursor = Math.max(cursor, dump.cursor)
    },
    close: () => {
      closed = true
      for (const end of waiting.values()) end()
    },
  }
}
