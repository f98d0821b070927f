import t from 'tap'
import { createRandom } from '../../mock-server/base/random.ts'
import { createCodeBook } from '../../mock-server/users/codes.ts'
import { createTokens, type GivenToken } from '../../mock-server/users/tokens.ts'
import { createUsers, type User, type UsersOptions } from '../../mock-server/users/users.ts'
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
  t.not(second, first, 'whether or not the server gets it')
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

t.test('a key can be rotated, even twice at one moment; a requested key keeps the age of the one before', async (t) => {
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
})

t.test('phone codes are separate codes', async (t) => {
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

t.test('a known unionid stays', async (t) => {
  const { users } = setup()
  t.equal(users.find('o-alice'), undefined)
  t.equal(users.know('o-alice').unionid, undefined)
  t.equal(users.issueCode({ openid: 'o-alice', unionid: 'u-alice' }).user.unionid, 'u-alice')
  t.match(users.know('o-alice', { nickName: 'Al' }), { unionid: 'u-alice', nickName: 'Al' })
  t.match(users.list(), [{ openid: 'o-alice', unionid: 'u-alice', nickName: 'Al' }])
})

t.test('the newest users and codes are remembered, and none is drawn twice', async (t) => {
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

function setupCodes(limit = 10) {
  const time = { now: NOON }
  return { time, book: createCodeBook<{ readonly of: string }>(() => new Date(time.now), limit) }
}

t.test('a code can be redeemed once, within 300 s', async (t) => {
  const { time, book } = setupCodes()
  const alice = { of: 'alice' }
  t.match(book.issue('c-1', alice, {}), { code: 'c-1', worth: alice, expiresAt: new Date(NOON + 300_000), usesLeft: 1 })
  t.same([book.has('c-1'), book.has('c-2')], [true, false])
  time.now += 299_999
  t.equal(book.spend('c-1'), alice)
  t.equal(book.spend('c-1'), 'code been used')
  time.now += 1
  t.equal(book.spend('c-1'), 'invalid code', 'a used one is dropped eventually')
  t.equal(book.spend('c-2'), 'invalid code')
})

t.test('its lifetime and number of uses can be set', async (t) => {
  const { time, book } = setupCodes()
  book.issue('c-1', { of: 'alice' }, { ttl: 1, uses: 2 })
  t.same(
    [book.spend('c-1'), book.spend('c-1'), book.spend('c-1')],
    [{ of: 'alice' }, { of: 'alice' }, 'code been used'],
  )
  book.issue('c-2', { of: 'bob' }, { ttl: 1 })
  time.now += 1000
  t.equal(book.spend('c-2'), 'invalid code')
})

t.test('the newest are remembered, also by another book', async (t) => {
  const { book } = setupCodes(2)
  for (let n = 0; n < 4; n++) book.issue(`c-${n}`, { of: 'alice' }, {})
  t.same(
    book.dump().map(({ code }) => code),
    ['c-2', 'c-3'],
  )
  const { book: other } = setupCodes()
  other.issue('c-9', { of: 'bob' }, {})
  other.load(structuredClone(book.dump()))
  t.same([other.has('c-9'), other.spend('c-2')], [false, { of: 'alice' }])
})

const SECOND = 1000
const MINUTE = 60 * SECOND

function setupTokens(limit?: number) {
  const time = { now: NOON }
  const tokens = createTokens(createRandom('42'), () => new Date(time.now), limit)
  const stable = (force = false) => tokens.stable(force) as GivenToken
  return { time, tokens, stable }
}

t.test('a token is long, valid for two hours, and unique', async (t) => {
  const { time, tokens } = setupTokens()
  const { access_token: token, expires_in: life } = tokens.fetch()
  t.match(token, /^\d{2}_[\w-]{128}$/)
  t.equal(life, 7200)
  t.not(tokens.fetch().access_token, token)
  const last = tokens.fetch().access_token
  time.now += 7200 * SECOND - 1
  t.equal(tokens.judge(last), 'good')
  time.now += 1
  t.equal(tokens.judge(last), 'expired')
  t.equal(tokens.has(last), true)
  t.same([tokens.has('78_never'), tokens.judge('78_never')], [false, 'stale'])
})

t.test('a new one makes earlier ones stale after five minutes', async (t) => {
  const { time, tokens } = setupTokens()
  const first = tokens.fetch().access_token
  time.now += MINUTE
  const second = tokens.fetch().access_token
  time.now += MINUTE
  const third = tokens.fetch().access_token
  const judged = () => [first, second, third].map(tokens.judge)
  t.same(judged(), ['good', 'good', 'good'])
  time.now += 4 * MINUTE
  t.same(judged(), ['stale', 'good', 'good'], 'from the first fetch after it')
  time.now += MINUTE
  t.same(judged(), ['stale', 'stale', 'good'])
})

t.test('the stable one stays, with its remaining time; the next is issued in its last five minutes', async (t) => {
  const { time, tokens, stable } = setupTokens()
  const first = stable()
  t.equal(first.expires_in, 7200)
  time.now += 115 * MINUTE - 1
  t.same(stable(), { ...first, expires_in: 300 })
  time.now += 1
  const second = stable()
  t.not(second.access_token, first.access_token)
  t.equal(second.expires_in, 7200)
  time.now += MINUTE
  t.same(stable(), { ...second, expires_in: 7140 })
  t.same([tokens.judge(first.access_token), tokens.judge(second.access_token)], ['good', 'good'])
  time.now += 4 * MINUTE
  t.equal(tokens.judge(first.access_token), 'expired')
})

t.test('the two kinds are independent', async (t) => {
  const { time, tokens, stable } = setupTokens()
  const plain = tokens.fetch().access_token
  const kept = stable().access_token
  stable(true)
  time.now += 6 * MINUTE
  t.same([tokens.judge(plain), tokens.judge(kept)], ['good', 'stale'])
  const forced = stable().access_token
  tokens.fetch()
  time.now += 6 * MINUTE
  t.same([tokens.judge(plain), tokens.judge(forced)], ['stale', 'good'])
})

t.test('a forced refresh invalidates the old one at once, but does nothing within 30 s of the last', async (t) => {
  const { time, tokens, stable } = setupTokens()
  const first = stable().access_token
  const second = stable(true)
  t.not(second.access_token, first)
  t.same([tokens.judge(first), tokens.judge(second.access_token)], ['stale', 'good'])
  time.now += 30 * SECOND - 1
  t.same(stable(true), { ...second, expires_in: 7170 }, 'nothing is refreshed')
  time.now += 1
  t.not(stable(true).access_token, second.access_token)
  t.equal(tokens.judge(second.access_token), 'stale')
})

t.test('at most 20 forced refreshes per day in China', async (t) => {
  const { time, tokens, stable } = setupTokens()
  for (let n = 0; n < 20; n++) {
    t.type(stable(true).access_token, 'string')
    time.now += MINUTE
  }
  t.equal(tokens.stable(true), 'quota')
  t.type(stable().access_token, 'string', 'without force as before')
  time.now = NOON + 12 * 60 * MINUTE - 1
  t.equal(tokens.stable(true), 'quota')
  time.now += 1
  t.type(stable(true).access_token, 'string')
})

t.test('they are stored in a snapshot, with the limits of forced refreshes', async (t) => {
  const { time, tokens, stable } = setupTokens()
  const { access_token: forced } = stable(true)
  const dump = structuredClone(tokens.dump())
  time.now += MINUTE
  const later = stable(true).access_token
  const other = setupTokens()
  for (let n = 0; n < 3; n++) other.tokens.fetch()
  other.tokens.load(dump)
  t.same([other.tokens.judge(forced), other.tokens.has(later), other.tokens.dump()], ['good', false, dump])
  t.equal(other.stable(true).access_token, forced, 'forced a moment ago')
  other.time.now += MINUTE
  t.equal(other.stable(true).access_token, later, 'drawn as then')
})

t.test('the newest are remembered', async (t) => {
  const { tokens } = setupTokens(2)
  const given = Array.from({ length: 4 }, () => tokens.fetch().access_token)
  t.same(given.map(tokens.has), [false, false, true, true])
})
