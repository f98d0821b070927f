import type { Registry } from '../core.ts'
import type { Answer, Call, WireEndpoint } from '../exchange.ts'
import type { ErrcodeFail } from '../faults.ts'
import { ERRCODES } from './error-tables.ts'

const TEXT: Readonly<Record<number, string>> = ERRCODES.jscode2session

/** GET /sns/jscode2session: parameters come from the query alone, every answer is HTTP 200. */
function receive (registry: Registry, query: URLSearchParams): Call {
  const get = (name: string) => query.get(name) ?? ''
  const world = registry.byAppid(get('appid'))

  function fail (errcode: number, text = TEXT[errcode]!): Answer {
    const { clock, random, nextReply } = world ?? registry.fallback()
    // The first block of a rid is the time in seconds; the others look random.
    const seconds = Math.floor(clock.now().getTime() / 1000).toString(16)
    const noise = random.hex(16, 'rid', nextReply())
    const errmsg = `${text}, rid: ${seconds}-${noise.slice(0, 8)}-${noise.slice(8)}`
    return { note: `${errcode} ${text}`, body: JSON.stringify({ errcode, errmsg }) }
  }

  function answer (): Answer {
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
    return { note: 'ok', body: JSON.stringify({ session_key: sessionKey, openid, unionid }) }
  }

  return {
    api: 'jscode2session',
    world,
    answer,
    refuse: refusal => {
      const { errcode, errmsg } = refusal as ErrcodeFail
      return fail(errcode, errmsg)
    }
  }
}

export const jscode2session = (registry: Registry): WireEndpoint =>
  ({ api: 'jscode2session', path: '/sns/jscode2session', receive: ({ query }) => receive(registry, query) })
