import t from 'tap'
import { control, placeOrder, REFUSAL, startMock, startShop } from '../helpers.ts'

t.test('deliveries and the notification they belong to', async t => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')

  const delivery = { id: 'd1', attempt: 0, outTradeNo: 'tea-0001', verdict: 'fail_xml', reason: /not now/, response: { status: 200, body: REFUSAL } }
  t.match(await control(mock, 'GET', '/worlds/default/deliveries'), { status: 200, json: [delivery] })
  t.match(await control(mock, 'GET', '/worlds/default/deliveries/d1'), { status: 200, json: delivery })
  t.match(await control(mock, 'GET', '/worlds/default/notifications/tea-0001'), {
    status: 200,
    json: { state: 'pending', url: shop.notifyUrl, nextDueAt: '2026-01-15T04:00:15.000Z', attempts: [delivery] }
  })
})

t.test('by hand, many times, at once', async t => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001', { deliver: 'hold' })
  const path = '/worlds/default/notifications/tea-0001/deliver'
  t.match(await control(mock, 'POST', path), { status: 200, json: { state: 'acked', deliveries: [{ id: 'd1' }] } })
  const { json } = await control(mock, 'POST', path, { count: 20, concurrent: true })
  t.equal(json.deliveries.length, 20)
  t.equal(shop.received.length, 21)
})
