import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/**
 * Holds a key, app secret, session key, login code or token so that no log line, JSON text, error or `inspect` shows it.
 * Only `reveal()` returns the value, at the one place that needs it.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
