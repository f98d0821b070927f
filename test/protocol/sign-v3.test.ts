import { createPrivateKey, createPublicKey, verify } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { Formatter, Rsa } from 'wechatpay-axios-plugin'
import { authorize, isFresh, isProbe, readSeal, signLines, verifyV3 } from '../../src/protocol/sign-v3.ts'
import { v3 } from '../fixtures.ts'

const { keys, ofKind } = v3()

const merchantKey = (name: string) => createPrivateKey(keys[name]!.private_key_pem!)
const publicKey = (name: string) => {
  const { public_key_pem: pem, certificate_pem: certificate, private_key_pem: secret } = keys[name]!
  return createPublicKey(pem ?? certificate ?? secret!)
}
const sealOf = (headers: Record<string, string>) =>
  readSeal(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])))

t.test('requests: published and computed vectors', async (t) => {
  for (const vector of ofKind('request-signature')) {
    const { id, key, method, url, timestamp, nonce, body } = vector
    const signer = {
      mchId: keys[key]!.mchid!,
      serialNo: keys[key]!.serial_no ?? keys[key]!.certificate_serial!,
      privateKey: merchantKey(key),
    }
    const value = authorize({ method, target: url, timestamp, nonce, body }, signer)
    const signature = vector.signature_computed_here ?? vector.signature
    t.match(value, `signature="${signature}"`, id)
    t.match(
      value,
      /^WECHATPAY2-SHA256-RSA2048 mchid="\d+",nonce_str="\w+",timestamp="\d+",serial_no="[0-9A-F]+",signature="[^"]+"$/,
    )
    if (vector.authorization !== undefined) t.equal(value, vector.authorization, 'the whole header')
  }
})

t.test('the second signature', async (t) => {
  for (const { id, key, message, paySign, sign } of ofKind('invoke-payment-signature')) {
    t.equal(signLines(message.split('\n').slice(0, -1), merchantKey(key)), paySign ?? sign, id)
  }
})

t.test('replies and notifications: published and computed vectors', async (t) => {
  for (const { id, key, headers, body, expect } of [...ofKind('response-signature'), ...ofKind('notification')]) {
    if (headers === undefined) continue
    t.equal(verifyV3(sealOf(headers)!, Buffer.from(body), publicKey(key)), expect, id)
    t.equal(verifyV3(sealOf(headers)!, Buffer.from(`${body} `), publicKey(key)), false, `${id} with one more byte`)
  }
})

t.test('the same value in different bytes does not verify', async (t) => {
  const [original] = ofKind('notification').filter(({ id }) => id === 'self-notify-transaction-cert')
  const [other] = ofKind('notification').filter(({ id }) => id === 'self-notify-reserialised-must-fail')
  t.strictSame(JSON.parse(other!.body), JSON.parse(original!.body))
  t.equal(verifyV3(sealOf(original!.headers!)!, Buffer.from(other!.body), publicKey(original!.key)), false)
})

t.test('an empty body is signed too', async (t) => {
  const lines = ['1767225600', 'nonce', '']
  const seal = {
    timestamp: lines[0]!,
    nonce: 'nonce',
    serial: 'any',
    signature: signLines(lines, merchantKey('mock_platform_cert')),
  }
  t.equal(verifyV3(seal, Buffer.alloc(0), publicKey('mock_platform_cert')), true)
})

t.test('probes do not verify, and do not throw', async (t) => {
  for (const { id, signature } of ofKind('probe-signature')) {
    const seal = { timestamp: '1767225600', nonce: 'nonce', serial: 'any', signature }
    t.equal(isProbe(seal), true, id)
    t.equal(verifyV3(seal, Buffer.from('{}'), publicKey('docs_platform')), false, id)
  }
  // 355 characters, as on the wire (wechatpay-java issue 319): not a possible length of base64.
  const live = {
    timestamp: '1767225600',
    nonce: 'nonce',
    serial: 'any',
    signature: `WECHATPAY/SIGNTEST/${'A'.repeat(336)}`,
  }
  t.equal(verifyV3(live, Buffer.from('{}'), publicKey('docs_platform')), false, 'live shape')
  t.equal(isProbe({ ...live, signature: 'AAAA' }), false)
  for (const signature of ['', '*', '=', 'AAAA\n', '中']) {
    t.equal(
      verifyV3({ ...live, signature }, Buffer.from('{}'), publicKey('docs_platform')),
      false,
      JSON.stringify(signature),
    )
  }
})

t.test('five minutes in both directions', async (t) => {
  const now = new Date(1_767_225_600_000)
  const at = (seconds: number) =>
    isFresh({ timestamp: String(1_767_225_600 + seconds), nonce: '', serial: '', signature: '' }, now)
  for (const seconds of [0, 1, 299, 300, -1, -299, -300]) t.equal(at(seconds), true, `${seconds} s`)
  for (const seconds of [301, -301, 86_400, -86_400]) t.equal(at(seconds), false, `${seconds} s`)
  t.equal(
    isFresh({ timestamp: '1767225600', nonce: '', serial: '', signature: '' }, new Date(now.getTime() + 300_001)),
    false,
    '300.001 s',
  )
  for (const timestamp of [
    '',
    '0',
    '01767225600',
    '1767225600.0',
    '1767225600000',
    '+1767225600',
    ' 1767225600',
    '0x69',
    'NaN',
    '1e9',
    '１７６７２２５６００',
  ]) {
    t.equal(isFresh({ timestamp, nonce: '', serial: '', signature: '' }, now), false, timestamp)
  }
})

t.test('an incomplete seal does not count', async (t) => {
  const whole = {
    'wechatpay-timestamp': '1',
    'wechatpay-nonce': 'n',
    'wechatpay-serial': 's',
    'wechatpay-signature': 'g',
  }
  t.strictSame(readSeal(whole), { timestamp: '1', nonce: 'n', serial: 's', signature: 'g' })
  for (const name of Object.keys(whole)) {
    t.equal(readSeal({ ...whole, [name]: undefined }), undefined, `without ${name}`)
    t.equal(readSeal({ ...whole, [name]: '' }), undefined, `${name} empty`)
    t.equal(readSeal({ ...whole, [name]: ['a', 'b'] }), undefined, `${name} twice`)
    t.equal(readSeal({ ...whole, [name]: 'a, b' }), undefined, `${name} twice, as Node joins it`)
  }
})

t.test('agrees with an independent implementation', async (t) => {
  const privateKey = merchantKey('mock_merchant')
  const text = fc.string({ unit: 'binary', maxLength: 40 }).map((each) => each.toWellFormed())
  fc.assert(
    fc.property(text, text, fc.stringMatching(/^[0-9A-Za-z]{1,32}$/), fc.nat(), (path, body, nonce, seconds) => {
      const target = `/v3/${encodeURIComponent(path)}?q=${encodeURIComponent(body)}`
      const timestamp = String(seconds)
      const mine = authorize(
        { method: 'POST', target, timestamp, nonce, body },
        { mchId: '1900000109', serialNo: 'ABC', privateKey },
      )
      const theirs = Rsa.sign(
        Formatter.request('POST', target, timestamp, nonce, body),
        keys.mock_merchant!.private_key_pem!,
      )
      t.ok(mine.includes(`signature="${theirs}"`))
      const signature = signLines([timestamp, nonce, body], privateKey)
      const seal = { timestamp, nonce, serial: 'x', signature }
      t.ok(verifyV3(seal, Buffer.from(body), publicKey('mock_merchant')))
      t.ok(
        verify(
          'sha256',
          Buffer.from(Formatter.response(timestamp, nonce, body)),
          publicKey('mock_merchant'),
          Buffer.from(signature, 'base64'),
        ),
      )
    }),
    { numRuns: 100 },
  )
})
