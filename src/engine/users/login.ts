import { createHash } from 'node:crypto'
import type { CodeSession } from '../../client/mini-program/mini-program.ts'
import { WechatError } from '../../errors.ts'
import type { Identity } from '../../model.ts'
import { Secret } from '../../base/secret.ts'
import type { Apps } from './apps.ts'
import type { Store } from '../../store/store.ts'

export interface LoginDeps {
  apps: Apps
  store: Store
  now: () => Date
  /** Lifetime of a built-in token, ms. */
  tokenTtlMs: number
  randomToken: () => string
}

/** The steps of a login: `fastify.wechat.login`. */
export interface Login {
  /**
   * Exchanges a code. Simultaneous calls with one code, and those within five seconds after its success, share one exchange and get the same answer,
   * so a double tap does not fail. Each process remembers codes separately, by their hashes.
   *
   * @param app The app's name or appid; needed if there are several.
   * @throws {WechatError} `WECHAT_INPUT_INVALID`, `WECHAT_BUSY` while 100 exchanges are in progress, or what the exchange threw
   */
  exchange(code: string, app?: string): Promise<CodeSession & Identity>
  /** A new opaque token; the store keeps its hash. */
  issueToken(identity: Identity): Promise<{ token: string; expiresAt: Date }>
  /** The identity a token stands for; `undefined` when it is unknown, expired, or of an app that is not registered. */
  identify(token: string): Promise<Identity | undefined>
  /** Revokes a token. */
  revokeToken(token: string): Promise<void>
}

/** wx.login gives about 32 letters and digits; the grammar is not published. */
const CODE = /^[0-9A-Za-z_-]{1,128}$/

/** Anybody can send codes, and each exchange takes a socket until WeChat answers. */
const MAX_UNDER_WAY = 100

/** WeChat accepts a code once. A client that sends it twice, e.g. after a double tap, does so within this time. */
const REMEMBERED_MS = 5000

export function createLogin({ apps, store, now, tokenTtlMs, randomToken }: LoginDeps): Login {
  const underWay = new Map<string, Promise<CodeSession & Identity>>()
  /** The results of codes, by their hashes, oldest first. */
  const remembered = new Map<string, { at: number; session: CodeSession & Identity }>()

  function recall(name: string): (CodeSession & Identity) | undefined {
    const time = now().getTime()
    for (const [other, { at }] of remembered) {
      if (time - at < REMEMBERED_MS) break
      remembered.delete(other)
    }
    return remembered.get(name)?.session
  }

  return {
    async exchange(code, app) {
      if (typeof code !== 'string' || !CODE.test(code)) {
        throw new WechatError(
          'WECHAT_INPUT_INVALID',
          'The login code must be 1 to 128 letters, digits, "_" or "-": send the `code` of wx.login.',
        )
      }
      const { appid, miniProgram } = apps.find(app)
      const name = hash(`${appid} ${code}`)
      const known = recall(name)
      if (known !== undefined) return known
      if (underWay.size >= MAX_UNDER_WAY && !underWay.has(name)) {
        throw new WechatError(
          'WECHAT_BUSY',
          `${MAX_UNDER_WAY} logins are waiting for WeChat. Try again in a moment, with the same code.`,
          { advice: 'repeat', sent: false },
        )
      }
      const exchange =
        underWay.get(name) ?? miniProgram.code2Session(new Secret(code)).then((session) => ({ ...session, appid }))
      underWay.set(name, exchange)
      try {
        const session = await exchange
        if (!remembered.has(name)) remembered.set(name, { at: now().getTime(), session })
        return session
      } finally {
        underWay.delete(name)
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
      if (session === undefined || !apps.appids.includes(session.appid) || session.expiresAt <= now()) return undefined
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
