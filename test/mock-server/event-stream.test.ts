import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import { createEventLog } from '../../mock-server/event-log.ts'
import { streamEvents } from '../../mock-server/event-stream.ts'
import { NOON } from './helpers.ts'

function setup(limit = 3) {
  const log = createEventLog(limit)
  const happen = (count: number) => {
    for (let n = 0; n < count; n++) log.push('journal', new Date(NOON), { n: log.newest() + 1 })
  }
  const output = new PassThrough({ encoding: 'utf8' })
  return { log, happen, output, written: () => output.read() as string | null }
}
const told = (id: number) => `id: ${id}\nevent: journal\ndata: {"at":"2026-01-15T04:00:00.000Z","data":{"n":${id}}}\n\n`

t.test('what happens from now on', async (t) => {
  const { log, happen, output, written } = setup()
  happen(2)
  streamEvents(log, output)
  t.equal(written(), 'retry: 1000\n\n')
  happen(1)
  t.equal(written(), told(3))
  output.destroy()
  await new Promise((resolve) => output.once('close', resolve))
  happen(1)
  t.equal(written(), null, 'nobody is written to any more')
})

t.test('what happened since, with a word about what is forgotten', async (t) => {
  const cases: [since: number, text: string][] = [
    [10, ''],
    [8, told(9) + told(10)],
    [7, told(8) + told(9) + told(10)],
    [5, `event: gap\ndata: {"from":6,"to":7}\n\n${told(8)}${told(9)}${told(10)}`],
    [0, `event: gap\ndata: {"from":1,"to":7}\n\n${told(8)}${told(9)}${told(10)}`],
  ]
  for (const [since, text] of cases) {
    const { log, happen, output, written } = setup()
    happen(10)
    streamEvents(log, output, since)
    t.equal(written(), `retry: 1000\n\n${text}`, `since ${since}`)
  }
})

t.test('a reader that has stopped reading is given up', async (t) => {
  const { log } = setup()
  const stuck = new Writable({ write: () => {} })
  streamEvents(log, stuck)
  for (let n = 0; n < 5; n++) log.push('journal', new Date(NOON), 'x'.repeat(4 * 1024 * 1024))
  t.equal(stuck.destroyed, true)
})
