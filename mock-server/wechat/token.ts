import type { LoginEndpoint } from './login-call.ts'
import { APP_REQUIRED, checkApp } from './login-checks.ts'

/** GET /cgi-bin/token (getAccessToken). */
export const token: LoginEndpoint<'token'> = {
  api: 'token',
  path: '/cgi-bin/token',
  find: (registry, { get }) => registry.byAppid(get('appid')),
  handle: (world, { get }) => checkApp(world, get, 'client_credential', APP_REQUIRED) ?? world!.tokens.fetch(),
}
