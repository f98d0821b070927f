import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { createKeys } from '../../../mock-server/ledger/keys.ts'
import { startMock } from '../helpers.ts'

t.test('a merchant number has the same keys in every world, and two numbers differ', async (t) => {
  const shown = (keys: ReturnType<typeof createKeys>) => [
    keys.merchantCertificate().pair(),
    keys.publicKey().id,
    keys.publicKey().pem(),
    keys.platformCertificate().pair(),
  ]
  t.same(shown(createKeys('1900000109', false)), shown(createKeys('1900000109', false)))
  t.not(
    createKeys('1900000109', false).merchantCertificate().serialNo,
    createKeys('1900000110', false).merchantCertificate().serialNo,
  )
  t.match(createKeys('1900000109', false).publicKey().id, /^PUB_KEY_ID_01190000010920241126\d{14}$/)
})

t.test('expired certificates', async (t) => {
  const { validTo } = new X509Certificate(createKeys('1900000109', true).platformCertificate().pair().cert)
  t.ok(new Date(validTo) < new Date('2019-01-01'))
  t.match(new X509Certificate(createKeys('1900000109', true).merchantCertificate().pair().cert).validTo, / 2049 /)
})

t.test('a certificate is issued once, on first use', async (t) => {
  const keys = createKeys('1900000109', false)
  const certificate = keys.merchantCertificate()
  t.equal(keys.merchantCertificate(), certificate)
  t.equal(certificate.pair(), certificate.pair())
  t.equal(certificate.file(), certificate.file())
  t.equal(certificate.file().passphrase, '1900000109')
})

t.test('a new key replaces the old one, or is valid beside it', async (t) => {
  const keys = createKeys('1900000109', false)
  const first = keys.merchantCertificate()
  t.match(keys.findMerchantCertificate(first.serialNo.toLowerCase()), { isValid: true }, 'without case')
  t.equal(keys.findMerchantCertificate('0'.repeat(40)), undefined)
  for (let n = 0; n < 3; n++) keys.rotate('merchant-certificate', true)
  t.match(keys.findMerchantCertificate(first.serialNo), { isValid: false }, 'at most three')
  const kept = keys.merchantCertificate()
  keys.rotate('merchant-certificate', false)
  t.match(keys.findMerchantCertificate(kept.serialNo), { isValid: false })
  t.match(keys.findMerchantCertificate(keys.merchantCertificate().serialNo), { isValid: true })

  const serials = () => keys.platformCertificates().map(({ serialNo }) => serialNo)
  const [old] = serials()
  keys.rotate('platform-certificate', true)
  t.match(serials(), [old, keys.platformCertificate().serialNo])
  const before = keys.dump()
  keys.rotate('platform-certificate', true)
  t.equal(serials().length, 2)
  keys.rotate('platform-certificate', false)
  t.equal(serials().length, 1)
  keys.rotate('public-key', true)
  t.equal(keys.publicKeys().length, 2)
  keys.rotate('public-key', false)
  t.same(keys.publicKeys(), [keys.publicKey()])

  keys.load(before)
  t.match(serials(), [old, keys.platformCertificate().serialNo], 'as before')
  t.equal(keys.publicKeys().length, 1)
})

t.test('the credentials of a world belong together', async (t) => {
  const { default: world } = await startMock(t, { world: { seed: 1, apiV3Key: 'k'.repeat(32) } })
  const { mchId, cert, p12, v3 } = world.credentials
  const certificate = new X509Certificate(v3.certificate)
  t.same([v3.certificate, v3.privateKey], [cert.cert, cert.key])
  t.equal(p12.passphrase, mchId)
  t.match(certificate.subject, `CN=${mchId}`)
  t.equal(certificate.serialNumber, v3.serialNo)
  t.ok(certificate.checkPrivateKey(createPrivateKey(v3.privateKey)))
  t.equal(createPublicKey(v3.publicKey).asymmetricKeyType, 'rsa')
  t.equal(new X509Certificate(v3.platformCertificate).serialNumber, v3.platformSerialNo)
  t.match(v3, { apiV3Key: 'k'.repeat(32), keyMode: 'public-key' })
})

t.test("what the plugin's merchant option takes", async (t) => {
  const { default: world } = await startMock(t)
  const { mchId, apiKey, cert, v3 } = world.credentials
  const { apiV3Key, privateKey, serialNo, publicKeyId, publicKey } = v3
  t.same(world.merchantOptions('v2'), { version: 'v2', mchId, apiKey, cert })
  const own = { version: 'v3', mchId, apiV3Key, privateKey, serialNo, apiKey }
  for (const [keyMode, keys] of [
    ['public-key', { publicKeyId, publicKey }],
    ['certificate', { platformCertificates: 'download' }],
    ['changing', { publicKeyId, publicKey, platformCertificates: 'download' }],
  ] as const) {
    world.setMerchant(mchId, { keyMode })
    t.same(world.merchantOptions('v3'), { ...own, ...keys }, keyMode)
  }
  t.throws(() => world.merchantOptions('v4' as 'v3'), { code: 'BAD_INPUT' })
})

t.test('key mode and share are options of a world', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ keyMode: 'changing', publicKeyShare: 0.1, signType: 'MD5' })
  t.match(world.merchants(), [{ keyMode: 'changing', publicKeyShare: 0.1, signType: 'MD5' }])
  t.match(world.merchantOptions('v2'), { signType: 'MD5' })
  for (const wrong of [{ keyMode: 'x' }, { publicKeyShare: 2 }, { apiV3Key: 'short' }]) {
    t.throws(() => mock.world(wrong as object), { code: 'BAD_INPUT' })
  }
})
