import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { ClientCert } from '../../src/client/certificate.ts'
import { noticesOf } from '../../src/options/notices.ts'
import { parseOptions } from '../../src/options/parse.ts'
import type { MerchantConfig } from '../../src/options/parse.ts'
import { Secret } from '../../src/base/secret.ts'
import { MERCHANT_V3, OPTIONS, V3_FILES } from './merchant-v3.ts'
import { merchant } from '../helpers.ts'

const [cert, key, expired] = ['cert.pem', 'key.pem', 'expired.pem'].map((name) =>
  readFileSync(new URL(`../tls/${name}`, import.meta.url)),
) as [Buffer, Buffer, Buffer]
const AT = new Date('2024-06-01T00:00:00Z')
const WECHAT = { hosts: { miniProgram: ['https://api.weixin.qq.com'], pay: ['https://api.mch.weixin.qq.com'] } }
const at = (origin: string) => ({ hosts: { miniProgram: [origin], pay: [origin] } })
const v2 = (cert?: ClientCert): MerchantConfig => ({
  version: 'v2',
  apiKeys: [new Secret('d6b41c7fe92a05385fb0c6e1d97a2483')],
  signType: 'MD5',
  cert,
})

t.test('plain HTTP to another machine', async (t) => {
  const quiet = ['http://127.0.0.1:8090', 'http://localhost:8090', 'http://[::1]:8090', 'https://wechat.example.com']
  for (const origin of quiet) t.strictSame(noticesOf({ ...at(origin), merchant: v2() }, AT), [], origin)
  for (const origin of ['http://wechat:8090', 'http://10.0.0.1', 'http://127.0.0.1.example.com']) {
    const notices = noticesOf({ ...at(origin), merchant: v2() }, AT)
    t.match(notices, [{ level: 'warn', text: `\`baseUrl\` ${origin} is plain HTTP to another machine` }], origin)
    t.equal(notices.length, 1)
  }
})

t.test('the expiry of the certificate', async (t) => {
  const cases: [now: string, level: string | undefined, text: RegExp][] = [
    ['2024-12-01T23:59:59Z', undefined, /./],
    [
      '2024-12-02T00:00:01Z',
      'warn',
      /^`merchant\.cert` expires on 2025-01-01, and from then on WeChat accepts no refund\. Get a new/,
    ],
    ['2024-12-31T23:59:59Z', 'warn', /expires on 2025-01-01/],
    ['2025-01-01T00:00:00Z', 'error', /^`merchant\.cert` expired on 2025-01-01: WeChat accepts no refund until/],
    ['2031-01-01T00:00:00Z', 'error', /expired on 2025-01-01/],
  ]
  for (const [now, level, text] of cases) {
    const notices = noticesOf({ ...WECHAT, merchant: v2({ cert: expired, key }) }, new Date(now))
    if (level === undefined) t.strictSame(notices, [], now)
    else t.match(notices, [{ level, text }], now)
  }
  t.strictSame(noticesOf({ ...WECHAT, merchant: v2({ cert, key }) }, AT), [])
})

t.test('the expiry of API v3 certificates', async (t) => {
  const ends = [V3_FILES.certificate, V3_FILES.platformCertificate].map((pem) =>
    Date.parse(new X509Certificate(pem).validTo),
  )
  const { merchant } = parseOptions({
    ...OPTIONS,
    merchant: {
      ...MERCHANT_V3,
      certificate: V3_FILES.certificate,
      platformCertificates: [V3_FILES.platformCertificate],
    },
  })
  const levels = (at: Date) =>
    noticesOf({ ...WECHAT, merchant }, at).map(({ level, text }) => [level, /`[^`]+`/.exec(text)![0]])
  t.strictSame(levels(new Date(Math.min(...ends) - 31 * 86_400_000)), [])
  t.strictSame(levels(new Date('2500-01-01')), [
    ['error', '`merchant.certificate`'],
    ['error', '`merchant.platformCertificates`'],
  ])
  t.strictSame(
    noticesOf({ ...WECHAT, merchant: parseOptions(OPTIONS).merchant }, new Date('2500-01-01')),
    [],
    'a public key does not expire',
  )
})

t.test('each notice is logged once at start, and nothing is refused', async (t) => {
  const told = async (cert: Buffer, baseUrl?: string) => {
    const shop = await merchant(t, {
      options: {
        merchant: {
          version: 'v2',
          mchId: '1900000109',
          apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483',
          cert: { cert, key },
        },
        ...(baseUrl !== undefined && { baseUrl }),
      },
    })
    return shop.logs.filter(({ level }) => (level as number) > 30).map(({ level, msg }) => [level, msg])
  }
  t.strictSame(await told(cert), [])
  t.match(await told(expired), [[50, /^`merchant\.cert` expired on 2025-01-01/]])
  t.match(await told(cert, 'http://wechat.invalid:8090'), [
    [40, /^`baseUrl` http:\/\/wechat\.invalid:8090 is plain HTTP/],
  ])
})
