import { MockError } from '../base/errors.ts'

/**
 * Plain data as JSON.
 * @throws MockError TOO_LARGE if it exceeds the maximum length of a string (512 MB)
 */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new MockError(
      'TOO_LARGE',
      'the answer exceeds the maximum length of a string; empty the journal before an export (POST …/reset {"what":"journal"}), or let the world remember less (maxJournal)',
    )
  }
}

/** The body of a request. An empty one is an empty object. */
export function parseJson(_request: unknown, text: string, done: (error: Error | null, body?: unknown) => void): void {
  if (text.trim() === '') return done(null, {})
  try {
    done(null, JSON.parse(text))
  } catch (error) {
    done(
      new MockError('BAD_INPUT', `the body is not JSON: ${(error as Error).message}`, { field: 'body', rule: 'json' }),
    )
  }
}
