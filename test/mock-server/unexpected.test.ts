import t from 'tap'
import { startMock } from './helpers.ts'

t.test('a call that is not emulated is answered clearly and listed in its world', async (t) => {
  const mock = await startMock(t)
  const [one, two] = [mock.world(), mock.world()]
  const calls: [path: string, init: RequestInit, world: typeof one][] = [
    ['/pay/micropay', { method: 'POST', body: `<xml><mch_id>${one.credentials.mchId}</mch_id></xml>` }, one],
    [`/sns/userinfo?appid=${two.credentials.appid}`, {}, two],
    ['/cgi-bin/tokens', { method: 'POST', body: JSON.stringify({ appid: two.credentials.appid }) }, two],
    ['/', {}, mock.default],
    ['/%zz', {}, mock.default],
    ['/pay/%E9%BE%99?a=%zz', {}, mock.default],
    ['/pay/micropay', { method: 'POST', body: 'x'.repeat(70_000) }, mock.default],
  ]
  mock.assertNoUnexpected()
  for (const [path, init, world] of calls) {
    const response = await fetch(`${mock.url}${path}`, init)
    const body = await response.text()
    t.equal(response.status, 404)
    t.match(JSON.parse(body), {
      code: 'UNKNOWN_PATH',
      message: /is not emulated; WeChat's paths here: .*\/pay\/unifiedorder/,
    })
    t.match(world.unexpected().at(-1), {
      api: 'unknown',
      direction: 'in',
      request: { method: init.method ?? 'GET', url: path },
      response: { status: 404, body },
    })
  }
  t.same(
    mock.worlds().map((world) => world.unexpected().length),
    [4, 1, 2],
  )
  t.throws(() => one.assertNoUnexpected(), {
    code: 'UNEXPECTED_CALLS',
    message: 'paths were called that are not emulated: POST /pay/micropay',
  })
  t.throws(() => mock.assertNoUnexpected(), {
    message: /: GET \/, GET \/%zz, GET \/pay\/%E9%BE%99\?a=%zz, POST \/pay\/micropay, POST \/pay\/micropay, GET \/sns/,
  })
  one.journal.delete()
  one.assertNoUnexpected()
})

t.test('it is a call of the world whose token, merchant or app it names', async (t) => {
  const mock = await startMock(t)
  const world = mock.world()
  const { appid, appSecret, mchId } = world.credentials
  const { access_token: token } = (await (
    await fetch(`${mock.url}/cgi-bin/token?grant_type=client_credential&appid=${appid}&secret=${appSecret}`)
  ).json()) as { access_token: string }
  const calls: [path: string, json: object][] = [
    [`/wxa/sec/order/upload_shipping_info?access_token=${token}`, { order_key: { mchid: '1900000109' } }],
    ['/v3/pay/transactions/jsapi', { mchid: mchId }],
    ['/v3/pay/partner/transactions/jsapi', { sp_mchid: mchId }],
    ['/v3/pay/partner/transactions/jsapi', { sp_mchid: '1900000109', sp_appid: appid }],
    ['/pay/micropay', { mch_id: '1900000109', access_token: token }],
  ]
  for (const [path, json] of calls) {
    await fetch(`${mock.url}${path}`, { method: 'POST', body: JSON.stringify(json) })
    t.equal(world.unexpected().at(-1)?.request.url, path)
  }
  t.equal(world.unexpected().length, calls.length)
  mock.default.assertNoUnexpected()
})

t.test("a control path that does not exist is the caller's own mistake", async (t) => {
  const mock = await startMock(t)
  const response = await fetch(`${mock.controlUrl}/nonsense`)
  t.equal(response.status, 404)
  t.match(await response.json(), { code: 'UNKNOWN_PATH', message: new RegExp(`control: ${mock.controlUrl}$`) })
  mock.assertNoUnexpected()
})
