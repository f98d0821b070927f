import { type Errcode, ERRCODES } from '../../wire/error-codes.ts'
import { APP_REQUIRED, checkApp, type LoginEndpoint } from './call.ts'

/** Codes for use from a shell: `code-40029` is refused with 40029, `code-busy` with -1. */
function magic(code: string): Errcode<'jscode2session'> | undefined {
  const [, told = ''] = /^code-(busy|\d{5})$/.exec(code) ?? []
  const errcode = told === 'busy' ? '-1' : told
  return Object.hasOwn(ERRCODES.jscode2session, errcode) ? (Number(errcode) as Errcode<'jscode2session'>) : undefined
}

/** GET /sns/jscode2session: parameters come from the query only. */
export const jscode2session: LoginEndpoint<'jscode2session'> = {
  api: 'jscode2session',
  path: '/sns/jscode2session',
  find: (registry, { get }) => registry.byAppid(get('appid')),
  handle: (app, { get }) => {
    const refused =
      checkApp(app, get, 'authorization_code', { ...APP_REQUIRED, js_code: 41008 }) ?? magic(get('js_code'))
    if (refused !== undefined) return refused
    const user = app!.users.exchange(get('js_code'))
    if (user === 'invalid code') return 40029
    if (user === 'code been used') return 40163
    if (user === 'too many') return 45011
    const { sessionKey, openid, unionid } = user
    return { session_key: sessionKey, openid, unionid }
  },
}
