import { kept } from '../texts.ts'
import type { Differences } from './dialects.ts'
import type { Row, Value } from '../executor.ts'
import type { Field, Fields, Kind } from './fields.ts'

/** Writes a model to the columns of a table, and reads it back. */
export interface Codec<T> {
  columns: string[]
  /** The place of each column's value in a statement. */
  places: string[]
  /** The columns as a select asks for them: each comes back under its own name. */
  selection: string
  /** A value for each column. */
  write(model: T): Value[]
  read(row: Row): T
}

/** A column, and the property whose value it holds: the model's own, or that of an optional group. */
interface Place extends Field {
  name: string
  group?: { name: string; first: string }
}

type Model = Record<string, unknown>

/** `table` is what the columns belong to where they are selected. */
export function codec<T>(fields: Fields<T>, { place, read, time }: Differences, table: string): Codec<T> {
  const all = Object.entries(fields as Record<string, Field | Record<string, Field>>).flatMap(([name, field]) =>
    placesOf(name, field),
  )
  return {
    columns: all.map(({ column }) => column),
    places: all.map(({ kind }) => place[kind]),
    selection: all.map(({ column, kind }) => `${read(kind, `${table}.${column}`)} as ${column}`).join(', '),

    write(model) {
      return all.map(({ name, group, kind, like }) => {
        const part =
          group === undefined ? (model as Model)[name] : ((model as Model)[group.name] as Model | undefined)?.[name]
        if (part === undefined || part === null || (like !== undefined && part === (model as Model)[like])) return null
        return WRITE[kind](part, time)
      })
    },

    read(row) {
      const model: Model = {}
      for (const { name, group, column, kind, empty, like } of all) {
        const nothing = like === undefined ? empty : model[like]
        const part = row[column] === null ? nothing : READ[kind](row[column])
        if (group === undefined) model[name] = part
        else if (row[group.first] !== null) Object.assign((model[group.name] ??= {}), { [name]: part })
      }
      return model as T
    },
  }
}

/** A group of columns is empty if its first is NULL. */
function placesOf(name: string, field: Field | Record<string, Field>): Place[] {
  if (isField(field)) return [{ name, ...field }]
  const group = { name, first: Object.values(field)[0]!.column }
  return Object.entries(field).map(([name, part]) => ({ name, group, ...part }))
}

function isField(field: Field | Record<string, Field>): field is Field {
  return typeof field.column === 'string'
}

const asIs = (value: unknown) => value as Value
const keptText = (value: unknown) => kept(value as string)

const WRITE: Record<Kind, (value: unknown, time: Differences['time']) => Value> = {
  key: keptText,
  name: keptText,
  text: keptText,
  integer: asIs,
  time: (value, time) => time(value as Date),
  json: (value) => keptText(JSON.stringify(value)),
  count: (value) => (value as unknown[]).length,
}

/** Drivers give a bigint as a number, as a text or as a BigInt. */
const READ: Record<Kind, (value: unknown) => unknown> = {
  key: asIs,
  name: asIs,
  text: asIs,
  integer: Number,
  time: (value) => new Date(Number(value)),
  json: (value) => JSON.parse(value as string) as unknown,
  count: () => [],
}
