import t from 'tap'
import { start } from '../../bench/load/start.ts'
// Imported here too, so that the compiler has run before modules are counted.
import '../../src/index.ts'
import '../../mock-server/index.ts'
import { TYPESCRIPT } from '../typescript.ts'

t.test("the plugin loads few modules beyond Fastify's, and none of TypeBox, undici or the mock", async (t) => {
  const load = (...modules: string[]) => start(modules, { count: true, nodeArgs: [TYPESCRIPT] }).files
  const fastify = import.meta.resolve('fastify')
  const alone = load(fastify)
  const both = load(fastify, import.meta.resolve('../../src/index.ts'))
  t.ok(alone.size > 100)
  const added = [...both].filter((file) => !alone.has(file))
  const source = import.meta.resolve('../../src/')
  const own = added.filter((file) => file.startsWith(source))
  t.ok(own.length > 30)
  t.ok(added.length <= 200, `${added.length} modules`)
  t.strictSame(
    added.filter((file) => /typebox|undici|mock-server|typescript/.test(file)),
    [],
  )
})

t.test('the mock loads its pages only when one is opened', async (t) => {
  const { files } = start([import.meta.resolve('../../mock-server/index.ts')], { count: true, nodeArgs: [TYPESCRIPT] })
  t.ok([...files].some((file) => /mock-server\/server\/page-routes/.test(file)))
  t.strictSame(
    [...files].filter((file) => /mock-server\/pages|uqr/.test(file)),
    [],
  )
})

t.test('a module that cannot be loaded is an error', async (t) => {
  t.throws(() => start(['./nothing.js']), /nothing\.js cannot be loaded:[^]*ERR_MODULE_NOT_FOUND/)
})
