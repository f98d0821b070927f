import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import { LAST_MOMENT } from '../clock/duration.ts'

// Plain JSON schemas: a schema library would double the time the mock takes to start.

/** An object that refuses unknown fields: a mistyped option must not look as if it had worked. */
export const strict = (properties: Readonly<Record<string, object>>, ...required: string[]) =>
  ({ type: 'object', properties, required, additionalProperties: false }) as const

export const text = (maxLength = 1000) => ({ type: 'string', minLength: 1, maxLength }) as const
export const integer = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  ({ type: 'integer', minimum, maximum }) as const
/** A span, as long as the calendar. */
export const seconds = integer(0, Math.floor(LAST_MOMENT / 1000))
/** Real time. */
export const milliseconds = (minimum: number) => integer(minimum, LONGEST_TIMEOUT_MS)
export const oneOf = (...values: string[]) => ({ type: 'string', enum: values }) as const
/** Of an order whose number may be known on both. */
export const side = oneOf('production', 'sandbox')

/** Where several merchants of the world may have it. */
export const mchId = text(32)

export interface InWorld {
  readonly world: string
}
export interface OfOrder extends InWorld {
  readonly outTradeNo: string
}
