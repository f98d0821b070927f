import t from 'tap'
import { curlCommand, rawRequest } from '../../../mock-server/delivery-text.ts'
import { ACK, control, placeOrder, startMock, startShop } from '../helpers.ts'

t.test('deliveries: both sides, the bytes, the verdict and the reason', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  const made = await mock.default.pay('tea-0001')
  const delivery = {
    id: 'd1',
    attempt: 0,
    notificationId: 'tea-0001',
    outTradeNo: 'tea-0001',
    url: shop.notifyUrl,
    verdict: 'acked',
    reason: /acknowledged/,
    durationMs: Number,
    request: { body: made.request.body, base64: Buffer.from(made.request.body).toString('base64') },
    response: { status: 200, body: ACK, base64: Buffer.from(ACK).toString('base64') },
  }
  t.match(await control(mock, 'GET', '/worlds/default/deliveries'), { status: 200, json: [delivery] })
  t.match(await control(mock, 'GET', '/worlds/default/deliveries/d1'), { status: 200, json: delivery })
  for (const [path, text] of [
    ['request.raw', rawRequest(made)],
    ['curl', `${curlCommand(made)}\n`],
  ] as const) {
    const response = await fetch(`${mock.controlUrl}/worlds/default/deliveries/d1/${path}`)
    t.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    t.equal(await response.text(), text)
  }
  t.match(await control(mock, 'GET', '/worlds/default/deliveries/d9'), {
    status: 404,
    json: { code: 'UNKNOWN_DELIVERY', message: 'world default has no delivery d9' },
  })
})

t.test('deliveries by the page, the newest first asked for', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001', { deliver: 'hold' })
  await mock.default.notification('tea-0001').deliver({ count: 5 })
  const pages: [query: string, ids: string[]][] = [
    ['', ['d1', 'd2', 'd3', 'd4', 'd5']],
    ['?limit=500', ['d1', 'd2', 'd3', 'd4', 'd5']],
    ['?limit=2', ['d4', 'd5']],
    ['?limit=2&before=d4', ['d2', 'd3']],
    ['?limit=2&before=d2', ['d1']],
    ['?before=d1', []],
  ]
  for (const [query, ids] of pages) {
    const { json } = await control(mock, 'GET', `/worlds/default/deliveries${query}`)
    t.same(
      json.map(({ id }: { id: string }) => id),
      ids,
      query,
    )
  }
  for (const limit of ['0', '501', '-1', 'x', '']) {
    t.match(
      await control(mock, 'GET', `/worlds/default/deliveries?limit=${limit}`),
      { status: 400, json: { code: 'BAD_INPUT', field: 'limit' } },
      limit,
    )
  }
  t.match(await control(mock, 'GET', '/worlds/default/deliveries?before=d9'), {
    status: 404,
    json: { code: 'UNKNOWN_DELIVERY' },
  })
})
