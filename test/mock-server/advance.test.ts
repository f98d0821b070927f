import t from 'tap'
import { advanceWorlds, type Happened, type Watched } from '../../mock-server/advance.ts'
import type { Clock } from '../../mock-server/clock.ts'
import { MockError } from '../../mock-server/errors.ts'

const move = { from: new Date(0), to: new Date(1), remainingTimers: [] }
const nothing: Happened = { deliveries: [], lint: [] }

interface Named extends Watched {
  readonly name: string
}

/** Two worlds on one clock, a third that comes when `late` is called, and what they were told. */
function setup(advance: Clock['advance'], { mode = 'virtual' as const, awaited = [] as string[] } = {}) {
  const log: string[] = []
  const watched = (name: string): Named => ({
    name,
    awaited: () => awaited,
    collect: () => {
      log.push(`${name} collects`)
      return () => {
        log.push(`${name} gives`)
        return nothing
      }
    },
    moved: ({ from, to }) => {
      log.push(`${name} moved ${from.getTime()}…${to.getTime()}`)
    },
  })
  const watching = new Set<(world: Named) => void>()
  const late = () => {
    for (const see of watching) see(watched('late'))
  }
  const watch = (see: (world: Named) => void) => {
    for (const name of ['a', 'b']) see(watched(name))
    watching.add(see)
    return () => {
      watching.delete(see)
    }
  }
  const run = () =>
    advanceWorlds(
      { mode, advance },
      watch,
      (move, seen) => ({ ...move, worlds: seen.map(({ world: { name }, happened }) => [name, happened]) }),
      '1s',
    )
  return { log, run, late, watching }
}

const both = [
  ['a', nothing],
  ['b', nothing],
]

t.test('what happens meanwhile is collected from every world', async (t) => {
  const { log, run } = setup(async (_by, _options, onMove) => {
    onMove?.(move)
    return move
  })
  t.same(await run(), { ...move, worlds: both })
  t.same(log.slice(0, 6), ['a collects', 'b collects', 'a moved 0…1', 'b moved 0…1', 'a gives', 'b gives'])
})

t.test('also from one that comes meanwhile', async (t) => {
  const { log, run, late, watching } = setup(async (_by, _options, onMove) => {
    late()
    onMove?.(move)
    return move
  })
  t.same(await run(), { ...move, worlds: [...both, ['late', nothing]] })
  t.match(log, ['a collects', 'b collects', 'late collects', 'a moved 0…1', 'b moved 0…1', 'late moved 0…1'])
  t.equal(watching.size, 0, 'and not afterwards')
})

t.test('while somebody waits for a send no clock is advanced', async (t) => {
  const { log, run, watching } = setup(async () => t.fail('not advanced') as never, {
    awaited: ['notify tea-0001 attempt 0'],
  })
  await t.rejects(run(), { code: 'CLOCK_BUSY', message: /^notify tea-0001 attempt 0 is not over/ })
  t.same(log, ['a collects', 'b collects', 'a gives', 'b gives'])
  t.equal(watching.size, 0)
})

t.test('one that does not end tells what has happened; another mistake stays what it is', async (t) => {
  const late = setup(async () => {
    throw new MockError('CLOCK_TIMEOUT', 'too long', { report: move })
  })
  await t.rejects(late.run(), {
    code: 'CLOCK_TIMEOUT',
    message: 'too long',
    details: { report: { ...move, worlds: both } },
  })
  t.notMatch(late.log.join(), 'moved', 'time has not moved')
  for (const mistake of [new Error('a hook failed'), new MockError('CLOCK_BUSY', 'busy')]) {
    const failing = setup(async () => {
      throw mistake
    })
    await t.rejects(failing.run(), mistake)
    t.same(failing.log, ['a collects', 'b collects', 'a gives', 'b gives'], 'collecting ends')
  }
})
