import type { JournalEntry } from '../journal/entry.ts'
import { requestFields } from '../journal/matching.ts'
import type { Registry, WorldCore } from '../wechat/core.ts'

/** How the calls of payment (of API v3 too) and those of a mini program name whose they are. */
const MERCHANT = ['mch_id', 'mchid', 'sp_mchid']

const APP = ['appid', 'sp_appid']

const TOKEN = ['access_token']

/** The world that a call which nobody understands belongs to, by what it says of its merchant or app. */
export function worldOf(registry: Registry, request: JournalEntry['request']): WorldCore {
  const fields = requestFields({ request })
  const by = (find: (name: string) => { readonly world: WorldCore } | undefined, names: readonly string[]) =>
    names.map((name) => find(fields[name] ?? '')).find((found) => found !== undefined)?.world
  return (
    by(registry.byMchId, MERCHANT) ??
    by(registry.byAppid, APP) ??
    by(registry.byAccessToken, TOKEN) ??
    registry.fallback()
  )
}
