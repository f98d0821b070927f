import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { MockWechat } from '../../mock-server/index.ts'
import { build } from '../apps/minimal.ts'

/** The app of `minimal.ts` in a world of its own, with a user who has logged in. */
export async function open(mock: MockWechat) {
  const world = mock.world()
  // The app needs to know its own address, so the port is chosen first.
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  const url = `http://127.0.0.1:${port}`
  const app = await build({
    appid: world.credentials.appid,
    appSecret: world.credentials.appSecret,
    merchant: world.merchantOptions('v3'),
    publicUrl: url,
    baseUrl: mock.url,
    now: () => world.clock.now(),
  })
  await app.listen({ port, host: '127.0.0.1' })

  const call = async (method: string, path: string, body?: object, token?: string) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const reply = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    return (await reply.json()) as Record<string, string>
  }
  const { token } = await call('POST', '/wechat/login', { code: world.loginCode().code })
  return {
    app,
    world,
    user: {
      order: async (body: object) => (await call('POST', '/wechat/orders', body, token)) as { outTradeNo: string },
      cart: (id: string) => call('GET', `/carts/${id}`, undefined, token),
    },
  }
}
