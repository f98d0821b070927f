import type { PayApi } from '../apis.ts'
import type { Registry, WorldCore } from '../core.ts'
import type { Answer, Call, Refusal, WireEndpoint, WireMessage } from '../exchange.ts'
import type { ResultCodeFail } from '../faults.ts'
import { lint, refusalOfStrict, type Finding } from '../lint.ts'
import { explainSign } from '../sign-explanation.ts'
import { signV2, type SignType } from '../sign-v2.ts'
import { readXml, writeXml, type Fields, type WireField } from '../wire.ts'
import { ERR_CODES } from './error-tables.ts'
import { BusinessFail, ProtocolFail, SignFail } from './replies.ts'

/** What a field of a request must look like; lengths count bytes of UTF-8. */
export interface FieldRule {
  readonly name: string
  readonly max: number
  readonly required?: true
  readonly form?: (value: string) => boolean
}

/** A request that passed every check of the protocol. */
export interface PayRequest {
  /** The field's value; '' when absent. */
  readonly get: (name: string) => string
  readonly signType: SignType
}

/** One API of api.mch.weixin.qq.com. */
export interface PayEndpoint {
  readonly api: PayApi
  readonly path: string
  readonly fields: readonly FieldRule[]
  /** The fields of the success reply beyond the common ones; throws {@link ProtocolFail} or {@link BusinessFail}. */
  readonly handle: (world: WorldCore, request: PayRequest) => readonly WireField[]
}

export const matches = (pattern: RegExp) => (value: string) => pattern.test(value)

const COMMON: readonly FieldRule[] = [
  { name: 'appid', max: 32, required: true },
  { name: 'mch_id', max: 32, required: true, form: matches(/^\d+$/) },
  { name: 'nonce_str', max: 32, required: true },
  { name: 'sign', max: 64, required: true },
  { name: 'sign_type', max: 32, form: matches(/^(?:MD5|HMAC-SHA256)$/) },
  { name: 'device_info', max: 32 }
]

const utf8 = new TextDecoder('utf-8', { fatal: true })

function read (method: string, body: Buffer | undefined): Fields {
  if (method !== 'POST') throw new ProtocolFail('请使用post方法')
  if (!body?.length) throw new ProtocolFail('post数据为空')
  try {
    return readXml(utf8.decode(body))
  } catch (error) {
    throw new ProtocolFail('XML格式错误', { cause: error })
  }
}

function checkFields (fields: Fields, rules: readonly FieldRule[]): void {
  const lacking = rules.filter(({ name, required }) => required && !fields.get(name))
  if (lacking.length > 0) throw new ProtocolFail('缺少参数', { cause: `missing: ${lacking.map(({ name }) => name).join(', ')}` })
  for (const { name, max, form } of rules) {
    const value = fields.get(name) ?? ''
    const length = Buffer.byteLength(value)
    if (length > max) throw new ProtocolFail(`${name}参数长度有误`, { cause: `${name} has ${length} bytes, at most ${max} are allowed` })
    if (value !== '' && form && !form(value)) throw new ProtocolFail(`${name}参数格式错误`, { cause: `${name} is ${JSON.stringify(value)}` })
  }
}

function findWorld (registry: Registry, fields: Fields): WorldCore {
  const world = registry.byAppid(fields.get('appid')!)
  if (!world) throw new ProtocolFail('appid不存在')
  const merchant = registry.byMchId(fields.get('mch_id')!)
  if (!merchant) throw new ProtocolFail('MCHID不存在')
  if (merchant !== world) throw new ProtocolFail('mch_id和appid没有关联关系')
  return world
}

function checkSign (world: WorldCore, fields: Fields, type: SignType): void {
  if (world.signType && type !== world.signType) throw new ProtocolFail('签名错误', { cause: `signed with ${type}, but this merchant is bound to ${world.signType}` })
  if (signV2(fields, world.credentials.apiKey, type) === fields.get('sign')) return
  throw new SignFail(explainSign(fields, type, world.credentials))
}

function signedReply (world: WorldCore, deviceInfo: string, type: SignType, result: readonly WireField[]): string {
  const { appid, mchId, apiKey } = world.credentials
  const head: WireField[] = [['return_code', 'SUCCESS'], ['return_msg', 'OK'], ['appid', appid], ['mch_id', mchId]]
  if (deviceInfo !== '') head.push(['device_info', deviceInfo])
  head.push(['nonce_str', world.random.alphanumeric(16, 'nonce', world.nextReply())])
  // Signed with the request's algorithm, yet without a sign_type of its own (node-tenpay PR 92).
  const sign = signV2([...head, ...result].map(([name, value]) => [name, String(value)]), apiKey, type)
  return writeXml([...head, ['sign', sign], ...result])
}

const protocolReply = (message: string) => writeXml([['return_code', 'FAIL'], ['return_msg', message]])

/** How one call of a merchant's is answered: in one of three shapes, whatever happens. */
function answers (registry: Registry, world: WorldCore | undefined, fields: Fields) {
  const get = (name: string) => fields.get(name) ?? ''
  const signType = get('sign_type') === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5'
  const signed = (result: readonly WireField[]) => signedReply(world ?? registry.fallback(), get('device_info'), signType, result)
  return {
    get,
    signType,
    succeed: (result: readonly WireField[]): Answer => ({ note: 'SUCCESS', body: signed([['result_code', 'SUCCESS'], ...result]) }),
    fail: (error: unknown): Answer => {
      if (error instanceof ProtocolFail) {
        const cause = error.cause instanceof Error ? error.cause.message : error.cause
        return {
          note: cause ? `${error.message}: ${cause as string}` : error.message,
          body: protocolReply(error.message),
          ...(error instanceof SignFail && { sign: error.explanation })
        }
      }
      if (!(error instanceof BusinessFail)) throw error
      const { errCode, message } = error
      return { note: `${errCode} ${message}`, body: signed([['result_code', 'FAIL'], ['err_code', errCode], ['err_code_des', message]]) }
    }
  } as const
}

function refusalOf (api: PayApi, refusal: Refusal): ProtocolFail | BusinessFail {
  if (refusal.kind === 'return_code_fail') return new ProtocolFail(refusal.return_msg ?? '系统错误')
  const { err_code: code, err_code_des: told } = refusal as ResultCodeFail
  const texts: Readonly<Record<string, string>> = ERR_CODES[api as keyof typeof ERR_CODES]
  return new BusinessFail(code, told ?? texts[code]!)
}

function readable (method: string, body: Buffer | undefined): Fields | ProtocolFail {
  try {
    return read(method, body)
  } catch (error) {
    return error as ProtocolFail
  }
}

/** The order that a request is about, by either of its numbers. */
function orderNumber (world: WorldCore | undefined, fields: Fields): string | undefined {
  return fields.get('out_trade_no') || world?.orders.findTransaction(fields.get('transaction_id') ?? '')?.outTradeNo
}

/** Receives one request. The order of the checks is the one recommended in the fact sheet. */
export function receivePay (registry: Registry, endpoint: PayEndpoint, { method, body, unreadable }: WireMessage): Call {
  const message = unreadable ? new ProtocolFail('XML格式错误', { cause: unreadable }) : readable(method, body)
  const fields: Fields = message instanceof ProtocolFail ? new Map() : message
  const world = registry.byMchId(fields.get('mch_id') ?? '')
  const { get, signType, succeed, fail } = answers(registry, world, fields)
  const outTradeNo = orderNumber(world, fields)
  return {
    api: endpoint.api,
    world,
    outTradeNo,
    refuse: refusal => fail(refusalOf(endpoint.api, refusal)),
    answer: () => {
      let findings: readonly Finding[] = []
      const withFindings = (answer: Answer) => findings.length > 0 ? { ...answer, lint: findings } : answer
      try {
        if (message instanceof ProtocolFail) throw message
        checkFields(fields, [...COMMON, ...endpoint.fields])
        const found = findWorld(registry, fields)
        checkSign(found, fields, signType)
        findings = lint(found, endpoint.api, get, outTradeNo ?? '')
        const refusal = found.strict && refusalOfStrict(findings)
        if (refusal) throw refusal
        return withFindings(succeed(endpoint.handle(found, { get, signType })))
      } catch (error) {
        return withFindings(fail(error))
      }
    }
  }
}

/** The endpoint as a route of the wire. */
export const payRoute = (registry: Registry, endpoint: PayEndpoint): WireEndpoint =>
  ({ api: endpoint.api, path: endpoint.path, receive: message => receivePay(registry, endpoint, message) })
