import { createHash } from 'node:crypto'
import t from 'tap'
import type { CodeSession } from '../../../src/client/mini-program/mini-program.ts'
import { createApps } from '../../../src/engine/users/apps.ts'
import type { RegisteredApp } from '../../../src/engine/users/apps.ts'
import { createLogin } from '../../../src/engine/users/login.ts'
import type { Login } from '../../../src/engine/users/login.ts'
import { WechatError } from '../../../src/errors.ts'
import { Secret } from '../../../src/base/secret.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { at, HOUR } from '../helpers.ts'

const APPID = 'wx0123456789abcdef'
const session: CodeSession = { openid: 'oTea_payer', unionid: 'uTea_payer', sessionKey: new Secret('session key') }

/** A login whose WeChat is answered by hand: every exchange waits in `asked`. */
function rig({ appid = APPID, store = memoryStore() as Store } = {}) {
  let now = at(0)
  let tokens = 0
  const asked: { code: string; answer: (session: CodeSession) => void; fail: (error: Error) => void }[] = []
  const miniProgram = {
    code2Session: async (code: Secret) =>
      await new Promise((resolve, reject) => {
        asked.push({ code: code.reveal(), answer: resolve, fail: reject })
      }),
  } as RegisteredApp['miniProgram']
  const login: Login = createLogin({
    apps: createApps([{ name: undefined, appid, miniProgram }]),
    store,
    now: () => now,
    tokenTtlMs: HOUR,
    randomToken: () => `token-${++tokens}`,
  })
  return {
    login,
    store,
    asked,
    advance(ms: number) {
      now = new Date(now.getTime() + ms)
    },
  }
}

t.test('a code is exchanged for the identity of its user', async (t) => {
  const { login, asked } = rig()
  const exchange = login.exchange('0a1B-c_D')
  asked[0]!.answer(session)
  t.same(await exchange, { ...session, appid: APPID })
  t.same(
    asked.map(({ code }) => code),
    ['0a1B-c_D'],
  )
})

t.test('simultaneous logins with one code exchange it once, and all get the answer', async (t) => {
  const { login, asked } = rig()
  const exchanges = Array.from({ length: 5 }, () => login.exchange('code'))
  const other = login.exchange('other')
  t.same(
    asked.map(({ code }) => code),
    ['code', 'other'],
  )
  for (const { answer } of asked) answer(session)
  t.same(
    await Promise.all(exchanges),
    Array.from({ length: 5 }, () => ({ ...session, appid: APPID })),
  )
  await other
})

t.test('a double tap is harmless: for five seconds a used code gives the same answer', async (t) => {
  const { login, asked, advance } = rig()
  const first = login.exchange('code')
  asked[0]!.answer(session)
  t.same(await first, { ...session, appid: APPID })
  const second = login.exchange('second')
  asked[1]!.answer(session)
  await second
  advance(4999)
  t.same(await login.exchange('code'), { ...session, appid: APPID })
  t.equal(asked.length, 2)
  advance(1)
  const late = login.exchange('code')
  t.equal(asked.length, 3, 'after that, WeChat is asked and says the code was used')
  asked[2]!.fail(new WechatError('WECHAT_CODE_REJECTED', 'The login code has been used.', { wechatCode: '40163' }))
  await t.rejects(late, { message: 'The login code has been used.' })
})

t.test('a failure is shared too, but not remembered', async (t) => {
  const { login, asked } = rig()
  const exchanges = [login.exchange('code'), login.exchange('code')]
  const error = new WechatError('WECHAT_CODE_REJECTED', 'The login code has been used.')
  asked[0]!.fail(error)
  for (const exchange of exchanges) await t.rejects(exchange, error)
  const again = login.exchange('code')
  t.equal(asked.length, 2, 'the next one asks again')
  asked[1]!.answer(session)
  t.hasStrict(await again, { openid: 'oTea_payer' })
})

t.test('at most a hundred exchanges run at once, so a flood of codes cannot exhaust sockets', async (t) => {
  const { login, asked } = rig()
  const exchanges = Array.from({ length: 100 }, (_, n) => login.exchange(`code-${n}`))
  for (let n = 0; n < 1000; n++) {
    await t.rejects(login.exchange(`junk-${n}`), {
      code: 'WECHAT_BUSY',
      statusCode: 503,
      advice: 'repeat',
      sent: false,
    })
  }
  exchanges.push(login.exchange('code-0'))
  t.equal(asked.length, 100, 'sharing an exchange takes no slot')
  const refused = new WechatError('WECHAT_CODE_REJECTED', 'The login code is unknown.')
  asked[1]!.fail(refused)
  await t.rejects(exchanges[1]!, refused)
  const next = login.exchange('next')
  t.equal(asked.length, 101, 'an exchange that ends, in success or failure, makes room for the next')
  for (const { answer } of asked) answer(session)
  t.hasStrict(await next, { openid: 'oTea_payer' })
})

t.test('a value that cannot be a code is refused without asking WeChat', async (t) => {
  const { login, asked } = rig()
  for (const code of ['', ' ', 'a b', 'a&secret=', 'é', '../x', 'a'.repeat(129), 'line\n']) {
    await t.rejects(login.exchange(code), { code: 'WECHAT_INPUT_INVALID', statusCode: 400 }, JSON.stringify(code))
  }
  // Converted to strings these would pass: "undefined", "null", "7", "code".
  for (const code of [undefined, null, 7, true, ['code']]) {
    await t.rejects(login.exchange(code as never), { code: 'WECHAT_INPUT_INVALID' }, String(code))
  }
  t.equal(asked.length, 0)
  login.exchange('a'.repeat(128))
  t.equal(asked.length, 1)
})

t.test('a token stands for its identity until it expires or is revoked', async (t) => {
  const { login, advance } = rig()
  const identity = { appid: APPID, openid: 'oTea_payer', unionid: 'uTea_payer' }
  const one = await login.issueToken(identity)
  const two = await login.issueToken({ appid: APPID, openid: 'oAnother' })
  t.same(
    [one, two],
    [
      { token: 'token-1', expiresAt: at(HOUR) },
      { token: 'token-2', expiresAt: at(HOUR) },
    ],
  )
  t.same(await login.identify('token-1'), identity)
  t.hasStrict(await login.identify('token-2'), { openid: 'oAnother', unionid: undefined })
  for (const unknown of ['', 'token-3', 'TOKEN-1', ' token-1']) {
    t.equal(await login.identify(unknown), undefined, unknown)
  }

  await login.revokeToken('token-2')
  t.equal(await login.identify('token-2'), undefined)
  await login.revokeToken('token-2')
  t.same(await login.identify('token-1'), identity, 'the other tokens stay valid')

  advance(HOUR - 1)
  t.same(await login.identify('token-1'), identity)
  advance(1)
  t.equal(await login.identify('token-1'), undefined)
})

t.test('the store never sees a token, only its hash', async (t) => {
  const { login, store } = rig()
  const seen: unknown[] = []
  const put = store.putSession
  store.putSession = async (session) => {
    seen.push(session)
    await put(session)
  }
  await login.issueToken({ appid: APPID, openid: 'oTea_payer' })
  t.same(seen, [
    {
      tokenHash: createHash('sha256').update('token-1').digest('hex'),
      appid: APPID,
      openid: 'oTea_payer',
      unionid: undefined,
      expiresAt: at(HOUR),
    },
  ])
})

t.test('a token of another mini program in the same store is not accepted', async (t) => {
  const store = memoryStore() as Store
  const [here, there] = [rig({ store }), rig({ store, appid: 'wxffffffffffffffff' })]
  const { token } = await here.login.issueToken({ appid: APPID, openid: 'oTea_payer' })
  t.equal(await there.login.identify(token), undefined)
  t.hasStrict(await here.login.identify(token), { openid: 'oTea_payer' })
})

t.test('a token is returned only once it is stored, and counts as revoked only once it is deleted', async (t) => {
  const down = async () => {
    throw new Error('The database is down.')
  }
  const { login } = rig({
    store: { ...(memoryStore() as Store), putSession: down, getSession: down, deleteSession: down },
  })
  await t.rejects(login.issueToken({ appid: APPID, openid: 'oTea_payer' }), { message: 'The database is down.' })
  await t.rejects(login.identify('token-1'), { message: 'The database is down.' })
  await t.rejects(login.revokeToken('token-1'), { message: 'The database is down.' })
})
