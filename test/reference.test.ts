import t from 'tap'
import { createReference } from '../scripts/reference.ts'

t.test('everything that is exported is documented', async (t) => {
  const { text, silent } = createReference()
  t.strictSame(silent, [])
  const codes = [...text.matchAll(/^```ts\n([^]*?)\n```$/gm)].map(([, code]) => code!)
  t.equal(codes.length, text.match(/^### /gm)!.length)
  for (const code of codes) t.match(code, /^(?:class|function|interface|type|const) \w+/)
  t.match(text, /^## fastify-wechat-pay\/mock-server$/m)
})
