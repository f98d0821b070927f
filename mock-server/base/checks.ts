import { MockError } from './errors.ts'

/** The error for a value that breaks a rule: the field, the rule, and a message that continues from the field's name. */
export const badInput = (field: string, rule: string, message: string) =>
  new MockError('BAD_INPUT', `${field}: ${message}`, { field, rule })

/** @throws MockError BAD_INPUT */
export function checkOneOf(field: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    throw badInput(field, 'enum', `must be one of ${known.join(', ')}; got ${JSON.stringify(value)}`)
  }
}

/**
 * Reject unknown options: a typo must not be ignored. `place` is put before the name: `match.`.
 * @throws MockError BAD_INPUT
 */
export function checkNames(place: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const field = `${place}${unknown}`
  throw badInput(field, 'additionalProperties', `unknown name; known: ${known.join(', ')}`)
}
