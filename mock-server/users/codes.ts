import { integer, type Properties } from '../base/schema.ts'
import { parseSeconds } from '../clock/duration.ts'
import { keepNewest } from '../base/keep-newest.ts'

/** Codes that the WeChat client hands to a mini program for its server to redeem. */
export interface Code<T extends object> {
  readonly code: string
  /** What the server gets in return. */
  readonly worth: T
  readonly expiresAt: Date
  usesLeft: number
}

/** How long and how often a code works. */
export interface CodeOptions {
  /** Seconds; default 300. */
  readonly ttl?: number
  /** Default 1. */
  readonly uses?: number
}

/** `ttl` is checked where it is parsed. */
export const CODE: Properties = { ttl: { type: 'number' }, uses: integer(1) }

export interface CodeBook<T extends object> {
  readonly issue: (code: string, worth: T, options: CodeOptions) => Code<T>
  readonly has: (code: string) => boolean
  /** Returns the code if it can be redeemed; the caller redeems it. */
  readonly check: (code: string) => Code<T> | 'invalid code' | 'code been used'
  /** Exactly one of two parallel attempts succeeds: nothing is awaited between test and set. */
  readonly spend: (code: string) => T | 'invalid code' | 'code been used'
  readonly dump: () => readonly Code<T>[]
  readonly load: (codes: readonly Code<T>[]) => void
}

export function createCodeBook<T extends object>(now: () => Date, limit: number): CodeBook<T> {
  const codes = new Map<string, Code<T>>()
  function check(text: string): Code<T> | 'invalid code' | 'code been used' {
    const code = codes.get(text)
    if (!code || code.expiresAt <= now()) return 'invalid code'
    return code.usesLeft === 0 ? 'code been used' : code
  }
  return {
    check,
    issue: (text, worth, { ttl = 300, uses = 1 }) => {
      const code = {
        code: text,
        worth,
        expiresAt: new Date(now().getTime() + parseSeconds(ttl, 'ttl')),
        usesLeft: uses,
      }
      codes.set(text, code)
      keepNewest(codes, limit)
      return code
    },
    has: (text) => codes.has(text),
    spend: (text) => {
      const code = check(text)
      if (typeof code === 'string') return code
      code.usesLeft--
      return code.worth
    },
    dump: () => [...codes.values()],
    load: (dump) => {
      codes.clear()
      for (const code of dump) codes.set(code.code, code)
    },
  }
}
