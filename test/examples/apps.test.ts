import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import type { Account } from '../../examples/apps/account.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import { freePort } from '../fixtures.ts'
import { mysql, postgres } from '../store/databases.ts'
import { TYPESCRIPT } from '../typescript.ts'

// Each example is an app on its own: it is built, ordered from, paid, and asked what it has delivered.

type Build = (account: Account, databaseUrl: string) => Promise<FastifyInstance>
type Find = (t: Test) => Promise<string | undefined>

const none: Find = async () => ''
const APPS: Record<string, Find> = { minimal: none, jwt: none, postgres, kysely: postgres, drizzle: postgres, mysql }

for (const [name, find] of Object.entries(APPS)) {
  t.test(`examples/apps/${name}.ts`, async (t) => {
    const databaseUrl = await find(t)
    if (databaseUrl === undefined) return
    const mock = await createMockWechat()
    t.teardown(() => mock.close())
    const world = mock.default
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const { build } = (await import(`../../examples/apps/${name}.ts`)) as { build: Build }
    const account = {
      appid: world.credentials.appid,
      appSecret: world.credentials.appSecret,
      merchant: world.merchantOptions('v3'),
      publicUrl: url,
      baseUrl: mock.url,
      now: () => world.clock.now(),
    }
    const start = async () => {
      const app = await build(account, databaseUrl)
      await app.listen({ port, host: '127.0.0.1' })
      return app
    }
    const call = async (method: string, path: string, body?: object, token?: string) => {
      const headers = {
        ...(body && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      }
      const reply = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
      return { status: reply.status, body: (await reply.json()) as Record<string, any> }
    }

    let app = await start()
    const { token } = (await call('POST', '/wechat/login', { code: world.loginCode().code })).body
    const { outTradeNo } = (await call('POST', '/wechat/orders', { cart: 'cart-1' }, token)).body
    t.match(await world.pay(outTradeNo), { delivery: { verdict: 'acked' } })
    await app.wechat.idle()
    t.match((await call('GET', '/carts/cart-1', undefined, token)).body, { total: 1250, isPaid: true })
    t.equal((await call('GET', '/carts/cart-1')).status, 401)
    if (name !== 'jwt') t.match((await call('POST', '/wechat/orders', { cart: 'cart-2' }, token)).status, 404)
    if (databaseUrl !== '') {
      t.equal((await call('POST', '/wechat/orders', {}, token)).status, 400)
      await app.close()
      app = await start()
      t.match((await call('GET', '/carts/cart-1', undefined, token)).body, { isPaid: true }, 'a second run')
    }
    await app.close()
  })
}

for (const [runner, file] of [
  ['node:test', 'node.test.ts'],
  ['tap', 'tap.test.ts'],
]) {
  t.test(`the example for ${runner} passes`, async (t) => {
    const cwd = new URL('../..', import.meta.url)
    const { NODE_OPTIONS: _options, TAP: _tap, ...env } = process.env
    const { stdout } = await promisify(execFile)(process.execPath, [TYPESCRIPT, `examples/testing/${file}`], {
      cwd,
      env,
    })
    t.match(stdout, /^ *ok 2/m)
    t.notMatch(stdout, 'not ok')
  })
}
