import type { Bench } from './parts/bench.ts'
import type { CardVerdict, Level, Need, Severity } from './verdicts.ts'

/** What a kind of case does to a backend, and the possible outcomes. */
export interface Play {
  readonly needs: readonly Need[]
  /** It tests that genuine notifications are accepted, so it runs even if the first one was refused, provided the backend made the order. */
  readonly genuine?: true
  /** Every outcome a careful engineer might choose, and those that are wrong. */
  readonly outcomes: readonly (readonly [verdict: CardVerdict, when: string])[]
  /** PASS unless it throws a {@link Ruling}. */
  readonly run: (bench: Bench) => Promise<void>
}

export interface Case {
  /** Stable, with gaps: N-206 of API v2, V-206 of API v3, L-101 of login. */
  readonly id: string
  readonly title: string
  readonly severity: Severity
  /** Part of the run that takes under ten seconds. */
  readonly quick?: true
  /** One sentence: what a backend must do. */
  readonly must: string
  /** Where WeChat says so; without it, the requirement is our judgement. */
  readonly source?: string
  /** How to fix a backend that fails. */
  readonly fix: string
  /** Why the case exists, if no planted bug needs it. */
  readonly why?: string
  readonly play: Play
}

export interface Chapter {
  readonly name: string
  readonly cases: readonly Case[]
}

export interface Suite {
  /** Includes the version: verdicts of different versions cannot be compared. */
  readonly id: string
  readonly version: 'v2' | 'v3' | 'login'
  readonly chapters: readonly Chapter[]
  /** An ordinary order or login: rejects if the backend does not serve it. */
  readonly canary: (bench: Bench) => Promise<void>
}

/** The lowest level at which a case can see anything. */
export function levelOf({ play: { needs } }: Pick<Case, 'play'>): Level {
  if (needs.includes('probe')) return 'L2'
  return needs.includes('orders') || needs.includes('close') ? 'L1' : 'L0'
}
