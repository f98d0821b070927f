import t from 'tap'
import { endedByWork } from '../../../src/store/adapters/endings.ts'
import type { Dialect } from '../../../src/store/executor.ts'

const lost = new Error('connection lost')
const UNDO = 'rollback and chain'
const givenUp = [
  new Error('rollback and chain - Query read timeout'),
  new Error('Failed query', { cause: new Error('Query read timeout') }),
]

/** What fails, each time it is tried, and what is sent. */
const CASES: [dialect: Dialect, failures: Record<string, Error[]>, outcome: string, sent: string[]][] = [
  ['postgres', {}, 'done', []],
  ['postgres', { work: [lost] }, 'connection lost', [UNDO]],
  ['postgres', { work: [lost], [UNDO]: [lost] }, 'connection lost', [UNDO]],
  ['postgres', { work: [lost], [UNDO]: givenUp }, 'connection lost', [UNDO, UNDO, UNDO]],
  ['mysql', {}, 'done', []],
  ['mysql', { work: [lost] }, 'connection lost', ['rollback', 'set autocommit = 1']],
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

t.test(
  'work that takes longer than the limit is refused before it is undone, and its connection is kept until then',
  async (t) => {
    const steps: string[] = []
    let undone = () => {}
    let released: Promise<unknown> | undefined
    const transaction = endedByWork(
      'postgres',
      (ending) => {
        const connection = {
          rows: async () => [],
          run: (sql: string) => {
            steps.push(sql)
            return new Promise<number>((resolve) => {
              undone = () => {
                steps.push('undone')
                resolve(0)
              }
            })
          },
        }
        const ended = ending(connection, new Promise(() => {}))
        released = ended.catch(() => steps.push('released'))
        return ended
      },
      1,
    )
    await t.rejects(transaction, { message: 'The transaction took longer than 1 ms, its timeout: it was rolled back' })
    // As many turns as the store takes to revoke it.
    for (let n = 0; n < 20; n++) await Promise.resolve()
    t.same(steps, [], 'the caller knows first')
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    undone()
    await released
    t.same(steps, [UNDO, 'undone', 'released'])
  },
)
