import { WechatError } from '../../errors.ts'
import { decryptUserData, isUserData, signSession } from '../../protocol/user-data.ts'
import type { EncryptedData } from '../../protocol/user-data.ts'
import { Secret } from '../../base/secret.ts'
import type { AccessTokens } from '../access-token.ts'
import type { Http } from '../http.ts'
import { judge } from '../wechat-json.ts'
import type { Refusals } from '../wechat-json.ts'

/** The phone number of a user. */
export interface PhoneNumber {
  /** With the country code, unless that is +86. */
  phoneNumber: string
  purePhoneNumber: string
  /** Such as `86`. */
  countryCode: string
}

/** What WeChat says about a user, besides the login. Every method throws `WechatError`. */
export interface Users {
  /**
   * The phone number that the user has agreed to give. `code` comes from the button (`open-type="getPhoneNumber"`), not from wx.login. It is valid
   * for one call within five minutes, so a sent call is not repeated.
   */
  phoneNumber(code: Secret): Promise<PhoneNumber>
  /** Whether the session key is still valid for the user (checkSessionKey). */
  checkSession(openid: string, sessionKey: Secret): Promise<boolean>
  /** Invalidates the session key and resolves with a new one, which does not last longer (ResetUserSessionKey). */
  resetSession(openid: string, sessionKey: Secret): Promise<Secret>
  /** The unionid of a user who has paid in the last five minutes (getPaidUnionId); `undefined` if the app is bound to no Open Platform account. */
  paidUnionid(openid: string, transactionId: string): Promise<string | undefined>
  /** Whether the client's `rawData`, unchanged, has this signature. */
  isUserData(rawData: string, signature: string, sessionKey: Secret): boolean
  /**
   * Decrypts what the client sends, and checks that its watermark names this app. The data does not identify the user: only the login does.
   *
   * @throws {WechatError} `WECHAT_SESSION_KEY_STALE` for another session key, `WECHAT_DATA_FOREIGN` for another app, `WECHAT_INPUT_INVALID`
   */
  decryptUserData(data: EncryptedData, sessionKey: Secret): Record<string, unknown>
}

const PHONE_CODE: readonly ['WECHAT_CODE_REJECTED', string] = [
  'WECHAT_CODE_REJECTED',
  'The phone number code has been used, has expired, or comes from wx.login or another app: let the user tap the button again.',
]
const STALE: readonly ['WECHAT_SESSION_KEY_STALE', string] = [
  'WECHAT_SESSION_KEY_STALE',
  'The session key is no longer valid for the user: log in again.',
]

/** Makes a call with the access token, and resolves with the reply's fields. `secrets` are removed from WeChat's text. */
export type AskWechat = (
  what: string,
  request: { path: string; query?: Record<string, string>; body?: object; repeatable: boolean; ifLost?: string },
  secrets: readonly Secret[],
  refusals: Refusals,
) => Promise<Record<string, unknown>>

export function createAsk(http: Http, tokens: AccessTokens): AskWechat {
  return async (what, { path, query = {}, body, repeatable, ifLost }, secrets, refusals) =>
    await tokens.use(async (token) => {
      const search = new URLSearchParams({ access_token: token.reveal(), ...query })
      const reply = await http.send({
        method: body === undefined ? 'GET' : 'POST',
        path: `${path}?${search}`,
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        repeatable,
        ifLost,
      })
      return judge(reply, what, [token, ...secrets], refusals, ifLost)
    })
}

export function createUsers(ask: AskWechat, appid: string): Users {
  const proof = (openid: string, sessionKey: Secret) => ({
    openid,
    signature: signSession(sessionKey.reveal()),
    sig_method: 'hmac_sha256',
  })

  return {
    async phoneNumber(code) {
      const { phone_info: info } = await ask(
        'a phone number',
        {
          path: '/wxa/business/getuserphonenumber',
          body: { code: code.reveal() },
          repeatable: false,
          ifLost: 'let the user tap the button again',
        },
        [code],
        { 40013: PHONE_CODE, 40029: PHONE_CODE, 47001: PHONE_CODE },
      )
      const { phoneNumber, purePhoneNumber, countryCode, watermark } = (info ?? {}) as Record<string, unknown>
      if (typeof phoneNumber !== 'string' || typeof purePhoneNumber !== 'string') {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          'WeChat returned no phone number. Let the user tap the button again.',
        )
      }
      if ((watermark as { appid?: unknown } | undefined)?.appid !== appid) {
        throw new WechatError(
          'WECHAT_DATA_FOREIGN',
          `The phone number belongs to an app other than ${appid}: check which app its code comes from.`,
        )
      }
      return { phoneNumber, purePhoneNumber, countryCode: String(countryCode) }
    },

    async checkSession(openid, sessionKey) {
      try {
        await ask(
          'a session',
          { path: '/wxa/checksession', query: proof(openid, sessionKey), repeatable: true },
          [sessionKey],
          { 87009: STALE },
        )
        return true
      } catch (error) {
        if (error instanceof WechatError && error.code === 'WECHAT_SESSION_KEY_STALE') return false
        throw error
      }
    },

    async resetSession(openid, sessionKey) {
      const { session_key: next } = await ask(
        'another session key',
        {
          path: '/wxa/resetusersessionkey',
          query: proof(openid, sessionKey),
          repeatable: false,
          ifLost: 'log in again',
        },
        [sessionKey],
        { 87007: STALE, 87009: STALE },
      )
      if (typeof next !== 'string' || next === '') {
        throw new WechatError('WECHAT_REPLY_INVALID', 'WeChat returned no session key. Log in again.')
      }
      return new Secret(next)
    },

    async paidUnionid(openid, transactionId) {
      const { unionid } = await ask(
        'a unionid',
        { path: '/wxa/getpaidunionid', query: { openid, transaction_id: transactionId }, repeatable: true },
        [],
        {},
      )
      return typeof unionid === 'string' && unionid !== '' ? unionid : undefined
    },

    isUserData: (rawData, signature, sessionKey) => isUserData(rawData, signature, sessionKey.reveal()),
    decryptUserData: (data, sessionKey) => decryptUserData(data, sessionKey.reveal(), appid),
  }
}
