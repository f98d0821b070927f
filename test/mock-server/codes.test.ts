import t from 'tap'
import { createCodeBook } from '../../mock-server/codes.ts'
import { NOON } from './helpers.ts'

function setup(limit = 10) {
  const time = { now: NOON }
  return { time, book: createCodeBook<{ readonly of: string }>(() => new Date(time.now), limit) }
}

t.test('worth something once, for 300 s', async (t) => {
  const { time, book } = setup()
  const alice = { of: 'alice' }
  t.match(book.issue('c-1', alice, {}), { code: 'c-1', worth: alice, expiresAt: new Date(NOON + 300_000), usesLeft: 1 })
  t.same([book.has('c-1'), book.has('c-2')], [true, false])
  time.now += 299_999
  t.equal(book.spend('c-1'), alice)
  t.equal(book.spend('c-1'), 'code been used')
  time.now += 1
  t.equal(book.spend('c-1'), 'invalid code', 'in time a used one is forgotten')
  t.equal(book.spend('c-2'), 'invalid code')
})

t.test('its life and its uses can be chosen', async (t) => {
  const { time, book } = setup()
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
  const { book } = setup(2)
  for (let n = 0; n < 4; n++) book.issue(`c-${n}`, { of: 'alice' }, {})
  t.same(
    book.dump().map(({ code }) => code),
    ['c-2', 'c-3'],
  )
  const { book: other } = setup()
  other.issue('c-9', { of: 'bob' }, {})
  other.load(structuredClone(book.dump()))
  t.same([other.has('c-9'), other.spend('c-2')], [false, { of: 'alice' }])
})
