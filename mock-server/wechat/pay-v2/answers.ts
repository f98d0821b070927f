import { gzipSync } from 'node:zlib'
import { Refusal, type Account, type Reason } from '../../ledger/account.ts'
import { ERR_CODES } from '../../wire/error-codes.ts'
import { toldSign, type SignExplanation } from '../../wire/explain-sign.ts'
import type { PayApi } from '../../wire/names.ts'
import { signV2, type SignType } from '../../wire/sign-v2.ts'
import { writeXml, type Fields, type WireField } from '../../wire/xml.ts'
import type { Behaviour } from '../behaviour.ts'
import type { WorldCore } from '../core.ts'
import type { Answer } from '../exchange.ts'

/** The recorded texts, and the codes of the official tables, which appear in no recording. */
const ERR_CODE: Readonly<Record<string, string>> = {
  请使用post方法: 'REQUIRE_POST_METHOD',
  post数据为空: 'POST_DATA_EMPTY',
  XML格式错误: 'XML_FORMAT_ERROR',
  缺少参数: 'LACK_PARAMS',
  appid不存在: 'APPID_NOT_EXIST',
  MCHID不存在: 'MCHID_NOT_EXIST',
  mch_id和appid没有关联关系: 'APPID_MCHID_NOT_MATCH',
  编码格式错误: 'NOT_UTF8',
  签名错误: 'SIGNERROR',
}

/** Shape P: the request was not understood or not authenticated; unsigned, `return_msg` says why. */
export class ProtocolFail extends Error {
  override readonly name = 'ProtocolFail'
  /** The numeric code next to the text; only downloadbill has one. */
  readonly number: string | undefined

  constructor(message: string, { number, ...options }: ErrorOptions & { readonly number?: string | undefined } = {}) {
    super(message, options)
    this.number = number
  }

  /** The code from the official tables, if any. */
  get errCode(): string | undefined {
    return ERR_CODE[this.message]
  }
}

/** A wrong signature. */
export class SignFail extends ProtocolFail {
  readonly explanation: SignExplanation

  constructor(explanation: SignExplanation) {
    super('签名错误', { cause: toldSign(explanation) })
    this.explanation = explanation
  }
}

export const missing = (...names: readonly string[]) =>
  new ProtocolFail('缺少参数', { cause: `missing: ${names.join(', ')}` })

/** Shape B: understood and authenticated, but refused; signed. Default text: the one in the call's table. */
export class BusinessFail extends Error {
  override readonly name = 'BusinessFail'
  readonly errCode: string

  constructor(errCode: string, errCodeDes = '') {
    super(errCodeDes)
    this.errCode = errCode
  }
}

export const INVALID_NOTIFY_URL = 'invalid notify_url'
/** The code is on record since 2016, but not its shape. */
export const WRONG_OPENID = '无效的openid'
export const TIME_EXPIRE_SHORT = 'time_expire时间过短，刷卡至少1分钟，其他5分钟'
const IN_FULL = '订单已全额退款'

type Refused = readonly [errCode: string, errCodeDes?: string]

/** How this API expresses the ledger's refusals; the text is the one in the call's table unless given. */
const REFUSALS: Readonly<Partial<Record<PayApi, Partial<Record<Reason, Refused>>>>> = {
  unifiedorder: { closed: ['ORDERCLOSED'], 'terms-differ': ['INVALID_REQUEST'], paid: ['ORDERPAID'] },
  closeorder: { closed: ['ORDERCLOSED'], paid: ['ORDERPAID'] },
  refund: {
    'not-paid': ['ORDERNOTEXIST'],
    'other-order': ['REFUND_FEE_MISMATCH'],
    'other-total': ['REFUND_FEE_MISMATCH'],
    'terms-differ': ['REFUND_FEE_MISMATCH'],
    overdue: ['TRADE_OVERDUE'],
    'refunded-in-full': ['INVALID_REQUEST', IN_FULL],
    'above-what-is-left': ['INVALID_REQUEST', 'refund_fee大于可退金额'],
    'too-many': ['INVALID_REQUEST', '请求参数符合参数格式，但不符合业务规则'],
  },
}

/** As recorded about 2016. */
const LEGACY_REFUND: Partial<Record<Reason, Refused>> = {
  'refunded-in-full': ['ERROR', IN_FULL],
  'above-what-is-left': ['REFUND_FEE_INVALID'],
}

/** The text in a call's table, which has one for every code that the call can answer with. */
const textOf = (api: PayApi, errCode: string): string => (ERR_CODES[api] as Readonly<Record<string, string>>)[errCode]!

/** Translates a refusal of the ledger. */
export function refusalOf(
  api: PayApi,
  { reason, message }: Refusal,
  { refundRefusals }: Behaviour,
): ProtocolFail | BusinessFail {
  if (reason === 'expires-too-soon') return new ProtocolFail(TIME_EXPIRE_SHORT, { cause: message })
  const legacy = api === 'refund' && refundRefusals === 'legacy' ? LEGACY_REFUND[reason] : undefined
  const [errCode, text] = legacy ?? REFUSALS[api]![reason]!
  return new BusinessFail(errCode, text ?? textOf(api, errCode))
}

/** A file that is sent instead of a message. */
export interface Download {
  readonly text: string
  readonly gzip: boolean
}

/** How a call with unsigned replies refuses. */
export type UnsignedRefusal = (error: ProtocolFail | BusinessFail) => readonly WireField[]

function signedReply(
  { mchId, apiKey, random, actsFor }: Account,
  nextReply: WorldCore['nextReply'],
  appid: string,
  get: (name: string) => string,
  type: SignType,
  result: readonly WireField[],
): string {
  const head: WireField[] = [
    ['return_code', 'SUCCESS'],
    ['return_msg', 'OK'],
    ['appid', appid],
    ['mch_id', mchId],
  ]
  // A recorded refusal of a service provider's call repeats them (community oCJUsw4_Avq2vhfCCgodVnoAQFiU).
  const echoed = [...(actsFor.length > 0 ? ['sub_mch_id', 'sub_appid'] : []), 'device_info']
  head.push(...echoed.filter((name) => get(name) !== '').map((name): WireField => [name, get(name)]))
  head.push(['nonce_str', random.alphanumeric(16, 'nonce', nextReply())])
  // Signed with the request's algorithm, but without a sign_type field (node-tenpay PR 92).
  const sign = signV2(
    [...head, ...result].map(([name, value]) => [name, String(value)]),
    apiKey,
    type,
  )
  return writeXml([...head, ['sign', sign], ...result])
}

/** Shape P. */
export const protocolFields = ({ message }: Pick<Error, 'message'>): WireField[] => [
  ['return_code', 'FAIL'],
  ['return_msg', message],
]

function noteOf(error: ProtocolFail | BusinessFail): string {
  const said = error instanceof BusinessFail ? `${error.errCode} ${error.message}` : error.message
  const cause = error.cause instanceof Error ? error.cause.message : error.cause
  return cause ? `${said}: ${cause as string}` : said
}

/** The merchant, the request, and how the call answers. */
export interface Speaker {
  readonly api: PayApi
  readonly unsigned?: UnsignedRefusal | undefined
  readonly world: WorldCore
  readonly account: Account
  readonly app: { readonly appid: string }
}

/** Answers one call of a merchant: in one of three shapes, whatever happens. */
export function answers({ api, unsigned, world, account, app }: Speaker, fields: Fields) {
  const get = (name: string) => fields.get(name) ?? ''
  const signType: SignType = get('sign_type') === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5'
  const { behaviour, nextReply } = world
  const { contentType, protocolErrCode } = behaviour
  const signed = (result: readonly WireField[]) =>
    signedReply(account, nextReply, get('appid') || app.appid, get, signType, result)
  const refusal = (error: ProtocolFail | BusinessFail) => {
    if (unsigned) return writeXml(unsigned(error))
    if (error instanceof ProtocolFail) {
      const { errCode, message } = error
      const documented: WireField[] =
        protocolErrCode === 'documented' && errCode !== undefined
          ? [
              ['err_code', errCode],
              ['err_code_des', message],
            ]
          : []
      return writeXml([...protocolFields(error), ...documented])
    }
    return signed([
      ['result_code', 'FAIL'],
      ['err_code', error.errCode],
      ['err_code_des', error.message],
    ])
  }
  /** The thrown refusal, with its text. */
  function refused(error: unknown): ProtocolFail | BusinessFail {
    if (error instanceof Refusal) return refusalOf(api, error, behaviour)
    if (error instanceof BusinessFail) {
      return Object.assign(new BusinessFail(error.errCode, error.message || textOf(api, error.errCode)), {
        cause: error.cause,
      })
    }
    if (error instanceof ProtocolFail) return error
    throw error
  }
  return {
    get,
    signType,
    succeed: (result: readonly WireField[] | Download): Answer => {
      const note = 'SUCCESS'
      if (!('text' in result)) {
        return {
          note,
          contentType,
          body: unsigned ? writeXml(result) : signed([['result_code', 'SUCCESS'], ...result]),
        }
      }
      const { text, gzip } = result
      return gzip
        ? { note, contentType: 'application/x-gzip', body: gzipSync(text), readable: text }
        : { note, contentType, body: text }
    },
    fail: (thrown: unknown): Answer => {
      const error = refused(thrown)
      return {
        note: noteOf(error),
        contentType,
        body: refusal(error),
        ...(error instanceof SignFail && { sign: error.explanation }),
      }
    },
  } as const
}
