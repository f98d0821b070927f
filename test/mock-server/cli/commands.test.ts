import { createVerify } from 'node:crypto'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import type { SubCredentials } from '../../../mock-server/ledger/merchant.ts'
import type { World } from '../../../mock-server/index.ts'
import { signV2, type SignType } from '../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { ACK, deadUrl, deferred, placeOrder, REFUSAL, startMock, startShop, type Answer } from '../helpers.ts'
import { unseal } from '../v3.ts'
import { command } from './run.ts'

/** A mock with an order, and `wechat-mock` for it. */
async function setup(t: Test, answer?: Answer) {
  const mock = await startMock(t)
  const shop = await startShop(t, answer)
  await placeOrder(mock.default, shop.notifyUrl)
  const wechatMock = (...args: string[]) => command(...args, '--url', mock.url)
  const json = async (...args: string[]) => JSON.parse((await wechatMock(...args, '--json')).out)
  return { mock, world: mock.default, shop, wechatMock, json }
}

t.test('login-code: prints only the code, for $(…)', async (t) => {
  const { world, wechatMock, json } = await setup(t)
  const { code, out } = await wechatMock('login-code')
  t.equal(code, 0)
  t.match(out, /^0\w{31}\n$/)
  t.match(await json('login-code', '--openid', 'o-alice', '--unionid', 'u-alice', '--ttl', '60', '--uses', '2'), {
    code: /^0\w{31}$/,
    openid: 'o-alice',
    unionid: 'u-alice',
    expiresAt: new Date(world.clock.now().getTime() + 60_000).toISOString(),
  })
})

t.test('rotate: a key of API v3, of the first merchant or another one', async (t) => {
  const { world, wechatMock, json } = await setup(t)
  const { mchId } = world.credentials
  const before = world.credentials.v3
  for (const [what, now] of [
    ['merchant-certificate', () => world.credentials.v3.serialNo],
    ['platform-certificate', () => world.credentials.v3.platformSerialNo],
    ['public-key', () => world.credentials.v3.publicKeyId],
  ] as const) {
    const { code, out } = await wechatMock('rotate', what)
    t.same([code, out], [0, `${what} of ${mchId} is ${now()} now\n`])
  }
  t.not(world.credentials.v3.serialNo, before.serialNo)
  world.setMerchant('10000100')
  t.match(await json('rotate', 'public-key', '--keep-old', '--mch-id', '10000100'), {
    publicKeyId: /^PUB_KEY_ID_010010000100/,
  })
  t.match(await wechatMock('rotate', 'api-key'), {
    code: 1,
    err: /merchant-certificate, platform-certificate, public-key/,
  })
})

t.test('pay: a given order, or the newest unpaid one', async (t) => {
  const { world, shop, wechatMock, json } = await setup(t)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  const { code, out } = await wechatMock('pay', 'tea-0001')
  t.equal(code, 0)
  t.match(out, /^order tea-0001 is paid \(4200\d+\)\n2026-01-15T04:00:00\.000Z tea-0001 attempt 0: acked \(.+\)\n$/)
  t.match(await json('pay', '--coupon', '10,20', '--coupon', '5', '--openid', 'o-bob', '--bank-type', 'CFT'), {
    order: {
      outTradeNo: 'tea-0002',
      openid: 'o-bob',
      bankType: 'CFT',
      coupons: [{ fee: 10 }, { fee: 20 }, { fee: 5 }],
    },
    delivery: { verdict: 'acked' },
  })
  t.match(await wechatMock('pay'), {
    code: 1,
    out: '',
    err: 'none of 2 orders is unpaid; place one through your app first, or with: wechat-mock order --notify-url URL\n',
  })
  t.match(await wechatMock('pay', 'tea-0001'), { code: 1, out: '', err: /^ORDER_NOT_PAYABLE: .*SUCCESS/ })

  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0003', nonce_str: 'n3' })
  t.match(await wechatMock('pay', '--deliver', 'hold'), { code: 0, out: /^order tea-0003 is paid \(4200\d+\)\n$/ })
})

t.test('pay: the newest order of all merchants, or of one', async (t) => {
  const { world, shop, json } = await setup(t)
  const [first, second] = [world.credentials.mchId, '1900000109']
  world.setMerchant(second)
  const credentials = { ...world.credentials, ...world.setMerchant(second) }
  const place = (merchant: Pick<World, 'credentials'>, number: string) =>
    placeOrder({ ...world, ...merchant }, shop.notifyUrl, { out_trade_no: number, nonce_str: `n-${number}` })
  await place({ credentials }, 'tea-0001')
  await place({ credentials }, 'tea-0002')
  await place({ credentials }, 'tea-0003')
  await world.advance('1m')
  await place(world, 'tea-0004')
  const paid = async (...args: string[]) => {
    const {
      order: { outTradeNo, mchId },
    } = await json('pay', ...args)
    return [outTradeNo, mchId]
  }
  t.same(await paid(), ['tea-0004', first])
  t.same(await paid('tea-0001', '--mch-id', second), ['tea-0001', second])
  t.same(await paid('--mch-id', first), ['tea-0001', first])
  t.same(await paid(), ['tea-0003', second], 'of two equally new ones, the later one')
  t.match(await json('login-code', '--appid', world.setApp('wx0123456789abcdef').appid), { code: /^0/ })
  t.equal(world.users().filter(({ appid }) => appid === 'wx0123456789abcdef').length, 1)
})

t.test('deliver: once, several times, or all at once', async (t) => {
  const { world, shop, wechatMock, json } = await setup(t)
  await world.pay('tea-0001')
  t.match(await wechatMock('deliver', 'tea-0001'), { code: 0, out: /^\S+ tea-0001 attempt 0: acked \(.+\)\n$/ })
  t.match(await json('deliver', 'tea-0001', '--count', '3', '--concurrent', '--delay', '1ms'), {
    deliveries: { length: 3 },
    overlap: {},
  })
  t.equal(shop.received.length, 5)
  t.match(await wechatMock('deliver', 'tea-9'), { code: 1, err: /^UNKNOWN_NOTIFICATION: / })
})

t.test('advance: every send that falls due', async (t) => {
  const { world, wechatMock, json } = await setup(t, (_notified, _response, count) => (count < 3 ? REFUSAL : undefined))
  await world.pay('tea-0001', { deliver: 'hold' })
  await world.notification('tea-0001').release()
  t.equal(
    (await wechatMock('advance', '15s')).out,
    '2026-01-15T04:00:15.000Z tea-0001 attempt 1: fail_xml (the merchant refused the notification: "not now")\nit is 2026-01-15T04:00:15.000Z; 1 sent, 1 still due\n',
  )
  t.match(await json('advance', '1000ms'), { to: '2026-01-15T04:00:16.000Z', deliveries: [] })
  t.match(await wechatMock('advance', '1m', '--timeout', '50ms'), { code: 1, err: /^CLOCK_TIMEOUT: .*50 real ms/ })
  t.match(await wechatMock('advance', '1000'), { code: 1, err: /It needs a unit: 1000s, 1000m or 1000ms\./ })
  t.match(await wechatMock('advance', 'soon'), { code: 1, err: /^BAD_INPUT: by: / })
})

t.test('advance: over the next events, or to a time', async (t) => {
  const { world, wechatMock, json } = await setup(t, () => REFUSAL)
  await world.pay('tea-0001')
  t.match(await wechatMock('advance', '--next', '2'), {
    code: 0,
    out: /attempt 1: .*\n.*attempt 2: .*\nit is 2026-01-15T04:00:30\.000Z; 2 sent, 1 still due\n$/,
  })
  t.match(await json('advance', '--to', '2026-01-15T12:01:00+08:00'), {
    to: '2026-01-15T04:01:00.000Z',
    deliveries: [{ attempt: 3 }],
  })
  t.match(await json('advance', '--to', String(Date.UTC(2026, 0, 15, 4, 2))), {
    to: '2026-01-15T04:02:00.000Z',
    deliveries: [],
  })
  t.match(await wechatMock('advance', '--to', '2026-01-15T00:00:00Z'), {
    code: 1,
    err: /^BAD_INPUT: to: must not be past/,
  })
})

t.test('wait: until the mock is ready', async (t) => {
  const { wechatMock, json } = await setup(t)
  t.match(await wechatMock('wait'), { code: 0, out: 'ready\n' })
  t.match(await json('wait', '--ready'), { status: 'ready', worlds: 1 })
  t.match(await command('wait', '--timeout', '60ms', '--url', await deadUrl()), {
    code: 1,
    err: /^nothing listens at /,
  })

  const late = deferred<void>()
  const url = new URL(await deadUrl())
  const waiting = command('wait', '--url', url.origin).finally(late.resolve)
  const server = createServer((_request, response) => {
    response.end('{}')
  })
  server.listen(Number(url.port), '127.0.0.1')
  t.teardown(() => server.close())
  t.match(await waiting, { code: 0 }, 'the mock may be started later')
})

t.test('wait: until something has been sent or received', async (t) => {
  const { world, wechatMock, json } = await setup(t)
  const coming = wechatMock('wait', '--api', 'notify', '--order', 'tea-0001', '--verdict', 'acked')
  await world.pay('tea-0001')
  t.match(await coming, { code: 0, out: /^2 2026-01-15T04:00:00\.000Z notify tea-0001: acked: .+\n$/ })
  t.match(await json('wait', '--note', '^SUCC', '--count', '1', '--since', '0'), {
    matched: true,
    entries: [{ api: 'unifiedorder' }],
    cursor: 1,
  })
  t.match(await wechatMock('wait', '--api', 'refund', '--count', '2', '--timeout', '1ms'), {
    code: 1,
    out: '',
    err: '0 of 2 arrived within 1 ms: {"api":"refund"}\n',
  })
  await fetch(`${world.baseUrl}/sns/jscode2session`)
  t.match(await wechatMock('wait', '--api', 'jscode2session'), { code: 0, out: /jscode2session : 41/ })
})

t.test('another world, and an unknown one', async (t) => {
  const { mock, wechatMock } = await setup(t)
  mock.world({ id: 'other' })
  t.match(await wechatMock('pay', '--world', 'other'), { code: 1, err: /^none of 0 orders/ })
  t.match(await wechatMock('login-code', '--world', 'none'), { code: 1, err: /^UNKNOWN_WORLD: / })
})

t.test('an advance of the real clock is refused', async (t) => {
  const mock = await startMock(t, { world: { clock: 'real' } })
  t.match(await command('advance', '24h4m', '--url', mock.url), {
    code: 1,
    out: '',
    err: /^CLOCK_REAL: .*--clock virtual/,
  })
})

t.test('order: three commands test a notify handler over 24 hours, without an app', async (t) => {
  const { mock, world, shop, wechatMock, json } = await setup(t, (_told, _response, count) =>
    count > 15 ? ACK : REFUSAL,
  )
  await world.pay('tea-0001', { deliver: 'hold' })
  const placed = await wechatMock('order', '--notify-url', shop.notifyUrl, '--out-trade-no', 'shell-0001')
  t.match(placed, {
    code: 0,
    out: new RegExp(
      `^order shell-0001 of 1250 fen was placed with API v2 \\(wx\\w+\\); the user pays it with: wechat-mock pay shell-0001 --url ${mock.url}\n.* --version v3.*\n  apiKey ${world.credentials.apiKey}\n  signType MD5\n$`,
    ),
  })
  t.match(await wechatMock('pay'), { code: 0, out: /shell-0001 attempt 0: fail_xml/ })
  t.match(await wechatMock('advance', '24h4m'), { code: 0, out: /attempt 15: acked .*\n.*15 sent, 0 still due/ })
  const flags = ['--fee', '99', '--body', '茶', '--openid', 'o-lee', '--out-trade-no', 'shell-0002']
  t.match(await json('order', '--notify-url', shop.notifyUrl, ...flags), {
    outTradeNo: 'shell-0002',
    openid: 'o-lee',
    totalFee: 99,
    prepayId: /^wx/,
  })
  t.match(world.order('shell-0002'), { totalFee: 99, body: '茶', openid: 'o-lee', notifyUrl: shop.notifyUrl })
  t.match(await json('order', '--notify-url', shop.notifyUrl), { outTradeNo: /^order-[0-9a-f]{12}$/ })
  await world.pay('shell-0002')
  t.match(await wechatMock('order', '--notify-url', shop.notifyUrl, '--out-trade-no', 'shell-0002'), {
    code: 1,
    err: /^WeChat refused the order: \w+ /,
  })
  t.match(await wechatMock('order', '--notify-url', shop.notifyUrl, '--out-trade-no', 'x y'), {
    code: 1,
    err: /^WeChat refused the order: .+/,
  })
  t.match(await wechatMock('order'), { code: 1, err: /required option '--notify-url <url>'/ })
  t.match(await wechatMock('order', '--notify-url', 'shop'), { code: 1, err: /It must be a URL/ })
  t.ok(mock)
})

t.test('order --version v3: what it prints verifies and decrypts the notification', async (t) => {
  for (const [keyMode, names] of [
    ['public-key', ['apiV3Key', 'publicKeyId', 'publicKey']],
    ['certificate', ['apiV3Key', 'platformSerialNo', 'platformCertificate']],
    ['changing', ['apiV3Key', 'publicKeyId', 'publicKey', 'platformSerialNo', 'platformCertificate']],
  ] as const) {
    for (const signTime of ['real', 'world'] as const) {
      const mock = await startMock(t, { world: { keyMode, signTime } })
      const shop = await startShop(t, (_told, response) => {
        response.statusCode = 204
        return ''
      })
      const flags = ['order', '--version', 'v3', '--notify-url', shop.notifyUrl, '--url', mock.url]
      const { verify, prepayId } = JSON.parse((await command(...flags, '--out-trade-no', 'shell-0003', '--json')).out)
      t.match(prepayId, /^wx/)
      t.same(Object.keys(verify), names)
      t.match(await command('pay', '--url', mock.url), { code: 0, out: /shell-0003 attempt 0: acked/ })
      const { headers, body } = shop.received[0]!
      const serial = headers['wechatpay-serial']
      const key = serial === verify.publicKeyId ? verify.publicKey : verify.platformCertificate
      t.ok([verify.publicKeyId, verify.platformSerialNo].includes(serial))
      const signed = `${headers['wechatpay-timestamp']}\n${headers['wechatpay-nonce']}\n${body}\n`
      const signature = String(headers['wechatpay-signature'])
      t.ok(createVerify('RSA-SHA256').update(signed).verify(key, signature, 'base64'), `${keyMode}, ${signTime}`)
      t.match(JSON.parse(unseal(JSON.parse(body).resource, verify.apiV3Key)), {
        out_trade_no: 'shell-0003',
        trade_state: 'SUCCESS',
      })
    }
  }
  const { mock, shop } = await setup(t)
  const order = ['order', '--version', 'v3', '--notify-url', shop.notifyUrl, '--url', mock.url]
  t.match(
    (await command(...order)).out,
    /API v3[^]* {2}apiV3Key \w{32}\n {2}publicKeyId PUB_KEY_ID_\d+\n {2}publicKey:\n-----BEGIN/,
  )
  t.match(await command(...order, '--out-trade-no', 'x y'), {
    code: 1,
    err: /^WeChat refused the order: PARAM_ERROR .+/,
  })
  t.match(await command(...order, '--version', 'v4'), { code: 1, err: /choices are v2, v3/i })
})

t.test('order: a merchant that may sign with HMAC-SHA256 only; another one chooses', async (t) => {
  const cases: [bound: SignType | 'any', flags: string[], signType: SignType][] = [
    ['any', [], 'MD5'],
    ['any', ['--sign-type', 'HMAC-SHA256'], 'HMAC-SHA256'],
    ['HMAC-SHA256', [], 'HMAC-SHA256'],
    ['MD5', [], 'MD5'],
  ]
  const { world, shop, wechatMock, json } = await setup(t)
  const { mchId, apiKey } = world.credentials
  for (const [n, [bound, flags, signType]] of cases.entries()) {
    world.setMerchant(mchId, { signType: bound })
    const no = `shell-100${n}`
    const { verify } = await json('order', '--notify-url', shop.notifyUrl, '--out-trade-no', no, ...flags)
    t.same(verify, { apiKey, signType })
    t.match(await wechatMock('pay', no), { code: 0, out: /attempt 0: acked/ })
    const fields = readXml(shop.received.at(-1)!.body)
    t.equal(fields.get('sign'), signV2(fields, apiKey, signType), `${bound} ${flags.join(' ')}`)
  }
  t.match(await wechatMock('order', '--notify-url', shop.notifyUrl, '--sign-type', 'HMAC-SHA256'), {
    code: 1,
    err: /^WeChat refused the order: /,
  })
  t.match(await wechatMock('order', '--notify-url', shop.notifyUrl, '--sign-type', 'SHA1'), { code: 1, err: /MD5/ })
})

t.test("order: a service provider's, in both versions, by a user of either app", async (t) => {
  const mock = await startMock(t, { world: { subMerchants: 2, id: 'provider' } })
  const { default: world } = mock
  const shop = await startShop(t)
  const [first, second] = world.credentials.subMerchants as [SubCredentials, SubCredentials]
  const bare = '1900009999'
  world.setMerchant(world.credentials.mchId, {
    actsFor: [...[first, second].map(({ mchId, appid }) => ({ mchId, appids: [appid] })), { mchId: bare, appids: [] }],
  })
  const ofFirst = { subMchId: first.mchId, subAppid: first.appid }
  const cases: [flags: string[], order: object][] = [
    [[], { ...ofFirst, openid: '', subOpenid: /^o/ }],
    [['--sub-mch-id', second.mchId], { subMchId: second.mchId, subAppid: second.appid, openid: '', subOpenid: /^o/ }],
    [['--openid', 'o-lee'], { subMchId: first.mchId, subAppid: '', openid: 'o-lee', subOpenid: '' }],
    [['--sub-openid', 'o-ming'], { ...ofFirst, openid: '', subOpenid: 'o-ming' }],
    [['--sub-appid', first.appid, '--openid', 'o-lee'], { ...ofFirst, openid: 'o-lee', subOpenid: '' }],
    [['--sub-mch-id', bare], { subMchId: bare, subAppid: '', openid: /^o/, subOpenid: '' }],
  ]
  const where = ['--url', mock.url, '--world', 'provider']
  for (const version of ['v2', 'v3']) {
    for (const [n, [flags, order]] of cases.entries()) {
      const no = `${version}-100${n}`
      const placed = ['order', '--version', version, '--notify-url', shop.notifyUrl, '--out-trade-no', no, ...flags]
      t.match(await command(...placed, ...where), {
        code: 0,
        out: new RegExp(`wechat-mock pay ${no} --url ${mock.url} --world provider\n`),
      })
      t.match(world.order(no), order, `${version} ${flags.join(' ')}`)
      t.match(await command('pay', no, ...where), { code: 0, out: /attempt 0: acked/ })
    }
    const refused = ['order', '--version', version, '--notify-url', shop.notifyUrl, '--sub-mch-id', '1900000000']
    t.match(await command(...refused, ...where), { code: 1, err: /^WeChat refused the order: / })
  }
  t.match(JSON.parse((await command('order', '--notify-url', shop.notifyUrl, ...where, '--json')).out), ofFirst)
  const { shop: own, wechatMock } = await setup(t)
  for (const flag of ['--sub-mch-id', '--sub-appid', '--sub-openid']) {
    t.match(await wechatMock('order', '--notify-url', own.notifyUrl, flag, '1900009999'), {
      code: 1,
      err: /is not a service provider; a mock with --sub-merchants 1 has one/,
    })
  }
})

t.test('--url may be before the command, and is refused by commands that start a mock', async (t) => {
  const { mock } = await setup(t)
  t.match(await command('--url', mock.url, 'pay', 'tea-0001'), { code: 0, out: /is paid/ })
  t.match(await command('--url', 'nonsense', 'pay'), { code: 1, err: /It must be a URL/ })
  t.match(await command('--url', mock.url), { code: 1, err: /--url belongs to a command for a running mock/ })
})
