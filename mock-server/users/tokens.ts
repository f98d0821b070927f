import { keepNewest } from '../base/keep-newest.ts'
import type { Random } from '../base/random.ts'
import { wechatTime } from '../wire/time.ts'

/** `plain` tokens come from /cgi-bin/token, `stable` ones from /cgi-bin/stable_token: neither kind touches the other. */
type Kind = 'plain' | 'stable'

interface Token {
  readonly text: string
  readonly kind: Kind
  readonly expiresAt: Date
  /** When a newer one takes its place; undefined until then. */
  staleAt: Date | undefined
}

/** A token as it is given out. */
export interface GivenToken {
  readonly access_token: string
  readonly expires_in: number
}

/** An app's access tokens (developers.weixin.qq.com: getAccessToken, getStableAccessToken). */
export interface Tokens {
  /** A fresh one; the earlier ones work for some minutes more. */
  readonly fetch: () => GivenToken
  /**
   * The one there is, or the next in the last five minutes of its life. With force a new one, and the earlier ones are dead
   * at once; not sooner than 30 s after the last time, when nothing is refreshed, and 20 times a day.
   */
  readonly stable: (force: boolean) => GivenToken | 'quota'
  readonly has: (text: string) => boolean
  readonly judge: (text: string) => 'good' | 'expired' | 'stale'
  readonly dump: () => TokensDump
  readonly load: (dump: TokensDump) => void
}

/** An app's tokens, as they go into a snapshot. */
export interface TokensDump {
  readonly tokens: readonly Token[]
  /** How many there ever were: the next one is drawn by this number. */
  readonly issued: number
  /** When a refresh was forced, on the last day on which one was. */
  readonly forced: readonly Date[]
}

export const NO_TOKENS: TokensDump = { tokens: [], issued: 0, forced: [] }

const LIFE_MS = 7_200_000
/** "Some minutes" in the documents for the plain ones, five for the stable ones. */
const OVERLAP_MS = 300_000
const FORCE_PAUSE_MS = 30_000
const FORCE_PER_DAY = 20
/** A token that is forgotten is one that WeChat does not know. */
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
    // Long ones, as on record: whoever stores them should have found out before production.
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
