import type { JournalEntry } from '../journal/entry.ts'
import { requestFields } from '../journal/matching.ts'
import type { Registry, WorldCore } from '../wechat/core.ts'

/** How payment calls (including API v3) and mini program calls identify their merchant or app. */
const MERCHANT = ['mch_id', 'mchid', 'sp_mchid']

const APP = ['appid', 'sp_appid']

const TOKEN = ['access_token']

/** The world that a call to an unknown path belongs to, according to its merchant or app. */
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
