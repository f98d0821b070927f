import { WechatError } from '../errors.ts'
import { seal, unseal } from '../protocol/user-data.ts'
import { Secret } from '../base/secret.ts'
import type { Http } from './http.ts'
import type { KeyRing } from './key-ring.ts'
import { judge } from './wechat-json.ts'

/** What the processes of a server share by a name. */
export interface Shared {
  get(name: string): Promise<string | undefined>
  swap(name: string, before: string | undefined, after: string): Promise<boolean>
}

export interface AccessTokenDeps {
  http: Http
  appid: string
  appSecrets: KeyRing
  shared: Shared
  now: () => Date
  /** 32 hex digits, never given before. */
  nonce: () => string
}

export interface AccessTokens {
  /** Does a call with the app's access token; once more with a new one where WeChat says that it is not the latest, as nothing was done then. */
  use<T>(task: (token: Secret) => Promise<T>): Promise<T>
}

interface Token {
  token: string
  /** ms since 1970 by our clock. */
  expiresAt: number
}

/** A token is changed so long before its end. In its last five minutes WeChat gives out the next one, and takes both (getStableAccessToken). */
const MARGIN_MS = 2 * 60_000

const PURPOSE = 'fastify-wechat-pay access token'

/** What WeChat says of a token that it does not take: not the latest, not one, ended. */
const STALE = ['40001', '40014', '42001']

/**
 * The access token of stable_token: fetched once at a time, kept here and, encrypted under the app secret, where the other processes find it. Tokens of this kind do not
 * end each other, so no lock is needed: a process that finds none asks, and gets the same.
 */
export function createAccessTokens({ http, appid, appSecrets, shared, now, nonce }: AccessTokenDeps): AccessTokens {
  const name = `access-token:${appid}`
  let current: Token | undefined
  let underWay: Promise<Token> | undefined

  const isGood = (token: Token | undefined, refused: string | undefined): token is Token =>
    token !== undefined && token.token !== refused && token.expiresAt > now().getTime() + MARGIN_MS

  /** A token that is good, and not the one that WeChat has refused. */
  async function get(refused?: string): Promise<Token> {
    if (isGood(current, refused)) return current
    underWay ??= find(refused).finally(() => {
      underWay = undefined
    })
    return (current = await underWay)
  }

  async function find(refused: string | undefined): Promise<Token> {
    // A store that fails must not keep WeChat from being asked.
    const sealed = await shared.get(name).catch(() => undefined)
    const known = sealed === undefined ? undefined : read(sealed)
    if (isGood(known, refused)) return known
    const fetched = await appSecrets.use(
      fetchToken,
      (error) => error instanceof WechatError && error.wechatCode === '40125',
    )
    const next = seal(JSON.stringify(fetched), appSecrets.current.reveal(), PURPOSE, nonce().slice(0, 24))
    await shared.swap(name, sealed, next).catch(() => false)
    return fetched
  }

  function read(sealed: string): Token | undefined {
    for (const secret of appSecrets.all) {
      const text = unseal(sealed, secret.reveal(), PURPOSE)
      if (text !== undefined) return JSON.parse(text) as Token
    }
    return undefined
  }

  async function fetchToken(appSecret: Secret): Promise<Token> {
    const reply = await http.send({
      method: 'POST',
      path: '/cgi-bin/stable_token',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ grant_type: 'client_credential', appid, secret: appSecret.reveal() }),
      repeatable: true,
    })
    const { access_token: token, expires_in: seconds } = judge(reply, 'the access token', [appSecret])
    if (typeof token !== 'string' || token === '' || !Number.isSafeInteger(seconds)) {
      throw new WechatError('WECHAT_REPLY_INVALID', 'WeChat gave no access token. Try again.', { advice: 'repeat' })
    }
    return { token, expiresAt: now().getTime() + (seconds as number) * 1000 }
  }

  return {
    async use(task) {
      const { token } = await get()
      try {
        return await task(new Secret(token))
      } catch (error) {
        if (!(error instanceof WechatError && STALE.includes(error.wechatCode ?? ''))) throw error
      }
      return await task(new Secret((await get(token)).token))
    },
  }
}
