import t from 'tap'
import { callPay, deadUrl, orderFields, postRaw, signedXml, startMock } from './helpers.ts'

t.test('WeChat reads the bytes, whatever the Content-Type', async (t) => {
  const { default: world } = await startMock(t)
  const xml = signedXml(world, orderFields(await deadUrl()))
  for (const type of [
    'text/xml; charset=utf-8',
    'application/xml',
    'application/x-www-form-urlencoded',
    'application/json',
    'text/xml; charset=gbk',
    'nonsense',
    ';',
    undefined,
  ]) {
    const { fields, status, contentType } = await postRaw(
      `${world.baseUrl}/pay/unifiedorder`,
      Buffer.from(xml),
      type === undefined ? {} : { headers: { 'content-type': type } },
    )
    t.match(
      { fields, status, contentType },
      { status: 200, contentType: 'text/plain', fields: { result_code: 'SUCCESS' } },
      String(type),
    )
  }
  const types = world.journal.entries().map(({ request }) => request.headers['content-type'])
  t.match(types, ['text/xml; charset=utf-8', 'application/xml'], 'the journal has the header as it was sent')
})

t.test('a body that is too large is no XML', async (t) => {
  const { default: world } = await startMock(t)
  const { status, text } = await postRaw(`${world.baseUrl}/pay/unifiedorder`, `<xml><a>${'x'.repeat(70_000)}</a></xml>`)
  t.equal(status, 200)
  t.equal(
    text,
    '<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[XML格式错误]]></return_msg></xml>',
  )
  t.match(world.journal.entries(), [{ api: 'unifiedorder', note: /^XML格式错误: .*too large/ }])
})

t.test("a mistake of the mock's own is not told in WeChat's words", async (t) => {
  const { default: world } = await startMock(t)
  Object.assign(world.journal, {
    record: () => {
      throw new Error('broken')
    },
  })
  const response = await fetch(`${world.baseUrl}/pay/orderquery`, {
    method: 'POST',
    body: signedXml(world, { out_trade_no: 'tea-0001' }),
  })
  t.equal(response.status, 500)
  t.match(await response.json(), { message: 'broken' })
})

t.test('what is not emulated says so and what is', async (t) => {
  const lines: string[] = []
  const mock = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  for (const [method, path] of [
    ['POST', '/pay/micropay'],
    ['GET', '/'],
    ['GET', '/__mock/v1/nonsense'],
  ] as const) {
    const response = await fetch(`${mock.url}${path}`, { method })
    t.equal(response.status, 404)
    t.match(await response.json(), {
      code: 'UNKNOWN_PATH',
      message: new RegExp(
        `^${method} ${path} is not emulated; .*/sns/jscode2session, .*/pay/unifiedorder, .*/pay/closeorder.*; control: ${mock.controlUrl}`,
      ),
    })
  }
  t.match(lines, ['unknown path POST /pay/micropay', /./, /./])
})

t.test('the clock waits until a reply is on its way', async (t) => {
  const { default: world } = await startMock(t)
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  await world.advance('1s')
  t.same(world.inFlight(), [])
})

t.test("the Date of a reply is the world's", async (t) => {
  const { default: world } = await startMock(t)
  await world.advance('1h')
  const { headers } = await fetch(`${world.baseUrl}/sns/jscode2session`)
  t.equal(headers.get('date'), 'Thu, 15 Jan 2026 05:00:00 GMT')
})
