import { once } from 'node:events'
import t from 'tap'
import { createActivity } from '../../mock-server/base/activity.ts'
import { checkNames, checkOneOf } from '../../mock-server/base/checks.ts'
import { MockError } from '../../mock-server/base/errors.ts'
import { keepNewest } from '../../mock-server/base/keep-newest.ts'
import { guarded } from '../../mock-server/base/listeners.ts'
import { FLAG, integer, oneOf, strict, text, validate, type Schema } from '../../mock-server/base/schema.ts'
import { createRandom } from '../../mock-server/base/random.ts'
import {
  createDelays,
  nativeClearTimeout,
  nativeElapsed,
  nativeNow,
  nativeSetTimeout,
  within,
} from '../../mock-server/base/real-time.ts'
import { callPay, placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

t.test('lists what is in flight and reports when nothing is', async (t) => {
  const activity = createActivity()
  t.equal(activity.busy(), false)
  await activity.idle()

  const query = activity.enter('orderquery tea-1')
  const notify = activity.enter('notify tea-1 attempt 0')
  t.equal(activity.busy(), true)
  t.same(activity.list(), ['orderquery tea-1', 'notify tea-1 attempt 0'])

  const order: string[] = []
  const idle = activity.idle().then(() => order.push('idle'))
  notify.leave()
  await Promise.resolve()
  order.push('one left')
  query.leave()
  await idle
  t.same(order, ['one left', 'idle'])
  t.same(activity.list(), [])
})

t.test('knows what a caller is waiting for', async (t) => {
  const activity = createActivity()
  activity.enter('orderquery tea-1')
  t.same(activity.awaited(), [])
  const notify = activity.enter('notify tea-1 attempt 0', true)
  t.same(activity.awaited(), ['notify tea-1 attempt 0'])
  notify.stepOut()
  t.same(activity.awaited(), [], 'it is held')
  notify.stepIn()
  t.same(activity.awaited(), ['notify tea-1 attempt 0'])
})

t.test('two with one name count as two', async (t) => {
  const activity = createActivity()
  const first = activity.enter('notify tea-1 attempt 0')
  activity.enter('notify tea-1 attempt 0')
  first.leave()
  t.equal(activity.busy(), true)
})

t.test('what is held on purpose is not waited for until it resumes', async (t) => {
  const activity = createActivity()
  const held = activity.enter('orderquery tea-1')
  held.stepOut()
  t.same(activity.list(), [])
  await activity.idle()
  held.stepIn()
  t.same(activity.list(), ['orderquery tea-1'])
  held.leave()
  held.stepIn()
  t.equal(activity.busy(), false, 'an ended operation does not come back')
})

t.test('a value of a list', async (t) => {
  checkOneOf('api', 'refund', ['refund', 'report'])
  t.throws(() => checkOneOf('api', 'refnud', ['refund', 'report']), {
    code: 'BAD_INPUT',
    message: 'api: must be one of refund, report; got "refnud"',
    details: { field: 'api', rule: 'enum' },
  })
})

t.test('the names in an object', async (t) => {
  checkNames('', {}, ['times'])
  checkNames('', { times: undefined }, ['times'])
  t.throws(() => checkNames('fault.', { times: 1, time: 3 }, ['times', 'nth']), {
    code: 'BAD_INPUT',
    message: 'fault.time: unknown name; known: times, nth',
    details: { field: 'fault.time', rule: 'additionalProperties' },
  })
})

t.test("an error has a code, the control API's status, and details", async (t) => {
  const error = new MockError('CLOCK_BUSY', 'wait', { since: 1 })
  t.ok(error instanceof Error)
  t.match(error, { name: 'MockError', code: 'CLOCK_BUSY', statusCode: 409, message: 'wait', details: { since: 1 } })
  t.same(new MockError('UNKNOWN_ORDER', 'none').details, {})
})

t.test('at twice the limit the oldest are dropped, in one block', async (t) => {
  for (const make of [
    (names: string[]) => new Set(names),
    (names: string[]) => new Map(names.map((name) => [name, 1])),
  ]) {
    const kept = (names: string[], limit: number) => {
      const index = make(names)
      keepNewest(index, limit)
      return [...index.keys()].join('')
    }
    t.equal(kept(['a', 'b', 'c'], 2), 'abc')
    t.equal(kept(['a', 'b', 'c', 'd'], 2), 'cd')
    t.equal(kept(['a', 'b'], 1), 'b')
    t.equal(kept(['a'], 100), 'a')
  }
})

t.test('a failing listener is reported and does not stop anything', async (t) => {
  const heard: unknown[] = []
  guarded('delivery', (...args: unknown[]) => {
    heard.push(...args)
  })(1, 2)
  t.same(heard, [1, 2])
  for (const [failure, told] of [
    [new Error('oh'), /^a listener of delivery failed: Error: oh\n +at /],
    ['oh', /^a listener of delivery failed: 'oh'$/],
  ] as const) {
    const warned = once(process, 'warning')
    guarded('delivery', () => {
      throw failure
    })()
    t.match(await warned, [{ name: 'MockWarning', message: told }])
  }
})

t.test('a listener that throws does not break the wire', async (t) => {
  const warnings: string[] = []
  const note = ({ message }: Error) => {
    warnings.push(message.split('\n')[0]!)
  }
  process.on('warning', note)
  t.teardown(() => {
    process.off('warning', note)
  })
  const fail = () => {
    throw new Error('oh')
  }
  const { default: world } = await startMock(t, { log: fail })
  const shop = await startShop(t, () => REFUSAL)
  for (const event of ['journal', 'delivery', 'paid', 'fault', 'gate', 'clock', 'reset'] as const) world.on(event, fail)
  world.events.subscribe(fail)
  const heard: unknown[] = []
  world.on('delivery', (delivery) => {
    heard.push(delivery)
  })
  world.fault('notify', { kind: 'delay', ms: 0 })
  world.gate('orderquery.request').release()

  await placeOrder(world, shop.notifyUrl)
  t.match((await world.pay('tea-0001')).delivery!, { verdict: 'fail_xml' })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { trade_state: 'SUCCESS' } })
  t.match(await world.advance('24h4m'), { deliveries: { length: 15 }, remainingTimers: [] })
  t.equal(heard.length, 16, 'the other listeners are called')
  world.reset()
  await new Promise((resolve) => setImmediate(resolve))
  const told = (what: string) => warnings.includes(`a listener of ${what} failed: Error: oh`)
  for (const what of ['journal', 'delivery', 'paid', 'fault', 'gate', 'clock', 'reset', 'events', 'log']) {
    t.ok(told(what), what)
  }
})

t.test('the same seed and path give the same value, in whatever order they are drawn', async (t) => {
  const one = createRandom('42')
  const two = createRandom('42')
  const first = one.hex(26, 'prepay_id', 'tea-1')
  two.hex(26, 'prepay_id', 'tea-2')
  t.equal(two.hex(26, 'prepay_id', 'tea-1'), first)
  t.not(one.hex(26, 'prepay_id', 'tea-2'), first)
  t.not(createRandom('43').hex(26, 'prepay_id', 'tea-1'), first)
})

t.test('a path is more than the concatenation of its parts', async (t) => {
  const random = createRandom('42')
  t.not(random.hex(8, 'ab', 'c'), random.hex(8, 'a', 'bc'))
  t.not(random.hex(8, 1), random.hex(8, '1'))
})

t.test('alphabets', async (t) => {
  const random = createRandom('42')
  t.match(random.hex(32, 'x'), /^[0-9a-f]{32}$/)
  t.match(random.digits(10, 'x'), /^\d{10}$/)
  t.match(random.alphanumeric(32, 'x'), /^[0-9A-Za-z]{32}$/)
  t.match(random.urlSafe(27, 'x'), /^[\w-]{27}$/)
  t.equal(Buffer.from(random.base64(16, 'x'), 'base64').length, 16)
  const flips = Array.from({ length: 200 }, (_, n) => random.flip(n)).filter(Boolean).length
  t.ok(flips > 60 && flips < 140, `${flips} of 200 flips`)
})

t.test('replacing the global timers and Date in a test does not affect the mock', async (t) => {
  const real = { now: Date.now, setTimeout: globalThis.setTimeout, elapsed: performance.now }
  t.teardown(() => {
    Object.assign(Date, { now: real.now })
    Object.assign(globalThis, { setTimeout: real.setTimeout })
    Object.assign(performance, { now: real.elapsed })
  })
  Date.now = () => 0
  performance.now = () => 0
  globalThis.setTimeout = (() => t.fail('the fake timer was used')) as never

  t.ok(nativeNow() > 1.7e12)
  t.ok(nativeElapsed() > 0)
  nativeClearTimeout(nativeSetTimeout(() => t.fail('cleared'), 0))
  await new Promise<void>((resolve) => nativeSetTimeout(resolve, 1))
})

t.test('in time or not', async (t) => {
  t.equal(await within(Promise.resolve('done'), 1000), true)
  t.equal(await within(new Promise(() => {}), 10), false)
  await t.rejects(within(Promise.reject(new Error('broken')), 1000), { message: 'broken' })
})

t.test('a limit beyond the range of a timer does not end at once', async (t) => {
  for (const ms of [2 ** 31, Infinity]) {
    t.equal(await within(new Promise((resolve) => setTimeout(resolve, 20)), ms), true, String(ms))
  }
})

t.test('a wait ends after its time', async (t) => {
  const started = performance.now()
  await createDelays().wait(20)
  t.ok(performance.now() - started >= 19)
})

t.test('closing ends pending waits; later ones end at once', async (t) => {
  const delays = createDelays()
  const waits = [delays.wait(600_000), delays.wait(600_000)]
  delays.close()
  await Promise.all([...waits, delays.wait(600_000)])
  t.pass('at once')
})

t.test('a schema reports which rule a value breaks, with the rule in words', async (t) => {
  const person = strict({ name: text(5), age: integer(1, 9) }, 'name')
  const either: Schema = { anyOf: [integer(1), { const: 'always' }] }
  const object: Schema = { anyOf: [integer(0), { ...strict({ a: integer(0) }), minProperties: 1 }] }
  const secret: Schema = { ...text(3), writeOnly: true }
  const moment: Schema = { type: ['integer', 'string'], format: 'date-time' }
  const digits: Schema = { type: 'string', pattern: '^\\d+$', description: 'digits' }
  const lists: Schema = { type: 'array', items: person }
  const values: Schema = { type: 'object', additionalProperties: { type: ['string', 'null'] } }
  const cases: [schema: Schema, value: unknown, rule?: string, message?: string | RegExp][] = [
    [person, { name: 'Ann', age: 3 }],
    [person, { name: 'Ann', age: undefined }],
    [person, { age: 3 }, 'required', 'name: is missing'],
    [person, { name: 'Ann', aeg: 3 }, 'additionalProperties', 'aeg: unknown name; known: name, age'],
    [strict({}), { a: 1 }, 'additionalProperties', 'a: no input is expected here'],
    [person, { name: '' }, 'minLength', 'name: must be a text of 1 to 5 characters; got ""'],
    [person, { name: 'Gustav' }, 'maxLength', 'name: must be a text of 1 to 5 characters; got "Gustav"'],
    [person, { name: 'Ann', age: 0 }, 'minimum', 'age: must be a whole number from 1 to 9; got 0'],
    [person, { name: 'Ann', age: 10 }, 'maximum', 'age: must be a whole number from 1 to 9; got 10'],
    [person, { name: 'Ann', age: 1.5 }, 'type', 'age: must be a whole number from 1 to 9; got 1.5'],
    [person, [], 'type', 'body: must be an object; got []'],
    [integer(1), '1', 'type', 'body: must be a whole number from 1; got "1"'],
    [{ type: ['number', 'string'] }, null, 'type', 'body: must be a number or a text; got null'],
    [FLAG, () => 1, 'type', 'body: must be true or false; got () => 1'],
    [{ const: 'always' }, 'never', 'const', 'body: must be "always"; got "never"'],
    [oneOf('a', 'b'), 'c', 'enum', 'body: must be one of a, b; got "c"'],
    [either, 'always'],
    [either, true, 'anyOf', 'body: must be a whole number from 1 or "always"; got true'],
    [either, 0, 'minimum', 'body: must be a whole number from 1; got 0'],
    [object, {}, 'minProperties', 'body: must have at least 1 of a'],
    [object, { b: 1 }, 'additionalProperties', 'b: unknown name; known: a'],
    [secret, 'long one', 'maxLength', 'body: must be a text of 1 to 3 characters'],
    [digits, '1x', 'pattern', 'body: must be digits; got "1x"'],
    [moment, '2026-01-15T12:00:00+08:00'],
    [moment, 1],
    [moment, new Date(1)],
    [moment, '2026-01-15T12:00:00', 'format', /^body: must be a date with a time zone, such as .*; got /],
    [moment, '2026-13-15T12:00:00Z', 'format'],
    [moment, {}, 'type'],
    [lists, [{ name: 'Ann' }]],
    [lists, [{ name: 'Ann' }, {}], 'required', '1.name: is missing'],
    [{ type: 'object', properties: { all: lists } }, { all: [{}], more: 1 }, 'required', 'all.0.name: is missing'],
    [values, { a: 'x', b: null }],
    [values, { a: 1 }, 'type', 'a: must be a text or null; got 1'],
  ]
  for (const [schema, value, rule, message = /./] of cases) {
    const name = `${JSON.stringify(schema)} ${String(JSON.stringify(value))}`
    if (rule === undefined) t.doesNotThrow(() => validate(schema, value), name)
    else t.throws(() => validate(schema, value), { code: 'BAD_INPUT', details: { rule }, message }, name)
  }
})
