/** Shape P: the request was not understood or not believed; unsigned, `return_msg` says why. */
export class ProtocolFail extends Error {
  override readonly name = 'ProtocolFail'
}

/** Shape B: understood and believed, but refused; signed. */
export class BusinessFail extends Error {
  override readonly name = 'BusinessFail'
  readonly errCode: string

  constructor (errCode: string, errCodeDes: string) {
    super(errCodeDes)
    this.errCode = errCode
  }
}
