import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { deliveryView } from '../../../mock-server/control/routes/deliveries.ts'
import { curlCommand, rawRequest } from '../../../mock-server/notify/replay.ts'
import {
  ACK,
  type Answer,
  control,
  deferred,
  placeOrder,
  placeRefund,
  port,
  REFUSAL,
  startMock,
  startShop,
} from '../helpers.ts'

const NOTIFICATIONS = '/worlds/default/notifications'

async function setup(t: Parameters<typeof startMock>[0], answer?: Answer, deliver: 'await' | 'hold' = 'await') {
  const mock = await startMock(t)
  const shop = await startShop(t, answer)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001', { deliver } as { deliver: 'hold' })
  return {
    mock,
    shop,
    ask: (method: string, path: string, body?: unknown) => control(mock, method, `${NOTIFICATIONS}${path}`, body),
  }
}

t.test('a notification and its attempts', async (t) => {
  const { shop, ask } = await setup(t, () => REFUSAL)
  t.match(await ask('GET', '/tea-0001'), {
    status: 200,
    json: {
      id: 'tea-0001',
      kind: 'pay',
      state: 'pending',
      url: shop.notifyUrl,
      body: shop.received[0]!.body,
      nextDueAt: '2026-01-15T04:00:15.000Z',
      attempts: [
        { id: 'd1', verdict: 'fail_xml', request: { base64: Buffer.from(shop.received[0]!.body).toString('base64') } },
      ],
    },
  })
})

t.test('the list, by order and by state', async (t) => {
  const { mock, shop, ask } = await setup(t, (_notified, _response, count) => (count === 1 ? REFUSAL : ACK))
  await placeOrder(mock.default, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await mock.default.pay('tea-0002')
  const ids = async (query: string) => (await ask('GET', query)).json.map(({ id }: { id: string }) => id)
  t.same(await ids(''), ['tea-0001', 'tea-0002'])
  t.same(await ids('?order=tea-0002'), ['tea-0002'])
  t.same(await ids('?state=pending'), ['tea-0001'])
  t.same(await ids('?order=tea-0002&state=pending'), [])
  t.match(await ask('GET', '?state=lost'), { status: 400, json: { field: 'state', rule: 'enum' } })
})

t.test('the same number at several merchants: notifications, deliveries and refunds name their merchant', async (t) => {
  const { mock, shop, ask } = await setup(t)
  const { default: world } = mock
  const first = world.credentials.mchId
  const other = { ...world, credentials: { ...world.credentials, ...world.setMerchant('10000100') } }
  await placeOrder(other, shop.notifyUrl)
  t.match((await world.pay('tea-0001', { mchId: '10000100' })).delivery!, { mchId: '10000100' })
  for (const merchant of [world, other]) await placeRefund(merchant, { notify_url: shop.notifyUrl })
  await world.settleRefund('tea-0001-r1', 'SUCCESS', { mchId: '10000100' })
  await placeOrder(other, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.fail('tea-0002', { notify: true })
  world.craft('tea-0001', { mchId: '10000100' })
  t.match(
    (await ask('GET', '')).json.map(({ id, mchId }: { id: string; mchId: string }) => [id, mchId]),
    [
      ['tea-0001', first],
      ['tea-0001:2', '10000100'],
      ['refund:tea-0001-r1', '10000100'],
      ['fail:tea-0002', '10000100'],
      ['crafted:tea-0001', '10000100'],
    ],
  )
  t.match((await ask('GET', `?mchId=${first}`)).json, [{ id: 'tea-0001' }])
  t.equal((await ask('GET', '?mchId=10000100&order=tea-0001')).json.length, 3)
  t.match((await control(mock, 'GET', '/worlds/default/refunds?mchId=10000100')).json, [{ mchId: '10000100' }])
  t.equal((await control(mock, 'GET', '/worlds/default/refunds')).json.length, 2)
  t.same(
    (await control(mock, 'GET', '/worlds/default/deliveries')).json.map(({ mchId }: { mchId: string }) => mchId),
    [first, '10000100', '10000100', '10000100'],
  )
})

t.test('sent by hand, many times at once, with the measured overlap', async (t) => {
  const { shop, ask } = await setup(t, undefined, 'hold')
  t.match(await ask('POST', '/tea-0001/deliver'), {
    status: 200,
    json: { state: 'acked', deliveries: [{ id: 'd1' }], overlap: { most: 1 } },
  })
  const arrived: (() => void)[] = []
  const barrier = await setup(
    t,
    (_notified, response) => {
      // Nobody is answered until all have come.
      arrived.push(() => response.end(ACK))
      if (arrived.length === 20) for (const answer of arrived) answer()
      return undefined
    },
    'hold',
  )
  const { json } = await barrier.ask('POST', '/tea-0001/deliver', { count: 20, concurrent: true })
  t.equal(json.deliveries.length, 20)
  t.equal(json.overlap.most, 20)
  t.ok(json.overlap.sharedMs > 0)
  t.match(await ask('POST', '/tea-0001/deliver', { count: 2, delayMs: 5 }), {
    json: { overlap: { most: 1, sharedMs: 0 } },
  })
  t.equal(shop.received.length, 3)
})

t.test('hold, release, cancel', async (t) => {
  const { mock, ask } = await setup(t, () => REFUSAL)
  t.match(await ask('POST', '/tea-0001/hold'), { status: 200, json: { state: 'held', nextDueAt: undefined } })
  t.equal((await mock.default.advance('1m')).deliveries.length, 0)
  t.match(await ask('POST', '/tea-0001/release'), {
    status: 200,
    json: { state: 'pending', delivery: { id: 'd2', attempt: 1 } },
  })
  t.match(await ask('POST', '/tea-0001/release'), { status: 200, json: { state: 'pending', delivery: undefined } })
  t.match(await ask('POST', '/tea-0001/cancel'), { status: 200, json: { state: 'cancelled' } })
  t.equal((await mock.default.advance('25h')).deliveries.length, 0)
  for (const verb of ['hold', 'release', 'cancel', 'deliver']) {
    t.match(await ask('POST', `/nobody/${verb}`), { status: 404, json: { code: 'UNKNOWN_NOTIFICATION' } })
  }
})

t.test('crafted: changed, wrongly signed, or raw', async (t) => {
  const { shop, ask } = await setup(t, undefined, 'hold')
  t.match(await ask('POST', '', { outTradeNo: 'tea-0001', fields: { total_fee: '1', attach: null }, sign: 'keep' }), {
    status: 201,
    json: {
      notification: { id: 'crafted:tea-0001', kind: 'crafted' },
      state: 'acked',
      deliveries: [{ verdict: 'acked' }],
      overlap: { most: 1 },
    },
  })
  t.match(shop.received[0]!.body, /<total_fee><!\[CDATA\[1\]\]><\/total_fee>/)
  t.match(
    await ask('POST', '', { outTradeNo: 'tea-0001', body: 'nonsense', deliver: { count: 3, concurrent: true } }),
    { status: 201, json: { deliveries: Array(3).fill({ request: { body: 'nonsense' } }) } },
  )
  t.match(await ask('POST', '', { outTradeNo: 'tea-0001', url: `${shop.notifyUrl}/other`, deliver: false }), {
    status: 201,
    json: { notification: { state: 'held', url: `${shop.notifyUrl}/other` }, deliveries: undefined },
  })
  t.equal(shop.received.length, 4)
})

t.test('crafted: sent and awaited, sent in the background, or not sent', async (t) => {
  const sends = Array.from({ length: 2 }, () => ({ arrived: deferred<void>(), answered: deferred<void>() }))
  const { mock, shop, ask } = await setup(
    t,
    async (_notified, _response, count) => {
      const { arrived, answered } = sends[count - 1]!
      arrived.resolve()
      await answered.promise
      return ACK
    },
    'hold',
  )
  const craft = (deliver: unknown) => ask('POST', '', { outTradeNo: 'tea-0001', deliver })
  t.match(await craft('hold'), { status: 201, json: { notification: { state: 'held' }, deliveries: undefined } })
  t.match(await craft('background'), {
    status: 201,
    json: { notification: { id: 'crafted:tea-0001:2', attempts: [] }, deliveries: undefined },
  })
  const advanced = mock.default.advance('1s')
  await sends[0]!.arrived.promise
  sends[0]!.answered.resolve()
  t.match(
    await advanced,
    { deliveries: [{ notificationId: 'crafted:tea-0001:2', verdict: 'acked' }] },
    'an advance waits for what is sent in the background',
  )
  const awaited = craft('await')
  await sends[1]!.arrived.promise
  await t.rejects(mock.default.advance('1s'), { code: 'CLOCK_BUSY' }, 'one that somebody waits for could not end')
  sends[1]!.answered.resolve()
  t.match(await awaited, {
    status: 201,
    json: { state: 'acked', deliveries: [{ notificationId: 'crafted:tea-0001:3' }] },
  })
  t.equal(shop.received.length, 2)
  t.match(await craft('later'), { status: 400, json: { code: 'BAD_INPUT', field: 'deliver' } })
})

t.test('bad input', async (t) => {
  const { ask } = await setup(t, undefined, 'hold')
  const cases: [path: string, body: object, field: string, rule: string][] = [
    ['', {}, 'outTradeNo', 'required'],
    ['', { outTradeNo: 'tea-0001', sign: 'bad' }, 'sign', 'enum'],
    ['', { outTradeNo: 'tea-0001', fields: { total_fee: 1 } }, 'fields.total_fee', 'type'],
    ['', { outTradeNo: 'tea-0001', url: 'not a url' }, 'url', 'url'],
    ['', { outTradeNo: 'tea-0001', fields: { 'a b<': '1' } }, 'fields.a b<', 'name'],
    ['/tea-0001/deliver', { count: 0 }, 'count', 'minimum'],
    ['/tea-0001/deliver', { times: 2 }, 'times', 'additionalProperties'],
  ]
  for (const [path, body, field, rule] of cases) {
    t.match(
      await ask('POST', path, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule } },
      JSON.stringify(body),
    )
  }
  t.match(await ask('POST', '', { outTradeNo: 'tea-0009' }), { status: 404, json: { code: 'UNKNOWN_ORDER' } })
})

t.test('deliveries: both sides, the bytes, the verdict and the reason', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  const made = (await mock.default.pay('tea-0001')).delivery!
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

t.test('deliveries page by page, starting with the newest', async (t) => {
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

async function delivered(t: Parameters<typeof startMock>[0]) {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl, { attach: "龙井's & $HOME `x`" })
  return { shop, delivery: (await world.pay('tea-0001')).delivery! }
}

t.test('resending the raw request sends the same request', async (t) => {
  const { shop, delivery } = await delivered(t)
  const socket = connect(port(shop.server), '127.0.0.1')
  socket.end(rawRequest(delivery))
  await new Promise((resolve) => socket.resume().once('close', resolve))
  t.equal(shop.received[1]!.body, shop.received[0]!.body)
  t.equal(shop.received[1]!.headers['content-type'], 'text/xml')
})

t.test('the curl command too', async (t) => {
  const { shop, delivery } = await delivered(t)
  // A shell reads the command; curl itself may not be there, so that a script of the same name prints its arguments.
  const script = `curl () { for a in "$@"; do printf '%s\\0' "$a"; done; }; ${curlCommand(delivery)}`
  const { stdout } = await promisify(execFile)('sh', ['-c', script])
  const args = stdout.split('\0').slice(0, -1)
  t.same(args, [
    '-i',
    shop.notifyUrl,
    '-H',
    'content-type: text/xml',
    '-H',
    'user-agent: Mozilla/4.0',
    '-H',
    'accept: */*',
    '-H',
    'pragma: no-cache',
    '--data-binary',
    shop.received[0]!.body,
  ])
})

t.test('the bytes of both bodies', async (t) => {
  const { delivery } = await delivered(t)
  const { request, response } = deliveryView(delivery)
  t.equal(Buffer.from(request.base64, 'base64').toString(), delivery.request.body)
  t.equal(Buffer.from(response!.base64, 'base64').toString(), delivery.response!.body)
  const gbk = { ...delivery, response: { ...delivery.response!, body: '??', raw: Buffer.from([0xb2, 0xe8]) } }
  t.match(deliveryView(gbk).response, { base64: 'sug=', raw: undefined })
  const { response: _none, ...lost } = delivery
  t.equal(deliveryView(lost).response, undefined)
})

t.test('the list, page by page', async (t) => {
  const { mock, shop, ask } = await setup(t)
  await placeOrder(mock.default, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await mock.default.pay('tea-0002')
  const ids = ({ json }: { json: any }) => json.map(({ id }: { id: string }) => id)
  t.same(ids(await ask('GET', '')), ['tea-0001', 'tea-0002'])
  t.same(ids(await ask('GET', '?before=tea-0002')), ['tea-0001'])
})
