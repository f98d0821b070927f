import t from 'tap'
import { createRandom } from '../../mock-server/random.ts'
import { createTokens, type GivenToken } from '../../mock-server/tokens.ts'
import { NOON } from './helpers.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

function setup(limit?: number) {
  const time = { now: NOON }
  const tokens = createTokens(createRandom('42'), () => new Date(time.now), limit)
  const stable = (force = false) => tokens.stable(force) as GivenToken
  return { time, tokens, stable }
}

t.test('a token is long, lives for two hours, and is no other', async (t) => {
  const { time, tokens } = setup()
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

t.test('a new one makes the earlier ones stale in five minutes', async (t) => {
  const { time, tokens } = setup()
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

t.test('the stable one stays, with what is left of it; the next comes in its last five minutes', async (t) => {
  const { time, tokens, stable } = setup()
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

t.test('the kinds do not touch each other', async (t) => {
  const { time, tokens, stable } = setup()
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

t.test('by force the old one is dead at once, but not within 30 s of the last time', async (t) => {
  const { time, tokens, stable } = setup()
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

t.test('by force 20 times a day in China', async (t) => {
  const { time, tokens, stable } = setup()
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

t.test('they go into a snapshot, with the limits of force', async (t) => {
  const { time, tokens, stable } = setup()
  const { access_token: forced } = stable(true)
  const dump = structuredClone(tokens.dump())
  time.now += MINUTE
  const later = stable(true).access_token
  const other = setup()
  for (let n = 0; n < 3; n++) other.tokens.fetch()
  other.tokens.load(dump)
  t.same([other.tokens.judge(forced), other.tokens.has(later), other.tokens.dump()], ['good', false, dump])
  t.equal(other.stable(true).access_token, forced, 'forced a moment ago')
  other.time.now += MINUTE
  t.equal(other.stable(true).access_token, later, 'drawn as then')
})

t.test('the newest are remembered', async (t) => {
  const { tokens } = setup(2)
  const given = Array.from({ length: 4 }, () => tokens.fetch().access_token)
  t.same(given.map(tokens.has), [false, false, true, true])
})
