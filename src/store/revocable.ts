export interface Revocable<T> {
  /** Works like the original until revoked. */
  value: T
  revoke(): void
}

/**
 * Makes an object revocable: once revoked, reading or calling any of its members throws. For a transaction, whose connection serves others as soon as it is
 * over, while a forgotten branch of the work may still try to write through it. Its prepared statements are revoked too; other objects made from it, such as
 * a query of a builder that has not run yet, are out of reach. Methods that end the transaction or its connection are refused from the start.
 */
export function revocable<T>(target: T, refusal: string): Revocable<T> {
  const life = { over: false }
  return {
    value: guarded(target, life, refusal),
    revoke() {
      life.over = true
    },
  }
}

/** Methods of the libraries that end a transaction or a connection. */
const ENDINGS = new Set<string | symbol>([
  'commit',
  'rollback',
  'release',
  'destroy',
  'end',
  'close',
  'beginTransaction',
])

function guarded<T>(target: T, life: { over: boolean }, refusal: string): T {
  if ((typeof target !== 'object' && typeof target !== 'function') || target === null) return target

  function check(): void {
    if (life.over) throw new Error(refusal)
  }

  const proxy: T & object = new Proxy(target, {
    get(object, name) {
      check()
      // Of the object itself, so that its private fields are found; and never replaced where the language forbids it.
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function' || Object.getOwnPropertyDescriptor(object, name)?.configurable === false) {
        return value
      }
      return new Proxy(value, {
        apply(method, self, args) {
          check()
          if (ENDINGS.has(name)) {
            throw new Error(
              `A hook may not call ${String(name)} of its transaction: it is committed when the hook ends, and rolled back when the hook throws`,
            )
          }
          const result: unknown = Reflect.apply(method, self === proxy ? object : self, args)
          if (result === object) return proxy
          if (name !== 'prepare') return result
          return result instanceof Promise
            ? result.then((statement: unknown) => guarded(statement, life, refusal))
            : guarded(result, life, refusal)
        },
      })
    },
    apply(object, self, args) {
      check()
      return Reflect.apply(object as unknown as Function, self, args)
    },
  })
  return proxy
}
