import t from 'tap'
import type { Behaviour, World } from '../../../mock-server/index.ts'
import { NOON, startMock } from '../helpers.ts'
import { askPhone, callLogin, exchangeCode, getToken, postJson, tokenOf } from '../login.ts'

const BLOCK = '[0-9a-f]{8}'
const RID = `${(NOON / 1000).toString(16)}-${BLOCK}-${BLOCK}`
const ID = '[\\w-]{16}'

t.test("what follows the text, by the path, with the world's time in the rid", async (t) => {
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

t.test('the form of before 2020, of /sns alone', async (t) => {
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

t.test('the Content-Type, of good answers and of refusals', async (t) => {
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

t.test('bodies that are no JSON object', async (t) => {
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
    'nothing is an empty object',
  )
  t.match(
    (await postJson(world, '/cgi-bin/stable_token', {}, { appid: 1 })).json,
    { errcode: 41002 },
    'a number is no text',
  )
})

t.test("faults: before and after, with a text of one's own, for the world that gave the token", async (t) => {
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
