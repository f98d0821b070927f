import t from 'tap'
import { callPay, control, placeOrder, startMock, startShop } from '../helpers.ts'

const FAULTS = '/worlds/default/faults'
const SYSTEMERROR = { kind: 'result_code_fail', err_code: 'SYSTEMERROR' }

t.test('a fault is set under a name, applied, counted, and removed', async (t) => {
  const mock = await startMock(t)
  const body = { match: { api: 'orderquery', outTradeNo: 'tea-0001' }, effect: SYSTEMERROR }
  const view = {
    name: 'busy',
    api: 'orderquery',
    effect: SYSTEMERROR,
    outTradeNo: 'tea-0001',
    times: 1,
    seen: 0,
    hits: 0,
    used: false,
  }
  t.same(await control(mock, 'PUT', `${FAULTS}/busy`, body), { status: 200, json: view })
  t.same(
    await control(mock, 'PUT', `${FAULTS}/busy`, body),
    { status: 200, json: view },
    'the same again is the same fault',
  )
  t.match((await callPay(mock.default, 'orderquery', { out_trade_no: 'tea-0001' })).fields, { err_code: 'SYSTEMERROR' })
  t.match((await callPay(mock.default, 'orderquery', { out_trade_no: 'tea-0001' })).fields, {
    err_code: 'ORDERNOTEXIST',
  })
  const struck = { ...view, seen: 2, hits: 1, used: true }
  t.same(await control(mock, 'GET', `${FAULTS}/busy`), { status: 200, json: struck })
  t.same(await control(mock, 'GET', FAULTS), { status: 200, json: [struck] })
  t.same(await control(mock, 'DELETE', `${FAULTS}/busy`), { status: 200, json: struck })
  t.match(await control(mock, 'DELETE', `${FAULTS}/busy`), {
    status: 404,
    json: { code: 'UNKNOWN_FAULT', message: 'world default has no fault busy' },
  })
})

t.test('all faults are listed and removed', async (t) => {
  const mock = await startMock(t)
  for (const name of ['a', 'b']) {
    await control(mock, 'PUT', `${FAULTS}/${name}`, {
      match: { api: 'refund', nth: 2 },
      effect: { kind: 'reset', when: 'after' },
    })
  }
  t.match(await control(mock, 'DELETE', FAULTS), { status: 200, json: [{ name: 'a' }, { name: 'b' }] })
  t.same((await control(mock, 'GET', FAULTS)).json, [])
})

t.test('every effect has a form', async (t) => {
  const mock = await startMock(t)
  const forms: [api: string, ...effects: object[]][] = [
    [
      'unifiedorder',
      { kind: 'return_code_fail', return_msg: '签名错误', when: 'after' },
      { ...SYSTEMERROR, err_code_des: 'busy', when: 'before' },
      { kind: 'http', status: 500, body: '' },
      { kind: 'html_page', status: 502 },
      { kind: 'delay', ms: 0 },
      { kind: 'hang' },
      { kind: 'reset' },
      { kind: 'truncate', bytes: 3 },
      { kind: 'bad_sign' },
      { kind: 'gbk' },
    ],
    ['jscode2session', { kind: 'errcode', errcode: -1, errmsg: 'busy' }],
    ['notify', { kind: 'delay', ms: 1, when: 'after' }],
  ]
  for (const [api, ...effects] of forms) {
    for (const effect of effects) {
      t.match(
        await control(mock, 'PUT', `${FAULTS}/f`, {
          match: { api },
          effect,
          times: 'always',
          probability: 0.5,
          rate: { limit: 1, per: '1m' },
        }),
        { status: 200, json: { effect } },
        JSON.stringify(effect),
      )
    }
  }
})

t.test('an invalid fault is refused, with the field and the rule', async (t) => {
  const mock = await startMock(t)
  const good = { match: { api: 'refund' }, effect: { kind: 'reset' } }
  const cases: [body: object, field: string, rule: string, message: RegExp][] = [
    [{ ...good, tims: 2 }, 'tims', 'additionalProperties', /tims/],
    [{ ...good, times: 0 }, 'times', 'minimum', /from 1/],
    [{ ...good, times: 'never' }, 'times', 'anyOf', /or "always"/],
    [{ ...good, probability: 2 }, 'probability', 'maximum', /from 0 to 1/],
    [{ ...good, rate: { limit: 1 } }, 'rate.per', 'required', /per/],
    [{ ...good, rate: { limit: 1, per: 'soon' } }, 'rate.per', 'duration', /"soon"/],
    [{ effect: good.effect }, 'match', 'required', /match/],
    [{ ...good, match: {} }, 'match.api', 'required', /api/],
    [{ ...good, match: { api: 'refnud' } }, 'match.api', 'enum', /unifiedorder, .*refund/],
    [{ ...good, match: { api: 'refund', nth: 0 } }, 'match.nth', 'minimum', /from 1/],
    [{ ...good, effect: { kind: 'rest' } }, 'effect', 'enum', /kind/],
    [{ ...good, effect: {} }, 'effect.kind', 'required', /kind/],
    [{ ...good, effect: { kind: 'http' } }, 'effect.status', 'required', /status/],
    [{ ...good, effect: { kind: 'http', status: 99 } }, 'effect.status', 'minimum', /from 200 to 599/],
    [{ ...good, effect: { kind: 'reset', when: 'later' } }, 'effect.when', 'enum', /before, after/],
    [{ ...good, effect: { kind: 'bad_sign', when: 'before' } }, 'effect.when', 'additionalProperties', /when/],
    [{ ...good, effect: { kind: 'errcode', errcode: -1 } }, 'effect.kind', 'enum', /for refund; got "errcode"/],
    [
      { ...good, effect: { kind: 'result_code_fail', err_code: 'ORDERPAID' } },
      'effect.err_code',
      'enum',
      /for refund; got "ORDERPAID"/,
    ],
  ]
  for (const [body, field, rule, message] of cases) {
    t.match(
      await control(mock, 'PUT', `${FAULTS}/f`, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule, message } },
      JSON.stringify(body),
    )
  }
  t.same((await control(mock, 'GET', FAULTS)).json, [])
})

const GATES = '/worlds/default/gates'

t.test('a gate is set, reached, released and removed', async (t) => {
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

t.test('a wait for a gate ends when the gate is removed or its world ends', async (t) => {
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
    outTradeNo: 'tea-0001',
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
