import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import type { FastifySchema } from 'fastify'
import { integer, text, type Schema } from '../base/schema.ts'
import { LAST_MOMENT } from '../clock/duration.ts'

/** The schema of a route: a one-sentence summary, and its input. Only @fastify/swagger's types know `summary`. */
export const about = (summary: string, input: FastifySchema = {}): FastifySchema => Object.assign({ summary }, input)

/** A duration, at most as long as the calendar. */
export const seconds = integer(0, Math.floor(LAST_MOMENT / 1000))
/** Real time. */
export const milliseconds = (minimum: number) => integer(minimum, LONGEST_TIMEOUT_MS)
/** Which merchant, if several may own it. */
export const mchId = text(32)
export const digits: Schema = { type: 'string', pattern: '^\\d+$', description: 'digits' }

export interface InWorld {
  readonly world: string
}
export interface OfOrder extends InWorld {
  readonly outTradeNo: string
}

/** A page of a list of long items: all of them might exceed the maximum length of a string. */
export const MAX_PAGE = 500
export interface Page {
  readonly limit?: string
}
export const limit: Schema = {
  type: 'string',
  pattern: '^([1-9]\\d?|[1-4]\\d\\d|500)$',
  description: `a number from 1 to ${MAX_PAGE}`,
}
export const limitOf = ({ limit = String(MAX_PAGE) }: Page) => Number(limit)

/** The newest of a list, at most `limit` of those before `end`. */
export const newest = <T>(list: readonly T[], page: Page, end = list.length): T[] =>
  list.slice(Math.max(0, end - limitOf(page)), end)
