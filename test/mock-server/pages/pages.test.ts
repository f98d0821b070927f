import t from 'tap'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { writeXml } from '../../../mock-server/wire/xml.ts'
import type { KeyMode } from '../../../mock-server/ledger/merchant.ts'
import { PREPAY_LIFE_MS } from '../../../mock-server/ledger/orders.ts'
import {
  ACK,
  callPay,
  deadUrl,
  deferred,
  orderFields,
  placeOrder,
  placeRefund,
  startMock,
  startShop,
} from '../helpers.ts'
import { order, query } from '../v3.ts'
import { startScene, tellMorning } from './scene.ts'
import { visit } from './visit.ts'

t.test('an empty mock shows what to do next, with the complete command', async (t) => {
  const mock = await startMock(t)
  const order = (version: string) =>
    `wechat-mock order --url ${mock.url} --version ${version} --notify-url http://127.0.0.1:8080/wechat/notify Copy`
  const both = `API v2 \\(XML\\) npx -p fastify-wechat-pay ${order('v2')} .*API v3 \\(JSON\\).* ${order('v3')} `
  const cases: [path: string, told: RegExp][] = [
    ['orders', new RegExp(`No order yet .*${both}The keys that the handler needs`)],
    ['deliveries', new RegExp(`No notification yet .* wechat-mock pay --url ${mock.url}`)],
    ['phone', new RegExp(`No order is waiting for payment .*${both}The keys that the handler needs`)],
    ['setup', new RegExp(`${both}.* wechat-mock pay --url ${mock.url} .* wechat-mock advance --url ${mock.url} 24h4m`)],
    ['users', /No user yet .* wechat-mock login-code/],
    ['faults', /No faults are set .* No gate holds anything/],
    ['clock', /Time stands still until it is advanced\. .* Nothing is due/],
    ['journal', new RegExp(`Nothing was sent or received yet .* WECHAT_BASE_URL=${mock.url}`)],
  ]
  for (const [path, told] of cases) t.match(await visit(mock, path), { status: 200, text: told }, path)
  const other = mock.world({ id: 'w9' })
  for (const path of ['orders', 'deliveries', 'phone', 'users', 'setup']) {
    t.match((await visit(mock, `/__mock/ui/w9/${path}`)).text, / --world w9/, `${path} of another world`)
  }
  t.match((await visit(mock, '/__mock/ui/w9/setup')).text, other.credentials.apiKey)
  other.clock.switchTo('real')
  t.notMatch((await visit(mock, '/__mock/ui/w9/setup')).text, 'wechat-mock advance', 'a real clock is not advanced')
})

t.test('the report card of a shell has a port and the keys of this world', async (t) => {
  const odd = "thirty-two bytes of a key; $(it's)"
  for (const [apiKey, told] of [
    ['k'.repeat(32), 'k'.repeat(32)],
    [odd.slice(-32), `'${odd.slice(-32).replace("'", "'\\''")}'`],
  ] as const) {
    const mock = await startMock(t, { world: { apiKey } })
    const { appid, mchId } = mock.default.credentials
    t.match(
      (await visit(mock, 'card')).text,
      `wechat-mock card run --port 0 --mch-id ${mchId} --appid ${appid} --api-key ${told} --notify-url http://127.0.0.1:8080/wechat/notify`,
    )
  }
})

t.test('the keys of a notify handler are one click away, as .env, in each key mode', async (t) => {
  const modes: [keyMode: KeyMode, variables: string[]][] = [
    ['public-key', ['WECHAT_PUBLIC_KEY_ID', 'WECHAT_PUBLIC_KEY']],
    ['certificate', ['WECHAT_PLATFORM_SERIAL_NO', 'WECHAT_PLATFORM_CERTIFICATE']],
    [
      'changing',
      ['WECHAT_PUBLIC_KEY_ID', 'WECHAT_PUBLIC_KEY', 'WECHAT_PLATFORM_SERIAL_NO', 'WECHAT_PLATFORM_CERTIFICATE'],
    ],
  ]
  for (const [keyMode, variables] of modes) {
    const mock = await startMock(t, { world: { keyMode } })
    const [, link] = /href="([^"]*#env)"/.exec((await visit(mock, 'orders')).html)!
    const { html } = await visit(mock, link!.split('#')[0]!)
    const [, env] = /<h2 id="env">.*?<pre[^>]*>(.*?)<\/pre>/s.exec(html)!
    t.same(env!.match(/^WECHAT_(?:PUBLIC|PLATFORM)\w*/gm), variables, keyMode)
    t.match(env, new RegExp(`^WECHAT_API_V3_KEY=${mock.default.credentials.v3.apiV3Key}$`, 'm'))
    for (const name of ['WECHAT_API_V3_KEY', variables.at(-1)!]) t.match(html, new RegExp(`<p>A v3 .*${name}`))
    t.equal(html.includes(`${mock.url}/v3/certificates`), keyMode !== 'public-key')
  }
})

t.test(
  'Orders: the newest first, each with its state, its amount in yuan and the progress of its notification',
  async (t) => {
    const scene = await startScene(t)
    await tellMorning(scene)
    const { html, text } = await visit(scene.mock, 'orders')
    t.strictSame([...html.matchAll(/<li id="o-(.*?)">/g)].map(([, no]) => no).slice(3), [
      'page-0005',
      'soup-0004',
      'cake-0003',
      'tea-0002',
      'tea-0001',
    ])
    t.match(text, 'Pu-erh cake 357 g, harvest of 2019 tea-0008 Waiting for payment')
    t.match(text, '¥268.00')
    t.match(text, 'cake-0003 Paid, WeChat tries again in 9 min (attempt 6 of 16)')
    t.match(text, 'tea-0002 Refunded, your app has acknowledged')
    t.match(text, 'tea-0007 Closed')
    const marks = (no: string) => new RegExp(`id="o-${no}".*?class="marks"[^>]*>(.*?)</span>`, 's').exec(html)![1]!
    t.equal(marks('tea-0001'), '<i class="a"></i>')
    t.equal(marks('cake-0003'), `${'<i class="x"></i>'.repeat(5)}<i class="n"></i>${'<i></i>'.repeat(10)}`)
    t.match(html, '<span class="fee" title="12800 fen">¥128.00</span>')
  },
)

t.test('Orders are found by words and by filters', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const cases: [search: string, found: string[]][] = [
    ['sesame', ['cake-0003']],
    ['state:unpaid', ['tea-0008', 'tea-0006']],
    ['state:unpaid pot', ['tea-0006']],
    ['state:paid fee:>4000', ['tea-0002', 'tea-0001']],
    ['state:waiting', ['page-0005', 'soup-0004', 'cake-0003']],
    ['state:closed', ['tea-0007']],
    ['state:refund', ['tea-0002']],
    ['fee:1250', ['cake-0003']],
    ['fee:<1000', ['tea-0007']],
    ['fee:cheap', []],
    ['attempt:>4', ['cake-0003']],
    ['verdict:http_status', ['page-0005']],
    [`payer:${scene.world.order('tea-0001').openid.slice(0, 12)}`, ['tea-0001']],
    [scene.world.order('tea-0002').transactionId!, ['tea-0002']],
    ['shelf:3', []],
    ['constructor:x', []],
  ]
  for (const [search, found] of cases) {
    const { html, text } = await visit(scene.mock, `orders?q=${encodeURIComponent(search)}`)
    t.strictSame([...html.matchAll(/<li id="o-(.*?)">/g)].map(([, no]) => no).sort(), [...found].sort(), search)
    t.equal(text.includes('Nothing matches'), found.length === 0)
  }
})

t.test('10,000 orders are paged, and the first byte arrives within 200 ms', async (t) => {
  const { mock, world, shop } = await startScene(t, { maxJournal: 50 })
  const orders = 10_000
  const { orders: list } = world
  await placeOrder(world, shop.notifyUrl)
  const one = world.order('tea-0001')
  // The snapshots of that many orders; creating them takes longer than reading them.
  Object.assign(world, {
    orders: () => [...list(), ...Array.from({ length: orders }, (_, n) => ({ ...one, outTradeNo: `tea-${n + 2}` }))],
  })
  const first = await visit(mock, 'orders')
  t.match(first.text, `1–50 of ${orders + 1}`)
  t.match(first.text, 'Older')
  t.notMatch(first.text, 'Newer')
  t.ok(first.html.length < 60_000, `a page of 50 rows has ${first.html.length} bytes`)
  t.match((await visit(mock, 'orders?page=200')).text, `10001–10001 of ${orders + 1}`)
  for (const page of ['-1', 'x', '1e9', '0.5']) t.equal((await visit(mock, `orders?page=${page}`)).status, 200, page)
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    const start = performance.now()
    const response = await fetch(`${mock.url}/__mock/ui/default/orders`)
    times.push(performance.now() - start)
    await response.text()
  }
  t.ok(Math.min(...times) < 200, `the first byte came after ${Math.round(Math.min(...times))} ms`)
})

t.test('Order: what each side sent, in which order, and what is still to come', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const { mock, world } = scene
  const { text, html } = await visit(mock, 'orders/soup-0004')
  t.match(
    text,
    /What happened 01-15 12:21:00 → unifiedorder SUCCESS 01-15 12:21:00 The user paid ¥19\.90 01-15 12:21:00 ← notify Your answer has text around the XML 01-15 12:21:15 ←/,
  )
  t.match(text, /01-15 12:25:00 Attempt 5 of 16 is due · in 3 min/)
  t.match(text, /output follows <\/xml>: .*; end the response right there Wire Fields Sign Lint curl Request POST http/)
  t.match(html, /<i class="x"><\/i><\/a><i class="n">/)
  t.match((await visit(mock, 'orders/tea-0007')).text, 'The order is closed')
  t.match((await visit(mock, 'orders/tea-0002')).text, /Refund tea-0002-r1 of ¥45\.00: SUCCESS/)
  const [entry] = world.journal.entries()
  t.match((await visit(mock, `orders/tea-0001?e=${entry!.cursor}`)).text, 'POST /pay/unifiedorder')

  const tabs: [path: string, told: RegExp][] = [
    ['orders/tea-0001?tab=fields', /total_fee 12800 .* return_code SUCCESS/],
    ['orders/tea-0001?tab=sign', /The signature is right \(MD5\)\. The text to sign .*&key=<apiKey>/],
    ['orders/tea-0001?tab=lint', /Nothing that production might refuse\./],
    [`orders/tea-0001?e=${entry!.cursor}&tab=lint`, /nonce|openid|local|notify_url/],
    ['orders/tea-0001?tab=curl', /Send the same bytes again curl -i 'http:.*' -H 'content-type: text\/xml'/],
    [
      'orders/tea-0008?tab=sign',
      /The signature is wrong: empty values were signed too .* The text to sign — What your app seems to have signed attach=/,
    ],
    [
      'orders/tea-0008?e=' +
        world.journal.find({ api: 'unifiedorder', outTradeNo: 'tea-0008' })[0]!.cursor +
        '&tab=lint',
      /nonce-repeated/,
    ],
    ['orders/tea-0001?tab=nonsense', /Wire Fields/],
  ]
  for (const [path, told] of tabs) t.match((await visit(mock, path)).text, told, path)
})

t.test('Sign: the first field that differs', async (t) => {
  const { mock, world } = await startScene(t)
  const { appid, mchId, apiKey } = world.credentials
  const fields: [string, string][] = [
    ['appid', appid],
    ['mch_id', mchId],
    ['out_trade_no', 'tea-0009'],
    ['nonce_str', 'abc'],
  ]
  const left = signV2(
    fields.filter(([name]) => name !== 'nonce_str'),
    apiKey,
    'MD5',
  )
  await fetch(`${mock.url}/pay/orderquery`, { method: 'POST', body: writeXml([...fields, ['sign', left]]) })
  const { html, text } = await visit(mock, 'journal/1?tab=sign')
  t.match(text, /The signature is wrong: nonce_str was not signed, but sent The first difference is at nonce_str/)
  t.match(text, 'nonce_str=abc')
  t.match(html, /<mark>nonce_str=abc<\/mark>/)
  await fetch(`${mock.url}/pay/orderquery`, { method: 'POST', body: writeXml([...fields, ['sign', 'A'.repeat(32)]]) })
  t.match((await visit(mock, 'journal/2?tab=sign')).text, 'The signature is wrong: It matches no common mistake')
  await fetch(`${mock.url}/sns/jscode2session?appid=${appid}&secret=x&js_code=y&grant_type=authorization_code`)
  t.match((await visit(mock, 'journal/3?tab=sign')).text, 'This message has no signature.')
})

t.test('Order: a call made during a notification is shown inside it, and an applied fault has a flag', async (t) => {
  const { mock, world } = await startScene(t)
  const asking = await startShop(t, async () => {
    await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
    return ACK
  })
  await placeOrder(world, asking.notifyUrl)
  world.fault('notify', { kind: 'reset', when: 'after' }, { name: 'lost' })
  await world.pay('tea-0001')
  const { html, text } = await visit(mock, 'orders/tea-0001')
  t.match(text, /The user paid ¥12\.50 .* ← notify The connection broke ⚑ Fault lost struck .* → orderquery SUCCESS/)
  t.match(html, /<li class="good in">/)
})

t.test('an order of another merchant of the world has its own page', async (t) => {
  const { mock, world, shop } = await startScene(t)
  world.setMerchant('1900000001', { apiKey: 'k'.repeat(32) })
  await placeOrder(world, shop.notifyUrl)
  const other = {
    credentials: { ...world.credentials, mchId: '1900000001', apiKey: 'k'.repeat(32) },
    baseUrl: world.baseUrl,
  }
  await callPay(other as never, 'unifiedorder', orderFields(shop.notifyUrl, { body: 'of the other merchant' }))
  const { html } = await visit(mock, 'orders')
  t.match(html, '/__mock/ui/default/orders/tea-0001?mchId=1900000001')
  t.match((await visit(mock, 'orders/tea-0001?mchId=1900000001')).text, 'of the other merchant')
  t.notMatch((await visit(mock, 'orders/tea-0001')).text, 'of the other merchant')
})

t.test('an order shows what its notification is waiting for', async (t) => {
  const { mock, world, shop } = await startScene(t, { schedule: [15] })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'cake-1' })
  await world.pay('cake-1', { deliver: 'hold' })
  t.match((await visit(mock, 'orders/cake-1')).text, /⊘ Paid, the notification is held/)
  t.match((await visit(mock, 'orders')).html, /<i class="h"><\/i><i><\/i>/)
  await world.notification('cake-1').release()
  await world.advance('1h')
  t.match((await visit(mock, 'orders/cake-1')).text, /✕ Paid, WeChat has given up after 2 attempts/)
  for (const state of ['USERPAYING', 'PAYERROR', 'REVOKED', 'ACCEPT'] as const) {
    await placeOrder(world, shop.notifyUrl, { out_trade_no: state })
    world.forceState(state, state)
  }
  const { text } = await visit(mock, 'orders')
  for (const told of ['The user is paying', 'The payment failed', 'Revoked', 'Accepted, waiting']) t.match(text, told)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'cake-2' })
  await world.pay('cake-2')
  world.notification('cake-2').cancel()
  t.match((await visit(mock, 'orders/cake-2')).text, /the notification is cancelled/)
  world.reset('journal')
  t.match((await visit(mock, 'orders/cake-1')).text, /The journal no longer holds calls about this order/)
})

t.test('a notification in progress is a half-filled mark', async (t) => {
  const { mock, world } = await startScene(t)
  const held = deferred<string>()
  const slow = await startShop(t, () => held.promise)
  await placeOrder(world, slow.notifyUrl)
  const paid = world.pay('tea-0001')
  const { html, text } = await visit(mock, 'orders')
  t.match(text, 'Paid, WeChat is notifying your app (attempt 1 of 16)')
  t.match(html, '<i class="u"></i>')
  t.match((await visit(mock, 'clock')).text, /Under way notify tea-0001 attempt 1 /)
  held.resolve(ACK)
  await paid
})

t.test('Deliveries: which answers WeChat did not accept, and what was wrong with the bytes', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const { mock, world } = scene
  const { text } = await visit(mock, 'deliveries')
  t.match(text, 'Payment soup-0004 Your answer has text around the XML: output follows')
  t.match(text, 'Payment tea-0001 your app has acknowledged')
  t.match(text, 'Refund refund:tea-0002-r1')
  const one = await visit(mock, 'notifications/cake-0003')
  t.match(
    one.text,
    /WeChat tries again in 9 min \(attempt 6 of 16\) .* attempt 5 Your app refused it the merchant refused/,
  )
  const delivery = world.deliveries().find(({ outTradeNo }) => outTradeNo === 'cake-0003')!
  const page = await visit(mock, `deliveries/${delivery.id}`)
  t.match(page.text, /cake-0003 · attempt 1 .* Copy the bytes POST \/notify HTTP\/1\.1/)
  world.reset('journal')
  t.match(
    (await visit(mock, `deliveries/${delivery.id}`)).text,
    'Your app refused it the merchant refused the notification',
  )
  const refund = world.deliveries().find(({ kind }) => kind === 'refund')!
  t.match((await visit(mock, `deliveries/${refund.id}?tab=fields`)).text, 'req_info')
  t.match((await visit(mock, `deliveries/${refund.id}?tab=sign`)).text, 'This message has no signature')
})

t.test('an unanswered notification has no answer to show', async (t) => {
  const { mock, world } = await startScene(t)
  await placeOrder(world, await deadUrl())
  await world.pay('tea-0001')
  t.match((await visit(mock, 'deliveries/d1')).text, 'No complete answer arrived.')
  world.reset('journal')
  t.match((await visit(mock, 'deliveries/d1?tab=fields')).text, /Nothing listens at notify_url .* It has no fields\./)
})

t.test('Wire: odd characters are shown, JSON is coloured, and long bodies are folded', async (t) => {
  const { mock, world } = await startScene(t)
  const answers: (string | Buffer)[] = [
    `\uFEFF${ACK}`,
    '{"code":"SUCCESS","n":1}',
    Array.from({ length: 60 }, (_, n) => `<br> ${n}`).join('\n'),
    'a\u0007b',
    Buffer.from([0x3c, 0xff]),
  ]
  const odd = await startShop(t, (_told, response, n) => {
    response.end(answers[n - 1])
    return undefined
  })
  await placeOrder(world, odd.notifyUrl)
  await world.pay('tea-0001')
  await world.advance('1h')
  t.match((await visit(mock, 'deliveries/d1')).html, '<mark>U+FEFF</mark>')
  t.match((await visit(mock, 'deliveries/d2')).html, '<span class="s">&#34;SUCCESS&#34;</span>')
  t.match((await visit(mock, 'deliveries/d3')).text, '20 more lines')
  t.match((await visit(mock, 'deliveries/d4')).text, 'a\\u0007b')
  t.match((await visit(mock, 'deliveries/d5')).text, 'Answer (hex) 3c ff')
})

t.test('Phone: what the payer sees, what they did, and what WeChat checks', async (t) => {
  const { mock, world, shop } = await startScene(t)
  const prepayId = await placeOrder(world, shop.notifyUrl)
  t.match(await visit(mock, 'phone'), { text: /Choose an order to pay .* 龙井茶 & 点心 tea-0001/ })
  const open = await visit(mock, `phone/${prepayId}`)
  t.match(open.text, /¥12\.50 Description 龙井茶 & 点心 .* Pay ¥12\.50 Cancel .* ✓ It is younger than two hours/)
  t.match(open.html, /<svg class="qr".*<path d="M/)
  t.notMatch(open.html, '<nav')
  t.match(
    (await visit(mock, `phone/${prepayId}?result=cancel`)).text,
    /The payer cancelled .* requestPayment:fail cancel/,
  )
  await world.advance(PREPAY_LIFE_MS)
  t.match((await visit(mock, `phone/${prepayId}`)).text, '✕ It is younger than two hours')
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  const paid = await visit(mock, `phone/${world.order('tea-0001').prepayId}`)
  t.match(
    paid.text,
    /Payment successful ¥12\.50 The mini program gets requestPayment:ok .* ✕ The order is not paid yet/,
  )
  t.match(await visit(mock, 'phone/wx00'), {
    status: 404,
    text: /No order has the prepay_id wx00\. .* after a restart, earlier orders/,
  })
})

t.test('Users: who can log in', async (t) => {
  const { mock, world } = await startScene(t)
  world.setUser('o-lee', { nickName: '李明' })
  t.match((await visit(mock, 'users')).text, /o-lee 李明 .* Login code New session_key/)
  t.notMatch((await visit(mock, 'users')).text, world.credentials.appid)
  world.setApp('wxother')
  t.match((await visit(mock, 'users')).text, new RegExp(`appid ${world.credentials.appid} wxother`))
})

t.test('Faults and gates with their counts', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const { mock, world, shop } = scene
  world.fault('orderquery', { kind: 'http', status: 502 }, { every: 2, outTradeNo: 'tea-0001' })
  const { text } = await visit(mock, 'faults')
  t.match(text, /unifiedorder-1 unifiedorder result_code_fail err_code=SYSTEMERROR 0 0 \/ 3 Remove/)
  t.match(text, /orderquery http status=502 tea-0001 0 0 \/ ∞ Remove/)
  t.match(text, /unifiedorder\.response-1 unifiedorder\.response delivery\.completed waiting/)
  world.gates()[0]!.remove()
  await callPay(world, 'unifiedorder', orderFields(shop.notifyUrl, { out_trade_no: 'tea-0010' }))
  t.match((await visit(mock, 'faults')).text, /result_code_fail err_code=SYSTEMERROR 1 1 \/ 3 Remove/)
  world.gate('orderquery.request')
  const asked = callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  await world.gates().at(-1)!.reached
  t.match((await visit(mock, 'faults')).text, /orderquery\.request it is released holding 1 tea-0001/)
  world.gates().at(-1)!.release()
  await asked
})

t.test('Clock: what is due, on either clock', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const { text } = await visit(scene.mock, 'clock')
  t.match(text, /What is due 3 01-15 12:25:00 in 3 min notify soup-0004 attempt 5 /)
  t.match(text, 'To next retry (in 3 min)')
  scene.world.clock.switchTo('real')
  t.match((await visit(scene.mock, 'clock')).text, /GMT\+8 real time .* retries are sent when due/)
})

t.test('Journal: what was sent and received', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const { mock } = scene
  t.match(
    (await visit(mock, 'journal')).text,
    /orderquery tea-0008 签名错误: .* notify page-0005 The HTTP status is not 200/,
  )
  t.notMatch((await visit(mock, 'journal?dir=in')).text, 'page-0005 The HTTP')
  t.notMatch((await visit(mock, 'journal?dir=out')).text, 'unifiedorder')
  t.match((await visit(mock, 'journal/1')).text, /unifiedorder tea-0001 .* POST \/pay\/unifiedorder/)
  await fetch(`${mock.url}/pay/nothing`)
  const last = scene.world.journal.cursor()
  t.match((await visit(mock, `journal/${last}?tab=curl`)).text, `curl -i '${mock.url}/pay/nothing'`)
  await fetch(`${mock.url}/pay/nothing`, { method: 'DELETE' })
  t.match((await visit(mock, `journal/${last + 1}?tab=curl`)).text, "curl -i -X DELETE 'http")
})

t.test('Setup: everything to paste into an app, and the other worlds', async (t) => {
  const mock = await startMock(t)
  mock.world({ id: 'second', clock: 'real' })
  const { text } = await visit(mock, 'setup')
  const { appid, apiKey, v3 } = mock.default.credentials
  for (const told of [
    `WECHAT_BASE_URL=${mock.url}`,
    `WECHAT_APPID=${appid}`,
    `WECHAT_API_KEY=${apiKey}`,
    `WECHAT_API_V3_KEY=${v3.apiV3Key}`,
    `WECHAT_MOCK_URL=${mock.url}`,
    `wechat-mock advance --url ${mock.url} 24h4m`,
    'second',
  ]) {
    t.match(text, told)
  }
  t.match((await visit(mock, 'orders')).html, /<summary>World default<\/summary>.*\/__mock\/ui\/second\/orders/s)
})

t.test('a missing item is reported, with the reason', async (t) => {
  const mock = await startMock(t)
  for (const [path, told] of [
    ['orders/tea-1', 'no order tea-1'],
    ['deliveries/d7', 'no delivery d7'],
    ['notifications/tea-1', 'no notification tea-1'],
    ['journal/7', 'no longer holds entry 7'],
    ['nonsense', 'Nothing here'],
    ['nonsense/1', 'Nothing here'],
    ['orders/1/2', 'Nothing here'],
    ['orders/%E0%A4%A', 'no order'],
  ] as const) {
    t.match(await visit(mock, path), { status: 404, text: told }, path)
  }
  for (const path of [
    '/__mock/',
    '/__mock/ui',
    '/__mock/ui/',
    '/__mock/ui/default',
    '/__mock/ui/default/',
    '/__mock/ui/w7/orders',
    '/__mock/ui/../../../etc',
    '/__mock/ui/%2e%2e/..//evil.test?lang=zh',
  ]) {
    let { status, location } = await visit(mock, path)
    t.match(String(status), /^30[23]$/, path)
    if (location === '/__mock/ui/') location = (await visit(mock, location)).location
    t.equal(location, '/__mock/ui/default/orders', path)
  }
})

t.test('refunds of an order can be settled on its page', async (t) => {
  const { mock, world, shop } = await startScene(t)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await placeRefund(world)
  t.match((await visit(mock, 'orders/tea-0001')).text, 'Refund succeeds tea-0001-r1')
  await world.settleRefund('tea-0001-r1', 'REFUNDCLOSE')
  t.match((await visit(mock, 'orders/tea-0001')).text, 'Refund tea-0001-r1 of ¥12.50: REFUNDCLOSE')
})

t.test('an order that anybody may pay, a held notification, and exchanges without an order', async (t) => {
  const { mock, world, shop } = await startScene(t, { schedule: { gaps: 'current', immediate: false } })
  await placeOrder(world, shop.notifyUrl, { trade_type: 'NATIVE', openid: undefined, product_id: 'tea' })
  t.match((await visit(mock, 'orders/tea-0001')).text, 'Payer anybody')
  await world.pay('tea-0001', { deliver: 'hold' })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002', { deliver: 'hold' })
  t.match((await visit(mock, 'deliveries')).text, 'Payment tea-0001 the notification is held')
  t.match((await visit(mock, 'notifications/tea-0001')).text, 'Deliver again Deliver ×20 at once Release')
  await world.notification('tea-0001').release()
  t.match((await visit(mock, 'notifications/tea-0001')).text, 'WeChat tries again in 15 s (attempt 1 of 15)')
  await world.advance('15s')
  t.match((await visit(mock, 'notifications/tea-0001')).text, /attempt 1 Taken/)
  const gate = world.gate('jscode2session.request')
  const asked = fetch(`${mock.url}/sns/jscode2session?appid=${world.credentials.appid}`)
  await gate.reached
  t.match((await visit(mock, 'faults')).text, 'it is released holding 1')
  gate.release()
  await asked
  const request = { method: 'POST', url: '/pay/unifiedorder', headers: {}, body: '' }
  const at = world.clock.now()
  world.journal.record({ at, direction: 'in', api: 'unifiedorder', outTradeNo: 'tea-0001', request })
  t.match((await visit(mock, 'orders/tea-0001')).text, 'No complete answer arrived.')
  world.journal.record({ at, direction: 'in', api: 'unknown', request: { ...request, url: '//' } })
  t.match((await visit(mock, `journal/${world.journal.cursor()}?tab=fields`)).text, 'It has no fields.')
  t.match((await visit(mock, 'journal/9999')).status, 404)
  world.advance('1500ms')
  t.match((await visit(mock, 'clock')).status, 200)
})

t.test('orders of API v3 have the same pages', async (t) => {
  const { mock, world } = await startScene(t)
  const shop = await startShop(t, (_told, response, n) => {
    response.writeHead(n === 1 ? 500 : 204).end()
    return undefined
  })
  await order(world, shop.notifyUrl)
  await query(world)
  await world.pay('tea-0001')
  t.match((await visit(mock, 'orders')).text, /Paid, WeChat tries again in 15 s \(attempt 2 of 16\)/)
  const [ordered, , told] = world.journal.entries().map(({ cursor }) => `orders/tea-0001?e=${cursor}`)
  const cases: [path: string, told: RegExp][] = [
    [ordered!, /The HTTP status is not 200|POST \/v3\/pay\/transactions\/jsapi/],
    [
      `${ordered}&tab=sign`,
      /The signature is right \(WECHATPAY2-SHA256-RSA2048\)\. The text to sign POST \/v3\/pay\/transactions\/jsapi \d{10} /,
    ],
    [`${told}&tab=sign`, /The signature is right .* The text to sign \d{10} \S+ {/],
    [`${ordered}&tab=fields`, /out_trade_no tea-0001/],
  ]
  for (const [path, told] of cases) t.match((await visit(mock, path)).text, told, path)
  await world.advance({ next: 1 })
  t.match((await visit(mock, 'orders')).text, 'Paid, your app has acknowledged')
})
