import { STATUS_CODES } from 'node:http'
import { badInput, checkOneOf } from '../base/checks.ts'
import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import { FLAG, integer, oneOf, strict, text, validate, type Properties, type Schema } from '../base/schema.ts'
import { ERR_CODES, ERRCODES, type ErrCode, type Errcode } from '../wire/error-codes.ts'
import { encodeGbk } from '../wire/gbk.ts'
import {
  APIS,
  isLoginApi,
  isNotice,
  isPayApi,
  type Api,
  type ApiVersion,
  type LoginApi,
  type Notice,
  type PayApi,
} from '../wire/names.ts'
import { probeOf, SIGNATURE, wrongSignature, type ProbeShape, type SignedHeaders } from '../wire/sign-v3.ts'
import { withBadSign } from '../wire/tamper.ts'

/** A reply as it leaves the mock. */
export interface WireReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  /** What the journal shows for a body that is not text. */
  readonly readable?: string
  /** A signed reply of API v3: its signature at another time. */
  readonly signedAt?: (skewSeconds: number) => SignedHeaders
}

/** How an exchange ends. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: WireReply }
  /** The connection breaks after this many bytes of the body. */
  | { readonly kind: 'truncate'; readonly reply: WireReply; readonly bytes: number }
  /** Blanks after the body, until it has this many bytes. */
  | { readonly kind: 'oversize'; readonly reply: WireReply; readonly bytes: number }
  /** A status line, then a header every this many milliseconds, without an end. */
  | { readonly kind: 'endless_headers'; readonly ms: number }
  | { readonly kind: 'hang' | 'reset' }

const send = (reply: WireReply): Outcome => ({ kind: 'reply', reply })

/**
 * `before` (default): the request has no effect. `after`: WeChat has carried out the request, then this happens to the
 * reply, so that the caller cannot know.
 */
export interface Timing {
  readonly when?: 'before' | 'after'
}
const when = oneOf('before', 'after')

const UNSIGNED = ['downloadbill', 'downloadfundflow', 'getsignkey', 'report', 'billdownload'] as const
type SignedApi = Exclude<PayApi, (typeof UNSIGNED)[number]> | 'notify'
type BusinessApi = { [A in PayApi]: keyof (typeof ERR_CODES)[A] extends never ? never : A }[PayApi]

/** What an effect applies to: any exchange, calls, or some of the calls. */
interface Groups {
  readonly any: Api
  readonly calls: PayApi | LoginApi
  readonly pay: PayApi
  /** Calls that can refuse with an err_code. */
  readonly business: BusinessApi
  /** Messages that WeChat signs. */
  readonly signed: SignedApi
  /** Messages that WeChat signs in API v3. */
  readonly signed3: PayApi | Notice
  readonly login: LoginApi
}

const IS_IN: { readonly [Group in keyof Groups]: (api: Api) => boolean } = {
  any: () => true,
  calls: (api) => !isNotice(api),
  pay: isPayApi,
  business: (api) => isPayApi(api) && Object.keys(ERR_CODES[api]).length > 0,
  signed: (api) => api === 'notify' || (isPayApi(api) && !(UNSIGNED as readonly string[]).includes(api)),
  signed3: (api) => isPayApi(api) || isNotice(api),
  login: isLoginApi,
}

/** One effect. Without `spoil` and `replace` the call answers with a refusal in its own form. */
interface Row<Group extends keyof Groups, Fields> {
  readonly to: Group
  readonly fields: Properties
  readonly required?: readonly (keyof Fields & string)[]
  /** Alters WeChat's own reply. */
  readonly spoil?: (reply: WireReply, effect: Fields) => Outcome
  /** What is sent instead of a reply. */
  readonly replace?: (effect: Fields) => Outcome
  /** Applies only to calls that pass the checks of the protocol. */
  readonly sound?: true
  /** Applies only to calls and notifications of this version. */
  readonly version?: ApiVersion
}

const effect =
  <Fields>() =>
  <Group extends keyof Groups>(row: Row<Group, Fields>) =>
    row

/** The headers with another signature, if there is one. */
export const withSignature = (headers: WireReply['headers'], change: (signature: string) => string) =>
  SIGNATURE in headers ? { ...headers, [SIGNATURE]: change(headers[SIGNATURE]!) } : headers

const PAGE =
  '<!DOCTYPE html>\n<html><head><title>Service temporarily unavailable</title></head><body><h1>Service temporarily unavailable</h1></body></html>\n'

const MEGABYTE = 1_000_000

/** How much of a body is sent: half of it, or the given number of bytes, but never all. */
const truncated = (length: number, bytes = length >> 1) => Math.max(0, Math.min(bytes, length - 1))

export const EFFECTS = {
  /** Delays the request or the reply by real milliseconds. */
  delay: effect<Timing & { readonly ms: number }>()({
    to: 'any',
    fields: { ms: integer(0, LONGEST_TIMEOUT_MS), when },
    required: ['ms'],
    spoil: send,
  }),
  /** The connection is reset. */
  reset: effect<Timing>()({ to: 'any', fields: { when }, replace: () => ({ kind: 'reset' }) }),
  /** No reply is ever sent. */
  hang: effect<Timing>()({ to: 'calls', fields: { when }, replace: () => ({ kind: 'hang' }) }),
  /** An HTTP status that WeChat itself does not use, as from a gateway. */
  http: effect<Timing & { readonly status: number; readonly body?: string }>()({
    to: 'calls',
    fields: { status: integer(200, 599), body: { type: 'string' }, when },
    required: ['status'],
    replace: ({ status, body = STATUS_CODES[status] ?? '' }) =>
      send({ status, headers: { 'content-type': 'text/plain' }, body }),
  }),
  /** A web page instead of a message; `status` is 200 unless given. */
  html_page: effect<Timing & { readonly status?: number }>()({
    to: 'calls',
    fields: { status: integer(200, 599), when },
    replace: ({ status = 200 }) => send({ status, headers: { 'content-type': 'text/html' }, body: PAGE }),
  }),
  /** The connection breaks after the first `bytes` of the reply's body, by default half of it, and never after all of them. */
  truncate: effect<{ readonly bytes?: number }>()({
    to: 'calls',
    fields: { bytes: integer(0) },
    spoil: (reply, { bytes }) => ({ kind: 'truncate', reply, bytes: truncated(Buffer.byteLength(reply.body), bytes) }),
  }),
  /** WeChat's own reply, followed by blanks up to this many bytes, by default 100 MB, for a caller that reads without a limit. */
  oversize: effect<{ readonly bytes?: number }>()({
    to: 'calls',
    fields: { bytes: integer(1, 10_000 * MEGABYTE) },
    spoil: (reply, { bytes = 100 * MEGABYTE }) => ({ kind: 'oversize', reply, bytes }),
  }),
  /** Headers that never end, 1 kB every `ms` real milliseconds, by default 10, until the caller hangs up. */
  endless_headers: effect<Timing & { readonly ms?: number }>()({
    to: 'calls',
    fields: { ms: integer(0, LONGEST_TIMEOUT_MS), when },
    replace: ({ ms = 10 }) => ({ kind: 'endless_headers', ms }),
  }),
  /**
   * `return_code` FAIL: not signed. Only downloadbill has an `error_code`; default: the one that belongs to the text. A call of
   * API v3 answers with an unsigned SYSTEM_ERROR.
   */
  return_code_fail: effect<Timing & { readonly return_msg?: string }>()({
    to: 'pay',
    fields: { return_msg: text(128), error_code: text(32), when },
  }),
  /**
   * `result_code` FAIL: signed; `err_code_des` defaults to WeChat's own text. A call of API v3 answers with the code that v3
   * has for it.
   */
  result_code_fail: effect<Timing & { readonly err_code: string; readonly err_code_des?: string }>()({
    to: 'business',
    fields: { err_code: text(32), err_code_des: text(128), when },
    required: ['err_code'],
    sound: true,
  }),
  /**
   * API v3: an error with this code, whose status and text default to the recorded ones. Signed, and so about a request that
   * passed every check, unless `signed` is false.
   */
  v3_error: effect<
    Timing & {
      readonly code: string
      readonly status?: number
      readonly message?: string
      readonly detail?: unknown
      readonly signed?: boolean
    }
  >()({
    to: 'pay',
    fields: { code: text(64), status: integer(200, 599), message: text(), detail: {}, signed: FLAG, when },
    required: ['code'],
    sound: true,
    version: 'v3',
  }),
  /** `errcode` of the login APIs; `errmsg` defaults to WeChat's own text. */
  errcode: effect<Timing & { readonly errcode: number; readonly errmsg?: string }>()({
    to: 'login',
    fields: { errcode: { type: 'integer' }, errmsg: text(), when },
    required: ['errcode'],
  }),
  /** A signature of the right form and the wrong value. */
  bad_sign: effect<object>()({
    to: 'signed',
    fields: {},
    spoil: (reply) =>
      send(
        SIGNATURE in reply.headers
          ? { ...reply, headers: withSignature(reply.headers, wrongSignature) }
          : { ...reply, body: withBadSign(String(reply.body)) },
      ),
  }),
  /**
   * API v3: a probe, a signature that is wrong on purpose and begins with WECHATPAY/SIGNTEST/. `live` as recorded, 355
   * characters; `docs` as in the documentation, 344.
   */
  probe: effect<{ readonly shape?: ProbeShape }>()({
    to: 'signed3',
    fields: { shape: oneOf('live', 'docs') },
    version: 'v3',
    spoil: (reply, { shape = 'live' }) =>
      send({ ...reply, headers: withSignature(reply.headers, (signature) => probeOf(signature, shape)) }),
  }),
  /** API v3: validly signed, with a timestamp that is off by this many seconds. */
  skew: effect<{ readonly seconds: number }>()({
    to: 'signed3',
    fields: { seconds: { type: 'integer' } },
    required: ['seconds'],
    version: 'v3',
    spoil: (reply, { seconds }) => send({ ...reply, headers: { ...reply.headers, ...reply.signedAt?.(seconds) } }),
  }),
  /** The reply in GBK, with a Content-Type that says so. */
  gbk: effect<object>()({
    to: 'pay',
    fields: {},
    version: 'v2',
    spoil: (reply) =>
      send({
        ...reply,
        headers: { ...reply.headers, 'content-type': 'text/xml; charset=GBK' },
        body: encodeGbk(String(reply.body)),
      }),
  }),
}

type Rows = typeof EFFECTS
type Kind = keyof Rows
type FieldsOf<R> = R extends Row<keyof Groups, infer Fields> ? Fields : never
type KindOf<A extends Api> = { [K in Kind]: A extends Groups[Rows[K]['to']] ? K : never }[Kind]
/** The codes that one call can answer with. */
type Codes<K extends Kind, A extends Api> = K extends 'result_code_fail'
  ? { readonly err_code: A extends BusinessApi ? ErrCode<A> : never }
  : K extends 'errcode'
    ? { readonly errcode: A extends LoginApi ? Errcode<A> : never }
    : K extends 'return_code_fail'
      ? A extends 'downloadbill'
        ? { readonly error_code?: string }
        : unknown
      : unknown

/** The effects that make sense for one call. */
export type EffectOf<A extends Api> = A extends Api
  ? { [K in KindOf<A>]: { readonly kind: K } & FieldsOf<Rows[K]> & Codes<K, A> }[KindOf<A>]
  : never
/** What a fault does. */
export type Effect = EffectOf<Api>
export type EffectNamed<K extends Kind> = { readonly kind: K } & FieldsOf<Rows[K]>

const KINDS = Object.keys(EFFECTS) as Kind[]
export const EFFECT_NAMES: readonly string[] = KINDS
const rowOf = (kind: Kind): Row<keyof Groups, object> => EFFECTS[kind] as Row<keyof Groups, object>

const schemaOf = (kind: Kind): Schema => {
  const { fields, required = [] } = rowOf(kind)
  return strict({ kind: { const: kind }, ...fields }, 'kind', ...required)
}

/** Every effect. {@link checkEffect} knows which effects and codes apply to which api. */
export const EFFECT: Schema = { type: 'object', required: ['kind'], oneOf: KINDS.map(schemaOf) }

/** What the effect does, in one uniform shape. */
export function actionOf(effect: Effect) {
  const { spoil, replace, sound, version } = rowOf(effect.kind)
  return {
    ...(spoil && { spoil: (reply: WireReply) => spoil(reply, effect) }),
    ...(replace && { replace: () => replace(effect) }),
    sound: sound === true,
    version,
  }
}

/**
 * Repeats at run time what the types say: the effect, and its code, must be possible for the api.
 * @throws MockError BAD_INPUT
 */
export function checkEffect(api: Api, effect: Effect): void {
  checkOneOf('api', api, APIS)
  const kinds = KINDS.filter((kind) => IS_IN[rowOf(kind).to](api))
  if (!kinds.includes(effect.kind)) {
    throw badInput(
      'effect.kind',
      'enum',
      `must be one of ${kinds.join(', ')} for ${api}; got ${JSON.stringify(effect.kind)}`,
    )
  }
  validate(schemaOf(effect.kind), effect, 'effect')
  if ('error_code' in effect && api !== 'downloadbill') {
    throw badInput('effect.error_code', 'api', `must not be given for ${api}: only downloadbill answers with one`)
  }
  const known =
    effect.kind === 'result_code_fail'
      ? { field: 'err_code', value: effect.err_code, table: ERR_CODES[api as BusinessApi] }
      : effect.kind === 'errcode' && { field: 'errcode', value: effect.errcode, table: ERRCODES[api as LoginApi] }
  if (known && !Object.hasOwn(known.table, known.value)) {
    throw badInput(
      `effect.${known.field}`,
      'enum',
      `must be one of ${Object.keys(known.table).join(', ')} for ${api}; got ${JSON.stringify(known.value)}`,
    )
  }
}
