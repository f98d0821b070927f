import { format, inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../../src/base/secret.ts'

const VALUE = 'tiihtNczf5v6AKRyjwEUhQ=='

t.test('reveal() gives the value', async (t) => {
  t.equal(new Secret(VALUE).reveal(), VALUE)
})

t.test('nothing else shows it', async (t) => {
  const secret = new Secret(VALUE)
  const error = Object.assign(new Error(`bad ${secret}`, { cause: secret }), { secret })
  const views: [string, unknown][] = [
    ['String()', String(secret)],
    ['a template', `${secret}`],
    ['concatenation', '' + secret],
    ['JSON', JSON.stringify({ secret })],
    ['inspect', inspect(secret)],
    ['inspect of an object that contains it', inspect({ deep: [{ secret }] }, { depth: 9, showHidden: true })],
    ['inspect without custom functions', inspect(secret, { customInspect: false, showHidden: true, getters: true })],
    ['format', format('%s %o %O %j', secret, secret, secret, secret)],
    ['an error that contains it', inspect(error, { depth: 9 })],
    ['its properties', Reflect.ownKeys(secret).map((key) => [key, Reflect.get(secret, key)])],
    ['a spread', { ...secret }],
    ['a structured clone', structuredClone(secret)],
  ]
  for (const [name, view] of views) {
    t.notMatch(typeof view === 'string' ? view : inspect(view), VALUE, name)
  }
  t.equal(`${secret}`, '[secret]', 'the log shows that there was a secret')
  t.equal(JSON.stringify({ secret }), '{"secret":"[secret]"}')
  t.equal(inspect({ secret }), '{ secret: [secret] }')
})
