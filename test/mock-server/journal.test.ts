import t from 'tap'
import { createJournal, type JournalEntry } from '../../mock-server/journal.ts'
import { NOON } from './helpers.ts'

const entry = (api: string, direction: 'in' | 'out' = 'in'): Omit<JournalEntry, 'cursor'> =>
  ({ at: new Date(NOON), direction, api, request: { method: 'POST', url: '/', headers: {}, body: '' } })

t.test('entries get a cursor and are found by it, by direction and by api', async t => {
  const journal = createJournal()
  journal.record(entry('unifiedorder'))
  journal.record(entry('notify', 'out'))
  journal.record(entry('orderquery'))
  const cursors = (filter?: Parameters<typeof journal.entries>[0]) => journal.entries(filter).map(({ cursor }) => cursor)
  t.same(cursors(), [1, 2, 3])
  t.same(cursors({ since: 1 }), [2, 3])
  t.same(cursors({ direction: 'in' }), [1, 3])
  t.same(cursors({ api: 'orderquery' }), [3])
  t.same(cursors({ since: 3 }), [])
})

t.test('it keeps the newest', async t => {
  const journal = createJournal(3)
  for (let n = 1; n <= 10; n++) {
    journal.record(entry('orderquery'))
    t.same(journal.entries().map(({ cursor }) => cursor), [n - 2, n - 1, n].filter(cursor => cursor > 0))
  }
})
