import t from 'tap'
import { callPay, control, placeOrder, startMock, startShop } from '../helpers.ts'

const GATES = '/worlds/default/gates'

t.test('a gate is put, reached, released and taken away', async (t) => {
  const mock = await startMock(t)
  const view = { name: 'slow', hold: 'orderquery.response', state: 'waiting', used: false, holding: [] }
  t.same(await control(mock, 'PUT', `${GATES}/slow`, { hold: 'orderquery.response' }), { status: 200, json: view })
  t.same(
    await control(mock, 'POST', `${GATES}/slow/wait`, { timeoutMs: 10 }),
    { status: 200, json: { reached: false, ...view } },
    'a time that runs out is no error',
  )
  const queried = callPay(mock.default, 'orderquery', { out_trade_no: 'tea-0001' })
  const holding = { ...view, state: 'holding', used: true, holding: ['tea-0001'] }
  t.same(await control(mock, 'POST', `${GATES}/slow/wait`), { status: 200, json: { reached: true, ...holding } })
  t.same(await control(mock, 'GET', GATES), { status: 200, json: [holding] })
  t.match(await control(mock, 'POST', `${GATES}/slow/release`), { status: 200, json: { state: 'open', holding: [] } })
  t.match((await queried).fields, { err_code: 'ORDERNOTEXIST' })
  t.match(await control(mock, 'GET', `${GATES}/slow`), { status: 200, json: { state: 'open' } })
  t.match(await control(mock, 'DELETE', `${GATES}/slow`), { status: 200, json: { state: 'open' } })
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/release'],
    ['POST', '/wait'],
  ] as const) {
    t.match(await control(mock, method, `${GATES}/slow${path}`), {
      status: 404,
      json: { code: 'UNKNOWN_GATE', message: 'world default has no gate slow' },
    })
  }
})

t.test('whoever waits for a gate that is removed, or whose world ends, is told so', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ id: 'mine' })
  const endings: [code: string, end: () => void][] = [
    [
      'UNKNOWN_GATE',
      () => {
        world.reset()
      },
    ],
    [
      'UNKNOWN_WORLD',
      () => {
        world.close()
      },
    ],
  ]
  for (const [code, end] of endings) {
    const gate = world.gate('orderquery.request', { name: 'slow' })
    const waiting = control(mock, 'POST', '/worlds/mine/gates/slow/wait', { timeoutMs: 600_000 })
    // By then it has most likely arrived; the answer is the same if not.
    await control(mock, 'GET', '/worlds/mine/gates')
    end()
    t.match(await waiting, { status: 404, json: { code } })
    await gate.reached
  }
})

t.test('the notification before the reply, from a shell', async (t) => {
  const mock = await startMock(t)
  const happened: string[] = []
  const shop = await startShop(t, () => {
    happened.push('notified')
    return undefined
  })
  await control(mock, 'PUT', `${GATES}/race`, {
    hold: 'unifiedorder.response',
    until: 'notify.request',
    out_trade_no: 'tea-0001',
  })
  const ordered = placeOrder(mock.default, shop.notifyUrl).then(() => {
    happened.push('ordered')
  })
  t.match(await control(mock, 'POST', `${GATES}/race/wait`), { json: { reached: true } })
  await control(mock, 'POST', '/worlds/default/orders/tea-0001/pay', { deliver: 'background' })
  await ordered
  t.same(happened.at(-1), 'ordered')
})

t.test('bad input', async (t) => {
  const mock = await startMock(t)
  const cases: [body: object, field: string, rule: string][] = [
    [{}, 'hold', 'required'],
    [{ hold: 'unifiedorder.reply' }, 'hold', 'enum'],
    [{ hold: 'unifiedorder.response', until: 'soon' }, 'until', 'enum'],
    [{ hold: 'unifiedorder.response', untl: 'order.paid' }, 'untl', 'additionalProperties'],
  ]
  for (const [body, field, rule] of cases) {
    t.match(
      await control(mock, 'PUT', `${GATES}/g`, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule } },
      JSON.stringify(body),
    )
  }
})
