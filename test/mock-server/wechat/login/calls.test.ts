import { createHmac } from 'node:crypto'
import t from 'tap'
import type { Behaviour, World } from '../../../../mock-server/index.ts'
import type { Application } from '../../../../mock-server/users/app.ts'
import { APP_REQUIRED, checkApp, checkToken, isSigned } from '../../../../mock-server/wechat/login/call.ts'
import { NOON, startMock, vectors } from '../../helpers.ts'
import {
  askPhone,
  callLogin,
  callSession,
  exchangeCode,
  getStableToken,
  getToken,
  loginAs,
  postJson,
  sessionHmac,
  tokenOf,
} from '../../login.ts'

const BLOCK = '[0-9a-f]{8}'
const RID = `${(NOON / 1000).toString(16)}-${BLOCK}-${BLOCK}`
const ID = '[\\w-]{16}'

t.test("the suffix of the text depends on the path, with the world's time in the rid", async (t) => {
  const { default: world } = await startMock(t)
  const token = await tokenOf(world)
  const cases: [reply: { text: string }, form: string][] = [
    [await exchangeCode(world, { js_code: 'x' }), `{"errcode":40029,"errmsg":"invalid code, rid: ${RID}"}`],
    [await getToken(world, { secret: 'x' }), `{"errcode":40125,"errmsg":"invalid appsecret rid: ${RID}"}`],
    [
      await callLogin(world, '/wxa/checksession', { access_token: token }),
      `{"errcode":87009,"errmsg":"invalid signature rid: ${RID}"}`,
    ],
    [
      await askPhone(world, token, { code: 'x' }),
      `{"errcode":40029,"errmsg":"invalid code hint: \\[${ID}\\] rid: ${RID}"}`,
    ],
    [await askPhone(world, 'x', { code: 'x' }), `{"errcode":40014,"errmsg":"invalid access_token rid: ${RID}"}`],
  ]
  for (const [{ text }, form] of cases) t.match(text, new RegExp(`^${form.replaceAll('{"', '\\{"')}$`), text)
})

t.test('the text of a token that is not the latest', async (t) => {
  const { default: world } = await startMock(t)
  const { json } = await askPhone(world, 'x'.repeat(131), { code: 'x' })
  t.match(
    json.errmsg,
    /^invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https:\/\/mmbizurl\.cn\/s\/JtxxFh33r rid: /,
  )
})

t.test('rids differ from call to call', async (t) => {
  const { default: world } = await startMock(t)
  const rids = await Promise.all([1, 2, 3].map(async () => (await exchangeCode(world)).json.errmsg))
  t.equal(new Set(rids).size, 3)
})

t.test('the format until 2020, only for /sns', async (t) => {
  const { default: world } = await startMock(t, { world: { behaviour: { errmsg: 'hints' } } })
  const cases: [reply: { text: string }, form: RegExp][] = [
    [
      await exchangeCode(world, { js_code: 'x' }),
      /^\{"errcode":40029,"errmsg":"invalid code, hints: \[ req_id: [\w-]{16} \]"\}$/,
    ],
    [
      await exchangeCode(world, { js_code: 'x', secret: 'x' }),
      /^\{"errcode":40125,"errmsg":"invalid appsecret, view more at http:\\\/\\\/t\.cn\\\/RAEkdVq, hints: \[ req_id: [\w-]{16} \]"\}$/,
    ],
    [await getToken(world, { secret: 'x' }), /"invalid appsecret rid: /],
  ]
  for (const [{ text }, form] of cases) t.match(text, form)
})

t.test('the Content-Type of successes and refusals', async (t) => {
  const JSON_UTF8 = 'application/json; charset=utf-8'
  const cases: [behaviour: Partial<Behaviour>, sns: string, api: string][] = [
    [{}, 'text/plain', JSON_UTF8],
    [{ snsContentType: 'application/json' }, JSON_UTF8, JSON_UTF8],
    [{ apiContentType: 'text/plain' }, 'text/plain', 'text/plain'],
  ]
  const mock = await startMock(t)
  for (const [behaviour, sns, api] of cases) {
    const world = mock.world({ behaviour })
    const types = async (calls: Promise<{ contentType: string | null }>[]) =>
      (await Promise.all(calls)).map(({ contentType }) => contentType)
    t.same(
      await types([exchangeCode(world, { js_code: world.loginCode().code }), exchangeCode(world)]),
      [sns, sns],
      JSON.stringify(behaviour),
    )
    t.same(await types([getToken(world), getToken(world, { secret: 'x' })]), [api, api], JSON.stringify(behaviour))
  }
})

t.test('bodies that are not a JSON object', async (t) => {
  const { default: world } = await startMock(t)
  const post = (body: NonNullable<RequestInit['body']>) =>
    callLogin(world, '/cgi-bin/stable_token', {}, { method: 'POST', body })
  const refused = { errcode: 47001, errmsg: /^data format error rid: / }
  for (const body of [
    '{',
    '[]',
    'null',
    '"x"',
    new URLSearchParams({ appid: 'wx1' }),
    `{"appid":"${'x'.repeat(65 * 1024)}"}`,
  ]) {
    t.match((await post(body)).json, refused, String(body).slice(0, 20))
  }
  t.match(
    (await callLogin(world, '/cgi-bin/stable_token', {}, { method: 'POST' })).json,
    { errcode: 41002 },
    'an empty body is an empty object',
  )
  t.match(
    (await postJson(world, '/cgi-bin/stable_token', {}, { appid: 1 })).json,
    { errcode: 41002 },
    'a number is not a string',
  )
})

t.test('faults: before and after, with a custom text, for the world that issued the token', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ startTime: NOON })
  const token = await tokenOf(world)
  world.fault('getuserphonenumber', { kind: 'errcode', errcode: -1, errmsg: 'busy' })
  world.fault('getuserphonenumber', { kind: 'errcode', errcode: 48001, when: 'after' })
  const ask = async (world: World) => (await askPhone(world, token, { code })).json
  const { code } = world.phoneNumber('o-alice')
  t.match(await ask(world), { errcode: -1, errmsg: /^busy rid: / })
  t.match(await ask(world), { errcode: 48001, errmsg: /^api unauthorized rid: / })
  t.match(await ask(world), { errcode: 40029 }, 'the code has been spent')
  t.match(world.journal.entries({ api: 'getuserphonenumber' }), [
    { note: /^not carried out; fault/ },
    { note: /^ok; fault/ },
    { note: '40029 invalid code' },
  ])
})

const requestOf = (values: Record<string, string>) => ({
  method: 'GET',
  get: (name: string) => values[name] ?? '',
  json: {},
})

t.test('an app: first missing parameters, then appid, secret and grant_type', async (t) => {
  const app = { appSecret: 'good' } as Application
  const cases: [values: Record<string, string>, app: Application | undefined, errcode: number | undefined][] = [
    [{}, undefined, 41002],
    [{ secret: 'x' }, app, 41002],
    [{ appid: 'a' }, undefined, 41004],
    [{ appid: 'a', secret: 'x' }, undefined, 41008],
    [{ appid: 'a', secret: 'x', js_code: 'c' }, undefined, 40013],
    [{ appid: 'a', secret: 'x', js_code: 'c' }, app, 40125],
    [{ appid: 'a', secret: 'good', js_code: 'c' }, app, 40002],
    [{ appid: 'a', secret: 'good', js_code: 'c', grant_type: 'other' }, app, 40002],
    [{ appid: 'a', secret: 'good', js_code: 'c', grant_type: 'mine' }, app, undefined],
  ]
  for (const [values, found, errcode] of cases) {
    t.equal(
      checkApp(found, requestOf(values).get, 'mine', { ...APP_REQUIRED, js_code: 41008 }),
      errcode,
      JSON.stringify(values),
    )
  }
})

t.test('a token: missing, malformed, unknown, stale, expired', async (t) => {
  const token = '78_' + 'x'.repeat(128)
  const appThat = (judged: 'good' | 'stale' | 'expired') =>
    ({ tokens: { judge: () => judged } }) as unknown as Application
  const cases: [text: string, app: Application | undefined, errcode: number | undefined][] = [
    ['', undefined, 41001],
    ['x', undefined, 40014],
    [`${token}!`, undefined, 40014],
    ['x'.repeat(513), undefined, 40014],
    [token, undefined, 40001],
    [token, appThat('stale'), 40001],
    [token, appThat('expired'), 42001],
    [token, appThat('good'), undefined],
  ]
  for (const [text, app, errcode] of cases) {
    t.equal(checkToken(app, requestOf({ access_token: text })), errcode, `${text.slice(-5)} ${errcode ?? 'good'}`)
  }
})

t.test('a signature over the empty string, with the session_key as text', async (t) => {
  interface Signed {
    name: string
    session_key: string
    message: string
    signature: string
  }
  const { sessionHmac, sessionHmacMustFail } = vectors<Record<'sessionHmac' | 'sessionHmacMustFail', Signed[]>>('login')
  const ofNothing = sessionHmac.filter(({ message }) => message === '')
  t.ok(ofNothing.length > 1)
  for (const [expected, signed] of [
    [true, ofNothing],
    [false, sessionHmacMustFail],
  ] as const) {
    for (const { name, session_key: sessionKey, signature } of signed) {
      t.equal(
        isSigned(requestOf({ signature }), {
          openid: 'o',
          unionid: undefined,
          nickName: undefined,
          sessionKey,
          sessionKeySince: new Date(),
        }),
        expected,
        name,
      )
    }
  }
})

t.test('a code gives openid and session_key, in the recorded form', async (t) => {
  const { default: world } = await startMock(t)
  const { code, openid } = world.loginCode()
  const { status, contentType, text, json } = await exchangeCode(world, { js_code: code })
  t.match({ status, contentType }, { status: 200, contentType: 'text/plain' })
  t.match(text, /^\{"session_key":"[\w+/]{22}==","openid":"o[\w-]{27}"\}$/)
  t.equal(json.openid, openid)

  const bound = world.loginCode({ openid: 'o-alice', unionid: 'u-alice' })
  t.match(
    (await exchangeCode(world, { js_code: bound.code })).text,
    /^\{"session_key":"[\w+/]{22}==","openid":"o-alice","unionid":"u-alice"\}$/,
  )
  t.match(world.journal.entries(), [
    { api: 'jscode2session', direction: 'in', note: 'ok', request: { method: 'GET', body: '' } },
    {},
  ])
})

t.test('an access_token in the query is tolerated', async (t) => {
  const { default: world } = await startMock(t)
  const { json } = await getToken(world)
  t.match((await exchangeCode(world, { js_code: world.loginCode().code, access_token: json.access_token })).json, {
    openid: /^o/,
  })
})

t.test('a code is used up by its first exchange, and expires after 300 s', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.loginCode()
  await exchangeCode(world, { js_code: code })
  t.match((await exchangeCode(world, { js_code: code })).json, { errcode: 40163 })
  const { code: late } = world.loginCode()
  await world.advance('5m')
  t.match((await exchangeCode(world, { js_code: late })).json, { errcode: 40029 })
  t.match((await exchangeCode(world, { js_code: code })).json, { errcode: 40029 }, 'a used code is dropped eventually')
})

t.test('a limit per minute and user: a refused code stays valid', async (t) => {
  const { default: world } = await startMock(t, { world: { codeLimit: 2 } })
  const login = async (openid: string) =>
    (await exchangeCode(world, { js_code: world.loginCode({ openid }).code })).json
  t.match(await login('o-alice'), { openid: 'o-alice' })
  await world.advance('30s')
  t.match(await login('o-alice'), { openid: 'o-alice' })
  const { code } = world.loginCode({ openid: 'o-alice' })
  t.match((await exchangeCode(world, { js_code: code })).json, {
    errcode: 45011,
    errmsg: /^api minute-quota reach limit, must slower, retry next minute/,
  })
  t.match(await login('o-bob'), { openid: 'o-bob' }, 'another user has a limit of their own')
  await world.advance('29s')
  t.match((await exchangeCode(world, { js_code: code })).json, { errcode: 45011 })
  await world.advance('1s')
  t.match((await exchangeCode(world, { js_code: code })).json, { openid: 'o-alice' })
  t.match(await login('o-alice'), { errcode: 45011 }, 'the minute is a sliding window')
  world.reset('users')
  t.match(await login('o-alice'), { openid: 'o-alice' })
})

t.test('of many parallel exchanges one succeeds', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.loginCode()
  const replies = await Promise.all(Array.from({ length: 20 }, () => exchangeCode(world, { js_code: code })))
  t.equal(replies.filter(({ json }) => 'openid' in json).length, 1)
  t.equal(replies.filter(({ json }) => json.errcode === 40163).length, 19)
})

t.test('only the query counts: values in a POST body are missing', async (t) => {
  const { default: world } = await startMock(t)
  const { appid, appSecret } = world.credentials
  const { code } = world.loginCode()
  const body = new URLSearchParams({ appid, secret: appSecret, js_code: code, grant_type: 'authorization_code' })
  t.match(
    (
      await exchangeCode(
        world,
        { appid: undefined, secret: undefined, grant_type: undefined },
        { method: 'POST', body },
      )
    ).json,
    { errcode: 41002 },
  )
  t.match((await exchangeCode(world, { js_code: code }, { method: 'POST', body: '' })).json, { openid: /^o/ })
})

t.test('codes for use from a shell', async (t) => {
  const { default: world } = await startMock(t)
  const cases: [code: string, errcode: number][] = [
    ['code-busy', -1],
    ['code-40226', 40226],
    ['code-45011', 45011],
    ['code-40163', 40163],
    ['code-12345', 40029],
    ['code--1', 40029],
    ['code-constructor', 40029],
  ]
  for (const [code, errcode] of cases) t.match((await exchangeCode(world, { js_code: code })).json, { errcode }, code)
  t.match(
    (await exchangeCode(world, { js_code: 'code-busy', secret: 'x' })).json,
    { errcode: 40125 },
    'checked like any other',
  )
})

const CHECK = '/wxa/checksession'

t.test('signed with the current key', async (t) => {
  for (const { name, session_key: key, message, signature } of vectors<{
    sessionHmac: { name: string; session_key: string; message: string; signature: string }[]
  }>('login').sessionHmac) {
    t.equal(sessionHmac(key, message), signature, name)
  }
  const { default: world } = await startMock(t)
  const key = await loginAs(world, 'o-alice')
  t.match(await callSession(world, CHECK, 'o-alice', key), {
    status: 200,
    contentType: 'application/json; charset=utf-8',
    text: '{"errcode":0,"errmsg":"ok"}',
  })
  world.rotateSessionKey('o-alice')
  t.match((await callSession(world, CHECK, 'o-alice', key)).json, {
    errcode: 87009,
    errmsg: /^invalid signature rid: /,
  })
  const fresh = await loginAs(world, 'o-alice')
  const decoded = createHmac('sha256', Buffer.from(fresh, 'base64')).update('').digest('hex')
  t.match(
    (await callSession(world, CHECK, 'o-alice', fresh, { signature: decoded })).json,
    { errcode: 87009 },
    'the key is used as text',
  )
  t.match((await callSession(world, CHECK, 'o-alice', fresh)).json, { errcode: 0 })
})

const RESET = '/wxa/resetusersessionkey'

t.test('a new key replaces the old one, which is invalid at once', async (t) => {
  const { default: world } = await startMock(t)
  const old = await loginAs(world, 'o-alice')
  const { status, contentType, text, json } = await callSession(world, RESET, 'o-alice', old)
  t.same([status, contentType], [200, 'application/json; charset=utf-8'])
  t.match(text, /^\{"errcode":0,"errmsg":"ok","openid":"o-alice","session_key":"[\w+/]{22}=="\}$/)
  t.not(json.session_key, old)
  t.equal(world.setUser('o-alice').sessionKey, json.session_key)
  t.match((await callSession(world, RESET, 'o-alice', old)).json, { errcode: 87009 })
  t.match((await callSession(world, '/wxa/checksession', 'o-alice', json.session_key)).json, { errcode: 0 })
})

t.test('the new key is as old as the old one', async (t) => {
  const { default: world } = await startMock(t, { world: { sessionKeyPeriod: '10m' } })
  const old = await loginAs(world, 'o-alice')
  await world.advance('9m')
  const { json } = await callSession(world, RESET, 'o-alice', old)
  t.equal(await loginAs(world, 'o-alice'), json.session_key)
  await world.advance('2m')
  t.not(await loginAs(world, 'o-alice'), json.session_key)
})

t.test('a token, in the recorded form', async (t) => {
  const mock = await startMock(t)
  const { status, contentType, text } = await getToken(mock.default)
  t.same([status, contentType], [200, 'application/json; charset=utf-8'])
  t.match(text, /^\{"access_token":"[\w-]{131}","expires_in":7200\}$/)
})

t.test("two servers without a shared cache invalidate each other's tokens", async (t) => {
  const { default: world } = await startMock(t)
  const [one, other] = [(await getToken(world)).json.access_token, (await getToken(world)).json.access_token]
  // If the token is accepted, the next error is the signature.
  const errcodes = () =>
    Promise.all(
      [one, other].map(
        async (token) => (await callLogin(world, '/wxa/checksession', { access_token: token })).json.errcode,
      ),
    )
  t.same(await errcodes(), [87009, 87009])
  await world.advance('5m')
  t.same(await errcodes(), [40001, 87009], 'for some minutes both worked')
  await world.advance('1h55m')
  t.same(await errcodes(), [40001, 42001])
})

t.test('the same token, with its remaining time; with force a new one', async (t) => {
  const { default: world } = await startMock(t)
  const first = await getStableToken(world)
  t.same([first.status, first.contentType], [200, 'application/json; charset=utf-8'])
  t.match(first.text, /^\{"access_token":"[\w-]{131}","expires_in":7200\}$/)
  await world.advance('10s')
  t.same((await getStableToken(world, { force_refresh: false })).json, { ...first.json, expires_in: 7190 })
  t.same(
    (await getStableToken(world, { force_refresh: 'true' })).json,
    { ...first.json, expires_in: 7190 },
    'a string is not true',
  )
  const forced = await getStableToken(world, { force_refresh: true })
  t.not(forced.json.access_token, first.json.access_token)
  t.same((await getStableToken(world)).json, forced.json)
})

t.test('the number, in the documented form, once', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice', { phoneNumber: '13580006666' })
  const token = await tokenOf(world)
  t.match(await askPhone(world, token, { code }), {
    status: 200,
    contentType: 'application/json; charset=utf-8',
    text: `{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"13580006666","purePhoneNumber":"13580006666","countryCode":"86","watermark":{"timestamp":${NOON / 1000},"appid":"${world.credentials.appid}"}}}`,
  })
  t.match((await askPhone(world, token, { code })).json, {
    errcode: 40029,
    errmsg: /^invalid code hint: \[[\w-]{16}\] rid: /,
  })
})

t.test('five minutes, or a chosen lifetime and number of uses', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice')
  const { code: long } = world.phoneNumber('o-alice', { ttl: 3600, uses: 2 })
  await world.advance('5m')
  const errcodes = []
  for (const one of [code, long, long, long]) {
    errcodes.push((await askPhone(world, await tokenOf(world), { code: one })).json.errcode)
  }
  t.same(errcodes, [40029, 0, 0, 40029])
})

t.test('of parallel calls one succeeds', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice')
  const token = await tokenOf(world)
  const replies = await Promise.all(Array.from({ length: 20 }, () => askPhone(world, token, { code })))
  t.equal(replies.filter(({ json }) => json.errcode === 0).length, 1)
})

t.test('a code of wx.login is not a phone code, and vice versa', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.loginCode({ openid: 'o-alice' })
  t.match((await askPhone(world, await tokenOf(world), { code })).json, { errcode: 40029 })
  t.match((await exchangeCode(world, { js_code: world.phoneNumber('o-alice').code })).json, { errcode: 40029 })
  t.match((await exchangeCode(world, { js_code: code })).json, { openid: 'o-alice' }, 'not used up by it')
})

t.test('a bad token does not use up the code', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice')
  t.match((await askPhone(world, '', { code })).json, { errcode: 41001 })
  t.match((await askPhone(world, await tokenOf(world), { code })).json, { errcode: 0 })
})
