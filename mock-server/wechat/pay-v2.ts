import type { Registry, WorldCore } from '../core.ts'
import { signV2, stringToSign, type SignType } from '../sign-v2.ts'
import { readXml, writeXml, type Fields, type WireField } from '../wire.ts'
import { BusinessFail, ProtocolFail } from './replies.ts'

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
  readonly api: string
  readonly path: string
  readonly fields: readonly FieldRule[]
  /** The fields of the success reply beyond the common ones; throws {@link ProtocolFail} or {@link BusinessFail}. */
  readonly handle: (world: WorldCore, request: PayRequest) => readonly WireField[]
}

/** What goes back, and what the journal should know. */
export interface PayAnswer {
  readonly world: WorldCore | undefined
  readonly outTradeNo?: string
  readonly body: string
  readonly note: string
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
  throw new ProtocolFail('签名错误', { cause: `sign is not the upper-case ${type} of ${stringToSign(fields)}&key=<apiKey>` })
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

/** The answer to a request whose body could not even be received. */
export const unreadable = (error: Error): PayAnswer =>
  ({ world: undefined, body: protocolReply('XML格式错误'), note: `XML格式错误: ${error.message}` })

/** Answers one request in one of the three shapes. The order of the checks is the one recommended in the fact sheet. */
export function answerPay (registry: Registry, endpoint: PayEndpoint, method: string, body: Buffer | undefined): PayAnswer {
  let world: WorldCore | undefined
  let fields: Fields = new Map()
  const get = (name: string) => fields.get(name) ?? ''
  const about = () => get('out_trade_no') === '' ? {} : { outTradeNo: get('out_trade_no') }
  const signType = () => (get('sign_type') || 'MD5') as SignType
  try {
    fields = read(method, body)
    world = registry.byMchId(get('mch_id'))
    checkFields(fields, [...COMMON, ...endpoint.fields])
    world = findWorld(registry, fields)
    checkSign(world, fields, signType())
    const result = endpoint.handle(world, { get, signType: signType() })
    return { world, ...about(), note: 'SUCCESS', body: signedReply(world, get('device_info'), signType(), [['result_code', 'SUCCESS'], ...result]) }
  } catch (error) {
    if (error instanceof ProtocolFail) {
      const cause = error.cause instanceof Error ? error.cause.message : error.cause
      return { world, ...about(), note: cause ? `${error.message}: ${cause as string}` : error.message, body: protocolReply(error.message) }
    }
    if (!(error instanceof BusinessFail)) throw error
    return {
      world,
      ...about(),
      note: `${error.errCode} ${error.message}`,
      body: signedReply(world!, get('device_info'), signType(), [['result_code', 'FAIL'], ['err_code', error.errCode], ['err_code_des', error.message]])
    }
  }
}
