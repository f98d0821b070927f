import type { FastifyRequest } from 'fastify'
import t from 'tap'
import type { Hooks } from '../../src/hooks.ts'
import { createAnswers } from '../../src/routes/answers.ts'
import { Secret } from '../../src/base/secret.ts'

const APPID = 'wx0123456789abcdef'
const IDENTITY = { appid: APPID, openid: 'oAlice', unionid: undefined }
const request = {} as FastifyRequest

/** An app's hooks, some of them replaced. */
const answers = (hooks: Record<string, unknown> = {}) =>
  createAnswers(
    { price: () => ({ key: 'k', description: 'tea', totalFee: 1 }), onPaid() {}, ...hooks } as unknown as Hooks<never>,
    [APPID],
  )

t.test('the answer of authenticate is checked', async (t) => {
  const good: [what: string, answer: unknown, identity: unknown][] = [
    ['nobody', undefined, undefined],
    ['null, as a database returns it for an unknown user', null, undefined],
    ['an identity', IDENTITY, IDENTITY],
    ["without an appid, it is this app's", { openid: 'oAlice' }, IDENTITY],
    ['a row', { openid: 'oAlice', unionid: null, id: 7 }, { ...IDENTITY, id: 7 }],
    ['with a unionid', { openid: 'oAlice', unionid: 'uAlice' }, { ...IDENTITY, unionid: 'uAlice' }],
  ]
  for (const [what, answer, identity] of good) {
    t.strictSame(await answers({ authenticate: () => answer }).authenticate!(request), identity, what)
    t.strictSame(await answers({ authenticate: async () => answer }).authenticate!(request), identity, `${what}, later`)
  }
  const bad: [answer: unknown, message: RegExp][] = [
    [{}, /openid must be a string of 1 to 128 bytes of UTF-8, not undefined/],
    [{ openid: '' }, /openid must be a string of 1 to 128 bytes of UTF-8, not of 0/],
    [{ openid: 'o\n' }, /openid must have no line breaks/],
    [{ openid: 7 }, /openid must be a string .* not 7/],
    [{ openid: Promise.resolve('oAlice') }, /openid must be a string .* not \[Promise\]/],
    [{ openid: 'oAlice', unionid: 7 }, /unionid must be a string/],
    [{ appid: 'wxffffffffffffffff', openid: 'oAlice' }, /appid must be wx0123456789abcdef or left out/],
    [{ appid: null, openid: 'oAlice' }, /appid must be wx0123456789abcdef or left out, not null/],
    [true, /it must be an object with appid, openid, unionid, not true/],
    ['oAlice', /it must be an object/],
  ]
  for (const [answer, message] of bad) {
    await t.rejects(answers({ authenticate: () => answer }).authenticate!(request), {
      code: 'WECHAT_HOOK_INVALID',
      statusCode: 500,
      message: new RegExp(`^The hook authenticate returned an invalid value: .*${message.source}`),
    })
  }
})

t.test('the answer of issueToken is checked', async (t) => {
  const expiresAt = new Date('2026-03-01T04:00:00Z')
  for (const answer of [{ token: 'a.b.c' }, { token: 'a.b.c', expiresAt }, { token: 'a', expiresAt: undefined }]) {
    t.match(await answers({ issueToken: async () => answer }).issueToken!(IDENTITY, request), answer)
  }
  const bad: [answer: unknown, message: RegExp][] = [
    [undefined, /it must be an object with token, expiresAt, not undefined/],
    [null, /it must be an object .* not null/],
    ['a.b.c', /it must be an object/],
    [{}, /token must be a string of 1 to 16384 bytes of UTF-8, not undefined/],
    [{ token: '' }, /token must be a string/],
    [{ token: Promise.resolve('a.b.c') }, /token must be a string .* not \[Promise\]/],
    [{ token: 'a\r\nset-cookie: x' }, /token must have no line breaks/],
    [{ token: 'a', expiresAt: null }, /expiresAt must be a valid Date, not null/],
    [{ token: 'a', expiresAt: '2026-03-01' }, /expiresAt must be a valid Date/],
    [{ token: 'a', expiresAt: 1_772_337_600 }, /expiresAt must be a valid Date/],
    [{ token: 'a', expiresAt: new Date(NaN) }, /expiresAt must be a valid Date, not Invalid Date/],
    [{ token: 'a', expiresAt: new Date(1_772_337_600) }, /expiresAt must be made from milliseconds, but 1970-01-21T/],
    [{ token: 'a', refreshToken: 'b' }, /'refreshToken' is none of token, expiresAt/],
  ]
  for (const [answer, message] of bad) {
    const answered = answers({ issueToken: () => answer }).issueToken!(IDENTITY, request)
    await t.rejects(answered, {
      code: 'WECHAT_HOOK_INVALID',
      message: new RegExp(`^The hook issueToken returned an invalid value: .*${message.source}`),
    })
    t.notMatch(await answered.catch((error: Error) => error.message), 'a.b.c', 'no token is shown')
  }
})

t.test('missing hooks', async (t) => {
  const { authenticate, issueToken, onLogin } = answers()
  t.strictSame([authenticate, issueToken], [undefined, undefined])
  await onLogin({ ...IDENTITY, sessionKey: new Secret('session key') }, request)
})

t.test('errors thrown by hooks are passed on, as long as they can be read', async (t) => {
  const soldOut = Object.assign(new Error('sold out'), { statusCode: 410 })
  for (const price of [
    () => {
      throw soldOut
    },
    async () => {
      throw soldOut
    },
  ]) {
    t.equal(
      await answers({ price })
        .price(request, IDENTITY)
        .catch((error: unknown) => error),
      soldOut,
    )
  }
  const none = answers({
    onLogin: async () => {
      // eslint-disable-next-line no-throw-literal -- as plain JavaScript may
      throw undefined
    },
  })
  await t.rejects(none.onLogin({ ...IDENTITY, sessionKey: new Secret('') }, request), { message: 'undefined' })
})
