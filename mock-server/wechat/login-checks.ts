import { createHmac } from 'node:crypto'
import type { Registry, WorldCore } from '../core.ts'
import type { User } from '../users.ts'
import type { LoginRequest } from './login-call.ts'

type Get = LoginRequest['get']

/** An app that shows its secret: what is missing comes first, in the order of `required`. */
export function checkApp<E extends number>(
  world: WorldCore | undefined,
  get: Get,
  grantType: string,
  required: Readonly<Record<string, E>>,
): E | 40013 | 40125 | 40002 | undefined {
  for (const [name, errcode] of Object.entries(required)) if (get(name) === '') return errcode
  if (!world) return 40013
  if (get('secret') !== world.credentials.appSecret) return 40125
  return get('grant_type') === grantType ? undefined : 40002
}

export const APP_REQUIRED = { appid: 41002, secret: 41004 } as const

export const findByToken = (registry: Registry, { get }: LoginRequest): WorldCore | undefined =>
  registry.byAccessToken(get('access_token'))

const TOKEN = /^[\w-]{64,512}$/

/** A call that shows a token. */
export function checkToken(
  world: WorldCore | undefined,
  { get }: LoginRequest,
): 41001 | 40014 | 40001 | 42001 | undefined {
  const token = get('access_token')
  if (token === '') return 41001
  if (!TOKEN.test(token)) return 40014
  const judged = world?.tokens.judge(token) ?? 'stale'
  if (judged === 'stale') return 40001
  return judged === 'expired' ? 42001 : undefined
}

export const SIG_METHOD = 'hmac_sha256'

/** Whether a call shows the session_key by signing nothing with it; the key is its base64 text, not what that encodes. */
export const isSigned = ({ get }: LoginRequest, { sessionKey }: User): boolean =>
  get('signature') === createHmac('sha256', sessionKey).update('').digest('hex')
