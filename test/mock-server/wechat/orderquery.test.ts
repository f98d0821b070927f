import t from 'tap'
import { readXml } from '../../../mock-server/wire.ts'
import { callPay, placeOrder, sample, startMock, startShop } from '../helpers.ts'

const COMMON = ['return_code', 'return_msg', 'appid', 'mch_id', 'nonce_str', 'sign', 'result_code']

t.test('what is asked for', async (t) => {
  const { default: world } = await startMock(t)
  t.match(await callPay(world, 'orderquery', {}), { fields: { return_code: 'FAIL', return_msg: '缺少参数' } })
  for (const values of [{ out_trade_no: 'nobody' }, { transaction_id: '4200000540202005267407409907' }]) {
    t.match(await callPay(world, 'orderquery', values), {
      fields: { err_code: 'ORDERNOTEXIST', err_code_des: 'order not exist' },
    })
  }
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'x'.repeat(33) }), {
    fields: { return_msg: 'out_trade_no参数长度有误' },
  })
})

t.test('not paid: the fields of the recorded reply', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'http://127.0.0.1/notify')
  const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  const recorded = readXml(sample('07-orderquery.response.notpay.recorded-masked.xml'))
  t.same(Object.keys(fields), [...recorded.keys()])
  t.match(fields, {
    total_fee: '1250',
    out_trade_no: 'tea-0001',
    trade_state: 'NOTPAY',
    trade_state_desc: recorded.get('trade_state_desc'),
  })
})

t.test('paid, asked by either number', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl, { attach: '桌 4', device_info: 'WEB' })
  await world.pay('tea-0001', { bankType: 'CFT', coupons: [{ fee: 50, id: '10000', type: 'NO_CASH' }] })
  const { transactionId } = world.order('tea-0001')
  const paid = {
    device_info: 'WEB',
    openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
    is_subscribe: 'N',
    trade_type: 'JSAPI',
    bank_type: 'CFT',
    total_fee: '1250',
    settlement_total_fee: '1200',
    fee_type: 'CNY',
    cash_fee: '1200',
    coupon_fee: '50',
    coupon_count: '1',
    coupon_id_0: '10000',
    coupon_type_0: 'NO_CASH',
    coupon_fee_0: '50',
    transaction_id: transactionId,
    out_trade_no: 'tea-0001',
    attach: '桌 4',
    time_end: '20260115120000',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
  }
  for (const values of [
    { out_trade_no: 'tea-0001' },
    { transaction_id: transactionId },
    { transaction_id: transactionId, out_trade_no: 'other' },
    { out_trade_no: 'tea-0001', device_info: 'WEB' },
  ]) {
    const { fields } = await callPay(world, 'orderquery', values)
    t.match(fields, paid, JSON.stringify(values))
    t.same(Object.keys(fields).sort(), [...COMMON, ...Object.keys(paid)].sort())
  }
})

t.test('closed: no money', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'http://127.0.0.1/notify', { time_expire: '20260115120500', attach: 'a' })
  await world.advance('5m')
  const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.same(Object.keys(fields), [...COMMON, 'out_trade_no', 'attach', 'trade_state', 'trade_state_desc'])
  t.match(fields, { attach: 'a', trade_state: 'CLOSED', trade_state_desc: '订单已关闭' })
})

t.test('an attach that was never given is an empty element or none, by the seed', async (t) => {
  const shop = await startShop(t)
  const forms = new Set<string | undefined>()
  const mock = await startMock(t)
  for (let seed = 0; seed < 10; seed++) {
    const world = mock.world({ seed })
    await placeOrder(world, shop.notifyUrl, { attach: undefined })
    await world.pay('tea-0001')
    forms.add((await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields.attach)
  }
  t.same(forms, new Set(['', undefined]))
})
