import { strict, text, validate, type Properties, type Schema } from '../base/schema.ts'
import { keepNewest } from '../base/keep-newest.ts'
import type { Random } from '../base/random.ts'
import { CODE, type Code, type CodeOptions, createCodeBook } from './codes.ts'

export interface User {
  readonly openid: string
  unionid: string | undefined
  /** The nickname; undefined: the placeholder WeChat has reported for everyone since 2022. */
  nickName: string | undefined
  /** base64 of 16 bytes. */
  sessionKey: string
  sessionKeySince: Date
}

/** What can be set about a user. */
export type UserChanges = { readonly [Name in 'unionid' | 'nickName']?: string | undefined }

/** The app, if the world has several; default: the one that knows the openid, else the first. */
export interface OfApp {
  readonly appid?: string
}

/** Whose login code it is, and how long and how often it works. */
export interface LoginCodeOptions extends CodeOptions, OfApp {
  /** Default: a new user. */
  readonly openid?: string
  /** Set for users of an app bound to an Open Platform account. */
  readonly unionid?: string
}

export const OF_APP: Properties = { appid: text(32) }
const OPENID = text(128)
export const LOGIN_CODE: Schema = strict({ ...OF_APP, ...CODE, openid: OPENID, unionid: text(128) })
export const USER: Schema = strict({ ...OF_APP, unionid: text(128), nickName: text(128) })

export interface LoginCode extends Pick<Code<object>, 'code' | 'expiresAt'> {
  readonly user: User
}

/** A phone number as WeChat reports it. */
export interface PhoneNumber {
  /** Prefixed with the country code if it is a foreign number. */
  readonly phoneNumber: string
  readonly purePhoneNumber: string
  readonly countryCode: string
}

/** An app's users and the codes issued by their clients. */
export interface Users {
  /** Whether this openid was drawn here, not chosen by a test. */
  readonly drew: (openid: string) => boolean
  readonly list: () => User[]
  readonly find: (openid: string) => User | undefined
  /**
   * The user with this openid, created if unknown.
   * @throws MockError BAD_INPUT
   */
  readonly know: (openid: string, changes?: UserChanges) => User
  /** wx.login: a code, and a new session_key if the last one is old enough. */
  readonly issueCode: (options: LoginCodeOptions) => LoginCode
  /** Redeems a code of wx.login, unless its user has redeemed too many in the last minute. */
  readonly exchange: (code: string) => User | 'invalid code' | 'code been used' | 'too many'
  /** A new session_key; one created on request keeps the age of the old one, so it is replaced at the same time. */
  readonly rotate: (user: User, age: 'kept' | 'new') => void
  /** The code of a button for the phone number. */
  readonly issuePhoneCode: (phone: PhoneNumber, options: CodeOptions) => Code<PhoneNumber>
  readonly hasPhoneCode: (code: string) => boolean
  /** Redeems one. */
  readonly exchangePhoneCode: (code: string) => PhoneNumber | 'invalid code' | 'code been used'
  readonly dump: () => UsersDump
  readonly load: (dump: UsersDump) => void
}

/** The user that a code of wx.login belongs to. */
interface Holder {
  readonly openid: string
}

/** An app's users as stored in a snapshot. */
export interface UsersDump {
  readonly users: readonly User[]
  readonly codes: readonly Code<Holder>[]
  readonly phoneCodes: readonly Code<PhoneNumber>[]
  readonly drawn: readonly string[]
  /** How many were ever created: the next one is drawn by this number. */
  readonly issued: { readonly codes: number; readonly phoneCodes: number; readonly openids: number }
}

export const NO_USERS: UsersDump = {
  users: [],
  codes: [],
  phoneCodes: [],
  drawn: [],
  issued: { codes: 0, phoneCodes: 0, openids: 0 },
}

/** At least this many of the newest users and codes are remembered. */
const MAX_USERS = 10_000

export interface UsersOptions {
  /** How long wx.login keeps a session_key; undefined: forever. */
  readonly sessionKeyMs: number | undefined
  /** How many codes of one user may be redeemed per minute; undefined: any number. */
  readonly codeLimit?: number | undefined
  readonly limit?: number
}

const MINUTE_MS = 60_000

export function createUsers(
  random: Random,
  now: () => Date,
  { sessionKeyMs, codeLimit, limit = MAX_USERS }: UsersOptions,
): Users {
  const users = new Map<string, User>()
  const codes = createCodeBook<Holder>(now, limit)
  const phoneCodes = createCodeBook<PhoneNumber>(now, limit)
  const drawn = new Set<string>()
  let issued = { ...NO_USERS.issued }
  /** By openid: the world times of the exchanges of the last minute. */
  const exchanges = new Map<string, number[]>()

  /** Counts a redemption; false if the limit is exceeded. */
  function mayExchange(openid: string): boolean {
    if (codeLimit === undefined) return true
    const time = now().getTime()
    const recent = (exchanges.get(openid) ?? []).filter((then) => time - then < MINUTE_MS)
    if (recent.length >= codeLimit) return false
    exchanges.delete(openid)
    exchanges.set(openid, [...recent, time])
    keepNewest(exchanges, limit)
    return true
  }

  /** `previous` is the one it replaces, so that two drawn at the same moment differ. */
  const drawKey = (openid: string, previous = '') => random.base64(16, 'session_key', openid, now().getTime(), previous)

  function know(openid: string, changes: UserChanges = {}): User {
    let user = users.get(openid)
    if (!user) {
      validate(OPENID, openid, 'openid')
      users.set(
        openid,
        (user = {
          openid,
          unionid: undefined,
          nickName: undefined,
          sessionKey: drawKey(openid),
          sessionKeySince: now(),
        }),
      )
      keepNewest(users, limit)
    }
    for (const name of ['unionid', 'nickName'] as const) user[name] = changes[name] ?? user[name]
    return user
  }

  function drawOpenid(): string {
    const openid = `o${random.urlSafe(27, 'openid', issued.openids++)}`
    drawn.add(openid)
    keepNewest(drawn, limit)
    return openid
  }

  function rotate(user: User, age: 'kept' | 'new'): void {
    user.sessionKey = drawKey(user.openid, user.sessionKey)
    if (age === 'new') user.sessionKeySince = now()
  }

  return {
    drew: (openid) => drawn.has(openid),
    list: () => [...users.values()],
    find: (openid) => users.get(openid),
    know,
    issueCode: ({ openid = drawOpenid(), unionid, ...options }) => {
      const user = know(openid, { unionid })
      // Here, not when the code is redeemed: a server that never sees the code is left with an invalid key.
      if (sessionKeyMs !== undefined && now().getTime() - user.sessionKeySince.getTime() > sessionKeyMs) {
        rotate(user, 'new')
      }
      const n = issued.codes++
      const { code, expiresAt } = codes.issue(
        `0${random.digits(1, 'code', n)}${random.alphanumeric(30, 'code', n)}`,
        { openid },
        options,
      )
      return { code, user, expiresAt }
    },
    exchange: (text) => {
      const checked = codes.check(text)
      if (typeof checked === 'string') return checked
      // The code stays valid for the next minute.
      if (!mayExchange(checked.worth.openid)) return 'too many'
      checked.usesLeft--
      return know(checked.worth.openid)
    },
    rotate,
    issuePhoneCode: (phone, options) =>
      phoneCodes.issue(random.hex(64, 'phone_code', issued.phoneCodes++), phone, options),
    hasPhoneCode: phoneCodes.has,
    exchangePhoneCode: phoneCodes.spend,
    dump: () => ({
      users: [...users.values()],
      codes: codes.dump(),
      phoneCodes: phoneCodes.dump(),
      drawn: [...drawn],
      issued: { ...issued },
    }),
    load: (dump) => {
      for (const index of [users, drawn, exchanges]) index.clear()
      for (const user of dump.users) users.set(user.openid, user)
      codes.load(dump.codes)
      phoneCodes.load(dump.phoneCodes)
      for (const openid of dump.drawn) drawn.add(openid)
      issued = { ...dump.issued }
    },
  }
}
