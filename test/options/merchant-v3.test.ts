import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import type { WechatError } from '../../src/errors.ts'
import type { MerchantV3, WechatPayOptions } from '../../src/options/options.ts'
import { parseOptions } from '../../src/options/parse.ts'
import type { MerchantConfig } from '../../src/options/parse.ts'
import { MERCHANT_V3, OPTIONS, V3_FILES } from './merchant-v3.ts'

type Config = MerchantConfig & { version: 'v3' }

const parse = (merchant: Partial<MerchantV3>, options: Partial<WechatPayOptions> = {}) =>
  parseOptions({ ...OPTIONS, ...options, merchant: { ...MERCHANT_V3, ...merchant } as MerchantV3 })
const configOf = (merchant: Partial<MerchantV3>) => parse(merchant).merchant as Config

/** The faults of a valid merchant changed by `merchant`. */
function faults(merchant: Record<string, unknown>, options: Partial<WechatPayOptions> = {}): string[] {
  try {
    parse(merchant, options)
    return []
  } catch (error) {
    return (error as WechatError).message.split('\n- ').slice(1)
  }
}

const API_KEY = 'd6b41c7fe92a05385fb0c6e1d97a2483'

t.test('a merchant with a public key', async (t) => {
  const { mchId, merchant } = parse({})
  t.equal(mchId, MERCHANT_V3.mchId)
  const config = merchant as Config
  t.match(config, {
    version: 'v3',
    signer: { mchId, serialNo: MERCHANT_V3.serialNo },
    downloadCertificates: false,
    certificate: undefined,
    v2: undefined,
  })
  t.equal(config.signer.privateKey.type, 'private')
  t.strictSame(
    config.platformKeys.map(({ serial, key }) => [serial, key.type]),
    [[MERCHANT_V3.publicKeyId, 'public']],
  )
  t.strictSame(
    config.apiV3Keys.map((key) => key!.reveal()),
    [MERCHANT_V3.apiV3Key],
  )
  const text =
    inspect(parse({ apiKey: API_KEY }), { depth: 9, showHidden: true }) +
    JSON.stringify(parse({ apiKey: API_KEY }).merchant)
  for (const secret of [MERCHANT_V3.apiV3Key as string, API_KEY, 'PRIVATE KEY', V3_FILES.privateKey.split('\n')[2]!]) {
    t.notOk(text.includes(secret), 'no key is ever printed')
  }
})

t.test('equivalent options', async (t) => {
  const { serialNo: _, ...rest } = MERCHANT_V3
  const { certificate, signer } = parseOptions({ ...OPTIONS, merchant: { ...rest, certificate: V3_FILES.certificate } })
    .merchant as Config
  t.equal(signer.serialNo, MERCHANT_V3.serialNo, 'the serial number comes from the certificate')
  t.ok(certificate)
  t.strictSame(
    faults({ certificate: Buffer.from(V3_FILES.certificate), serialNo: MERCHANT_V3.serialNo!.toLowerCase() }),
    [],
    'both',
  )
  t.strictSame(
    faults({ privateKey: Buffer.from(V3_FILES.privateKey), publicKey: Buffer.from(V3_FILES.publicKey) }),
    [],
    'buffers',
  )

  const changing = configOf({ platformCertificates: 'download' })
  t.equal(changing.downloadCertificates, true)
  t.equal(changing.platformKeys.length, 1)
  const given = configOf({ platformCertificates: [V3_FILES.platformCertificate] })
  t.equal(given.downloadCertificates, false)
  t.equal(given.platformKeys.length, 2)
  const { publicKey: __, publicKeyId: ___, ...old } = MERCHANT_V3
  t.equal(
    (parseOptions({ ...OPTIONS, merchant: { ...old, platformCertificates: 'download' } }).merchant as Config)
      .platformKeys.length,
    0,
  )

  const two = configOf({
    apiV3Key: ['Qd3Wm8Rk1Zt6Yb4Vn9Xc2Lp7Hs5Gf0Ja', MERCHANT_V3.apiV3Key as string],
    apiKey: [API_KEY, `${API_KEY.slice(1)}0`],
    signType: 'MD5',
  })
  t.equal(two.apiV3Keys.length, 2)
  t.match(two.v2, { signType: 'MD5' })
  t.equal(two.v2!.apiKeys.length, 2)
  t.equal(configOf({ apiKey: API_KEY }).v2!.signType, 'HMAC-SHA256')
  t.strictSame(faults({}, { latePayment: 'refund' }), [], 'refunds need no client certificate')
})

t.test('every fault is reported at once', async (t) => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = (key: typeof weak.privateKey) =>
    String(key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }))
  const cases: [name: string, merchant: Record<string, unknown>, expected: RegExp[]][] = [
    [
      'a key of 31 characters',
      { apiV3Key: 'x'.repeat(31) },
      [/^`merchant\.apiV3Key` must be the APIv3 key, exactly 32 characters/],
    ],
    [
      'a key of 32 characters and more bytes',
      { apiV3Key: 'Qd3Wm8Rk1Zt6Yb4Vn9Xc2Lp7Hs5Gf0J钥' },
      [/^`merchant\.apiV3Key` must be/],
    ],
    [
      'the same key twice',
      { apiV3Key: [MERCHANT_V3.apiV3Key, MERCHANT_V3.apiV3Key] },
      [/^`merchant\.apiV3Key` must be/],
    ],
    ['three keys', { apiV3Key: ['a', 'b', 'c'] }, [/^`merchant\.apiV3Key` must be/]],
    ['the APIv2 key', { apiV3Key: API_KEY, apiKey: API_KEY }, [/^`merchant\.apiV3Key` is the APIv2 key/]],
    ['no key', { apiV3Key: undefined }, [/^`merchant\.apiV3Key` is missing/]],
    ['no private key', { privateKey: undefined }, [/^`merchant\.privateKey` is missing/]],
    [
      'a path',
      { privateKey: './apiclient_key.pem' },
      [/^`merchant\.privateKey` cannot be used: it is not PEM: give the content of the file, not its path/],
    ],
    [
      'the certificate as the key',
      { privateKey: V3_FILES.certificate },
      [/^`merchant\.privateKey` cannot be used: it is a CERTIFICATE: give apiclient_key\.pem/],
    ],
    [
      'a truncated key',
      { privateKey: V3_FILES.privateKey.slice(0, 200) + '\n-----END PRIVATE KEY-----' },
      [/^`merchant\.privateKey` cannot be used: it cannot be read \(Node: /],
    ],
    ['a key that is too short', { privateKey: pem(weak.privateKey) }, [/it is a key of type rsa with 1024 bits/]],
    ['a key of another kind', { privateKey: pem(curve.privateKey) }, [/it is a key of type ec/]],
    ['a number', { privateKey: 7 }, [/^`merchant\.privateKey` must be the content of apiclient_key\.pem$/]],
    ['no serial number', { serialNo: undefined }, [/^`merchant\.serialNo` or `merchant\.certificate` is missing/]],
    ['a serial number with colons', { serialNo: '37:75:B6' }, [/^`merchant\.serialNo` must be .*, not "37:75:B6"/]],
    [
      "a serial number that is not the certificate's",
      { serialNo: '0123456789ABCDEF', certificate: V3_FILES.certificate },
      [
        /^`merchant\.serialNo` is not that of `merchant\.certificate`, which is 3775B6A45ACD588826D15E583A95F5DD3A1B0C01/,
      ],
    ],
    [
      'the key of another certificate',
      { privateKey: V3_FILES.otherPrivateKey, certificate: V3_FILES.certificate },
      [/^`merchant\.privateKey` does not belong to `merchant\.certificate`/],
    ],
    [
      'a public key as the certificate',
      { certificate: V3_FILES.ownPublicKey },
      [/^`merchant\.certificate` cannot be used: it is a PUBLIC KEY, not a certificate/],
    ],
    ['a certificate that is not PEM', { certificate: 'x' }, [/^`merchant\.certificate` cannot be used: it is not PEM/]],
    [
      'an id without its key',
      { publicKey: undefined },
      [/`merchant\.publicKeyId` and `merchant\.publicKey` must be given together/],
    ],
    ['a key without its id', { publicKeyId: undefined }, [/must be given together/]],
    [
      'no key of WeChat Pay',
      { publicKey: undefined, publicKeyId: undefined },
      [/^give `merchant\.publicKeyId` and `merchant\.publicKey`, or `merchant\.platformCertificates`/],
    ],
    [
      'an invalid id',
      { publicKeyId: '0119000001092024112600000000000001' },
      [/^`merchant\.publicKeyId` must be the id/],
    ],
    ['our own public key', { publicKey: V3_FILES.ownPublicKey }, [/^`merchant\.publicKey` is your own/]],
    [
      'a private key as the public one',
      { publicKey: V3_FILES.privateKey },
      [/^`merchant\.publicKey` cannot be used: it is a PRIVATE KEY: give pub_key\.pem/],
    ],
    [
      'a certificate as the public key',
      { publicKey: V3_FILES.platformCertificate },
      [/^`merchant\.publicKey` cannot be used: it is a certificate/],
    ],
    ['a public key that is not PEM', { publicKey: 'x' }, [/^`merchant\.publicKey` cannot be used: it is not PEM/]],
    ['invalid certificates', { platformCertificates: [] }, [/^`merchant\.platformCertificates` must be "download"/]],
    ['another word', { platformCertificates: 'auto' }, [/^`merchant\.platformCertificates` must be "download"/]],
    [
      'an invalid platform certificate',
      { platformCertificates: [V3_FILES.platformCertificate, 'x'] },
      [/^`merchant\.platformCertificates` cannot be used: it is not PEM/],
    ],
    [
      'our own certificate as the platform certificate',
      { platformCertificates: [V3_FILES.certificate] },
      [/^`merchant\.platformCertificates` contains your own/],
    ],
    ['an option of v2', { cert: {} }, [/^`merchant\.cert` is not an option; the options are version, mchId, apiV3Key/]],
    ['several faults at once', { mchId: 'x', apiV3Key: 'x', serialNo: undefined }, [/mchId/, /apiV3Key/, /serialNo/]],
  ]
  for (const [name, merchant, expected] of cases) {
    const found = faults(merchant)
    t.match(found, expected, name)
    t.equal(found.length, expected.length, name)
    t.notMatch(found.join(), V3_FILES.privateKey.split('\n')[2]!, 'without the key')
  }
})

t.test("a platform certificate in place of the merchant's", async (t) => {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const dir = t.testdir({ 'key.pem': key })
  const certificate = openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    `${dir}/key.pem`,
    '-days',
    '1',
    '-subj',
    '/CN=Tenpay.com sign/O=Tenpay.com',
  )
  t.match(faults({ certificate, serialNo: undefined }), [
    /^`merchant\.certificate` is a platform certificate of WeChat Pay/,
  ])
})
