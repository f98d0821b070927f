import { createDecipheriv, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import t from 'tap'
import { openField, sealAead, sealField } from '../../mock-server/wire/aead-v3.ts'
import {
  ALWAYS_VALID,
  certificatePem,
  issueCertificate,
  LONG_EXPIRED,
  merchantSubject,
  PLATFORM_SUBJECT,
  privateKeyPem,
  publicKeyPem,
  serialNoOf,
} from '../../mock-server/wire/pki/certificates.ts'
import {
  AUTHORITY_KEY,
  MERCHANT_KEYS,
  PLATFORM_KEYS,
  STRANGER_KEY,
  WECHAT_PAY_KEYS,
} from '../../mock-server/wire/pki/key-pool.ts'
import { certificateFile } from '../../mock-server/wire/pki/pkcs12.ts'
import { rsaKey } from '../../mock-server/wire/pki/rsa-key.ts'
import {
  isSignedBy,
  messageText,
  paymentText,
  probeOf,
  readAuthorization,
  requestText,
  signRsa,
  wrongSignature,
} from '../../mock-server/wire/sign-v3.ts'
import { vectors } from './helpers.ts'

type Texts = Record<string, string>
interface Vector extends Texts {
  id: string
  kind: string
  key: string
}
const { keys, vectors: all } = vectors<{ keys: Record<string, Texts>; vectors: Vector[] }>('v3')
const ofKind = (...kinds: string[]) => all.filter(({ kind }) => kinds.includes(kind))
const privateOf = ({ key }: Vector) => createPrivateKey(keys[key]!.private_key_pem!)
const publicOf = ({ key }: Vector) => {
  const { public_key_pem: pem, certificate_pem: certificate } = keys[key]!
  return createPublicKey(pem ?? certificate!)
}

t.test('published vectors: what a merchant signs for a request', async (t) => {
  for (const vector of ofKind('request-signature')) {
    const { id, method, url, timestamp, nonce, body, message, signature, signature_computed_here: right } = vector
    const text = requestText({ method: method!, url: url!, timestamp: timestamp!, nonce: nonce!, body: body! })
    t.equal(text.toString(), message, `${id}: the text`)
    t.equal(signRsa(text, privateOf(vector)), right ?? signature, `${id}: the signature`)
    t.equal(isSignedBy(text, signature!, publicOf(vector)), vector.expect, `${id}: the check`)
  }
})

t.test('published vectors: what a merchant signs for a payment dialog', async (t) => {
  for (const vector of ofKind('invoke-payment-signature')) {
    const [appId, timeStamp, nonceStr, what] = vector.message!.split('\n') as [string, string, string, string]
    const text = paymentText(appId, timeStamp, nonceStr, what)
    t.equal(text.toString(), vector.message, `${vector.id}: the text`)
    t.equal(signRsa(text, privateOf(vector)), vector.paySign ?? vector.sign, vector.id)
  }
})

t.test('published vectors: what WeChat signs', async (t) => {
  const cases = ofKind('response-signature', 'notification').filter(({ headers }) => headers)
  t.ok(cases.length >= 8)
  for (const vector of cases) {
    const headers = vector.headers as unknown as Texts
    const text = messageText({
      timestamp: headers['Wechatpay-Timestamp']!,
      nonce: headers['Wechatpay-Nonce']!,
      body: vector.body!,
    })
    if (vector.message) t.equal(text.toString(), vector.message, `${vector.id}: the text`)
    const signature = headers['Wechatpay-Signature']!
    t.equal(isSignedBy(text, signature, publicOf(vector)), vector.expect, vector.id)
    if (vector.key.startsWith('mock_')) t.equal(signRsa(text, privateOf(vector)), signature, `${vector.id}: made again`)
  }
  const changed = all.find(({ id }) => id === 'self-notify-reserialised-must-fail')!
  const { headers } = all.find(({ id }) => id === 'self-notify-transaction-cert')! as unknown as { headers: Texts }
  const text = messageText({
    timestamp: headers['Wechatpay-Timestamp']!,
    nonce: headers['Wechatpay-Nonce']!,
    body: changed.body!,
  })
  t.equal(isSignedBy(text, changed.signature!, publicOf(changed)), false, changed.id)
  for (const vector of ofKind('raw-signature')) {
    t.equal(isSignedBy(Buffer.from(vector.message!), vector.signature!, publicOf(vector)), true, vector.id)
    t.equal(signRsa(Buffer.from(vector.message!), privateOf(vector)), vector.signature, vector.id)
  }
})

t.test('published vectors: AEAD_AES_256_GCM', async (t) => {
  for (const { id, apiv3_key: key, nonce, associated_data: data, ciphertext, plaintext } of ofKind(
    'aead-aes-256-gcm',
  )) {
    t.equal(sealAead(plaintext!, key!, nonce!, data!), ciphertext, id)
  }
  const messages = ofKind('notification').filter((vector) => vector.apiv3_key?.length === 32)
  t.equal(messages.length, 3)
  for (const { id, body, apiv3_key: key, plaintext } of messages) {
    const { resource } = JSON.parse(body!) as { resource: Texts }
    t.equal(sealAead(plaintext!, key!, resource.nonce!, resource.associated_data!), resource.ciphertext, id)
  }
  for (const vector of ofKind('platform-certificate-download')) {
    const [{ encrypt_certificate: sealed }] = (vector.response as unknown as { data: { encrypt_certificate: Texts }[] })
      .data as [{ encrypt_certificate: Texts }]
    // The recorded text ends with a line feed or without one.
    const made = [vector.certificate_pem!, `${vector.certificate_pem!}\n`].map((pem) =>
      sealAead(pem, vector.apiv3_key!, sealed.nonce!, sealed.associated_data!),
    )
    t.ok(made.includes(sealed.ciphertext!), vector.id)
  }
})

t.test('published vectors: single fields', async (t) => {
  for (const vector of ofKind('oaep-sha1-decrypt')) {
    t.equal(openField(vector.ciphertext!, privateOf(vector)), vector.plaintext, vector.id)
    t.equal(openField(sealField(vector.plaintext!, publicOf(vector)), privateOf(vector)), vector.plaintext)
    t.equal(openField(vector.ciphertext!, createPrivateKey(keys.docs_merchant!.private_key_pem!)), undefined)
  }
  const limit = all.find(({ id }) => id === 'self-oaep-max') as unknown as { max_bytes: number }
  const { publicKey } = rsaKey(STRANGER_KEY)
  t.ok(sealField('x'.repeat(limit.max_bytes), publicKey))
  t.throws(() => sealField('x'.repeat(limit.max_bytes + 1), publicKey))
})

t.test('probes have the recorded and the documented form, and never verify', async (t) => {
  const { privateKey, publicKey } = rsaKey(STRANGER_KEY)
  const text = messageText({ timestamp: '1767225600', nonce: 'n', body: '{}' })
  const signature = signRsa(text, privateKey)
  const documented = all.find(({ id }) => id === 'signtest-docs')!
  const live = probeOf(signature, 'live')
  const docs = probeOf(signature, 'docs')
  t.equal(docs.length, documented.signature!.length)
  t.equal(live.length, 355)
  for (const probe of [live, docs, documented.signature!]) {
    t.match(probe, /^WECHATPAY\/SIGNTEST\/[A-Za-z0-9+/]+={0,2}$/)
    t.equal(isSignedBy(text, probe, publicKey), false)
  }
  t.equal(Buffer.from(docs, 'base64').length, 256)
  t.equal(docs.slice(19), signature.slice(19), 'written over the head')
  const wrong = wrongSignature(signature)
  t.equal(wrong.length, signature.length)
  t.equal(isSignedBy(text, wrong, publicKey), false)
})

t.test('an Authorization header', async (t) => {
  const fields = {
    mchid: '1900007291',
    nonce_str: 'n',
    signature: 'c2ln+/==',
    timestamp: '1554208460',
    serial_no: 'AB',
  }
  const written = (names: readonly string[]) =>
    `WECHATPAY2-SHA256-RSA2048 ${names.map((name) => `${name}="${fields[name as keyof typeof fields]}"`).join(',')}`
  const names = Object.keys(fields)
  t.same(readAuthorization(written(names)), fields)
  t.same(readAuthorization(written(names.toReversed())), fields, 'in any order')
  const right = written(names)
  const cases: [string | undefined, string][] = [
    [undefined, 'missing'],
    ['', 'missing'],
    ['Bearer abc', 'scheme'],
    ['WECHATPAY2-SM2-WITH-SM3 mchid="1"', 'scheme'],
    [right.replace('WECHATPAY2-SHA256-RSA2048 ', ''), 'scheme'],
    ['WECHATPAY2-SHA256-RSA2048', 'form'],
    ['WECHATPAY2-SHA256-RSA2048 ', 'form'],
    [right.replace(' ', '  '), 'form'],
    [right.replaceAll(',', ', '), 'form'],
    [right.replaceAll('"', "'"), 'form'],
    [right.replaceAll('"', ''), 'form'],
    [right.replace('"n"', '""'), 'form'],
    [`${right},extra="1"`, 'form'],
    [`${right},mchid="1"`, 'form'],
    ...names.map((name): [string, string] => [written(names.filter((other) => other !== name)), 'form']),
  ]
  for (const [header, expected] of cases) t.equal(readAuthorization(header), expected, header ?? 'none')
  for (const { authorization } of all.filter(({ authorization }) => authorization)) {
    t.match(readAuthorization(authorization), { mchid: /^\d+$/, serial_no: /^[0-9A-F]{40}$/ })
  }
})

const SERIAL = 'D7CE59D1F522D7015DEA10EF55877E3CF6C33255'

t.test("certificates: subjects like WeChat's, serial numbers of 40 digits, and valid signatures", async (t) => {
  t.equal(serialNoOf(SERIAL.toLowerCase()), SERIAL.replace('D7', '57'))
  t.equal(serialNoOf('00'.repeat(20)), `10${'00'.repeat(19)}`, 'no leading zero')
  t.equal(serialNoOf('ff'.repeat(20)), `7F${'FF'.repeat(19)}`, 'positive')
  const authority = rsaKey(AUTHORITY_KEY).publicKey
  const key = rsaKey(MERCHANT_KEYS[0]!)
  for (const [subject, validity, shown] of [
    [
      merchantSubject('1900000109'),
      ALWAYS_VALID,
      'CN=1900000109\nO=微信商户系统\nOU=wechat-mock test certificate\nC=CN\nL=Shenzhen',
    ],
    [
      PLATFORM_SUBJECT,
      LONG_EXPIRED,
      'CN=Tenpay.com sign\nO=Tenpay.com\nOU=wechat-mock test certificate\nC=CN\nL=ShenZhen',
    ],
  ] as const) {
    const data = { subject, serialNo: serialNoOf(SERIAL), key, ...validity }
    const der = issueCertificate(data)
    const certificate = new X509Certificate(certificatePem(der))
    t.equal(certificate.serialNumber, data.serialNo)
    t.equal(certificate.subject, shown)
    t.match(certificate.issuer, 'CN=Tenpay.com Root CA')
    t.same(
      [certificate.validFrom, certificate.validTo].map((text) => new Date(text)),
      Object.values(validity),
    )
    t.ok(certificate.verify(authority), 'the CA has signed it')
    t.ok(certificate.checkPrivateKey(createPrivateKey(privateKeyPem(key))))
    t.equal(certificate.publicKey.export({ type: 'spki', format: 'pem' }), publicKeyPem(key))
    t.equal(certificate.ca, false)
    t.same(issueCertificate(data), der, 'the same bytes')
    const file = certificateFile(der, key, '1900000109')
    t.equal(file.passphrase, '1900000109')
    t.doesNotThrow(() => createSecureContext(file), 'OpenSSL 3 reads it')
    t.throws(() => createSecureContext({ ...file, passphrase: 'x' }), /mac verify failure/)
    t.same(certificateFile(der, key, '1900000109'), file)
  }
})

t.test('the pool: different RSA keys of 2048 bits', async (t) => {
  const pool = [...MERCHANT_KEYS, ...PLATFORM_KEYS, ...WECHAT_PAY_KEYS, AUTHORITY_KEY, STRANGER_KEY]
  t.equal(new Set(pool).size, pool.length)
  for (const base64 of pool) {
    const { privateKey, publicKey } = rsaKey(base64)
    t.same(privateKey.asymmetricKeyDetails, { modulusLength: 2048, publicExponent: 65537n })
    t.ok(isSignedBy(Buffer.from('x'), signRsa(Buffer.from('x'), privateKey), publicKey))
    t.equal(rsaKey(base64), rsaKey(base64), 'read once')
  }
})

t.test('the tag is at the end: any change and it cannot be decrypted', async (t) => {
  const sealed = Buffer.from(
    sealAead('茶', '0123456789abcdef0123456789abcdef', 'abcdefghijkl', 'transaction'),
    'base64',
  )
  const open = (bytes: Buffer) => {
    const decipher = createDecipheriv('aes-256-gcm', '0123456789abcdef0123456789abcdef', 'abcdefghijkl')
    decipher.setAAD(Buffer.from('transaction')).setAuthTag(bytes.subarray(-16))
    return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
  }
  t.equal(open(sealed), '茶')
  sealed[sealed.length - 1]! ^= 1
  t.throws(() => open(sealed))
})
