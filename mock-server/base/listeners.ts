import { inspect } from 'node:util'

/** One of the user's listeners: that it fails is told by a warning of the process, and stops nothing in the mock. */
export function guarded<T extends unknown[]>(what: string, listener: (...told: T) => void): (...told: T) => void {
  return (...told) => {
    try {
      listener(...told)
    } catch (error) {
      process.emitWarning(`a listener of ${what} failed: ${inspect(error)}`, 'MockWarning')
    }
  }
}
