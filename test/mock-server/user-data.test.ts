import { createDecipheriv, createHash } from 'node:crypto'
import t from 'tap'
import type { EncryptedData, World } from '../../mock-server/index.ts'
import { NOON, startMock, vectors } from './helpers.ts'
import { loginAs } from './login.ts'

interface Vectors {
  readonly decrypt: readonly {
    name: string
    session_key: string
    iv: string
    encryptedData: string
    plaintext: string
  }[]
  readonly userSignature: readonly { name: string; rawData: string; session_key: string; signature: string }[]
}

/** What a server does with the data, by the official description. */
function decrypt(sessionKey: string, { encryptedData, iv }: EncryptedData): string {
  const decipher = createDecipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), Buffer.from(iv, 'base64'))
  return decipher.update(encryptedData, 'base64', 'utf8') + decipher.final('utf8')
}
const sign = (rawData: string, sessionKey: string) =>
  createHash('sha1')
    .update(rawData + sessionKey, 'utf8')
    .digest('hex')

const mark = ({ credentials: { appid } }: World) => ({ timestamp: NOON / 1000, appid })

t.test('the checks used here read what is on record', async (t) => {
  const { decrypt: encrypted, userSignature } = vectors<Vectors>('login')
  for (const { name, session_key: key, plaintext, ...data } of encrypted) t.equal(decrypt(key, data), plaintext, name)
  for (const { name, rawData, session_key: key, signature } of userSignature) {
    t.equal(sign(rawData, key), signature, name)
  }
})

t.test('a profile: signed and encrypted under the key that the server has, without saying who it is', async (t) => {
  const { default: world } = await startMock(t)
  const sessionKey = await loginAs(world, 'o-alice')
  const { rawData, signature, userInfo, ...data } = world.userProfile('o-alice')
  t.equal(
    rawData,
    '{"nickName":"微信用户","gender":0,"language":"","city":"","province":"","country":"","avatarUrl":"https://thirdwx.qlogo.cn/mmopen/vi_32/anonymous/132"}',
  )
  t.same(JSON.parse(rawData), userInfo)
  t.equal(signature, sign(rawData, sessionKey))
  t.same(JSON.parse(decrypt(sessionKey, data)), { ...userInfo, watermark: mark(world) })
  t.equal(Buffer.from(data.iv, 'base64').length, 16)
  t.not(world.userProfile('o-alice').iv, data.iv)
})

t.test('what a user is called: the profile says it, or this once', async (t) => {
  const { default: world } = await startMock(t)
  world.user('o-alice', { nickName: '小明😀' })
  const names = [
    world.userProfile('o-alice'),
    world.userProfile('o-alice', { nickName: 'Al', gender: 1 }),
    world.userProfile('o-bob'),
  ]
  t.match(names, [
    { userInfo: { nickName: '小明😀', gender: 0 } },
    { userInfo: { nickName: 'Al', gender: 1 } },
    { userInfo: { nickName: '微信用户' } },
  ])
  for (const { rawData, signature, openid } of names) {
    t.equal(signature, sign(rawData, await loginAs(world, openid)), rawData)
  }
})

t.test('a phone number: at home, abroad, of every user another', async (t) => {
  const { default: world } = await startMock(t)
  const sessionKey = await loginAs(world, 'o-alice')
  const cases = [
    [{ phoneNumber: '13580006666' }, { phoneNumber: '13580006666', purePhoneNumber: '13580006666', countryCode: '86' }],
    [
      { phoneNumber: '612345678', countryCode: '34' },
      { phoneNumber: '+34612345678', purePhoneNumber: '612345678', countryCode: '34' },
    ],
    [
      { phoneNumber: '5550100', countryCode: '1' },
      { phoneNumber: '+15550100', purePhoneNumber: '5550100', countryCode: '1' },
    ],
  ] as const
  for (const [options, phone] of cases) {
    const event = world.phoneNumber('o-alice', options)
    t.match(event, { openid: 'o-alice', phone, code: /^[0-9a-f]{64}$/, expiresAt: new Date(NOON + 300_000) })
    t.equal(decrypt(sessionKey, event), JSON.stringify({ ...phone, watermark: mark(world) }))
  }
  const [alice, again, bob] = [
    world.phoneNumber('o-alice'),
    world.phoneNumber('o-alice'),
    world.phoneNumber('o-bob'),
  ].map(({ phone }) => phone)
  t.match(alice, { phoneNumber: /^1358000\d{4}$/, countryCode: '86' })
  t.same(again, alice)
  t.not(bob!.phoneNumber, alice!.phoneNumber)
})

t.test('a watermark of another app, or of another day', async (t) => {
  const { default: world } = await startMock(t)
  const sessionKey = await loginAs(world, 'o-alice')
  const cases = [{}, { appid: 'wxd930ea5d5a258f4f' }, { timestamp: 1 }]
  for (const watermark of cases) {
    for (const data of [world.userProfile('o-alice', { watermark }), world.phoneNumber('o-alice', { watermark })]) {
      t.match(JSON.parse(decrypt(sessionKey, data)), { watermark: { ...mark(world), ...watermark } })
    }
  }
})

t.test('the classic: a login that the server does not see leaves it with a dead key', async (t) => {
  const { default: world } = await startMock(t)
  const seen = await loginAs(world, 'o-alice')
  const before = world.phoneNumber('o-alice')
  await world.advance('11m')
  const { code } = world.loginCode({ openid: 'o-alice' })
  const after = world.phoneNumber('o-alice')
  t.match(decrypt(seen, before), /1358000/)
  // A wrong key passes the padding about once in 256.
  const attempt = (key: string, data: EncryptedData) => {
    try {
      return decrypt(key, data)
    } catch {
      return 'bad decrypt'
    }
  }
  t.notMatch(attempt(seen, after), /1358000/)
  t.ok(code)
  t.match(decrypt(world.user('o-alice').sessionKey, after), /1358000/)
})
