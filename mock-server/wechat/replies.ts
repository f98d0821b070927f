import { toldSign, type SignExplanation } from '../sign-explanation.ts'

/** Shape P: the request was not understood or not believed; unsigned, `return_msg` says why. */
export class ProtocolFail extends Error {
  override readonly name = 'ProtocolFail'
}

/** A signature that is not right. */
export class SignFail extends ProtocolFail {
  readonly explanation: SignExplanation

  constructor (explanation: SignExplanation) {
    super('签名错误', { cause: toldSign(explanation) })
    this.explanation = explanation
  }
}

export const TIME_EXPIRE_SHORT = 'time_expire时间过短，刷卡至少1分钟，其他5分钟'

/** Shape B: understood and believed, but refused; signed. */
export class BusinessFail extends Error {
  override readonly name = 'BusinessFail'
  readonly errCode: string

  constructor (errCode: string, errCodeDes: string) {
    super(errCodeDes)
    this.errCode = errCode
  }
}
