// Every row of the errcode tables: what causes it, or that only a fault does; its text and its form.
import t, { type Test } from 'tap'
import { LOGIN_APIS, type LoginApi } from '../../../../mock-server/wire/names.ts'
import type { EffectOf, World } from '../../../../mock-server/index.ts'
import { ERRCODES } from '../../../../mock-server/wire/error-codes.ts'
import { NOON, placeOrder, startMock, type Values } from '../../helpers.ts'
import {
  askPhone,
  askUnionid,
  callLogin,
  callSession,
  exchangeCode,
  getStableToken,
  getToken,
  loginAs,
  postJson,
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

/** What can be wrong with a token. */
const tokenRows = (
  call: (world: World, token: string) => Promise<LoginReply>,
): [errcode: number, what: string, bring: Bring][] => [
  [41001, 'no token', (world) => call(world, '')],
  [40014, 'not the form of a token', (world) => call(world, 'x')],
  [40001, 'never issued', (world) => call(world, NO_TOKEN)],
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

const ORDER = 'order-1001'

async function paidOrder(world: World): Promise<string> {
  await placeOrder(world, 'http://127.0.0.1:9/notify', { out_trade_no: ORDER, openid: 'o-alice' })
  return (await world.pay(ORDER, { deliver: 'hold' })).order.transactionId!
}

const shipping = async (world: World, call: string, json: unknown, token?: string) =>
  postJson(world, `/wxa/sec/order/${call}`, { access_token: token ?? (await tokenOf(world)) }, json)

const PARCEL = { item_desc: '龙井茶', tracking_no: 'YT1', express_company: 'YTO' }
const uploadOf = (transactionId: string) => ({
  order_key: { order_number_type: 2, transaction_id: transactionId },
  logistics_type: 1,
  delivery_mode: 1,
  shipping_list: [PARCEL],
  upload_time: '2026-01-15T12:00:00.000+08:00',
  payer: { openid: 'o-alice' },
})

/** Uploads with each of the changes in turn; the last reply. */
async function shipped(world: World, changes: unknown, before: object[] = []): Promise<LoginReply> {
  const upload = uploadOf(await paidOrder(world))
  for (const change of before) {
    const { json } = await shipping(world, 'upload_shipping_info', { ...upload, ...change })
    if (json.errcode !== 0) throw new Error(JSON.stringify(json))
  }
  return shipping(world, 'upload_shipping_info', typeof changes === 'object' ? { ...upload, ...changes } : changes)
}

async function shippedOrder(world: World, changes: object = {}): Promise<string> {
  await shipped(world, changes)
  return world.order(ORDER)!.transactionId!
}

const received = (world: World, transactionId: string, time: unknown = NOON / 1000 + 60) =>
  shipping(world, 'notify_confirm_receive', { transaction_id: transactionId, received_time: time })

const SPLIT = { delivery_mode: 2, is_all_delivered: false }
const at = (minute: number) => ({ upload_time: `2026-01-15T12:0${minute}:00.000+08:00` })
const parcel = (changes: object) => ({ shipping_list: [{ ...PARCEL, ...changes }] })
const again = { ...parcel({ tracking_no: 'YT2' }), ...at(1) }

/** What is wrong with an upload, and what was uploaded before. */
const SHIPPING_ROWS: [errcode: number, what: string, changes: unknown, before?: object[]][] = [
  [47001, 'a form', 'shipping_list=1'],
  [268485194, 'no key', { order_key: undefined }],
  [268485194, 'another kind of key', { order_key: { order_number_type: 3 } }],
  [10060001, 'nobody knows it', { order_key: { order_number_type: 2, transaction_id: '4200' } }],
  [10060001, 'no number', { order_key: { order_number_type: 2 } }],
  [10060001, 'for another merchant', { order_key: { order_number_type: 1, mchid: '1', out_trade_no: ORDER } }],
  [10060005, 'another logistics type', { logistics_type: 5 }],
  [10060005, 'a text', { logistics_type: '1' }],
  [268485224, 'another mode', { delivery_mode: 3 }],
  [10060006, 'parts without express', { ...SPLIT, logistics_type: 2 }],
  [10060014, 'parts that do not say whether they are all', { delivery_mode: 2 }],
  [47001, 'an object instead of a list', { shipping_list: { 0: PARCEL } }],
  [47001, 'an empty list', { shipping_list: [] }],
  [47001, 'no parcel', { shipping_list: ['tea'] }],
  [10060024, 'sixteen parcels', { ...SPLIT, shipping_list: Array(16).fill(PARCEL) }],
  [268485228, 'two at once', { shipping_list: [PARCEL, PARCEL] }],
  [10060008, 'no description', parcel({ item_desc: '' })],
  [10060009, 'a long description', parcel({ item_desc: '茶'.repeat(121) })],
  [268485226, 'no tracking number', parcel({ tracking_no: undefined })],
  [268485227, 'no company', parcel({ express_company: undefined })],
  [10060020, 'SF Express without a contact', parcel({ express_company: 'SF' })],
  [47001, 'no milliseconds', { upload_time: '2026-01-15T12:00:00+08:00' }],
  [10060031, 'somebody else', { payer: { openid: 'o-bob' } }],
  [10060031, 'nobody', { payer: undefined }],
  [10060023, 'the same again', at(1), [{}]],
  [268485216, 'not later', parcel({ tracking_no: 'YT2' }), [{}]],
  [10060003, 'changed twice', { ...parcel({ tracking_no: 'YT3' }), ...at(2) }, [{}, again]],
]

const byNumber = ({ credentials: { mchId } }: World): Values => ({ mch_id: mchId, out_trade_no: ORDER })

/** What names no order of the user. */
const UNIONID_ROWS: [what: string, values: (world: World) => Values, openid?: string][] = [
  ['no number', () => ({})],
  ['no merchant', () => ({ out_trade_no: ORDER })],
  ['another merchant', (world) => ({ ...byNumber(world), mch_id: '1' })],
  ['a number that nobody knows', (world) => ({ ...byNumber(world), out_trade_no: 'order-1002' })],
  ['a transaction that nobody knows', (world) => ({ ...byNumber(world), transaction_id: '4200' })],
  ['somebody else has paid', byNumber, 'o-bob'],
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
    [87007, 'no user has such a key', session('resetusersessionkey', { openid: 'o-nobody' })],
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
  getpaidunionid: [
    ...tokenRows((world, token) => askUnionid(world, 'o-alice', { access_token: token })),
    [40003, 'no openid', (world) => askUnionid(world, undefined, {})],
    [40003, 'nobody has it', (world) => askUnionid(world, 'o-nobody', {})],
    [40003, 'of another app', (world, other) => askUnionid(world, other.loginCode().openid, {})],
    ...UNIONID_ROWS.map(([what, values, openid]): [number, string, Bring] => [
      89300,
      what,
      async (world) => {
        await paidOrder(world)
        world.setUser('o-bob', { unionid: 'u-bob' })
        return askUnionid(world, openid ?? 'o-alice', values(world))
      },
    ]),
    [
      89300,
      'not paid',
      async (world) => {
        await placeOrder(world, 'http://127.0.0.1:9/notify', { out_trade_no: ORDER, openid: 'o-alice' })
        return askUnionid(world, 'o-alice', byNumber(world))
      },
    ],
    [
      89300,
      'too late',
      async (world) => {
        await paidOrder(world)
        world.setUser('o-alice', { unionid: 'u-alice' })
        await world.advance('5m')
        return askUnionid(world, 'o-alice', byNumber(world))
      },
    ],
    [
      89002,
      'a user without a unionid',
      async (world) => askUnionid(world, 'o-alice', { transaction_id: await paidOrder(world) }),
    ],
  ],
  upload_shipping_info: [
    ...tokenRows((world, token) => shipping(world, 'upload_shipping_info', {}, token)),
    ...SHIPPING_ROWS.map(([errcode, what, changes, times]): [number, string, Bring] => [
      errcode,
      what,
      (world) => shipped(world, changes, times),
    ]),
  ],
  get_order: [
    ...tokenRows((world, token) => shipping(world, 'get_order', {}, token)),
    [10060014, 'no number', (world) => shipping(world, 'get_order', {})],
    [10060014, "half of the merchant's number", (world) => shipping(world, 'get_order', { merchant_id: '1' })],
    [10060001, 'nobody knows it', (world) => shipping(world, 'get_order', { transaction_id: '4200' })],
    [
      10060001,
      'for another merchant',
      async (world) => {
        await paidOrder(world)
        return shipping(world, 'get_order', { merchant_id: '1', merchant_trade_no: ORDER })
      },
    ],
  ],
  notify_confirm_receive: [
    ...tokenRows((world, token) => shipping(world, 'notify_confirm_receive', {}, token)),
    [10060014, 'a form', (world) => shipping(world, 'notify_confirm_receive', 'transaction_id=1')],
    [10060001, 'nobody knows it', (world) => shipping(world, 'notify_confirm_receive', { transaction_id: '4200' })],
    [10060028, 'not shipped', async (world) => received(world, await paidOrder(world))],
    [10060032, 'no express', async (world) => received(world, await shippedOrder(world, { logistics_type: 4 }))],
    [10060029, 'in milliseconds', async (world) => received(world, await shippedOrder(world), NOON + 1)],
    [10060029, 'before shipping', async (world) => received(world, await shippedOrder(world), NOON / 1000 - 60)],
    [10060029, 'no time', async (world) => received(world, await shippedOrder(world), null)],
    [
      10060030,
      'the second time',
      async (world) => {
        const transactionId = await shippedOrder(world)
        await received(world, transactionId)
        return received(world, transactionId)
      },
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
  t.match(text, /^\{"errcode":-?\d+,"errmsg":"[^"]*"\}$/, `${why}: no white space, nothing else`)
}

for (const api of LOGIN_APIS) {
  t.test(`${api}: what the mock does without a fault`, async (t) => {
    const mock = await startMock(t)
    const other = mock.world({ startTime: NOON })
    for (const [errcode, what, bring] of BROUGHT[api]) {
      const world = mock.world({ startTime: NOON })
      const reply = await bring(world, other)
      // A request without a world is answered by the first one, whose time stands still.
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
      getpaidunionid: () => askUnionid(world, 'o-alice', {}),
      upload_shipping_info: () => shipping(world, 'upload_shipping_info', {}),
      get_order: () => shipping(world, 'get_order', {}),
      notify_confirm_receive: () => shipping(world, 'notify_confirm_receive', {}),
    }
    for (const errcode of Object.keys(ERRCODES[api]).map(Number)) {
      world.fault(api, { kind: 'errcode', errcode } as EffectOf<LoginApi>)
      refused(t, api, world, await call[api](), errcode, String(errcode))
    }
    world.assertDrained()
  })
}
