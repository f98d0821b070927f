import type { Bench } from './parts/bench.ts'
import type { CardVerdict, Level, Need, Severity } from './verdicts.ts'

/** What a kind of case does to a backend, and what may come of it. */
export interface Play {
  readonly needs: readonly Need[]
  /** It shows whether genuine notifications are taken: it runs also where the first one was not, if the backend made the order. */
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
  /** In the run of under ten seconds. */
  readonly quick?: true
  /** One sentence: what a backend has to do. */
  readonly must: string
  /** Where WeChat says so; without it, the requirement is our judgement. */
  readonly source?: string
  /** How to get there. */
  readonly fix: string
  /** Why it is here, where no planted bug needs it. */
  readonly why?: string
  readonly play: Play
}

export interface Chapter {
  readonly name: string
  readonly cases: readonly Case[]
}

export interface Suite {
  /** With its version: verdicts of other versions do not compare. */
  readonly id: string
  readonly version: 'v2' | 'v3' | 'login'
  readonly chapters: readonly Chapter[]
  /** An order, or a login, as good as any: rejects if the backend does not serve it. */
  readonly canary: (bench: Bench) => Promise<void>
}

/** The level at which a case begins to see something. */
export function levelOf({ play: { needs } }: Pick<Case, 'play'>): Level {
  if (needs.includes('probe')) return 'L2'
  return needs.includes('orders') || needs.includes('close') ? 'L1' : 'L0'
}
