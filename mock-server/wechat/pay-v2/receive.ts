import type { ResultCodeFail, ReturnCodeFail } from '../../faults/faults.ts'
import type { Finding } from '../../journal/entry.ts'
import { ERR_CODES } from '../../wire/error-codes.ts'
import { explainSign } from '../../wire/explain-sign.ts'
import type { PayApi } from '../../wire/names.ts'
import { type SignType, signV2 } from '../../wire/sign-v2.ts'
import { type Fields, readXml, type WireField } from '../../wire/xml.ts'
import type { Registry, WorldCore } from '../core.ts'
import type { Answer, Call, ClientCertificate, Refusal, WireEndpoint, WireMessage } from '../exchange.ts'
import { answers, BusinessFail, type Download, ProtocolFail, SignFail, type UnsignedRefusal } from './answers.ts'
import { APPID, COMMON, type FieldRule } from './fields.ts'
import { lint, refusalOfStrict } from './lint.ts'

/** A request that passed every check of the protocol. */
export interface PayRequest {
  /** The field's value; '' when absent. */
  readonly get: (name: string) => string
  readonly signType: SignType
}

/** A field whose number leads to an order. */
export type OrderField = 'refund_id' | 'out_refund_no' | 'transaction_id' | 'out_trade_no'

/** One API of api.mch.weixin.qq.com. */
export interface PayEndpoint {
  readonly api: PayApi
  readonly path: string
  readonly fields: readonly FieldRule[]
  /** By which fields it finds its order, the strongest first; default: by `out_trade_no`. */
  readonly orderBy?: readonly OrderField[]
  /** It does not ask for the appid. */
  readonly withoutAppid?: true
  /** It asks for the merchant's certificate, where the world does. */
  readonly certificate?: true
  /** Its replies are not signed: the refusals look so, and what `handle` gives is the whole reply. */
  readonly unsigned?: UnsignedRefusal
  /** How it says that the system is to blame; default 系统错误. */
  readonly systemError?: string
  /** The fields of the success reply beyond the common ones; throws {@link ProtocolFail} or {@link BusinessFail}. */
  readonly handle: (world: WorldCore, request: PayRequest) => readonly WireField[] | Download
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (error) {
    throw new ProtocolFail('编码格式错误', { cause: error })
  }
}

function read(method: string, body: Buffer | undefined): Fields {
  if (method !== 'POST') throw new ProtocolFail('请使用post方法')
  if (!body?.length) throw new ProtocolFail('post数据为空')
  try {
    return readXml(decode(body))
  } catch (error) {
    throw error instanceof ProtocolFail ? error : new ProtocolFail('XML格式错误', { cause: error })
  }
}

function checkFields(fields: Fields, rules: readonly FieldRule[]): void {
  const lacking = rules.filter(({ name, required }) => required && !fields.get(name))
  if (lacking.length > 0) {
    throw new ProtocolFail('缺少参数', { cause: `missing: ${lacking.map(({ name }) => name).join(', ')}` })
  }
  for (const { name, max, form } of rules) {
    const value = fields.get(name) ?? ''
    const length = Buffer.byteLength(value)
    if (length > max) {
      throw new ProtocolFail(`${name}参数长度有误`, {
        cause: `${name} has ${length} bytes, at most ${max} are allowed`,
      })
    }
    if (value !== '' && form && !form(value)) {
      throw new ProtocolFail(`${name}参数格式错误`, { cause: `${name} is ${JSON.stringify(value)}` })
    }
  }
}

function findWorld(registry: Registry, { withoutAppid }: PayEndpoint, fields: Fields): WorldCore {
  const world = registry.byAppid(fields.get('appid') ?? '')
  if (!withoutAppid && !world) throw new ProtocolFail('appid不存在')
  const merchant = registry.byMchId(fields.get('mch_id')!)
  if (!merchant) throw new ProtocolFail('MCHID不存在')
  if (!withoutAppid && merchant.id !== world!.id) throw new ProtocolFail('mch_id和appid没有关联关系')
  return merchant
}

const SANDBOX_SIGN = '沙箱验证签名失败，请确认沙箱签名key是否正确（通过getsignkey调用生成）'

function checkSign(
  { signType, credentials: { apiKey }, inSandbox }: WorldCore,
  { credentials: { appSecret } }: WorldCore,
  fields: Fields,
  type: SignType,
): void {
  const told = inSandbox ? SANDBOX_SIGN : '签名错误'
  if (signType && type !== signType) {
    throw new ProtocolFail(told, { cause: `signed with ${type}, but this merchant is bound to ${signType}` })
  }
  if (signV2(fields, apiKey, type) !== fields.get('sign')) {
    throw new SignFail(explainSign(fields, type, { apiKey, appSecret }), told)
  }
}

function checkCertificate({ mchId }: WorldCore['credentials'], { commonName, trusted }: ClientCertificate): void {
  if (!trusted || commonName !== mchId) throw new BusinessFail('CERT_ERROR', '证书校验错误')
}

function refusalOf({ api, systemError = '系统错误' }: PayEndpoint, refusal: Refusal): ProtocolFail | BusinessFail {
  if (refusal.kind === 'return_code_fail') {
    const { return_msg: message = systemError, error_code: number } = refusal as ReturnCodeFail<'downloadbill'>
    return new ProtocolFail(message, { number })
  }
  const { err_code: code, err_code_des: told } = refusal as ResultCodeFail
  const texts: Readonly<Record<string, string>> = ERR_CODES[api as keyof typeof ERR_CODES]
  return new BusinessFail(code, told ?? texts[code]!)
}

function readable(method: string, body: Buffer | undefined): Fields | ProtocolFail {
  try {
    return read(method, body)
  } catch (error) {
    return error as ProtocolFail
  }
}

/** The order that a request is about: the one that the strongest of its numbers leads to. */
function orderNumber(
  world: WorldCore | undefined,
  { orderBy = ['out_trade_no'] }: PayEndpoint,
  fields: Fields,
): string | undefined {
  const find: Readonly<Record<OrderField, (number: string) => string | undefined>> = {
    refund_id: (number) => world?.refunds.findId(number)?.outTradeNo,
    out_refund_no: (number) => world?.refunds.find(number)?.outTradeNo,
    transaction_id: (number) => world?.orders.findTransaction(number)?.outTradeNo,
    out_trade_no: (number) => number || undefined,
  }
  return orderBy.map((name) => find[name](fields.get(name) ?? '')).find((number) => number !== undefined)
}

/** What stands before the paths of the simulation: its place of old, and the one of 2025. */
export const SANDBOX_PREFIXES = ['/sandboxnew', '/xdc/apiv2sandbox']

/** Where a request was sent to: the real service, or its simulation. */
export type Side = 'production' | 'sandbox'

/** Receives one request. The order of the checks is the one recommended in the fact sheet. */
export function receivePay(
  registry: Registry,
  endpoint: PayEndpoint,
  { method, body, certificate, unreadable }: WireMessage,
  side: Side = 'production',
): Call {
  const message = unreadable ? new ProtocolFail('XML格式错误', { cause: unreadable }) : readable(method, body)
  const fields: Fields = message instanceof ProtocolFail ? new Map() : message
  const onSide = (world: WorldCore) => (side === 'sandbox' ? world.sandbox() : world)
  const world = registry.byMchId(fields.get('mch_id') ?? '') ?? registry.byAppid(fields.get('appid') ?? '')
  const { get, signType, succeed, fail } = answers(onSide(world ?? registry.fallback()), endpoint.unsigned, fields)
  const shown =
    endpoint.certificate && side === 'production' && (world ?? registry.fallback()).certMode === 'required'
      ? certificate
      : undefined
  const outTradeNo = orderNumber(world && onSide(world), endpoint, fields)
  function check(): WorldCore {
    if (message instanceof ProtocolFail) throw message
    checkFields(fields, [...(endpoint.withoutAppid ? [] : [APPID]), ...COMMON, ...endpoint.fields])
    const found = onSide(findWorld(registry, endpoint, fields))
    checkSign(found, registry.byAppid(get('appid')) ?? found, fields, signType)
    return found
  }
  return {
    api: endpoint.api,
    world,
    outTradeNo,
    isSound: () => {
      try {
        return check() && shown !== null
      } catch {
        return false
      }
    },
    refuse: (refusal) => fail(refusalOf(endpoint, refusal)),
    answer: () => {
      if (shown === null) return { body: '', broken: true, note: 'no client certificate, so no connection' }
      let findings: readonly Finding[] = []
      const withFindings = (answer: Answer) => (findings.length > 0 ? { ...answer, lint: findings } : answer)
      try {
        const found = check()
        if (shown) checkCertificate(found.credentials, shown)
        findings = lint(found, endpoint.api, get, outTradeNo ?? '')
        const refusal = found.strict && refusalOfStrict(findings)
        if (refusal) throw refusal
        return withFindings(succeed(endpoint.handle(found, { get, signType })))
      } catch (error) {
        return withFindings(fail(error))
      }
    },
  }
}

/** The endpoint as a route of the wire. */
export const payRoute = (registry: Registry, endpoint: PayEndpoint, side?: Side): WireEndpoint => ({
  api: endpoint.api,
  path: endpoint.path,
  receive: (message) => receivePay(registry, endpoint, message, side),
})
