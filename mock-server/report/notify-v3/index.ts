import type { Suite } from '../case.ts'
import { notifyCanary } from '../plays.ts'
import { duplicates } from '../common/duplicates.ts'
import { transport } from '../common/transport.ts'
import { BASELINE_V3 } from './baseline.ts'
import { V3 } from './dialect.ts'
import { FACTS_V3 } from './facts.ts'
import { HOSTILE_V3 } from './hostile.ts'
import { REFUNDS_V3 } from './refunds.ts'
import { SIGNATURE_V3 } from './signature.ts'

export const NOTIFY_V3: Suite = {
  id: 'notify-v3@1',
  version: 'v3',
  canary: notifyCanary,
  chapters: [
    { name: 'Baseline', cases: BASELINE_V3 },
    { name: 'Duplicates and order', cases: duplicates(V3) },
    { name: 'Signature', cases: SIGNATURE_V3 },
    { name: 'Secrets and facts', cases: FACTS_V3 },
    { name: 'Hostile JSON and bytes', cases: HOSTILE_V3 },
    { name: 'Transport', cases: transport(V3) },
    { name: 'Refunds and other events', cases: REFUNDS_V3 },
  ],
}
