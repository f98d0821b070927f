import { createDecipheriv, createHash } from 'node:crypto'
import t from 'tap'
import { type EncryptedData, RequestPaymentError, type World } from '../../../mock-server/index.ts'
import { callPay, NOON, orderFields, paymentParams, placeOrder, startMock, startShop, vectors } from '../helpers.ts'
import { loginAs } from '../login.ts'

const NOTIFY = 'http://127.0.0.1/notify'
const SIGNATURE = { name: 'MockError', errMsg: 'requestPayment:fail', err_code: '-1', err_desc: '支付验证签名失败' }
const EXPIRED = { name: 'MockError', errMsg: 'requestPayment:fail', err_code: '2', err_desc: '该订单已过期,请重新下单' }

t.test('good parameters open the cashier, under both algorithms, with or without appId', async (t) => {
  const { default: world } = await startMock(t)
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    const params = paymentParams(
      world,
      await placeOrder(world, NOTIFY, { out_trade_no: `tea-${signType}` }, signType),
      signType,
    )
    t.same(world.requestPayment(params), { errMsg: 'requestPayment:ok', outTradeNo: `tea-${signType}` })
    t.ok(world.requestPayment({ ...params, appId: world.credentials.appid }))
  }
  const { signType: _md5, ...params } = paymentParams(world, await placeOrder(world, NOTIFY))
  t.ok(world.requestPayment(params), 'MD5 is the default')
})

t.test("refusals: the client's message and the reason", async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const good = paymentParams(world, await placeOrder(world, NOTIFY))
  const prepayId = good.package.slice('prepay_id='.length)
  const { fields } = await callPay(world, 'unifiedorder', orderFields(NOTIFY))
  const parameter = (name: string) => ({ errMsg: `requestPayment:fail parameter error: ${name}`, err_code: undefined })
  const cases: [why: string, params: Record<string, unknown>, expected: object][] = [
    [
      'a number for timeStamp',
      { ...good, timeStamp: 1768449600 },
      { ...parameter('timeStamp'), reason: /string; got 1768449600/ },
    ],
    [
      'timestamp in lower case',
      { ...good, timeStamp: undefined, timestamp: good.timeStamp },
      { ...parameter('timeStamp'), reason: /got nothing/ },
    ],
    [
      'milliseconds',
      { ...good, timeStamp: `${good.timeStamp}000` },
      { ...parameter('timeStamp'), reason: /10 digits; got 1768449600000/ },
    ],
    [
      'a time of the documents',
      { ...good, timeStamp: '1490840662' },
      { ...parameter('timeStamp'), reason: /more than 48 h/ },
    ],
    ['no nonceStr', { ...good, nonceStr: '' }, parameter('nonceStr')],
    ['a long nonceStr', { ...good, nonceStr: 'n'.repeat(33) }, { ...parameter('nonceStr'), reason: /33 characters/ }],
    ['package without prepay_id=', { ...good, package: prepayId }, { ...parameter('package'), reason: /'prepay_id='/ }],
    ['package of an app', { ...good, package: 'Sign=WXPay' }, parameter('package')],
    ['no paySign', { ...good, paySign: undefined }, parameter('paySign')],
    [
      'SHA1',
      { ...good, signType: 'SHA1' },
      { ...parameter('signType'), reason: /MD5 or HMAC-SHA256 in V2, RSA in V3; got SHA1/ },
    ],
    ['RSA', { ...good, signType: 'RSA' }, { ...SIGNATURE, reason: /is not SHA256 with RSA/ }],
    [
      'the sign of unifiedorder',
      { ...good, paySign: fields.sign },
      { ...SIGNATURE, reason: /is not the upper-case MD5 of appId=wx/ },
    ],
    ['lower case', { ...good, paySign: good.paySign.toLowerCase() }, SIGNATURE],
    ['a value changed after signing', { ...good, nonceStr: 'other' }, SIGNATURE],
    ['another app', { ...good, appId: 'wx0000000000000000' }, { ...SIGNATURE, reason: /not wx0000000000000000/ }],
    [
      'another algorithm than unifiedorder',
      paymentParams(world, prepayId, 'HMAC-SHA256'),
      { ...SIGNATURE, reason: /the order was signed with MD5/ },
    ],
    [
      'an unknown prepay_id',
      paymentParams(world, 'wx1319002573923303ad89e9881683799500'),
      { ...EXPIRED, reason: /no order of merchant/ },
    ],
    ['the prepay_id of another merchant', paymentParams(world, await placeOrder(mock.world(), NOTIFY)), EXPIRED],
  ]
  for (const [why, params, expected] of cases) {
    t.throws(
      () => world.requestPayment(params as never),
      { ...expected, name: 'MockError', code: 'PAYMENT_REFUSED' },
      why,
    )
  }
})

t.test('the state of the order', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const open = (prepayId: string) => () => world.requestPayment(paymentParams(world, prepayId))

  const paid = await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  t.throws(open(paid), { name: 'MockError', errMsg: 'requestPayment:fail 该订单已支付', reason: /already paid/ })

  const closing = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-0002', time_expire: '20260115120500' })
  const first = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-0003' })
  await world.advance('5m')
  t.throws(open(closing), { ...EXPIRED, reason: /tea-0002 is CLOSED/ })
  await world.advance('1h54m59s')
  t.ok(open(first)())
  await world.advance('1s')
  t.throws(open(first), { ...EXPIRED, reason: /older than 2 h, or .*; call unifiedorder again/ })
  const second = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-0003' })
  t.ok(open(second)())
  t.throws(open(first), EXPIRED, 'the old prepay_id does not come back')
})

t.test('a refusal is an Error that a test can recognise', async (t) => {
  const error = new RequestPaymentError('requestPayment:fail', 'because', { err_code: '2', err_desc: 'x' })
  t.ok(error instanceof Error)
  t.match(error, {
    message: 'requestPayment:fail: because',
    statusCode: 422,
    details: { errMsg: 'requestPayment:fail', err_code: '2', err_desc: 'x', reason: 'because' },
  })
})

interface Vectors {
  readonly decrypt: readonly {
    name: string
    session_key: string
    iv: string
    encryptedData: string
    plaintext: string
  }[]
  readonly userSignature: readonly { name: string; rawData: string; session_key: string; signature: string }[]
}

/** What a server does with the data, as officially described. */
function decrypt(sessionKey: string, { encryptedData, iv }: EncryptedData): string {
  const decipher = createDecipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), Buffer.from(iv, 'base64'))
  return decipher.update(encryptedData, 'base64', 'utf8') + decipher.final('utf8')
}
const sign = (rawData: string, sessionKey: string) =>
  createHash('sha1')
    .update(rawData + sessionKey, 'utf8')
    .digest('hex')

const mark = ({ credentials: { appid } }: World) => ({ timestamp: NOON / 1000, appid })

t.test('the checks used here accept recorded data', async (t) => {
  const { decrypt: encrypted, userSignature } = vectors<Vectors>('login')
  for (const { name, session_key: key, plaintext, ...data } of encrypted) t.equal(decrypt(key, data), plaintext, name)
  for (const { name, rawData, session_key: key, signature } of userSignature) {
    t.equal(sign(rawData, key), signature, name)
  }
})

t.test('a profile: signed and encrypted under the key that the server has, without identifying the user', async (t) => {
  const { default: world } = await startMock(t)
  const sessionKey = await loginAs(world, 'o-alice')
  const { rawData, signature, userInfo, ...data } = world.userProfile('o-alice')
  t.equal(
    rawData,
    '{"nickName":"微信用户","gender":0,"language":"","city":"","province":"","country":"","avatarUrl":"https://thirdwx.qlogo.cn/mmopen/vi_32/anonymous/132"}',
  )
  t.same(JSON.parse(rawData), userInfo)
  t.equal(signature, sign(rawData, sessionKey))
  t.same(JSON.parse(decrypt(sessionKey, data)), { ...userInfo, watermark: mark(world) })
  t.equal(Buffer.from(data.iv, 'base64').length, 16)
  t.not(world.userProfile('o-alice').iv, data.iv)
})

t.test("a user's nickname comes from the profile, or is set for one call", async (t) => {
  const { default: world } = await startMock(t)
  world.setUser('o-alice', { nickName: '小明😀' })
  const names = [
    world.userProfile('o-alice'),
    world.userProfile('o-alice', { nickName: 'Al', gender: 1 }),
    world.userProfile('o-bob'),
  ]
  t.match(names, [
    { userInfo: { nickName: '小明😀', gender: 0 } },
    { userInfo: { nickName: 'Al', gender: 1 } },
    { userInfo: { nickName: '微信用户' } },
  ])
  for (const { rawData, signature, openid } of names) {
    t.equal(signature, sign(rawData, await loginAs(world, openid)), rawData)
  }
})

t.test('a phone number: domestic, foreign, different for each user', async (t) => {
  const { default: world } = await startMock(t)
  const sessionKey = await loginAs(world, 'o-alice')
  const cases = [
    [{ phoneNumber: '13580006666' }, { phoneNumber: '13580006666', purePhoneNumber: '13580006666', countryCode: '86' }],
    [
      { phoneNumber: '612345678', countryCode: '34' },
      { phoneNumber: '+34612345678', purePhoneNumber: '612345678', countryCode: '34' },
    ],
    [
      { phoneNumber: '5550100', countryCode: '1' },
      { phoneNumber: '+15550100', purePhoneNumber: '5550100', countryCode: '1' },
    ],
  ] as const
  for (const [options, phone] of cases) {
    const event = world.phoneNumber('o-alice', options)
    t.match(event, { openid: 'o-alice', phone, code: /^[0-9a-f]{64}$/, expiresAt: new Date(NOON + 300_000) })
    t.equal(decrypt(sessionKey, event), JSON.stringify({ ...phone, watermark: mark(world) }))
  }
  const [alice, again, bob] = [
    world.phoneNumber('o-alice'),
    world.phoneNumber('o-alice'),
    world.phoneNumber('o-bob'),
  ].map(({ phone }) => phone)
  t.match(alice, { phoneNumber: /^1358000\d{4}$/, countryCode: '86' })
  t.same(again, alice)
  t.not(bob!.phoneNumber, alice!.phoneNumber)
})

t.test('a watermark of another app, or of another day', async (t) => {
  const { default: world } = await startMock(t)
  const sessionKey = await loginAs(world, 'o-alice')
  const cases = [{}, { appid: 'wxd930ea5d5a258f4f' }, { timestamp: 1 }]
  for (const watermark of cases) {
    for (const data of [world.userProfile('o-alice', { watermark }), world.phoneNumber('o-alice', { watermark })]) {
      t.match(JSON.parse(decrypt(sessionKey, data)), { watermark: { ...mark(world), ...watermark } })
    }
  }
})

t.test('the classic mistake: a login unseen by the server leaves it with an invalid key', async (t) => {
  const { default: world } = await startMock(t)
  const seen = await loginAs(world, 'o-alice')
  const before = world.phoneNumber('o-alice')
  await world.advance('11m')
  const { code } = world.loginCode({ openid: 'o-alice' })
  const after = world.phoneNumber('o-alice')
  t.match(decrypt(seen, before), /1358000/)
  // A wrong key passes the padding check about once in 256 times.
  const attempt = (key: string, data: EncryptedData) => {
    try {
      return decrypt(key, data)
    } catch {
      return 'bad decrypt'
    }
  }
  t.notMatch(attempt(seen, after), /1358000/)
  t.ok(code)
  t.match(decrypt(world.setUser('o-alice').sessionKey, after), /1358000/)
})
