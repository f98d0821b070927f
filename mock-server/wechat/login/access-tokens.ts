import { APP_REQUIRED, checkApp, type LoginEndpoint, type LoginRequest } from './call.ts'

/** GET /cgi-bin/token (getAccessToken). */
export const token: LoginEndpoint<'token'> = {
  api: 'token',
  path: '/cgi-bin/token',
  find: (registry, { get }) => registry.byAppid(get('appid')),
  handle: (app, { get }) => checkApp(app, get, 'client_credential', APP_REQUIRED) ?? app!.tokens.fetch(),
}

/** A string property of the JSON; '' if absent or not a string. */
const textOf = (json: LoginRequest['json']) => (name: string) => (typeof json?.[name] === 'string' ? json[name] : '')

/** POST /cgi-bin/stable_token (getStableAccessToken). */
export const stableToken: LoginEndpoint<'stable_token'> = {
  api: 'stable_token',
  path: '/cgi-bin/stable_token',
  find: (registry, { json }) => registry.byAppid(textOf(json)('appid')),
  handle: (app, { method, json }) => {
    if (method !== 'POST') return 43002
    if (!json) return 47001
    const refused = checkApp(app, textOf(json), 'client_credential', APP_REQUIRED)
    if (refused !== undefined) return refused
    const given = app!.tokens.stable(json.force_refresh === true)
    return given === 'quota' ? 45009 : given
  },
}
