import t, { type Test } from 'tap'
import type { MockWechat } from '../../../mock-server/index.ts'
import { NOON, startMock } from '../helpers.ts'

const RID = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/

async function call (mock: MockWechat, values: Record<string, string | undefined> = {}, init?: RequestInit) {
  const { appid, appSecret: secret } = mock.default.credentials
  const query = Object.entries({ appid, secret, grant_type: 'authorization_code', ...values }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const response = await fetch(`${mock.url}/sns/jscode2session?${new URLSearchParams(query).toString()}`, init)
  return { status: response.status, contentType: response.headers.get('content-type'), text: await response.text() }
}

/** Refusals are HTTP 200, text/plain, `<text>, rid: <rid>` with the world's time in the rid. */
function refused (t: Test, { status, contentType, text }: Awaited<ReturnType<typeof call>>, errcode: number, errmsg: string, why = errmsg) {
  const reply = JSON.parse(text) as { errcode: number, errmsg: string }
  const [said, rid] = reply.errmsg.split(', rid: ')
  t.same({ status, contentType, errcode: reply.errcode, said }, { status: 200, contentType: 'text/plain', errcode, said: errmsg }, why)
  t.match(rid, RID, `${why}: rid`)
  t.equal(parseInt(rid!, 16), NOON / 1000, `${why}: the time in the rid`)
}

t.test('a code gives openid and session_key, in the recorded form', async t => {
  const mock = await startMock(t)
  const { code, openid } = mock.default.loginCode()
  const { status, contentType, text } = await call(mock, { js_code: code })
  t.match({ status, contentType }, { status: 200, contentType: 'text/plain' })
  t.match(text, /^\{"session_key":"[\w+/]{22}==","openid":"o[\w-]{27}"\}$/)
  t.equal(JSON.parse(text).openid, openid)

  const bound = mock.default.loginCode({ openid: 'o-alice', unionid: 'u-alice' })
  t.match(JSON.parse((await call(mock, { js_code: bound.code })).text), { openid: 'o-alice', unionid: 'u-alice' })
  t.match(mock.default.journal.entries(), [{ api: 'jscode2session', direction: 'in', note: 'ok', request: { method: 'GET', body: '' } }, {}])
})

t.test('refusals, each in its recorded text', async t => {
  const mock = await startMock(t)
  const other = mock.world({ startTime: NOON })
  const code = () => mock.default.loginCode().code
  const cases: [errcode: number, errmsg: string, values: Record<string, string | undefined>][] = [
    [41002, 'appid missing', { appid: undefined, js_code: code() }],
    [41002, 'appid missing', { appid: '', secret: undefined }],
    [41004, 'appsecret missing', { secret: undefined, js_code: code() }],
    [41008, 'missing code', {}],
    [41008, 'missing code', { js_code: '' }],
    [40013, 'invalid appid', { appid: 'wx0000000000000000', js_code: code() }],
    [40125, 'invalid appsecret', { secret: other.credentials.appSecret, js_code: code() }],
    [40002, 'invalid grant_type', { grant_type: 'client_credential', js_code: code() }],
    [40002, 'invalid grant_type', { grant_type: undefined, js_code: code() }],
    [40029, 'invalid code', { js_code: '021ByuFs0fNXie1T5lJs0IwBFs0ByuF1' }],
    [40029, 'invalid code', { js_code: other.loginCode().code }]
  ]
  for (const [errcode, errmsg, values] of cases) refused(t, await call(mock, values), errcode, errmsg, `${errmsg} ${JSON.stringify(values)}`)
})

t.test('a code is spent by its first exchange, and dies after 300 s', async t => {
  const mock = await startMock(t)
  const { code } = mock.default.loginCode()
  await call(mock, { js_code: code })
  refused(t, await call(mock, { js_code: code }), 40163, 'code been used')
  const { code: late } = mock.default.loginCode()
  await mock.default.advance('5m')
  t.match((await call(mock, { js_code: late })).text, /"errcode":40029/)
  t.match((await call(mock, { js_code: code })).text, /"errcode":40029/, 'in time a used code is forgotten')
})

t.test('of many parallel exchanges one succeeds', async t => {
  const mock = await startMock(t)
  const { code } = mock.default.loginCode()
  const replies = await Promise.all(Array.from({ length: 20 }, () => call(mock, { js_code: code })))
  t.equal(replies.filter(({ text }) => 'openid' in JSON.parse(text)).length, 1)
  t.equal(replies.filter(({ text }) => JSON.parse(text).errcode === 40163).length, 19)
})

t.test('the query alone counts: values in a POST body are missing', async t => {
  const mock = await startMock(t)
  const { appid, appSecret } = mock.default.credentials
  const body = new URLSearchParams({ appid, secret: appSecret, js_code: mock.default.loginCode().code, grant_type: 'authorization_code' })
  const missing = { appid: undefined, secret: undefined, grant_type: undefined }
  refused(t, await call(mock, missing, { method: 'POST', body }), 41002, 'appid missing')
  const { code } = mock.default.loginCode()
  t.match((await call(mock, { js_code: code }, { method: 'POST', body: '' })).text, /"openid"/)
})

t.test('rids differ from call to call', async t => {
  const mock = await startMock(t)
  const rids = await Promise.all([1, 2, 3].map(async () => JSON.parse((await call(mock)).text).errmsg))
  t.equal(new Set(rids).size, 3)
})
