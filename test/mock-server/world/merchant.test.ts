import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createMockWechat, type World, type WorldOptions } from '../../../mock-server/index.ts'
import { checkApiKey, checkCertMode, STANDARD } from '../../../mock-server/ledger/merchant.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import {
  callPay,
  control,
  deadUrl,
  NOON,
  orderFields,
  paymentParams,
  placeOrder,
  placeRefund,
  postRaw,
  readReqInfo,
  signedXml,
  startMock,
  startShop,
} from '../helpers.ts'
import { askPhone, callSession, exchangeCode, tokenOf } from '../login.ts'

const KEY = '192006250b4c09247ec02edce69f6a2d'

t.test('invalid merchants', async (t) => {
  for (const apiKey of [undefined, KEY]) checkApiKey(apiKey)
  t.throws(() => checkApiKey('short'), {
    code: 'BAD_INPUT',
    message: /exactly 32 bytes.*got 5/,
    details: { field: 'apiKey' },
  })
  for (const [certMode, tls] of [
    [undefined, false],
    ['none', false],
    ['required', true],
  ] as const) {
    checkCertMode(certMode, tls)
  }
  t.throws(() => checkCertMode('required', false), { code: 'BAD_INPUT', details: { field: 'certMode' } })
})

t.test('after a key change, requests, replies and notifications are signed with the new key', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const { mchId, apiKey } = world.credentials
  await placeOrder(world, shop.notifyUrl)
  const before = signedXml(world, orderFields(shop.notifyUrl, { out_trade_no: 'tea-0002' }))
  t.same(world.setMerchant(mchId, { apiKey: KEY }), {
    ...STANDARD,
    mchId,
    apiKey: KEY,
    apiV3Key: world.credentials.v3.apiV3Key,
  })
  t.equal(world.credentials.apiKey, KEY)
  t.match(await postRaw(`${world.baseUrl}/pay/unifiedorder`, before), { fields: { return_code: 'FAIL' } })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { result_code: 'SUCCESS' } })
  world.once('beforeNotify', (draft) => {
    draft.fields.attach = 'changed'
  })
  await world.pay('tea-0001')
  const told = readXml(shop.received[0]!.body)
  t.equal(told.get('attach'), 'changed')
  t.equal(signV2(told, KEY, 'MD5'), told.get('sign'))
  t.not(world.credentials.apiKey, apiKey)
})

t.test('the algorithm can be fixed and released, also in the sandbox', async (t) => {
  const { default: world } = await startMock(t)
  const { mchId } = world.credentials
  const notifyUrl = await deadUrl()
  const {
    fields: { sandbox_signkey: apiKey },
  } = await postRaw(`${world.baseUrl}/sandboxnew/pay/getsignkey`, signedXml(world, {}))
  const query = () =>
    postRaw(
      `${world.baseUrl}/sandboxnew/pay/orderquery`,
      signedXml({ credentials: { ...world.credentials, apiKey: apiKey! } }, { out_trade_no: 'tea-0001' }),
    )
  t.match(await query(), { fields: { return_code: 'SUCCESS', err_code: 'ORDERNOTEXIST' } })
  t.match(world.setMerchant(mchId, { signType: 'HMAC-SHA256' }), { signType: 'HMAC-SHA256' })
  t.match(world.setMerchant(mchId), { signType: 'HMAC-SHA256' }, 'omitted values stay')
  t.match(await callPay(world, 'unifiedorder', orderFields(notifyUrl)), { fields: { return_code: 'FAIL' } })
  t.match(await query(), { fields: { return_code: 'FAIL' } })
  await placeOrder(world, notifyUrl, {}, 'HMAC-SHA256')
  t.match(world.setMerchant(mchId, { signType: 'any' }), { signType: 'any' })
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002' })
})

t.test('the certificate is required from now on', async (t) => {
  const { default: plain } = await startMock(t)
  t.throws(() => plain.setMerchant(plain.credentials.mchId, { apiKey: KEY, certMode: 'required' }), {
    code: 'BAD_INPUT',
    details: { field: 'certMode' },
  })
  t.not(plain.credentials.apiKey, KEY, 'all or nothing')
  const pem = (name: string) => readFileSync(new URL(`../tls/server.${name}`, import.meta.url))
  const mock = await createMockWechat({ tls: { cert: pem('crt'), key: pem('key') } })
  t.teardown(mock.close)
  t.match(mock.default.setMerchant(mock.default.credentials.mchId, { certMode: 'required' }), { certMode: 'required' })
})

t.test('the secret of the app is changed', async (t) => {
  const { default: world } = await startMock(t)
  const { appid, appSecret } = world.credentials
  const login = async (secret: string) =>
    (await (
      await fetch(
        `${world.baseUrl}/sns/jscode2session?${new URLSearchParams({ appid, secret, js_code: world.loginCode().code, grant_type: 'authorization_code' })}`,
      )
    ).json()) as { errcode?: number; openid?: string }
  t.same(world.setApp(appid), { appid, appSecret })
  const secret = 'f'.repeat(32)
  t.same(world.setApp(appid, { appSecret: secret }), { appid, appSecret: secret })
  t.match(await login(appSecret), { errcode: 40125 })
  t.type((await login(secret)).openid, 'string')
  await postRaw(
    `${world.baseUrl}/sandboxnew/pay/orderquery`,
    signedXml({ credentials: { ...world.credentials, apiKey: secret } }, { out_trade_no: 'tea-0001' }),
  )
  t.match(
    JSON.stringify(world.journal.entries({ api: 'orderquery' })),
    'the AppSecret was used instead of the API key',
    'known on both sides',
  )
})

/** A world with a second merchant, and how that one calls. */
async function setup(t: Test, options: WorldOptions = {}) {
  const mock = await startMock(t, { world: { seed: 1, ...options } })
  const world = mock.default
  const shop = await startShop(t)
  const merchant = world.setMerchant('10000100', { apiKey: KEY })
  const second = {
    credentials: { ...world.credentials, mchId: merchant.mchId, apiKey: merchant.apiKey },
    baseUrl: world.baseUrl,
  } as World
  return { mock, world, shop, merchant, second }
}

t.test('another merchant: its own key, algorithm and orders', async (t) => {
  const { mock, world, shop, merchant, second } = await setup(t)
  t.match(merchant, { ...STANDARD, mchId: '10000100', apiKey: KEY, apiV3Key: /^\w{32}$/ })
  t.same(
    world.merchants().map(({ mchId }) => mchId),
    [world.credentials.mchId, '10000100'],
  )
  t.match(world.setMerchant('10000109'), { apiKey: /^\w{32}$/ }, 'a key that is drawn')
  t.equal(
    world.setMerchant('10000109').apiKey,
    (await startMock(t, { world: { seed: 1 } })).default.setMerchant('10000109').apiKey,
    'from the seed',
  )

  const prepayIds = [
    await placeOrder(world, shop.notifyUrl),
    await placeOrder(second, shop.notifyUrl, { total_fee: 900 }),
  ]
  t.not(...(prepayIds as [string, string]), 'the same number, two orders')
  t.match(await callPay(second, 'orderquery', { out_trade_no: 'tea-0001' }), {
    fields: { mch_id: '10000100', total_fee: '900' },
  })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), {
    fields: { mch_id: world.credentials.mchId, total_fee: '1250' },
  })
  t.match(
    await postRaw(
      `${world.baseUrl}/pay/orderquery`,
      signedXml(
        { credentials: { ...second.credentials, apiKey: world.credentials.apiKey } },
        { out_trade_no: 'tea-0001' },
      ),
    ),
    { fields: { return_msg: '签名错误' } },
  )
  t.same(
    world.orders().map(({ mchId, totalFee }) => [mchId, totalFee]),
    [
      [world.credentials.mchId, 1250],
      ['10000100', 900],
    ],
  )
  t.same(world.requestPayment(paymentParams({ ...second, clock: world.clock }, prepayIds[1]!)), {
    errMsg: 'requestPayment:ok',
    outTradeNo: 'tea-0001',
  })

  t.match((await world.pay('tea-0001', { mchId: '10000100' })).delivery!, { verdict: 'acked' })
  const told = readXml(shop.received[0]!.body)
  t.same([told.get('mch_id'), told.get('total_fee')], ['10000100', '900'])
  t.equal(signV2(told, KEY, 'MD5'), told.get('sign'))
  t.equal(world.order('tea-0001').tradeState, 'NOTPAY', 'the default is the first')
  await world.pay('tea-0001')
  const [one, two] = world.orders()
  t.not(one!.transactionId, two!.transactionId)
  t.same(
    world.notifications().map(({ id }) => id),
    ['tea-0001', 'tea-0001:2'],
  )

  world.once('beforeNotify', (draft) => {
    draft.fields.attach = 'changed'
  })
  await world.notification('tea-0001').deliver()
  const changed = readXml(shop.received.at(-1)!.body)
  t.equal(signV2(changed, KEY, 'MD5'), changed.get('sign'), 'signed again with the key of its merchant')
  t.equal(
    signV2(readXml(world.craft('tea-0001', { mchId: '10000100' }).body), KEY, 'MD5'),
    readXml(world.craft('tea-0001', { mchId: '10000100' }).body).get('sign'),
  )
  const [key, ownKey] = [KEY, world.credentials.apiKey].map((key) => `mch_id=10000100&key=${key}`) as [string, string]
  const { theirs } = world.explainSign('<xml><mch_id>10000100</mch_id></xml>', key)
  t.equal(theirs, 'mch_id=10000100&key=<apiKey>', "it is the merchant's")
  t.equal(world.explainSign('<xml><mch_id>1</mch_id></xml>', ownKey).theirs, theirs, 'or of the first')

  world.setMerchant('10000100', { signType: 'HMAC-SHA256' })
  t.match(await callPay(second, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { return_code: 'FAIL' } })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { result_code: 'SUCCESS' } })
  t.match((await control(mock, 'GET', '/worlds/default/merchants')).json, [
    { signType: 'any' },
    { signType: 'HMAC-SHA256' },
    {},
  ])
})

t.test('another merchant: refunds, bills and the sandbox', async (t) => {
  const { mock, world, shop, second } = await setup(t, { refundNotifyUrl: 'http://127.0.0.1:9/refund' })
  for (const merchant of [world, second]) {
    await placeOrder(merchant, shop.notifyUrl)
    await world.pay('tea-0001', { mchId: merchant.credentials.mchId })
    await placeRefund(merchant, { refund_fee: merchant === second ? 300 : 200, notify_url: shop.notifyUrl })
  }
  t.same(
    world.refunds().map(({ mchId, refundFee }) => [mchId, refundFee]),
    [
      [world.credentials.mchId, 200],
      ['10000100', 300],
    ],
  )
  await world.settleRefund('tea-0001-r1', 'SUCCESS', { mchId: '10000100' })
  t.equal(readReqInfo(shop.received.at(-1)!.body, KEY).refund_fee, '300')
  t.same(
    [world.refund('tea-0001-r1').status, world.refund('tea-0001-r1', { mchId: '10000100' }).status],
    ['PROCESSING', 'SUCCESS'],
  )
  t.equal(world.refundNotification('tea-0001-r1', { mchId: '10000100' }).kind, 'refund')
  t.match(
    await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', { status: 'CHANGE' }),
    { json: { refund: { mchId: world.credentials.mchId, status: 'CHANGE' } } },
    'the one that is open',
  )
  t.match(
    await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', { status: 'SUCCESS', mchId: '10000100' }),
    { status: 409, json: { code: 'REFUND_ENDED' } },
  )
  t.match(await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', { status: 'SUCCESS' }), {
    json: { refund: { status: 'SUCCESS' } },
  })
  t.match(await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', { status: 'SUCCESS' }), {
    status: 409,
  })
  t.match(await control(mock, 'GET', '/worlds/default/refunds/tea-0001-r1?mchId=10000100'), {
    json: { refundFee: 300 },
  })
  t.match(await control(mock, 'GET', '/worlds/default/orders?mchId=10000100'), { json: [{ mchId: '10000100' }] })
  t.match(
    await control(mock, 'POST', '/worlds/default/notifications', {
      outTradeNo: 'tea-0001',
      mchId: '10000100',
      deliver: false,
    }),
    { json: { notification: { body: /10000100/ } } },
  )

  await world.advance({ to: new Date(NOON + 24 * 3_600_000) })
  for (const [merchant, fee] of [
    [world, '2.00'],
    [second, '3.00'],
  ] as const) {
    const text = await (
      await fetch(`${world.baseUrl}/pay/downloadbill`, {
        method: 'POST',
        body: signedXml(merchant, { bill_date: '20260115', bill_type: 'REFUND' }),
      })
    ).text()
    const lines = text.split('\n').filter((line) => line.includes('tea-0001'))
    t.equal(lines.length, 1)
    t.ok(lines[0]!.includes(`\`${merchant.credentials.mchId}`) && lines[0]!.includes(`\`${fee}`), fee)
  }
})

t.test('a merchant of another world, or an unknown one', async (t) => {
  const { mock, world, shop } = await setup(t)
  const other = mock.world({ id: 'other' })
  for (const taken of ['10000100', world.credentials.mchId]) {
    t.throws(() => other.setMerchant(taken), { code: 'ID_TAKEN', statusCode: 409, message: /world default/ })
    t.match(await control(mock, 'PUT', `/worlds/other/merchants/${taken}`, {}), {
      status: 409,
      json: { code: 'ID_TAKEN', field: 'mchId' },
    })
    t.throws(() => mock.world({ mchId: taken }), { code: 'WORLD_EXISTS' })
  }
  t.throws(() => other.setMerchant('shop'), { code: 'BAD_INPUT', details: { field: 'mchId' } })
  t.throws(() => other.setMerchant('10000101', { apiKey: 'short' }), {
    code: 'BAD_INPUT',
    details: { field: 'apiKey' },
  })
  t.equal(other.merchants().length, 1)
  await placeOrder(world, shop.notifyUrl)
  await t.rejects(world.pay('tea-0001', { mchId: '1' }), { code: 'UNKNOWN_MERCHANT', message: /it has \d+, 10000100/ })
  t.throws(() => world.order('tea-0001', { mchId: '10000100' }), {
    code: 'UNKNOWN_ORDER',
    message: /mch_id 10000100\?/,
  })
  t.throws(() => world.refund('r1', { mchId: '10000100' }), { code: 'UNKNOWN_REFUND', message: /mch_id 10000100\?/ })
  t.match(
    await callPay({ ...world, credentials: { ...world.credentials, appid: other.credentials.appid } }, 'orderquery', {
      out_trade_no: 'tea-0001',
    }),
    { fields: { return_msg: 'mch_id和appid没有关联关系' } },
  )

  t.match(await control(mock, 'PUT', '/worlds/other/merchants/10000101', { apiKey: KEY }), {
    status: 200,
    json: { mchId: '10000101', apiKey: KEY },
  })
  other.close()
  t.throws(() => other.setMerchant('10000199'), { code: 'UNKNOWN_WORLD', message: 'world other has ended' })
  t.same(world.setMerchant('10000101').mchId, '10000101', 'free again')
})

t.test('merchants survive reset and restore, and are exported', async (t) => {
  const { world, shop, second } = await setup(t, { refundDelay: '1h', autoPay: '2h' })
  await placeOrder(second, shop.notifyUrl)
  await world.pay('tea-0001')
  await placeRefund(second)
  const name = world.snapshot()
  const exported = JSON.parse(JSON.stringify(world.export()))
  await world.advance('1h')
  world.setMerchant('10000102', { apiKey: KEY })
  const third = { ...second, credentials: { ...second.credentials, mchId: '10000102' } } as World
  await placeOrder(third, shop.notifyUrl, { out_trade_no: 'tea-0003' })
  world.restore(name)
  t.same(
    world.orders().map(({ mchId, outTradeNo }) => [mchId, outTradeNo]),
    [['10000100', 'tea-0001']],
    'a merchant added later is empty',
  )
  t.equal(world.merchants().length, 3)
  await world.advance('1h')
  t.equal(world.refund('tea-0001-r1').status, 'SUCCESS', 'planned again')
  await placeOrder(second, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  world.reset('orders')
  t.same([world.orders(), world.refunds(), world.merchants().length], [[], [], 3])
  t.match(await callPay(second, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { err_code: 'ORDERNOTEXIST' } })

  const elsewhere = (await startMock(t, { world: { seed: 1 } })).default
  elsewhere.import(exported)
  t.same(elsewhere.merchants(), world.merchants().slice(0, 2))
  t.match(elsewhere.order('tea-0001'), { mchId: '10000100', tradeState: 'REFUND' })
  elsewhere.import(exported)
  elsewhere.setMerchant('10000100', { apiKey: 'x'.repeat(32) })
  t.throws(() => elsewhere.import(exported), { code: 'BAD_INPUT', details: { field: 'state.merchants.1.apiKey' } })

  const crowded = await startMock(t, { world: { seed: 1 } })
  crowded.world({ id: 'other' }).setMerchant('10000100')
  t.throws(() => crowded.default.import(exported), { code: 'ID_TAKEN' })
  t.equal(crowded.default.merchants().length, 1)
  exported.state.merchants[1].refunds[0].outTradeNo = 'tea-9'
  t.throws(() => elsewhere.import(exported), { code: 'BAD_INPUT', details: { field: 'state.merchants.1.refunds.0' } })
})

t.test('a nonce used by one merchant is new for another', async (t) => {
  const { world, second } = await setup(t)
  const repeated = () => world.lint().filter(({ rule }) => rule === 'nonce-repeated').length
  for (const merchant of [world, second]) {
    await callPay(merchant, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
  }
  t.equal(repeated(), 0)
  await callPay(second, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
  t.equal(repeated(), 1)
})

t.test("reset and restore forget a merchant's used nonces", async (t) => {
  const { world, second } = await setup(t)
  const name = world.snapshot()
  for (const merchant of [world, second]) {
    for (const forget of [() => world.restore(name), () => world.reset('journal'), () => world.reset()]) {
      await callPay(merchant, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
      forget()
      await callPay(merchant, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
      t.same(
        world.lint().filter(({ rule }) => rule === 'nonce-repeated'),
        [],
        `${merchant.credentials.mchId}: ${forget}`,
      )
      world.reset()
    }
  }
})

t.test('the same order number, and refunds at one moment, of several merchants', async (t) => {
  const { world, shop, second } = await setup(t, { refundDelay: '1h' })
  for (const merchant of [second, world]) {
    await placeOrder(merchant, shop.notifyUrl)
    await world.pay('tea-0001', { mchId: merchant.credentials.mchId })
    await placeRefund(merchant, { notify_url: shop.notifyUrl })
  }
  const { deliveries } = await world.advance('1h')
  t.same(
    deliveries.map(({ outRefundNo, verdict }) => [outRefundNo, verdict]),
    [
      ['tea-0001-r1', 'acked'],
      ['tea-0001-r1', 'acked'],
    ],
  )
  t.same(
    world.refunds().map(({ status }) => status),
    ['SUCCESS', 'SUCCESS'],
  )
})

const APPID = 'wxd930ea5d5a258f4f'

/** A world with a second app, and how that one calls. */
async function setupApps(t: Test, options: WorldOptions = {}) {
  const mock = await startMock(t, { world: { seed: 1, ...options } })
  const world = mock.default
  const shop = await startShop(t)
  const app = world.setApp(APPID)
  const second = { ...world, credentials: { ...world.credentials, ...app }, baseUrl: world.baseUrl } as World
  return { mock, world, shop, app, second }
}

t.test('another app: its own secret, users, session keys and tokens', async (t) => {
  const { mock, world, app, second } = await setupApps(t)
  t.match(app, { appid: APPID, appSecret: /^[0-9a-f]{32}$/ })
  t.same(
    world.apps().map(({ appid }) => appid),
    [world.credentials.appid, APPID],
  )
  t.match((await control(mock, 'GET', '/worlds/default/apps')).json, [
    { appid: world.credentials.appid },
    { appid: APPID },
  ])

  const first = world.loginCode({ unionid: 'u-alice' })
  const other = world.loginCode({ appid: APPID, unionid: 'u-alice' })
  t.not(first.openid, other.openid, 'one user has an openid in each app')
  t.match((await exchangeCode(second, { js_code: first.code })).json, { errcode: 40029 }, 'a code of another app')
  t.match((await exchangeCode(second, { js_code: other.code, secret: world.credentials.appSecret })).json, {
    errcode: 40125,
  })
  const { json } = await exchangeCode(second, { js_code: other.code })
  t.match(json, { openid: other.openid, unionid: 'u-alice' })
  t.match((await exchangeCode(world, { js_code: first.code })).json, { openid: first.openid })
  t.same(
    world.users().map(({ openid, appid, unionid }) => [openid, appid, unionid]),
    [
      [first.openid, world.credentials.appid, 'u-alice'],
      [other.openid, APPID, 'u-alice'],
    ],
  )

  t.match(await callSession(second, '/wxa/checksession', other.openid, json.session_key), { json: { errcode: 0 } })
  t.match(
    await callSession(world, '/wxa/checksession', other.openid, json.session_key),
    { json: { errcode: 87009 } },
    'a user of another app',
  )
  const profile = world.userProfile(other.openid)
  t.equal(
    profile.signature,
    createHash('sha1')
      .update(profile.rawData + json.session_key)
      .digest('hex'),
    'the openid determines the app',
  )
  t.notOk('appid' in world.userProfile(other.openid, { appid: APPID }).userInfo)
  const phone = world.phoneNumber('o-bob', { appid: APPID })
  t.match((await askPhone(second, await tokenOf(second), { code: phone.code })).json, {
    errcode: 0,
    phone_info: { watermark: { appid: APPID } },
  })
  t.match((await askPhone(world, await tokenOf(world), { code: world.phoneNumber('o-bob').code })).json, {
    errcode: 40013,
  })
  t.not(world.rotateSessionKey(other.openid).sessionKey, json.session_key)
  t.match(world.setUser('o-carol', { appid: APPID, nickName: 'Carol' }), { appid: APPID, nickName: 'Carol' })
  t.match(
    world.rotateSessionKey('o-carol', { appid: world.credentials.appid }),
    { appid: world.credentials.appid },
    'an openid chosen by a test may exist in both',
  )

  world.setApp(APPID, { appSecret: 'f'.repeat(32) })
  t.match((await exchangeCode(second, { js_code: '0' })).json, { errcode: 40125 })
  t.not(world.credentials.appSecret, 'f'.repeat(32))
  t.throws(() => world.loginCode({ appid: 'wx1' }), { code: 'UNKNOWN_APP', message: /it has wx\w+, wxd9/ })
  t.match(await control(mock, 'POST', '/worlds/default/login-codes', { appid: 'wx1' }), {
    status: 404,
    json: { code: 'UNKNOWN_APP' },
  })
  t.match(await control(mock, 'PUT', '/worlds/default/users/o-dave', { appid: APPID }), { json: { appid: APPID } })
})

t.test('another app: its orders', async (t) => {
  const { world, shop, second } = await setupApps(t)
  world.setMerchant('10000100', { apiKey: KEY })
  const { openid } = world.loginCode({ appid: APPID })
  t.match(await callPay(world, 'unifiedorder', orderFields(shop.notifyUrl, { openid })), {
    fields: { return_msg: 'appid and openid not match' },
  })
  const prepayId = await placeOrder(second, shop.notifyUrl, { openid })
  t.same(world.requestPayment(paymentParams(second, prepayId)), { errMsg: 'requestPayment:ok', outTradeNo: 'tea-0001' })
  t.throws(
    () => world.requestPayment(paymentParams(world, prepayId)),
    { code: 'PAYMENT_REFUSED' },
    'signed for another mini program',
  )
  t.match(
    await callPay(world, 'unifiedorder', orderFields(shop.notifyUrl, { openid: 'o-else' })),
    { fields: { err_code: 'INVALID_REQUEST', appid: world.credentials.appid } },
    'the order number belongs to the merchant, whatever the app',
  )
  t.match(await callPay(second, 'orderquery', { out_trade_no: 'tea-0001' }), {
    fields: { result_code: 'SUCCESS', appid: APPID },
  })
  await world.pay('tea-0001')
  t.equal(readXml(shop.received[0]!.body).get('appid'), APPID)
  t.match(world.order('tea-0001'), { appid: APPID, openid })
  await placeRefund(second, { notify_url: shop.notifyUrl })
  await world.settleRefund('tea-0001-r1', 'SUCCESS')
  t.equal(readXml(shop.received[1]!.body).get('appid'), APPID)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002')
  await placeOrder(second, shop.notifyUrl, {
    out_trade_no: 'tea-0003',
    trade_type: 'NATIVE',
    product_id: 'p',
    openid: undefined,
  })
  await world.pay('tea-0003')
  t.equal(
    world.users().find((user) => user.openid === world.order('tea-0003').openid)?.appid,
    APPID,
    'the payer becomes a user of the app',
  )
  await placeOrder(
    { ...second, credentials: { ...second.credentials, mchId: '10000100', apiKey: KEY } } as World,
    shop.notifyUrl,
    { openid },
  )
  t.match(world.order('tea-0001', { mchId: '10000100' }), { appid: APPID }, 'bound to every merchant')
  await world.fail('tea-0001', { notify: true })
  t.match(Object.fromEntries(readXml(shop.received.at(-1)!.body)), {
    appid: APPID,
    mch_id: '10000100',
    result_code: 'FAIL',
  })

  await world.advance({ to: new Date(NOON + 24 * 3_600_000) })
  const text = await (
    await fetch(`${world.baseUrl}/pay/downloadbill`, {
      method: 'POST',
      body: signedXml(world, { bill_date: '20260115', bill_type: 'SUCCESS' }),
    })
  ).text()
  t.same(
    text
      .split('\n')
      .filter((line) => line.includes('`tea-'))
      .map((line) => line.split(',')[1]!.slice(1))
      .sort(),
    [APPID, APPID, world.credentials.appid].sort(),
  )

  await postRaw(
    `${world.baseUrl}/pay/orderquery`,
    signedXml(
      { credentials: { ...second.credentials, apiKey: second.credentials.appSecret } },
      { out_trade_no: 'tea-0001' },
    ),
  )
  t.match(JSON.stringify(world.journal.entries({ api: 'orderquery' })), 'the AppSecret was used instead of the API key')
})

t.test('an app of another world, or an unknown one', async (t) => {
  const { mock, world } = await setupApps(t)
  const other = mock.world({ id: 'other' })
  for (const taken of [APPID, world.credentials.appid]) {
    t.throws(() => other.setApp(taken), { code: 'ID_TAKEN', details: { field: 'appid' } })
    t.throws(() => mock.world({ appid: taken }), { code: 'WORLD_EXISTS' })
  }
  t.throws(() => other.setApp('wx 1'), { code: 'BAD_INPUT', details: { field: 'appid' } })
  other.setApp('wx1')
  other.close()
  t.throws(() => other.setApp('wx2'), { code: 'UNKNOWN_WORLD' })
  t.match(world.setApp('wx1'), { appid: 'wx1' }, 'free again')
})

t.test('apps survive reset and restore, and are exported', async (t) => {
  const { world, shop, second, app } = await setupApps(t)
  const token = await tokenOf(second)
  await placeOrder(second, shop.notifyUrl, { trade_type: 'NATIVE', product_id: 'p', openid: undefined })
  world.loginCode({ appid: APPID, openid: 'o-alice' })
  const name = world.snapshot()
  const exported = JSON.parse(JSON.stringify(world.export()))
  world.loginCode({ appid: APPID, openid: 'o-bob' })
  world.setApp('wx1')
  world.loginCode({ appid: 'wx1', openid: 'o-carol' })
  world.restore(name)
  t.same(
    world.users().map(({ openid, appid }) => [openid, appid]),
    [['o-alice', APPID]],
    'an app added later has no users',
  )
  t.equal(world.apps().length, 3)
  t.match(await askPhone(second, token, { code: '0' }), { json: { errcode: 40029 } }, 'the token is valid')
  world.reset('users')
  t.same(world.users(), [])
  t.match(await askPhone(second, token, { code: '0' }), { json: { errcode: 40001 } })

  const elsewhere = await startMock(t, { world: { seed: 1 } })
  elsewhere.default.import(exported)
  elsewhere.default.import(exported)
  t.same(elsewhere.default.apps(), world.apps().slice(0, 2))
  t.match(elsewhere.default.users(), [{ openid: 'o-alice', appid: app.appid }])
  elsewhere.default.setApp(APPID, { appSecret: 's' })
  t.throws(() => elsewhere.default.import(exported), {
    code: 'BAD_INPUT',
    details: { field: 'state.apps.1.appSecret' },
  })
  exported.state.apps.length = 1
  elsewhere.default.import(exported)
  t.same(elsewhere.default.users(), [], 'an app that the export does not have is empty')
  const { default: bare } = await startMock(t, { world: { seed: 1 } })
  bare.import(exported)
  t.equal(bare.order('tea-0001').appid, APPID)
  await bare.pay('tea-0001')
  t.equal(
    bare.users()[0]!.appid,
    bare.credentials.appid,
    'the payer of an order of an unknown app becomes a user of the first app',
  )
})
