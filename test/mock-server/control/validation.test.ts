import Fastify from 'fastify'
import t from 'tap'
import { validateLazily } from '../../../mock-server/control/validation.ts'
import { integer, strict, text } from '../../../mock-server/control/schemas.ts'

t.test('body, query and headers are checked against the schemas of their route', async (t) => {
  const app = Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false } } })
  t.teardown(() => app.close())
  validateLazily(app)
  app.post(
    '/checked',
    {
      schema: {
        body: strict({ n: integer(1) }, 'n'),
        querystring: strict({ q: text() }),
        headers: { type: 'object', required: ['x-test'] },
      },
    },
    async (request) => request.body,
  )
  app.post('/named/:name', async () => ({}))
  app.post('/bare', async (request) => ({ body: request.body }))

  const post = async (url: string, payload?: object, headers = {}) => {
    const response = await app.inject({ method: 'POST', url, headers, ...(payload && { payload }) })
    return { status: response.statusCode, json: response.json() }
  }
  t.same(await post('/checked', { n: 1 }, { 'x-test': '1' }), { status: 200, json: { n: 1 } })
  t.same(await post('/checked?q=a', { n: 2 }, { 'x-test': '1' }), { status: 200, json: { n: 2 } }, 'compiled once')
  const cases: [url: string, payload: object | undefined, message: string][] = [
    ['/checked', undefined, "n: must have required property 'n'"],
    ['/checked', { n: 0 }, 'n: must be >= 1'],
    ['/checked', { n: 1, m: 1 }, 'm: must NOT have additional properties'],
    ['/checked?p=1', { n: 1 }, 'p: must NOT have additional properties'],
    ['/checked', { n: 1 }, "x-test: must have required property 'x-test'"],
    ['/named/', {}, 'name: must not be empty in the path'],
    ['/bare', { what: 'journal' }, 'what: must NOT have additional properties'],
    ['/bare', [], 'body: must be object'],
    ['/bare?what=journal', undefined, 'what: must NOT have additional properties'],
  ]
  for (const [url, payload, message] of cases) {
    t.match(await post(url, payload), { status: 400, json: { code: 'BAD_INPUT', message } }, message)
  }
  t.same(await post('/bare'), { status: 200, json: { body: {} } }, 'no body is {}')
})
