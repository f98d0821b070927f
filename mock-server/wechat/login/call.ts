import { createHmac } from 'node:crypto'
import type { EffectNamed } from '../../faults/effects.ts'
import type { Application } from '../../users/app.ts'
import type { User } from '../../users/users.ts'
import { type Errcode, ERRCODES } from '../../wire/error-codes.ts'
import type { LoginApi } from '../../wire/names.ts'
import type { InApp, Registry } from '../core.ts'
import type { Answer, WireEndpoint, WireMessage } from '../exchange.ts'

/** A request as received. */
export interface LoginRequest {
  readonly method: string
  /** A query parameter; '' if absent. */
  readonly get: (name: string) => string
  /** The body if it is a JSON object, or {} if empty. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

/** One API of api.weixin.qq.com. */
export interface LoginEndpoint<A extends LoginApi> {
  readonly api: A
  readonly path: string
  /** Codes whose text has a hint before the rid. */
  readonly hinted?: readonly Errcode<A>[]
  /** The app that the request belongs to, by its appid or its token. */
  readonly find: (registry: Registry, request: LoginRequest) => InApp | undefined
  /** The fields of the reply, or the errcode of a refusal. */
  readonly handle: (app: Application | undefined, request: LoginRequest, registry: Registry) => object | Errcode<A>
}

function readJson({ body, unreadable }: WireMessage): LoginRequest['json'] {
  if (unreadable) return undefined
  if (!body?.length) return {}
  try {
    const json: unknown = JSON.parse(String(body))
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The suffix of a refusal's text; the first block of a rid is the time in seconds, the others look random. */
function tail({ world, app: { random } }: InApp, path: string, hinted: boolean): string {
  const { behaviour, clock, nextReply } = world
  const n = nextReply()
  const id = () => random.urlSafe(16, 'req_id', n)
  const sns = path.startsWith('/sns/')
  if (sns && behaviour.errmsg === 'hints') return `, hints: [ req_id: ${id()} ]`
  const noise = random.hex(16, 'rid', n)
  const rid = `rid: ${Math.floor(clock.now().getTime() / 1000).toString(16)}-${noise.slice(0, 8)}-${noise.slice(8)}`
  return `${sns ? ',' : ''}${hinted ? ` hint: [${id()}]` : ''} ${rid}`
}

/** As recorded until about 2020: one of the texts has a help page. */
const HELP: Readonly<Record<number, string>> = { 40125: ', view more at http://t.cn/RAEkdVq' }

function refusal(speaker: InApp, path: string, errcode: number, text: string, hinted: boolean): Answer {
  const old = path.startsWith('/sns/') && speaker.world.behaviour.errmsg === 'hints'
  const body = JSON.stringify({
    errcode,
    errmsg: `${text}${old ? (HELP[errcode] ?? '') : ''}${tail(speaker, path, hinted)}`,
  })
  return { note: `${errcode} ${text}`, body: old ? body.replaceAll('/', '\\/') : body }
}

/** The endpoint as a wire route: every answer is HTTP 200. */
export const loginRoute = <A extends LoginApi>(
  registry: Registry,
  { api, path, hinted = [], find, handle }: LoginEndpoint<A>,
): WireEndpoint => ({
  api,
  path,
  receive: (message) => {
    const { method, query } = message
    const request: LoginRequest = { method, get: (name) => query.get(name) ?? '', json: readJson(message) }
    const found = find(registry, request)
    const world = found?.world ?? registry.fallback()
    const speaker = { world, app: found?.app ?? world.apps[0]! }
    const chosen = path.startsWith('/sns/') ? world.behaviour.snsContentType : world.behaviour.apiContentType
    const contentType = chosen === 'application/json' ? 'application/json; charset=utf-8' : chosen
    const texts: Readonly<Record<number, string>> = ERRCODES[api]
    const fail = (errcode: number, text = texts[errcode]!): Answer => ({
      ...refusal(speaker, path, errcode, text, (hinted as readonly number[]).includes(errcode)),
      contentType,
    })
    return {
      api,
      world: found?.world,
      answer: () => {
        const reply = handle(found?.app, request, registry)
        return typeof reply === 'number' ? fail(reply) : { note: 'ok', body: JSON.stringify(reply), contentType }
      },
      refuse: (refused) => {
        const { errcode, errmsg } = refused as EffectNamed<'errcode'>
        return fail(errcode, errmsg)
      },
    }
  },
})

type Get = LoginRequest['get']

/** Authenticates an app by its secret; missing parameters are reported first, in the order of `required`. */
export function checkApp<E extends number>(
  app: Application | undefined,
  get: Get,
  grantType: string,
  required: Readonly<Record<string, E>>,
): E | 40013 | 40125 | 40002 | undefined {
  for (const [name, errcode] of Object.entries(required)) if (get(name) === '') return errcode
  if (!app) return 40013
  if (get('secret') !== app.appSecret) return 40125
  return get('grant_type') === grantType ? undefined : 40002
}

export const APP_REQUIRED = { appid: 41002, secret: 41004 } as const

export const findByToken = (registry: Registry, { get }: LoginRequest): InApp | undefined =>
  registry.byAccessToken(get('access_token'))

const TOKEN = /^[\w-]{64,512}$/

/** Authenticates a call by its token. */
export function checkToken(
  app: Application | undefined,
  { get }: LoginRequest,
): 41001 | 40014 | 40001 | 42001 | undefined {
  const token = get('access_token')
  if (token === '') return 41001
  if (!TOKEN.test(token)) return 40014
  const judged = app?.tokens.judge(token) ?? 'stale'
  if (judged === 'stale') return 40001
  return judged === 'expired' ? 42001 : undefined
}

export const SIG_METHOD = 'hmac_sha256'

/** Whether a call proves the session_key by signing the empty string; the HMAC key is the base64 text, not the decoded bytes. */
export const isSigned = ({ get }: LoginRequest, { sessionKey }: User): boolean =>
  get('signature') === createHmac('sha256', sessionKey).update('').digest('hex')
