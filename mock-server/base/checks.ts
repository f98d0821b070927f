import { MockError } from './errors.ts'

/** @throws MockError BAD_INPUT */
export function checkOneOf(field: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    throw new MockError('BAD_INPUT', `${field}: must be one of ${known.join(', ')}; got ${JSON.stringify(value)}`, {
      field,
      rule: 'enum',
    })
  }
}

/**
 * What the types say of the names in an object, for callers that have none: what nobody would read must not look as if it had
 * worked. `place` stands before the name: `match.`.
 * @throws MockError BAD_INPUT
 */
export function checkNames(place: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const field = `${place}${unknown}`
  throw new MockError('BAD_INPUT', `${field}: there is no such name here; there are ${known.join(', ')}`, {
    field,
    rule: 'additionalProperties',
  })
}
