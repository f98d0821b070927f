import t from 'tap'
import { control, startMock } from '../helpers.ts'

t.test('bodies are JSON whatever the Content-Type, and may be left out', async (t) => {
  const mock = await startMock(t)
  for (const headers of [
    {},
    { 'content-type': 'application/json' },
    { 'content-type': 'application/x-www-form-urlencoded' },
  ]) {
    t.match(await control(mock, 'POST', '/worlds/default/login-codes', { openid: 'o-alice' }, headers), {
      status: 200,
      json: { openid: 'o-alice' },
    })
  }
  for (const body of [undefined, '', '  ', '{}']) {
    t.match(await control(mock, 'POST', '/worlds/default/login-codes', body), { status: 200 })
  }
})

t.test('bad input names the field and the rule', async (t) => {
  const mock = await startMock(t)
  const cases: [path: string, body: unknown, error: { field: string; rule: string; message: string | RegExp }][] = [
    [
      '/worlds/default/login-codes',
      { opneid: 'o' },
      { field: 'opneid', rule: 'additionalProperties', message: 'opneid: must NOT have additional properties' },
    ],
    ['/worlds/default/login-codes', { ttl: '300' }, { field: 'ttl', rule: 'type', message: 'ttl: must be integer' }],
    ['/worlds/default/login-codes', { uses: 0 }, { field: 'uses', rule: 'minimum', message: 'uses: must be >= 1' }],
    [
      '/worlds/default/orders/1/pay',
      { coupons: [{ fee: 5 }, { fee: 0 }] },
      { field: 'coupons.1.fee', rule: 'minimum', message: 'coupons.1.fee: must be >= 1' },
    ],
    ['/worlds/default/orders/1/pay', { coupons: [{}] }, { field: 'coupons.0.fee', rule: 'required', message: /fee/ }],
    [
      '/worlds/default/orders/1/pay',
      { deliver: 'never' },
      {
        field: 'deliver',
        rule: 'enum',
        message: 'deliver: must be equal to one of the allowed values: await, background, hold',
      },
    ],
    ['/worlds/default/clock/advance', {}, { field: 'by', rule: 'oneOf', message: /by/ }],
    ['/worlds/default/clock/advance', { by: 'soon' }, { field: 'by', rule: 'duration', message: /'24h4m'/ }],
    ['/worlds/default/clock/advance', [], { field: 'body', rule: 'type', message: 'body: must be object' }],
    ['/worlds/default/clock/advance', '{by:1}', { field: 'body', rule: 'json', message: /^the body is not JSON: / }],
  ]
  for (const [path, body, error] of cases) {
    t.match(
      await control(mock, 'POST', path, body),
      { status: 400, json: { code: 'BAD_INPUT', ...error } },
      JSON.stringify(body),
    )
  }
})

t.test('what does not exist is named', async (t) => {
  const mock = await startMock(t)
  const cases: [method: string, path: string, code: string][] = [
    ['GET', '/worlds/mine', 'UNKNOWN_WORLD'],
    ['GET', '/worlds/default/orders/tea-1', 'UNKNOWN_ORDER'],
    ['POST', '/worlds/default/orders/tea-1/pay', 'UNKNOWN_ORDER'],
    ['GET', '/worlds/default/notifications/tea-1', 'UNKNOWN_NOTIFICATION'],
    ['GET', '/worlds/default/deliveries/d1', 'UNKNOWN_DELIVERY'],
  ]
  for (const [method, path, code] of cases) {
    t.match(await control(mock, method, path), { status: 404, json: { code, message: /./ } }, path)
  }
  t.match((await control(mock, 'GET', '/worlds/mine')).json, { message: 'there is no world mine; known: default' })
})

t.test("an error of the HTTP server keeps its status, a mistake of the mock's own is a 500", async (t) => {
  const mock = await startMock(t)
  t.match(await control(mock, 'POST', '/worlds', 'x'.repeat(2_000_000)), {
    status: 413,
    json: { code: 'FST_ERR_CTP_BODY_TOO_LARGE' },
  })
  Object.assign(mock.default, {
    orders: () => {
      throw new Error('broken')
    },
  })
  t.match(await control(mock, 'GET', '/worlds/default/orders'), { status: 500, json: { message: 'broken' } })
})
