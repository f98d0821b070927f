import t from 'tap'
import { callPay, control, signedXml, startMock } from '../helpers.ts'

const ask = async (t: Parameters<typeof startMock>[0]) => {
  const mock = await startMock(t)
  return {
    mock,
    ask: (method: string, path: string, body?: unknown) => control(mock, method, `/worlds/default/${path}`, body),
  }
}

t.test('drained', async (t) => {
  const { mock, ask: call } = await ask(t)
  t.same(await call('POST', 'assert-drained'), { status: 200, json: { drained: true } })
  mock.default.fault('refund', { kind: 'reset' })
  t.match(await call('POST', 'assert-drained'), {
    status: 422,
    json: { code: 'NOT_DRAINED', faults: [{ name: 'refund-1' }], gates: [] },
  })
})

t.test('unexpected calls', async (t) => {
  const { mock, ask: call } = await ask(t)
  t.same(await call('POST', 'assert-no-unexpected'), { status: 200, json: { unexpected: 0 } })
  t.same(await call('GET', 'unexpected'), { status: 200, json: [] })
  await fetch(`${mock.url}/pay/micropay`, { method: 'POST' })
  t.match(await call('GET', 'unexpected'), { json: [{ api: 'unknown', request: { url: '/pay/micropay' } }] })
  t.match(await call('POST', 'assert-no-unexpected'), {
    status: 422,
    json: { code: 'UNEXPECTED_CALLS', calls: [{ api: 'unknown' }] },
  })
})

t.test('the lint', async (t) => {
  const { mock, ask: call } = await ask(t)
  for (let n = 0; n < 2; n++) await callPay(mock.default, 'orderquery', { out_trade_no: 'tea-0001' })
  t.match(await call('GET', 'lint'), { status: 200, json: [{ rule: 'nonce-repeated', level: 'warning' }] })
  await control(mock, 'POST', '/worlds', { id: 'picky', strict: true })
  const picky = mock.worlds().at(-1)!
  await callPay(picky, 'orderquery', { out_trade_no: 'tea-0001' })
  t.match((await callPay(picky, 'orderquery', { out_trade_no: 'tea-0001' })).fields, {
    return_msg: 'nonce_str参数格式错误',
  })
})

t.test('a signature explained', async (t) => {
  const { mock, ask: call } = await ask(t)
  const xml = signedXml(mock.default, { out_trade_no: 'tea-0001' })
  t.match(await call('POST', 'explain-sign', { xml, string: 'appid=wx' }), {
    status: 200,
    json: { type: 'MD5', theirs: 'appid=wx', difference: { field: 'appid' } },
  })
  t.match(await call('POST', 'explain-sign', { xml: xml.replace('tea-0001', 'tea-0002') }), {
    status: 200,
    json: { ours: /out_trade_no=tea-0002&key=<apiKey>$/ },
  })
  t.match(await call('POST', 'explain-sign', { xml: '<xml>' }), { status: 400, json: { field: 'xml', rule: 'xml' } })
  t.match(await call('POST', 'explain-sign', {}), { status: 400, json: { field: 'xml', rule: 'required' } })
})
