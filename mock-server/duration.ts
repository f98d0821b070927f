import { MockError } from './errors.ts'

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const FORM = /^(?:\d+(?:ms|s|m|h|d))+$/

/** `'24h4m'`, `'15s'`, `'1d'`, `'500ms'` or a number of milliseconds → milliseconds. */
export function parseDuration (by: string | number, field = 'by'): number {
  if (typeof by === 'number' && Number.isSafeInteger(by) && by >= 0) return by
  if (typeof by === 'string' && FORM.test(by)) {
    let total = 0
    for (const [, count, unit] of by.matchAll(/(\d+)(ms|[smhd])/g)) total += Number(count) * UNIT_MS[unit!]!
    return total
  }
  throw new MockError('BAD_INPUT', `${field}: must be whole milliseconds or a duration such as '24h4m', '15s' or '1d'; got ${JSON.stringify(by)}`,
    { field, rule: 'duration' })
}
