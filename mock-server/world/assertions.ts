import { MockError } from '../base/errors.ts'
import type { FaultView } from '../faults/faults.ts'
import type { GateView } from '../faults/gates.ts'

function told({ name, hits, seen, times }: FaultView): string {
  return `fault ${name} struck ${hits} of ${times} times (${seen} exchanges matched)`
}

/** Passes if nothing that was set up is left over: a test that sets up a fault means it to happen. */
export function assertDrained(faults: readonly FaultView[], gates: readonly GateView[], hooks: number): void {
  const unused = { faults: faults.filter(({ used }) => !used), gates: gates.filter(({ used }) => !used), hooks }
  const lines = [
    ...unused.faults.map(told),
    ...unused.gates.map(({ name, hold }) => `nothing came to gate ${name} at ${hold}`),
    ...(hooks > 0 ? [`${hooks} of the hooks beforeNotify met no notification`] : []),
  ]
  if (lines.length > 0) throw new MockError('NOT_DRAINED', `left over: ${lines.join('; ')}`, unused)
}
