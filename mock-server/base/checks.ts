import { MockError } from './errors.ts'

/** The error for a value that breaks a rule: which one, which rule, and a sentence that goes on from the field's name. */
export const badInput = (field: string, rule: string, message: string) =>
  new MockError('BAD_INPUT', `${field}: ${message}`, { field, rule })

/** @throws MockError BAD_INPUT */
export function checkOneOf(field: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    throw badInput(field, 'enum', `must be one of ${known.join(', ')}; got ${JSON.stringify(value)}`)
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
  throw badInput(field, 'additionalProperties', `there is no such name here; there are ${known.join(', ')}`)
}
