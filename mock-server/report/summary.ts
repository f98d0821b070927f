import type { CardVerdict, Severity } from './verdicts.ts'

interface Result {
  readonly severity: Severity
  readonly verdict: CardVerdict
}

/** The first line of a card. */
export function sentenceOf(results: readonly Result[], login: boolean): string {
  const about = login ? 'security' : 'money'
  const name = login ? 'Login-safe' : 'Money-safe'
  const of = results.filter(({ severity }) => severity === about)
  const failed = of.filter(({ verdict }) => verdict === 'FAIL').length
  const seen = of.filter(({ verdict }) => ['PASS', 'LAX', 'FAIL'].includes(verdict)).length
  const cases = (n: number) => `${n} case${n === 1 ? '' : 's'}`
  if (failed > 0) return `${name}: no (${cases(failed)})`
  if (seen === 0) return `${name}: unknown (nothing could be checked)`
  return `${name}: yes, in ${seen} of ${cases(of.length)}${seen < of.length ? '; the others could not be checked' : ''}`
}

export const countsOf = (results: readonly Result[]): Record<CardVerdict, number> => {
  const counts = { PASS: 0, LAX: 0, FAIL: 0, INFO: 0, SKIP: 0, ERROR: 0 }
  for (const { verdict } of results) counts[verdict]++
  return counts
}
