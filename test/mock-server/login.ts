import { createHmac } from 'node:crypto'
import type { World } from '../../mock-server/index.ts'
import { entriesOf, type Values } from './helpers.ts'

export interface LoginReply {
  readonly status: number
  readonly contentType: string | null
  readonly text: string
  readonly json: Record<string, any>
}

/** Calls a path of api.weixin.qq.com. */
export async function callLogin(
  world: World,
  path: string,
  query: Values = {},
  init: RequestInit = {},
): Promise<LoginReply> {
  const response = await fetch(`${world.baseUrl}${path}?${new URLSearchParams(entriesOf(query)).toString()}`, init)
  const text = await response.text()
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    text,
    json: JSON.parse(text) as Record<string, any>,
  }
}

const appOf = ({ credentials: { appid, appSecret: secret } }: World) => ({ appid, secret })

/** jscode2session; `undefined` leaves a parameter out. */
export const exchangeCode = (world: World, values: Values = {}, init?: RequestInit) =>
  callLogin(world, '/sns/jscode2session', { ...appOf(world), grant_type: 'authorization_code', ...values }, init)

/** A session_key as the app's server gets it. */
export const loginAs = async (world: World, openid: string): Promise<string> =>
  (await exchangeCode(world, { js_code: world.loginCode({ openid }).code })).json.session_key

export const getToken = (world: World, values: Values = {}) =>
  callLogin(world, '/cgi-bin/token', { ...appOf(world), grant_type: 'client_credential', ...values })

export const tokenOf = async (world: World): Promise<string> => (await getToken(world)).json.access_token

export const postJson = (world: World, path: string, query: Values, json: unknown) =>
  callLogin(world, path, query, { method: 'POST', body: JSON.stringify(json) })

export const getStableToken = (world: World, values: object = {}) =>
  postJson(world, '/cgi-bin/stable_token', {}, { ...appOf(world), grant_type: 'client_credential', ...values })

export const sessionHmac = (sessionKey: string, message = ''): string =>
  createHmac('sha256', sessionKey).update(message).digest('hex')

/** checksession or resetusersessionkey, with a new token unless one is given. */
export async function callSession(
  world: World,
  path: '/wxa/checksession' | '/wxa/resetusersessionkey',
  openid: string,
  sessionKey: string,
  values: Values = {},
): Promise<LoginReply> {
  return callLogin(world, path, {
    access_token: await tokenOf(world),
    openid,
    signature: sessionHmac(sessionKey),
    sig_method: 'hmac_sha256',
    ...values,
  })
}

/** getpaidunionid, with a new token unless one is given. */
export const askUnionid = async (world: World, openid: string | undefined, values: Values) =>
  callLogin(world, '/wxa/getpaidunionid', {
    access_token: values.access_token ?? (await tokenOf(world)),
    openid,
    ...values,
  })

export const askPhone = (world: World, accessToken: string, json: unknown) =>
  postJson(world, '/wxa/business/getuserphonenumber', { access_token: accessToken }, json)
