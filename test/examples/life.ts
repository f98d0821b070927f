import type { Test } from 'tap'
import type { Account } from '../../examples/apps/account.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import type { Wechat } from '../../src/index.ts'
import { freePort } from '../fixtures.ts'

/** An example as an app on its own. */
export interface Example {
  listen(options: { port: number; host: string }): Promise<unknown>
  close(): Promise<unknown>
  readonly wechat: Pick<Wechat, 'idle'>
}

export interface Traits {
  /** Whether it finds its orders after a restart. */
  survives?: boolean
  /** Whether it checks the body of an order. */
  checksBody?: boolean
  /** Whether it has one cart for all. */
  knowsCarts?: boolean
}

/** The life of an example: it is built, ordered from, paid, asked what it has delivered, and started again. */
export async function live(
  t: Test,
  build: (account: Account) => Promise<Example>,
  { survives = false, checksBody = false, knowsCarts = true }: Traits = {},
): Promise<void> {
  const mock = await createMockWechat()
  t.teardown(() => mock.close())
  const world = mock.default
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const account = {
    appid: world.credentials.appid,
    appSecret: world.credentials.appSecret,
    merchant: world.merchantOptions('v3'),
    publicUrl: url,
    baseUrl: mock.url,
    now: () => world.clock.now(),
  }
  const start = async () => {
    const app = await build(account)
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
  if (knowsCarts) t.equal((await call('POST', '/wechat/orders', { cart: 'cart-2' }, token)).status, 404)
  if (checksBody) t.equal((await call('POST', '/wechat/orders', {}, token)).status, 400)
  if (survives) {
    await app.close()
    app = await start()
    t.match((await call('GET', '/carts/cart-1', undefined, token)).body, { isPaid: true }, 'a second run')
    t.equal((await call('POST', '/wechat/orders', { cart: 'cart-1' }, token)).status, 409, 'paid already')
  }
  await app.close()
}
