import t from 'tap'
import { callPay, control, deferred, NOON, placeOrder, startMock, startShop } from './helpers.ts'

t.test('each order is paid by itself, after its time', async t => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.advance('19s')
  t.match(world.order('tea-0001'), { tradeState: 'NOTPAY' })
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  await callPay(world, 'unifiedorder', { out_trade_no: 'tea-0003' })
  t.match(world.clock.timers().map(({ what }) => what), ['order tea-0001 is paid', 'order tea-0002 is paid'], 'not what was refused')
  t.match(await world.advance('20s'), { deliveries: [{ outTradeNo: 'tea-0001', verdict: 'acked', sentAt: new Date(NOON + 20_000) }, { outTradeNo: 'tea-0002', verdict: 'acked', sentAt: new Date(NOON + 39_000) }] })
})

t.test('what was paid or closed by then is left alone', async t => {
  const { default: world } = await startMock(t, { world: { autoPay: 0 } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.pay('tea-0001')
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  world.expire('tea-0002')
  t.match(await world.advance(0), { deliveries: [] })
})

t.test('on the real clock too, and over HTTP', async t => {
  const mock = await startMock(t)
  const { json: { id } } = await control(mock, 'POST', '/worlds', { clock: 'real', autoPay: '1ms' })
  const world = mock.worlds().find(world => world.id === id)!
  const paid = deferred<void>()
  const shop = await startShop(t, () => { paid.resolve(); return 'x' })
  await placeOrder(world, shop.notifyUrl)
  await paid.promise
  t.match(world.orders(), [{ tradeState: 'SUCCESS' }])
  t.match(await control(mock, 'POST', '/worlds', { autoPay: 'soon' }), { status: 400, json: { code: 'BAD_INPUT', field: 'autoPay' } })
})
