import type { Suite } from '../case.ts'
import { notifyCanary } from '../plays.ts'
import { duplicates } from '../common/duplicates.ts'
import { transport } from '../common/transport.ts'
import { AUTHENTICITY } from './authenticity.ts'
import { BASELINE } from './baseline.ts'
import { V2 } from './dialect.ts'
import { FAILURES } from './failures.ts'
import { HOSTILE } from './hostile.ts'
import { REFUNDS } from './refunds.ts'

export const NOTIFY_V2: Suite = {
  id: 'notify@1',
  version: 'v2',
  canary: notifyCanary,
  chapters: [
    { name: 'Baseline', cases: BASELINE },
    { name: 'Duplicates and order', cases: duplicates(V2) },
    { name: 'Authenticity', cases: AUTHENTICITY },
    { name: 'Failure codes', cases: FAILURES },
    { name: 'Hostile XML and bytes', cases: HOSTILE },
    { name: 'Transport', cases: transport(V2) },
    { name: 'Refund notifications', cases: REFUNDS },
  ],
}
