import type { HistoryEntry, HistoryLine } from '../../model.ts'
import { codec } from './codec.ts'
import type { Differences } from './dialects.ts'
import type { Reader, Row, Value } from '../executor.ts'
import { HISTORY, REPEAT } from './fields.ts'
import type { Tables } from './schema/tables.ts'
import { insert } from './statements.ts'
import type { Statement } from './statements.ts'

/** Lines of orders' histories. A line that repeats an earlier one of its order is only counted, in a narrow row beside it: cheap requests add no rows. */
export interface History {
  /** Statements that add these lines to their order, which is new or locked. */
  adding(said: readonly HistoryLine[], isNew: boolean, connection: Reader): Promise<Statement[]>
  of(outTradeNo: string, connection: Reader): Promise<HistoryEntry[]>
}

/** What makes two lines of an order the same. */
const WORDS = ['source', 'seen', 'outcome', 'from', 'to'] as const

export function historyOf({ history, repeats }: Tables, differences: Differences): History {
  const { place, replacing, compound } = differences
  const lineRow = codec<HistoryLine>(HISTORY, differences, history)
  const repeatRow = codec(REPEAT, differences, repeats)
  const words = WORDS.map((word) => `${HISTORY[word].column} = ${place[HISTORY[word].kind]}`).join(' and ')

  async function read(where: string, values: Value[], connection: Reader): Promise<(HistoryEntry & { id: number })[]> {
    const rows = await connection.rows(
      `select ${history}.id as id, ${lineRow.selection}, ${repeatRow.selection} from ${history} left join ${repeats} on history_id = ${history}.id where ${history}.${where} order by ${history}.id`,
      values,
    )
    return rows.map((row: Row) => {
      const line = lineRow.read(row)
      const { times, lastAt } = repeatRow.read(row)
      return { id: Number(row.id), ...line, count: 1 + (times ?? 0), lastAt: lastAt ?? line.at }
    })
  }

  /** Both steps see the lines as they were before: one counts the repeated lines, the other adds the new ones. */
  function inOneRoundTrip(said: readonly HistoryLine[]): Statement[] {
    const rows = said.map((_, n) => `(${n}, ${lineRow.places.join(', ')})`)
    const values = said.flatMap(lineRow.write)
    const columns = lineRow.columns.join(', ')
    const source = `(values ${rows.join(', ')}) as line (n, ${columns})`
    const same = ['out_trade_no', ...WORDS.map((word) => HISTORY[word].column)].map(
      (column) => `earlier.${column} = line.${column}`,
    )
    const earlier = `from ${history} as earlier where ${same.join(' and ')} and line.from_state = line.to_state`
    return [
      {
        sql:
          `insert into ${repeats} (history_id, times, last_seen_at) select first.id, 1, line.seen_at from ${source}, lateral (select min(id) as id ${earlier}) as first ` +
          `where first.id is not null on conflict (history_id) do update set times = ${repeats}.times + 1, last_seen_at = excluded.last_seen_at`,
        values,
      },
      {
        sql: `insert into ${history} (${columns}) select ${lineRow.columns.map((column) => `line.${column}`).join(', ')} from ${source} where not exists (select 1 ${earlier}) order by line.n`,
        values,
      },
    ]
  }

  /** Statements that add the line, or count it if it repeats one. */
  async function step(line: HistoryLine, connection: Reader): Promise<Statement> {
    const known = isRepeatable(line) ? await find(line, connection) : undefined
    if (known === undefined) return insert(history, lineRow, [line])!
    const { sql, values } = insert(repeats, repeatRow, [{ id: known.id, times: known.count, lastAt: line.at }])!
    return { sql: `${sql} ${replacing('history_id', repeatRow.columns)}`, values }
  }

  /** The first line with the same text, compared exactly even in databases that compare loosely. */
  async function find(line: HistoryLine, connection: Reader): Promise<(HistoryEntry & { id: number }) | undefined> {
    const values = [line.outTradeNo, ...WORDS.map((word) => line[word])]
    const found = await read(`out_trade_no = ${place.key} and ${words}`, values, connection)
    return found.find((each) => WORDS.every((word) => each[word] === line[word]))
  }

  return {
    async adding(said, isNew, connection) {
      if (isNew || !said.some(isRepeatable)) return [insert(history, lineRow, [...said])].filter(isThere)
      if (compound) return inOneRoundTrip(said)
      const steps: Statement[] = []
      for (const line of said) steps.push(await step(line, connection))
      return steps
    },

    async of(outTradeNo, connection) {
      const entries = await read(`out_trade_no = ${place.key}`, [outTradeNo], connection)
      return entries.map(({ id: _, ...entry }) => entry)
    },
  }
}

/** A change of state happens only once. */
function isRepeatable({ from, to }: HistoryLine): boolean {
  return from === to
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}
