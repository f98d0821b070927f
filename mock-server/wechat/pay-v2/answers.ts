import { gzipSync } from 'node:zlib'
import { type SignExplanation, toldSign } from '../../wire/explain-sign.ts'
import { type SignType, signV2 } from '../../wire/sign-v2.ts'
import { type Fields, type WireField, writeXml } from '../../wire/xml.ts'
import type { WorldCore } from '../core.ts'
import type { Answer } from '../exchange.ts'

/** The recorded texts, and the codes of the official tables, which have been seen in no recording. */
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

/** Shape P: the request was not understood or not believed; unsigned, `return_msg` says why. */
export class ProtocolFail extends Error {
  override readonly name = 'ProtocolFail'
  /** The number beside it, of the call that has one. */
  readonly number: string | undefined

  constructor(message: string, { number, ...options }: ErrorOptions & { readonly number?: string | undefined } = {}) {
    super(message, options)
    this.number = number
  }

  /** What the official tables call it, if they do. */
  get errCode(): string | undefined {
    return ERR_CODE[this.message]
  }
}

/** A signature that is not right. */
export class SignFail extends ProtocolFail {
  readonly explanation: SignExplanation

  constructor(explanation: SignExplanation, message = '签名错误') {
    super(message, { cause: toldSign(explanation) })
    this.explanation = explanation
  }
}

export const TIME_EXPIRE_SHORT = 'time_expire时间过短，刷卡至少1分钟，其他5分钟'

/** Shape B: understood and believed, but refused; signed. */
export class BusinessFail extends Error {
  override readonly name = 'BusinessFail'
  readonly errCode: string

  constructor(errCode: string, errCodeDes: string) {
    super(errCodeDes)
    this.errCode = errCode
  }
}

/** A file that is sent instead of a message. */
export interface Download {
  readonly text: string
  readonly gzip: boolean
}

/** How a call whose replies are not signed refuses. */
export type UnsignedRefusal = (error: ProtocolFail | BusinessFail) => readonly WireField[]

function signedReply(
  world: WorldCore,
  appid: string,
  deviceInfo: string,
  type: SignType,
  result: readonly WireField[],
): string {
  const { mchId, apiKey } = world.credentials
  const head: WireField[] = [
    ['return_code', 'SUCCESS'],
    ['return_msg', 'OK'],
    ['appid', appid],
    ['mch_id', mchId],
  ]
  if (deviceInfo !== '') head.push(['device_info', deviceInfo])
  head.push(['nonce_str', world.random.alphanumeric(16, 'nonce', world.nextReply())])
  // Signed with the request's algorithm, yet without a sign_type of its own (node-tenpay PR 92).
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
  if (error instanceof BusinessFail) return `${error.errCode} ${error.message}`
  const cause = error.cause instanceof Error ? error.cause.message : error.cause
  return cause ? `${error.message}: ${cause as string}` : error.message
}

/** How one call of a merchant's is answered: in one of three shapes, whatever happens. */
export function answers(world: WorldCore, unsigned: UnsignedRefusal | undefined, fields: Fields) {
  const get = (name: string) => fields.get(name) ?? ''
  const signType = get('sign_type') === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5'
  const { contentType, protocolErrCode } = world.behaviour
  const signed = (result: readonly WireField[]) =>
    signedReply(world, get('appid') || world.credentials.appid, get('device_info'), signType, result)
  const refusal = (error: ProtocolFail | BusinessFail) => {
    if (unsigned) return writeXml(unsigned(error))
    if (error instanceof ProtocolFail) {
      const { errCode, message } = error
      const told: WireField[] =
        protocolErrCode === 'documented' && errCode !== undefined
          ? [
              ['err_code', errCode],
              ['err_code_des', message],
            ]
          : []
      return writeXml([...protocolFields(error), ...told])
    }
    return signed([
      ['result_code', 'FAIL'],
      ['err_code', error.errCode],
      ['err_code_des', error.message],
    ])
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
    fail: (error: unknown): Answer => {
      if (!(error instanceof ProtocolFail || error instanceof BusinessFail)) throw error
      return {
        note: noteOf(error),
        contentType,
        body: refusal(error),
        ...(error instanceof SignFail && { sign: error.explanation }),
      }
    },
  } as const
}
