import type { Registry, WorldCore } from './core.ts'

/** Values sent by a broken login. A refusal of the first is on record for v2, of the second for a v3 gateway. */
const NO_OPENIDS = ['None', 'undefined', 'null', 'NaN']
const isOpenid = (text: string) => /^[\w-]+$/.test(text) && !NO_OPENIDS.includes(text)

/**
 * Whether a user of the app can pay. An unknown openid counts as one of its users; `unknown` if it cannot be an openid, `foreign` if it belongs to another app.
 */
export function checkPayer(
  registry: Registry,
  world: WorldCore,
  appid: string,
  openid: string,
): 'unknown' | 'foreign' | undefined {
  if (!isOpenid(openid)) return 'unknown'
  const { app } = registry.byAppid(appid)!
  const drawnBy = registry.byOpenid(openid)?.app
  const known = world.apps.filter(({ users }) => users.find(openid))
  if ((drawnBy && drawnBy !== app) || (known.length > 0 && !known.includes(app))) return 'foreign'
  app.users.know(openid)
  return undefined
}
