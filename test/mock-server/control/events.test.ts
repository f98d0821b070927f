import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import t from 'tap'
import { callPay, control, placeOrder, startMock, startShop } from '../helpers.ts'

/** Reads the stream until so many events have come. */
async function listen(url: string, count: number, headers: Record<string, string> = {}, start = async () => {}) {
  const request = get(url, { headers })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  const whole = new Promise<void>((resolve) =>
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.split('\nid: ').length > count) resolve()
    }),
  )
  await start()
  await whole
  request.destroy()
  const events = [...text.matchAll(/^id: (\d+)\nevent: (.*)\ndata: (.*)$/gm)].map(([, id, event, data]) => ({
    id: Number(id),
    event,
    ...JSON.parse(data!),
  }))
  return { type: response.headers['content-type'], events }
}

t.test('everything that happens, as it happens; a reader that comes back misses nothing', async (t) => {
  const mock = await startMock(t)
  const { default: world } = mock
  const shop = await startShop(t)
  const url = `${mock.controlUrl}/worlds/default/events`
  world.fault('orderquery', { kind: 'bad_sign' }, { name: 'f' })
  const { type, events } = await listen(url, 8, {}, async () => {
    await placeOrder(world, shop.notifyUrl)
    world.gate('orderquery.response', { name: 'g' }).release()
    await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
    await world.pay('tea-0001')
    await world.advance('1s')
    world.reset('journal')
  })
  t.equal(type, 'text/event-stream')
  t.match(events, [
    { id: 1, event: 'journal', at: '2026-01-15T04:00:00.000Z', data: { api: 'unifiedorder', cursor: 1 } },
    { id: 2, event: 'gate', data: { name: 'g', state: 'open' } },
    { id: 3, event: 'fault', data: { name: 'f', hits: 1 } },
    { id: 4, event: 'journal', data: { api: 'orderquery', fault: 'f' } },
    { id: 5, event: 'paid', data: { outTradeNo: 'tea-0001', tradeState: 'SUCCESS' } },
    { id: 6, event: 'journal', data: { api: 'notify', verdict: 'acked' } },
    { id: 7, event: 'delivery', data: { id: 'd1' } },
    {
      id: 8,
      event: 'clock',
      at: '2026-01-15T04:00:01.000Z',
      data: { from: '2026-01-15T04:00:00.000Z', to: '2026-01-15T04:00:01.000Z' },
    },
  ])
  t.match((await listen(url, 2, { 'last-event-id': '7' })).events, [
    { id: 8 },
    { id: 9, event: 'reset', data: { what: ['journal'] } },
  ])
  t.match((await listen(`${url}?since=8`, 1)).events, [{ id: 9 }])
  t.match(world.events.since(8), [{ id: 9 }])
})

t.test('bad input', async (t) => {
  const mock = await startMock(t)
  for (const [path, headers, field] of [
    ['?since=x', {}, 'since'],
    ['?sicne=1', {}, 'sicne'],
    ['', { 'last-event-id': 'x' }, 'last-event-id'],
  ] as const) {
    t.match(await control(mock, 'GET', `/worlds/default/events${path}`, undefined, headers), {
      status: 400,
      json: { code: 'BAD_INPUT', field },
    })
  }
  t.match(await control(mock, 'GET', '/worlds/nobody/events'), { status: 404, json: { code: 'UNKNOWN_WORLD' } })
  t.match(await control(mock, 'GET', '/worlds/default/events', undefined, { origin: 'http://evil.example' }), {
    status: 403,
  })
})

t.test('a mock that is closed ends its streams', async (t) => {
  const mock = await startMock(t)
  const request = get(`${mock.controlUrl}/worlds/default/events`).on('error', () => {})
  await once(request, 'response')
  const closed = once(request, 'close')
  await mock.close()
  await closed
})
