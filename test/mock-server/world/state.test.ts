import t, { type Test } from 'tap'
import type { World, WorldExport, WorldOptions } from '../../../mock-server/index.ts'
import { fromExport, toExport } from '../../../mock-server/world/state/export.ts'
import { checkState } from '../../../mock-server/world/state/shape.ts'
import type { WorldState } from '../../../mock-server/world/state/state.ts'
import {
  ACK,
  callPay,
  control,
  NOON,
  orderFields,
  paymentParams,
  placeOrder,
  placeRefund,
  REFUSAL,
  startMock,
  startShop,
} from '../helpers.ts'
import { askPhone, getStableToken } from '../login.ts'

/** A busy world: one order paid and refused twice, one unpaid, a refund in progress, a code, a fault. */
async function midway(t: Test, options: WorldOptions = {}) {
  const mock = await startMock(t, { world: { refundDelay: '1h', ...options } })
  const { default: world } = mock
  const shop = await startShop(t, (_notified, _response, count) => (count < 4 ? REFUSAL : ACK))
  await placeOrder(world, shop.notifyUrl)
  const prepayId = await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0001')
  await world.advance('20s')
  world.refundFromConsole('tea-0001', {
    outRefundNo: 'back-1',
    refundFee: 50,
    notifyUrl: shop.notifyUrl,
  })
  const { code } = world.loginCode({ openid: 'o-alice' })
  world.fault('orderquery', { kind: 'reset' }, { name: 'lost', nth: 3 })
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  return { mock, world, shop, prepayId, code }
}

/** Everything visible of a world. */
const seen = (world: World) =>
  JSON.parse(
    JSON.stringify({
      now: world.clock.now(),
      timers: world.clock.timers(),
      orders: world.orders(),
      refunds: world.refunds(),
      notifications: world
        .notifications()
        .map(({ id, state, attempts, nextDueAt, body }) => ({ id, state, attempts, nextDueAt, body })),
      deliveries: world.deliveries(),
      journal: world.journal.entries(),
      faults: world.faults(),
    }),
  )

async function login(world: World, code: string) {
  const { appid, appSecret } = world.credentials
  const response = await fetch(
    `${world.baseUrl}/sns/jscode2session?appid=${appid}&secret=${appSecret}&js_code=${code}&grant_type=authorization_code`,
  )
  return (await response.json()) as { openid?: string; errcode?: number }
}

/** What happens afterwards: retries, the end of the refund, a payment, a login. */
async function goOn(t: Test, world: World, prepayId: string, code: string) {
  const { deliveries } = await world.advance('2h')
  t.match(deliveries, [
    { attempt: 2, verdict: 'fail_xml' },
    { attempt: 3, verdict: 'acked' },
    { kind: 'refund', outRefundNo: 'back-1', verdict: 'acked' },
  ])
  t.match(world.refund('back-1'), { status: 'SUCCESS' })
  t.throws(
    () => world.requestPayment(paymentParams(world, prepayId)),
    { message: /older than 2 h/ },
    'the prepay_id is known',
  )
  t.match(await login(world, code), { errcode: 40029 }, 'the code has expired meanwhile')
}

t.test('a snapshot can be restored repeatedly, and continues as before', async (t) => {
  const { world, shop, prepayId, code } = await midway(t)
  const before = seen(world)
  t.equal(world.snapshot(), 's1')
  t.same(world.snapshots(), [{ name: 's1', at: new Date(NOON + 20_000) }])
  for (let round = 0; round < 2; round++) {
    shop.received.length = 2
    await goOn(t, world, prepayId, code)
    world.restore('s1')
    t.same(seen(world), before, `round ${round}`)
  }
  t.match(await login(world, code), { openid: 'o-alice' })
  t.match(await login(world, code), { errcode: 40163 })
  world.restore('s1')
  t.match(await login(world, code), { openid: 'o-alice' }, 'the code is unused again')
  t.equal(world.snapshot('mine'), 'mine')
  t.throws(() => world.restore('s9'), { code: 'UNKNOWN_SNAPSHOT' })
})

t.test('ids continue where they were', async (t) => {
  const { world, shop } = await midway(t)
  const next = async () =>
    (await callPay(world, 'unifiedorder', orderFields(shop.notifyUrl, { out_trade_no: 'tea-0003' }))).text
  world.snapshot('s')
  const first = await next()
  world.restore('s')
  t.equal(await next(), first, 'the same nonce, the same prepay_id')
})

t.test('an export is plain JSON and can be read by another mock with the same merchant', async (t) => {
  const { world, shop, prepayId, code } = await midway(t)
  const exported = JSON.parse(JSON.stringify(world.export())) as WorldExport
  const other = (await startMock(t, { world: { refundDelay: '1h', ...exported.credentials } })).default
  other.import(exported)
  t.same(seen(other), seen(world))
  shop.received.length = 2
  await goOn(t, other, prepayId, code)
})

t.test('bytes survive an export', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, (_notified, response) => {
    response.end(Buffer.from([0xb2, 0xe8]))
    return undefined
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  const exported = JSON.parse(JSON.stringify(world.export()))
  world.reset()
  world.import(exported)
  t.same(world.deliveries()[0]!.response!.raw, Buffer.from([0xb2, 0xe8]))
})

t.test('an export that does not belong here is refused', async (t) => {
  const mock = await startMock(t)
  const exported = mock.default.export()
  t.throws(() => mock.world().import(exported), {
    code: 'BAD_INPUT',
    message: /^credentials.appid: must be that of this world/,
  })
  t.throws(() => mock.default.import({ ...exported, format: 'wechat-mock/1' as 'wechat-mock/3' }), {
    code: 'BAD_INPUT',
    message: 'format: must be wechat-mock/3; got "wechat-mock/1"',
  })
})

t.test('reset: everything, or parts', async (t) => {
  const parts: [what: Parameters<World['reset']>, left: object][] = [
    [
      [],
      {
        now: '2026-01-15T04:00:00.000Z',
        timers: [],
        orders: [],
        refunds: [],
        notifications: [],
        deliveries: [],
        journal: [],
        faults: [],
      },
    ],
    [
      ['orders'],
      {
        timers: [],
        orders: [],
        refunds: [],
        notifications: [],
        deliveries: [],
        journal: Array(5).fill({}),
        faults: [{}],
      },
    ],
    [['journal', 'faults'], { orders: [{}, {}], journal: [], faults: [] }],
    [['users'], { orders: [{}, {}], journal: Array(5).fill({}) }],
  ]
  for (const [what, left] of parts) {
    const { world, code } = await midway(t)
    const told: unknown[] = []
    world.on('reset', (reset) => {
      told.push(reset)
    })
    world.gate('refund.request')
    world.reset(...what)
    t.match(seen(world), left, what.join())
    t.same(told, [{ what: what.length > 0 ? what : ['orders', 'users', 'journal', 'faults', 'clock'] }])
    t.equal(world.gates().length, what.length === 0 || what.includes('faults') ? 0 : 1)
    t.match(
      await login(world, code),
      what.length === 0 || what.includes('users') ? { errcode: 40029 } : { openid: 'o-alice' },
    )
  }
})

t.test(
  'access tokens and phone codes are in a snapshot and in an export, and are dropped with the users',
  async (t) => {
    const { default: world } = await startMock(t)
    const token = (await getStableToken(world)).json.access_token as string
    const { code } = world.phoneNumber('o-alice')
    const ask = async () => (await askPhone(world, token, { code })).json.errcode as number
    const exported = JSON.parse(JSON.stringify(world.export())) as WorldExport
    world.snapshot('before')
    t.same([await ask(), await ask()], [0, 40029])
    for (const back of [() => world.restore('before'), () => world.import(exported)]) {
      await world.advance('1m')
      await getStableToken(world, { force_refresh: true })
      t.equal(await ask(), 40001)
      back()
      await world.advance('1m')
      t.equal(await ask(), 0, 'no other one was forced')
    }
    world.restore('before')
    world.reset('orders')
    t.equal(await ask(), 0)
    world.reset('users')
    t.equal(await ask(), 40001)
    t.same(world.users(), [])
  },
)

t.test('resetting only the clock keeps what is due', async (t) => {
  const { world } = await midway(t)
  const timers = world.clock.timers()
  world.reset('clock')
  t.same(world.clock.now(), new Date(NOON))
  t.same(world.clock.timers(), timers)
  t.match((await world.advance('30s')).deliveries, [{ attempt: 2 }])
})

t.test('what cannot be reset', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, (_notified, _response, count) => {
    if (count === 2) t.throws(() => world.reset(), { code: 'CLOCK_BUSY' })
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await world.advance('15s')
  t.equal(shop.received.length, 2)
  t.throws(() => world.reset('order' as 'orders'), {
    code: 'BAD_INPUT',
    message: 'what: must be some of orders, users, journal, faults, clock; got "order"',
  })

  const { default: real } = await startMock(t, { world: { clock: 'real' } })
  t.throws(() => real.reset('clock'), { code: 'CLOCK_REAL' })
  real.reset()
})

t.test('snapshots can be deleted, and their number is limited', async (t) => {
  const { default: world } = await startMock(t)
  for (const name of ['s1', 's2']) t.equal(world.snapshot(), name)
  world.deleteSnapshot('s1')
  t.throws(() => world.restore('s1'), { code: 'UNKNOWN_SNAPSHOT' })
  t.throws(() => world.deleteSnapshot('s1'), { code: 'UNKNOWN_SNAPSHOT', message: 'world default has no snapshot s1' })
  t.equal(world.snapshot(), 's3', 'a name that is free')
  for (let n = 3; n <= 100; n++) world.snapshot()
  t.throws(() => world.snapshot(), {
    code: 'TOO_MANY_SNAPSHOTS',
    statusCode: 409,
    message: 'world default has 100 snapshots, the maximum; delete one first',
  })
  t.equal(world.snapshot('s3'), 's3', 'a snapshot can replace itself')
  t.equal(world.snapshots().length, 100)
})

t.test('on the real clock a restored snapshot continues in real time', async (t) => {
  const { default: world } = await startMock(t, { world: { clock: 'real', schedule: [0.05] } })
  const shop = await startShop(t, (_notified, _response, count) => (count === 1 ? REFUSAL : ACK))
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  world.snapshot('s')
  world.restore('s')
  await world.journal.wait({ api: 'notify' }, { count: 2 })
  t.match(world.notification('tea-0001'), { state: 'acked' })
})

t.test('after a reset of orders no refund ends later', async (t) => {
  const { world } = await midway(t)
  world.reset('orders')
  t.same(world.clock.timers(), [])
  t.same((await world.advance('2h')).deliveries, [])
})

/** A world with some of everything, and its export as text. */
async function setup() {
  const mock = await startMock(t)
  const { default: world } = mock
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl, { time_expire: '20260115140000' })
  await world.pay('tea-0001', { coupons: [{ fee: 50, type: 'CASH' }] })
  await placeRefund(world, { refund_fee: 100, notify_url: shop.notifyUrl })
  await world.settleRefund('tea-0001-r1', 'SUCCESS')
  await placeRefund(world, { refund_fee: 200, out_refund_no: 'r-2' })
  await world.settleRefund('r-2', 'REFUNDCLOSE')
  await placeRefund(world, { refund_fee: 300, out_refund_no: 'r-3' })
  await world.settleRefund('r-3', 'CHANGE')
  await world.settleRefund('r-3', 'SUCCESS')
  world.craft('tea-0001', { body: 'nonsense' })
  world.loginCode({ openid: 'o-alice' })
  world.phoneNumber('o-alice')
  await getStableToken(world, { force_refresh: true })
  world.setMerchant('1900000109')
  world.setApp('wx0123456789abcdef')
  world.fault('orderquery', { kind: 'delay', ms: 1 }, { rate: { limit: 1, per: '1m' } })
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  return { mock, world, text: JSON.stringify(world.export()) }
}

/** Sets the value at a path such as `orders.orders.0.body`. */
function changed(text: string, path: string, value: unknown): WorldExport {
  const exported = JSON.parse(text)
  const names = path.split('.')
  const last = names.pop()!
  const parent = names.reduce((node, name) => node[name], exported)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return exported
}

t.test('an invalid state is refused, and the world stays unchanged', async (t) => {
  const { mock, world, text } = await setup()
  const cases: [path: string, value: unknown, field?: string][] = [
    ['state', {}, 'state.now'],
    ['state.now', 'nonsense'],
    ['state.now', { $date: 'nonsense' }],
    ['state.now', { $date: 5 }],
    ['state.now', { $date: '+012026-01-15T04:00:00.000Z' }],
    ['state.replies', -1],
    ['state.merchants.0.keys.publicKeys', []],
    ['state.merchants.0.keys.publicKeys', [1000], 'state.merchants.0.keys.publicKeys.0'],
    ['state.merchants.0.orders', 5],
    ['state.merchants.0.orders', []],
    ['state.merchants.0.orders.orders', {}],
    ['state.merchants.0.orders.orders.0', null],
    ['state.merchants.0.orders.orders.0.createdAt', { $date: '+100000-01-15T04:00:00.000Z' }],
    ['state.merchants.0.orders.orders.0.expiresAt', 5],
    ['state.merchants.0.orders.orders.0.tradeState', 'PAID'],
    ['state.merchants.0.orders.orders.0.payment.coupons.0.fee', '50'],
    ['state.merchants.0.orders.orders.0.payment.coupons.0.type', 'GOLD'],
    ['state.merchants.0.orders.prepays.0', ['wx1']],
    ['state.merchants.0.orders.prepays.0', ['wx1', 2], 'state.merchants.0.orders.prepays.0.1'],
    ['state.merchants.0.orders.prepays.0', ['wx1', 'tea-0009']],
    ['state.merchants.0.refunds.0.outTradeNo', 'tea-0009', 'state.merchants.0.refunds.0'],
    ['state.merchants.0.refunds.0.coupons', [], 'state.merchants.0.refunds.0'],
    ['state.merchants.0.orders.orders.0.payment', undefined, 'state.merchants.0.orders.orders.0.tradeState'],
    ['state.merchants.0.orders.orders.0.tradeState', 'NOTPAY'],
    ['state.merchants.0.orders.orders.0.notifyUrl', 'ftp://shop.example.com/notify'],
    ['state.merchants.0.orders.orders.0.totalFee', 99, 'state.merchants.0.refunds.0.refundFee'],
    ['state.merchants.0.refunds.0.refundFee', 500],
    ['state.merchants.0.refunds.2.firstEnd.status', 'DONE'],
    ['state.merchants.0.refunds.0.notifyUrl', 'http://'],
    ['state.merchants', undefined],
    ['state.apps', {}],
    ['state.apps.0.users', 5],
    ['state.apps.0.users.codes.0.worth', 5],
    ['state.apps.0.tokens.forced.0', 'today'],
    ['state.notifications.notifications.0.held', 0],
    ['state.notifications.notifications.0.url', 'ftp://shop.example.com/notify'],
    ['state.notifications.notifications.0.body', '<xml'],
    ['state.notifications.notifications.0.body', '<xml></xml>'],
    [
      'state.notifications.log.deliveries.0.request.headers',
      { host: 5 },
      'state.notifications.log.deliveries.0.request.headers.host',
    ],
    ['state.notifications.log.deliveries.0.durationMs', '1'],
    ['state.notifications.log.deliveries.0.response.raw', { $bytes: 5 }],
    ['state.journal.entries.0.api', 'nothing'],
    ['state.journal.forgotten', -1],
    ['state.faults.0.options.rate', 5],
    ['state.faults.0.api', 'nothing', 'api'],
  ]
  const before = JSON.stringify(world.export())
  for (const [path, value, field = path] of cases) {
    const answer = await control(mock, 'PUT', '/worlds/default/import', changed(text, path, value))
    t.match(answer, { status: 400, json: { code: 'BAD_INPUT', field } }, `${path}: ${JSON.stringify(value)}`)
  }
  t.equal(JSON.stringify(world.export()), before)
  t.match(await control(mock, 'PUT', '/worlds/default/import', text), { status: 200 })
})

t.test('each merchant and each app appears once', async (t) => {
  const { world, text } = await setup()
  const { state, ...exported } = JSON.parse(text)
  for (const [list, id] of [
    ['merchants', 'mchId'],
    ['apps', 'appid'],
  ] as const) {
    const [first] = state[list]
    t.throws(
      () => world.import({ ...exported, state: { ...state, [list]: [first, { ...first, apiKey: 'another' }] } }),
      { code: 'BAD_INPUT', details: { field: `state.${list}.1.${id}` } },
    )
  }
})

t.test('a valid state is returned unchanged', async (t) => {
  const { world, text } = await setup()
  world.reset()
  world.import(JSON.parse(text))
  t.match(world.orders(), [{ outTradeNo: 'tea-0001' }])
  t.throws(() => checkState({ now: new Date(NOON) }), {
    message: 'state.replies: must be a whole number from 0; was the export changed by hand?',
  })
})

const credentials = { appid: 'wx1', appSecret: 's', mchId: '1', apiKey: 'k', apiV3Key: 'k3' }

t.test('dates, bytes, and everything else', async (t) => {
  const state = {
    now: new Date(5),
    raw: Buffer.from([1, 2]),
    list: [new Date(6), null, 'x', 1, true, { deep: new Date(7) }],
    none: null,
  } as unknown as WorldState
  const exported = JSON.parse(JSON.stringify(toExport(credentials, state)))
  t.match(exported, {
    format: 'wechat-mock/3',
    credentials,
    state: { now: { $date: '1970-01-01T00:00:00.005Z' }, raw: { $bytes: 'AQI=' } },
  })
  t.same(fromExport(exported, credentials), state)
})
