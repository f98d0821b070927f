import t from 'tap'
import { committed } from '../../../src/store/adapters/commits.ts'
import type { Dialect } from '../../../src/store/executor.ts'

const CASES: [dialect: Dialect, failing: string | undefined, outcome: string, sent: string[]][] = [
  ['postgres', undefined, 'done', []],
  ['mysql', undefined, 'done', []],
  ['sqlite', undefined, 'done', ['commit', 'begin']],
  ['sqlite', 'commit', 'commit failed', ['commit']],
  ['sqlite', 'work', 'work failed', []],
]

for (const [dialect, failing, outcome, expected] of CASES) {
  t.test(`${dialect}: ${failing ?? 'nothing'} fails`, async (t) => {
    const sent: string[] = []
    const step = async (name: string) => {
      if (name === failing) throw new Error(`${name} failed`)
      return 0
    }
    const connection = {
      rows: async () => [],
      run: async (sql: string) => {
        sent.push(sql)
        return await step(sql)
      },
    }
    const work = step('work').then(() => 'done')
    t.equal(await committed(dialect, connection, work).catch((error: Error) => error.message), outcome)
    t.same(sent, expected)
  })
}
