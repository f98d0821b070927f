import { notifySuite } from '../common/suite.ts'
import { AUTHENTICITY } from './authenticity.ts'
import { BASELINE } from './baseline.ts'
import { V2 } from './dialect.ts'
import { FAILURES } from './failures.ts'
import { HOSTILE } from './hostile.ts'
import { REFUNDS } from './refunds.ts'

export const NOTIFY_V2 = notifySuite(
  'notify@1',
  'v2',
  V2,
  BASELINE,
  [
    { name: 'Authenticity', cases: AUTHENTICITY },
    { name: 'Failure codes', cases: FAILURES },
    { name: 'Hostile XML and bytes', cases: HOSTILE },
  ],
  { name: 'Refund notifications', cases: REFUNDS },
)
