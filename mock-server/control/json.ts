import { Readable } from 'node:stream'

/** Longer answers go out piece by piece. */
const WHOLE = 16 * 1024 * 1024

/** The JSON of a value in pieces, none longer than the longest text in it. */
function* pieces(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) {
    // As everywhere in JSON, what is nothing is null in a list.
    yield JSON.stringify(value) ?? 'null'
  } else if (Array.isArray(value)) {
    yield '['
    for (const [n, item] of value.entries()) {
      if (n > 0) yield ','
      yield* pieces(item)
    }
    yield ']'
  } else {
    let before = '{'
    for (const [name, field] of Object.entries(value)) {
      if (field === undefined || typeof field === 'function') continue
      yield `${before}${JSON.stringify(name)}:`
      yield* pieces(field)
      before = ','
    }
    yield before === '{' ? '{}' : '}'
  }
}

/** As much of the pieces as is longer than `limit` together, or all that is left. */
function take(from: Iterator<string>, limit: number): string {
  let text = ''
  for (let next = from.next(); !next.done; next = from.next()) {
    text += next.value
    if (text.length > limit) break
  }
  return text
}

function* chunks(first: string, rest: Iterator<string>, limit: number): Generator<string> {
  for (let text = first; text !== ''; text = take(rest, limit)) yield text
}

/**
 * Plain data as JSON: a text, or a stream of it where it is longer than `limit`. A world remembers thousands of exchanges,
 * and all of them in one text could be longer than a text can be (512 MB).
 */
export function jsonOf(value: unknown, limit = WHOLE): string | Readable {
  const all = pieces(value)
  const text = take(all, limit)
  return text.length > limit ? Readable.from(chunks(text, all, limit)) : text
}
