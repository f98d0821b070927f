import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import t, { type Test } from 'tap'
import { createMockWechat, type TlsOptions, type World } from '../../../mock-server/index.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { bodyOf, NOON, orderFields, refundFields, signedXml, type Values } from '../helpers.ts'

const pem = (name: string) => readFileSync(new URL(`../tls/${name}`, import.meta.url), 'utf8')
const TLS = { key: pem('server.key'), cert: pem('server.crt') }
const AUTHORITY = pem('ca.crt')
const MERCHANT = { key: pem('merchant.key'), cert: pem('merchant.crt') }
/** With the same name, but untrusted. */
const STRANGER = { key: pem('stranger.key'), cert: pem('stranger.crt') }
const P12 = { pfx: readFileSync(new URL('../tls/merchant.p12', import.meta.url)), passphrase: '1900000109' }

/** A POST with or without a client certificate; the fields of the answer, or the code of the error. */
async function post(url: string, body: string, certificate: object = {}): Promise<Record<string, string> | string> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method: 'POST', ca: AUTHORITY, agent: false, ...certificate }, (response) => {
      resolve(bodyOf(response).then((text) => Object.fromEntries(readXml(text))))
    })
    outgoing.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code!))
    outgoing.end(body)
  })
}

async function startSecure(t: Test, mchId = '1900000109', tls: TlsOptions = { ...TLS, ca: AUTHORITY }): Promise<World> {
  const mock = await createMockWechat({ tls, world: { startTime: NOON, certMode: 'required', mchId } })
  t.teardown(() => mock.close())
  t.match(mock.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.match(mock.controlUrl, /^https:/)
  return mock.default
}

const call = (world: World, path: string, values: Values, certificate?: object) =>
  post(`${world.baseUrl}${path}`, signedXml(world, values), certificate)
const placed = (world: World, certificate?: object) =>
  call(world, '/pay/unifiedorder', orderFields('http://127.0.0.1:1/notify'), certificate)

t.test('calls that need no certificate work without one', async (t) => {
  const world = await startSecure(t)
  t.match(await placed(world), { result_code: 'SUCCESS' })
  t.match(await placed(world, STRANGER), { result_code: 'SUCCESS' })
})

t.test("refund and fund flow need the merchant's; without one the connection breaks", async (t) => {
  const world = await startSecure(t)
  await placed(world)
  await world.pay('tea-0001', { deliver: 'hold' })
  for (const path of ['/secapi/pay/refund', '/pay/refund', '/pay/downloadfundflow']) {
    t.equal(await call(world, path, refundFields()), 'ECONNRESET', path)
    t.match(world.journal.entries().at(-1), { note: 'no client certificate, so no connection' })
    t.notOk('response' in world.journal.entries().at(-1)!)
  }
  t.same(world.refunds(), [])
  const fault = world.fault('refund', { kind: 'result_code_fail', err_code: 'NOTENOUGH' })
  t.equal(
    await call(world, '/secapi/pay/refund', refundFields()),
    'ECONNRESET',
    'a business refusal is not possible either',
  )
  fault.remove()
  t.match(await call(world, '/secapi/pay/refund', refundFields(), STRANGER), {
    result_code: 'FAIL',
    err_code: 'CERT_ERROR',
    err_code_des: '证书校验错误',
  })
  for (const certificate of [MERCHANT, P12]) {
    t.match(await call(world, '/secapi/pay/refund', refundFields(), certificate), { result_code: 'SUCCESS' })
  }
  t.equal(world.refunds().length, 1)
  t.match(await call(world, '/pay/downloadfundflow', {}, MERCHANT), { return_code: 'FAIL', return_msg: '缺少参数' })
})

t.test('without one a caller does not even learn that a request is malformed', async (t) => {
  const world = await startSecure(t)
  for (const body of ['', '{}', signedXml(world, { mch_id: undefined, appid: undefined })]) {
    t.equal(await post(`${world.baseUrl}/secapi/pay/refund`, body), 'ECONNRESET', body)
    t.match(await post(`${world.baseUrl}/secapi/pay/refund`, body, MERCHANT), { return_code: 'FAIL' }, body)
  }
})

t.test("another merchant's certificate is not accepted", async (t) => {
  const world = await startSecure(t, '1900000110')
  t.match(await call(world, '/secapi/pay/refund', refundFields(), MERCHANT), { err_code: 'CERT_ERROR' })
})

t.test('without a CA only the name counts', async (t) => {
  const world = await startSecure(t, '1900000109', TLS)
  t.match(await call(world, '/secapi/pay/refund', refundFields(), STRANGER), { err_code: 'ORDERNOTEXIST' })
})

t.test('a fault that alters replies has nothing to alter', async (t) => {
  const world = await startSecure(t)
  world.fault('refund', { kind: 'bad_sign' })
  t.equal(await call(world, '/secapi/pay/refund', refundFields()), 'ECONNRESET')
})

t.test('a world that requires none; the sandbox paths require it like the others', async (t) => {
  const world = await startSecure(t)
  const mock = await createMockWechat({ tls: TLS, world: { mchId: '1900000109' } })
  t.teardown(() => mock.close())
  t.match(await call(mock.default, '/secapi/pay/refund', refundFields()), { err_code: 'ORDERNOTEXIST' })
  t.equal(await call(world, '/sandboxnew/pay/refund', refundFields()), 'ECONNRESET', 'the same service')
})

t.test('a certificate can be required only with TLS', async (t) => {
  await t.rejects(createMockWechat({ world: { certMode: 'required' } }), {
    code: 'BAD_INPUT',
    message: /^certMode: required needs a mock with TLS/,
    details: { field: 'certMode' },
  })
})

t.test('refunds with the certificate of the credentials, as a pair, as a file, over HTTP', async (t) => {
  const world = await startSecure(t, '1900000109', TLS)
  await placed(world)
  await world.pay('tea-0001', { deliver: 'hold' })
  const { cert, p12 } = world.credentials
  t.same(Object.keys(cert), ['cert', 'key'])
  t.same([Object.keys(p12), p12.passphrase], [['pfx', 'passphrase'], '1900000109'])
  const overHttp = await new Promise<Record<string, any>>((resolve) => {
    request(`${world.baseUrl}/__mock/v1/worlds/default`, { ca: AUTHORITY, agent: false }, (response) =>
      resolve(bodyOf(response).then((text) => JSON.parse(text))),
    ).end()
  })
  t.same(overHttp.cert, cert)
  const file = { pfx: Buffer.from(overHttp.p12.pfx, 'base64'), passphrase: overHttp.p12.passphrase }
  t.same(file, p12)
  for (const certificate of [cert, p12, file]) {
    t.match(await call(world, '/secapi/pay/refund', refundFields(), certificate), { result_code: 'SUCCESS' })
  }
  t.equal(world.credentials.cert, cert, 'made once')
})

t.test("each merchant has its own; merchantOptions is what the plugin's merchant takes", async (t) => {
  const world = await startSecure(t, '1900000109', TLS)
  const { mchId, apiKey, cert } = world.credentials
  t.same(world.merchantOptions('v2'), { version: 'v2', mchId, apiKey, cert })
  world.setMerchant('10000100', { signType: 'MD5', certMode: 'required' })
  const other = world.merchantOptions('v2', { mchId: '10000100' })
  t.match(other, { version: 'v2', mchId: '10000100', signType: 'MD5' })
  t.not(other.cert.cert, cert.cert)
  const second = { ...world, credentials: { ...world.credentials, ...other } }
  t.match(await call(second, '/secapi/pay/refund', refundFields(), other.cert), { err_code: 'ORDERNOTEXIST' })
  t.match(await call(second, '/secapi/pay/refund', refundFields(), cert), { err_code: 'CERT_ERROR' })
  t.throws(() => world.merchantOptions('v2', { mchId: '1' }), { code: 'UNKNOWN_MERCHANT' })
  t.throws(() => world.merchantOptions('v1' as 'v2'), { code: 'BAD_INPUT', details: { field: 'version' } })
})

t.test('merchantOptions of a service provider names its own app and its sub-merchants', async (t) => {
  const mock = await createMockWechat({ world: { subMerchants: 2 } })
  t.teardown(() => mock.close())
  const world = mock.default
  const { appid, subMerchants } = world.credentials
  const partner = { spAppid: appid, subMchIds: subMerchants!.map(({ mchId }) => mchId) }
  for (const version of ['v2', 'v3'] as const) t.same(world.merchantOptions(version).partner, partner)
  const { mchId } = world.setMerchant('10000100')
  t.notOk('partner' in world.merchantOptions('v3', { mchId }), 'an ordinary merchant has none')
})
