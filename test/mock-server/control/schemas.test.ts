import t from 'tap'
import { integer, oneOf, strict, text } from '../../../mock-server/control/schemas.ts'

t.test('schemas are plain JSON Schema', async (t) => {
  t.same(strict({ a: integer(1), b: text(20), c: oneOf('x', 'y') }, 'a'), {
    type: 'object',
    properties: {
      a: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      b: { type: 'string', minLength: 1, maxLength: 20 },
      c: { type: 'string', enum: ['x', 'y'] },
    },
    required: ['a'],
    additionalProperties: false,
  })
  t.same(text().maxLength, 1000)
  t.same(integer(0, 9).maximum, 9)
})
