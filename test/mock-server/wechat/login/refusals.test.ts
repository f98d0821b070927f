// Every row of the tables of errcodes: what brings it, or that only a fault does; its text, and its shape.
import t, { type Test } from 'tap'
import { LOGIN_APIS, type LoginApi } from '../../../../mock-server/wire/names.ts'
import type { EffectOf, World } from '../../../../mock-server/index.ts'
import { ERRCODES } from '../../../../mock-server/wire/error-codes.ts'
import { NOON, startMock, type Values } from '../../helpers.ts'
import {
  askPhone,
  callLogin,
  callSession,
  exchangeCode,
  getStableToken,
  getToken,
  loginAs,
  tokenOf,
  type LoginReply,
} from '../../login.ts'

type Bring = (world: World, other: World) => Promise<LoginReply>

const exchange =
  (values: Values = {}): Bring =>
  (world) =>
    exchangeCode(world, { js_code: world.loginCode().code, ...values })
const fetched =
  (values: Values): Bring =>
  (world) =>
    getToken(world, values)
const stable =
  (values: object): Bring =>
  (world) =>
    getStableToken(world, values)
const session =
  (api: 'checksession' | 'resetusersessionkey', values: Values): Bring =>
  async (world) =>
    callSession(world, `/wxa/${api}`, 'o-alice', await loginAs(world, 'o-alice'), values)

const UNKNOWN = '021ByuFs0fNXie1T5lJs0IwBFs0ByuF1'
const NO_TOKEN = '78_' + 'x'.repeat(128)

/** What is wrong with a token, for the calls that show one. */
const tokenRows = (
  call: (world: World, token: string) => Promise<LoginReply>,
): [errcode: number, what: string, bring: Bring][] => [
  [41001, 'no token', (world) => call(world, '')],
  [40014, 'not the form of a token', (world) => call(world, 'x')],
  [40001, 'never given out', (world) => call(world, NO_TOKEN)],
  [
    40001,
    'not the latest',
    async (world) => {
      const old = await tokenOf(world)
      await tokenOf(world)
      await world.advance('5m')
      return call(world, old)
    },
  ],
  [
    42001,
    'expired',
    async (world) => {
      const old = await tokenOf(world)
      await world.advance('2h')
      return call(world, old)
    },
  ],
]

/** What the mock does without a fault. */
const BROUGHT: Record<LoginApi, [errcode: number, what: string, bring: Bring][]> = {
  jscode2session: [
    [41002, 'no appid', exchange({ appid: undefined })],
    [41002, 'nothing at all', exchange({ appid: '', secret: undefined, js_code: undefined })],
    [41004, 'no secret', exchange({ secret: undefined, js_code: undefined })],
    [41008, 'no code', exchange({ js_code: undefined, appid: 'wx0000000000000000' })],
    [41008, 'an empty code', exchange({ js_code: '' })],
    [40013, 'unknown app', exchange({ appid: 'wx0000000000000000', secret: 'x' })],
    [
      40125,
      'the secret of another app',
      (world, other) => exchange({ secret: other.credentials.appSecret })(world, other),
    ],
    [40125, 'secret before code', exchange({ secret: 'x', js_code: UNKNOWN })],
    [40002, 'grant_type of another call', exchange({ grant_type: 'client_credential' })],
    [40002, 'no grant_type', exchange({ grant_type: undefined })],
    [40029, 'never issued', exchange({ js_code: UNKNOWN })],
    [40029, 'for another app', (world, other) => exchange({ js_code: other.loginCode().code })(world, other)],
    [
      40029,
      'the code of a phone number',
      (world) => exchangeCode(world, { js_code: world.phoneNumber('o-alice').code }),
    ],
    [
      40029,
      'too late',
      async (world) => {
        const { code } = world.loginCode()
        await world.advance('5m')
        return exchangeCode(world, { js_code: code })
      },
    ],
    [
      40163,
      'the second time',
      async (world) => {
        const { code } = world.loginCode()
        await exchangeCode(world, { js_code: code })
        return exchangeCode(world, { js_code: code })
      },
    ],
  ],
  token: [
    [41002, 'no appid', fetched({ appid: undefined, secret: undefined })],
    [41004, 'no secret', fetched({ secret: undefined, appid: 'wx0000000000000000' })],
    [40013, 'unknown app', fetched({ appid: 'wx0000000000000000', secret: 'x' })],
    [40125, 'wrong secret', fetched({ secret: 'x', grant_type: 'x' })],
    [40002, 'wrong grant_type', fetched({ grant_type: 'authorization_code' })],
  ],
  stable_token: [
    [43002, 'GET', (world) => callLogin(world, '/cgi-bin/stable_token', { appid: world.credentials.appid })],
    [
      47001,
      'a form',
      (world) =>
        callLogin(world, '/cgi-bin/stable_token', {}, { method: 'POST', body: `appid=${world.credentials.appid}` }),
    ],
    [41002, 'no appid', stable({ appid: undefined, secret: undefined })],
    [41004, 'no secret', stable({ secret: undefined })],
    [40013, 'unknown app', stable({ appid: 'wx0000000000000000', secret: 'x' })],
    [40125, 'wrong secret', stable({ secret: 'x' })],
    [40002, 'wrong grant_type', stable({ grant_type: 'x' })],
    [
      45009,
      'forced for the 21st time',
      async (world) => {
        for (let n = 0; n < 20; n++) {
          await getStableToken(world, { force_refresh: true })
          await world.advance('30s')
        }
        return getStableToken(world, { force_refresh: true })
      },
    ],
  ],
  checksession: [
    ...tokenRows((world, token) => session('checksession', { access_token: token })(world, world)),
    [
      87009,
      'the earlier key',
      async (world) => {
        const old = await loginAs(world, 'o-alice')
        world.rotateSessionKey('o-alice')
        return callSession(world, '/wxa/checksession', 'o-alice', old)
      },
    ],
    [
      87009,
      'the signature of a profile',
      (world) => session('checksession', { signature: world.userProfile('o-alice').signature })(world, world),
    ],
    [87009, 'another user', session('checksession', { openid: 'o-bob' })],
    [87009, 'no user', session('checksession', { openid: undefined })],
    [87009, 'another method', session('checksession', { sig_method: 'sha1' })],
  ],
  resetusersessionkey: [
    ...tokenRows((world, token) => session('resetusersessionkey', { access_token: token })(world, world)),
    [40097, 'no user', session('resetusersessionkey', { openid: undefined })],
    [40097, 'no signature', session('resetusersessionkey', { signature: undefined })],
    [40097, 'no method', session('resetusersessionkey', { sig_method: undefined })],
    [87008, 'another method', session('resetusersessionkey', { sig_method: 'sha1', openid: 'o-nobody' })],
    [87007, 'nobody has such a key', session('resetusersessionkey', { openid: 'o-nobody' })],
    [87009, 'wrong signature', session('resetusersessionkey', { signature: 'x' })],
  ],
  getuserphonenumber: [
    ...tokenRows((world, token) => askPhone(world, token, { code: world.phoneNumber('o-alice').code })),
    [
      47001,
      'a form',
      async (world) =>
        callLogin(
          world,
          '/wxa/business/getuserphonenumber',
          { access_token: await tokenOf(world) },
          { method: 'POST', body: 'code=x' },
        ),
    ],
    [40029, 'an empty object', async (world) => askPhone(world, await tokenOf(world), {})],
    [
      40029,
      'the code of wx.login',
      async (world) => askPhone(world, await tokenOf(world), { code: world.loginCode().code }),
    ],
    [
      40029,
      'the second time',
      async (world) => {
        const { code } = world.phoneNumber('o-alice')
        await askPhone(world, await tokenOf(world), { code })
        return askPhone(world, await tokenOf(world), { code })
      },
    ],
    [
      40029,
      'too late',
      async (world) => {
        const { code } = world.phoneNumber('o-alice')
        await world.advance('5m')
        return askPhone(world, await tokenOf(world), { code })
      },
    ],
    [
      40013,
      'for another app',
      async (world, other) => askPhone(world, await tokenOf(world), { code: other.phoneNumber('o-alice').code }),
    ],
  ],
}

const SNS = /^(.*), rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$/
const OTHERS = /^(.*?)(?: hint: \[[\w-]{16}\])? rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$/

/** HTTP 200, the text of the table, and a rid that begins with the time. */
function refused(
  t: Test,
  api: LoginApi,
  world: World,
  { status, contentType, text, json }: LoginReply,
  errcode: number,
  why: string,
): void {
  const sns = api === 'jscode2session'
  const [, said, seconds] = (sns ? SNS : OTHERS).exec(json.errmsg) ?? []
  const texts: Readonly<Record<number, string>> = ERRCODES[api]
  t.same(
    { status, contentType, errcode: json.errcode, said },
    { status: 200, contentType: sns ? 'text/plain' : 'application/json; charset=utf-8', errcode, said: texts[errcode] },
    why,
  )
  t.equal(parseInt(seconds!, 16), Math.floor(world.clock.now().getTime() / 1000), `${why}: the time in the rid`)
  t.match(text, /^\{"errcode":-?\d+,"errmsg":"[^"]*"\}$/, `${why}: no whitespace, nothing more`)
}

for (const api of LOGIN_APIS) {
  t.test(`${api}: what the mock does without a fault`, async (t) => {
    const mock = await startMock(t)
    const other = mock.world({ startTime: NOON })
    for (const [errcode, what, bring] of BROUGHT[api]) {
      const world = mock.world({ startTime: NOON })
      const reply = await bring(world, other)
      // A request that belongs to no world is answered by the first one, whose time stands still.
      const speaker = world.journal.entries({ api }).length > 0 ? world : mock.default
      refused(t, api, speaker, reply, errcode, `${errcode} ${what}`)
    }
  })

  t.test(`${api}: every row by a fault`, async (t) => {
    const { default: world } = await startMock(t)
    const call: Record<LoginApi, () => Promise<LoginReply>> = {
      jscode2session: () => exchange()(world, world),
      token: () => getToken(world),
      stable_token: () => getStableToken(world),
      checksession: () => session('checksession', {})(world, world),
      resetusersessionkey: () => session('resetusersessionkey', {})(world, world),
      getuserphonenumber: async () =>
        askPhone(world, await tokenOf(world), { code: world.phoneNumber('o-alice').code }),
    }
    for (const errcode of Object.keys(ERRCODES[api]).map(Number)) {
      world.fault(api, { kind: 'errcode', errcode } as EffectOf<LoginApi>)
      refused(t, api, world, await call[api](), errcode, String(errcode))
    }
    world.assertDrained()
  })
}
