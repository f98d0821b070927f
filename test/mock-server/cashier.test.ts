import t from 'tap'
import { signV2 } from '../../mock-server/sign-v2.ts'
import { readXml } from '../../mock-server/wire.ts'
import { callPay, NOON, placeOrder, REFUSAL, startMock, startPaid, startShop } from './helpers.ts'

const tradeState = async (world: Parameters<typeof callPay>[0]) =>
  (await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields.trade_state

t.test('a payment that fails leaves the order open and tells nobody but the mini program', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  t.same(await world.fail('tea-0001'), {
    errMsg: 'requestPayment:fail',
    err_code: 'NOTENOUGH',
    err_code_des: '余额不足',
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

t.test("unless the documented notification is wanted: signed, repeated, beside the payment's", async (t) => {
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
  t.match(await world.pay('tea-0001'), { kind: 'pay', notificationId: 'tea-0001' })
  t.match((await world.advance('15s')).deliveries, [
    { notificationId: 'fail:tea-0001', attempt: 1 },
    { notificationId: 'tea-0001', attempt: 1 },
  ])
})

t.test('only an open order can fail', async (t) => {
  const { world } = await startPaid(t)
  await t.rejects(world.fail('tea-0001'), { code: 'ORDER_NOT_PAYABLE', message: /it is SUCCESS/ })
  await t.rejects(world.fail('nobody'), { code: 'UNKNOWN_ORDER' })
})

t.test('an order expires when told, as if its time were over', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'http://127.0.0.1/notify', { time_expire: '20260115180000' })
  t.match(world.expire('tea-0001'), { tradeState: 'CLOSED', expiresAt: new Date(NOON) })
  await world.advance('1h')
  t.match(world.expire('tea-0001'), { tradeState: 'CLOSED', expiresAt: new Date(NOON) }, 'once is enough')
  t.equal(await tradeState(world), 'CLOSED')
  await t.rejects(world.pay('tea-0001'), { code: 'ORDER_NOT_PAYABLE' })
  t.throws(() => world.expire('nobody'), { code: 'UNKNOWN_ORDER' })
})

t.test('what is paid does not expire', async (t) => {
  const { world } = await startPaid(t)
  t.throws(() => world.expire('tea-0001'), {
    code: 'ORDER_PAID',
    message: 'order tea-0001 cannot expire: it is SUCCESS',
  })
  world.refund('tea-0001')
  t.throws(() => world.expire('tea-0001'), { code: 'ORDER_PAID', message: /it is REFUND/ })
})
