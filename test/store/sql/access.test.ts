import t from 'tap'
import { accessTo, fencedBy } from '../../../src/store/sql/access.ts'
import type { Connection, Dialect, Executor, Row } from '../../../src/store/executor.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import { answerFirst } from '../doubles.ts'

/** A database with these settings, and what was sent to it; `fail` makes the next statements fail. */
function double(dialect: Dialect, settings: Row = {}) {
  const sent: string[] = []
  const failures: Error[] = []
  const connection: Connection = {
    async rows(sql, values) {
      const answer = answerFirst(dialect, settings, sql, values)
      if (answer !== undefined) {
        sent.push('first')
        return answer
      }
      sent.push(sql)
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      return [{ sql }]
    },
    async run(sql) {
      sent.push(sql)
      return 1
    },
  }
  const executor: Executor = {
    dialect,
    ...connection,
    async transaction(work, isolation) {
      sent.push(`begin ${isolation ?? 'as set'}`)
      return await work(connection, 'tx')
    },
  }
  return { executor, sent, fail: (...errors: Error[]) => failures.push(...errors) }
}

const COMMITTED = { transaction_isolation: 'read committed' }
const SERIALIZABLE = { transaction_isolation: 'serializable' }
const conflict = Object.assign(new Error('could not serialize access'), { code: '40001' })

t.test('a database is checked once, before anything else is sent', async (t) => {
  const { executor, sent } = double('postgres', COMMITTED)
  const { reading, begin } = accessTo(executor, 'postgres')
  await Promise.all([reading.rows('a = ?', [1]), reading.rows('b = ? and c = ?', [1, 2])])
  await begin(async (connection, tx) => {
    t.equal(tx, 'tx')
    t.equal(await connection.run('d = ?', [1]), 1)
  })
  t.same(sent, ['first', 'a = $1', 'b = $1 and c = $2', 'begin as set', 'd = $1'])
})

t.test('a database with wrong settings gets nothing until they are corrected', async (t) => {
  const settings: Row = { transaction_read_only: 'on' }
  const { executor, sent } = double('postgres', settings)
  const { reading, begin, single } = accessTo(executor, 'postgres')
  const refused = { message: /transaction_read_only is "on"/ }
  await t.rejects(reading.rows('a', []), refused)
  await t.rejects(
    begin(async () => {}),
    refused,
  )
  await t.rejects(
    single(async () => {}),
    refused,
  )
  settings.transaction_read_only = 'off'
  t.same(await reading.rows('a', []), [{ sql: 'a' }])
  t.same(sent, ['first', 'first', 'first', 'first', 'a'])
})

t.test("a caller's transaction needs an executor with within", async (t) => {
  const { executor, sent } = double('postgres', COMMITTED)
  const refusal = { code: 'WECHAT_INPUT_INVALID', message: /has no `within`/ }
  await t.rejects(accessTo(executor, 'postgres').within('tx'), refusal)
  t.same(sent, ['first'])
  const within = (tx: unknown) => ({ ...executor, run: async (sql: string) => sent.push(`${tx}: ${sql}`) })
  await (await accessTo({ ...executor, within }, 'postgres').within('own')).run('a = ?', [1])
  t.same(sent.slice(1), ['first', 'own: a = $1'])
})

t.test('reads are retried on conflicts', async (t) => {
  const { executor, fail } = double('postgres', SERIALIZABLE)
  const { reading } = accessTo(executor, 'postgres')
  fail(conflict, conflict)
  t.same(await reading.rows('a', []), [{ sql: 'a' }])
})

const LEVELS: [Dialect, Row, ours: string, single: string[]][] = [
  ['postgres', COMMITTED, 'begin read committed', ['a']],
  ['postgres', SERIALIZABLE, 'begin read committed', ['begin read committed', 'a']],
  ['mysql', {}, 'begin read committed', ['begin read committed', 'a']],
  ['sqlite', {}, 'begin as set', ['a']],
]

for (const [dialect, settings, ours, alone] of LEVELS) {
  t.test(
    `${dialect} ${JSON.stringify(settings)}: the isolation level of transactions and of single statements`,
    async (t) => {
      const { executor, sent } = double(dialect, settings)
      const { begin, transaction, single } = accessTo(executor, dialect)
      await begin(async () => {})
      await transaction(async () => {})
      await single((connection) => connection.run('a', []))
      t.same(
        sent.filter((sql) => sql !== 'first'),
        ['begin as set', ours, ...alone],
      )
    },
  )
}

t.test('nothing is written to a transaction that the library has abandoned while its work continues', async (t) => {
  const { executor, sent } = double('sqlite')
  let running: Promise<unknown> | undefined
  const losing: Executor = {
    ...executor,
    transaction: (work) =>
      executor.transaction(async (connection, tx) => {
        running = work(connection, tx)
        throw new Error('connection lost')
      }),
  }
  let goOn = () => {}
  const lost = accessTo(losing, 'sqlite').transaction(async (connection) => {
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    await connection.run('late', [])
  })
  await t.rejects(lost, { message: 'connection lost' })
  goOn()
  await t.rejects(running!, { message: /The transaction of this hook is over/ })
  t.notOk(sent.includes('late'))
})

t.test('a fence is opened again whatever fails, also the commit that opens it', async (t) => {
  const CASES: [failing: string | undefined, sent: string[]][] = [
    [undefined, ['set autocommit = 0', 'task', 'set autocommit = 1']],
    ['task', ['set autocommit = 0', 'task', 'rollback', 'set autocommit = 1']],
    ['set autocommit = 1', ['set autocommit = 0', 'task', 'set autocommit = 1', 'rollback', 'set autocommit = 1']],
  ]
  for (const [failing, expected] of CASES) {
    const sent: string[] = []
    const run = async (sql: string) => {
      if (sent.push(sql) === expected.indexOf(failing!) + 1) throw new Error(`${sql} failed`)
      return 0
    }
    const fenced = fencedBy(DIALECTS.mysql)({ run, rows: async () => [] }, async () => {
      await run('task')
    })
    if (failing === undefined) await fenced
    else await t.rejects(fenced, { message: `${failing} failed` })
    t.same(sent, expected)
  }
})
