import type { Differences } from './dialects.ts'
import type { Row, Value } from './executor.ts'
import type { Field, Fields, Kind } from './fields.ts'

/** Writes a value to some columns of a table, and reads it back. */
export interface Codec<T> {
  columns: string[]
  /** The place of each column's value in a statement. */
  places: string[]
  /** The columns as a select asks for them; each comes back under its own name. */
  selection: string[]
  write (value: T): Value[]
  read (row: Row): T
}

/** `table` is what the columns belong to where they are selected. */
export function codec<T> (fields: Fields<T>, differences: Differences, table: string): Codec<T> {
  const parts = Object.entries(fields as Record<string, Field | Fields<never>>).map(([name, field]): [string, Codec<unknown>] => [
    name, isField(field) ? column(field, differences, table) : codec(field, differences, table) as Codec<unknown>
  ])
  const codecs = parts.map(([, part]) => part)
  const columns = codecs.flatMap((part) => part.columns)
  return {
    columns,
    places: codecs.flatMap(({ places }) => places),
    selection: codecs.flatMap(({ selection }) => selection),
    write: (value) => parts.flatMap(([name, part]) => part.write((value as Record<string, unknown> | undefined)?.[name])),
    // A group of columns that begins with NULL holds nothing.
    read: (row) => (row[columns[0]!] === null ? undefined : Object.fromEntries(parts.map(([name, part]) => [name, part.read(row)]))) as T
  }
}

function column ({ column, kind, empty }: Field, { place, read, time }: Differences, table: string): Codec<unknown> {
  return {
    columns: [column],
    places: [place[kind]],
    selection: [`${read(kind, `${table}.${column}`)} as ${column}`],
    write: (value) => [value === undefined || value === null ? null : WRITE[kind](value, time)],
    read: (row) => row[column] === null ? empty : READ[kind](row[column])
  }
}

const asIs = (value: unknown) => value as Value

const WRITE: Record<Kind, (value: unknown, time: Differences['time']) => Value> = {
  key: asIs,
  name: asIs,
  text: asIs,
  integer: asIs,
  time: (value, time) => time(value as Date),
  count: (value) => (value as unknown[]).length
}

/** Drivers give a bigint as a number, as a text or as a BigInt. */
const READ: Record<Kind, (value: unknown) => unknown> = {
  key: asIs,
  name: asIs,
  text: asIs,
  integer: Number,
  time: (value) => new Date(Number(value)),
  count: () => []
}

function isField (field: object): field is Field {
  return 'column' in field
}
