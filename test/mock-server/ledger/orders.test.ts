import t from 'tap'
import { couponFee, createOrderBook, type Order, type TradeState } from '../../../mock-server/ledger/orders.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import {
  callPay,
  control,
  deferred,
  NOON,
  orderFields,
  paymentParams,
  placeOrder,
  REFUSAL,
  startMock,
  startPaid,
  startShop,
} from '../helpers.ts'

const order = (values: Partial<Order> = {}): Order => ({
  version: 'v2',
  parameters: '',
  outTradeNo: 'tea-1',
  body: '茶',
  totalFee: 100,
  feeType: 'CNY',
  tradeType: 'JSAPI',
  appid: 'wxd930ea5d5a258f4f',
  openid: 'o-alice',
  createdAt: new Date(NOON),
  deviceInfo: '',
  attach: '',
  notifyUrl: 'http://127.0.0.1/notify',
  nonceStr: 'n',
  signType: 'MD5',
  prepayId: 'wx1',
  prepayIssuedAt: new Date(NOON),
  expiresAt: undefined,
  tradeState: 'NOTPAY',
  payment: undefined,
  ...values,
})
const payment = {
  transactionId: '42',
  openid: 'o-alice',
  bankType: 'OTHERS',
  coupons: [{ fee: 5 }, { fee: 7 }],
  paidAt: new Date(NOON),
}

t.test('orders are found by each of their numbers', async (t) => {
  const book = createOrderBook(() => new Date(NOON))
  const one = order()
  book.add(one)
  book.indexPrepay(one)
  book.indexTransaction(one, payment)
  for (const found of [book.find('tea-1'), book.findPrepay('wx1'), book.findTransaction('42'), book.list()[0]]) {
    t.equal(found, one)
  }
  for (const missed of [book.find('tea-2'), book.findPrepay('wx2'), book.findTransaction('43')]) {
    t.equal(missed, undefined)
  }
})

t.test('an unpaid order is closed at its time_expire, a paid one is not', async (t) => {
  let now = NOON
  const book = createOrderBook(() => new Date(now))
  const expiresAt = new Date(NOON + 60_000)
  book.add(order({ expiresAt }))
  book.add(order({ outTradeNo: 'tea-2', expiresAt, tradeState: 'SUCCESS' }))
  book.add(order({ outTradeNo: 'tea-3' }))
  now += 59_999
  t.same(
    book.list().map(({ tradeState }) => tradeState),
    ['NOTPAY', 'SUCCESS', 'NOTPAY'],
  )
  now += 1
  t.same(
    book.list().map(({ tradeState }) => tradeState),
    ['CLOSED', 'SUCCESS', 'NOTPAY'],
  )
  t.equal(book.find('tea-1')?.tradeState, 'CLOSED')
})

t.test('coupons add up', async (t) => {
  t.equal(couponFee(payment), 12)
  t.equal(couponFee({ ...payment, coupons: [] }), 0)
})

t.test('a dropped order is gone under each of its numbers', async (t) => {
  const book = createOrderBook(() => new Date(NOON))
  for (const [n, outTradeNo] of ['tea-1', 'tea-2'].entries()) {
    const one = order({ outTradeNo, prepayId: `wx${n}` })
    book.add(one)
    book.indexPrepay(one)
    book.indexTransaction(one, { ...payment, transactionId: `42${n}` })
  }
  t.equal(book.count(), 2)
  book.forget((outTradeNo) => outTradeNo === 'tea-1')
  t.equal(book.count(), 1)
  t.equal(book.find('tea-1') ?? book.findPrepay('wx0') ?? book.findTransaction('420'), undefined)
  for (const found of [book.find('tea-2'), book.findPrepay('wx1'), book.findTransaction('421')]) {
    t.match(found, { outTradeNo: 'tea-2' })
  }
})

const tradeState = async (world: Parameters<typeof callPay>[0]) =>
  (await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields.trade_state

t.test('a failed payment leaves the order open and is only reported to the mini program', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  t.match(await world.fail('tea-0001'), {
    errMsg: 'requestPayment:fail',
    err_code: 'NOTENOUGH',
    err_code_des: '余额不足',
    order: { tradeState: 'NOTPAY' },
    notification: undefined,
    delivery: undefined,
  })
  t.match(await world.fail('tea-0001', { err_code: 'BANKERROR', err_code_des: '银行系统异常' }), {
    err_code: 'BANKERROR',
    err_code_des: '银行系统异常',
  })
  t.equal(await tradeState(world), 'NOTPAY')
  await world.advance('25h')
  t.same(shop.received, [])
})

t.test(
  "the documented notification of a failure on request: signed, repeated, in addition to the payment's",
  async (t) => {
    const { default: world } = await startMock(t)
    const shop = await startShop(t, () => REFUSAL)
    await placeOrder(world, shop.notifyUrl, { device_info: 'WEB' }, 'HMAC-SHA256')
    const { delivery } = await world.fail('tea-0001', { notify: true })
    t.match(delivery, { kind: 'fail', notificationId: 'fail:tea-0001', verdict: 'fail_xml' })
    const fields = readXml(shop.received[0]!.body)
    t.equal(fields.get('sign'), signV2(fields, world.credentials.apiKey, 'HMAC-SHA256'))
    t.match(Object.fromEntries(fields), {
      return_code: 'SUCCESS',
      result_code: 'FAIL',
      err_code: 'NOTENOUGH',
      err_code_des: '余额不足',
      out_trade_no: 'tea-0001',
      total_fee: '1250',
      device_info: 'WEB',
    })
    for (const name of ['transaction_id', 'time_end', 'cash_fee']) t.notOk(fields.has(name), name)
    t.match((await world.pay('tea-0001')).delivery!, { kind: 'pay', notificationId: 'tea-0001' })
    t.match((await world.advance('15s')).deliveries, [
      { notificationId: 'fail:tea-0001', attempt: 1 },
      { notificationId: 'tea-0001', attempt: 1 },
    ])
  },
)

t.test('only an open order can fail', async (t) => {
  const { world } = await startPaid(t)
  await t.rejects(world.fail('tea-0001'), { code: 'ORDER_NOT_PAYABLE', message: /it is SUCCESS/ })
  await t.rejects(world.fail('nobody'), { code: 'UNKNOWN_ORDER' })
})

t.test('an order can be made to expire', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'http://127.0.0.1/notify', { time_expire: '20260115180000' })
  t.match(world.expire('tea-0001'), { tradeState: 'CLOSED', expiresAt: new Date(NOON) })
  await world.advance('1h')
  t.match(
    world.expire('tea-0001'),
    { tradeState: 'CLOSED', expiresAt: new Date(NOON) },
    'a second time changes nothing',
  )
  t.equal(await tradeState(world), 'CLOSED')
  await t.rejects(world.pay('tea-0001'), { code: 'ORDER_NOT_PAYABLE' })
  t.throws(() => world.expire('nobody'), { code: 'UNKNOWN_ORDER' })
})

t.test('a paid order does not expire', async (t) => {
  const { world } = await startPaid(t)
  t.throws(() => world.expire('tea-0001'), {
    code: 'ORDER_PAID',
    message: 'order tea-0001 cannot expire: it is SUCCESS',
  })
  world.refundFromConsole('tea-0001')
  t.throws(() => world.expire('tea-0001'), { code: 'ORDER_PAID', message: /it is REFUND/ })
})

t.test('each order is paid automatically after its delay', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.advance('19s')
  t.match(world.order('tea-0001'), { tradeState: 'NOTPAY' })
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  await callPay(world, 'unifiedorder', { out_trade_no: 'tea-0003' })
  t.match(
    world.clock.timers().map(({ what }) => what),
    ['order tea-0001 is paid', 'order tea-0002 is paid'],
    'not a refused order',
  )
  t.match(await world.advance('20s'), {
    deliveries: [
      { outTradeNo: 'tea-0001', verdict: 'acked', sentAt: new Date(NOON + 20_000) },
      { outTradeNo: 'tea-0002', verdict: 'acked', sentAt: new Date(NOON + 39_000) },
    ],
  })
})

t.test('an order paid or closed by then is left alone', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: 0 } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.pay('tea-0001')
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  world.expire('tea-0002')
  t.match(await world.advance(0), { deliveries: [] })
})

t.test('on the real clock too, and over HTTP', async (t) => {
  const mock = await startMock(t)
  const {
    json: { id },
  } = await control(mock, 'POST', '/worlds', { clock: 'real', autoPay: '1ms' })
  const world = mock.worlds().find((world) => world.id === id)!
  const paid = deferred<void>()
  const shop = await startShop(t, () => {
    paid.resolve()
    return 'x'
  })
  await placeOrder(world, shop.notifyUrl)
  await paid.promise
  t.match(world.orders(), [{ tradeState: 'SUCCESS' }])
  t.match(await control(mock, 'POST', '/worlds', { autoPay: 'soon' }), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'autoPay' },
  })
})

t.test('also an order whose reply was late or lost; a repeated unifiedorder changes nothing', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  world.fault('unifiedorder', { kind: 'delay', ms: 1 })
  await placeOrder(world, notifyUrl)
  world.fault('unifiedorder', { kind: 'reset', when: 'after' })
  await t.rejects(placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' }))
  await world.advance('10s')
  await placeOrder(world, notifyUrl, { nonce_str: 'n3' })
  t.same(
    world.clock.timers().map(({ what }) => what),
    ['order tea-0001 is paid', 'order tea-0002 is paid'],
  )
  t.match(await world.advance('10s'), { deliveries: [{ outTradeNo: 'tea-0001' }, { outTradeNo: 'tea-0002' }] })
})

t.test('a snapshot and an export keep the time', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.advance('5s')
  const timers = world.clock.timers()
  const exported = JSON.parse(JSON.stringify(world.export()))
  world.snapshot('s')
  for (const back of [
    () => world.restore('s'),
    () => world.import(exported),
    () => {
      world.restore('s')
      world.reset('clock')
    },
  ]) {
    await world.advance('1m')
    t.match(world.order('tea-0001'), { tradeState: 'SUCCESS', paidAt: new Date(NOON + 20_000) })
    back()
    t.same(world.clock.timers(), timers)
  }
  world.reset('orders')
  t.same(world.clock.timers(), [], 'a dropped order is not paid')
})

t.test('every trade_state can be forced, for orderquery', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const { notifyUrl } = await startShop(t)
  const query = async () => (await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields
  await placeOrder(world, notifyUrl)
  const states: [state: TradeState, description: string][] = [
    ['SUCCESS', '支付成功'],
    ['REFUND', '订单发生过退款，退款详情请查询退款单'],
    ['CLOSED', '订单已关闭'],
    ['REVOKED', '已撤销'],
    ['USERPAYING', '需要用户输入支付密码'],
    ['PAYERROR', '支付失败(其他原因，如银行返回失败)'],
    ['ACCEPT', '已接收，等待扣款'],
    ['NOTPAY', '订单未支付'],
  ]
  for (const [state, description] of states) {
    t.match(world.forceState('tea-0001', state), { tradeState: state })
    t.match(await query(), { trade_state: state, trade_state_desc: description, transaction_id: undefined }, state)
  }
  t.throws(() => world.forceState('tea-0001', 'PAYED' as TradeState), {
    code: 'BAD_INPUT',
    details: { field: 'state', rule: 'enum' },
  })
  t.match(await control(mock, 'POST', '/worlds/default/orders/tea-0001/state', { state: 'PAYERROR' }), {
    status: 200,
    json: { tradeState: 'PAYERROR' },
  })
  t.match(await control(mock, 'GET', '/worlds/default/orders?state=PAYERROR'), { json: [{ outTradeNo: 'tea-0001' }] })
  t.match(await control(mock, 'POST', '/worlds/default/orders/tea-0001/state', {}), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'state' },
  })
})

t.test('a forced state decides what is possible, until the order changes', async (t) => {
  const { default: world } = await startMock(t)
  const { notifyUrl } = await startShop(t)
  const close = async () => (await callPay(world, 'closeorder', { out_trade_no: 'tea-0001' })).fields
  const cases: [state: TradeState, pay: string | undefined, close: string | undefined, order: string | undefined][] = [
    ['USERPAYING', undefined, undefined, undefined],
    ['ACCEPT', undefined, undefined, undefined],
    ['PAYERROR', 'ORDER_NOT_PAYABLE', undefined, undefined],
    ['REVOKED', 'ORDER_NOT_PAYABLE', 'ORDERCLOSED', 'ORDERCLOSED'],
    ['CLOSED', 'ORDER_NOT_PAYABLE', 'ORDERCLOSED', 'ORDERCLOSED'],
  ]
  for (const [state, refusedPay, refusedClose, refusedOrder] of cases) {
    const again = async () => {
      world.reset('orders')
      const prepayId = await placeOrder(world, notifyUrl)
      world.forceState('tea-0001', state)
      return prepayId
    }
    const prepayId = await again()
    if (refusedPay) {
      await t.rejects(world.pay('tea-0001'), { code: refusedPay, message: new RegExp(`it is ${state}`) })
      t.throws(() => world.requestPayment(paymentParams(world, prepayId)), {
        code: 'PAYMENT_REFUSED',
        message: new RegExp(`order tea-0001 is ${state}`),
      })
    } else {
      t.same(world.requestPayment(paymentParams(world, prepayId)).outTradeNo, 'tea-0001')
      t.match(await world.pay('tea-0001'), { order: { tradeState: 'SUCCESS' }, delivery: { verdict: 'acked' } }, state)
    }
    await again()
    t.match(await close(), { err_code: refusedClose }, `${state}: close`)
    await again()
    const { fields } = await callPay(world, 'unifiedorder', orderFields(notifyUrl))
    t.match(fields, { err_code: refusedOrder }, `${state}: ordered again`)
    await again()
    t.match(world.expire('tea-0001'), { tradeState: 'CLOSED' })
  }
  const exported = world.export()
  world.import(exported)
  t.match(world.order('tea-0001'), { tradeState: 'CLOSED' })
})

t.test('the newest 10,000 numbers closed without an order are remembered', async (t) => {
  const book = createOrderBook(() => new Date(NOON))
  for (let n = 0; n <= 10_000; n++) book.burn(`no-${n}`)
  t.same([book.isBurnt('no-0'), book.isBurnt('no-1')], [false, true])
  book.load({ orders: [], prepays: [], burnt: ['x'] })
  t.same([book.isBurnt('x'), book.isBurnt('no-1')], [true, false])
})
