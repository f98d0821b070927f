import { createHash } from 'node:crypto'
import type { CodeSession, MiniProgram } from '../client/mini-program.ts'
import { WechatError } from '../errors.ts'
import type { Identity } from '../model.ts'
import { Secret } from '../base/secret.ts'
import type { Store } from '../store/store.ts'

export interface LoginDeps {
  appid: string
  miniProgram: MiniProgram
  store: Store
  now: () => Date
  /** Life of a built-in token, ms. */
  tokenTtlMs: number
  randomToken: () => string
}

export interface Login {
  /**
   * Exchanges a code. Two calls with one code at the same moment make one exchange and get the same answer.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID`, `WECHAT_BUSY` while 100 exchanges are under way, or what the exchange threw
   */
  exchange(code: string): Promise<CodeSession & Identity>
  /** A new opaque token; the store keeps its hash. */
  issueToken(identity: Identity): Promise<{ token: string; expiresAt: Date }>
  /** The identity a token stands for; `undefined` when it is unknown or expired. */
  identify(token: string): Promise<Identity | undefined>
  /** Ends a token's life. */
  revokeToken(token: string): Promise<void>
}

/** wx.login gives about 32 letters and digits; the grammar is not published. */
const CODE = /^[0-9A-Za-z_-]{1,128}$/

/** Anybody can send codes: each exchange takes a socket for as long as WeChat takes to answer. */
const MAX_UNDER_WAY = 100

export function createLogin({ appid, miniProgram, store, now, tokenTtlMs, randomToken }: LoginDeps): Login {
  const underWay = new Map<string, Promise<CodeSession & Identity>>()

  return {
    async exchange(code) {
      if (typeof code !== 'string' || !CODE.test(code)) {
        throw new WechatError(
          'WECHAT_INPUT_INVALID',
          'The login code must be 1 to 128 letters, digits, "_" or "-": send the `code` of wx.login.',
        )
      }
      if (underWay.size >= MAX_UNDER_WAY && !underWay.has(code)) {
        throw new WechatError(
          'WECHAT_BUSY',
          `${MAX_UNDER_WAY} logins are under way at WeChat. Try again in a moment, with the same code.`,
          { advice: 'repeat', sent: false },
        )
      }
      const exchange =
        underWay.get(code) ?? miniProgram.code2Session(new Secret(code)).then((session) => ({ ...session, appid }))
      underWay.set(code, exchange)
      try {
        return await exchange
      } finally {
        underWay.delete(code)
      }
    },

    async issueToken({ appid, openid, unionid }) {
      const token = randomToken()
      const expiresAt = new Date(now().getTime() + tokenTtlMs)
      await store.putSession({ tokenHash: hash(token), appid, openid, unionid, expiresAt })
      return { token, expiresAt }
    },

    async identify(token) {
      const session = await store.getSession(hash(token))
      if (session === undefined || session.appid !== appid || session.expiresAt <= now()) return undefined
      return { appid: session.appid, openid: session.openid, unionid: session.unionid }
    },

    async revokeToken(token) {
      await store.deleteSession(hash(token))
    },
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
