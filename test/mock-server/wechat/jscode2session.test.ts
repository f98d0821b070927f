import t from 'tap'
import { startMock } from '../helpers.ts'
import { exchangeCode, getToken } from '../login.ts'

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

t.test('a code is spent by its first exchange, and dies after 300 s', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.loginCode()
  await exchangeCode(world, { js_code: code })
  t.match((await exchangeCode(world, { js_code: code })).json, { errcode: 40163 })
  const { code: late } = world.loginCode()
  await world.advance('5m')
  t.match((await exchangeCode(world, { js_code: late })).json, { errcode: 40029 })
  t.match((await exchangeCode(world, { js_code: code })).json, { errcode: 40029 }, 'in time a used code is forgotten')
})

t.test('a limit by the minute, of each user: a code that is refused stays good', async (t) => {
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
  t.match(await login('o-alice'), { errcode: 45011 }, 'the minute goes along')
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

t.test('the query alone counts: values in a POST body are missing', async (t) => {
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

t.test('codes for whoever has only a shell', async (t) => {
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
