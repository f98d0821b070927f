import type { Codec } from './codec.ts'
import type { Reader, Value } from '../executor.ts'

export interface Statement {
  sql: string
  values: Value[]
}

export async function select<T>(
  connection: Reader,
  table: string,
  row: Codec<T>,
  rest: string,
  values: Value[],
): Promise<T[]> {
  return (await connection.rows(`select ${row.selection} from ${table} ${rest}`, values)).map(row.read)
}

/** `undefined` when there is nothing to insert. */
export function insert<T>(table: string, row: Codec<T>, values: T[]): Statement | undefined {
  if (values.length === 0) return undefined
  const places = values.map(() => `(${row.places.join(', ')})`)
  return {
    sql: `insert into ${table} (${row.columns.join(', ')}) values ${places.join(', ')}`,
    values: values.flatMap(row.write),
  }
}

/** Sets the columns that differ; `undefined` when none does. */
export function update<T>(
  table: string,
  row: Codec<T>,
  before: T,
  after: T,
  where: string,
  keys: Value[],
): Statement | undefined {
  const [old, values] = [row.write(before), row.write(after)]
  const changed = row.columns.map((_, n) => n).filter((n) => values[n] !== old[n])
  if (changed.length === 0) return undefined
  const set = changed.map((n) => `${row.columns[n]} = ${row.places[n]}`)
  return {
    sql: `update ${table} set ${set.join(', ')} where ${where}`,
    values: [...changed.map((n) => values[n] as Value), ...keys],
  }
}

/** Several statements as one, and so as one round trip. */
export function joined(all: Statement[]): Statement[] {
  if (all.length < 2) return all
  const steps = all.slice(0, -1).map(({ sql }, n) => `step_${n} as (${sql})`)
  return [{ sql: `with ${steps.join(', ')} ${all.at(-1)!.sql}`, values: all.flatMap(({ values }) => values) }]
}
