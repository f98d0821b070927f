import { Script } from 'node:vm'
import t from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../../mock-server/index.ts'
import { placeOrder, startMock } from '../helpers.ts'
import { visit } from '../pages/visit.ts'

// What a page of an app may do, and what no other page may.

const APP = 'http://127.0.0.1:3000'

async function start(t: Test) {
  const mock = await startMock(t, { appOrigins: [APP] })
  const ask = async (path: string, { origin = APP, ...init }: { origin?: string | null } & RequestInit = {}) => {
    const reply = await fetch(`${mock.url}/__mock/wx/${path}`, {
      ...init,
      headers: { ...(origin !== null && { origin }) },
    })
    const text = await reply.text()
    return { status: reply.status, headers: reply.headers, text, json: text.startsWith('{') ? JSON.parse(text) : {} }
  }
  const post = (path: string, body: unknown, origin: string | null = APP) =>
    ask(path, { method: 'POST', body: JSON.stringify(body), origin })
  return { mock, world: mock.default, ask, post }
}

t.test('the script is for the pages of the app', async (t) => {
  const { ask } = await start(t)
  const { status, headers, text } = await ask('default/wx.js')
  t.equal(status, 200)
  t.equal(headers.get('access-control-allow-origin'), APP)
  t.match(headers.get('content-type'), /^text\/javascript/)
  t.ok(text.length < 15_000, `${text.length} characters`)
  t.doesNotThrow(() => new Script(text), 'it is a script')
  t.match(await ask('nowhere/wx.js'), { status: 404, json: { code: 'UNKNOWN_WORLD' } })
})

t.test('a page logs in as a new user, and again as the same one', async (t) => {
  const { post, world } = await start(t)
  const first = await post('default/login', {})
  t.equal(first.status, 200)
  const { openid, code } = first.json as Record<string, string>
  const second = (await post('default/login', { openid })).json as Record<string, string>
  t.equal(second.openid, openid)
  t.not(second.code, code)
  t.strictSame(
    world.users().map((user) => user.openid),
    [openid],
  )
  t.match(await post('default/login', { appid: 'x' }), { status: 400, json: { code: 'BAD_INPUT' } })
  t.match(await post('default/login', []), { status: 400 })
})

t.test('the parameters of wx.requestPayment are checked, and nothing is paid', async (t) => {
  const { post, world } = await start(t)
  t.strictSame((await post('default/request-payment', { timeStamp: '1' })).json, {
    errMsg: 'requestPayment:fail parameter error: nonceStr',
    reason: 'nonceStr must be a non-empty string; got nothing',
  })
  t.match(await post('nowhere/request-payment', {}), { status: 404 })
  t.strictSame(world.orders(), [])
  Object.assign(world, {
    requestPayment() {
      throw new Error('a fault of the mock')
    },
  })
  t.equal((await post('default/request-payment', {})).status, 500, 'and no refusal of WeChat')
})

t.test('no other page, and no program, may use it', async (t) => {
  const { ask, post, world, mock } = await start(t)
  for (const origin of ['http://127.0.0.1:3001', 'http://localhost:3000', 'https://127.0.0.1:3000', 'null', null]) {
    for (const reply of [await ask('default/wx.js', { origin }), await post('default/login', {}, origin)]) {
      t.match(
        reply,
        { status: 403, json: { code: 'FORBIDDEN_ORIGIN', message: /wx is for pages of http:\/\/127/ } },
        String(origin),
      )
      t.equal(reply.headers.get('access-control-allow-origin'), null)
    }
  }
  const other = await startMock(t)
  const reply = await fetch(`${other.url}/__mock/wx/default/wx.js`, { headers: { origin: APP } })
  t.match(await reply.json(), { message: /wx is for pages of nobody.*--app-origin/ })
  t.strictSame(world.users(), [])
  const { status } = await visit(mock, '/__mock/wx/default/wx.js', { origin: APP, host: 'evil.example.com' })
  t.equal(status, 403, 'nor by another name of this machine')
})

t.test('a page of the app shows the cashier in a frame, and no other page of the mock', async (t) => {
  const { mock, world } = await start(t)
  const prepayId = await placeOrder(world, 'http://127.0.0.1:9/notify')
  const framed = (path: string, referer?: string) =>
    visit(mock, path, {
      'sec-fetch-site': 'same-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'iframe',
      ...(referer !== undefined && { referer }),
    })
  const ancestors = ({ headers }: { headers: { get(name: string): string | null } }) =>
    /frame-ancestors ([^;]*)/.exec(headers.get('content-security-policy')!)![1]
  const cashier = await framed(`phone/${prepayId}?in=app`, `${APP}/shop`)
  t.equal(cashier.status, 200)
  t.equal(ancestors(cashier), APP)
  t.match(cashier.html, /data-result="requestPayment:fail cancel"/)
  t.notMatch(cashier.html, /data-result="requestPayment:ok"/)
  const orders = await framed('orders', `${APP}/`)
  t.equal(ancestors(orders), "'none'", 'the browser shows no other page there')
  for (const referer of [undefined, 'http://127.0.0.1:3001/', 'nonsense']) {
    t.equal((await framed(`phone/${prepayId}?in=app`, referer)).status, 403, String(referer))
  }
  await world.pay('tea-0001')
  t.match((await framed(`phone/${prepayId}?in=app`, `${APP}/`)).html, /data-result="requestPayment:ok">Done/)
  t.match((await visit(mock, `phone/${prepayId}?in=app`, {})).html, /Done/)
  t.notMatch((await visit(mock, `phone/${prepayId}`, {})).html, /data-result/)
})

t.test('an origin is a scheme, a host and a port', async (t) => {
  for (const origin of [
    '127.0.0.1:3000',
    'http://127.0.0.1:3000/',
    'http://a b',
    'file:///x',
    'https://shop.example.com:443',
  ]) {
    await t.rejects(
      createMockWechat({ appOrigins: [origin] }),
      {
        code: 'BAD_INPUT',
        message: /appOrigins \(--app-origin\): .* is not an origin such as "http:\/\/127\.0\.0\.1:3000"/,
      },
      origin,
    )
  }
})
