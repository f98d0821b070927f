import { createCipheriv, createPublicKey } from 'node:crypto'
import t from 'tap'
import { createPlatformKeys, readCertificate, readCertificates } from '../../../src/client/pay-v3/platform-keys.ts'
import type { PlatformKey } from '../../../src/client/pay-v3/platform-keys.ts'
import { Secret } from '../../../src/base/secret.ts'
import { v3 } from '../../fixtures.ts'

const { keys, ofKind } = v3()
const API_V3_KEY = '0123456789abcdefABCDEFghijklmnop'
const FIRST = readCertificate(keys.mock_platform_cert!.certificate_pem!)
const NEXT = readCertificate(keys.mock_platform_cert_next!.certificate_pem!)
const PUBLIC: PlatformKey = {
  serial: keys.mock_wechatpay_public_key!.public_key_id!,
  key: createPublicKey(keys.mock_wechatpay_public_key!.public_key_pem!),
}
const MINUTE = 60_000

/** A WeChat whose list of certificates the test changes. */
function setUp({ given = [] as PlatformKey[], list = [] as PlatformKey[] | Error } = {}) {
  const state = { list, now: new Date('2026-01-01T00:00:00Z'), downloads: 0, gate: Promise.resolve() }
  const platformKeys = createPlatformKeys({
    given,
    download: async () => {
      state.downloads += 1
      await state.gate
      if (state.list instanceof Error) throw state.list
      return state.list
    },
    now: () => state.now,
  })
  const later = (ms: number) => {
    state.now = new Date(state.now.getTime() + ms)
  }
  return { state, platformKeys, later }
}

t.test('with a public key nothing else is accepted, and nothing is downloaded', async (t) => {
  const platformKeys = createPlatformKeys({ given: [PUBLIC], now: () => new Date() })
  t.equal(await platformKeys.find(PUBLIC.serial), PUBLIC.key)
  t.equal(await platformKeys.find('PUB_KEY_ID_1'), undefined)
  t.equal(await platformKeys.find(FIRST.serial), undefined)
  t.equal(await platformKeys.preferred(), PUBLIC)
  t.equal(platformKeys.publicKeyId, PUBLIC.serial)
})

t.test('both kinds of key at once, during a change', async (t) => {
  const { state, platformKeys } = setUp({ given: [PUBLIC], list: [FIRST] })
  t.equal(await platformKeys.find(PUBLIC.serial), PUBLIC.key)
  t.equal(await platformKeys.find('PUB_KEY_ID_of_somebody_else'), undefined)
  t.equal(state.downloads, 0, 'ids of public keys are never downloaded')
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  t.equal(await platformKeys.preferred(), PUBLIC)
  t.equal(state.downloads, 1)
})

t.test('given certificates are used until they expire', async (t) => {
  let now = new Date('2026-01-01T00:00:00Z')
  const platformKeys = createPlatformKeys({ given: [FIRST], now: () => now })
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  t.equal(await platformKeys.find(FIRST.serial.toLowerCase()), FIRST.key, 'in any case')
  t.equal(await platformKeys.find(`0${FIRST.serial}`), FIRST.key, 'with a leading zero')
  t.equal(platformKeys.publicKeyId, undefined)
  t.equal(await platformKeys.preferred(), FIRST)
  now = FIRST.expiresAt!
  t.equal(await platformKeys.find(FIRST.serial), undefined)
  await t.rejects(platformKeys.preferred(), { code: 'WECHAT_ACCOUNT_REFUSED', sent: false })
})

t.test('many requests at once cause one download', async (t) => {
  const { state, platformKeys } = setUp({ list: [FIRST] })
  const found = await Promise.all(Array.from({ length: 50 }, () => platformKeys.find(FIRST.serial)))
  t.ok(found.every((key) => key === FIRST.key))
  t.equal(state.downloads, 1)
})

t.test('a thousand made-up names cause one download, and evict no valid key', async (t) => {
  const { state, platformKeys, later } = setUp({ list: [FIRST] })
  for (let n = 0; n < 1000; n++) t.equal(await platformKeys.find(`BAD${n}`), undefined)
  t.equal(state.downloads, 1)
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  later(5 * MINUTE - 1)
  await platformKeys.find('BAD')
  t.equal(state.downloads, 1)
  later(1)
  state.list = [NEXT]
  t.equal(await platformKeys.find(NEXT.serial), NEXT.key, 'a new certificate is found')
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key, 'and the previous one stays')
  t.equal(state.downloads, 2)
})

t.test('a list that cannot be fetched', async (t) => {
  const { state, platformKeys, later } = setUp({ list: new Error('404') })
  await t.rejects(platformKeys.find(FIRST.serial), /404/)
  t.equal(await platformKeys.find(FIRST.serial), undefined, 'not again right away')
  t.equal(state.downloads, 1)
  later(10_000)
  state.list = [FIRST]
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  t.equal(state.downloads, 2)
})

t.test('a downloaded certificate never replaces one from the options', async (t) => {
  const { platformKeys } = setUp({ given: [FIRST], list: [{ ...NEXT, serial: FIRST.serial }] })
  await platformKeys.find('BAD')
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
})

t.test('the list is refreshed in the background, and a failure keeps the known keys', async (t) => {
  const { state, platformKeys, later } = setUp({ list: [FIRST] })
  await platformKeys.find(FIRST.serial)
  later(11 * 60 * MINUTE - 1)
  await platformKeys.find(FIRST.serial)
  t.equal(state.downloads, 1)
  later(1)
  state.list = new Error('500')
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  t.equal(state.downloads, 2)
  await new Promise(setImmediate)
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  t.equal(state.downloads, 2, 'after a failure there is a pause')
  later(10_000)
  state.list = [FIRST, NEXT]
  t.equal(await platformKeys.find(FIRST.serial), FIRST.key)
  await new Promise(setImmediate)
  t.equal(await platformKeys.find(NEXT.serial), NEXT.key)
  t.equal(state.downloads, 3)
})

t.test('setting the clock back ends the pause', async (t) => {
  const { state, platformKeys, later } = setUp({ list: [FIRST] })
  await platformKeys.find('BAD')
  later(-60 * MINUTE)
  state.list = [FIRST, NEXT]
  t.equal(await platformKeys.find(NEXT.serial), NEXT.key)
})

t.test('the newest certificate is used to encrypt, downloaded if necessary', async (t) => {
  const { state, platformKeys } = setUp({ list: [FIRST, { ...NEXT, expiresAt: new Date('2040-01-01') }] })
  t.equal((await platformKeys.preferred()).serial, NEXT.serial)
  t.equal(state.downloads, 1)
  const none = setUp({ list: [] })
  await t.rejects(none.platformKeys.preferred(), { code: 'WECHAT_ACCOUNT_REFUSED' })
})

t.test('the list of certificates is read', async (t) => {
  const seal = (text: string, key = API_V3_KEY) => {
    const cipher = createCipheriv('aes-256-gcm', key, '123456789012')
    cipher.setAAD(Buffer.from('certificate'))
    const ciphertext = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64')
    return {
      encrypt_certificate: {
        algorithm: 'AEAD_AES_256_GCM',
        nonce: '123456789012',
        associated_data: 'certificate',
        ciphertext,
      },
    }
  }
  const pem = (name: string) => keys[name]!.certificate_pem!
  const two = { data: [seal(pem('mock_platform_cert')), seal(pem('mock_platform_cert_next'))] }
  t.strictSame(
    readCertificates(two, [new Secret(API_V3_KEY)]).map(({ serial }) => serial),
    [FIRST.serial, NEXT.serial],
  )
  const other = 'x'.repeat(32)
  t.strictSame(
    readCertificates(two, [new Secret(other), new Secret(API_V3_KEY)]).map(({ serial }) => serial),
    [FIRST.serial, NEXT.serial],
    'under either key',
  )
  for (const { id, apiv3_key: key, response, certificate_serial: serial } of ofKind('platform-certificate-download')) {
    t.equal(readCertificates(response, [new Secret(key)])[0]!.serial, serial, id)
  }
  const bad: [string, unknown, RegExp][] = [
    ['null', null, /no list/],
    ['no list', { data: {} }, /no list/],
    ['an empty entry', { data: [null] }, /something else/],
    ['an entry without a nonce', { data: [{ encrypt_certificate: { ciphertext: 'AAAA' } }] }, /something else/],
    ['another key', { data: [seal(pem('mock_platform_cert'), other)] }, /does not decrypt/],
    ['another text', { data: [seal('hello')] }, /not a certificate/],
  ]
  for (const [name, reply, expected] of bad) {
    t.throws(
      () => readCertificates(reply, [new Secret(API_V3_KEY)]),
      { code: 'WECHAT_REPLY_INVALID', message: expected },
      name,
    )
  }
})
