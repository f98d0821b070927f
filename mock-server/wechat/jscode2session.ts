import type { Registry, WorldCore } from '../core.ts'

const TEXT = {
  40002: 'invalid grant_type',
  40013: 'invalid appid',
  40029: 'invalid code',
  40125: 'invalid appsecret',
  40163: 'code been used',
  41002: 'appid missing',
  41004: 'appsecret missing',
  41008: 'missing code'
}

export interface LoginAnswer { readonly world: WorldCore | undefined, readonly body: string, readonly note: string }

/** GET /sns/jscode2session: parameters come from the query alone, every answer is HTTP 200. */
export function jscode2session (registry: Registry, query: URLSearchParams): LoginAnswer {
  const get = (name: string) => query.get(name) ?? ''
  const world = registry.byAppid(get('appid'))

  const fail = (errcode: keyof typeof TEXT): LoginAnswer => {
    const { clock, random, nextReply } = world ?? registry.fallback()
    // The first block of a rid is the time in seconds; the others look random.
    const seconds = Math.floor(clock.now().getTime() / 1000).toString(16)
    const noise = random.hex(16, 'rid', nextReply())
    const errmsg = `${TEXT[errcode]}, rid: ${seconds}-${noise.slice(0, 8)}-${noise.slice(8)}`
    return { world, note: `${errcode} ${TEXT[errcode]}`, body: JSON.stringify({ errcode, errmsg }) }
  }

  if (get('appid') === '') return fail(41002)
  if (get('secret') === '') return fail(41004)
  if (get('js_code') === '') return fail(41008)
  if (!world) return fail(40013)
  if (get('secret') !== world.credentials.appSecret) return fail(40125)
  if (get('grant_type') !== 'authorization_code') return fail(40002)
  const user = world.users.exchange(get('js_code'))
  if (user === 'invalid code') return fail(40029)
  if (user === 'code been used') return fail(40163)
  const { sessionKey, openid, unionid } = user
  return { world, note: 'ok', body: JSON.stringify({ session_key: sessionKey, openid, unionid }) }
}
