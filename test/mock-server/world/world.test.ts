import t from 'tap'
import type { FaultView } from '../../../mock-server/faults/faults.ts'
import type { GateView } from '../../../mock-server/faults/gates.ts'
import { type CraftOptions, createMockWechat, type WorldOptions } from '../../../mock-server/index.ts'
import type { Exchange } from '../../../mock-server/notify/sender.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { assertDrained } from '../../../mock-server/world/assertions.ts'
import { checkSettleUrl, createSettleCall } from '../../../mock-server/world/settle-url.ts'
import {
  ACK,
  callPay,
  control,
  deadUrl,
  deferred,
  listen,
  NOON,
  orderFields,
  paymentParams,
  placeOrder,
  port,
  REFUSAL,
  startMock,
  startShop,
} from '../helpers.ts'

t.test('a payment: ordered, opened, paid, notified, acknowledged', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const prepayId = await placeOrder(world, shop.notifyUrl, { attach: 'table 4' })
  t.match(world.order('tea-0001'), {
    tradeState: 'NOTPAY',
    totalFee: 1250,
    prepayId,
    notifyUrl: shop.notifyUrl,
    transactionId: undefined,
    cashFee: undefined,
    coupons: [],
    attach: 'table 4',
  })

  t.same(world.requestPayment(paymentParams(world, prepayId)), { errMsg: 'requestPayment:ok', outTradeNo: 'tea-0001' })
  t.match(world.order('tea-0001'), { tradeState: 'NOTPAY' }, 'opening the cashier is not paying')

  const delivery = (await world.pay('tea-0001')).delivery!
  t.match(delivery, {
    attempt: 0,
    verdict: 'acked',
    outTradeNo: 'tea-0001',
    url: shop.notifyUrl,
    sentAt: new Date(NOON),
    response: { status: 200, body: ACK },
  })
  t.match(shop.received, [
    { method: 'POST', url: '/notify', headers: { 'content-type': 'text/xml' }, body: delivery.request.body },
  ])
  t.match(world.order('tea-0001'), {
    tradeState: 'SUCCESS',
    cashFee: 1250,
    bankType: 'OTHERS',
    paidAt: new Date(NOON),
    openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  })
  t.match(world.order('tea-0001').transactionId, /^4200\d{6}20260115\d{10}$/)
  t.match(world.notification('tea-0001'), { state: 'acked', attempts: [delivery], body: delivery.request.body })
  t.same(world.orders(), [world.order('tea-0001')])
  t.same(world.deliveries(), [delivery])
})

t.test('the payer, the bank and the coupons can be chosen', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001', {
    openid: 'o-bob',
    bankType: 'CFT',
    coupons: [{ fee: 50 }, { fee: 8, id: '10000', type: 'CASH' }],
  })
  t.match(world.order('tea-0001'), {
    openid: 'o-bob',
    bankType: 'CFT',
    cashFee: 1192,
    coupons: [
      { fee: 50, id: /^\d{10}$/ },
      { fee: 8, id: '10000', type: 'CASH' },
    ],
  })

  await placeOrder(world, shop.notifyUrl, {
    out_trade_no: 'native-1',
    trade_type: 'NATIVE',
    product_id: 'p',
    openid: undefined,
  })
  await world.pay('native-1')
  t.match(world.order('native-1').openid, /^o[\w-]{27}$/, 'the QR code was scanned')
})

t.test('payments that are impossible', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await t.rejects(world.pay('tea-0001'), { code: 'UNKNOWN_ORDER', message: /no order tea-0001; .*mch_id/ })
  t.throws(() => world.order('tea-0001'), { code: 'UNKNOWN_ORDER' })
  t.throws(() => world.notification('tea-0001'), { code: 'UNKNOWN_NOTIFICATION' })

  await placeOrder(world, shop.notifyUrl, { total_fee: 100 })
  for (const coupons of [[{ fee: 101 }], [{ fee: 60 }, { fee: 41 }], [{ fee: 0 }], [{ fee: -1 }], [{ fee: 1.5 }]]) {
    await t.rejects(
      world.pay('tea-0001', { coupons }),
      { code: 'BAD_INPUT', details: { field: 'coupons' } },
      JSON.stringify(coupons),
    )
  }
  await world.pay('tea-0001')
  await t.rejects(world.pay('tea-0001'), { code: 'ORDER_NOT_PAYABLE', message: /it is SUCCESS/ })

  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'expiring', time_expire: '20260115123000' })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'waiting' })
  await world.advance('2h')
  await t.rejects(world.pay('expiring'), { code: 'ORDER_NOT_PAYABLE', message: /it is CLOSED/ })
  await t.rejects(world.pay('waiting'), { code: 'ORDER_NOT_PAYABLE', message: /older than 2 h/ })
})

t.test('hold sends nothing; background does not wait', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })

  const held = (await world.pay('tea-0001', { deliver: 'hold' })).notification
  t.match(held, { state: 'held', attempts: [], outTradeNo: 'tea-0001' })
  t.equal(shop.received.length, 0)
  t.match(await held.deliver({ count: 5, concurrent: true }), Array(5).fill({ verdict: 'acked' }))
  t.equal(shop.received.length, 5)

  const background = (await world.pay('tea-0002', { deliver: 'background' })).notification
  t.match(background, { state: 'pending', attempts: [] })
  t.same(world.inFlight(), ['notify tea-0002 attempt 0'])
  await world.advance(0)
  t.equal(background.state, 'acked', 'the clock has waited for it')
})

t.test('advance makes every delivery that falls due and reports it', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, (_notified, _response, count) => (count < 4 ? REFUSAL : ACK))
  const seen: string[] = []
  world.on('delivery', ({ id, verdict }) => {
    seen.push(`${id} ${verdict}`)
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  const report = await world.advance('20s')
  t.match(report, {
    from: new Date(NOON),
    to: new Date(NOON + 20_000),
    deliveries: [{ attempt: 1, verdict: 'fail_xml' }],
    remainingTimers: [{ due: new Date(NOON + 30_000), what: 'notify tea-0001 attempt 2' }],
  })
  t.match(await world.clock.advance('24h'), {
    deliveries: [{ attempt: 2 }, { attempt: 3, verdict: 'acked' }],
    remainingTimers: [],
  })
  t.same(seen, ['d1 fail_xml', 'd2 fail_xml', 'd3 fail_xml', 'd4 acked'])
  t.same(world.clock.now(), new Date(NOON + 86_420_000))
})

t.test('a handler may call WeChat, and work after its answer, before time moves on', async (t) => {
  const { default: world } = await startMock(t)
  let working: Promise<unknown> = Promise.resolve()
  const workedAt: number[] = []
  const shop = await startShop(t, async () => {
    const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
    working = callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }).then(() => {
      workedAt.push(world.clock.now().getTime() - NOON)
    })
    return fields.trade_state === 'SUCCESS' ? REFUSAL : ACK
  })
  world.settleOn(() => working)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await world.advance('24h4m')
  t.same(
    workedAt,
    world.deliveries().map(({ sentAt }) => sentAt.getTime() - NOON),
    'the work of each delivery was done at its own time',
  )
  t.equal(workedAt.length, 16)
})

t.test('an advance inside a notify handler is refused', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, async (_notified, _response, count) => {
    if (count > 1) await t.rejects(world.advance('1s'), { code: 'CLOCK_BUSY' })
    return count > 1 ? ACK : REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  t.match(await world.advance('15s'), { deliveries: [{ verdict: 'acked' }] })
})

t.test('an advance that runs out of real time reports what it did; other errors are passed on', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  let endless = () => Promise.resolve()
  world.settleOn(() => endless())
  world.on('delivery', () => {
    endless = () => new Promise(() => {})
  })
  await t.rejects(world.advance('1h', { realTimeoutMs: 50 }), {
    code: 'CLOCK_TIMEOUT',
    details: {
      report: {
        to: new Date(NOON + 15_000),
        deliveries: [{ attempt: 1 }],
        remainingTimers: [{ what: 'notify tea-0001 attempt 2' }],
      },
    },
  })
  await t.rejects(world.advance('soon'), { code: 'BAD_INPUT' })
})

t.test('what an advance left unfinished is in the report of the next', async (t) => {
  const { default: world } = await startMock(t)
  const answer = deferred<string>()
  const shop = await startShop(t, (_notified, _response, count) => (count === 2 ? answer.promise : REFUSAL))
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await t.rejects(world.advance('20s', { realTimeoutMs: 200 }), {
    code: 'CLOCK_TIMEOUT',
    details: { report: { to: new Date(NOON + 15_000), deliveries: [] } },
  })
  t.same(world.inFlight(), ['notify tea-0001 attempt 1'], 'the time is that of the unfinished send')
  const next = world.advance('20s')
  answer.resolve(REFUSAL)
  t.match((await next).deliveries, [
    { attempt: 1, sentAt: new Date(NOON + 15_000) },
    { attempt: 2, sentAt: new Date(NOON + 30_000) },
  ])
})

t.test('the merchant has a real time limit, and a refused connection is reported', async (t) => {
  const { default: world } = await startMock(t, { world: { ackTimeoutMs: 50 } })
  const shop = await startShop(t, () => undefined)
  await placeOrder(world, shop.notifyUrl)
  t.match((await world.pay('tea-0001')).delivery!, {
    verdict: 'timeout_5s',
    reason: /within 50 ms/,
    response: undefined,
  })
  await placeOrder(world, await deadUrl(), { out_trade_no: 'tea-0002' })
  t.match((await world.pay('tea-0002')).delivery!, { verdict: 'connection_refused', response: undefined })
  t.match(await world.advance('30s'), {
    deliveries: [
      { outTradeNo: 'tea-0001' },
      { outTradeNo: 'tea-0002' },
      { outTradeNo: 'tea-0001' },
      { outTradeNo: 'tea-0002' },
    ],
  })
  t.match(world.journal.entries({ direction: 'out' })[0], { api: 'notify', note: /^timeout_5s: / })
})

t.test('the older schedule and a custom one', async (t) => {
  for (const [schedule, times] of [
    ['legacy', [0, 15, 30, 60, 240, 2040, 3840, 5640, 7440, 11_040]],
    [
      [1, 2],
      [0, 1, 3],
    ],
  ] as const) {
    const { default: world } = await startMock(t, { world: { schedule } })
    await placeOrder(world, await deadUrl())
    await world.pay('tea-0001')
    await world.advance('2d')
    t.same(
      world.deliveries().map(({ sentAt }) => (sentAt.getTime() - NOON) / 1000),
      times,
    )
  }
})

t.test('a schedule without an immediate send', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  const world = mock.world({ startTime: NOON, schedule: { immediate: false } })
  await placeOrder(world, shop.notifyUrl)
  const { notification, delivery } = await world.pay('tea-0001')
  t.equal(delivery, undefined)
  t.match(
    notification,
    { state: 'pending', attempts: { length: 0 }, nextDueAt: new Date(NOON + 15_000) },
    'nothing has been sent',
  )
  t.equal(shop.received.length, 0)
  const { deliveries } = await world.advance('2d')
  t.same(
    deliveries.map(({ attempt }) => attempt),
    [...Array(15).keys()],
  )
  t.same([deliveries[0]!.sentAt, deliveries.at(-1)!.sentAt], [new Date(NOON + 15_000), new Date(NOON + 86_640_000)])

  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  t.match((await world.pay('tea-0002', { deliver: 'background' })).notification, { state: 'pending' })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0003', nonce_str: 'n3' })
  t.match(await world.fail('tea-0003', { notify: true }), { delivery: undefined })
  const name = world.snapshot()
  t.match(await world.advance({ next: 2 }), {
    deliveries: [
      { outTradeNo: 'tea-0002', attempt: 0 },
      { kind: 'fail', attempt: 0 },
    ],
  })
  world.restore(name)
  t.match(
    await world.advance({ next: 1 }),
    { deliveries: [{ outTradeNo: 'tea-0002', attempt: 0 }] },
    'the first send is still to come',
  )
})

t.test('everything is drawn from the seed', async (t) => {
  const notifyUrl = await deadUrl()
  async function drawn(options: WorldOptions) {
    const { default: world } = await startMock(t, { world: options })
    const { code, openid } = world.loginCode()
    const prepayId = await placeOrder(world, notifyUrl)
    await world.pay('tea-0001')
    const { transactionId } = world.order('tea-0001')
    return { ...world.credentials, code, openid, prepayId, transactionId, body: world.notification('tea-0001').body }
  }
  const first = await drawn({ seed: 42 })
  t.same(await drawn({ seed: 42 }), first)
  t.match(first, {
    appid: /^wx[0-9a-f]{16}$/,
    appSecret: /^[0-9a-f]{32}$/,
    mchId: /^16\d{8}$/,
    apiKey: /^[0-9A-Za-z]{32}$/,
  })
  const other = await drawn({ seed: 43 })
  for (const name of [
    'appid',
    'appSecret',
    'mchId',
    'apiKey',
    'code',
    'openid',
    'prepayId',
    'transactionId',
  ] as const) {
    t.not(other[name], first[name], name)
  }
  t.same((await drawn({})).appid, (await drawn({})).appid, 'the default seed is the id of the world')
})

t.test('on the real clock, ids differ from run to run unless there is a seed', async (t) => {
  const notifyUrl = await deadUrl()
  async function prepayTail(options: WorldOptions) {
    const { default: world } = await startMock(t, { world: { clock: 'real', ...options } })
    t.equal(world.clock.mode, 'real')
    world.loginCode()
    await placeOrder(world, notifyUrl)
    return { appid: world.credentials.appid, openid: world.loginCode().openid }
  }
  const [one, two] = [await prepayTail({ startTime: NOON }), await prepayTail({ startTime: NOON + 1000 })]
  t.equal(one.appid, two.appid, "the credentials in a developer's .env stay valid")
  t.not(one.openid, two.openid)
  t.same(await prepayTail({ seed: 1, startTime: NOON }), await prepayTail({ seed: 1, startTime: NOON + 1000 }))
})

t.test('on the real clock retries are sent automatically', async (t) => {
  const { default: world } = await startMock(t, { world: { clock: 'real', schedule: [0.01, 0.01] } })
  const done = deferred<void>()
  const shop = await startShop(t, (_notified, _response, count) => {
    if (count === 3) done.resolve()
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await done.promise
  t.equal(shop.received.length, 3)
  await t.rejects(world.advance('1s'), { code: 'CLOCK_REAL' })
})

t.test('credentials can be given; a key of another length is refused', async (t) => {
  const credentials = {
    appid: 'wxd930ea5d5a258f4f',
    appSecret: 's',
    mchId: '10000100',
    apiKey: '192006250b4c09247ec02edce69f6a2d',
  }
  const { default: world } = await startMock(t, { world: credentials })
  t.match(world.credentials, credentials)
  await placeOrder(world, await deadUrl())
  await t.rejects(createMockWechat({ world: { apiKey: 'short' } }), {
    code: 'BAD_INPUT',
    message: /exactly 32 bytes.* got 5/,
    details: { field: 'apiKey' },
  })
})

t.test('time begins at the given start, or now in whole seconds', async (t) => {
  const { default: world } = await startMock(t, { world: { startTime: new Date(NOON + 5) } })
  t.same(world.clock.now(), new Date(NOON + 5))
  const mock = await createMockWechat()
  t.teardown(mock.close)
  const now = mock.default.clock.now().getTime()
  t.equal(now % 1000, 0)
  t.ok(Math.abs(Date.now() - now) < 60_000)
})

t.test("the journal has both directions, both sides, and the mock's remarks", async (t) => {
  const lines: string[] = []
  const { default: world } = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  await callPay(world, 'unifiedorder', orderFields(shop.notifyUrl, { total_fee: 1, nonce_str: 'another' }))
  await world.pay('tea-0001')
  t.match(world.journal.entries(), [
    {
      cursor: 1,
      direction: 'in',
      api: 'unifiedorder',
      outTradeNo: 'tea-0001',
      at: new Date(NOON),
      request: { method: 'POST', url: '/pay/unifiedorder', headers: { 'content-type': /./ }, body: /\[1250\]/ },
      response: { status: 200, body: /prepay_id/ },
      note: 'SUCCESS',
    },
    { cursor: 2, note: 'INVALID_REQUEST 201 商户订单号重复' },
    {
      cursor: 3,
      direction: 'out',
      api: 'notify',
      outTradeNo: 'tea-0001',
      request: { url: shop.notifyUrl, body: /transaction_id/ },
      response: { body: ACK },
      note: /^acked: /,
    },
  ])
  t.match(lines, ['default unifiedorder tea-0001: SUCCESS', /201/, /^default notify tea-0001 attempt 0: acked/])
})

t.test('invalid options of a world are refused, also in plain JavaScript', async (t) => {
  const mock = await startMock(t)
  const cases: [options: object, field: string, rule: string | RegExp][] = [
    [{ signtype: 'MD5' }, 'signtype', 'additionalProperties'],
    [{ signType: 'md5' }, 'signType', 'enum'],
    [{ clock: 'reel' }, 'clock', 'enum'],
    [{ certMode: 'always' }, 'certMode', 'enum'],
    [{ behaviour: { closeUnknown: 'x' } }, 'behaviour.closeUnknown', 'enum'],
    [{ id: 'a/b' }, 'id', 'pattern'],
    [{ id: 1 }, 'id', 'type'],
    [{ seed: {} }, 'seed', 'type'],
    [{ ackTimeoutMs: 'x' }, 'ackTimeoutMs', 'type'],
    [{ ackTimeoutMs: 0 }, 'ackTimeoutMs', 'minimum'],
    [{ ackTimeoutMs: 2 ** 31 }, 'ackTimeoutMs', 'maximum'],
    [{ maxJournal: -1 }, 'maxJournal', 'minimum'],
    [{ maxJournal: 1.5 }, 'maxJournal', 'type'],
    [{ codeLimit: '3' }, 'codeLimit', 'type'],
    ...[0, -1].map((codeLimit): [object, string, string] => [{ codeLimit }, 'codeLimit', 'minimum']),
    ...[1.5, NaN].map((codeLimit): [object, string, string] => [{ codeLimit }, 'codeLimit', 'type']),
    [{ strict: 'yes' }, 'strict', 'type'],
    [{ appSecret: '' }, 'appSecret', 'minLength'],
    [{ apiKey: 5 }, 'apiKey', 'type'],
    [{ appid: 'bad id!' }, 'appid', 'pattern'],
    [{ appid: 5 }, 'appid', 'type'],
    [{ mchId: 'abc' }, 'mchId', 'pattern'],
    [{ mchId: 1900000109 }, 'mchId', 'type'],
  ]
  for (const [options, field, rule] of cases) {
    t.throws(() => mock.world(options), { code: 'BAD_INPUT', details: { field, rule } }, JSON.stringify(options))
  }
  t.equal(mock.worlds().length, 1)
  mock.world({
    signType: 'MD5',
    clock: 'real',
    certMode: 'none',
    seed: 1,
    id: 'w-1_a.b',
    strict: true,
    maxJournal: 1,
    ackTimeoutMs: 2 ** 31 - 1,
    appid: 'wx0123456789abcdef',
    appSecret: 's',
    mchId: '1900000109',
    apiKey: '0'.repeat(32),
  })
})

const fault: FaultView = {
  name: 'late',
  api: 'orderquery',
  effect: { kind: 'delay', ms: 1 },
  times: 2,
  seen: 3,
  hits: 1,
  used: false,
}
const gate: GateView = { name: 'door', hold: 'orderquery.request', state: 'waiting', used: false, holding: [] }

t.test('unused faults, gates and hooks are reported by name', async (t) => {
  t.throws(() => assertDrained([fault], [gate], 2), {
    code: 'NOT_DRAINED',
    message:
      'unused: fault late was applied 1 of 2 times (3 exchanges matched); nothing reached gate door at orderquery.request; 2 of the hooks beforeNotify did not run',
    details: { faults: [fault], gates: [gate], hooks: 2 },
  })
  assertDrained([{ ...fault, used: true }], [{ ...gate, used: true }], 0)
  assertDrained([], [], 0)
})

t.test('a valid address', async (t) => {
  for (const url of ['http://127.0.0.1:3000/idle', 'https://shop.example.com/idle?all=1']) checkSettleUrl(url)
  for (const url of ['', '/idle', 'ftp://127.0.0.1/idle', 'http://:80/']) {
    t.throws(
      () => checkSettleUrl(url),
      {
        code: 'BAD_INPUT',
        message: /^settleUrl: must be an absolute http\(s\) URL; got/,
        details: { field: 'settleUrl' },
      },
      url,
    )
  }
})

t.test('only 2xx means that the work is done', async (t) => {
  const url = 'http://127.0.0.1:3000/idle'
  const call = (exchange: object) =>
    createSettleCall({ post: async () => ({ durationMs: 1, ...exchange }) as Exchange }, url)()
  for (const status of [200, 204]) t.equal(await call({ reply: { status } }), undefined, String(status))
  const failures: [exchange: object, told: string][] = [
    [{ reply: { status: 302 } }, 'answered with HTTP 302'],
    [{ reply: { status: 500 } }, 'answered with HTTP 500'],
    [{ error: new Error('connect ECONNREFUSED') }, 'failed: connect ECONNREFUSED'],
    [{ timedOut: true }, 'did not answer'],
  ]
  for (const [exchange, told] of failures) {
    await t.rejects(call(exchange), {
      code: 'SETTLE_FAILED',
      statusCode: 502,
      message: `settleUrl ${url} ${told}; it must answer 2xx once the background work is done`,
    })
  }
})

t.test('time does not move before the application reports that its work is done', async (t) => {
  const mock = await startMock(t)
  const asked: (string | undefined)[] = []
  const workedAt: number[] = []
  let working: Promise<unknown> = Promise.resolve()
  const idle = await listen(t, (request, response) => {
    asked.push(request.method)
    working.then(() => response.writeHead(204).end())
  })
  const { status } = await control(mock, 'POST', '/worlds', {
    id: 'mine',
    startTime: NOON,
    settleUrl: `http://127.0.0.1:${port(idle)}/idle`,
  })
  t.equal(status, 201)
  const world = mock.worlds()[1]!
  const shop = await startShop(t, () => {
    working = callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }).then(() => {
      workedAt.push(world.clock.now().getTime())
    })
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await world.advance('24h4m')
  t.same(
    workedAt,
    world.deliveries().map(({ sentAt }) => sentAt.getTime()),
    'the work of each delivery was done at its own time',
  )
  t.same([...new Set(asked)], ['POST'])
  t.ok(asked.length >= 16, 'called before each move')
  t.notMatch(
    world.journal.entries().map(({ request }) => request.url),
    [/idle/],
    "it is not an exchange of WeChat's",
  )
})

t.test('an unreachable application ends the advance, and a refused URL creates no world', async (t) => {
  const mock = await startMock(t, { world: { settleUrl: await deadUrl() } })
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' }), {
    status: 502,
    json: { code: 'SETTLE_FAILED', message: /ECONNREFUSED/ },
  })
  t.match(await control(mock, 'POST', '/worlds', { settleUrl: '/idle' }), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'settleUrl' },
  })
  const far = await startMock(t, { notifyHosts: ['shop.example.com'], world: { settleUrl: await deadUrl() } })
  await t.rejects(
    far.default.advance('1s'),
    { code: 'SETTLE_FAILED' },
    'no request goes to a host that may not be notified',
  )
})

t.test("built from the order's own values", async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  const { apiKey } = world.credentials
  const other = 'another-key-of-exactly-32-bytes!'
  const cases: [options: CraftOptions | undefined, fields: object, signedWith: string | undefined][] = [
    [
      undefined,
      {
        total_fee: '1250',
        out_trade_no: 'tea-0001',
        transaction_id: /^4200\d{24}$/,
        openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
      },
      apiKey,
    ],
    [{ fields: { total_fee: '1', attach: null } }, { total_fee: '1', attach: undefined }, apiKey],
    [{ fields: { total_fee: '1' }, sign: 'keep' }, { total_fee: '1', sign: /^[0-9A-F]{32}$/ }, undefined],
    [{ sign: 'wrong' }, { total_fee: '1250', sign: /^[0-9A-F]{32}$/ }, undefined],
    [{ sign: 'none' }, { total_fee: '1250', sign: undefined }, undefined],
    [{ key: other }, { total_fee: '1250' }, other],
  ]
  for (const [options, expected, signedWith] of cases) {
    const notification = world.craft('tea-0001', options)
    const fields = readXml(notification.body)
    t.match(Object.fromEntries(fields), expected, JSON.stringify(options))
    for (const key of [apiKey, other]) t.equal(fields.get('sign') === signV2(fields, key, 'MD5'), key === signedWith)
  }
  t.match(world.order('tea-0001'), { tradeState: 'NOTPAY' }, 'the order is not paid')
  t.equal(shop.received.length, 0)
})

t.test('an unsendable notification is refused', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'https://shop.example.com/notify')
  const cases: [options: CraftOptions, field: string][] = [
    [{ url: 'not a url' }, 'url'],
    [{ url: 'ftp://x/y' }, 'url'],
    [{ fields: { 'a b<': '1' } }, 'fields.a b<'],
    [{ fields: { 'a(': '1' }, sign: 'keep' }, 'fields.a('],
    [{ fields: { xml: '1' } }, 'fields.xml'],
    [{ fields: { '': '1' } }, 'fields.'],
  ]
  for (const [options, field] of cases) {
    t.throws(() => world.craft('tea-0001', options), { code: 'BAD_INPUT', details: { field } }, field)
  }
  t.ok(world.craft('tea-0001', { url: 'http://shop/notify?with=query', fields: { _a: ']]>\u0000<' } }))
  t.same(world.notifications().length, 1)
})

t.test("sent manually, to any address, or on WeChat's schedule", async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, 'https://shop.example.com/notify')
  await world.pay('tea-0001', { deliver: 'hold' })
  const forged = world.craft('tea-0001', { url: shop.notifyUrl, body: '<xml><!DOCTYPE xml></xml>' })
  t.match(forged, { id: 'crafted:tea-0001', kind: 'crafted', state: 'held' })
  t.match(await forged.deliver(), [{ verdict: 'fail_xml', kind: 'crafted' }])
  t.equal(shop.received[0]!.body, '<xml><!DOCTYPE xml></xml>')

  const again = world.craft('tea-0001', { url: shop.notifyUrl })
  t.equal(again.id, 'crafted:tea-0001:2')
  await again.release()
  t.equal((await world.advance('24h4m')).deliveries.length, 15)
  t.equal(readXml(again.body).get('transaction_id'), world.order('tea-0001').transactionId, 'the actual payment')
  t.throws(() => world.craft('tea-0002'), { code: 'UNKNOWN_ORDER' })
  t.same(
    world.notifications().map(({ id, state }) => `${id} ${state}`),
    ['tea-0001 held', 'crafted:tea-0001 held', 'crafted:tea-0001:2 exhausted'],
  )
})

t.test(
  'a notification without a merchant of the world, changed by a hook, is signed again with the key of the first',
  async (t) => {
    const { default: world } = await startMock(t)
    const shop = await startShop(t)
    await placeOrder(world, shop.notifyUrl)
    world.once('beforeNotify', (draft) => {
      draft.fields.attach = 'changed'
    })
    await world.craft('tea-0001', { fields: { mch_id: '1' } }).deliver()
    const changed = readXml(shop.received[0]!.body)
    t.same([changed.get('mch_id'), changed.get('attach')], ['1', 'changed'])
    t.equal(signV2(changed, world.credentials.apiKey, 'MD5'), changed.get('sign'))
  },
)
