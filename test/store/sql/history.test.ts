import t from 'tap'
import type { HistoryLine } from '../../../src/model.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import type { Dialect, Row } from '../../../src/store/executor.ts'
import { historyOf } from '../../../src/store/sql/history.ts'
import { tables } from '../../../src/store/sql/schema/tables.ts'
import { at, change, newOrder } from '../orders.ts'

const line: HistoryLine = { ...change(newOrder('tea')).history[0]!, at: at(7) }
const paid: HistoryLine = { ...line, to: 'paid' }

/** A row of history as a database gives it, and how often it was said again. */
function row(said: HistoryLine, id = 5, again?: { times: number; lastAt: number }): Row {
  return {
    id,
    out_trade_no: said.outTradeNo,
    seen_at: at(0).getTime(),
    source: said.source,
    seen: said.seen,
    outcome: said.outcome,
    from_state: said.from,
    to_state: said.to,
    history_id: again === undefined ? null : id,
    times: again?.times ?? null,
    last_seen_at: again === undefined ? null : at(again.lastAt).getTime(),
  }
}

/** What is written for these lines where the order has those rows; and how often it was asked for them. */
async function written(dialect: Dialect, lines: HistoryLine[], isNew: boolean, rows: Row[] = []) {
  let asked = 0
  const connection = {
    rows: async () => {
      asked++
      return rows
    },
    run: () => t.fail('nothing is written here') as never,
  }
  const statements = await historyOf(tables(), DIALECTS[dialect]).adding(lines, isNew, connection)
  return { asked, tables: statements.map(({ sql }) => /insert into wechat_(\w+)/.exec(sql)![1]), statements }
}

t.test('the statements written, and the queries before', async (t) => {
  const known = [row(line)]
  const cases: [what: string, Dialect[], HistoryLine[], isNew: boolean, Row[], asked: number, tables: string[]][] = [
    ['the first lines of a new order', ['postgres', 'mysql', 'sqlite'], [line, line], true, [], 0, ['history']],
    ['none', ['postgres', 'mysql', 'sqlite'], [], false, [], 0, []],
    ['a change of state', ['postgres', 'mysql', 'sqlite'], [paid], false, known, 0, ['history']],
    ['news, in one round trip', ['postgres'], [line], false, known, 0, ['repeats', 'history']],
    ['news that was not there', ['mysql', 'sqlite'], [line], false, [], 1, ['history']],
    ['news that was there', ['mysql', 'sqlite'], [line], false, known, 1, ['repeats']],
    ['both', ['mysql', 'sqlite'], [paid, line], false, known, 1, ['history', 'repeats']],
    ['texts that a database considers equal', ['mysql'], [{ ...line, seen: 'seen ' }], false, known, 1, ['history']],
  ]
  for (const [what, dialects, lines, isNew, rows, asked, tables] of cases) {
    for (const dialect of dialects) {
      t.match(await written(dialect, lines, isNew, rows), { asked, tables }, `${dialect}: ${what}`)
    }
  }
})

t.test('repeated news is counted on', async (t) => {
  for (const [again, times] of [
    [undefined, 1],
    [{ times: 1, lastAt: 3 }, 2],
    [{ times: 41, lastAt: 3 }, 42],
  ] as const) {
    const { statements } = await written('sqlite', [line], false, [row(line, 5, again)])
    t.strictSame(statements[0]!.values, [5, times, at(7).getTime()])
  }
})

t.test('lines come back with how often they were said, those of version 1 as said once', async (t) => {
  const rows = [row(line, 1), row(paid, 2, { times: 3, lastAt: 9 })]
  const connection = { rows: async () => rows, run: () => t.fail() as never }
  t.strictSame(await historyOf(tables(), DIALECTS.sqlite).of('tea', connection), [
    { ...line, at: at(0), count: 1, lastAt: at(0) },
    { ...paid, at: at(0), count: 4, lastAt: at(9) },
  ])
})
