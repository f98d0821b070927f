import { Validator } from '@seriousme/openapi-schema-validator'
import t, { type Test } from 'tap'
import type { OpenApi } from '../../mock-server/openapi.ts'
import { SUMMARIES } from '../../mock-server/openapi-summaries.ts'
import { control, startMock } from './helpers.ts'

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

t.test('every route is there, says what it does, and has a name of its own', async (t) => {
  const { document } = await described(t)
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
      ...operation,
    })),
  )
  t.same(operations.map(({ route }) => route).sort(), Object.keys(SUMMARIES).sort())
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  for (const { route, operationId, summary } of operations) {
    t.match(operationId, /^[a-z][A-Za-z]+$/, route)
    t.match(summary, /\.$/, route)
  }
})

t.test('the schemas are those that the routes check with', async (t) => {
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
    parameters: [{ name: 'world' }, { name: 'since', in: 'query', required: false }, { name: 'dir' }, { name: 'api' }],
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

t.test('what answers 201 says so', async (t) => {
  const { mock, document } = await described(t)
  const created = Object.entries(document.paths)
    .filter(([, { post }]) => post && '201' in post.responses)
    .map(([path]) => path)
  t.same(created.sort(), ['/worlds', '/worlds/{world}/notifications', '/worlds/{world}/snapshots'])
  t.equal((await control(mock, 'POST', '/worlds')).status, 201)
})
