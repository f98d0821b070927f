/** What plain JavaScript, a forgotten `await` or a broken library may throw or answer. Each is made anew: a test may use it up. */

const refuse = () => {
  throw new Error('it was looked at')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {})
  revoke()
  return proxy
}

function chain(length: number): Error {
  let error = new Error('cause 0')
  for (let n = 1; n < length; n++) error = new Error(`cause ${n}`, { cause: error })
  return error
}

function circle(): Error {
  const error = new Error('circle')
  error.cause = new Error('back', { cause: error })
  return error
}

/** Thrown, these harm whoever looks at them, or whoever writes all of them down. */
export const NASTY: Record<string, () => unknown> = {
  nothing: () => undefined,
  null: () => null,
  'a symbol': () => Symbol('thrown'),
  'a bigint': () => 7n,
  'a function': () => refuse,
  'an object without a prototype': () => Object.create(null) as unknown,
  'an object that cannot be a text': () => ({ toString: refuse, toJSON: refuse }),
  'an error whose message throws': () => Object.defineProperty(new Error(), 'message', { get: refuse }),
  'an error whose message is no text': () => Object.assign(new Error(), { message: Symbol('message') }),
  'an error whose stack throws': () => Object.defineProperty(new Error('stack'), 'stack', { get: refuse }),
  'an error whose stack is no text': () => Object.assign(new Error('stack'), { stack: 7 }),
  'an error whose name throws': () =>
    Object.defineProperty(new Error('name'), 'name', { get: refuse, enumerable: true }),
  'an error whose code throws': () =>
    Object.defineProperty(new Error('code'), 'code', { get: refuse, enumerable: true }),
  'an error whose statusCode throws': () =>
    Object.defineProperty(new Error('status'), 'statusCode', { get: refuse, enumerable: true }),
  'an error with a property that throws, inherited': () =>
    Object.setPrototypeOf(
      Object.assign(new Error('inherited'), { own: 1 }),
      Object.create(Error.prototype, { detail: { get: refuse, enumerable: true } }) as object,
    ) as unknown,
  'an error whose cause throws': () => Object.defineProperty(new Error('cause'), 'cause', { get: refuse }),
  'an error whose toJSON throws': () => Object.assign(new Error('json'), { toJSON: refuse }),
  'a proxy that throws': () => new Proxy(new Error('proxy'), { get: refuse, getPrototypeOf: refuse, ownKeys: refuse }),
  'a revoked proxy': revoked,
  'an error that causes itself': circle,
  'an error with 20 000 causes': () => chain(20_000),
  'an error of 20 000 errors': () => new AggregateError(Array.from({ length: 20_000 }, (_, n) => new Error(`${n}`))),
  'an error with a message of 20 MB': () => new Error('m'.repeat(20_000_000)),
  'a text of 20 MB': () => 't'.repeat(20_000_000),
  'an error with 20 MB of bytes': () => Object.assign(new Error('bytes'), { body: Buffer.alloc(20_000_000) }),
  'an error with 20 000 properties': () =>
    Object.assign(new Error('wide'), Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`p${n}`, {}]))),
  'an error with a name of 20 MB': () => Object.assign(new Error('named'), { name: 'n'.repeat(20_000_000) }),
  'an error with a code of 20 MB': () => Object.assign(new Error('coded'), { code: 'c'.repeat(20_000_000) }),
}
