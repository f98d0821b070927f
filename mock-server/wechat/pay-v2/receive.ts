import type { EffectNamed } from '../../faults/effects.ts'
import type { Finding } from '../../journal/entry.ts'
import type { Account } from '../../ledger/account.ts'
import type { Application } from '../../users/app.ts'
import { explainSign } from '../../wire/explain-sign.ts'
import type { PayApi } from '../../wire/names.ts'
import { signV2, type SignType } from '../../wire/sign-v2.ts'
import { readMessage, type Fields, type Message, type WireField } from '../../wire/xml.ts'
import type { AtMerchant, Registry, WorldCore } from '../core.ts'
import type { Answer, Call, ClientCertificate, Refused, WireEndpoint, WireMessage } from '../exchange.ts'
import { answers, BusinessFail, ProtocolFail, SignFail, type Download, type UnsignedRefusal } from './answers.ts'
import { checkFields, commonFields, type FieldRule } from './fields.ts'
import { lint } from './lint.ts'

/** A request that passed every check of the protocol. */
export interface PayRequest {
  readonly world: WorldCore
  readonly account: Account
  readonly registry: Registry
  /** The field's value; '' when absent. */
  readonly get: (name: string) => string
  readonly signType: SignType
  /** The sub-merchant of a service provider's call; '' if none is named. */
  readonly subMchId: string
}

/** A field whose number identifies an order. */
export type OrderField = 'refund_id' | 'out_refund_no' | 'transaction_id' | 'out_trade_no'

/** One API of api.mch.weixin.qq.com. */
export interface PayEndpoint {
  readonly api: PayApi
  readonly path: string
  /** Other paths with the same answers. */
  readonly aliases?: readonly string[]
  readonly fields: readonly FieldRule[]
  /** The fields that identify its order, in order of precedence; default: `out_trade_no`. */
  readonly orderBy?: readonly OrderField[]
  /** It does not require the appid. */
  readonly withoutAppid?: true
  /** A service provider may call it for itself, without a sub-merchant. */
  readonly ofProvider?: true
  /** It requires the merchant's certificate if the merchant's `certMode` says so. */
  readonly certificate?: true
  /** Set for a call with unsigned replies: the form of its refusals. What `handle` returns is the whole reply. */
  readonly unsigned?: UnsignedRefusal
  /** Its text for a system error; default 系统错误. */
  readonly systemError?: string
  /** The fields of the success reply beyond the common ones; throws {@link ProtocolFail}, {@link BusinessFail} or a Refusal of the ledger. */
  readonly handle: (request: PayRequest) => readonly WireField[] | Download
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (error) {
    throw new ProtocolFail('编码格式错误', { cause: error })
  }
}

function read(method: string, body: Buffer | undefined): Message {
  if (method !== 'POST') throw new ProtocolFail('请使用post方法')
  if (!body?.length) throw new ProtocolFail('post数据为空')
  try {
    return readMessage(decode(body))
  } catch (error) {
    throw error instanceof ProtocolFail ? error : new ProtocolFail('XML格式错误', { cause: error })
  }
}

function readable({ method, body, unreadable }: WireMessage): Message | ProtocolFail {
  if (unreadable) return new ProtocolFail('XML格式错误', { cause: unreadable })
  try {
    return read(method, body)
  } catch (error) {
    return error as ProtocolFail
  }
}

function findMerchant(registry: Registry, { withoutAppid }: PayEndpoint, fields: Fields): AtMerchant {
  const owner = registry.byAppid(fields.get('appid') ?? '')
  if (!withoutAppid && !owner) throw new ProtocolFail('appid不存在')
  const merchant = registry.byMchId(fields.get('mch_id')!)
  if (!merchant) throw new ProtocolFail('MCHID不存在')
  if (!withoutAppid && merchant.world !== owner!.world) throw new ProtocolFail('mch_id和appid没有关联关系')
  return merchant
}

function checkSign({ apiKey, signType }: Account, appSecret: string, fields: Fields, type: SignType): void {
  if (signType !== 'any' && type !== signType) {
    throw new ProtocolFail('签名错误', { cause: `signed with ${type}, but this merchant is bound to ${signType}` })
  }
  if (signV2(fields, apiKey, type) !== fields.get('sign')) {
    throw new SignFail(explainSign(fields, type, { apiKey, appSecret }))
  }
}

/** The texts are on record (v2.md 2.0; WxJava 1170; community 0002acd66acdc8325f4db9dd65b000 and 000404c90102e823a3ba665cb56400). */
function checkSubMerchant({ actsFor }: Account, { ofProvider }: PayEndpoint, fields: Fields): void {
  const [mchId, appid] = [fields.get('sub_mch_id') ?? '', fields.get('sub_appid') ?? '']
  if (actsFor.length === 0) {
    if (mchId === '') return
    throw new ProtocolFail('普通商户不允许传sub_mch_id', { cause: 'the merchant is not a service provider' })
  }
  if (mchId === '') {
    if (ofProvider) return
    throw new ProtocolFail('受理机构必须传入sub_mch_id')
  }
  const sub = actsFor.find((sub) => sub.mchId === mchId)
  if (!sub) {
    const known = actsFor.map((sub) => sub.mchId).join(', ')
    throw new ProtocolFail('受理关系不存在', { cause: `sub_mch_id is ${mchId}, the provider acts for ${known}` })
  }
  if (appid === '' || sub.appids.includes(appid)) return
  throw new ProtocolFail('sub_mch_id与sub_appid不匹配', {
    cause: `sub_appid is ${appid}, bound to ${mchId}: ${sub.appids.join(', ') || 'none'}`,
  })
}

function checkCertificate({ mchId }: Account, { commonName, trusted }: ClientCertificate): void {
  if (!trusted || commonName !== mchId) throw new BusinessFail('CERT_ERROR', '证书校验错误')
}

/** The refusal that a fault asks for. */
function refusedByFault({ systemError = '系统错误' }: PayEndpoint, refused: Refused): ProtocolFail | BusinessFail {
  if (refused.kind === 'return_code_fail') {
    const { return_msg: message = systemError, error_code: number } = refused as EffectNamed<'return_code_fail'> & {
      readonly error_code?: string
    }
    return new ProtocolFail(message, { number })
  }
  const { err_code: code, err_code_des: text } = refused as EffectNamed<'result_code_fail'>
  return new BusinessFail(code, text)
}

/** The order that a request is about, found by the first number in order of precedence. */
function orderNumber(
  account: Account | undefined,
  { orderBy = ['out_trade_no'] }: PayEndpoint,
  fields: Fields,
): string | undefined {
  const find: Readonly<Record<OrderField, (number: string) => string | undefined>> = {
    refund_id: (number) => account?.refunds.findId(number)?.outTradeNo,
    out_refund_no: (number) => account?.refunds.find(number)?.outTradeNo,
    transaction_id: (number) => account?.orders.findTransaction(number)?.outTradeNo,
    out_trade_no: (number) => number || undefined,
  }
  return orderBy.map((name) => find[name](fields.get(name) ?? '')).find((number) => number !== undefined)
}

/** Receives one request. The checks run in the order recommended in the fact sheet. */
function receive(registry: Registry, endpoint: PayEndpoint, message: WireMessage): Call {
  const { api, unsigned, withoutAppid } = endpoint
  const read = readable(message)
  const { root, fields }: Message = read instanceof ProtocolFail ? { root: 'xml', fields: new Map() } : read
  const merchant = registry.byMchId(fields.get('mch_id') ?? '')
  const owner: { readonly world: WorldCore; readonly app: Application } | undefined = registry.byAppid(
    fields.get('appid') ?? '',
  )
  const world = merchant?.world ?? owner?.world
  const speaker = world ?? registry.fallback()
  const account = merchant?.account ?? speaker.accounts[0]!
  const { get, signType, succeed, fail } = answers(
    { api, unsigned, world: speaker, account, app: speaker.apps[0]! },
    fields,
  )
  const shown = endpoint.certificate && account.certMode === 'required' ? message.certificate : undefined
  const outTradeNo = orderNumber(world && account, endpoint, fields)

  /** @throws ProtocolFail */
  function check(): AtMerchant {
    if (read instanceof ProtocolFail) throw read
    checkFields(fields, [...commonFields(!withoutAppid), ...endpoint.fields])
    const found = findMerchant(registry, endpoint, fields)
    checkSign(found.account, (owner?.app ?? found.world.apps[0]!).appSecret, fields, signType)
    checkSubMerchant(found.account, endpoint, fields)
    return found
  }
  return {
    api,
    version: 'v2',
    world,
    outTradeNo,
    isSound: () => {
      try {
        check()
        return shown !== null
      } catch {
        return false
      }
    },
    refuse: (refused) => fail(refusedByFault(endpoint, refused)),
    answer: () => {
      if (shown === null) return { body: '', broken: true, note: 'no client certificate, so no connection' }
      let findings: readonly Finding[] = []
      const withFindings = (answer: Answer) => (findings.length > 0 ? { ...answer, lint: findings } : answer)
      try {
        const found = check()
        if (shown) checkCertificate(found.account, shown)
        const linted = lint(found.account, api, root, get, outTradeNo ?? '')
        findings = linted.findings
        if (found.world.strict && linted.refusal) throw linted.refusal
        return withFindings(
          succeed(endpoint.handle({ ...found, registry, get, signType, subMchId: get('sub_mch_id') })),
        )
      } catch (error) {
        return withFindings(fail(error))
      }
    },
  }
}

/** The endpoint as wire routes, one for each of its paths. */
export const payRoutes = (registry: Registry, endpoint: PayEndpoint): WireEndpoint[] =>
  [endpoint.path, ...(endpoint.aliases ?? [])].map((path) => ({
    api: endpoint.api,
    path,
    receive: (message) => receive(registry, endpoint, message),
  }))
