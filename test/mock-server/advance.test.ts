import t from 'tap'
import { advanceWorlds, type Happened, type Watched } from '../../mock-server/advance.ts'
import type { Clock } from '../../mock-server/clock.ts'
import { MockError } from '../../mock-server/errors.ts'

const move = { from: new Date(0), to: new Date(1), remainingTimers: [] }
const nothing: Happened = { deliveries: [], lint: [] }

/** Two worlds on one clock, and what they were told. */
function setup (advance: Clock['advance'], { mode = 'virtual' as const, awaited = [] as string[] } = {}) {
  const log: string[] = []
  const watched = (name: string): Watched => ({
    awaited: () => awaited,
    collect: () => {
      log.push(`${name} collects`)
      return () => {
        log.push(`${name} gives`)
        return nothing
      }
    },
    moved: ({ from, to }) => { log.push(`${name} moved ${from.getTime()}…${to.getTime()}`) }
  })
  const run = () => advanceWorlds({ mode, advance }, [watched('a'), watched('b')], (move, happened) => ({ ...move, worlds: happened.length }), '1s')
  return { log, run }
}

t.test('what happens meanwhile is collected from every world', async t => {
  const { log, run } = setup(async () => move)
  t.same(await run(), { ...move, worlds: 2 })
  t.same(log.slice(0, 6), ['a collects', 'b collects', 'a moved 0…1', 'b moved 0…1', 'a gives', 'b gives'])
})

t.test('while somebody waits for a send no clock is advanced', async t => {
  const { log, run } = setup(async () => move, { awaited: ['notify tea-0001 attempt 0'] })
  await t.rejects(run(), { code: 'CLOCK_BUSY', message: /^notify tea-0001 attempt 0 is not over/ })
  t.same(log, [])
})

t.test('one that does not end tells what has happened; another mistake stays what it is', async t => {
  const late = setup(async () => { throw new MockError('CLOCK_TIMEOUT', 'too long', { report: move }) })
  await t.rejects(late.run(), { code: 'CLOCK_TIMEOUT', message: 'too long', details: { report: { ...move, worlds: 2 } } })
  t.notMatch(late.log.join(), 'moved')
  for (const mistake of [new Error('a hook failed'), new MockError('CLOCK_BUSY', 'busy')]) {
    const failing = setup(async () => { throw mistake })
    await t.rejects(failing.run(), mistake)
    t.same(failing.log, ['a collects', 'b collects', 'a gives', 'b gives'], 'collecting ends')
  }
})
