import { keepNewest } from '../base/keep-newest.ts'
import type { Random } from '../base/random.ts'
import { wechatTime } from '../wire/time.ts'

/** `plain` tokens come from /cgi-bin/token, `stable` ones from /cgi-bin/stable_token: the two kinds are independent. */
type Kind = 'plain' | 'stable'

interface Token {
  readonly text: string
  readonly kind: Kind
  readonly expiresAt: Date
  /** When a newer one replaced it; undefined until then. */
  staleAt: Date | undefined
}

/** A token as returned to the caller. */
export interface GivenToken {
  readonly access_token: string
  readonly expires_in: number
}

/** An app's access tokens (developers.weixin.qq.com: getAccessToken, getStableAccessToken). */
export interface Tokens {
  /** A new one; earlier ones stay valid for some minutes. */
  readonly fetch: () => GivenToken
  /**
   * The current one, or its successor in its last five minutes. With `force` a new one, which invalidates earlier ones at
   * once; at most 20 times a day, and within 30 s of the last time nothing is refreshed.
   */
  readonly stable: (force: boolean) => GivenToken | 'quota'
  readonly has: (text: string) => boolean
  readonly judge: (text: string) => 'good' | 'expired' | 'stale'
  readonly dump: () => TokensDump
  readonly load: (dump: TokensDump) => void
}

/** An app's tokens as stored in a snapshot. */
export interface TokensDump {
  readonly tokens: readonly Token[]
  /** How many were ever created: the next one is drawn by this number. */
  readonly issued: number
  /** The times of forced refreshes on the last day that had any. */
  readonly forced: readonly Date[]
}

export const NO_TOKENS: TokensDump = { tokens: [], issued: 0, forced: [] }

const LIFE_MS = 7_200_000
/** "Some minutes" in the documentation for plain ones, five for stable ones. */
const OVERLAP_MS = 300_000
const FORCE_PAUSE_MS = 30_000
const FORCE_PER_DAY = 20
/** A token that was dropped counts as unknown to WeChat. */
const MAX_TOKENS = 1000

export function createTokens(random: Random, now: () => Date, limit = MAX_TOKENS): Tokens {
  const tokens = new Map<string, Token>()
  let issued = 0
  let forced: Date[] = []

  const later = (ms: number) => new Date(now().getTime() + ms)
  const left = ({ expiresAt }: Token) => expiresAt.getTime() - now().getTime()
  const given = (token: Token): GivenToken => ({ access_token: token.text, expires_in: Math.floor(left(token) / 1000) })

  function issue(kind: Kind): GivenToken {
    const n = issued++
    // Long, as in recordings: an application whose storage is too small should find out before production.
    const text = `${random.digits(2, 'access_token', n)}_${Array.from({ length: 4 }, (_, part) => random.urlSafe(32, 'access_token', n, part)).join('')}`
    const token = { text, kind, expiresAt: later(LIFE_MS), staleAt: undefined }
    tokens.set(text, token)
    keepNewest(tokens, limit)
    return given(token)
  }

  function retire(kind: Kind, at: Date): void {
    for (const token of tokens.values()) if (token.kind === kind) token.staleAt ??= at
  }

  function force(): GivenToken | 'quota' | undefined {
    const last = forced.at(-1)
    if (last && now().getTime() - last.getTime() < FORCE_PAUSE_MS) return undefined
    const day = (time: Date) => wechatTime(time).slice(0, 8)
    const today = forced.filter((time) => day(time) === day(now()))
    if (today.length >= FORCE_PER_DAY) return 'quota'
    forced = [...today, now()]
    retire('stable', now())
    return issue('stable')
  }

  function keep(): GivenToken {
    const newest = [...tokens.values()].filter(({ kind }) => kind === 'stable').at(-1)
    return newest && left(newest) > OVERLAP_MS ? given(newest) : issue('stable')
  }

  return {
    fetch: () => {
      retire('plain', later(OVERLAP_MS))
      return issue('plain')
    },
    stable: (wanted) => (wanted ? force() : undefined) ?? keep(),
    has: (text) => tokens.has(text),
    judge: (text) => {
      const token = tokens.get(text)
      if (!token || (token.staleAt && token.staleAt <= now())) return 'stale'
      return left(token) > 0 ? 'good' : 'expired'
    },
    dump: () => ({ tokens: [...tokens.values()], issued, forced }),
    load: (dump) => {
      tokens.clear()
      for (const token of dump.tokens) tokens.set(token.text, token)
      issued = dump.issued
      forced = [...dump.forced]
    },
  }
}
