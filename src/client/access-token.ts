import { WechatError } from '../errors.ts'
import { seal, unseal } from '../protocol/user-data.ts'
import { Secret } from '../base/secret.ts'
import type { Http } from './http.ts'
import type { KeyRing } from './key-ring.ts'
import { judge } from './wechat-json.ts'

/** Values that the processes share, by name. */
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
  /** 32 hex digits, new each time. */
  nonce: () => string
}

export interface AccessTokens {
  /** Makes a call with the app's access token, and repeats it once with a new token if WeChat says the token is not the latest: WeChat has then done nothing. */
  use<T>(task: (token: Secret) => Promise<T>): Promise<T>
}

interface Token {
  token: string
  /** ms since 1970 by our clock. */
  expiresAt: number
}

/** A token is replaced this long before it expires. In its last five minutes WeChat already issues the next one, and accepts both (getStableAccessToken). */
const MARGIN_MS = 2 * 60_000

const PURPOSE = 'fastify-wechat-pay access token'

/** WeChat's codes for a token it does not accept: not the latest, invalid, expired. */
const STALE = ['40001', '40014', '42001']

/**
 * The access token of stable_token: fetched by one call at a time, kept here and, encrypted under the app secret, in the store that the processes
 * share. Tokens of this kind do not invalidate each other, so no lock is needed: a process that finds none asks WeChat and gets the same token.
 */
export function createAccessTokens({ http, appid, appSecrets, shared, now, nonce }: AccessTokenDeps): AccessTokens {
  const name = `access-token:${appid}`
  let current: Token | undefined
  let underWay: Promise<Token> | undefined

  const isGood = (token: Token | undefined, refused: string | undefined): token is Token =>
    token !== undefined && token.token !== refused && token.expiresAt > now().getTime() + MARGIN_MS

  /** A valid token that is not the one WeChat refused. */
  async function get(refused?: string): Promise<Token> {
    if (isGood(current, refused)) return current
    underWay ??= find(refused).finally(() => {
      underWay = undefined
    })
    return (current = await underWay)
  }

  async function find(refused: string | undefined): Promise<Token> {
    // A failing store must not prevent the call to WeChat.
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
      throw new WechatError('WECHAT_REPLY_INVALID', 'WeChat returned no access token. Try again.', { advice: 'repeat' })
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
