import { badInput } from '../base/checks.ts'

/** The end of the year 9999 in China: WeChat's formats have four digits for the year. */
export const LAST_MOMENT = Date.UTC(9999, 11, 31, 16) - 1

/** Whether a world's time can be this. */
export const isMoment = (ms: number) => ms >= 0 && ms <= LAST_MOMENT

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const FORM = /^(?:\d+(?:ms|s|m|h|d))+$/

const LAST_SECOND = Math.floor(LAST_MOMENT / 1000)

/** The milliseconds, if a world's time can be this. */
export function checkMoment(field: string, ms: number): number {
  if (isMoment(ms)) return ms
  throw badInput(field, 'moment', 'must be a moment of the years 1970 to 9999')
}

/** A duration in seconds → milliseconds. */
export function parseSeconds(seconds: number, field: string): number {
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= LAST_SECOND) return seconds * 1000
  throw badInput(
    field,
    'seconds',
    `must be a number of seconds from 0 to ${LAST_SECOND}; got ${JSON.stringify(seconds)}`,
  )
}

function millisecondsOf(by: string | number): number {
  if (typeof by === 'number') return by
  if (typeof by !== 'string' || !FORM.test(by)) return NaN
  let total = 0
  for (const [, count, unit] of by.matchAll(/(\d+)(ms|[smhd])/g)) total += Number(count) * UNIT_MS[unit!]!
  return total
}

/** `'24h4m'`, `'15s'`, `'1d'`, `'500ms'` or a number of milliseconds → milliseconds. */
export function parseDuration(by: string | number, field = 'by'): number {
  const ms = millisecondsOf(by)
  if (Number.isSafeInteger(ms) && isMoment(ms)) return ms
  throw badInput(
    field,
    'duration',
    `must be whole milliseconds or a duration such as '24h4m', '15s' or '1d', and less than 8000 years; got ${JSON.stringify(by)}`,
  )
}
