import t from 'tap'
import { checkState } from '../../mock-server/state-shape.ts'
import type { WorldExport } from '../../mock-server/index.ts'
import { callPay, control, NOON, placeOrder, placeRefund, REFUSAL, startMock, startShop } from './helpers.ts'
import { getStableToken } from './login.ts'

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
  world.merchant('1900000109')
  world.app('wx0123456789abcdef')
  world.fault('orderquery', { kind: 'delay', ms: 1 }, { rate: { limit: 1, per: '1m' } })
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  return { mock, world, text: JSON.stringify(world.export()) }
}

/** Sets what stands at a path such as `orders.orders.0.body`. */
function changed(text: string, path: string, value: unknown): WorldExport {
  const exported = JSON.parse(text)
  const names = path.split('.')
  const last = names.pop()!
  const parent = names.reduce((node, name) => node[name], exported)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return exported
}

t.test('a state that is not one is refused, and the world stays as it was', async (t) => {
  const { mock, world, text } = await setup()
  const cases: [path: string, value: unknown, field?: string][] = [
    ['state', {}, 'state.now'],
    ['state.now', 'nonsense'],
    ['state.now', { $date: 'nonsense' }],
    ['state.now', { $date: 5 }],
    ['state.now', { $date: '+012026-01-15T04:00:00.000Z' }],
    ['state.replies', -1],
    ['state.orders', 5],
    ['state.orders', []],
    ['state.orders.orders', {}],
    ['state.orders.orders.0', null],
    ['state.orders.orders.0.createdAt', { $date: '+100000-01-15T04:00:00.000Z' }],
    ['state.orders.orders.0.expiresAt', 5],
    ['state.orders.orders.0.tradeState', 'PAID'],
    ['state.orders.orders.0.payment.coupons.0.fee', '50'],
    ['state.orders.orders.0.payment.coupons.0.type', 'GOLD'],
    ['state.orders.prepays.0', ['wx1']],
    ['state.orders.prepays.0', ['wx1', 2], 'state.orders.prepays.0.1'],
    ['state.orders.prepays.0', ['wx1', 'tea-0009']],
    ['state.refunds.0.outTradeNo', 'tea-0009', 'state.refunds.0'],
    ['state.refunds.0.coupons', [], 'state.refunds.0'],
    ['state.orders.orders.0.payment', undefined, 'state.orders.orders.0.tradeState'],
    ['state.orders.orders.0.tradeState', 'NOTPAY'],
    ['state.orders.orders.0.notifyUrl', 'ftp://shop.example.com/notify'],
    ['state.orders.orders.0.totalFee', 99, 'state.refunds.0.refundFee'],
    ['state.refunds.0.refundFee', 500],
    ['state.refunds.2.firstEnd.status', 'DONE'],
    ['state.refunds.0.notifyUrl', 'http://'],
    ['state.sandbox', undefined],
    ['state.users', 5],
    ['state.users.codes.0.worth', 5],
    ['state.tokens.forced.0', 'today'],
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

t.test('each merchant and each app is there once', async (t) => {
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

t.test('it is given back as it is when all is right', async (t) => {
  const { world, text } = await setup()
  world.reset()
  world.import(JSON.parse(text))
  t.match(world.orders(), [{ outTradeNo: 'tea-0001' }])
  t.throws(() => checkState({ now: new Date(NOON) }), {
    message: 'state.replies: must be a whole number from 0; was the export changed by hand?',
  })
})
