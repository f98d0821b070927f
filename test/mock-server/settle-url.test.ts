import t from 'tap'
import type { Exchange } from '../../mock-server/sender.ts'
import { checkSettleUrl, createSettleCall } from '../../mock-server/settle-url.ts'
import { callPay, control, deadUrl, listen, NOON, placeOrder, port, REFUSAL, startMock, startShop } from './helpers.ts'

t.test('an address that can be asked', async (t) => {
  for (const url of ['http://127.0.0.1:3000/idle', 'https://shop.example.com/idle?all=1']) checkSettleUrl(url)
  for (const url of ['', '/idle', 'ftp://127.0.0.1/idle', 'http://:80/']) {
    t.throws(
      () => checkSettleUrl(url),
      {
        code: 'BAD_INPUT',
        message: /^settleUrl: must be an absolute http\(s\) URL; got/,
        details: { field: 'settleUrl' },
      },
      url,
    )
  }
})

t.test('only 2xx says that the work is done', async (t) => {
  const url = 'http://127.0.0.1:3000/idle'
  const call = (exchange: object) =>
    createSettleCall({ post: async () => ({ durationMs: 1, ...exchange }) as Exchange }, url)()
  for (const status of [200, 204]) t.equal(await call({ reply: { status } }), undefined, String(status))
  const failures: [exchange: object, told: string][] = [
    [{ reply: { status: 302 } }, 'answered with HTTP 302'],
    [{ reply: { status: 500 } }, 'answered with HTTP 500'],
    [{ error: new Error('connect ECONNREFUSED') }, 'failed: connect ECONNREFUSED'],
    [{ timedOut: true }, 'did not answer'],
  ]
  for (const [exchange, told] of failures) {
    await t.rejects(call(exchange), {
      code: 'SETTLE_FAILED',
      statusCode: 502,
      message: `settleUrl ${url} ${told}; it must answer with 2xx when the work in the background is done`,
    })
  }
})

t.test('time does not move before the application has said that its work is done', async (t) => {
  const mock = await startMock(t)
  const asked: (string | undefined)[] = []
  const workedAt: number[] = []
  let working: Promise<unknown> = Promise.resolve()
  const idle = await listen(t, (request, response) => {
    asked.push(request.method)
    working.then(() => response.writeHead(204).end())
  })
  const { status } = await control(mock, 'POST', '/worlds', {
    id: 'mine',
    startTime: NOON,
    settleUrl: `http://127.0.0.1:${port(idle)}/idle`,
  })
  t.equal(status, 201)
  const world = mock.worlds()[1]!
  const shop = await startShop(t, () => {
    working = callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }).then(() => {
      workedAt.push(world.clock.now().getTime())
    })
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await world.advance('24h4m')
  t.same(
    workedAt,
    world.deliveries().map(({ sentAt }) => sentAt.getTime()),
    'the work of each delivery was done at its own time',
  )
  t.same([...new Set(asked)], ['POST'])
  t.ok(asked.length >= 16, 'asked before each move')
  t.notMatch(
    world.journal.entries().map(({ request }) => request.url),
    [/idle/],
    "it is no exchange of WeChat's",
  )
})

t.test('an application that cannot be asked ends the advance, and one that is refused makes no world', async (t) => {
  const mock = await startMock(t, { world: { settleUrl: await deadUrl() } })
  t.match(await control(mock, 'POST', '/worlds/default/clock/advance', { by: '1s' }), {
    status: 502,
    json: { code: 'SETTLE_FAILED', message: /ECONNREFUSED/ },
  })
  t.match(await control(mock, 'POST', '/worlds', { settleUrl: '/idle' }), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'settleUrl' },
  })
  const far = await startMock(t, { notifyHosts: ['shop.example.com'], world: { settleUrl: await deadUrl() } })
  await t.rejects(
    far.default.advance('1s'),
    { code: 'SETTLE_FAILED' },
    'no host beside those that may be notified is asked',
  )
})
