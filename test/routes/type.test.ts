import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { Type as TypeBox } from '@sinclair/typebox'
import Fastify from 'fastify'
import t from 'tap'
import { speakJson } from '../../src/routes/json.ts'
import { loginSchema, getOrderSchema } from '../../src/routes/schemas.ts'
import { Type } from '../../src/routes/type.ts'
import { merchant } from '../helpers.ts'

t.test("schemas equal those of TypeBox's own builders", async (t) => {
  const plain = (schema: object) => JSON.parse(JSON.stringify(schema)) as object
  const build = (T: typeof Type) => [
    T.Boolean(),
    T.Boolean({ description: 'd' }),
    T.Integer(),
    T.Integer({ description: 'd' }),
    T.String(),
    T.String({ pattern: '^a$' }),
    T.Literal('a'),
    T.Literal('a', { description: 'd' }),
    T.Union([T.Literal('a'), T.Literal('b')]),
    T.Union([T.Literal('a'), T.Literal('b')], { description: 'd' }),
    T.Object({}),
    T.Object({ a: T.String() }),
    T.Object({ a: T.Optional(T.String({ format: 'date-time' })) }, { additionalProperties: true }),
    T.Object({ a: T.Optional(T.String()), b: T.Object({ c: T.Integer() }) }, { description: 'd' }),
  ]
  t.strictSame(build(Type).map(plain), build(TypeBox).map(plain))
})

t.test("the routes' validator accepts and refuses the same values as TypeBox's", async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await speakJson(app, 'own')
  const code = TypeBox.Object({ code: TypeBox.String() })
  const number = TypeBox.Object({ outTradeNo: TypeBox.String({ pattern: '^[0-9A-Za-z_|*-]{6,32}$' }) })
  const text = 'aB9_|*-'
  for (const [httpPart, schema, typeBox, values] of [
    [
      'body',
      loginSchema.body,
      code,
      [{ code: 'c' }, { code: '' }, { code: 'c', more: 1 }, { code: 7 }, { code: null }],
    ],
    ['body', loginSchema.body, code, [{ code: ['c'] }, {}, null, undefined, [], ['code'], 'code', 7, true]],
    [
      'params',
      getOrderSchema.params,
      number,
      [6, 7, 5, 32, 33].map((n) => ({ outTradeNo: text.repeat(5).slice(0, n) })),
    ],
    [
      'params',
      getOrderSchema.params,
      number,
      ['order 1', 'order-1\n', '订单号订单号', ''].map((outTradeNo) => ({ outTradeNo })),
    ],
  ] as const) {
    const ours = app.validatorCompiler!({ schema, httpPart, method: 'POST', url: '/' })
    const theirs = TypeBoxValidatorCompiler({ schema: typeBox, httpPart, method: 'POST', url: '/' })
    for (const value of values) {
      const refused = (validate: typeof ours) => 'error' in (validate(value) as object)
      t.equal(refused(ours), refused(theirs), `${httpPart} ${JSON.stringify(value)}`)
    }
  }
})

t.test('a refusal names the field and the rule', async (t) => {
  const { post, app } = await merchant(t)
  t.match(await post('/wechat/login', {}), {
    status: 400,
    body: { code: 'FST_ERR_VALIDATION', message: 'body/code must be a string' },
  })
  t.match((await app.inject('/wechat/orders/1')).json(), {
    message: 'params/outTradeNo must be a string that matches ^[0-9A-Za-z_|*-]{6,32}$',
  })
})
