import { inspect } from 'node:util'
import t from 'tap'
import { createHttp } from '../../../src/client/http.ts'
import { createMiniProgram, judgeCode2Session } from '../../../src/client/mini-program/mini-program.ts'
import { WechatError } from '../../../src/errors.ts'
import type { WechatErrorCode } from '../../../src/errors.ts'
import { KeyRing } from '../../../src/client/key-ring.ts'
import { Secret } from '../../../src/base/secret.ts'
import { httpReply, serve } from '../../fixtures.ts'

const APPID = 'wx0123456789abcdef'
const APP_SECRET = '0123456789abcdeffedcba9876543210'
const CODE = '021ByuFs0fNXie1T5lJs0IwBFs0ByuF1'
const SESSION_KEY = 'tiihtNczf5v6AKRyjwEUhQ=='
const OPENID = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'
const RID = 'rid: 66c69111-4157f271-729ca238'
const SECRETS = [new Secret(APP_SECRET), new Secret(CODE)]

const reply = (body: unknown) => httpReply(typeof body === 'string' ? body : JSON.stringify(body))

/** The error that judging `body` throws. */
function refusal(body: unknown): WechatError {
  try {
    judgeCode2Session(reply(body), SECRETS)
  } catch (error) {
    if (error instanceof WechatError) return error
    throw error
  }
  throw new Error('it was accepted')
}

t.test('a login', async (t) => {
  const cases: [string, object, string | undefined][] = [
    ['as WeChat sends it', { session_key: SESSION_KEY, openid: OPENID }, undefined],
    [
      'for an app bound to an open platform account',
      { session_key: SESSION_KEY, openid: OPENID, unionid: 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA' },
      'ocMvos6NjeKLIBqg5Mr9QjxrP1FA',
    ],
    [
      'with an errcode of 0, as the documents print it',
      { session_key: SESSION_KEY, openid: OPENID, errcode: 0, errmsg: 'ok' },
      undefined,
    ],
    ['with expires_in, as once recorded', { session_key: SESSION_KEY, expires_in: 7200, openid: OPENID }, undefined],
    ['with an empty unionid', { session_key: SESSION_KEY, openid: OPENID, unionid: '' }, undefined],
    ['with a unionid that is not a string', { session_key: SESSION_KEY, openid: OPENID, unionid: 1 }, undefined],
  ]
  for (const [name, body, unionid] of cases) {
    const session = judgeCode2Session(reply(body))
    t.match(session, { openid: OPENID, unionid }, name)
    t.equal(session.sessionKey.reveal(), SESSION_KEY, `${name}: the session key`)
    t.notMatch(
      inspect(session, { depth: 9, showHidden: true }) + JSON.stringify(session),
      SESSION_KEY,
      `${name}: not shown in any output`,
    )
  }
  t.equal(
    judgeCode2Session(reply(`{"session_key":"a\\/b+c==","openid":"${OPENID}"}`)).sessionKey.reveal(),
    'a/b+c==',
    'a session key with an escaped slash',
  )
})

t.test('every recorded refusal', async (t) => {
  const account = 'WECHAT_ACCOUNT_REFUSED'
  const cases: [
    errcode: number,
    errmsg: string,
    status: number,
    code: WechatErrorCode,
    toTheClient: string | RegExp,
  ][] = [
    [-1, `system error, ${RID}`, 503, 'WECHAT_UNAVAILABLE', 'WeChat is busy: log in again with a new code. (-1)'],
    [40029, `invalid code, ${RID}`, 401, 'WECHAT_CODE_REJECTED', /call wx\.login again\. \(40029\)$/],
    [40163, `code been used, ${RID}`, 401, 'WECHAT_CODE_REJECTED', /call wx\.login again\. \(40163\)$/],
    [40226, `code blocked, ${RID}`, 403, 'WECHAT_USER_BLOCKED', /high-risk/],
    [
      45011,
      `api minute-quota reach limit, must slower, retry next minute, ${RID}`,
      429,
      'WECHAT_RATE_LIMITED',
      /try again in a minute/,
    ],
    [45009, `reach max api daily quota limit, ${RID}`, 503, 'WECHAT_UNAVAILABLE', /daily quota/],
    [41008, 'missing code, hints: [ req_id: LEgfftXIRa-BU8_9 ]', 400, 'WECHAT_INPUT_INVALID', /code is missing/],
    [40013, `invalid appid, ${RID}`, 500, account, "WeChat refused this server's configuration (40013)."],
    [40125, `invalid appsecret ${RID}`, 500, account, "WeChat refused this server's configuration (40125)."],
    [
      40164,
      `invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist, ${RID}`,
      500,
      account,
      "WeChat refused this server's configuration (40164).",
    ],
    [41002, `appid missing ${RID}`, 500, account, "WeChat refused this server's configuration (41002)."],
    [41004, `appsecret missing, ${RID}`, 500, account, "WeChat refused this server's configuration (41004)."],
    [40243, `invalid appsecret, ${RID}`, 500, account, "WeChat refused this server's configuration (40243)."],
    [50007, `account freezed, ${RID}`, 500, account, "WeChat refused this server's configuration (50007)."],
    [40002, `invalid grant_type, ${RID}`, 500, account, "WeChat refused this server's configuration (40002)."],
    [61010, `code is expired, ${RID}`, 422, 'WECHAT_REFUSED', 'WeChat refused the login: call wx.login again. (61010)'],
  ]
  for (const [errcode, errmsg, statusCode, code, message] of cases) {
    const error = refusal({ errcode, errmsg })
    t.match(
      error,
      { code, statusCode, wechatCode: String(errcode), advice: code === account ? 'configure' : 'stop', sent: true },
      `${errcode} → ${statusCode} ${code}`,
    )
    t.match(error.message, message, `${errcode}: the message for the client`)
    t.ok(error.wechatText?.startsWith(errmsg), `${errcode}: WeChat's own text is kept, with the rid for support`)
  }
})

t.test('faults of our own account are explained to the operator, not to the client', async (t) => {
  const cases: [number, RegExp][] = [
    [40013, /check `appid`/],
    [40125, /check `appSecret`/],
    [40164, /IP whitelist/],
    [40243, /frozen/],
    [50007, /frozen/],
    [41002, /check `baseUrl`/],
    [41004, /check `baseUrl`/],
    [40002, /check `baseUrl`/],
  ]
  for (const [errcode, hint] of cases) {
    const error = refusal({ errcode, errmsg: 'invalid 1.2.3.4' })
    t.match(error.wechatText, hint, `${errcode}: the hint`)
    t.notMatch(error.message, hint, `${errcode}: is not in the message`)
    t.notMatch(error.message, '1.2.3.4', `${errcode}: nor is WeChat's text`)
  }
})

t.test('replies that do not answer a login are rejected', async (t) => {
  const success = { session_key: SESSION_KEY, openid: OPENID }
  const cases: [string, unknown][] = [
    ['nothing', ''],
    ['HTML', '<html>502 Bad Gateway</html>'],
    ['JSON cut short', '{"session_key":"tii'],
    ['null', 'null'],
    ['a number', '1'],
    ['a text', '"ok"'],
    ['an array', '[]'],
    ['an empty object', {}],
    ['no openid', { session_key: SESSION_KEY }],
    ['an empty openid', { ...success, openid: '' }],
    ['an openid that is not a string', { ...success, openid: 1 }],
    ['no session key', { openid: OPENID }],
    ['an empty session key', { ...success, session_key: '' }],
    ['a session key that is not a string', { ...success, session_key: [SESSION_KEY] }],
    ['an errcode that is not a number', { ...success, errcode: '40029' }],
    ['an errcode of null', { ...success, errcode: null }],
    ['an errcode that every object has as a property', { ...success, errcode: 'constructor' }],
    ['an errcode that cannot be converted to a string', { ...success, errcode: { toString: 1 } }],
    ['an errcode with a fraction', { ...success, errcode: 0.5 }],
  ]
  for (const [name, body] of cases) {
    const error = refusal(body)
    t.match(
      error,
      {
        code: 'WECHAT_REPLY_INVALID',
        statusCode: 502,
        wechatCode: undefined,
        cause: undefined,
        message: /Log in again with a new code\.$/,
      },
      name,
    )
  }
  for (const status of [201, 301, 302, 403, 500, 502, 503]) {
    t.throws(
      () => judgeCode2Session({ ...reply(success), status }),
      {
        code: status >= 500 ? 'WECHAT_UNAVAILABLE' : 'WECHAT_REPLY_INVALID',
        sent: true,
        message: `WeChat answered the login with HTTP ${status}. Log in again with a new code.`,
      },
      `HTTP ${status}`,
    )
  }
})

t.test('secrets repeated in an answer are not passed on', async (t) => {
  const error = (errmsg: unknown) => refusal({ errcode: 40125, errmsg })
  t.match(
    error(`bad secret ${APP_SECRET} or code ${CODE}, ${CODE}`).wechatText,
    /^bad secret \[secret\] or code \[secret\], \[secret\]: /,
    'removed wherever they occur',
  )
  t.notMatch(error('x'.repeat(190) + APP_SECRET).wechatText, APP_SECRET.slice(0, 8), 'also where the text is truncated')
  t.ok(error('x'.repeat(5000)).wechatText!.length < 400, 'a long text is truncated')
  t.match(error({ secret: APP_SECRET }).wechatText, /^: /, 'values that are not strings are left out')
})

t.test('the request', async (t) => {
  const urls: string[] = []
  let answer: unknown = { session_key: SESSION_KEY, openid: OPENID }
  const origin = await serve(t, (request, response) => {
    urls.push(`${request.method} ${request.url}`)
    if (answer === 'nothing') request.socket.destroy()
    else response.writeHead(200, { 'content-type': 'text/plain' }).end(JSON.stringify(answer))
  })
  const http = createHttp({ hosts: [origin], timeoutMs: 5000, now: () => new Date(), pause: async () => {} })
  t.teardown(() => http.close())
  const miniProgram = createMiniProgram(http, APPID, new KeyRing([new Secret(APP_SECRET)]))

  const session = await miniProgram.code2Session(new Secret(CODE))
  t.match(session, { openid: OPENID, unionid: undefined })
  t.equal(session.sessionKey.reveal(), SESSION_KEY)
  t.strictSame(urls, [
    `GET /sns/jscode2session?appid=${APPID}&secret=${APP_SECRET}&js_code=${CODE}&grant_type=authorization_code`,
  ])

  await miniProgram.code2Session(new Secret('a&b=c d/%#'))
  t.match(urls[1], 'js_code=a%26b%3Dc+d%2F%25%23&', 'a code cannot add parameters')

  for (const [name, body, code] of [
    ['a refusal', { errcode: 40163, errmsg: `code been used: ${CODE}` }, 'WECHAT_CODE_REJECTED'],
    ['a lost answer', 'nothing', 'WECHAT_NETWORK'],
  ] as const) {
    urls.length = 0
    answer = body
    const error = await miniProgram.code2Session(new Secret(CODE)).then(
      () => {
        throw new Error('it was accepted')
      },
      (error: WechatError) => error,
    )
    t.match(error, { code, advice: 'stop', message: /log in again with a new code\.$|call wx\.login again/ }, name)
    t.equal(urls.length, 1, `${name}: the code is not sent again`)
    const views = [inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), error.stack].join()
    for (const secret of [APP_SECRET, CODE, SESSION_KEY]) t.notMatch(views, secret, `${name}: no secret in the error`)
  }
})
