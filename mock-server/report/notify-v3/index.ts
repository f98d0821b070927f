import { notifySuite } from '../common/suite.ts'
import { BASELINE_V3 } from './baseline.ts'
import { V3 } from './dialect.ts'
import { FACTS_V3 } from './facts.ts'
import { HOSTILE_V3 } from './hostile.ts'
import { REFUNDS_V3 } from './refunds.ts'
import { SIGNATURE_V3 } from './signature.ts'

export const NOTIFY_V3 = notifySuite(
  'notify-v3@1',
  'v3',
  V3,
  BASELINE_V3,
  [
    { name: 'Signature', cases: SIGNATURE_V3 },
    { name: 'Secrets and facts', cases: FACTS_V3 },
    { name: 'Hostile JSON and bytes', cases: HOSTILE_V3 },
  ],
  { name: 'Refunds and other events', cases: REFUNDS_V3 },
)
