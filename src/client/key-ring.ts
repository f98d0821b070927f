import type { Secret } from '../base/secret.ts'

/**
 * A secret and, while it is being changed in WeChat's console, the next one. WeChat may sign with either; we sign with the one that worked last.
 */
export class KeyRing {
  #current: Secret
  #other: Secret | undefined

  constructor([current, next]: readonly [Secret, Secret?]) {
    this.#current = current
    this.#other = next
  }

  get current(): Secret {
    return this.#current
  }

  get all(): readonly Secret[] {
    return this.#other === undefined ? [this.#current] : [this.#current, this.#other]
  }

  /**
   * Runs `task` with the current key, and with the other one if WeChat refuses the current key (`isWrongKey`); WeChat has then done nothing. The key
   * that was not refused becomes the current one.
   */
  async use<T>(task: (key: Secret) => Promise<T>, isWrongKey: (error: unknown) => boolean): Promise<T> {
    const [first, second] = this.all as [Secret, Secret?]
    try {
      return await task(first)
    } catch (error) {
      if (second === undefined || !isWrongKey(error)) throw error
    }
    try {
      const result = await task(second)
      this.#prefer(second, first)
      return result
    } catch (error) {
      if (!isWrongKey(error)) this.#prefer(second, first)
      throw error
    }
  }

  #prefer(current: Secret, other: Secret): void {
    this.#current = current
    this.#other = other
  }
}
