import t from 'tap'
import { createEventLog } from '../../mock-server/event-log.ts'
import { NOON } from './helpers.ts'

t.test('events are numbered, heard, and remembered for a while', async (t) => {
  const log = createEventLog(3)
  t.equal(log.newest(), 0)
  const heard: number[] = []
  const stop = log.subscribe(({ id }) => {
    heard.push(id)
  })
  for (let n = 1; n <= 10; n++) log.push('journal', new Date(NOON), n)
  stop()
  log.push('clock', new Date(NOON), { to: 11 })
  t.same(heard, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  t.equal(log.newest(), 11)
  t.same(log.since(9), [
    { id: 10, event: 'journal', at: new Date(NOON), data: 10 },
    { id: 11, event: 'clock', at: new Date(NOON), data: { to: 11 } },
  ])
  t.same(
    log.since(0).map(({ id }) => id),
    [9, 10, 11],
  )
  t.same(log.since(11), [])
})
