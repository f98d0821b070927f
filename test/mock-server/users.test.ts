import t from 'tap'
import { createRandom } from '../../mock-server/random.ts'
import { createUsers, type User, type UsersOptions } from '../../mock-server/users.ts'
import { NOON } from './helpers.ts'

function setup (options: Partial<UsersOptions> = {}) {
  const time = { now: NOON }
  const users = createUsers(createRandom('42'), () => new Date(time.now), { sessionKeyMs: 600_000, ...options })
  return { time, users, login: (openid: string) => users.exchange(users.issueCode({ openid }).code) as User }
}

t.test('a code looks like one of wx.login and names a new user', async t => {
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

t.test('a code works once, for 300 s', async t => {
  const { time, users } = setup()
  const { code, user, expiresAt } = users.issueCode({ openid: 'o-alice' })
  t.same(expiresAt, new Date(NOON + 300_000))
  t.equal(users.drew('o-alice'), false, 'the openid was given, not drawn')
  time.now += 299_999
  t.equal(users.exchange(code), user)
  t.equal(users.exchange(code), 'code been used')
  time.now += 1
  t.equal(users.exchange(code), 'invalid code', 'a used code is forgotten when it expires')
  t.equal(users.exchange('021ByuFs0fNXie1T5lJs0IwBFs0ByuF1'), 'invalid code')
})

t.test('its life and its uses can be chosen', async t => {
  const { time, users } = setup()
  const twice = users.issueCode({ uses: 2 }).code
  t.equal(typeof users.exchange(twice), 'object')
  t.equal(typeof users.exchange(twice), 'object')
  t.equal(users.exchange(twice), 'code been used')
  const short = users.issueCode({ ttl: 1 }).code
  time.now += 1000
  t.equal(users.exchange(short), 'invalid code')
})

t.test('several codes of one user are valid side by side', async t => {
  const { users } = setup()
  const [one, two] = [users.issueCode({ openid: 'o-alice' }), users.issueCode({ openid: 'o-alice' })]
  t.equal(users.exchange(two.code), users.exchange(one.code))
})

t.test('a user has one session_key, renewed by a login ten minutes later', async t => {
  const { time, login } = setup()
  const first = login('o-alice').sessionKey
  time.now += 600_000
  t.equal(login('o-alice').sessionKey, first)
  time.now += 1
  const second = login('o-alice').sessionKey
  t.not(second, first)
  t.not(login('o-bob').sessionKey, second)
})

t.test('a unionid stays once it is known', async t => {
  const { users } = setup()
  t.equal(users.know('o-alice').unionid, undefined)
  t.equal(users.issueCode({ openid: 'o-alice', unionid: 'u-alice' }).user.unionid, 'u-alice')
  t.equal(users.know('o-alice').unionid, 'u-alice')
})

t.test('of users and codes the newest are remembered, and none is drawn twice', async t => {
  const { users } = setup({ limit: 2 })
  const issued = Array.from({ length: 4 }, () => users.issueCode({}))
  t.same(issued.map(({ code }) => typeof users.exchange(code)), ['string', 'string', 'object', 'object'])
  t.same(issued.map(({ user }) => users.drew(user.openid)), [false, false, true, true])
  const { users: known, codes, drawn } = users.dump()
  t.same([known.length, codes.length, drawn.length], [2, 2, 2])

  const { users: restored } = setup({ limit: 2 })
  restored.load(users.dump())
  for (const book of [users, restored]) {
    const { code, user } = book.issueCode({})
    t.notOk(issued.some(before => before.code === code || before.user.openid === user.openid))
  }
})
