import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { mockFastifyPlugin, type MockPluginOptions } from '../../../mock-server/index.ts'
import { ACK, NOON, orderFields, REFUSAL, signedXml } from '../helpers.ts'

/** A shop with a notify handler that gives the answers one after the other, the last one forever. */
async function shop(t: Test, answers: string[] = [ACK], options: MockPluginOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addContentTypeParser('text/xml', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  await app.register(mockFastifyPlugin, { ...options, world: { startTime: NOON, ...options.world } })
  app.post('/wechat/notify', async () => (answers.length > 1 ? answers.shift() : answers[0]))
  return app
}

const order = ({ mockWechat: { fetch, default: world } }: FastifyInstance, init: RequestInit = {}) =>
  fetch(`${world.baseUrl}/pay/unifiedorder`, {
    method: 'POST',
    body: signedXml(world, orderFields('https://shop.example.com/wechat/notify')),
    ...init,
  })

t.test('ordered, paid and notified without a socket', async (t) => {
  const app = await shop(t, [REFUSAL, ACK])
  const { default: world } = app.mockWechat
  const response = await order(app)
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/plain')
  t.match(await response.text(), /prepay_id/)
  t.match((await world.pay('tea-0001')).delivery!, {
    verdict: 'fail_xml',
    url: 'https://shop.example.com/wechat/notify',
    response: { status: 200, body: REFUSAL },
  })
  t.match(await world.advance('15s'), { deliveries: [{ verdict: 'acked' }] })
  t.same(world.inFlight(), [])
  t.equal(app.server.listening, false)
})

t.test("the application's answers are judged as usual", async (t) => {
  const app = await shop(t)
  const { default: world } = app.mockWechat
  await order(app)
  const gone = world.craft('tea-0001', { url: 'https://shop.example.com/nowhere' })
  t.match(await gone.deliver(), [{ verdict: 'http_status', response: { status: 404 } }])
})

t.test('login and control API, with the same fetch', async (t) => {
  const app = await shop(t)
  const { default: world, fetch, url, controlUrl } = app.mockWechat
  const { appid, appSecret } = world.credentials
  const { code, openid } = world.loginCode()
  const login = await fetch(
    `${url}/sns/jscode2session?appid=${appid}&secret=${appSecret}&js_code=${code}&grant_type=authorization_code`,
  )
  t.match(await login.json(), { openid })
  const made = await fetch(new URL(`${controlUrl}/worlds`), { method: 'POST', body: JSON.stringify({ id: 'second' }) })
  t.equal(made.status, 201)
  t.same(
    app.mockWechat.worlds().map(({ id }) => id),
    ['default', 'second'],
  )
  t.equal(app.mockWechat.world({ id: 'third' }).baseUrl, url)
  await fetch(new Request(`${url}/pay/micropay`, { method: 'POST' }))
  t.throws(() => app.mockWechat.assertNoUnexpected(), { code: 'UNEXPECTED_CALLS' })
})

t.test('lost, hanging and cut-off replies', async (t) => {
  const app = await shop(t)
  const { default: world } = app.mockWechat
  for (const when of ['before', 'after'] as const) {
    world.fault('unifiedorder', { kind: 'reset', when })
    await t.rejects(order(app), { name: 'TypeError', message: 'fetch failed', cause: { code: 'ECONNRESET' } })
    t.equal(world.orders().length, when === 'after' ? 1 : 0)
  }
  world.fault('unifiedorder', { kind: 'truncate' })
  await t.rejects(order(app), { name: 'TypeError' })
  world.fault('unifiedorder', { kind: 'oversize', bytes: 100_000 })
  t.equal((await (await order(app)).arrayBuffer()).byteLength, 100_000)
  world.fault('unifiedorder', { kind: 'endless_headers' })
  await t.rejects(order(app), { name: 'TypeError' })
  world.fault('unifiedorder', { kind: 'hang' })
  const impatient = new AbortController()
  const gate = world.gate('unifiedorder.response')
  const hanging = order(app, { signal: impatient.signal })
  await gate.reached
  gate.release()
  impatient.abort()
  await t.rejects(hanging, { name: 'AbortError' })
  t.same(world.inFlight(), [], 'a caller that has given up no longer holds the clock')
  await t.rejects(order(app, { signal: impatient.signal }), { name: 'AbortError' })
  world.fault('unifiedorder', { kind: 'http', status: 502 })
  t.equal((await order(app)).status, 502)
})

t.test('the mock stops with the application', async (t) => {
  const app = await shop(t, [REFUSAL], { world: { clock: 'real' } })
  const { default: world } = app.mockWechat
  await order(app)
  await world.pay('tea-0001')
  t.equal(world.clock.timers().length, 1)
  await app.close()
  t.same(world.clock.timers(), [])
})
