import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { appEnvironment, wholeEnvironment } from '../../../mock-server/ledger/environment.ts'
import { jsonOf } from '../../../mock-server/control/json.ts'
import type { OpenApi } from '../../../mock-server/control/openapi.ts'
import { integer, strict, text } from '../../../mock-server/base/schema.ts'
import { validateInput } from '../../../mock-server/control/validation.ts'
import { control, startMock } from '../helpers.ts'

t.test('bodies are JSON whatever the Content-Type, and may be left out', async (t) => {
  const mock = await startMock(t)
  for (const headers of [
    {},
    { 'content-type': 'application/json' },
    { 'content-type': 'application/x-www-form-urlencoded' },
  ]) {
    t.match(await control(mock, 'POST', '/worlds/default/login-codes', { openid: 'o-alice' }, headers), {
      status: 200,
      json: { openid: 'o-alice' },
    })
  }
  for (const body of [undefined, '', '  ', '{}']) {
    t.match(await control(mock, 'POST', '/worlds/default/login-codes', body), { status: 200 })
  }
})

t.test('bad input names the field and the rule', async (t) => {
  const mock = await startMock(t)
  const cases: [path: string, body: unknown, error: { field: string; rule: string; message: string | RegExp }][] = [
    [
      '/worlds/default/login-codes',
      { opneid: 'o' },
      { field: 'opneid', rule: 'additionalProperties', message: /^opneid: unknown name; known: / },
    ],
    [
      '/worlds/default/login-codes',
      { ttl: '300' },
      { field: 'ttl', rule: 'type', message: 'ttl: must be a number; got "300"' },
    ],
    [
      '/worlds/default/login-codes',
      { uses: 0 },
      { field: 'uses', rule: 'minimum', message: 'uses: must be a whole number from 1; got 0' },
    ],
    [
      '/worlds/default/orders/1/pay',
      { coupons: [{ fee: 5 }, { fee: 0 }] },
      { field: 'coupons.1.fee', rule: 'minimum', message: 'coupons.1.fee: must be a whole number from 1; got 0' },
    ],
    ['/worlds/default/orders/1/pay', { coupons: [{}] }, { field: 'coupons.0.fee', rule: 'required', message: /fee/ }],
    [
      '/worlds/default/orders/1/pay',
      { deliver: 'never' },
      {
        field: 'deliver',
        rule: 'enum',
        message: 'deliver: must be one of await, background, hold; got "never"',
      },
    ],
    ['/worlds/default/clock/advance', {}, { field: 'by', rule: 'oneOf', message: /by/ }],
    ['/worlds/default/clock/advance', { by: 'soon' }, { field: 'by', rule: 'duration', message: /'24h4m'/ }],
    ['/worlds/default/clock/advance', [], { field: 'body', rule: 'type', message: 'body: must be an object; got []' }],
    ['/worlds/default/clock/advance', '{by:1}', { field: 'body', rule: 'json', message: /^the body is not JSON: / }],
  ]
  for (const [path, body, error] of cases) {
    t.match(
      await control(mock, 'POST', path, body),
      { status: 400, json: { code: 'BAD_INPUT', ...error } },
      JSON.stringify(body),
    )
  }
})

t.test('the error names what does not exist', async (t) => {
  const mock = await startMock(t)
  const cases: [method: string, path: string, code: string][] = [
    ['GET', '/worlds/mine', 'UNKNOWN_WORLD'],
    ['GET', '/worlds/default/orders/tea-1', 'UNKNOWN_ORDER'],
    ['POST', '/worlds/default/orders/tea-1/pay', 'UNKNOWN_ORDER'],
    ['GET', '/worlds/default/notifications/tea-1', 'UNKNOWN_NOTIFICATION'],
    ['GET', '/worlds/default/deliveries/d1', 'UNKNOWN_DELIVERY'],
  ]
  for (const [method, path, code] of cases) {
    t.match(await control(mock, method, path), { status: 404, json: { code, message: /./ } }, path)
  }
  t.match((await control(mock, 'GET', '/worlds/mine')).json, { message: 'there is no world mine; known: default' })
})

t.test("an error of the HTTP server keeps its status, a mistake of the mock's own is a 500", async (t) => {
  const mock = await startMock(t)
  t.match(await control(mock, 'POST', '/worlds', 'x'.repeat(2_000_000)), {
    status: 413,
    json: { code: 'FST_ERR_CTP_BODY_TOO_LARGE' },
  })
  Object.assign(mock.default, {
    orders: () => {
      throw new Error('broken')
    },
  })
  t.match(await control(mock, 'GET', '/worlds/default/orders'), { status: 500, json: { message: 'broken' } })
})

t.test(
  'an answer that exceeds the maximum length of a string is refused, with advice on how to shorten it',
  async (t) => {
    const mock = await startMock(t)
    Object.assign(mock.default, {
      export: () => ({
        toJSON: () => {
          throw new RangeError('Invalid string length')
        },
      }),
    })
    t.match(await control(mock, 'GET', '/worlds/default/export'), {
      status: 413,
      json: { code: 'TOO_LARGE', message: /empty the journal/ },
    })
    t.throws(() => jsonOf(1n), { name: 'TypeError' }, "a mistake of the mock's own is none of these")
  },
)

t.test('body, query and headers are checked against the schemas of their route', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  validateInput(app)
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
  t.same(await post('/checked?q=a', { n: 2 }, { 'x-test': '1' }), { status: 200, json: { n: 2 } })
  const cases: [url: string, payload: object | undefined, message: string][] = [
    ['/checked', undefined, 'n: is missing'],
    ['/checked', { n: 0 }, 'n: must be a whole number from 1; got 0'],
    ['/checked', { n: 1, m: 1 }, 'm: unknown name; known: n'],
    ['/checked?p=1', { n: 1 }, 'p: unknown name; known: q'],
    ['/checked', { n: 1 }, 'x-test: is missing'],
    ['/named/', {}, 'name: must not be empty in the path'],
    ['/bare', { what: 'journal' }, 'what: no input is expected here'],
    ['/bare', [], 'body: must be an object; got []'],
    ['/bare?what=journal', undefined, 'what: no input is expected here'],
  ]
  for (const [url, payload, message] of cases) {
    t.match(await post(url, payload), { status: 400, json: { code: 'BAD_INPUT', message } }, message)
  }
  t.same(await post('/bare'), { status: 200, json: { body: {} } }, 'no body is {}')
})

const v3 = {
  apiV3Key: 'k3',
  serialNo: 'AB',
  privateKey: 'private',
  certificate: 'certificate',
  publicKeyId: 'PUB_KEY_ID_01',
  publicKey: 'public',
  platformSerialNo: 'CD',
  platformCertificate: 'platform',
  keyMode: 'public-key' as const,
}
const credentials = { appid: 'wx1', appSecret: 's', mchId: '16', apiKey: 'k', v3 }
const common = {
  WECHAT_BASE_URL: 'http://127.0.0.1:8090',
  WECHAT_APPID: 'wx1',
  WECHAT_APP_SECRET: 's',
  WECHAT_MCH_ID: '16',
  WECHAT_API_KEY: 'k',
  WECHAT_API_V3_KEY: 'k3',
  WECHAT_SERIAL_NO: 'AB',
  WECHAT_PRIVATE_KEY: 'private',
}
const app = { ...common, WECHAT_PUBLIC_KEY_ID: 'PUB_KEY_ID_01', WECHAT_PUBLIC_KEY: 'public' }

t.test('the variables for an application, and the additional ones for a test', async (t) => {
  t.same(appEnvironment('http://127.0.0.1:8090', credentials), app)
  const old = { ...credentials, v3: { ...v3, keyMode: 'certificate' as const } }
  const platform = { WECHAT_PLATFORM_SERIAL_NO: 'CD', WECHAT_PLATFORM_CERTIFICATE: 'platform' }
  t.same(appEnvironment('http://127.0.0.1:8090', old), { ...common, ...platform }, 'a merchant without a public key')
  const both = { ...credentials, v3: { ...v3, keyMode: 'changing' as const } }
  t.same(appEnvironment('http://127.0.0.1:8090', both), { ...app, ...platform }, 'while one replaces the other')
  t.same(wholeEnvironment('http://127.0.0.1:8090', 'http://127.0.0.1:8091/__mock/v1', 'mine', credentials), {
    ...app,
    WECHAT_MOCK_URL: 'http://127.0.0.1:8091',
    WECHAT_MOCK_WORLD: 'mine',
  })
})

async function described(t: Test) {
  const mock = await startMock(t)
  const response = await fetch(`${mock.url}/__mock/openapi.json`)
  return { mock, document: (await response.json()) as OpenApi }
}

t.test('the description is valid OpenAPI 3.1', async (t) => {
  const { mock, document } = await described(t)
  const { valid, errors } = await new Validator().validate(
    structuredClone(document) as object as Record<string, unknown>,
  )
  t.ok(valid, JSON.stringify(errors))
  t.match(document, { openapi: '3.1.0', servers: [{ url: mock.controlUrl }] })
})

t.test('every route is described, with a summary and a unique name', async (t) => {
  const { document } = await described(t)
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
      ...operation,
    })),
  )
  t.ok(operations.length > 60)
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  for (const { route, operationId, summary } of operations) {
    t.match(operationId, /^[a-z][A-Za-z]+$/, route)
    t.match(summary, /^[A-Z0-9].*\.$/, route)
  }
})

t.test('the published schemas are the ones the routes validate with', async (t) => {
  const { mock, document } = await described(t)
  t.match(document.paths['/worlds/{world}/faults/{name}']!.put, {
    operationId: 'putFaultsByName',
    tags: ['faults'],
    parameters: [
      { name: 'world', in: 'path', required: true },
      { name: 'name', in: 'path', required: true },
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { required: ['match', 'effect'], additionalProperties: false } } },
    },
  })
  t.match(document.paths['/worlds/{world}/journal']!.get, {
    parameters: [
      { name: 'world' },
      { name: 'since', in: 'query', required: false },
      { name: 'limit' },
      { name: 'dir' },
      { name: 'api' },
    ],
  })
  t.match(document.paths['/worlds/{world}/events']!.get, {
    parameters: [{ name: 'world' }, { name: 'since' }, { name: 'last-event-id', in: 'header' }],
  })
  t.match(document.paths['/worlds']!.get, { parameters: undefined, requestBody: undefined, tags: ['worlds'] })
  for (const [path, methods] of Object.entries(document.paths)) {
    const schema = (
      methods.post as { requestBody?: { content: Record<string, { schema: { required?: string[] } }> } } | undefined
    )?.requestBody?.content['application/json']!.schema
    const required = schema?.required?.[0]
    if (required === undefined) continue
    const url = path.replace('{world}', 'default').replace(/\{\w+\}/g, 'x')
    t.match(await control(mock, 'POST', url, {}), { status: 400, json: { code: 'BAD_INPUT', rule: 'required' } }, url)
  }
})

t.test('routes that answer 201 say so', async (t) => {
  const { mock, document } = await described(t)
  const created = Object.entries(document.paths)
    .filter(([, { post }]) => post && '201' in post.responses)
    .map(([path]) => path)
  t.same(created.sort(), ['/worlds', '/worlds/{world}/notifications', '/worlds/{world}/snapshots'])
  t.equal((await control(mock, 'POST', '/worlds')).status, 201)
})
