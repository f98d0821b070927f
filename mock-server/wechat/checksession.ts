import type { LoginEndpoint } from './login-call.ts'
import { checkToken, findByToken, isSigned, SIG_METHOD } from './login-checks.ts'

/** GET /wxa/checksession (checkSessionKey): whatever is not right is the signature, an unknown openid too. */
export const checksession: LoginEndpoint<'checksession'> = {
  api: 'checksession',
  path: '/wxa/checksession',
  find: findByToken,
  handle: (world, request) => {
    const refused = checkToken(world, request)
    if (refused !== undefined) return refused
    const user = world!.users.find(request.get('openid'))
    return user && request.get('sig_method') === SIG_METHOD && isSigned(request, user)
      ? { errcode: 0, errmsg: 'ok' }
      : 87009
  },
}
