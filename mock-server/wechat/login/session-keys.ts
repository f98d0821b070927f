import { checkToken, findByToken, isSigned, type LoginEndpoint, SIG_METHOD } from './call.ts'

/** GET /wxa/checksession (checkSessionKey): every mistake is reported as a wrong signature, even an unknown openid. */
export const checksession: LoginEndpoint<'checksession'> = {
  api: 'checksession',
  path: '/wxa/checksession',
  find: findByToken,
  handle: (app, request) => {
    const refused = checkToken(app, request)
    if (refused !== undefined) return refused
    const user = app!.users.find(request.get('openid'))
    return user && request.get('sig_method') === SIG_METHOD && isSigned(request, user)
      ? { errcode: 0, errmsg: 'ok' }
      : 87009
  },
}

/** GET /wxa/resetusersessionkey: the old key is invalid at once; the new one inherits its age. */
export const resetusersessionkey: LoginEndpoint<'resetusersessionkey'> = {
  api: 'resetusersessionkey',
  path: '/wxa/resetusersessionkey',
  find: findByToken,
  handle: (app, request) => {
    const refused = checkToken(app, request)
    if (refused !== undefined) return refused
    const { get } = request
    if (['openid', 'signature', 'sig_method'].some((name) => get(name) === '')) return 40097
    if (get('sig_method') !== SIG_METHOD) return 87008
    const { users } = app!
    const user = users.find(get('openid'))
    if (!user) return 87007
    if (!isSigned(request, user)) return 87009
    users.rotate(user, 'kept')
    return { errcode: 0, errmsg: 'ok', openid: user.openid, session_key: user.sessionKey }
  },
}
