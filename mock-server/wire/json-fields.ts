import type { FieldChanges } from './tamper.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The values of a JSON object by their dotted paths, `amount.total`; values that are not strings are written as JSON. */
export function flatJson(value: unknown, prefix = ''): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.assign(
    {},
    ...Object.entries(value).map(([name, item]) =>
      isObject(item)
        ? flatJson(item, `${prefix}${name}.`)
        : { [`${prefix}${name}`]: typeof item === 'string' ? item : JSON.stringify(item) },
    ),
  ) as Record<string, string>
}

/** A text converted to the type of what it replaces: a number stays a number if possible. */
function typed(text: string, before: Json | undefined): Json {
  if (before === undefined || typeof before === 'string') return text
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

function changed(value: Json | undefined, [name, ...rest]: string[], text: string | null): Json {
  const { [name!]: before, ...others } = isObject(value) ? value : {}
  if (rest.length > 0) return { ...(value as object), [name!]: changed(before, rest, text) }
  return text === null ? others : { ...(value as object), [name!]: typed(text, before) }
}

/** Changes values by their dotted paths, and keeps the order of the others; null removes one. */
export const changeJson = (value: Json, changes: FieldChanges): Json =>
  Object.entries(changes).reduce((json, [path, text]) => changed(json, path.split('.'), text), value)
