import { badInput } from '../base/checks.ts'
import type { Card, CaseResult } from './run.ts'
import { SEVERITIES, type Severity } from './verdicts.ts'

/** Reads known failures from a file: one case per line, with `#` comments; or a card as `--json` prints it. */
export function readBaseline(text: string): string[] {
  if (text.trimStart().startsWith('{')) {
    const { results } = JSON.parse(text) as Pick<Card, 'results'>
    return results.filter(({ verdict }) => verdict === 'FAIL').map(({ id }) => id)
  }
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
}

/** @throws MockError BAD_INPUT */
export function readSeverities(names: readonly string[]): Severity[] {
  for (const name of names) {
    if (!(SEVERITIES as readonly string[]).includes(name)) {
      throw badInput('failOn', 'severity', `must be some of ${SEVERITIES.join(', ')}; got ${name}`)
    }
  }
  return names as Severity[]
}

/** What makes a run fail. */
export interface Gate {
  /** New failures of the requested severities. */
  readonly failed: readonly CaseResult[]
  /** Known failures that now pass: the file is out of date. */
  readonly passed: readonly CaseResult[]
  /** The runner's own errors. */
  readonly errors: readonly CaseResult[]
}

export function gateOf(
  { results }: Pick<Card, 'results'>,
  failOn: readonly Severity[] = SEVERITIES,
  baseline: readonly string[] = [],
): Gate {
  return {
    failed: results.filter(
      ({ id, verdict, severity }) => verdict === 'FAIL' && failOn.includes(severity) && !baseline.includes(id),
    ),
    passed: results.filter(({ id, verdict }) => ['PASS', 'LAX', 'INFO'].includes(verdict) && baseline.includes(id)),
    errors: results.filter(({ verdict }) => verdict === 'ERROR'),
  }
}

/** 0: nothing failed; 1: the backend failed; 2: the runner could not do its work. */
export function exitCodeOf({ failed, passed, errors }: Gate): 0 | 1 | 2 {
  if (failed.length + passed.length > 0) return 1
  return errors.length > 0 ? 2 : 0
}
