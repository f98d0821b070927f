import t, { type Test } from 'tap'
import type { Api, EffectOf, World } from '../../../mock-server/index.ts'
import { behaviourOf, CHOICES } from '../../../mock-server/wechat/behaviour.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import {
  ACK,
  callPay,
  deadUrl,
  deferred,
  orderFields,
  paymentParams,
  placeOrder,
  postRaw,
  signedXml,
  startMock,
  startShop,
} from '../helpers.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'

/** What a merchant sees of its call: the reply, or that there was none. */
async function seen(work: Promise<Response>) {
  try {
    const response = await work
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
  } catch {
    return { broken: true }
  }
}

const order = (world: World, init: RequestInit = {}) =>
  seen(
    fetch(`${world.baseUrl}/pay/unifiedorder`, {
      method: 'POST',
      body: signedXml(world, orderFields(NOTIFY)),
      ...init,
    }),
  )
const refund = (world: World) =>
  seen(
    fetch(`${world.baseUrl}/secapi/pay/refund`, {
      method: 'POST',
      body: signedXml(world, { out_trade_no: 'tea-0001', out_refund_no: 'back-1', total_fee: 1250, refund_fee: 1250 }),
    }),
  )
const login = (world: World, code = world.loginCode().code) => {
  const { appid, appSecret } = world.credentials
  return seen(
    fetch(
      `${world.baseUrl}/sns/jscode2session?appid=${appid}&secret=${appSecret}&js_code=${code}&grant_type=authorization_code`,
    ),
  )
}
const queried = async (world: World) => (await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields
const lastNote = (world: World) => world.journal.entries().at(-1)

t.test('accepted, but the reply is lost: the case that costs money', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  world.fault('unifiedorder', { kind: 'reset', when: 'after' })
  t.same(await order(world), { broken: true })
  t.match(await queried(world), { trade_state: 'NOTPAY' }, 'the order exists')
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')

  world.fault('refund', { kind: 'reset', when: 'after' })
  t.same(await refund(world), { broken: true })
  t.match(world.refunds(), [{ outRefundNo: 'back-1', refundFee: 1250 }], 'the refund is in progress')
  t.match(await refund(world), { text: /<out_refund_no><!\[CDATA\[back-1/ }, 'a repeated call is the same refund')
  t.equal(world.refunds().length, 1)
})

t.test('before: the request has no effect', async (t) => {
  const { default: world } = await startMock(t)
  world.fault('unifiedorder', { kind: 'reset' })
  t.same(await order(world), { broken: true })
  t.match(await queried(world), { err_code: 'ORDERNOTEXIST' })
  t.match(await order(world), { text: /prepay_id/ }, 'once')
})

t.test('every effect, before and after', async (t) => {
  const mock = await startMock(t)
  const isSigned = (world: World, text: string) => {
    const sign = /<sign><!\[CDATA\[(.*?)\]/.exec(text)?.[1]
    const fields = [...text.matchAll(/<(\w+)>(?:<!\[CDATA\[)?([^<\]]*)(?:\]\]>)?<\/\1>/g)].map(
      ([, name, value]) => [name!, value!] as const,
    )
    return sign === signV2(fields, world.credentials.apiKey, 'MD5')
  }
  const cases: [effect: EffectOf<'unifiedorder'>, seen: object, check?: (world: World, text: string) => boolean][] = [
    [{ kind: 'reset' }, { broken: true }],
    [
      { kind: 'return_code_fail' },
      {
        status: 200,
        text: '<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[系统错误]]></return_msg></xml>',
      },
    ],
    [{ kind: 'return_code_fail', return_msg: '签名错误' }, { text: /签名错误/ }],
    [
      { kind: 'result_code_fail', err_code: 'ORDERPAID' },
      { text: /<err_code><!\[CDATA\[ORDERPAID\]\].*\n.*该订单已支付/ },
      isSigned,
    ],
    [
      { kind: 'result_code_fail', err_code: 'SYSTEMERROR', err_code_des: '系统超时' },
      { text: /<err_code><!\[CDATA\[SYSTEMERROR\]\].*\n.*系统超时/ },
      isSigned,
    ],
    [
      { kind: 'http', status: 502 },
      { status: 502, type: 'text/plain', text: 'Bad Gateway' },
    ],
    [
      { kind: 'http', status: 599 },
      { status: 599, text: '' },
    ],
    [
      { kind: 'http', status: 200, body: 'maintenance' },
      { status: 200, text: 'maintenance' },
    ],
    [{ kind: 'html_page' }, { status: 200, type: 'text/html', text: /<!DOCTYPE html>/ }],
    [
      { kind: 'html_page', status: 503 },
      { status: 503, type: 'text/html' },
    ],
  ]
  for (const [effect, expected, check = () => true] of cases) {
    for (const when of ['before', 'after'] as const) {
      const world = mock.world()
      const fault = world.fault('unifiedorder', { ...effect, when } as EffectOf<'unifiedorder'>, { name: 'f' })
      const reply = await order(world)
      const why = JSON.stringify({ ...effect, when })
      t.match(reply, expected, why)
      t.ok(check(world, 'text' in reply ? reply.text : ''), `${why}: signed`)
      t.equal(world.orders().length === 1, when === 'after', `${why}: effect`)
      t.match(lastNote(world), {
        fault: 'f',
        note: `${when === 'after' ? 'SUCCESS' : 'not carried out'}; fault f: ${effect.kind}`,
      })
      t.equal(fault.hits, 1)
    }
  }
})

t.test(
  "a request that fails the protocol's checks gets an unsigned refusal, and a planned business refusal waits for the next call",
  async (t) => {
    const mock = await startMock(t)
    const unsound: [what: string, body: (world: World) => string, told: RegExp][] = [
      [
        'another key',
        ({ credentials }) =>
          signedXml({ credentials: { ...credentials, apiKey: 'x'.repeat(32) } }, orderFields(NOTIFY)),
        /签名错误/,
      ],
      ['a field that is missing', (world) => signedXml(world, orderFields(NOTIFY, { body: '' })), /缺少参数/],
      ['not XML', () => 'hello', /XML格式错误/],
    ]
    for (const [what, body, told] of unsound) {
      const { default: world } = mock
      const fault = world.fault('unifiedorder', { kind: 'result_code_fail', err_code: 'SYSTEMERROR' })
      const reply = await order(world, { body: body(world) })
      t.match(reply, { text: told }, what)
      t.notMatch(reply, { text: /<sign>/ }, what)
      t.match(fault, { seen: 0, hits: 0 }, what)
      t.match(await order(world), { text: /SYSTEMERROR/ })
      t.match(fault, { seen: 1, hits: 1 }, what)
    }
    const fault = mock.default.fault('unifiedorder', { kind: 'http', status: 502 })
    await order(mock.default, { body: 'hello' })
    t.equal(fault.hits, 1, 'faults before the request is read apply to every request')
  },
)

t.test('an altered reply', async (t) => {
  const mock = await startMock(t)
  const whole = mock.world()
  const good = await order(whole)
  const length = Buffer.byteLength('text' in good ? good.text : '')
  for (const bytes of [undefined, 0, 10, length, 9999]) {
    const world = mock.world()
    world.fault('unifiedorder', { kind: 'truncate', ...(bytes !== undefined && { bytes }) })
    const response = await fetch(`${world.baseUrl}/pay/unifiedorder`, {
      method: 'POST',
      body: signedXml(world, orderFields(NOTIFY)),
    })
    t.match(response.headers.get('content-length'), /^\d+$/, 'the length of the whole')
    await t.rejects(response.text(), `${bytes} bytes: at least the last one is missing`)
    t.equal(world.orders().length, 1)
  }

  const world = mock.world()
  world.fault('unifiedorder', { kind: 'bad_sign' })
  const { fields } = await callPay(world, 'unifiedorder', orderFields(NOTIFY))
  t.match(fields.sign, /^[0-9A-F]{32}$/)
  t.not(fields.sign, signV2(Object.entries(fields), world.credentials.apiKey, 'MD5'))
  t.match(fields.prepay_id, /^wx/)
})

t.test('a reply in GBK', async (t) => {
  const { default: world } = await startMock(t)
  await order(world)
  world.fault('orderquery', { kind: 'gbk' })
  const response = await fetch(`${world.baseUrl}/pay/orderquery`, {
    method: 'POST',
    body: signedXml(world, { out_trade_no: 'tea-0001' }),
  })
  t.equal(response.headers.get('content-type'), 'text/xml; charset=GBK')
  t.match(new TextDecoder('gbk').decode(await response.arrayBuffer()), /<trade_state_desc><!\[CDATA\[订单未支付\]\]>/)
})

t.test('hang: never a reply; the merchant gives up', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const { default: world } = await startMock(t)
    world.fault('unifiedorder', { kind: 'hang', when })
    const merchant = new AbortController()
    const reply = order(world, { signal: merchant.signal })
    const hangs = { before: () => world.inFlight().length === 1, after: () => world.orders().length === 1 }[when]
    while (!hangs()) await new Promise((resolve) => setImmediate(resolve))
    merchant.abort()
    t.same(await reply, { broken: true })
    t.equal(world.orders().length, when === 'after' ? 1 : 0)
    await world.advance('1s')
    t.same(world.inFlight(), [], 'an abandoned call no longer holds the clock')
  }
})

t.test('delay: of the request, or of the reply; the clock waits for it', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const { default: world } = await startMock(t)
    world.fault('unifiedorder', { kind: 'delay', ms: 200, when })
    const started = performance.now()
    const reply = order(world)
    while (world.inFlight().length === 0) await new Promise((resolve) => setImmediate(resolve))
    t.same(world.inFlight(), ['unifiedorder tea-0001'])
    t.equal(world.orders().length, when === 'after' ? 1 : 0)
    await world.advance('1s')
    t.match(await reply, { text: /prepay_id/ })
    t.ok(performance.now() - started >= 199)
  }
})

t.test('a delay does not keep a closed mock running', async (t) => {
  const mock = await startMock(t)
  mock.default.fault('unifiedorder', { kind: 'delay', ms: 3_600_000 })
  const reply = order(mock.default)
  while (mock.default.inFlight().length === 0) await new Promise((resolve) => setImmediate(resolve))
  await mock.close()
  t.match(await reply, { status: 200 }, 'its caller gets an answer')
})

t.test('the login side', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.loginCode()
  const cases: [effect: EffectOf<'jscode2session'>, seen: object][] = [
    [{ kind: 'errcode', errcode: -1 }, { text: /^\{"errcode":-1,"errmsg":"system error, rid: [0-9a-f-]{26}"\}$/ }],
    [
      { kind: 'errcode', errcode: 45011 },
      { text: /api minute-quota reach limit, must slower, retry next minute, rid/ },
    ],
    [{ kind: 'errcode', errcode: 40226, errmsg: 'code blocked for now' }, { text: /"code blocked for now, rid/ }],
    [{ kind: 'html_page' }, { type: 'text/html' }],
    [{ kind: 'reset' }, { broken: true }],
  ]
  for (const [effect, expected] of cases) {
    world.fault('jscode2session', effect)
    t.match(await login(world, code), expected, JSON.stringify(effect))
  }
  world.fault('jscode2session', { kind: 'reset', when: 'after' })
  t.same(await login(world, code), { broken: true })
  t.match(await login(world, code), { text: /"errcode":40163/ }, 'the code was still used up')
})

t.test('an exchange without a world gets the faults of the first', async (t) => {
  const { default: world } = await startMock(t)
  world.fault('orderquery', { kind: 'return_code_fail' })
  t.match((await postRaw(`${world.baseUrl}/pay/orderquery`, 'nonsense')).fields, { return_msg: '系统错误' })
})

t.test('orders are found by their transaction_id too', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  const fault = world.fault(
    'orderquery',
    { kind: 'result_code_fail', err_code: 'SYSTEMERROR' },
    { outTradeNo: 'tea-0001' },
  )
  await callPay(world, 'orderquery', { transaction_id: world.order('tea-0001').transactionId! })
  t.equal(fault.used, true)
  t.equal(lastNote(world)?.outTradeNo, 'tea-0001')
})

/** Runs `race` with one gate and returns the order in which things happened to the merchant. */
async function interleaved(
  t: Test,
  race: (world: World, happened: string[], notifyUrl: string) => Promise<void>,
): Promise<string[]> {
  const { default: world } = await startMock(t)
  const happened: string[] = []
  const shop = await startShop(t, () => {
    happened.push('notified')
    return ACK
  })
  await race(world, happened, shop.notifyUrl)
  world.assertDrained()
  return happened
}

t.test('the notification before the reply to unifiedorder', async (t) => {
  t.same(
    await interleaved(t, async (world, happened, notifyUrl) => {
      const gate = world.gate('unifiedorder.response', { until: 'delivery.completed' })
      const ordered = placeOrder(world, notifyUrl).then(() => {
        happened.push('ordered')
      })
      await gate.reached
      t.match((await world.pay('tea-0001')).delivery!, { verdict: 'acked' })
      await ordered
    }),
    ['notified', 'ordered'],
  )
})

t.test('paid while closeorder is in progress', async (t) => {
  t.same(
    await interleaved(t, async (world, happened, notifyUrl) => {
      await placeOrder(world, notifyUrl)
      const gate = world.gate('closeorder.request')
      const closed = callPay(world, 'closeorder', { out_trade_no: 'tea-0001' })
      await gate.reached
      await world.pay('tea-0001')
      gate.release()
      happened.push((await closed).fields.err_code!)
    }),
    ['notified', 'ORDERPAID'],
  )
})

t.test('a slow reply to orderquery, after the notification', async (t) => {
  t.same(
    await interleaved(t, async (world, happened, notifyUrl) => {
      await placeOrder(world, notifyUrl)
      const gate = world.gate('orderquery.response', { outTradeNo: 'tea-0001' })
      const answered = queried(world)
      await gate.reached
      await world.pay('tea-0001')
      gate.release()
      happened.push((await answered).trade_state!)
    }),
    ['notified', 'NOTPAY'],
    'its content is outdated by then',
  )
})

t.test('time may pass while a gate holds something', async (t) => {
  const { default: world } = await startMock(t)
  const gate = world.gate('unifiedorder.response')
  const ordered = order(world)
  await gate.reached
  t.same(world.inFlight(), [])
  await world.advance('3h')
  gate.release()
  t.same(world.inFlight(), ['unifiedorder tea-0001'])
  const { text } = (await ordered) as { text: string }
  const prepayId = /<prepay_id><!\[CDATA\[(.*?)\]/.exec(text)![1]!
  t.throws(() => world.requestPayment(paymentParams(world, prepayId)), {
    code: 'PAYMENT_REFUSED',
    message: /older than 2 h/,
  })
})

t.test('a disconnected merchant leaves only its request at a gate', async (t) => {
  const { default: world } = await startMock(t)
  const gate = world.gate('unifiedorder.request')
  const merchant = new AbortController()
  const ordered = order(world, { signal: merchant.signal })
  await gate.reached
  merchant.abort()
  t.same(await ordered, { broken: true })
  t.equal(world.orders().length, 0)
  const journaled = deferred<void>()
  const watch = setInterval(() => {
    if (world.orders().length === 1) journaled.resolve()
  }, 1)
  gate.release()
  await journaled.promise
  clearInterval(watch)
  await world.advance('1s')
  t.same(world.inFlight(), [])
})

t.test('a test that sets up a fault or gate expects it to be used', async (t) => {
  const { default: world } = await startMock(t)
  world.assertDrained()
  world.fault('refund', { kind: 'reset' }, { name: 'lost', times: 2 })
  const gate = world.gate('refund.response', { name: 'slow' })
  t.throws(() => world.assertDrained(), {
    code: 'NOT_DRAINED',
    message:
      'unused: fault lost was applied 0 of 2 times (0 exchanges matched); nothing reached gate slow at refund.response',
    details: { faults: [{ name: 'lost' }], gates: [{ name: 'slow' }] },
  })
  gate.remove()
  for (const fault of world.faults()) fault.remove()
  world.assertDrained()
})

t.test('faults and gates emit events', async (t) => {
  const { default: world } = await startMock(t)
  const told: string[] = []
  world.on('fault', ({ name, hits }) => {
    told.push(`${name} ${hits}`)
  })
  world.on('gate', ({ name, state }) => {
    told.push(`${name} ${state}`)
  })
  world.fault('orderquery', { kind: 'bad_sign' }, { name: 'f' })
  world.gate('orderquery.response', { name: 'g', until: 'order.paid' })
  world.gates()[0]!.release()
  await queried(world)
  t.same(told, ['g open', 'f 1'])
  t.same(
    world.gates().map(({ name }) => name),
    ['g'],
  )
})

const apis: Api[] = ['unifiedorder', 'jscode2session']
t.test('the journal has no reply if there was none', async (t) => {
  const { default: world } = await startMock(t)
  for (const api of apis) world.fault(api, { kind: 'reset' })
  await order(world)
  await login(world)
  t.match(world.journal.entries(), [
    { api: 'unifiedorder', response: undefined },
    { api: 'jscode2session', response: undefined },
  ])
  t.match(await placeOrder(world, await deadUrl()), /^wx/)
})

t.test('the first value of a choice is its default', async (t) => {
  t.same(behaviourOf(), Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, values[0]])))
  t.same(behaviourOf({ closeTwice: 'success' }), { ...behaviourOf(), closeTwice: 'success' })
  t.throws(() => behaviourOf({ closeTwise: 'success' } as object), {
    code: 'BAD_INPUT',
    details: { field: 'behaviour.closeTwise' },
  })
  t.throws(() => behaviourOf({ closeUnknown: 'x' as 'success' }), {
    code: 'BAD_INPUT',
    message: 'behaviour.closeUnknown: must be one of success, ORDERNOTEXIST; got "x"',
  })
})
