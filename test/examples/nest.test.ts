import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import t from 'tap'
import type { Account } from '../../examples/apps/account.ts'
import { live } from './life.ts'

interface Compiled {
  build(account: Account): Promise<NestFastifyApplication>
}

t.test('examples/nest: compiled with its decorators', async (t) => {
  const dir = t.testdir()
  const options = ['--project', 'examples/nest', '--noEmit', 'false', '--outDir', dir]
  await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', ...options], {
    cwd: new URL('../..', import.meta.url),
  })
  const { build } = (await import(`${dir}/examples/nest/app.js`)) as Compiled
  await live(t, async (account) => {
    const app = await build(account)
    const fastify = app.getHttpAdapter().getInstance()
    const { wechat } = fastify
    const stranger = await fastify.inject('/carts/cart-1')
    t.equal(stranger.statusCode, 401)
    t.match(stranger.json(), { statusCode: 401, code: 'WECHAT_UNAUTHENTICATED' }, 'what the guard throws')
    return { wechat, listen: (options) => app.listen(options), close: () => app.close() }
  })
})
