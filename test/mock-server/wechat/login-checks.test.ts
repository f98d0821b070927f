import t from 'tap'
import type { WorldCore } from '../../../mock-server/core.ts'
import { APP_REQUIRED, checkApp, checkToken, isSigned } from '../../../mock-server/wechat/login-checks.ts'
import { vectors } from '../helpers.ts'

const requestOf = (values: Record<string, string>) => ({
  method: 'GET',
  get: (name: string) => values[name] ?? '',
  json: {},
})

t.test('an app: what is missing first, then appid, secret and grant_type', async (t) => {
  const world = { credentials: { appSecret: 'good' } } as WorldCore
  const cases: [values: Record<string, string>, world: WorldCore | undefined, errcode: number | undefined][] = [
    [{}, undefined, 41002],
    [{ secret: 'x' }, world, 41002],
    [{ appid: 'a' }, undefined, 41004],
    [{ appid: 'a', secret: 'x' }, undefined, 41008],
    [{ appid: 'a', secret: 'x', js_code: 'c' }, undefined, 40013],
    [{ appid: 'a', secret: 'x', js_code: 'c' }, world, 40125],
    [{ appid: 'a', secret: 'good', js_code: 'c' }, world, 40002],
    [{ appid: 'a', secret: 'good', js_code: 'c', grant_type: 'other' }, world, 40002],
    [{ appid: 'a', secret: 'good', js_code: 'c', grant_type: 'mine' }, world, undefined],
  ]
  for (const [values, found, errcode] of cases) {
    t.equal(
      checkApp(found, requestOf(values).get, 'mine', { ...APP_REQUIRED, js_code: 41008 }),
      errcode,
      JSON.stringify(values),
    )
  }
})

t.test("a token: missing, of no token's form, unknown, stale, expired", async (t) => {
  const token = '78_' + 'x'.repeat(128)
  const worldThat = (judged: 'good' | 'stale' | 'expired') =>
    ({ tokens: { judge: () => judged } }) as unknown as WorldCore
  const cases: [text: string, world: WorldCore | undefined, errcode: number | undefined][] = [
    ['', undefined, 41001],
    ['x', undefined, 40014],
    [`${token}!`, undefined, 40014],
    ['x'.repeat(513), undefined, 40014],
    [token, undefined, 40001],
    [token, worldThat('stale'), 40001],
    [token, worldThat('expired'), 42001],
    [token, worldThat('good'), undefined],
  ]
  for (const [text, world, errcode] of cases) {
    t.equal(checkToken(world, requestOf({ access_token: text })), errcode, `${text.slice(-5)} ${errcode ?? 'good'}`)
  }
})

t.test('a signature over nothing, by the session_key as text', async (t) => {
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
