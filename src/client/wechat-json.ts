import { WechatError } from '../errors.ts'
import type { WechatErrorCode } from '../errors.ts'
import type { Secret } from '../base/secret.ts'
import type { HttpReply } from './http.ts'

/** WeChat's code → ours, and what to do. */
export type Refusals = Readonly<Record<string, readonly [code: WechatErrorCode, text: string]>>

/** The refusals that every call to api.weixin.qq.com may get. */
const REFUSALS: Refusals = {
  '-1': ['WECHAT_UNAVAILABLE', 'WeChat is busy: try again.'],
  45009: ['WECHAT_UNAVAILABLE', 'The daily quota of calls is used up.'],
  45011: ['WECHAT_RATE_LIMITED', 'Calls are too frequent: try again in a minute.'],
  40001: ['WECHAT_ACCOUNT_REFUSED', 'the access token was refused: check `appSecret`.'],
  40002: ['WECHAT_ACCOUNT_REFUSED', 'the grant type did not arrive: check `baseUrl` and proxies.'],
  40013: ['WECHAT_ACCOUNT_REFUSED', 'appid is not a mini program of WeChat: check `appid`.'],
  40014: ['WECHAT_ACCOUNT_REFUSED', 'the access token was refused: check `appSecret`.'],
  40125: ['WECHAT_ACCOUNT_REFUSED', 'the app secret does not belong to the appid or was reset: check `appSecret`.'],
  40164: ['WECHAT_ACCOUNT_REFUSED', "this server's address is not in the IP whitelist: add it in the console."],
  40243: ['WECHAT_ACCOUNT_REFUSED', 'the app secret is frozen: unfreeze it in the console.'],
  41001: ['WECHAT_ACCOUNT_REFUSED', 'the access token did not arrive: check `baseUrl` and proxies.'],
  42001: ['WECHAT_ACCOUNT_REFUSED', 'the access token was refused: check the clock.'],
  48001: ['WECHAT_ACCOUNT_REFUSED', 'the mini program has no permission for this call: see the console.'],
  41002: ['WECHAT_ACCOUNT_REFUSED', 'the appid did not arrive: check `baseUrl` and proxies.'],
  41004: ['WECHAT_ACCOUNT_REFUSED', 'the app secret did not arrive: check `baseUrl` and proxies.'],
  43002: ['WECHAT_ACCOUNT_REFUSED', 'the request did not arrive as a POST: check `baseUrl` and proxies.'],
  47001: ['WECHAT_ACCOUNT_REFUSED', 'the request did not arrive as JSON: check `baseUrl` and proxies.'],
  50004: ['WECHAT_ACCOUNT_REFUSED', 'the mini program may not make this call: see the console.'],
  50007: ['WECHAT_ACCOUNT_REFUSED', 'the mini program is frozen: see the console.'],
  89503: ['WECHAT_ACCOUNT_REFUSED', "this server's address waits for the administrator: confirm it in the console."],
  89506: ['WECHAT_ACCOUNT_REFUSED', "the administrator has refused this server's address for a day: see the console."],
  89507: [
    'WECHAT_ACCOUNT_REFUSED',
    "the administrator has refused this server's address for an hour: see the console.",
  ],
}

/** What may be repeated. An order that is not found may have been paid a moment ago. */
const REPEATED: readonly WechatErrorCode[] = ['WECHAT_UNAVAILABLE', 'WECHAT_RATE_LIMITED', 'WECHAT_ORDER_NOT_FOUND']

/**
 * The fields of a reply from api.weixin.qq.com. Its body decides, as every outcome has status 200. `secrets` are removed from WeChat's text. `ifLost` says what to do
 * if a call that nobody may repeat has no readable answer.
 *
 * @throws {WechatError} if WeChat refuses `what`
 */
export function judge(
  reply: HttpReply,
  what: string,
  secrets: readonly Secret[],
  refusals: Refusals = {},
  ifLost?: string,
): Record<string, unknown> {
  const toRepeat = ifLost === undefined ? 'Try again' : ifLost[0]!.toUpperCase() + ifLost.slice(1)
  if (reply.status >= 500) {
    throw new WechatError(
      'WECHAT_UNAVAILABLE',
      `WeChat was asked for ${what} and answered with HTTP ${reply.status}. ${toRepeat}.`,
      { advice: ifLost === undefined ? 'repeat' : 'stop' },
    )
  }
  let body: unknown
  try {
    body = JSON.parse(reply.body.toString())
  } catch {
    body = undefined
  }
  if (reply.status !== 200 || typeof body !== 'object' || body === null) {
    throw new WechatError(
      'WECHAT_REPLY_INVALID',
      `WeChat was asked for ${what} and answered with HTTP ${reply.status} and something that is not a JSON object. ${toRepeat}, and check \`baseUrl\` and proxies.`,
    )
  }
  const { errcode = 0, errmsg } = body as { errcode?: unknown; errmsg?: unknown }
  if (errcode === 0) return body as Record<string, unknown>
  const wechatCode = String(errcode)
  const [code, toDo] = refusals[wechatCode] ??
    REFUSALS[wechatCode] ?? [
      'WECHAT_REFUSED',
      `WeChat refused ${what}: read what it says, as repeating it cannot help.`,
    ]
  const words = secrets
    .reduce((text, secret) => text.replaceAll(secret.reveal(), String(secret)), String(errmsg))
    .slice(0, 200)
  const isOurs = code === 'WECHAT_ACCOUNT_REFUSED'
  throw new WechatError(
    code,
    isOurs ? `WeChat refused this server's configuration (${wechatCode}).` : `${toDo} (${wechatCode})`,
    {
      wechatCode,
      wechatText: isOurs ? `${words}: ${toDo}` : words,
      ...(REPEATED.includes(code) && { advice: 'repeat' }),
      ...(isOurs && { advice: 'configure' }),
    },
  )
}
