import { inspect } from 'node:util'

/** Calls one of the user's listeners. If it throws, the process emits a warning and the mock carries on. */
export function guarded<T extends unknown[]>(what: string, listener: (...told: T) => void): (...told: T) => void {
  return (...told) => {
    try {
      listener(...told)
    } catch (error) {
      process.emitWarning(`a listener of ${what} failed: ${inspect(error)}`, 'MockWarning')
    }
  }
}
