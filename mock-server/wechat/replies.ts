import { toldSign, type SignExplanation } from '../sign-explanation.ts'

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
