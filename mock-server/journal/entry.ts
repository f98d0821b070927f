import type { SignExplanation } from '../wire/explain-sign.ts'
import type { Api, Verdict } from '../wire/names.ts'

/** Something that works here but might not work in production. */
export interface Finding {
  /** Stable, for example `nonce-repeated`. */
  readonly rule: string
  /** `info` is only reported; a strict world also refuses a `warning`. */
  readonly level: 'info' | 'warning'
  readonly field: string
  readonly message: string
}

/** One exchange on the wire, seen from the mock: `in` is a call to WeChat, `out` a notification. */
export interface JournalEntry {
  /** Grows by one from entry to entry of a journal. */
  readonly cursor: number
  /** World time. */
  readonly at: Date
  readonly direction: 'in' | 'out'
  /** `unknown` is a call to a path that is not emulated. */
  readonly api: Api | 'unknown'
  readonly outTradeNo?: string
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, unknown>>
    readonly body: string
  }
  readonly response?: {
    readonly status: number
    readonly headers: Readonly<Record<string, unknown>>
    readonly body: string
  }
  /** The mock's result: the verdict, or why it refused. */
  readonly note?: string
  /** The name of the fault that was applied. */
  readonly fault?: string
  /** Why the request's signature is wrong. */
  readonly sign?: SignExplanation
  /** What production might refuse about the request. */
  readonly lint?: readonly Finding[]
  /** For a notification: which delivery it was, and the verdict on the answer. */
  readonly deliveryId?: string
  readonly verdict?: Verdict
}
