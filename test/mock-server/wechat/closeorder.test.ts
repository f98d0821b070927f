import t from 'tap'
import { readXml } from '../../../mock-server/wire.ts'
import { callPay, placeOrder, sample, startMock, startShop } from '../helpers.ts'

const NOTIFY = 'http://127.0.0.1/notify'

t.test('an open order is closed: the fields of the documented reply', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, NOTIFY)
  const { fields } = await callPay(world, 'closeorder', { out_trade_no: 'tea-0001' })
  t.same(Object.keys(fields), [...readXml(sample('10-closeorder.response.success.xml')).keys()])
  t.match(fields, { result_code: 'SUCCESS', result_msg: 'OK' })
  t.equal(world.order('tea-0001').tradeState, 'CLOSED')
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { trade_state: 'CLOSED' } })
  await t.rejects(world.pay('tea-0001'), { code: 'ORDER_NOT_PAYABLE', message: /it is CLOSED/ })
})

t.test('what cannot be closed', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const close = async (outTradeNo?: string) => (await callPay(world, 'closeorder', { out_trade_no: outTradeNo })).fields
  await placeOrder(world, shop.notifyUrl)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'expiring', time_expire: '20260115120500' })
  await world.pay('tea-0001')
  await world.advance('5m')
  t.match(await close(), { return_code: 'FAIL', return_msg: '缺少参数' })
  t.match(await close('x'.repeat(33)), { return_code: 'FAIL', return_msg: 'out_trade_no参数长度有误' })
  t.match(await close('tea-0001'), { result_code: 'FAIL', err_code: 'ORDERPAID', err_code_des: 'order paid' })
  t.match(await close('expiring'), { result_code: 'FAIL', err_code: 'ORDERCLOSED', err_code_des: '订单已关闭' })
  t.equal(world.order('tea-0001').tradeState, 'SUCCESS')
})

t.test('where the service is not documented, the world chooses', async (t) => {
  const mock = await startMock(t)
  const other = mock.world({
    startTime: Date.UTC(2026, 0, 15, 4),
    behaviour: { closeUnknown: 'ORDERNOTEXIST', closeEarly: 'SYSTEMERROR', closeTwice: 'success' },
  })
  const close = async (world: typeof other, outTradeNo: string) =>
    (await callPay(world, 'closeorder', { out_trade_no: outTradeNo })).fields
  const ok = { result_code: 'SUCCESS', result_msg: 'OK' }
  for (const world of [mock.default, other]) await placeOrder(world, NOTIFY)

  t.match(await close(mock.default, 'nobody'), ok)
  t.same(
    mock.default.orders().map(({ outTradeNo }) => outTradeNo),
    ['tea-0001'],
  )
  t.match(await close(other, 'nobody'), { err_code: 'ORDERNOTEXIST', err_code_des: '订单不存在' })

  await other.advance('4m59s')
  t.match(await close(other, 'tea-0001'), { err_code: 'SYSTEMERROR', err_code_des: '系统错误' })
  t.equal(other.order('tea-0001').tradeState, 'NOTPAY')
  await other.advance('1s')
  for (const world of [mock.default, other]) t.match(await close(world, 'tea-0001'), ok)

  t.match(await close(mock.default, 'tea-0001'), { err_code: 'ORDERCLOSED' })
  t.match(await close(other, 'tea-0001'), ok)
})
