import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { merchant } from '../helpers.ts'

t.test("the price hook decides the price, not the client's body", async (t) => {
  const shop = await merchant(t)
  const headers = await shop.login()
  const { status, body } = await shop.post(
    '/wechat/orders',
    { totalFee: 1, total_fee: 1, amount: 1, openid: 'oMallory' },
    headers,
  )
  t.equal(status, 200)
  t.strictSame(Object.keys(body as object), ['outTradeNo', 'timeStamp', 'nonceStr', 'package', 'signType', 'paySign'])
  t.match(shop.world.order((body as { outTradeNo: string }).outTradeNo), {
    totalFee: 1250,
    openid: 'oAlice',
    body: '龙井茶 & <茶>',
    attach: 'a=b&c="0"',
  })
})

t.test('an invalid price is refused before a number is assigned', async (t) => {
  const good = { key: 'k', description: 'tea', totalFee: 1250 }
  const bad: [string, unknown][] = [
    ['a float', { ...good, totalFee: 12.5 }],
    ['a text', { ...good, totalFee: '1250' }],
    ['zero', { ...good, totalFee: 0 }],
    ['negative', { ...good, totalFee: -1 }],
    ['beyond 2^53', { ...good, totalFee: 2 ** 53 }],
    ['NaN', { ...good, totalFee: NaN }],
    ['Infinity', { ...good, totalFee: Infinity }],
    ['a bigint', { ...good, totalFee: 1250n }],
    ['no amount', { key: 'k', description: 'tea' }],
    ['yuan instead of fen', { ...good, totalFee: 0.1 + 0.2 }],
    ['nothing', undefined],
    ['null', null],
    ['a number as key', { ...good, key: 7 }],
    ['a long key and another error', { ...good, key: 'k'.repeat(129), totalFee: 0 }],
    ['no description', { ...good, description: '' }],
    ['a long description', { ...good, description: '茶'.repeat(43) }],
    ['a NUL in the description', { ...good, description: 'a\0b' }],
    ['half a character', { ...good, description: 'a\ud83c' }],
    ['a long attach', { ...good, attach: 'a'.repeat(128) }],
  ]
  let price: unknown
  const shop = await merchant(t, { options: { price: () => price as any } })
  const headers = await shop.login()
  for (const [name, value] of bad) {
    price = value
    t.match(
      await shop.post('/wechat/orders', {}, headers),
      { status: 500, body: { code: 'WECHAT_PRICE_INVALID' } },
      name,
    )
  }
  t.strictSame(shop.world.orders(), [])
  price = { ...good, attach: '' }
  t.match(await shop.post('/wechat/orders', {}, headers), { status: 200 })
})

t.test("a cart number that cannot be a key is the client's error", async (t) => {
  const shop = await merchant(t, {
    options: {
      price: ({ body }) => ({ key: (body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
    },
  })
  const headers = await shop.login()
  for (const cart of ['a\0b', 'a\ud83c', 'a\nb', '', 'k'.repeat(129)]) {
    const body = { code: 'WECHAT_INPUT_INVALID', message: /^The key of the order must .* Nothing was ordered\.$/ }
    t.match(await shop.post('/wechat/orders', { cart }, headers), { status: 400, body })
  }
  t.strictSame(shop.world.orders(), [])
})

t.test('an error thrown by the price hook becomes the reply', async (t) => {
  const shop = await merchant(t, {
    options: {
      price: () => {
        throw Object.assign(new Error('sold out'), { statusCode: 410 })
      },
    },
  })
  t.match(await shop.post('/wechat/orders', {}, await shop.login()), { status: 410, body: { message: 'sold out' } })
})

t.test('orders need a token, and only their payer can see them', async (t) => {
  const shop = await merchant(t)
  const outTradeNo = await shop.order()
  const alice = await shop.login('oAlice')
  const bob = await shop.login('oBob')
  const url = `${shop.url}/wechat/orders/${outTradeNo}`
  for (const [name, headers, status] of [
    ['nobody', {}, 401],
    ['an unknown token', { authorization: 'Bearer abc' }, 401],
    ['another scheme', { authorization: alice.authorization.replace('Bearer', 'Basic') }, 401],
    ['another user', bob, 404],
    ['the payer', alice, 200],
  ] as const) {
    t.equal((await fetch(url, { headers })).status, status, `GET by ${name}`)
    if (status !== 200) {
      t.equal((await fetch(`${url}/cancel`, { method: 'POST', headers })).status, status, `cancel by ${name}`)
    }
  }
  t.equal((await fetch(`${shop.url}/wechat/orders/unknown-number`, { headers: alice })).status, 404)
  t.equal((await fetch(`${shop.url}/wechat/orders/a%00b`, { headers: alice })).status, 400)
  t.match(await shop.post('/wechat/orders', {}), { status: 401, body: { code: 'WECHAT_UNAUTHENTICATED' } })
  await shop.world.advance('8d')
  t.equal((await fetch(url, { headers: alice })).status, 401, 'a token expires')
})

t.test('GET queries WeChat if the order is not settled and was not queried recently', async (t) => {
  const shop = await merchant(t)
  const outTradeNo = await shop.order()
  const headers = await shop.login()
  const get = async () =>
    (await (await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })).json()) as Record<string, unknown>
  t.match(await get(), { state: 'prepaid', paid: false, totalFee: 1250, description: '龙井茶 & <茶>' })
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  t.match(await get(), { state: 'prepaid', paid: false }, 'queried a moment ago')
  await shop.world.advance('3s')
  t.match(
    await get(),
    { state: 'paid', paid: true, transactionId: /^4200/, paidAt: /Z$/ },
    'the notification never came',
  )
  await shop.app.wechat.sweep()
  t.strictSame(shop.paid, [outTradeNo])
  t.ok(
    (await shop.world.notification(outTradeNo).deliver())[0]!.verdict === 'acked',
    'if it still comes, it is a duplicate',
  )
  await shop.app.wechat.sweep()
  t.strictSame(shop.paid, [outTradeNo])
})

t.test('one live order per key', async (t) => {
  const shop = await merchant(t)
  const first = await shop.order()
  t.equal(await shop.order(), first, 'a second tap returns the same order')
  await shop.world.advance('119m')
  await shop.world.pay(first)
  t.match(await shop.post('/wechat/orders', {}, await shop.login()), {
    status: 409,
    body: { code: 'WECHAT_ORDER_PAID' },
  })
})

t.test('the payer cancels an order, unless it turns out paid', async (t) => {
  const shop = await merchant(t)
  const headers = await shop.login()
  const cancel = async (outTradeNo: string) =>
    (await shop.post(`/wechat/orders/${outTradeNo}/cancel`, {}, headers)).body as Record<string, unknown>
  const first = await shop.order()
  t.match(await cancel(first), { outTradeNo: first, state: 'closed', paid: false })
  t.equal(shop.world.order(first)?.tradeState, 'CLOSED')
  const second = await shop.order()
  await shop.world.pay(second, { deliver: 'hold' })
  t.match(await cancel(second), { outTradeNo: second, state: 'paid', paid: true })
})

t.test('refusals by WeChat and their replies', async (t) => {
  const shop = await merchant(t, { options: { appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4' } })
  t.match(await shop.post('/wechat/login', { code: shop.world.loginCode().code }), {
    status: 500,
    body: { code: 'WECHAT_ACCOUNT_REFUSED' },
  })

  const other = await merchant(t, {
    options: { merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' } },
  })
  t.match(await other.post('/wechat/orders', {}, await other.login()), {
    status: 500,
    body: { code: 'WECHAT_ACCOUNT_REFUSED' },
  })
  t.ok(other.logs.some(({ msg }) => msg.startsWith('Nobody can order')))
})

t.test('a refusal of one order does not log an error about the server', async (t) => {
  const shop = await merchant(t)
  const headers = await shop.login()
  for (const [fault, expected] of [
    [{ kind: 'return_code_fail', return_msg: 'body参数格式错误' }, { wechatText: /^body参数格式错误: check/ }],
    [{ kind: 'result_code_fail', err_code: 'NOTENOUGH' }, { wechatCode: 'NOTENOUGH' }],
  ] as const) {
    shop.logs.length = 0
    shop.world.fault('unifiedorder', fault)
    const { status, body } = await shop.post('/wechat/orders', {}, headers)
    t.match([status, body], [422, { code: 'WECHAT_REFUSED' }], fault.kind)
    t.match(
      shop.logs.filter(({ level }) => (level as number) > 30),
      [{ level: 40, key: 'cart-1', ...expected, msg: 'WeChat Pay refused this order' }],
      "the log has the order's key and WeChat's text as a warning",
    )
    t.equal((await shop.post('/wechat/orders', {}, headers)).status, 200, 'the next order succeeds')
    await shop.app.wechat.orders.cancel(shop.world.orders().at(-1)!.outTradeNo)
  }
})

t.test('when WeChat does not answer, GET returns what is known', async (t) => {
  const shop = await merchant(t)
  const outTradeNo = await shop.order()
  const headers = await shop.login()
  let asked = 0
  shop.app.wechat.pay.query = async () => {
    asked++
    throw new Error('no network')
  }
  for (let times = 0; times < 20; times++) {
    const response = await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })
    t.match([response.status, await response.json()], [200, { state: 'prepaid', paid: false }])
  }
  t.equal(asked, 1, 'and does not query again right away')
})

t.test('simultaneous GETs share one query', async (t) => {
  const shop = await merchant(t)
  const outTradeNo = await shop.order()
  const headers = await shop.login()
  let asked = 0
  const { query } = shop.app.wechat.pay
  shop.app.wechat.pay.query = async (number) => {
    asked++
    return await query(number)
  }
  const states = await Promise.all(
    Array.from(
      { length: 20 },
      async () =>
        (await (await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })).json()) as { state: string },
    ),
  )
  t.equal(asked, 1)
  t.strictSame(new Set(states.map(({ state }) => state)), new Set(['prepaid']))
  await shop.world.advance('3s')
  await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })
  t.equal(asked, 2)
})

t.test("the payer's address is the one written by the proxy, if it is valid", async (t) => {
  for (const [written, ip] of [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:5678', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:443', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['203.0.113.7, 198.51.100.1', '203.0.113.7'],
    ['999.999.999.999', '127.0.0.1'],
    ['203.0.113.7;198.51.100.1', '127.0.0.1'],
    ['unknown, 203.0.113.7', '203.0.113.7'],
    ['999.999.999.999, unknown, 203.0.113.7, 198.51.100.1', '203.0.113.7'],
    ['unknown', '127.0.0.1'],
  ] as const) {
    const shop = await merchant(t, { app: { trustProxy: true } })
    const { status } = await shop.post('/wechat/orders', {}, { ...(await shop.login()), 'x-forwarded-for': written })
    t.equal(status, 200, written)
    t.match(
      shop.world.journal.find({ api: 'unifiedorder' })[0]?.request.body,
      `<spbill_create_ip><![CDATA[${ip}]]>`,
      written,
    )
  }
})

t.test('the IPv4 address of a client on a dual-stack socket is sent as IPv4', async (t) => {
  const shop = await merchant(t)
  const { authorization } = await shop.login()
  const reply = await shop.app.inject({
    method: 'POST',
    url: '/wechat/orders',
    headers: { authorization, 'x-forwarded-for': '198.51.100.1' },
    remoteAddress: '::ffff:203.0.113.7',
  })
  t.equal(reply.statusCode, 200)
  t.match(
    shop.world.journal.find({ api: 'unifiedorder' })[0]?.request.body,
    '<spbill_create_ip><![CDATA[203.0.113.7]]>',
    'without trustProxy, an address written by the client is ignored',
  )
})

t.test('a client on a UNIX socket has no address and can still order', async (t) => {
  const shop = await merchant(t)
  const { authorization } = await shop.login()
  // The path of a UNIX socket has about a hundred bytes at most.
  const folder = mkdtempSync(join(tmpdir(), 'shop-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const socketPath = join(folder, 'socket')
  const server = createServer((request, response) => {
    shop.app.routing(request, response)
  }).listen(socketPath)
  t.teardown(() => server.close())
  const sent = request({ socketPath, method: 'POST', path: '/wechat/orders', headers: { authorization } }).end()
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  reply.resume()
  t.equal(reply.statusCode, 200)
})
