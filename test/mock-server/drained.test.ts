import t from 'tap'
import { assertDrained } from '../../mock-server/drained.ts'
import type { FaultView } from '../../mock-server/faults.ts'
import type { GateView } from '../../mock-server/gates.ts'

const fault: FaultView = {
  name: 'late',
  api: 'orderquery',
  effect: { kind: 'delay', ms: 1 },
  times: 2,
  seen: 3,
  hits: 1,
  used: false,
}
const gate: GateView = { name: 'door', hold: 'orderquery.request', state: 'waiting', used: false, holding: [] }

t.test('what was set up and never used is told, each by name', async (t) => {
  t.throws(() => assertDrained([fault], [gate], 2), {
    code: 'NOT_DRAINED',
    message:
      'left over: fault late struck 1 of 2 times (3 exchanges matched); nothing came to gate door at orderquery.request; 2 of the hooks beforeNotify met no notification',
    details: { faults: [fault], gates: [gate], hooks: 2 },
  })
  assertDrained([{ ...fault, used: true }], [{ ...gate, used: true }], 0)
  assertDrained([], [], 0)
})
