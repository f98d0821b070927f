import { hash } from 'node:crypto'
import t from 'tap'
import Fastify from 'fastify'
import wechatPay, { memoryStore } from '../../src/index.ts'
import { merchant } from '../helpers.ts'

t.test("requireUser gives the app's own routes the user, and lets nobody else in", async (t) => {
  const { login, url } = await merchant(t, {
    after: (app) => {
      app.get('/me', { preHandler: app.wechat.requireUser }, async ({ wechatUser }) => wechatUser)
      app.get('/anybody', async ({ wechatUser }) => wechatUser)
    },
  })
  const get = async (path: string, headers = {}) => {
    const response = await fetch(url + path, { headers })
    return { status: response.status, body: await response.json() }
  }
  const headers = await login('oAlice')
  t.match(await get('/me', headers), { status: 200, body: { openid: 'oAlice', appid: /^wx/ } })
  for (const none of [{}, { authorization: 'Bearer x' }, { authorization: 'Basic eDp5' }]) {
    t.match(await get('/me', none), { status: 401, body: { code: 'WECHAT_UNAUTHENTICATED' } })
  }
  t.match(await get('/anybody', headers), { status: 401, body: { message: /requireUser as a preHandler/ } })

  const logout = async () => (await fetch(`${url}/wechat/logout`, { method: 'POST', headers })).status
  t.equal(await logout(), 204)
  t.match(await get('/me', headers), { status: 401 })
  t.equal(await logout(), 204, 'once more')
})

t.test("with the app's own tokens, requireUser asks authenticate, and there is no logout route", async (t) => {
  const { app } = await merchant(t, {
    options: {
      issueToken: ({ openid }) => ({ token: openid }),
      authenticate: ({ headers }) => (headers['x-user'] ? { openid: String(headers['x-user']) } : undefined),
    },
    after: (app) => {
      app.get('/me', { preHandler: app.wechat.requireUser }, async ({ wechatUser }) => ({ openid: wechatUser.openid }))
    },
  })
  t.match((await app.inject({ url: '/me', headers: { 'x-user': 'oAlice' } })).json(), { openid: 'oAlice' })
  t.equal((await app.inject('/me')).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/wechat/logout' })).statusCode, 404)
})

t.test('a request that already has a wechatUser, e.g. from another registration, is left unchanged', async (t) => {
  const { world, app: first } = await merchant(t)
  const app = Fastify()
  t.teardown(() => app.close())
  const options = {
    ...{ appid: world.credentials.appid, appSecret: world.credentials.appSecret },
    ...{ merchant: world.merchantOptions('v2'), publicUrl: 'https://shop.example.com', sweepIntervalMs: 0 },
    store: memoryStore(),
    price: () => ({ key: '', description: '', totalFee: 0 }),
    onPaid() {},
  }
  app.decorateRequest('wechatUser', null as never)
  await app.register(wechatPay, options)
  t.ok(app.wechat.requireUser)
  t.not(app.wechat.requireUser, first.wechat.requireUser)
})

t.test('expired sessions are deleted by the sweeps', async (t) => {
  const { app, login, store, world } = await merchant(t)
  const { authorization } = await login()
  const tokenHash = hash('sha256', authorization.slice('Bearer '.length))
  await app.wechat.sweep()
  t.ok(await store.getSession(tokenHash))
  await world.advance('8d')
  await app.wechat.sweep()
  t.equal(await store.getSession(tokenHash), undefined)
})
