import { keepNewest } from './newest.ts'
import type { Random } from './random.ts'

export interface User {
  readonly openid: string
  unionid: string | undefined
  /** base64 of 16 bytes. */
  sessionKey: string
  sessionKeySince: Date
}

export interface LoginCode {
  readonly code: string
  readonly user: User
  readonly expiresAt: Date
  usesLeft: number
}

export interface LoginCodeOptions {
  /** Default: a new user. */
  readonly openid?: string
  /** Makes the user one of an app bound to an Open Platform account. */
  readonly unionid?: string
  /** Seconds; default 300. */
  readonly ttl?: number
  /** Default 1. */
  readonly uses?: number
}

/** WeChat does not publish how long it keeps a session_key between two logins; ten minutes is the mock's choice. */
const SESSION_KEY_REFRESH_MS = 600_000

/** An app's users and the codes their wx.login gave them. */
export interface Users {
  /** Whether this openid is one that was drawn here, not one that a test has chosen. */
  readonly drew: (openid: string) => boolean
  /** The user with this openid, made known if it is not yet. */
  readonly know: (openid: string, unionid?: string) => User
  readonly issueCode: (options: LoginCodeOptions) => LoginCode
  /** Spends a code. One of two parallel exchanges succeeds: nothing is awaited between test and set. */
  readonly exchange: (code: string) => User | 'invalid code' | 'code been used'
  readonly dump: () => UsersDump
  readonly load: (dump: UsersDump) => void
}

/** An app's users, as they go into a snapshot. */
export interface UsersDump {
  readonly users: readonly User[]
  readonly codes: readonly (Omit<LoginCode, 'user'> & { readonly openid: string })[]
  readonly drawn: readonly string[]
  /** How many there ever were: the next one is drawn by this number. */
  readonly issued: { readonly codes: number, readonly openids: number }
}

export const NO_USERS: UsersDump = { users: [], codes: [], drawn: [], issued: { codes: 0, openids: 0 } }

/** At least so many users, and codes, are remembered, the newest. */
const MAX_USERS = 10_000

export function createUsers (random: Random, now: () => Date, limit = MAX_USERS): Users {
  const users = new Map<string, User>()
  const codes = new Map<string, LoginCode>()
  const drawn = new Set<string>()
  let issued = { ...NO_USERS.issued }

  const freshKey = (openid: string) => ({ sessionKey: random.base64(16, 'session_key', openid, now().getTime()), sessionKeySince: now() })

  function know (openid: string, unionid?: string): User {
    let user = users.get(openid)
    if (!user) {
      users.set(openid, user = { openid, unionid: undefined, ...freshKey(openid) })
      keepNewest(users, limit)
    }
    user.unionid = unionid ?? user.unionid
    return user
  }

  function drawOpenid (): string {
    const openid = `o${random.urlSafe(27, 'openid', issued.openids++)}`
    drawn.add(openid)
    keepNewest(drawn, limit)
    return openid
  }

  return {
    drew: openid => drawn.has(openid),
    know,
    issueCode: ({ openid = drawOpenid(), unionid, ttl = 300, uses = 1 }) => {
      const n = issued.codes++
      const code: LoginCode = {
        code: `0${random.digits(1, 'code', n)}${random.alphanumeric(30, 'code', n)}`,
        user: know(openid, unionid),
        expiresAt: new Date(now().getTime() + ttl * 1000),
        usesLeft: uses
      }
      codes.set(code.code, code)
      keepNewest(codes, limit)
      return code
    },
    exchange: text => {
      const code = codes.get(text)
      if (!code || code.expiresAt <= now()) return 'invalid code'
      if (code.usesLeft === 0) return 'code been used'
      code.usesLeft--
      const { user } = code
      if (now().getTime() - user.sessionKeySince.getTime() > SESSION_KEY_REFRESH_MS) Object.assign(user, freshKey(user.openid))
      return user
    },
    dump: () => ({
      users: [...users.values()],
      codes: Array.from(codes.values(), ({ user, ...code }) => ({ ...code, openid: user.openid })),
      drawn: [...drawn],
      issued: { ...issued }
    }),
    load: dump => {
      for (const index of [users, codes, drawn]) index.clear()
      for (const user of dump.users) users.set(user.openid, user)
      for (const { openid, ...code } of dump.codes) codes.set(code.code, { ...code, user: know(openid) })
      for (const openid of dump.drawn) drawn.add(openid)
      issued = { ...dump.issued }
    }
  }
}
