import { WechatError } from '../../errors.ts'
import type { WechatErrorCode } from '../../errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Http, HttpReply } from '../http.ts'
import type { KeyRing } from '../key-ring.ts'

/** WeChat's reply to a login. */
export interface CodeSession {
  openid: string
  unionid: string | undefined
  sessionKey: Secret
}

/** The calls of a mini program: `fastify.wechat.miniProgram`. */
export interface MiniProgram {
  /**
   * Exchanges a login code (GET /sns/jscode2session). A code is valid for one exchange, so a sent request is never repeated.
   *
   * @throws {WechatError}
   */
  code2Session(code: Secret): Promise<CodeSession>
}

/** WeChat's code → our code and message. Four are in the official table; the others were recorded. */
const REFUSALS: Record<string, [WechatErrorCode, string]> = {
  '-1': ['WECHAT_UNAVAILABLE', 'WeChat is busy: log in again with a new code.'],
  40029: ['WECHAT_CODE_REJECTED', 'The login code is expired, unknown or from another appid: call wx.login again.'],
  40163: ['WECHAT_CODE_REJECTED', 'The login code has been used: call wx.login again.'],
  40226: ['WECHAT_USER_BLOCKED', 'WeChat considers this user high-risk.'],
  45011: ['WECHAT_RATE_LIMITED', 'This user logs in too often: try again in a minute.'],
  45009: ['WECHAT_UNAVAILABLE', 'The daily quota of calls is used up.'],
  40013: ['WECHAT_ACCOUNT_REFUSED', 'appid is not a mini program of WeChat: check `appid`.'],
  40125: ['WECHAT_ACCOUNT_REFUSED', 'the app secret does not belong to the appid or was reset: check `appSecret`.'],
  40164: [
    'WECHAT_ACCOUNT_REFUSED',
    "this server's address is not in the mini program's IP whitelist: add it in the console.",
  ],
  41002: ['WECHAT_ACCOUNT_REFUSED', 'the appid did not arrive: check `baseUrl` and proxies.'],
  41004: ['WECHAT_ACCOUNT_REFUSED', 'the app secret did not arrive: check `baseUrl` and proxies.'],
  40002: ['WECHAT_ACCOUNT_REFUSED', 'the grant type did not arrive: check `baseUrl` and proxies.'],
  // Documented for the access token, which is requested with the same appid and secret.
  40243: ['WECHAT_ACCOUNT_REFUSED', 'the app secret is frozen: unfreeze it in the mini program console.'],
  50007: ['WECHAT_ACCOUNT_REFUSED', 'the mini program is frozen: see the console.'],
  41008: ['WECHAT_INPUT_INVALID', 'The login code is missing.'],
}

/** "invalid appsecret": the code has not been used, and is still valid. */
const WRONG_SECRET = '40125'

export function createMiniProgram(http: Http, appid: string, appSecrets: KeyRing): MiniProgram {
  return {
    async code2Session(code) {
      return await appSecrets.use((appSecret) => exchange(appSecret, code), isWrongSecret)
    },
  }

  async function exchange(appSecret: Secret, code: Secret): Promise<CodeSession> {
    const query = new URLSearchParams({
      appid,
      secret: appSecret.reveal(),
      js_code: code.reveal(),
      grant_type: 'authorization_code',
    })
    const reply = await http.send({
      method: 'GET',
      path: `/sns/jscode2session?${query}`,
      repeatable: false,
      ifLost: 'log in again with a new code',
    })
    return judgeCode2Session(reply, [appSecret, code])
  }
}

function isWrongSecret(error: unknown): boolean {
  return error instanceof WechatError && error.wechatCode === WRONG_SECRET
}

/**
 * Judges the reply by its body, as every outcome has status 200 and `text/plain`. `secrets` are removed from WeChat's text before it is quoted.
 */
export function judgeCode2Session(reply: HttpReply, secrets: readonly Secret[] = []): CodeSession {
  if (reply.status !== 200) {
    throw new WechatError(
      reply.status >= 500 ? 'WECHAT_UNAVAILABLE' : 'WECHAT_REPLY_INVALID',
      `WeChat answered the login with HTTP ${reply.status}. Log in again with a new code.`,
    )
  }
  let body: unknown
  try {
    body = JSON.parse(reply.body.toString())
  } catch {
    body = undefined
  }
  if (typeof body !== 'object' || body === null) {
    throw new WechatError(
      'WECHAT_REPLY_INVALID',
      'WeChat answered the login with something that is not a JSON object. Log in again with a new code.',
    )
  }
  const { errcode, errmsg, openid, unionid, session_key: sessionKey } = body as Record<string, unknown>
  if (errcode !== undefined && !Number.isInteger(errcode)) {
    throw new WechatError(
      'WECHAT_REPLY_INVALID',
      'WeChat answered the login with an errcode that is not a number. Log in again with a new code.',
    )
  }
  if (errcode !== undefined && errcode !== 0) {
    const wechatCode = String(errcode)
    const [code, text] = REFUSALS[wechatCode] ?? ['WECHAT_REFUSED', 'WeChat refused the login: call wx.login again.']
    const words = secrets
      .reduce(
        (text, secret) => text.replaceAll(secret.reveal(), String(secret)),
        typeof errmsg === 'string' ? errmsg : '',
      )
      .slice(0, 200)
    // Faults of our own account concern the operator, not the client: the message is general, and `wechatText` and the hint go to the log.
    const message =
      code === 'WECHAT_ACCOUNT_REFUSED'
        ? `WeChat refused this server's configuration (${wechatCode}).`
        : `${text} (${wechatCode})`
    throw new WechatError(code, message, {
      wechatCode,
      wechatText: code === 'WECHAT_ACCOUNT_REFUSED' ? `${words}: ${text}` : words,
      ...(code === 'WECHAT_ACCOUNT_REFUSED' && { advice: 'configure' }),
    })
  }
  if (typeof openid !== 'string' || openid === '' || typeof sessionKey !== 'string' || sessionKey === '') {
    throw new WechatError(
      'WECHAT_REPLY_INVALID',
      'WeChat answered the login without openid or session key. Log in again with a new code.',
    )
  }
  return {
    openid,
    unionid: typeof unionid === 'string' && unionid !== '' ? unionid : undefined,
    sessionKey: new Secret(sessionKey),
  }
}
