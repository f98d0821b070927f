import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { expiryOf, whyUnusable } from '../../src/client/certificate.ts'
import type { ClientCert } from '../../src/client/certificate.ts'

const file = (name: string) => readFileSync(new URL(`../tls/${name}`, import.meta.url))
const [cert, key, p12, legacy, expired] = ['cert.pem', 'key.pem', 'client.p12', 'legacy.p12', 'expired.pem'].map(
  file,
) as [Buffer, Buffer, Buffer, Buffer, Buffer]
const passphrase = '1900000109'

t.test('certificates that TLS can use', async (t) => {
  const cases: Record<string, ClientCert> = {
    'the files of the pair': { cert, key },
    'the texts of the pair': { cert: String(cert), key: String(key) },
    'a PKCS#12 file': { pfx: p12, passphrase },
    'an expired certificate': { cert: expired, key },
  }
  for (const [name, value] of Object.entries(cases)) t.equal(whyUnusable(value), undefined, name)
})

t.test("for a certificate that TLS cannot use, the message has the remedy and Node's reason", async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cases: [name: string, value: ClientCert, remedy: RegExp, reason: string][] = [
    [
      'a PKCS#12 file in the old encryption',
      { pfx: legacy, passphrase },
      /^the file uses an old encryption \(RC2-40\) .*apiclient_cert\.pem and apiclient_key\.pem .*openssl pkcs12 -legacy/,
      'Unsupported PKCS12 PFX data',
    ],
    [
      'the same with a wrong passphrase',
      { pfx: legacy, passphrase: 'hunter2' },
      /^the passphrase is wrong: it is the merchant number/,
      'mac verify failure',
    ],
    [
      'a wrong passphrase',
      { pfx: p12, passphrase: 'hunter2' },
      /^the passphrase is wrong: it is the merchant number/,
      'mac verify failure',
    ],
    ['no passphrase', { pfx: p12, passphrase: '' }, /^the passphrase is wrong/, 'mac verify failure'],
    [
      'a path instead of the file',
      { pfx: Buffer.from('./hunter2/apiclient_cert.p12'), passphrase },
      /^pfx must be the content of apiclient_cert\.p12, not its path/,
      '',
    ],
    ['an empty file', { pfx: Buffer.alloc(0), passphrase }, /^pfx must be the content/, 'not enough data'],
    ['the PEM file instead of the PKCS#12 file', { pfx: cert, passphrase }, /^pfx must be the content/, 'wrong tag'],
    [
      'paths instead of the pair',
      { cert: './hunter2/apiclient_cert.pem', key: './hunter2/apiclient_key.pem' },
      /^cert and key must be the content of apiclient_cert\.pem and apiclient_key\.pem .*, not their paths/,
      'no start line',
    ],
    ['a path instead of the key', { cert, key: './hunter2.pem' }, /^cert and key must be the content/, 'unsupported'],
    ['the pair swapped', { cert: key, key: cert }, /, and not swapped/, 'no start line'],
    ['a truncated certificate', { cert: cert.subarray(0, 200), key }, /^cert and key must be the content/, ''],
    [
      'the key of another certificate',
      { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) },
      /^the key does not belong to the certificate/,
      'key values mismatch',
    ],
    [
      'an encrypted key',
      {
        cert,
        key: createPrivateKey(key).export({
          type: 'pkcs8',
          format: 'pem',
          cipher: 'aes-128-cbc',
          passphrase: 'hunter2',
        }),
      },
      /^the key is encrypted: give apiclient_key\.pem/,
      'bad decrypt',
    ],
  ]
  for (const [name, value, remedy, reason] of cases) {
    const why = whyUnusable(value)
    t.match(why, remedy, name)
    t.ok(why?.endsWith(')') && why.includes(' (Node: ') && why.includes(reason), `${name}: ${why}`)
    t.notMatch(why, /hunter2|1900000109/, `${name}: neither passphrase nor path`)
  }
})

t.test('when a certificate expires', async (t) => {
  t.strictSame(expiryOf({ cert, key }), new Date('2120-01-01T00:00:00Z'))
  t.strictSame(expiryOf({ pfx: p12, passphrase }), new Date('2120-01-01T00:00:00Z'))
  t.strictSame(expiryOf({ cert: expired, key }), new Date('2025-01-01T00:00:00Z'))
})
