/** Why a call to the mock's own API (not the emulated WeChat) was refused. */
export type MockErrorCode =
  | 'BAD_INPUT'
  | 'UNKNOWN_WORLD'
  | 'UNKNOWN_MERCHANT'
  | 'UNKNOWN_APP'
  | 'UNKNOWN_ORDER'
  | 'UNKNOWN_REFUND'
  | 'UNKNOWN_NOTIFICATION'
  | 'UNKNOWN_DELIVERY'
  | 'UNKNOWN_FAULT'
  | 'UNKNOWN_GATE'
  | 'NOT_DRAINED'
  | 'VERIFICATION_FAILED'
  | 'UNEXPECTED_CALLS'
  | 'UNKNOWN_SNAPSHOT'
  | 'TOO_MANY_SNAPSHOTS'
  | 'DEFAULT_WORLD'
  | 'WORLD_EXISTS'
  | 'ID_TAKEN'
  | 'ORDER_NOT_PAYABLE'
  | 'ORDER_PAID'
  | 'PAYMENT_REFUSED'
  | 'REFUND_REFUSED'
  | 'REFUND_ENDED'
  | 'CLOCK_BUSY'
  | 'CLOCK_REAL'
  | 'CLOCK_SHARED'
  | 'CLOCK_TIMEOUT'
  | 'SETTLE_FAILED'
  | 'FORBIDDEN_HOST'
  | 'FORBIDDEN_ORIGIN'
  | 'TOO_LARGE'
  | 'UNKNOWN_RUN'
  | 'RUN_BUSY'

const STATUS: Record<MockErrorCode, number> = {
  BAD_INPUT: 400,
  UNKNOWN_WORLD: 404,
  UNKNOWN_MERCHANT: 404,
  UNKNOWN_APP: 404,
  UNKNOWN_ORDER: 404,
  UNKNOWN_REFUND: 404,
  UNKNOWN_NOTIFICATION: 404,
  UNKNOWN_DELIVERY: 404,
  UNKNOWN_FAULT: 404,
  UNKNOWN_GATE: 404,
  NOT_DRAINED: 422,
  VERIFICATION_FAILED: 422,
  UNEXPECTED_CALLS: 422,
  UNKNOWN_SNAPSHOT: 404,
  TOO_MANY_SNAPSHOTS: 409,
  DEFAULT_WORLD: 409,
  WORLD_EXISTS: 409,
  ID_TAKEN: 409,
  ORDER_NOT_PAYABLE: 409,
  ORDER_PAID: 409,
  PAYMENT_REFUSED: 422,
  REFUND_REFUSED: 409,
  REFUND_ENDED: 409,
  CLOCK_BUSY: 409,
  CLOCK_REAL: 409,
  CLOCK_SHARED: 409,
  CLOCK_TIMEOUT: 504,
  SETTLE_FAILED: 502,
  FORBIDDEN_HOST: 403,
  FORBIDDEN_ORIGIN: 403,
  TOO_LARGE: 413,
  UNKNOWN_RUN: 404,
  RUN_BUSY: 409,
}

/**
 * Thrown by the programmatic API; the control API answers with `statusCode` and the JSON
 * `{ code, message, …details }`.
 */
export class MockError extends Error {
  override readonly name = 'MockError'
  readonly code: MockErrorCode
  readonly statusCode: number
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: MockErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.statusCode = STATUS[code]
    this.details = details
  }
}
