import { constants, createHash, createPublicKey, privateDecrypt, X509Certificate } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { sealField } from '../../../../mock-server/wire/aead-v3.ts'
import { startShop } from '../../helpers.ts'
import { authorization, call, get, open, order, post, query, refundBody, REFUNDS, startV3, unseal } from '../../v3.ts'

const CERTIFICATES = '/v3/certificates'

t.test('certificates: none for a merchant with a public key, in the three recorded ways', async (t) => {
  for (const [v3NoCertificates, status, code] of [
    ['404', 404, 'RESOURCE_NOT_EXISTS'],
    ['403', 403, 'NO_AUTH'],
    ['500', 500, 'SYSTEM_ERROR'],
  ] as const) {
    const world = await startV3(t, { world: { behaviour: { v3NoCertificates } } })
    t.match(await get(world, CERTIFICATES), { status, json: { code }, signedBy: 'public-key' })
  }
})

t.test('certificates: one, two during a replacement, expired', async (t) => {
  const world = await startV3(t, { world: { keyMode: 'certificate' } })
  const { mchId, v3 } = world.credentials
  const list = async () => {
    const { json, signedBy } = await get(world, `${CERTIFICATES}?algorithm_type=RSA`)
    const { apiV3Key } = world.credentials.v3
    return {
      signedBy,
      certificates: json.data.map((entry: any) => {
        t.match(entry.encrypt_certificate, {
          algorithm: 'AEAD_AES_256_GCM',
          associated_data: 'certificate',
          nonce: /^\w{12}$/,
        })
        return { ...entry, certificate: new X509Certificate(unseal(entry.encrypt_certificate, apiV3Key)) }
      }),
    }
  }
  const before = await list()
  t.equal(before.signedBy, 'certificate')
  t.match(before.certificates, [
    {
      serial_no: v3.platformSerialNo,
      effective_time: '2020-01-01T08:00:00+08:00',
      expire_time: '2049-12-31T08:00:00+08:00',
    },
  ])
  t.equal(before.certificates[0].certificate.serialNumber, v3.platformSerialNo)

  const after = world.rotateKey('platform-certificate', { keepOld: true })
  const both = await list()
  t.match(
    both.certificates.map(({ serial_no: serial }: any) => serial),
    [v3.platformSerialNo, after.platformSerialNo],
  )
  t.equal(both.signedBy, 'certificate', 'the new one')
  world.setMerchant(mchId, { newKeyShare: 0, apiV3Key: 'k'.repeat(32) })
  t.equal((await list()).signedBy, 'nobody', 'the old one, no longer in the credentials')
  t.equal((await get(world, CERTIFICATES)).headers.get('wechatpay-serial'), v3.platformSerialNo)
  t.equal(
    (await get(world, CERTIFICATES, { headers: { 'wechatpay-serial': after.platformSerialNo } })).headers.get(
      'wechatpay-serial',
    ),
    after.platformSerialNo,
    'as the request asks',
  )

  const old = await startV3(t, { world: { keyMode: 'certificate', behaviour: { platformCertificate: 'expired' } } })
  t.match((await get(old, CERTIFICATES)).json.data, [{ expire_time: '2018-12-31T08:00:00+08:00' }])
})

t.test('changing from certificate to public key: replies as requested, notifications by share', async (t) => {
  const world = await startV3(t, { world: { keyMode: 'changing', publicKeyShare: 0.5 } })
  const { v3 } = world.credentials
  t.equal((await get(world, CERTIFICATES)).signedBy, 'certificate')
  t.equal((await get(world, CERTIFICATES, { headers: { 'wechatpay-serial': v3.publicKeyId } })).signedBy, 'public-key')
  const shop = await startShop(t, () => '')
  await order(world, shop.notifyUrl)
  const { notification } = await world.pay('tea-0001')
  await notification.deliver({ count: 30 })
  const serials = new Set(shop.received.map(({ headers }) => headers['wechatpay-serial']))
  t.same([...serials].sort(), [v3.platformSerialNo, v3.publicKeyId].sort())
  for (const [publicKeyShare, serial] of [
    [1, v3.publicKeyId],
    [0, v3.platformSerialNo],
  ] as const) {
    world.setMerchant(world.credentials.mchId, { publicKeyShare })
    await notification.deliver()
    t.equal(shop.received.at(-1)!.headers['wechatpay-serial'], serial)
  }
})

t.test('after a key is replaced mid-flow, the next retry is signed with the new one', async (t) => {
  const world = await startV3(t)
  const shop = await startShop(t, (_notified, response) => {
    response.statusCode = 500
    return ''
  })
  await order(world, shop.notifyUrl)
  await world.pay('tea-0001')
  const { publicKeyId } = world.rotateKey('public-key')
  await world.advance('15s')
  const serials = shop.received.map(({ headers }) => headers['wechatpay-serial'])
  t.not(serials[0], serials[1])
  t.equal(serials[1], publicKeyId)
  t.throws(() => world.rotateKey('x' as 'public-key'), { code: 'BAD_INPUT' })
  t.throws(() => world.rotateKey('public-key', { mchId: '1' }), { code: 'UNKNOWN_MERCHANT' })
})

t.test('security/echo: the message, encrypted for the merchant, and a notification on its own schedule', async (t) => {
  const world = await startV3(t)
  const { v3, mchId } = world.credentials
  const shop = await startShop(t, (_notified, response) => {
    response.statusCode = 500
    return ''
  })
  const reply = await post(
    world,
    '/v3/security/echo',
    {
      echo_message: 'hello',
      encrypted_echo_message: sealField('秘密', createPublicKey(v3.publicKey)),
      notify_url: shop.notifyUrl,
    },
    { headers: { 'wechatpay-serial': v3.publicKeyId } },
  )
  t.match(reply, { status: 200, json: { echo_message: 'hello' }, signedBy: 'public-key' })
  const key = { key: v3.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
  t.equal(privateDecrypt(key, Buffer.from(reply.json.encrypted_echo_message, 'base64')).toString(), '秘密')
  await world.advance('10h')
  t.equal(shop.received.length, 10)
  t.match(JSON.parse(shop.received[0]!.body), {
    event_type: 'SECURITY_ECHO.SUCCESS',
    resource: { original_type: 'security' },
  })
  t.same(open(shop.received[0]!.body, world), { mchid: mchId, echo_message: 'hello' })
  t.match(world.notifications(), [{ kind: 'event', id: /^event:echo-\d+$/, state: 'exhausted', outTradeNo: '' }])
  const named = (serial: string) =>
    post(world, '/v3/security/echo', { echo_message: 'x' }, { headers: { 'wechatpay-serial': serial } })
  t.match(await named(v3.publicKeyId), { text: '{"echo_message":"x"}' })
  for (const [serial, message] of [
    ['', 'HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)'],
    [v3.serialNo, '平台证书序列号Wechatpay-Serial错误'],
  ] as const) {
    t.match(await named(serial), { status: 400, json: { code: 'PARAM_ERROR', message } }, 'a key must be named')
  }
  const expired = await startV3(t, {
    world: { keyMode: 'certificate', behaviour: { platformCertificate: 'expired' } },
  })
  t.match(
    await post(
      expired,
      '/v3/security/echo',
      { echo_message: 'x' },
      { headers: { 'wechatpay-serial': expired.credentials.v3.platformSerialNo } },
    ),
    { status: 403, json: { code: 'NOT_ENOUGH', message: '平台证书已过期失效' } },
  )
})

t.test('bills: two steps, a hash over the file, five minutes', async (t) => {
  const world = await startV3(t)
  const shop = await startShop(t)
  await order(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await post(world, REFUNDS, refundBody({ amount: { refund: 250, total: 1250, currency: 'CNY' } }))
  const bill = (query: string, name = 'tradebill') => get(world, `/v3/bill/${name}?${query}`)
  const refused: [query: string, name: string, status: number, code: string][] = [
    ['bill_date=2026-01-16', 'tradebill', 400, 'INVALID_REQUEST'],
    ['bill_date=2026-01-15', 'tradebill', 400, 'STATEMENT_CREATING'],
    ['bill_date=2026-01-01', 'tradebill', 400, 'NO_STATEMENT_EXIST'],
    ['bill_date=20260115', 'tradebill', 400, 'PARAM_ERROR'],
    ['bill_date=2026-02-30', 'tradebill', 400, 'PARAM_ERROR'],
    ['bill_type=ALL', 'tradebill', 400, 'PARAM_ERROR'],
    ['bill_date=2026-01-15&bill_type=X', 'tradebill', 400, 'PARAM_ERROR'],
    ['bill_date=2026-01-15&tar_type=ZIP', 'tradebill', 400, 'PARAM_ERROR'],
    ['bill_date=2026-01-01&account_type=FEES', 'fundflowbill', 400, 'NO_STATEMENT_EXIST'],
  ]
  for (const [query, name, status, code] of refused) {
    t.match(await bill(query, name), { status, json: { code }, signedBy: 'public-key' }, query)
  }
  await world.advance('24h')
  for (const [name, query, columns] of [
    ['tradebill', 'bill_date=2026-01-15', 27],
    ['tradebill', 'bill_date=2026-01-15&bill_type=SUCCESS', 20],
    ['tradebill', 'bill_date=2026-01-15&bill_type=REFUND', 29],
    ['fundflowbill', 'bill_date=2026-01-15', 11],
  ] as const) {
    const { json } = await bill(query, name)
    t.match(json, { hash_type: 'SHA1', download_url: `${world.baseUrl}/v3/billdownload/file?token=` })
    const plain = await get(world, json.download_url.slice(world.baseUrl.length))
    t.match(plain, { status: 200, signedBy: 'nobody' })
    t.equal(plain.headers.get('wechatpay-signature'), null)
    const file = Buffer.from(await (await download(json.download_url)).arrayBuffer())
    t.equal(createHash('sha1').update(file).digest('hex'), json.hash_value)
    t.equal(file.toString().split('\r\n')[0]!.split(',').length, columns, query)
    const zipped = await bill(`${query}&tar_type=GZIP`, name)
    t.match(zipped.json.download_url, /&tartype=gzip$/)
    const response = await download(zipped.json.download_url)
    t.equal(response.headers.get('content-type'), 'application/x-gzip')
    t.same(gunzipSync(Buffer.from(await response.arrayBuffer())), file)
    t.equal(zipped.json.hash_value, json.hash_value)
  }
  const { json } = await bill('bill_date=2026-01-15')
  const path = json.download_url.slice(world.baseUrl.length)
  await world.advance('5m')
  t.match(await get(world, path), { status: 200 })
  await world.advance('1ms')
  t.match(await get(world, path), { status: 400, json: { message: '账单下载地址已失效' }, signedBy: 'nobody' })
  t.match(await get(world, `${path}0`), { status: 400, signedBy: 'nobody' })
  t.match(await call(world, 'GET', path, { authorization: '' }), { status: 401 })

  async function download(url: string): Promise<Response> {
    const path = url.slice(world.baseUrl.length)
    return fetch(url, { headers: { authorization: authorization(world, 'GET', path, '') } })
  }

  const wrong = await startV3(t, { world: { behaviour: { billHash: 'wrong' }, seed: 'default' } })
  await order(wrong, shop.notifyUrl)
  await wrong.pay('tea-0001')
  await wrong.advance('24h')
  const told = (await get(wrong, '/v3/bill/tradebill?bill_date=2026-01-15')).json
  const file = (await get(wrong, told.download_url.slice(wrong.baseUrl.length))).text
  t.match(told.hash_value, /^[0-9a-f]{40}$/)
  t.not(createHash('sha1').update(file).digest('hex'), told.hash_value)
})

t.test('the other ways to order', async (t) => {
  const world = await startV3(t)
  const { appid, mchId } = world.credentials
  const body = (no: string) => ({
    appid,
    mchid: mchId,
    description: 'x',
    out_trade_no: no,
    notify_url: 'http://127.0.0.1:9/n',
    amount: { total: 1 },
  })
  const h5 = { payer_client_ip: '1.2.3.4', h5_info: { type: 'Wap' } }
  t.match((await post(world, '/v3/pay/transactions/native', body('nat-01'))).json, {
    code_url: /^weixin:\/\/wxpay\/bizpayurl\/up\?pr=\w{9}&groupid=00$/,
  })
  t.match((await post(world, '/v3/pay/transactions/app', body('app-01'))).json, { prepay_id: /^wx/ })
  t.match((await post(world, '/v3/pay/transactions/h5', { ...body('h5-001'), scene_info: h5 })).json, {
    h5_url: /^https:\/\/wx\.tenpay\.com\/.*prepay_id=wx\w+&package=\d+$/,
  })
  t.match((await post(world, '/v3/pay/transactions/h5', body('h5-002'))).json, { message: /scene_info.*必填性/ })
  t.match((await post(world, '/v3/pay/transactions/native', { ...body('nat-02'), payer: { openid: 'o' } })).json, {
    detail: { value: ['/body/payer'] },
  })
  for (const [no, type] of [
    ['nat-01', 'NATIVE'],
    ['app-01', 'APP'],
    ['h5-001', 'MWEB'],
  ] as const) {
    await world.pay(no, { deliver: 'hold' })
    t.match(await query(world, no), { json: { trade_type: type, trade_state: 'SUCCESS', payer: { openid: /^o/ } } })
  }
})

t.test('time_expire is the last moment to pay, but does not close the order', async (t) => {
  const world = await startV3(t)
  const url = 'http://127.0.0.1:9/n'
  const made: [no: string, time: string, expires: string][] = [
    ['short-1', '2026-01-15T12:00:01+08:00', '2026-01-15T04:01:00.000Z'],
    ['exact-1', '2026-01-15T05:00:00Z', '2026-01-15T05:00:00.000Z'],
    ['long-01', '2027-01-01T00:00:00+08:00', '2026-01-30T04:00:00.000Z'],
  ]
  for (const [no, time, expires] of made) {
    await order(world, url, { out_trade_no: no, time_expire: time })
    t.equal(world.order(no).expiresAt!.toISOString(), expires, no)
  }
  await order(world, url, { out_trade_no: 'never-1' })
  await world.advance('1h')
  t.match(await query(world, 'short-1'), { json: { trade_state: 'NOTPAY' } })
  await t.rejects(world.pay('short-1'), { code: 'ORDER_NOT_PAYABLE', message: /its time_expire has passed/ })
  await world.pay('never-1', { deliver: 'hold' })
  await world.advance('167h')
  t.match(await query(world, 'short-1'), { json: { trade_state: 'CLOSED' } }, 'after seven days')
  t.match(await query(world, 'long-01'), { json: { trade_state: 'NOTPAY' } })
  await world.advance('192h')
  t.match(await query(world, 'long-01'), { json: { trade_state: 'CLOSED' } })
})
