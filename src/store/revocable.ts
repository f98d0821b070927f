export interface Revocable<T> {
  /** The same to use, until it is revoked. */
  value: T
  revoke (): void
}

/**
 * Hands out what can be taken back: once revoked, reading or calling anything of it throws. For a transaction, whose connection serves others as soon as it is
 * over, while a forgotten branch of the work may still want to write through it. What was taken from it before, such as a query that is built and not yet
 * run, is out of reach.
 */
export function revocable<T> (target: T, refusal: string): Revocable<T> {
  if ((typeof target !== 'object' && typeof target !== 'function') || target === null) return { value: target, revoke () {} }
  const life = { over: false }

  function check (): void {
    if (life.over) throw new Error(refusal)
  }

  const proxy: T & object = new Proxy(target, {
    get (object, name) {
      check()
      // Of the object itself, so that its private fields are found; and never replaced where the language forbids it.
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function' || Object.getOwnPropertyDescriptor(object, name)?.configurable === false) return value
      return new Proxy(value, {
        apply (method, self, args) {
          check()
          return Reflect.apply(method, self === proxy ? object : self, args)
        }
      })
    },
    apply (object, self, args) {
      check()
      return Reflect.apply(object as unknown as Function, self, args)
    }
  })
  return { value: proxy, revoke () { life.over = true } }
}
