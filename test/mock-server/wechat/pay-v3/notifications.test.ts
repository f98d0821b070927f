import { createServer, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { World, WorldOptions } from '../../../../mock-server/index.ts'
import { callPay, control, listen, port, startMock, startShop, type Notified, type Shop } from '../../helpers.ts'
import {
  authorization,
  get,
  JSAPI,
  open,
  order,
  orderBody,
  post,
  query,
  refundBody,
  REFUNDS,
  signer,
  startV3,
} from '../../v3.ts'

const by = (world: World, { headers, body }: Notified) =>
  signer(world, { get: (name) => (headers[name] as string | undefined) ?? null }, body)

async function ordered(t: Test, options: WorldOptions = {}, status = 200): Promise<{ world: World; shop: Shop }> {
  const world = await startV3(t, { world: options })
  const shop = await startShop(t, (_notified, response) => {
    response.statusCode = status
    return ''
  })
  await order(world, shop.notifyUrl)
  return { world, shop }
}

t.test('each send has a new signature: the same body and id, another timestamp, nonce and signature', async (t) => {
  const { world, shop } = await ordered(t, {}, 500)
  await world.pay('tea-0001')
  await world.advance('24h4m')
  t.equal(shop.received.length, 16)
  for (const notified of shop.received) t.equal(by(world, notified), 'public-key')
  const of = (name: string) => shop.received.map(({ headers }) => headers[`wechatpay-${name}`] as string)
  t.equal(new Set(shop.received.map(({ body }) => body)).size, 1)
  for (const name of ['nonce', 'signature']) t.equal(new Set(of(name)).size, 16, name)
  t.same([...new Set(of('nonce').map(({ length }) => length))].sort(), [12, 32], 'both recorded lengths')
  const start = Number(of('timestamp')[0])
  t.same(
    of('timestamp')
      .map((time) => Number(time) - start)
      .slice(0, 5),
    [0, 15, 30, 60, 240],
  )
  t.equal(of('signature-type')[0], 'WECHATPAY2-SHA256-RSA2048')
})

t.test("header names have WeChat's case, in notifications and in replies", async (t) => {
  let names: string[] = []
  const server = createServer((request: IncomingMessage, response) => {
    names = request.rawHeaders.filter((_, n) => n % 2 === 0)
    response.end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
  })
  const world = await startV3(t)
  await order(world, `http://127.0.0.1:${port(server)}/n`)
  await world.pay('tea-0001')
  for (const name of ['Timestamp', 'Nonce', 'Signature', 'Serial', 'Signature-Type']) {
    t.ok(names.includes(`Wechatpay-${name}`), name)
  }
  const url = `/v3/pay/transactions/out-trade-no/tea-0001?mchid=${world.credentials.mchId}`
  const call = request(`${world.baseUrl}${url}`, {
    headers: { accept: '*/*', 'user-agent': 'x', authorization: authorization(world, 'GET', url, '') },
  }).end()
  const [reply] = (await once(call, 'response')) as [IncomingMessage]
  reply.resume()
  for (const name of ['Wechatpay-Signature', 'Wechatpay-Serial', 'Request-ID', 'Content-Type']) {
    t.ok(reply.rawHeaders.includes(name), name)
  }
  t.match(reply.headers, {
    'content-type': 'application/json; charset=utf-8',
    'wechatpay-nonce': /^[0-9a-f]{32}$/,
    server: 'nginx',
  })
})

t.test('the verdict reads the status, not the body', async (t) => {
  const cases: [status: number, body: string, verdict: string, reason: RegExp, lint?: boolean][] = [
    [200, '', 'acked', /acknowledged/],
    [204, '', 'acked', /acknowledged/],
    [200, '{"code":"SUCCESS"}', 'acked', /acknowledged/],
    [200, '{"code":"FAIL","message":"x"}', 'acked', /acknowledged/, true],
    [200, '<xml><return_code><![CDATA[FAIL]]></return_code></xml>', 'acked', /acknowledged/, true],
    [201, '', 'http_status', /^HTTP 201; only 200 and 204 acknowledge/],
    [401, '{"code":"FAIL"}', 'http_status', /HTTP 401/],
    [503, '', 'http_status', /HTTP 503/],
    [302, '', 'redirect', /redirects/],
  ]
  for (const [status, body, verdict, reason, lint] of cases) {
    for (const strict of [false, true]) {
      const world = await startV3(t, { world: { strict } })
      const server = await listen(t, (_request, response) => {
        response.writeHead(status, { location: '/x' }).end(body)
      })
      await order(world, `http://127.0.0.1:${port(server)}/n`)
      const { delivery } = await world.pay('tea-0001')
      if (lint && strict) {
        t.match(delivery, { verdict: 'http_status', reason: /^strict: HTTP 200 acknowledges whatever/ }, body)
      } else t.match(delivery, { verdict, reason }, `${status} ${body}`)
      t.equal(delivery!.lint?.[0]?.rule, lint && !strict ? 'reply-says-fail' : undefined)
    }
  }
})

t.test('the verdict mentions an application on another clock', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, (_notified, response) => {
    response.statusCode = 401
    return ''
  })
  const world = mock.world({ signTime: 'real' })
  const now = { timestamp: Math.floor(Date.now() / 1000) }
  await post(world, JSAPI, orderBody(world, shop.notifyUrl), now)
  await world.advance('1h')
  t.match(await world.pay('tea-0001'), {
    delivery: { verdict: 'http_status', reason: /uses the world's time.*set signTime to world/ },
  })
  t.ok(Math.abs(Number(shop.received[0]!.headers['wechatpay-timestamp']) * 1000 - Date.now()) < 60_000)
})

t.test('faults: wrong signatures, probes, skewed clocks, on notifications and on replies', async (t) => {
  const { world, shop } = await ordered(t, {}, 401)
  world.fault('notify', { kind: 'bad_sign' })
  world.fault('notify', { kind: 'probe' }, { nth: 2 })
  world.fault('notify', { kind: 'probe', shape: 'docs' }, { nth: 3 })
  world.fault('notify', { kind: 'skew', seconds: -301 }, { nth: 4 })
  await world.pay('tea-0001')
  await world.advance({ next: 4 })
  t.same(
    shop.received.map((notified) => by(world, notified)),
    ['nobody', 'nobody', 'nobody', 'public-key', 'public-key'],
  )
  const of = (n: number, name: string) => shop.received[n]!.headers[`wechatpay-${name}`] as string
  t.match(of(0, 'signature'), /^[A-Za-z0-9+/]{342}==$/)
  t.match(of(1, 'signature'), /^WECHATPAY\/SIGNTEST\//)
  t.same([of(1, 'signature').length, of(2, 'signature').length], [355, 344])
  t.equal(Number(of(3, 'timestamp')), 1768449600 + 60 - 301)
  t.match(world.deliveries()[1]!.request.headers['Wechatpay-Signature'], /SIGNTEST/, 'as it went out')
  world.assertDrained()

  for (const [effect, signedBy, header] of [
    [{ kind: 'bad_sign' }, 'nobody', /^[A-Za-z0-9+/]+=*$/],
    [{ kind: 'probe' }, 'nobody', /^WECHATPAY\/SIGNTEST\//],
    [{ kind: 'skew', seconds: 300 }, 'public-key', /./],
  ] as const) {
    world.fault('orderquery', effect)
    const reply = await query(world)
    t.equal(reply.signedBy, signedBy, effect.kind)
    t.match(reply.headers.get('wechatpay-signature'), header)
    const time = world.clock.now().getTime() / 1000
    t.equal(Number(reply.headers.get('wechatpay-timestamp')) - time, 'seconds' in effect ? 300 : 0)
  }
  world.fault('certificates', { kind: 'probe' })
  t.match(
    await get(world, '/v3/certificates', { authorization: '' }),
    { status: 401, signedBy: 'nobody' },
    'what is not signed',
  )
})

t.test('faults: v3 errors, and v2 errors translated to v3', async (t) => {
  const { world } = await ordered(t)
  const cases: [effect: object, status: number, code: string, message: string | RegExp, signed: boolean][] = [
    [{ kind: 'v3_error', code: 'SYSTEM_ERROR' }, 500, 'SYSTEM_ERROR', '系统异常，请稍后重试', true],
    [{ kind: 'v3_error', code: 'SYSTEMERROR', status: 501 }, 501, 'SYSTEM_ERROR', '系统异常，请稍后重试', true],
    [{ kind: 'v3_error', code: 'NEW_CODE', message: 'x', detail: [1] }, 400, 'NEW_CODE', 'x', true],
    [{ kind: 'v3_error', code: 'FREQUENCY_LIMITED', when: 'after' }, 429, 'FREQUENCY_LIMITED', /频率/, true],
    [{ kind: 'v3_error', code: 'OPENID_MISMATCH', signed: false }, 500, 'OPENID_MISMATCH', /OpenID/, false],
    [{ kind: 'result_code_fail', err_code: 'ORDERNOTEXIST' }, 404, 'ORDER_NOT_EXIST', '订单不存在', true],
    [{ kind: 'result_code_fail', err_code: 'SYSTEMERROR', err_code_des: 'y' }, 500, 'SYSTEM_ERROR', 'y', true],
    [{ kind: 'return_code_fail' }, 500, 'SYSTEM_ERROR', '系统繁忙，请稍后重试', false],
    [{ kind: 'return_code_fail', return_msg: 'z' }, 500, 'SYSTEM_ERROR', 'z', false],
  ]
  for (const [effect, status, code, message, signed] of cases) {
    world.fault('orderquery', effect as never)
    t.match(
      await query(world),
      { status, json: { code, message }, signedBy: signed ? 'public-key' : 'nobody' },
      JSON.stringify(effect),
    )
  }
  world.fault('orderquery', { kind: 'v3_error', code: 'X', detail: [1] })
  t.same((await query(world)).json, { code: 'X', detail: [1], message: '' }, 'detail of any type')
  t.match(await query(world), { status: 200 })
  world.fault('orderquery', { kind: 'gbk' }, { times: 'always' })
  t.match(await query(world), { status: 200 }, 'a v2 effect does not apply')
  world.fault('closeorder', { kind: 'v3_error', code: 'X' }, { times: 'always' })
  t.match(
    await callPay(world, 'closeorder', { out_trade_no: 'tea-0009' }),
    { fields: { result_code: 'SUCCESS' } },
    'a v3 effect does not apply to a v2 call',
  )
  world.fault('closeorder', { kind: 'result_code_fail', err_code: 'ORDERPAID' }, { name: 'unsound' })
  t.match(
    await get(world, '/v3/pay/transactions/out-trade-no/tea-0001/close'),
    { status: 405 },
    'nor to a call that fails the checks',
  )
  t.match(await post(world, '/v3/pay/transactions/out-trade-no/tea-0001/close', { mchid: world.credentials.mchId }), {
    status: 400,
  })
})

t.test('refunds have their own codes', async (t) => {
  const { world } = await ordered(t)
  for (const [api, old, status, code] of [
    ['refund', 'ORDERNOTEXIST', 404, 'RESOURCE_NOT_EXISTS'],
    ['refund', 'MCHID_NOT_EXIST', 404, 'MCH_NOT_EXISTS'],
    ['orderquery', 'MCHID_NOT_EXIST', 400, 'MCH_NOT_EXISTS'],
  ] as const) {
    world.fault(api, { kind: 'result_code_fail', err_code: old } as never)
    const reply = await (api === 'refund' ? post(world, REFUNDS, refundBody()) : query(world))
    t.match(reply, { status, json: { code } }, `${api} ${old}`)
  }
})

t.test('lost replies and gates work as in v2', async (t) => {
  const { world, shop } = await ordered(t)
  const url = shop.notifyUrl
  world.fault('unifiedorder', { kind: 'reset', when: 'after' })
  await t.rejects(order(world, url, { out_trade_no: 'tea-0002' }))
  t.equal(world.order('tea-0002').tradeState, 'NOTPAY')
  world.fault('unifiedorder', { kind: 'truncate' })
  await t.rejects(order(world, url, { out_trade_no: 'tea-0003' }))
  const gate = world.gate('unifiedorder.response', { until: 'delivery.completed' })
  const early = order(world, url, { out_trade_no: 'tea-0004' })
  await gate.reached
  await world.pay('tea-0004')
  t.match(await early, /^wx/, 'after the notification')
  world.verify({ api: 'unifiedorder', fields: { 'amount.total': '1250', out_trade_no: 'tea-0004' } }, 1)
})

t.test('hooks: the decrypted fields, encrypted and signed again', async (t) => {
  const { world, shop } = await ordered(t)
  world.once('beforeNotify', (draft) => {
    t.match(draft.fields, { 'amount.total': '1250', out_trade_no: 'tea-0001', 'payer.openid': /^o/ })
    draft.fields['amount.total'] = '2'
    draft.fields.attach = 'x'
    draft.fields['scene_info.device_id'] = 'd'
    delete draft.fields.bank_type
  })
  const { notification } = await world.pay('tea-0001')
  t.equal(by(world, shop.received[0]!), 'public-key')
  const told = open(shop.received[0]!.body, world)
  t.match(told, { amount: { total: 2, payer_total: 1250 }, attach: 'x', scene_info: { device_id: 'd' } })
  t.equal('bank_type' in told, false)

  world.once('beforeNotify', (draft) => {
    draft.fields['amount.total'] = '2'
    draft.resign = false
  })
  world.once('beforeNotify', (draft) => {
    draft.body = '{}'
    draft.headers['Wechatpay-Nonce'] = 'mine'
    delete draft.headers['Wechatpay-Serial']
  })
  world.once('beforeNotify', (draft) => {
    draft.headers['X-More'] = '1'
  })
  await notification.deliver({ count: 3 })
  const [, old, other, more] = shop.received
  t.equal(by(world, old!), 'nobody')
  t.match(other, { body: '{}', headers: { 'wechatpay-nonce': 'mine' } })
  t.equal(other!.headers['wechatpay-serial'], undefined)
  t.equal(by(world, more!), 'public-key')
  t.equal(more!.headers['x-more'], '1')
})

t.test('crafted: whatever an attacker or WeChat might send', async (t) => {
  const { world, shop } = await ordered(t)
  const cases: [options: Parameters<World['craft']>[1], signedBy: string, resource?: object][] = [
    [{}, 'public-key', { amount: { total: 1250 }, trade_state: 'SUCCESS' }],
    [
      { fields: { 'amount.total': '1', mchid: '1900000109' } },
      'public-key',
      { amount: { total: 1 }, mchid: '1900000109' },
    ],
    [{ fields: { 'amount.total': '1' }, sign: 'keep' }, 'nobody', { amount: { total: 1 } }],
    [{ sign: 'wrong' }, 'nobody'],
    [{ sign: 'none' }, 'nobody'],
    [{ sign: 'probe-live' }, 'nobody'],
    [{ sign: 'probe-docs' }, 'nobody'],
    [{ signer: 'stranger' }, 'nobody'],
    [{ serial: 'PUB_KEY_ID_0' }, 'nobody'],
    [{ skewSeconds: 301 }, 'public-key'],
    [{ headers: { 'wechatpay-nonce': null } }, 'nobody'],
    [{ headers: { 'Wechatpay-Timestamp': '1', 'X-More': 'x' } }, 'nobody'],
    [{ key: '0'.repeat(32) }, 'public-key'],
    [{ body: '{"id":"x"}' }, 'public-key'],
  ]
  for (const [options, signedBy, resource] of cases) {
    await world.craft('tea-0001', options).deliver()
    const notified = shop.received.at(-1)!
    t.equal(by(world, notified), signedBy, JSON.stringify(options))
    if (resource) t.match(open(notified.body, world), resource)
  }
  t.equal(shop.received.at(-3)!.headers['x-more'], 'x')
  t.equal(Number(shop.received[9]!.headers['wechatpay-timestamp']), 1768449600 + 301)
  t.throws(() => open(shop.received.at(-2)!.body, world), 'encrypted with another key')
  t.throws(() => world.craft('tea-0001', { key: 'short' }), { code: 'BAD_INPUT', details: { field: 'key' } })
  t.throws(() => world.craft('tea-0001', { url: 'ftp://x' }), { code: 'BAD_INPUT', details: { field: 'url' } })
  await world.craft('tea-0001', { version: 'v2' }).deliver()
  t.match(shop.received.at(-1)!.body, /^<xml>/)
  world.once('beforeNotify', (draft) => t.same(draft.fields, {}))
  await world.craft('tea-0001', { body: 'nonsense' }).deliver()
})

t.test('events of other products', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const shop = await startShop(t, () => '')
  const event = {
    eventType: 'COMPLAINT.CREATE',
    originalType: 'complaint',
    resource: { complaint_id: '1' },
    url: shop.notifyUrl,
  }
  await world.craftEvent(event).deliver()
  const [told] = shop.received
  t.equal(by(world, told!), 'public-key')
  t.match(JSON.parse(told!.body), {
    event_type: 'COMPLAINT.CREATE',
    summary: 'COMPLAINT.CREATE',
    resource: { original_type: 'complaint', associated_data: 'complaint' },
  })
  t.same(open(told!.body, world), { complaint_id: '1' })
  t.match(world.deliveries(), [{ kind: 'event', outTradeNo: '', verdict: 'acked' }])
  t.throws(() => world.craftEvent({ ...event, url: 'x' }), { code: 'BAD_INPUT' })
  t.throws(() => world.craftEvent({} as never), { code: 'BAD_INPUT', details: { field: 'eventType' } })

  const path = '/worlds/default/notifications'
  t.match(await control(mock, 'POST', path, { event: { ...event, summary: '投诉' } }), {
    status: 201,
    json: { notification: { kind: 'event', version: 'v3' }, state: 'acked' },
  })
  t.match(JSON.parse(shop.received[1]!.body), { summary: '投诉' })
  t.match(await control(mock, 'POST', path, { event, outTradeNo: 'tea-0001' }), {
    status: 400,
    json: { field: 'outTradeNo' },
  })
})

t.test('a device is reported; a forced state has no payment', async (t) => {
  const { world, shop } = await ordered(t)
  await order(world, shop.notifyUrl, {
    out_trade_no: 'tea-0002',
    scene_info: { payer_client_ip: '14.23.150.211', device_id: 'till-1', store_info: { id: '1' } },
  })
  await world.pay('tea-0002')
  t.match(open(shop.received[0]!.body, world), { scene_info: { device_id: 'till-1' } })
  t.match(await query(world, 'tea-0002'), { json: { scene_info: { device_id: 'till-1' } } })
  world.forceState('tea-0001', 'PAYERROR')
  const { json } = await query(world, 'tea-0001')
  t.match(json, { trade_state: 'PAYERROR', trade_state_desc: /支付失败/ })
  t.equal(json.transaction_id, undefined)
})

t.test('switches: an empty associated_data, and a port that is dropped', async (t) => {
  const { world, shop } = await ordered(t, { behaviour: { associatedData: 'empty' } })
  await world.pay('tea-0001')
  t.match(JSON.parse(shop.received[0]!.body), { resource: { associated_data: '' } })
  t.match(open(shop.received[0]!.body, world), { out_trade_no: 'tea-0001' })
  const other = await ordered(t, { behaviour: { notifyPort: 'dropped' } })
  t.equal((await other.world.pay('tea-0001', { deliver: 'hold' })).notification.url, 'http://127.0.0.1/notify')
})

t.test('v3 has no notification of failed payments', async (t) => {
  const { world } = await ordered(t)
  await t.rejects(world.fail('tea-0001', { notify: true }), { code: 'BAD_INPUT', details: { field: 'notify' } })
  t.match(await world.fail('tea-0001'), { err_code: 'NOTENOUGH', notification: undefined })
})

t.test('a world with v3 orders is exported and imported', async (t) => {
  const { world, shop } = await ordered(t, {}, 500)
  await world.pay('tea-0001')
  world.craft('tea-0001', { sign: 'wrong', headers: { 'X-More': null } })
  world.craftEvent({ eventType: 'X.Y', originalType: 'x', resource: {}, url: shop.notifyUrl })
  world.rotateKey('public-key', { keepOld: true })
  await post(world, '/v3/pay/transactions/out-trade-no/burnt-1/close', { mchid: world.credentials.mchId })
  const exported = JSON.parse(JSON.stringify(world.export()))
  const { credentials } = exported
  const other = await startV3(t, { world: { ...credentials, seed: 'other' } })
  other.import(exported)
  t.same(other.credentials.v3, world.credentials.v3)
  await other.advance('15s')
  t.equal(shop.received.length, 2)
  t.equal(by(other, shop.received[1]!), 'public-key')
  t.match(open(shop.received[1]!.body, other), { out_trade_no: 'tea-0001' })
  t.match(await query(other), { json: { trade_state: 'SUCCESS' } })
  await t.rejects(order(other, shop.notifyUrl, { out_trade_no: 'burnt-1' }), /请求重入时/)
  t.same(
    other.notifications().map(({ id, version }) => [id, version]),
    world.notifications().map(({ id, version }) => [id, version]),
  )
  const broken = structuredClone(exported)
  broken.state.notifications.notifications[0].body = '{'
  t.throws(() => other.import(broken), {
    code: 'BAD_INPUT',
    details: { field: 'state.notifications.notifications.0.body' },
  })
})
