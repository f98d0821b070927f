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

/** A column that belongs to no property of the model. */
export interface Extra {
  column: string
  place: string
  value: Value
}

/** `undefined` when there is nothing to insert. */
export function insert<T>(table: string, row: Codec<T>, values: T[], extra: Extra[] = []): Statement | undefined {
  if (values.length === 0) return undefined
  const places = [...row.places, ...extra.map(({ place }) => place)].join(', ')
  const columns = [...row.columns, ...extra.map(({ column }) => column)].join(', ')
  return {
    sql: `insert into ${table} (${columns}) values ${values.map(() => `(${places})`).join(', ')}`,
    values: values.flatMap((each) => [...row.write(each), ...extra.map(({ value }) => value)]),
  }
}

/** Sets the columns that differ, and the `extra` ones; `undefined` when there are none. */
export function update<T>(
  table: string,
  row: Codec<T>,
  before: T,
  after: T,
  where: string,
  keys: Value[],
  extra: Extra[] = [],
): Statement | undefined {
  const [old, values] = [row.write(before), row.write(after)]
  const changed = row.columns.map((_, n) => n).filter((n) => values[n] !== old[n])
  if (changed.length + extra.length === 0) return undefined
  const set = [
    ...changed.map((n) => `${row.columns[n]} = ${row.places[n]}`),
    ...extra.map(({ column, place }) => `${column} = ${place}`),
  ]
  return {
    sql: `update ${table} set ${set.join(', ')} where ${where}`,
    values: [...changed.map((n) => values[n] as Value), ...extra.map(({ value }) => value), ...keys],
  }
}

/** Several statements as one, and so as one round trip. */
export function joined(all: Statement[]): Statement[] {
  if (all.length < 2) return all
  const steps = all.slice(0, -1).map(({ sql }, n) => `step_${n} as (${sql})`)
  return [{ sql: `with ${steps.join(', ')} ${all.at(-1)!.sql}`, values: all.flatMap(({ values }) => values) }]
}
