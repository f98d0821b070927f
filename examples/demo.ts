import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { createMockWechat } from '../mock-server/index.ts'
import type { Delivery } from '../mock-server/index.ts'
import { openDatabase } from './shop/database.ts'
import type { ShopDatabase } from './shop/database.ts'
import { buildShop } from './shop/shop.ts'

// npm run demo [-- --json] [-- --version v2|v3]: the whole flow, once, against the mock. Exits with 1 if anything goes wrong.
const {
  values: { json = false, version = 'v3' },
} = parseArgs({ options: { json: { type: 'boolean' }, version: { type: 'string' } } })
if (version !== 'v2' && version !== 'v3') {
  console.error(`--version is v2 or v3, not ${version}.`)
  process.exit(2)
}
const say = (text: string) => {
  if (!json) console.log(text)
}
const checks: Record<string, boolean> = {}
const check = (name: string, holds: boolean) => {
  checks[name] = holds
  say(`   ${holds ? '✓' : '✗ FAILED:'} ${name}`)
}

const mock = await createMockWechat()
const world = mock.default
const { appid, appSecret } = world.credentials

// The shop's database is down when the first two notifications arrive: what cannot be stored must not be acknowledged.
const server = createServer()
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve)
})
const shopUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const outage = { calls: 0 }
const shop = await buildShop({
  wechat: {
    appid,
    appSecret,
    merchant: world.merchantOptions(version),
    baseUrl: mock.url,
    now: () => world.clock.now(),
  },
  publicUrl: shopUrl,
  database: withOutage(await openDatabase(':memory:')),
  server,
  probe: true,
})

say('1. The mini program calls wx.login and sends the code to the shop')
const { code, openid } = world.loginCode()
const login = await post('/wechat/login', { code })
say(
  `   POST /wechat/login → ${login.status}, a token, ${Object.keys(login.body).includes('session_key') ? 'AND THE SESSION KEY' : 'no session key, no openid'}`,
)
check(
  'login gives a token and nothing else of WeChat',
  login.status === 200 && typeof login.body.token === 'string' && !JSON.stringify(login.body).includes(openid),
)

say('\n2. It orders tea; the shop says what it costs')
const ordered = await post('/wechat/orders', { item: 'tea', totalFee: 1 }, login.body.token)
const { outTradeNo, ...params } = ordered.body
say(`   POST /wechat/orders → ${ordered.status}\n${JSON.stringify(params, null, 2).replace(/^/gm, '   ')}`)
check("the amount is the server's, not the client's", world.order(outTradeNo)?.totalFee === 1250)

say('\n3. wx.requestPayment(…): the mock checks the parameters as the WeChat client does, and the user pays')
const opened = world.requestPayment(params)
check('wx.requestPayment accepts the second signature', opened.outTradeNo === outTradeNo)
outage.calls = 2
const deliveries: Delivery[] = [(await world.pay(outTradeNo)).delivery!]
for (const wait of ['15s', '15s']) deliveries.push(...(await world.advance(wait)).deliveries)

say('\n4. WeChat notifies the shop until it is acknowledged')
for (const { attempt, sentAt, verdict, reason } of deliveries) {
  say(`   ${sentAt.toISOString()}  attempt ${attempt}  ${verdict.padEnd(9)} ${reason}`)
}
check(
  'the first two notifications are answered FAIL, the third is acknowledged',
  deliveries.map(({ verdict }) => verdict === 'acked').join() === 'false,false,true',
)
const rest = await world.advance('24h4m')
check('after that WeChat sends no more', rest.deliveries.length === 0)
await shop.wechat.idle()
check('onPaid ran once', (await probe()).fulfilments === 1)

say('\n5. WeChat delivers the same notification once more')
const [duplicate] = await world.notification(outTradeNo)!.deliver()
say(`   ${duplicate!.verdict}: ${duplicate!.reason}`)
await shop.wechat.idle()
const afterDuplicate = await probe()
check(
  'the duplicate is acknowledged and changes nothing',
  duplicate!.verdict === 'acked' && afterDuplicate.fulfilments === 1,
)

say('\n6. Somebody forges a notification for another order')
const second = await post('/wechat/orders', { item: 'pot' }, login.body.token)
const { 'content-length': _, ...headers } = duplicate!.request.headers
const forged = await fetch(`${shopUrl}/wechat/notify`, {
  method: 'POST',
  headers,
  body: forge(duplicate!.request.body, second.body.outTradeNo),
})
const forgedReply = await forged.text()
say(`   ${forgedReply}`)
check(
  'the forged notification is refused and changes nothing',
  forgedReply.includes('FAIL') && !(await probe(second.body.outTradeNo)).paid,
)

say('\n7. The mini program asks the shop what became of the order')
const seen = (await (
  await fetch(`${shopUrl}/wechat/orders/${outTradeNo}`, { headers: { authorization: `Bearer ${login.body.token}` } })
).json()) as Record<string, unknown>
say(`   GET /wechat/orders/${outTradeNo} → ${JSON.stringify(seen)}`)
check('the order is paid', seen.paid === true && seen.state === 'paid')

await shop.close()
await mock.close()
const ok = Object.values(checks).every(Boolean)
say(ok ? '\nEverything happened as it should.' : '\nSomething did not happen as it should.')
if (json) {
  console.log(
    JSON.stringify({
      ok,
      checks,
      outTradeNo,
      payParams: params,
      deliveries: deliveries.map(({ attempt, sentAt, verdict, reason }) => ({ attempt, sentAt, verdict, reason })),
      duplicate: duplicate!.verdict,
      forgedReply,
      ...afterDuplicate,
    }),
  )
}
process.exitCode = ok ? 0 : 1

async function post(path: string, body: object, token?: string): Promise<{ status: number; body: any }> {
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const response = await fetch(shopUrl + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}

async function probe(number = outTradeNo): Promise<{ paid: boolean; fulfilments: number }> {
  return (await (await fetch(`${shopUrl}/probe?out_trade_no=${number}`)).json()) as {
    paid: boolean
    fulfilments: number
  }
}

/** The same message about another order. In API v3 the order is encrypted: a forger has only another ciphertext. */
function forge(body: string, number: string): string {
  return version === 'v2'
    ? body.replaceAll(outTradeNo, number).replace('<total_fee>1250<', '<total_fee>36800<')
    : body.replace(/"ciphertext":"./, '"ciphertext":"+')
}

/** A database that fails as often as `outage.calls` says. */
function withOutage(database: ShopDatabase): ShopDatabase {
  const { store } = database
  return {
    ...database,
    store: {
      ...store,
      async updateOrder(outTradeNo, decide) {
        if (outage.calls-- > 0) throw new Error('the database is down')
        return await store.updateOrder(outTradeNo, decide)
      },
    },
  }
}
