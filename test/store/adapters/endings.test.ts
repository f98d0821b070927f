import t from 'tap'
import { endedByWork } from '../../../src/store/adapters/endings.ts'
import type { Dialect } from '../../../src/store/executor.ts'

const lost = new Error('connection lost')
const givenUp = [
  new Error('ROLLBACK - Query read timeout'),
  new Error('Failed query', { cause: new Error('Query read timeout') }),
]

/** What fails, each time it is tried, and what is sent. */
const CASES: [dialect: Dialect, failures: Record<string, Error[]>, outcome: string, sent: string[]][] = [
  ['postgres', {}, 'done', []],
  ['postgres', { work: [lost] }, 'connection lost', ['rollback']],
  ['postgres', { work: [lost], rollback: [lost] }, 'connection lost', ['rollback']],
  ['postgres', { work: [lost], rollback: givenUp }, 'connection lost', ['rollback', 'rollback', 'rollback']],
  ['mysql', {}, 'done', []],
  ['mysql', { work: [lost] }, 'connection lost', []],
  ['sqlite', {}, 'done', ['commit', 'begin']],
  ['sqlite', { commit: [lost] }, 'connection lost', ['commit']],
  ['sqlite', { work: [lost] }, 'connection lost', []],
]

for (const [dialect, failures, outcome, expected] of CASES) {
  t.test(`${dialect}: ${JSON.stringify(Object.keys(failures))} fails`, async (t) => {
    const sent: string[] = []
    const left = new Map(Object.entries(failures).map(([name, errors]) => [name, [...errors]]))
    const step = async (name: string) => {
      const error = left.get(name)?.shift()
      if (error !== undefined) throw error
      return 0
    }
    const connection = {
      rows: async () => [],
      run: async (sql: string) => {
        sent.push(sql)
        return await step(sql)
      },
    }
    let released: Promise<unknown> | undefined
    const transaction = endedByWork(dialect, (ending) => {
      const ended = ending(
        connection,
        step('work').then(() => 'done'),
      )
      released = ended.catch(() => {})
      return ended
    })
    t.equal(await transaction.catch((error: Error) => error.message), outcome)
    await released
    t.same(sent, expected)
  })
}
