/** What plain JavaScript, a forgotten `await` or a broken library may throw or answer. Each value is created anew, as a test may consume it. */

const refuse = () => {
  throw new Error('it was looked at')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {})
  revoke()
  return proxy
}

/** Many errors without stacks, which would take longer than everything else. */
function errors<T>(make: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
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

/** When thrown, these break code that inspects them or prints them in full. */
export const NASTY: Record<string, () => unknown> = {
  nothing: () => undefined,
  null: () => null,
  'a symbol': () => Symbol('thrown'),
  'a bigint': () => 7n,
  'a function': () => refuse,
  'an object without a prototype': () => Object.create(null) as unknown,
  'an object that cannot be converted to a string': () => ({ toString: refuse, toJSON: refuse }),
  'an error whose message throws': () => Object.defineProperty(new Error(), 'message', { get: refuse }),
  'an error whose message is not a string': () => Object.assign(new Error(), { message: Symbol('message') }),
  'an error whose stack throws': () => Object.defineProperty(new Error('stack'), 'stack', { get: refuse }),
  'an error whose stack is not a string': () => Object.assign(new Error('stack'), { stack: 7 }),
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
  'an error with 20 000 causes': () => errors(() => chain(20_000)),
  'an error of 20 000 errors': () =>
    new AggregateError(errors(() => Array.from({ length: 20_000 }, (_, n) => new Error(`${n}`)))),
  'an error with a message of 4 MB': () => new Error('m'.repeat(4_000_000)),
  'a string of 4 MB': () => 't'.repeat(4_000_000),
  'an error with 4 MB of bytes': () => Object.assign(new Error('bytes'), { body: Buffer.alloc(4_000_000) }),
  'an error with 20 000 properties': () =>
    Object.assign(new Error('wide'), Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`p${n}`, {}]))),
  'an error with a name of 4 MB': () => Object.assign(new Error('named'), { name: 'n'.repeat(4_000_000) }),
  'an error with a code of 4 MB': () => Object.assign(new Error('coded'), { code: 'c'.repeat(4_000_000) }),
}

/** When returned, these are not a valid price, identity or token. */
export const NO_ANSWERS: Record<string, () => unknown> = {
  ...NASTY,
  true: () => true,
  'a number': () => 1250,
  'an empty string': () => '',
  'a list': () => [],
  'an object without fields': () => ({}),
  'a moment': () => new Date(0),
  'a map': () => new Map([['totalFee', 1250]]),
  'an error': () => new Error('sold out'),
  'fields that throw': () => ({
    get key() {
      return refuse()
    },
    get openid() {
      return refuse()
    },
    get token() {
      return refuse()
    },
  }),
  'fields that are promises': () => ({
    key: Promise.resolve('k'),
    description: Promise.resolve('tea'),
    totalFee: Promise.resolve(1),
    openid: Promise.resolve('oAlice'),
    token: Promise.resolve('a'),
  }),
  'fields of the wrong types': () => ({
    key: 7,
    description: {},
    totalFee: '1',
    openid: 7,
    token: 7,
    expiresAt: 'now',
  }),
  'a promise of nothing': () => Promise.resolve(),
  'a promise of an empty object': () => Promise.resolve({}),
  'a thenable that throws': () => ({ then: refuse }),
  'a thenable of nothing': () => ({
    then(resolve: (value: unknown) => void) {
      resolve(undefined)
    },
  }),
}
