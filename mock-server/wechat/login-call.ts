import type { LoginApi } from '../apis.ts'
import type { Registry, WorldCore } from '../core.ts'
import type { Answer, WireEndpoint, WireMessage } from '../exchange.ts'
import type { ErrcodeFail } from '../faults.ts'
import { ERRCODES, type Errcode } from './error-tables.ts'

/** A request as it came in. */
export interface LoginRequest {
  readonly method: string
  /** A parameter of the query; '' when absent. */
  readonly get: (name: string) => string
  /** The body, if it is a JSON object or empty. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

/** One API of api.weixin.qq.com. */
export interface LoginEndpoint<A extends LoginApi> {
  readonly api: A
  readonly path: string
  /** Codes whose text has a hint in front of the rid. */
  readonly hinted?: readonly Errcode<A>[]
  /** The world that the request belongs to, by its app or its token. */
  readonly find: (registry: Registry, request: LoginRequest) => WorldCore | undefined
  /** The fields of the reply, or the errcode of a refusal. */
  readonly handle: (world: WorldCore | undefined, request: LoginRequest, registry: Registry) => object | Errcode<A>
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

/** What follows the text of a refusal; the first block of a rid is the time in seconds, the others look random. */
function tail({ behaviour, clock, random, nextReply }: WorldCore, path: string, hinted: boolean): string {
  const n = nextReply()
  const id = () => random.urlSafe(16, 'req_id', n)
  const sns = path.startsWith('/sns/')
  if (sns && behaviour.errmsg === 'hints') return `, hints: [ req_id: ${id()} ]`
  const noise = random.hex(16, 'rid', n)
  const rid = `rid: ${Math.floor(clock.now().getTime() / 1000).toString(16)}-${noise.slice(0, 8)}-${noise.slice(8)}`
  return `${sns ? ',' : ''}${hinted ? ` hint: [${id()}]` : ''} ${rid}`
}

/** As recorded until about 2020: a help page for one of the texts. */
const HELP: Readonly<Record<number, string>> = { 40125: ', view more at http://t.cn/RAEkdVq' }

function refusal(world: WorldCore, path: string, errcode: number, text: string, hinted: boolean): Answer {
  const old = path.startsWith('/sns/') && world.behaviour.errmsg === 'hints'
  const body = JSON.stringify({
    errcode,
    errmsg: `${text}${old ? (HELP[errcode] ?? '') : ''}${tail(world, path, hinted)}`,
  })
  return { note: `${errcode} ${text}`, body: old ? body.replaceAll('/', '\\/') : body }
}

/** The endpoint as a route of the wire: every answer is HTTP 200. */
export const loginRoute = <A extends LoginApi>(
  registry: Registry,
  { api, path, hinted = [], find, handle }: LoginEndpoint<A>,
): WireEndpoint => ({
  api,
  path,
  receive: (message) => {
    const { method, query } = message
    const request: LoginRequest = { method, get: (name) => query.get(name) ?? '', json: readJson(message) }
    const world = find(registry, request)
    const speaker = world ?? registry.fallback()
    const chosen = path.startsWith('/sns/') ? speaker.behaviour.snsContentType : speaker.behaviour.apiContentType
    const contentType = chosen === 'application/json' ? 'application/json; charset=utf-8' : chosen
    const texts: Readonly<Record<number, string>> = ERRCODES[api]
    const fail = (errcode: number, text = texts[errcode]!): Answer => ({
      ...refusal(speaker, path, errcode, text, (hinted as readonly number[]).includes(errcode)),
      contentType,
    })
    return {
      api,
      world,
      answer: () => {
        const reply = handle(world, request, registry)
        return typeof reply === 'number' ? fail(reply) : { note: 'ok', body: JSON.stringify(reply), contentType }
      },
      refuse: (refused) => {
        const { errcode, errmsg } = refused as ErrcodeFail
        return fail(errcode, errmsg)
      },
    }
  },
})
