import type { Registry, WorldCore } from './core.ts'
import { MockError } from './errors.ts'
import type { JournalEntry } from './journal.ts'
import { requestFields } from './matching.ts'

/** The world that a call which nobody understands belongs to, by what it says of its merchant or app. */
export function worldOf (registry: Registry, request: JournalEntry['request']): WorldCore {
  const { mch_id: mchId = '', appid = '' } = requestFields({ request })
  return registry.byMchId(mchId) ?? registry.byAppid(appid) ?? registry.fallback()
}

/** Passes if there are no calls to paths that are not emulated. */
export function assertNoUnexpected (calls: readonly JournalEntry[]): void {
  if (calls.length === 0) return
  const told = calls.map(({ request: { method, url } }) => `${method} ${url}`)
  throw new MockError('UNEXPECTED_CALLS', `paths were called that are not emulated: ${told.join(', ')}`, { calls })
}
