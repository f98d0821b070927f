import type { FieldChanges } from '../../wire/tamper.ts'
import type { Make } from '../plays.ts'

/** What the shared chapters need to know about a version. */
export interface Dialect {
  /** N-201 of API v2 is V-201 of API v3. */
  readonly id: (number: number) => string
  readonly source: string
  /** A genuine notification with other values. */
  readonly changed: (changes: FieldChanges) => Make
  /** The same payment, in other bytes. */
  readonly again: Make
  /** The same payment, with its fields in another order. */
  readonly reordered: Make
  /** For a payment of yesterday. */
  readonly old: Make
  /** For a failed payment. */
  readonly failed: Make
  /** Bodies that a backend must refuse without revealing anything internal. */
  readonly odd: (genuine: string) => readonly string[]
  readonly contentType: string
  /** Content-Types that a handler may not know. */
  readonly otherType: string
}
