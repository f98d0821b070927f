import { MockError } from '../base/errors.ts'
import type { FaultView } from '../faults/faults.ts'
import type { GateView } from '../faults/gates.ts'
import type { JournalEntry } from '../journal/entry.ts'

function told({ name, hits, seen, times }: FaultView): string {
  return `fault ${name} was applied ${hits} of ${times} times (${seen} exchanges matched)`
}

/** Passes if nothing set up is left unused: a test that sets a fault expects it to be applied. */
export function assertDrained(faults: readonly FaultView[], gates: readonly GateView[], hooks: number): void {
  const unused = { faults: faults.filter(({ used }) => !used), gates: gates.filter(({ used }) => !used), hooks }
  const lines = [
    ...unused.faults.map(told),
    ...unused.gates.map(({ name, hold }) => `nothing reached gate ${name} at ${hold}`),
    ...(hooks > 0 ? [`${hooks} of the hooks beforeNotify did not run`] : []),
  ]
  if (lines.length > 0) throw new MockError('NOT_DRAINED', `unused: ${lines.join('; ')}`, unused)
}

/** Passes if there are no calls to paths that are not emulated. */
export function assertNoUnexpected(calls: readonly JournalEntry[]): void {
  if (calls.length === 0) return
  const told = calls.map(({ request: { method, url } }) => `${method} ${url}`)
  throw new MockError('UNEXPECTED_CALLS', `calls to paths that are not emulated: ${told.join(', ')}`, { calls })
}
