import type { SignExplanation } from '../wire/explain-sign.ts'
import type { Api, Verdict } from '../wire/names.ts'

/** Something that works here and may not work in production. */
export interface Finding {
  /** Stable, for example `nonce-repeated`. */
  readonly rule: string
  /** `info` is told, `warning` is also refused by a strict world. */
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
  /** What the mock thought of it: the verdict, or why it refused. */
  readonly note?: string
  /** The name of the fault that struck it. */
  readonly fault?: string
  /** Why the signature of the request is not right. */
  readonly sign?: SignExplanation
  /** What production may not like about the request. */
  readonly lint?: readonly Finding[]
  /** Of a notification: which delivery it was, and how the answer was taken. */
  readonly deliveryId?: string
  readonly verdict?: Verdict
}
