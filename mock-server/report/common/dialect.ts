import type { FieldChanges } from '../../wire/tamper.ts'
import type { Make } from '../plays.ts'

/** What the chapters that both versions have in common need of a version. */
export interface Dialect {
  /** N-201 of API v2 is V-201 of API v3. */
  readonly id: (number: number) => string
  readonly source: string
  /** A genuine notification with other values. */
  readonly changed: (changes: FieldChanges) => Make
  /** The same payment in other bytes. */
  readonly again: Make
  /** The same, in another order. */
  readonly reordered: Make
  /** Of a payment of yesterday. */
  readonly old: Make
  /** Of a payment that failed. */
  readonly failed: Make
  /** Bodies that have to be refused without a word of the inside. */
  readonly odd: (genuine: string) => readonly string[]
  readonly contentType: string
  /** Content-Types that a handler may not know. */
  readonly otherType: string
}
