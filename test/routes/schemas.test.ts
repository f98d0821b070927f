import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import t from 'tap'
import wechatPay, { memoryStore } from '../../src/index.ts'

t.test('with @fastify/swagger the routes are documented', async (t) => {
  const app = Fastify()
  t.teardown(async () => {
    await app.close()
  })
  await app.register(swagger, { openapi: {} })
  await app.register(wechatPay, {
    appid: 'wx0123456789abcdef',
    appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
    merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
    publicUrl: 'https://shop.example.com',
    store: memoryStore(),
    price: () => ({ key: 'k', description: 'tea', totalFee: 1 }),
    onPaid: () => {},
  })
  await app.ready()
  const { paths } = app.swagger() as unknown as {
    paths: Record<string, Record<string, { summary?: string; responses: object }>>
  }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary, responses }]) => [
      `${method} ${path}`,
      summary !== undefined,
      Object.keys(responses),
    ]),
  )
  const documented = ['200', '4XX', '5XX']
  t.strictSame(
    routes,
    [
      ['post /wechat/logout', true, ['204', '4XX', '5XX']],
      ['post /wechat/login', true, documented],
      ['post /wechat/orders', true, documented],
      ['get /wechat/orders/{outTradeNo}', true, documented],
      ['post /wechat/orders/{outTradeNo}/cancel', true, documented],
    ],
    'all but the notify route, which is only for WeChat',
  )
})
