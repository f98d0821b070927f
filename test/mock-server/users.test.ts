import t from 'tap'
import { createRandom } from '../../mock-server/random.ts'
import { createUsers, type User, type UsersOptions } from '../../mock-server/users.ts'
import { NOON } from './helpers.ts'

function setup(options: Partial<UsersOptions> = {}) {
  const time = { now: NOON }
  const users = createUsers(createRandom('42'), () => new Date(time.now), { sessionKeyMs: 600_000, ...options })
  return { time, users, login: (openid: string) => users.exchange(users.issueCode({ openid }).code) as User }
}

t.test('a code looks like one of wx.login and names a new user', async (t) => {
  const { users } = setup()
  const codes = Array.from({ length: 50 }, () => users.issueCode({}))
  for (const { code, user } of codes) {
    t.match(code, /^0\d[0-9A-Za-z]{30}$/)
    t.match(user.openid, /^o[\w-]{27}$/)
    t.equal(Buffer.from(user.sessionKey, 'base64').length, 16)
    t.equal(users.drew(user.openid), true)
  }
  t.equal(new Set(codes.map(({ code }) => code)).size, 50)
  t.equal(new Set(codes.map(({ user }) => user.openid)).size, 50)
  t.equal(users.drew('o-alice'), false)
})

t.test('a code is exchanged once, for its user', async (t) => {
  const { time, users } = setup()
  const { code, user, expiresAt } = users.issueCode({ openid: 'o-alice', ttl: 60 })
  t.same(expiresAt, new Date(NOON + 60_000))
  t.equal(users.drew('o-alice'), false, 'the openid was given, not drawn')
  t.equal(users.exchange(code), user)
  t.equal(users.exchange(code), 'code been used')
  time.now += 60_000
  t.equal(users.exchange(code), 'invalid code')
})

t.test('several codes of one user are valid side by side', async (t) => {
  const { users } = setup()
  const [one, two] = [users.issueCode({ openid: 'o-alice' }), users.issueCode({ openid: 'o-alice' })]
  t.equal(users.exchange(two.code), users.exchange(one.code))
})

t.test('a user has one session_key, renewed by a wx.login ten minutes later', async (t) => {
  const { time, users, login } = setup()
  const first = login('o-alice').sessionKey
  time.now += 600_000
  t.equal(login('o-alice').sessionKey, first)
  time.now += 1
  const { code } = users.issueCode({ openid: 'o-alice' })
  const second = users.find('o-alice')!.sessionKey
  t.not(second, first, 'whether the server learns of it or not')
  t.equal((users.exchange(code) as User).sessionKey, second)
  t.not(login('o-bob').sessionKey, second)
})

t.test('another period, or none', async (t) => {
  for (const [sessionKeyMs, renewed] of [
    [0, true],
    [undefined, false],
  ] as const) {
    const { time, login } = setup({ sessionKeyMs })
    const first = login('o-alice').sessionKey
    time.now += 365 * 24 * 3_600_000
    t.equal(login('o-alice').sessionKey !== first, renewed)
  }
})

t.test(
  'a key is rotated by hand, also twice in a moment; one that was asked for is as old as the one before',
  async (t) => {
    const { time, users, login } = setup()
    const user = users.know('o-alice')
    const keys = [user.sessionKey]
    for (const age of ['new', 'new', 'kept'] as const) {
      users.rotate(user, age)
      keys.push(user.sessionKey)
    }
    t.equal(new Set(keys).size, 4)
    time.now += 300_000
    users.rotate(user, 'kept')
    t.same(user.sessionKeySince, new Date(NOON))
    time.now += 300_001
    t.not(login('o-alice').sessionKey, keys.at(-1))
    users.rotate(user, 'new')
    t.same(user.sessionKeySince, new Date(time.now))
  },
)

t.test('phone codes are codes of their own', async (t) => {
  const { users } = setup()
  const phone = { phoneNumber: '13580006666', purePhoneNumber: '13580006666', countryCode: '86' }
  const codes = [1, 2].map(() => users.issuePhoneCode(phone, {}).code)
  t.not(codes[0], codes[1])
  t.same([users.hasPhoneCode(codes[0]!), users.exchange(codes[0]!)], [true, 'invalid code'])
  const { code } = users.issueCode({})
  t.same([users.hasPhoneCode(code), users.exchangePhoneCode(code)], [false, 'invalid code'])

  const { users: restored } = setup()
  restored.load(structuredClone(users.dump()))
  t.equal(users.exchangePhoneCode(codes[0]!), phone)
  t.same([restored.exchangePhoneCode(codes[0]!), restored.exchangePhoneCode(codes[0]!)], [phone, 'code been used'])
  t.notOk(codes.includes(restored.issuePhoneCode(phone, {}).code))
})

t.test('a unionid stays once it is known', async (t) => {
  const { users } = setup()
  t.equal(users.find('o-alice'), undefined)
  t.equal(users.know('o-alice').unionid, undefined)
  t.equal(users.issueCode({ openid: 'o-alice', unionid: 'u-alice' }).user.unionid, 'u-alice')
  t.match(users.know('o-alice', { nickName: 'Al' }), { unionid: 'u-alice', nickName: 'Al' })
  t.match(users.list(), [{ openid: 'o-alice', unionid: 'u-alice', nickName: 'Al' }])
})

t.test('of users and codes the newest are remembered, and none is drawn twice', async (t) => {
  const { users } = setup({ limit: 2 })
  const issued = Array.from({ length: 4 }, () => users.issueCode({}))
  t.same(
    issued.map(({ code }) => typeof users.exchange(code)),
    ['string', 'string', 'object', 'object'],
  )
  t.same(
    issued.map(({ user }) => users.drew(user.openid)),
    [false, false, true, true],
  )
  const { users: known, codes, drawn } = users.dump()
  t.same([known.length, codes.length, drawn.length], [2, 2, 2])

  const { users: restored } = setup({ limit: 2 })
  restored.load(users.dump())
  for (const book of [users, restored]) {
    const { code, user } = book.issueCode({})
    t.notOk(issued.some((before) => before.code === code || before.user.openid === user.openid))
  }
})

t.test('a limit of exchanges is a whole number', async (t) => {
  for (const codeLimit of [0, -1, 1.5, NaN]) {
    t.throws(
      () => setup({ codeLimit }),
      { code: 'BAD_INPUT', details: { field: 'codeLimit', rule: 'minimum' } },
      String(codeLimit),
    )
  }
})
