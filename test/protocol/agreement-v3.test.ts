import { equal } from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import * as mockAead from '../../mock-server/wire/aead-v3.ts'
import * as mockSign from '../../mock-server/wire/sign-v3.ts'
import { decryptV3, encryptField } from '../../src/protocol/aead-v3.ts'
import { authorize, readSeal, signLines, verifyV3 } from '../../src/protocol/sign-v3.ts'
import { v3 } from '../fixtures.ts'
import { size } from '../sizes.ts'

// As in agreement.test.ts: two sides that share no code have to agree on everything that can be generated.

const { keys } = v3()
const MERCHANT = {
  mchId: '1900000109',
  serialNo: keys.mock_merchant!.certificate_serial!,
  privateKey: createPrivateKey(keys.mock_merchant!.private_key_pem!),
}
const MERCHANT_PUBLIC = createPublicKey(keys.mock_merchant!.public_key_pem!)
const WECHAT = createPrivateKey(keys.mock_wechatpay_public_key!.private_key_pem!)
const WECHAT_PUBLIC = createPublicKey(keys.mock_wechatpay_public_key!.public_key_pem!)
const API_V3_KEY = '0123456789abcdefABCDEFghijklmnop'

const numRuns = size(300, 10_000)
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('茶', '龙', '"', '\\', '\n', '&', '/', '😀', '\u2028'), maxLength: 20 }),
)
const nonce = fc.stringMatching(/^[0-9A-Za-z]{1,32}$/)
/** As left by `encodeURIComponent` or a query builder, including reserved characters. */
const target = fc
  .tuple(fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 3 }))
  .map(([path, query]) => {
    const search = new URLSearchParams(query).toString()
    return `/v3/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`
  })
const body = fc.oneof(
  fc.constant(''),
  fc.json(),
  text.map((value) => JSON.stringify({ description: value })),
)

t.test('the mock reads and verifies what the plugin signs', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST'),
      target,
      fc.nat(),
      nonce,
      body,
      (method, target, seconds, nonce, body) => {
        const timestamp = String(seconds)
        const header = authorize({ method, target, timestamp, nonce, body }, MERCHANT)
        const read = mockSign.readAuthorization(header) as mockSign.Authorization
        equal(read.mchid, MERCHANT.mchId)
        equal(read.serial_no, MERCHANT.serialNo)
        const request = { method, url: target, timestamp: read.timestamp, nonce: read.nonce_str, body }
        const isSigned = (request: mockSign.SignedRequest) =>
          mockSign.isSignedBy(mockSign.requestText(request), read.signature, MERCHANT_PUBLIC)
        equal(isSigned(request), true)
        equal(isSigned({ ...request, body: `${body} ` }), false)
        equal(isSigned({ ...request, url: `${target}/` }), false)
      },
    ),
    { numRuns },
  )
})

t.test('the plugin verifies what the mock signs, and rejects it with one byte changed', async () => {
  fc.assert(
    fc.property(body, fc.nat({ max: 4e9 }), nonce, fc.nat(), (body, seconds, nonce, at) => {
      const headers = mockSign.signedHeaders(
        { serial: 'PUB_KEY_ID_1', key: { privateKey: WECHAT } },
        seconds * 1000,
        nonce,
        body,
      )
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
      const seal = readSeal(lower)!
      const bytes = Buffer.from(body)
      equal(verifyV3(seal, bytes, WECHAT_PUBLIC), true)
      if (bytes.length > 0) {
        const damaged = Buffer.from(bytes)
        damaged[at % bytes.length]! ^= 1 << (at % 8)
        equal(verifyV3(seal, damaged, WECHAT_PUBLIC), false)
      }
      equal(verifyV3(seal, Buffer.concat([bytes, Buffer.from('\n')]), WECHAT_PUBLIC), false)
      equal(verifyV3({ ...seal, nonce: `${seal.nonce}0` }, bytes, WECHAT_PUBLIC), false)
      equal(verifyV3({ ...seal, timestamp: String(seconds + 1) }, bytes, WECHAT_PUBLIC), false)
      for (const shape of ['live', 'docs'] as const) {
        const signature = mockSign.probeOf(seal.signature, shape)
        equal(verifyV3({ ...seal, signature }, bytes, WECHAT_PUBLIC), false)
      }
    }),
    { numRuns },
  )
})

t.test('the second signature', async () => {
  const word = fc.stringMatching(/^[0-9A-Za-z_=]{1,40}$/)
  fc.assert(
    fc.property(word, word, word, word, (appid, timeStamp, nonceStr, what) => {
      const paySign = signLines([appid, timeStamp, nonceStr, what], MERCHANT.privateKey)
      equal(mockSign.isSignedBy(mockSign.paymentText(appid, timeStamp, nonceStr, what), paySign, MERCHANT_PUBLIC), true)
    }),
    { numRuns },
  )
})

t.test('the plugin decrypts what the mock encrypts, and rejects it with one bit changed', async () => {
  fc.assert(
    fc.property(text, text, fc.stringMatching(/^[0-9A-Za-z]{12}$/), fc.nat(), (plain, associated, nonce, at) => {
      const ciphertext = mockAead.sealAead(plain, API_V3_KEY, nonce, associated)
      const sealed = { ciphertext, nonce, associated_data: associated }
      equal(decryptV3(sealed, API_V3_KEY)?.toString(), Buffer.from(plain).toString())
      const damaged = Buffer.from(ciphertext, 'base64')
      damaged[at % damaged.length]! ^= 1 << (at % 8)
      equal(decryptV3({ ...sealed, ciphertext: damaged.toString('base64') }, API_V3_KEY), undefined)
      equal(decryptV3({ ...sealed, associated_data: `${associated}x` }, API_V3_KEY), undefined)
      equal(decryptV3(sealed, API_V3_KEY.replace('0', '1')), undefined)
    }),
    { numRuns },
  )
})

t.test('fields that only WeChat can read', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (plain) => {
      if (Buffer.byteLength(plain) > 200) return
      const sealed = encryptField(plain, WECHAT_PUBLIC)
      equal(mockAead.openField(sealed, WECHAT), Buffer.from(plain).toString())
      equal(mockAead.openField(sealed, MERCHANT.privateKey), undefined)
    }),
    { numRuns: Math.ceil(numRuns / 3) },
  )
})
