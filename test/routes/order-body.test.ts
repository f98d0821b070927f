import { Type } from '@sinclair/typebox'
import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import t from 'tap'
import type { Test } from 'tap'
import { z } from 'zod'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { WechatPayOptions } from '../../src/index.ts'

// `orderBody` is checked by the app's own validator, and what it allows reaches `price`.

type Seen = unknown[]

async function start(
  t: Test,
  options: Partial<WechatPayOptions<any, any>>,
  prepare: (app: FastifyInstance) => unknown = () => {},
): Promise<{ app: FastifyInstance; seen: Seen; order: (body: unknown) => Promise<any> }> {
  const app = Fastify()
  t.teardown(() => app.close())
  await prepare(app)
  const seen: Seen = []
  await app.register(wechatPay, {
    appid: 'wx0123456789abcdef',
    appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
    merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
    publicUrl: 'https://shop.example.com',
    store: memoryStore(),
    price: ({ body }) => {
      seen.push(body)
      throw Object.assign(new Error('seen'), { statusCode: 418 })
    },
    onPaid: () => {},
    issueToken: () => ({ token: 'x' }),
    authenticate: () => ({ openid: 'o-alice' }),
    ...options,
  })
  await app.ready()
  const order = async (body: unknown) =>
    await app.inject({ method: 'POST', url: '/wechat/orders', payload: body as object })
  return { app, seen, order }
}

const LANGUAGES: [name: string, orderBody: unknown, prepare?: (app: FastifyInstance) => unknown][] = [
  ['TypeBox', Type.Object({ cart: Type.String({ maxLength: 8 }) })],
  ['JSON Schema', { type: 'object', required: ['cart'], properties: { cart: { type: 'string', maxLength: 8 } } }],
  [
    'a shared schema of the app',
    { $ref: 'cart#' },
    (app) =>
      app.addSchema({
        $id: 'cart',
        type: 'object',
        required: ['cart'],
        properties: { cart: { type: 'string', maxLength: 8 } },
      }),
  ],
  [
    'zod',
    z.object({ cart: z.string().max(8) }),
    (app) => app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler),
  ],
]

for (const [name, orderBody, prepare] of LANGUAGES) {
  t.test(`a body that does not fit is a 400 before price runs: ${name}`, async (t) => {
    const { seen, order } = await start(t, { orderBody }, prepare)
    for (const body of [{}, { cart: 'much too long' }, undefined]) {
      const reply = await order(body)
      t.match(reply.json(), { statusCode: 400, code: 'FST_ERR_VALIDATION', message: /cart|body|object/i })
    }
    t.strictSame(seen, [])
    t.equal((await order({ cart: 'c1' })).statusCode, 418)
    t.strictSame(seen, [{ cart: 'c1' }])
  })
}

t.test('without a schema any body reaches price', async (t) => {
  const { seen, order } = await start(t, {})
  for (const body of [{ cart: 1 }, [1], undefined]) t.equal((await order(body)).statusCode, 418)
  t.strictSame(seen, [{ cart: 1 }, [1], undefined])
})

t.test('the schema is in the documentation', async (t) => {
  const { app } = await start(t, { orderBody: Type.Object({ cart: Type.String() }) }, (app) =>
    app.register(swagger, { openapi: {} }),
  )
  const { paths } = app.swagger() as any
  t.match(paths['/wechat/orders'].post.requestBody.content['application/json'].schema, {
    type: 'object',
    required: ['cart'],
  })
})

t.test(
  'a transform of the documentation that knows no JSON Schema, as zod’s, needs documentRoutes: false',
  async (t) => {
    const zodDocs = (app: FastifyInstance) =>
      app
        .setValidatorCompiler(validatorCompiler)
        .setSerializerCompiler(serializerCompiler)
        .register(swagger, { openapi: {}, transform: jsonSchemaTransform })
    const documented = await start(t, {}, zodDocs)
    t.throws(() => documented.app.swagger(), 'as it is')
    const hidden = await start(t, { documentRoutes: false, orderBody: z.object({ cart: z.string() }) }, zodDocs)
    t.strictSame(Object.keys((hidden.app.swagger() as { paths: object }).paths), [])
    t.equal((await hidden.order({ cart: 'c1' })).statusCode, 418)
  },
)

t.test('a schema is an object, and documentRoutes a boolean', async (t) => {
  await t.rejects(start(t, { orderBody: 'cart', documentRoutes: 'no' as never }), {
    message:
      /`orderBody` must be a schema of the body of POST \/orders[^]*`documentRoutes` must be true or false, not "no"/,
  })
})
