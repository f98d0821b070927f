import {
  constants,
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  privateDecrypt,
  X509Certificate,
} from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { Aes } from 'wechatpay-axios-plugin'
import { decryptV3, encryptField } from '../../src/protocol/aead-v3.ts'
import { v3 } from '../fixtures.ts'

const { keys, ofKind } = v3()
const KEY = '0123456789abcdefABCDEFghijklmnop'

function seal(plain: Buffer, { key = KEY, nonce = 'EcZ9Cmy4Xyx1', associated = 'transaction' } = {}) {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(associated))
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64')
  return { ciphertext, nonce, associated_data: associated }
}

t.test('published vectors', async (t) => {
  for (const { id, apiv3_key: key, nonce, associated_data: associated, ciphertext, plaintext } of ofKind(
    'aead-aes-256-gcm',
  )) {
    t.equal(decryptV3({ ciphertext, nonce, associated_data: associated }, key)?.toString(), plaintext, id)
  }
  for (const { id, body, apiv3_key: key, plaintext } of ofKind('notification')) {
    if (key === undefined) continue
    const opened = decryptV3(JSON.parse(body).resource, key)?.toString()
    // 16 bytes would be AES-128, which WeChat does not use.
    t.equal(opened, key.length === 32 ? plaintext : undefined, id)
  }
  for (const { id, apiv3_key: key, response, certificate_pem: pem, certificate_serial: serial } of ofKind(
    'platform-certificate-download',
  )) {
    const opened = decryptV3(response.data[0].encrypt_certificate, key)!.toString()
    t.equal(opened.trim(), pem.trim(), id)
    t.equal(new X509Certificate(opened).serialNumber, serial)
  }
})

t.test('an incomplete message decrypts to nothing', async (t) => {
  const good = seal(Buffer.from('{"a":1}'))
  t.equal(decryptV3(good, KEY)?.toString(), '{"a":1}')
  const bytes = Buffer.from(good.ciphertext, 'base64')
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 1
    t.equal(decryptV3({ ...good, ciphertext: flipped.toString('base64') }, KEY), undefined, `bit of byte ${at}`)
    t.equal(decryptV3({ ...good, ciphertext: bytes.subarray(0, at).toString('base64') }, KEY), undefined, `${at} bytes`)
  }
  const cases: [string, typeof good, string?][] = [
    ['another key', good, KEY.toUpperCase()],
    ['a key of 16 bytes', good, KEY.slice(16)],
    ['a key of 33 bytes', good, `${KEY}x`],
    ['a key of 32 characters and more bytes', good, `${KEY.slice(1)}钥`],
    ['another nonce', { ...good, nonce: 'EcZ9Cmy4Xyx2' }],
    ['a nonce of 11', { ...good, nonce: 'EcZ9Cmy4Xyx' }],
    ['a nonce of 17', { ...good, nonce: 'EcZ9Cmy4Xyx1EcZ9C' }],
    ['a nonce that is not ASCII', { ...good, nonce: 'EcZ9Cmy4Xyx钥' }],
    ['other associated data', { ...good, associated_data: 'refund' }],
    ['empty associated data', { ...good, associated_data: '' }],
    ['no base64', { ...good, ciphertext: `${good.ciphertext}\n` }],
    ['nothing', { ...good, ciphertext: '' }],
  ]
  for (const [name, sealed, key = KEY] of cases) t.equal(decryptV3(sealed, key), undefined, name)
})

t.test('associated data may be empty or absent', async (t) => {
  const { associated_data: _, ...absent } = seal(Buffer.from('{}'), { associated: '' })
  t.equal(decryptV3(absent, KEY)?.toString(), '{}')
  t.equal(decryptV3({ ...absent, associated_data: '' }, KEY)?.toString(), '{}')
})

t.test('agrees with an independent implementation', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, associated) => {
      const ciphertext = Aes.AesGcm.encrypt(plain, KEY, 'EcZ9Cmy4Xyx1', associated)
      return decryptV3({ ciphertext, nonce: 'EcZ9Cmy4Xyx1', associated_data: associated }, KEY)?.toString() === plain
    }),
  )
})

t.test('fields that only WeChat can read', async (t) => {
  const name = 'mock_wechatpay_public_key'
  const open = (text: string, key: string) =>
    privateDecrypt(
      { key: createPrivateKey(key), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from(text, 'base64'),
    ).toString()
  const text = '张三 13800138000'
  const encrypted = encryptField(text, createPublicKey(keys[name]!.public_key_pem!))
  t.equal(open(encrypted, keys[name]!.private_key_pem!), text)
  t.not(encrypted, encryptField(text, createPublicKey(keys[name]!.public_key_pem!)), 'never the same twice')
  t.equal(Buffer.from(encrypted, 'base64').length, 256)
  for (const { id, ciphertext, plaintext, key } of ofKind('oaep-sha1-decrypt')) {
    t.equal(open(ciphertext, keys[key]!.private_key_pem!), plaintext, id)
  }
})
