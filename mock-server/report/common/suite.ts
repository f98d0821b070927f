import type { Case, Chapter, Suite } from '../case.ts'
import { notifyCanary } from '../plays.ts'
import type { Dialect } from './dialect.ts'
import { duplicates } from './duplicates.ts'
import { transport } from './transport.ts'

/** The suite of a version: its own chapters stand between those that the versions share. */
export const notifySuite = (
  id: string,
  version: 'v2' | 'v3',
  dialect: Dialect,
  baseline: readonly Case[],
  own: readonly Chapter[],
  refunds: Chapter,
): Suite => ({
  id,
  version,
  canary: notifyCanary,
  chapters: [
    { name: 'Baseline', cases: baseline },
    { name: 'Duplicates and order', cases: duplicates(dialect) },
    ...own,
    { name: 'Transport', cases: transport(dialect) },
    refunds,
  ],
})
