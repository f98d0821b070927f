import t from 'tap'
import { createAccessTokens } from '../../../src/client/access-token.ts'
import type { HttpRequest } from '../../../src/client/http.ts'
import { KeyRing } from '../../../src/client/key-ring.ts'
import { createAsk, createUsers } from '../../../src/client/mini-program/users.ts'
import { Secret } from '../../../src/base/secret.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import { httpReply, unstreamed } from '../../fixtures.ts'

const APPID = 'wx0123456789abcdef'
const [SECRET, NEXT] = ['41f0c95bd27e83a6b7c1e6f09d3528a4', '51f0c95bd27e83a6b7c1e6f09d3528a4']
const KEY = new Secret('tiihtNczf5v6AKRyjwEUhQ==')

type Reply = object | string | { status: number }

/** An app whose WeChat answers by path; `token-1`, `token-2` … are its access tokens. */
function app(
  replies: Record<string, (request: HttpRequest, count: number) => Reply> = {},
  { store = memoryStore(), failing = false } = {},
) {
  const asked: string[] = []
  let now = new Date('2026-01-01T00:00:00Z')
  let [nonces, tokens] = [0, 0]
  const answers: typeof replies = {
    '/cgi-bin/stable_token': () => ({ access_token: `token-${++tokens}`, expires_in: 7200 }),
    ...replies,
  }
  const process = () => {
    const http = {
      async send(request: HttpRequest) {
        const { pathname } = new URL(request.path, 'http://wechat')
        asked.push(pathname)
        const reply = answers[pathname]!(request, asked.filter((path) => path === pathname).length)
        if (typeof reply === 'string') return httpReply(reply)
        return 'status' in reply ? httpReply('', reply) : httpReply(JSON.stringify(reply))
      },
      stream: unstreamed,
      async close() {},
    }
    const gone = async () => {
      throw new Error('gone')
    }
    const accessTokens = createAccessTokens({
      http,
      appid: APPID,
      appSecrets: new KeyRing([new Secret(SECRET), new Secret(NEXT)]),
      shared: failing ? { get: gone, swap: gone } : { get: store.getShared, swap: store.swapShared },
      now: () => now,
      nonce: () => String(++nonces).padStart(32, '0'),
    })
    return createUsers(createAsk(http, accessTokens), APPID)
  }
  return {
    asked,
    store,
    process,
    users: process(),
    advance(ms: number) {
      now = new Date(now.getTime() + ms)
    },
  }
}

const OK = { errcode: 0, errmsg: 'ok' }
const CHECK = '/wxa/checksession'
const tokenOf = ({ path }: HttpRequest) => new URL(path, 'http://wechat').searchParams.get('access_token')

t.test('the access token is fetched once for all calls of all processes', async (t) => {
  const used = new Set<string | null>()
  const { users, process, asked, advance, store } = app({
    [CHECK]: (request) => {
      used.add(tokenOf(request))
      return OK
    },
  })
  await Promise.all(Array.from({ length: 5 }, () => users.checkSession('oAlice', KEY)))
  await process().checkSession('oAlice', KEY)
  const fetched = () => asked.filter((path) => path === '/cgi-bin/stable_token').length
  t.equal(fetched(), 1)
  t.notMatch(await store.getShared(`access-token:${APPID}`), /token-1/, 'the store has it encrypted')
  advance(118 * 60_000 - 1)
  await users.checkSession('oAlice', KEY)
  t.equal(fetched(), 1)
  advance(1)
  await users.checkSession('oAlice', KEY)
  await process().checkSession('oAlice', KEY)
  t.equal(fetched(), 2, 'two minutes before it expires the next one is fetched')
  t.strictSame([...used], ['token-1', 'token-2'])
})

t.test('a token that WeChat refuses is replaced once', async (t) => {
  for (const errcode of [40001, 40014, 42001]) {
    const { users, asked } = app({
      [CHECK]: (request) => (tokenOf(request) === 'token-1' ? { errcode, errmsg: 'invalid credential' } : OK),
    })
    t.equal(await users.checkSession('oAlice', KEY), true)
    t.strictSame(asked, ['/cgi-bin/stable_token', CHECK, '/cgi-bin/stable_token', CHECK])
    const refusing = app({ [CHECK]: () => ({ errcode, errmsg: 'invalid credential' }) })
    await t.rejects(refusing.users.checkSession('oAlice', KEY), { code: 'WECHAT_ACCOUNT_REFUSED', message: /\d{5}/ })
    t.equal(refusing.asked.length, 4)
  }
})

t.test('a failing store, or another value in it, does not prevent the use of a token', async (t) => {
  t.equal(await app({ [CHECK]: () => OK }, { failing: true }).users.checkSession('oAlice', KEY), true)
  const store = memoryStore()
  await store.swapShared(`access-token:${APPID}`, undefined, 'sealed under another secret')
  t.equal(await app({ [CHECK]: () => OK }, { store }).users.checkSession('oAlice', KEY), true)
})

t.test('during a change of the app secret, the next one is used', async (t) => {
  const { users, asked } = app({
    [CHECK]: () => OK,
    '/cgi-bin/stable_token': ({ body }) =>
      body!.includes(SECRET)
        ? { errcode: 40125, errmsg: `invalid appsecret ${SECRET}` }
        : { access_token: 'a', expires_in: 7200 },
  })
  await users.checkSession('oAlice', KEY)
  t.equal(asked.length, 3)
})

t.test('invalid access tokens and refusals', async (t) => {
  const cases: [reply: Reply, expected: any][] = [
    [{ access_token: '', expires_in: 7200 }, { code: 'WECHAT_REPLY_INVALID' }],
    [{ access_token: 'a' }, { code: 'WECHAT_REPLY_INVALID' }],
    ['<html>', { code: 'WECHAT_REPLY_INVALID', message: /not a JSON object/ }],
    [{ status: 404 }, { code: 'WECHAT_REPLY_INVALID', message: /HTTP 404/ }],
    [{ status: 502 }, { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' }],
    [
      { errcode: -1, errmsg: 'system error' },
      { code: 'WECHAT_UNAVAILABLE', advice: 'repeat', wechatCode: '-1' },
    ],
    [
      { errcode: 99999, errmsg: 'new' },
      { code: 'WECHAT_REFUSED', wechatText: 'new', message: /the access token/ },
    ],
    [
      { errcode: 40164, errmsg: `invalid ip, ${SECRET}` },
      { code: 'WECHAT_ACCOUNT_REFUSED', wechatText: /^invalid ip, \[secret\]: .*whitelist/ },
    ],
  ]
  for (const [reply, expected] of cases) {
    await t.rejects(app({ '/cgi-bin/stable_token': () => reply }).users.checkSession('oAlice', KEY), expected)
  }
})

t.test('a phone number', async (t) => {
  const PHONE = '/wxa/business/getuserphonenumber'
  const info = {
    phoneNumber: '13580006666',
    purePhoneNumber: '13580006666',
    countryCode: 86,
    watermark: { appid: APPID },
  }
  const give = (reply: Reply) => app({ [PHONE]: () => reply }).users.phoneNumber(new Secret('code'))
  t.strictSame(await give({ ...OK, phone_info: info }), {
    phoneNumber: '13580006666',
    purePhoneNumber: '13580006666',
    countryCode: '86',
  })
  for (const errcode of [40013, 40029, 47001]) {
    await t.rejects(give({ errcode, errmsg: 'invalid code' }), {
      code: 'WECHAT_CODE_REJECTED',
      message: /the button again/,
    })
  }
  await t.rejects(give({ ...OK, phone_info: { ...info, watermark: { appid: 'wx1' } } }), {
    code: 'WECHAT_DATA_FOREIGN',
  })
  await t.rejects(give({ ...OK, phone_info: { ...info, watermark: undefined } }), { code: 'WECHAT_DATA_FOREIGN' })
  await t.rejects(give({ ...OK, phone_info: { ...info, purePhoneNumber: 1 } }), { code: 'WECHAT_REPLY_INVALID' })
  await t.rejects(give(OK), { code: 'WECHAT_REPLY_INVALID' })
})

t.test('when the answer to an unrepeatable call is lost, the error says how the user goes on', async (t) => {
  const cases = [
    [
      '/wxa/business/getuserphonenumber',
      'let the user tap the button again',
      ({ users }: ReturnType<typeof app>) => users.phoneNumber(new Secret('code')),
    ],
    [
      '/wxa/resetusersessionkey',
      'log in again',
      ({ users }: ReturnType<typeof app>) => users.resetSession('oAlice', KEY),
    ],
  ] as const
  for (const [path, toDo, call] of cases) {
    const its: (string | undefined)[] = []
    for (const status of [502, 404]) {
      const made = app({
        [path]({ ifLost, repeatable }) {
          its.push(repeatable ? 'repeat it' : ifLost)
          return { status }
        },
      })
      await t.rejects(call(made) as Promise<unknown>, {
        advice: 'stop',
        message: new RegExp(`HTTP ${status}.*\\. ${toDo}`, 'i'),
      })
    }
    t.strictSame(its, [toDo, toDo], 'the connection says the same')
  }
})

t.test('sessions and unionids', async (t) => {
  const RESET = '/wxa/resetusersessionkey'
  const stale = { errcode: 87009, errmsg: 'invalid signature' }
  t.equal(await app({ [CHECK]: () => stale }).users.checkSession('oAlice', KEY), false)
  await t.rejects(app({ [CHECK]: () => ({ status: 502 }) }).users.checkSession('oAlice', KEY), {
    code: 'WECHAT_UNAVAILABLE',
  })
  await t.rejects(app({ [CHECK]: () => ({ errcode: 45011, errmsg: '' }) }).users.checkSession('oAlice', KEY), {
    code: 'WECHAT_RATE_LIMITED',
    advice: 'repeat',
  })
  const next = await app({ [RESET]: () => ({ ...OK, session_key: 'next' }) }).users.resetSession('oAlice', KEY)
  t.equal(next.reveal(), 'next')
  await t.rejects(app({ [RESET]: () => stale }).users.resetSession('oAlice', KEY), { code: 'WECHAT_SESSION_KEY_STALE' })
  for (const reply of [OK, { ...OK, session_key: '' }]) {
    await t.rejects(app({ [RESET]: () => reply }).users.resetSession('oAlice', KEY), { code: 'WECHAT_REPLY_INVALID' })
  }
  const unionid = (reply: Reply) => app({ '/wxa/getpaidunionid': () => reply }).users.paidUnionid('oAlice', '4200')
  t.equal(await unionid({ ...OK, unionid: 'uAlice' }), 'uAlice')
  t.equal(await unionid({ ...OK, unionid: '' }), undefined)
  t.equal(await unionid(OK), undefined)
})
