import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import { streamEvents } from '../../../mock-server/control/routes/events.ts'
import { createEventLog } from '../../../mock-server/journal/event-log.ts'
import { callPay, control, NOON, orderFields, placeOrder, signedXml, startMock, startShop } from '../helpers.ts'

const JOURNAL = '/worlds/default/journal'

async function setup(t: Parameters<typeof startMock>[0]) {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  await mock.default.pay('tea-0001')
  await callPay(mock.default, 'orderquery', { out_trade_no: 'tea-0002' })
  return {
    mock,
    shop,
    ask: (method: string, path: string, body?: unknown) => control(mock, method, `${JOURNAL}${path}`, body),
  }
}
const cursors = ({ json }: { json: any }) => json.entries.map(({ cursor }: { cursor: number }) => cursor)

t.test('the list, from a cursor on', async (t) => {
  const { ask } = await setup(t)
  t.match(await ask('GET', ''), {
    status: 200,
    json: {
      cursor: 3,
      entries: [
        { cursor: 1, api: 'unifiedorder', direction: 'in', at: '2026-01-15T04:00:00.000Z' },
        { api: 'notify', direction: 'out', verdict: 'acked', deliveryId: 'd1' },
        { api: 'orderquery' },
      ],
    },
  })
  t.same(cursors(await ask('GET', '?since=1')), [2, 3])
  t.same(cursors(await ask('GET', '?dir=out')), [2])
  t.match(await ask('GET', '?limit=2'), { json: { cursor: 2, entries: [{ cursor: 1 }, { cursor: 2 }] } }, 'a page')
  t.same(cursors(await ask('GET', '?since=1&dir=in&api=orderquery')), [3])
})

t.test('find and count, by text and by pattern', async (t) => {
  const { ask } = await setup(t)
  t.same(cursors(await ask('POST', '/find')), [1, 2, 3])
  t.same(cursors(await ask('POST', '/find', { match: { outTradeNo: 'tea-0001' }, since: 1 })), [2])
  t.same(
    cursors(
      await ask('POST', '/find', {
        match: { outTradeNo: { pattern: '^tea' }, fields: { total_fee: { pattern: '^12' } } },
      }),
    ),
    [1, 2],
  )
  t.same(
    cursors(await ask('POST', '/find', { match: { fields: { total_fee: { pattern: '' } } } })),
    [1, 2],
    'whatever it says, it is there',
  )
  t.same(cursors(await ask('POST', '/find', { match: { reply: { err_code: 'ORDERNOTEXIST' } } })), [3])
  t.same(await ask('POST', '/count', { match: { direction: 'in' } }), { status: 200, json: { count: 2 } })
})

t.test('wait', async (t) => {
  const { mock, shop, ask } = await setup(t)
  t.match(await ask('POST', '/wait', { match: { api: 'notify' } }), {
    status: 200,
    json: { matched: true, cursor: 2, entries: [{ cursor: 2 }] },
  })
  t.same(await ask('POST', '/wait', { match: { api: 'refund' }, timeoutMs: 10 }), {
    status: 200,
    json: { matched: false, cursor: 3, entries: [] },
  })
  const waited = ask('POST', '/wait', { match: { api: 'unifiedorder' }, since: 3 })
  await placeOrder(mock.default, shop.notifyUrl, { out_trade_no: 'tea-0009' })
  t.match(await waited, { json: { matched: true, cursor: 4 } })
})

t.test('verify', async (t) => {
  const { ask } = await setup(t)
  t.same(await ask('POST', '/verify', { match: { api: 'notify' }, times: 1 }), {
    status: 200,
    json: { verified: true, count: 1 },
  })
  t.match(
    await ask('POST', '/verify', {
      match: { api: 'unifiedorder', fields: { total_fee: '1251' } },
      times: { atLeast: 1 },
    }),
    {
      status: 422,
      json: {
        code: 'VERIFICATION_FAILED',
        message: /nearest is entry 1: fields.total_fee is "1250", not "1251"/,
        count: 0,
        nearest: { entry: { cursor: 1 }, differences: [{ field: 'fields.total_fee' }] },
      },
    },
  )
})

t.test('delete returns what it removed', async (t) => {
  const { ask } = await setup(t)
  t.match(await ask('DELETE', '', { match: { api: 'notify' } }), {
    status: 200,
    json: { deleted: [{ cursor: 2 }], cursor: 3 },
  })
  t.match(await ask('DELETE', ''), { json: { deleted: [{ cursor: 1 }, { cursor: 3 }] } })
  t.same(await ask('GET', ''), { status: 200, json: { entries: [], cursor: 3 } })
})

t.test('bad input', async (t) => {
  const { ask } = await setup(t)
  const cases: [method: string, path: string, body: object | undefined, field: string, rule: string][] = [
    ['GET', '?since=x', undefined, 'since', 'pattern'],
    ['GET', '?dir=up', undefined, 'dir', 'enum'],
    ['POST', '/find', { match: { apy: 'refund' } }, 'match.apy', 'additionalProperties'],
    ['POST', '/find', { match: { api: 'refnud' } }, 'match.api', 'enum'],
    ['POST', '/find', { match: { note: { pattern: '(' } } }, 'match.note.pattern', 'pattern'],
    ['POST', '/find', { match: { fields: { body: { pattern: '(' } } } }, 'match.fields.body.pattern', 'pattern'],
    ['POST', '/wait', { count: 0 }, 'count', 'minimum'],
    ['POST', '/verify', {}, 'match', 'required'],
    ['POST', '/verify', { match: {}, times: -1 }, 'times', 'minimum'],
    ['POST', '/verify', { match: {}, times: {} }, 'times', 'minProperties'],
  ]
  for (const [method, path, body, field, rule] of cases) {
    t.match(
      await ask(method, path, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule } },
      JSON.stringify({ path, body }),
    )
  }
})

t.test('each world has its own limit of kept exchanges', async (t) => {
  const { mock } = await setup(t)
  const { json } = await control(mock, 'POST', '/worlds', { id: 'small', maxJournal: 2 })
  t.equal(json.id, 'small')
  const small = mock.worlds().at(-1)!
  for (let n = 0; n < 5; n++) {
    await callPay(small, 'unifiedorder', orderFields('https://shop.example.com/n', { out_trade_no: `tea-000${n}` }))
  }
  t.same(
    small.journal.entries().map(({ cursor }) => cursor),
    [4, 5],
  )
  const verify = (times: unknown) =>
    control(mock, 'POST', '/worlds/small/journal/verify', { match: { api: 'unifiedorder' }, times })
  t.match(await verify(2), {
    status: 422,
    json: {
      code: 'VERIFICATION_FAILED',
      message: /found 2.*; but 3 older entries were dropped: raise maxJournal/,
      count: 2,
      forgotten: 3,
    },
  })
  t.match(await verify({ atLeast: 2 }), { status: 200 })
  await control(mock, 'DELETE', '/worlds/small/journal')
  t.match(await verify(0), { status: 200 })
})

t.test('other calls do not push out the one that is not emulated', async (t) => {
  const { default: world, url } = await startMock(t, { world: { maxJournal: 2 } })
  await fetch(`${url}/pay/micropay`)
  for (let n = 0; n < 5; n++) await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.throws(() => world.assertNoUnexpected(), { message: /GET \/pay\/micropay$/ })
})

t.test('an unknown verdict, and a name that every object has', async (t) => {
  const { ask } = await setup(t)
  t.match(await ask('POST', '/verify', { match: { verdict: 'ackd' }, times: 0 }), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'match.verdict', message: /acked, fail_xml, .*, tls; got "ackd"$/ },
  })
  t.match(await ask('POST', '/verify', { match: { verdict: 'acked' } }), { status: 200 })
  t.same(await ask('POST', '/count', { match: { fields: { toString: { pattern: '.' } } } }), {
    status: 200,
    json: { count: 0 },
  })
})

t.test('a wait in the journal ends with its world', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ id: 'mine' })
  const waiting = control(mock, 'POST', '/worlds/mine/journal/wait', { match: { api: 'refund' }, timeoutMs: 600_000 })
  // By then it has most likely arrived; the answer is the same if not.
  await control(mock, 'GET', '/worlds/mine/journal')
  world.close()
  t.match(await waiting, { status: 404, json: { code: 'UNKNOWN_WORLD' } })
})

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
  t.match(await call('POST', 'explain-sign', {}), { status: 400, json: { field: 'method', rule: 'required' } })
})

/** Reads the stream until this many events have come. */
async function listen(url: string, count: number, headers: Record<string, string> = {}, start = async () => {}) {
  const request = get(url, { headers })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  const whole = new Promise<void>((resolve) =>
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.split('\nid: ').length > count) resolve()
    }),
  )
  await start()
  await whole
  request.destroy()
  const events = [...text.matchAll(/^id: (\d+)\nevent: (.*)\ndata: (.*)$/gm)].map(([, id, event, data]) => ({
    id: Number(id),
    event,
    ...JSON.parse(data!),
  }))
  return { type: response.headers['content-type'], events }
}

t.test('events are streamed as they happen; a reader that reconnects misses nothing', async (t) => {
  const mock = await startMock(t)
  const { default: world } = mock
  const shop = await startShop(t)
  const url = `${mock.controlUrl}/worlds/default/events`
  world.fault('orderquery', { kind: 'bad_sign' }, { name: 'f' })
  const { type, events } = await listen(url, 8, {}, async () => {
    await placeOrder(world, shop.notifyUrl)
    world.gate('orderquery.response', { name: 'g' }).release()
    await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
    await world.pay('tea-0001')
    await world.advance('1s')
    world.reset('journal')
  })
  t.equal(type, 'text/event-stream')
  t.match(events, [
    { id: 1, event: 'journal', at: '2026-01-15T04:00:00.000Z', data: { api: 'unifiedorder', cursor: 1 } },
    { id: 2, event: 'gate', data: { name: 'g', state: 'open' } },
    { id: 3, event: 'fault', data: { name: 'f', hits: 1 } },
    { id: 4, event: 'journal', data: { api: 'orderquery', fault: 'f' } },
    { id: 5, event: 'paid', data: { outTradeNo: 'tea-0001', tradeState: 'SUCCESS' } },
    { id: 6, event: 'journal', data: { api: 'notify', verdict: 'acked' } },
    { id: 7, event: 'delivery', data: { id: 'd1' } },
    {
      id: 8,
      event: 'clock',
      at: '2026-01-15T04:00:01.000Z',
      data: { from: '2026-01-15T04:00:00.000Z', to: '2026-01-15T04:00:01.000Z' },
    },
  ])
  t.match((await listen(url, 2, { 'last-event-id': '7' })).events, [
    { id: 8 },
    { id: 9, event: 'reset', data: { what: ['journal'] } },
  ])
  t.match((await listen(`${url}?since=8`, 1)).events, [{ id: 9 }])
  t.match(world.events.since(8), [{ id: 9 }])
})

t.test('bad input', async (t) => {
  const mock = await startMock(t)
  for (const [path, headers, field] of [
    ['?since=x', {}, 'since'],
    ['?sicne=1', {}, 'sicne'],
    ['', { 'last-event-id': 'x' }, 'last-event-id'],
  ] as const) {
    t.match(await control(mock, 'GET', `/worlds/default/events${path}`, undefined, headers), {
      status: 400,
      json: { code: 'BAD_INPUT', field },
    })
  }
  t.match(await control(mock, 'GET', '/worlds/nobody/events'), { status: 404, json: { code: 'UNKNOWN_WORLD' } })
  t.match(await control(mock, 'GET', '/worlds/default/events', undefined, { origin: 'http://evil.example' }), {
    status: 403,
  })
})

t.test('a closed mock ends its streams', async (t) => {
  const mock = await startMock(t)
  const request = get(`${mock.controlUrl}/worlds/default/events`).on('error', () => {})
  await once(request, 'response')
  const closed = once(request, 'close')
  await mock.close()
  await closed
})

function setupEventStream(limit = 3) {
  const log = createEventLog(limit)
  const happen = (count: number) => {
    for (let n = 0; n < count; n++) log.push('journal', new Date(NOON), { n: log.newest() + 1 })
  }
  const output = new PassThrough({ encoding: 'utf8' })
  return { log, happen, output, written: () => output.read() as string | null }
}
const told = (id: number) => `id: ${id}\nevent: journal\ndata: {"at":"2026-01-15T04:00:00.000Z","data":{"n":${id}}}\n\n`

t.test('events from now on', async (t) => {
  const { log, happen, output, written } = setupEventStream()
  happen(2)
  streamEvents(log, output)
  t.equal(written(), 'retry: 1000\n\n')
  happen(1)
  t.equal(written(), told(3))
  output.destroy()
  await new Promise((resolve) => output.once('close', resolve))
  happen(1)
  t.equal(written(), null, 'nobody is written to any more')
})

t.test('events since an id, and a note about forgotten ones', async (t) => {
  const cases: [since: number, text: string][] = [
    [10, ''],
    [8, told(9) + told(10)],
    [7, told(8) + told(9) + told(10)],
    [5, `event: gap\ndata: {"from":6,"to":7}\n\n${told(8)}${told(9)}${told(10)}`],
    [0, `event: gap\ndata: {"from":1,"to":7}\n\n${told(8)}${told(9)}${told(10)}`],
  ]
  for (const [since, text] of cases) {
    const { log, happen, output, written } = setupEventStream()
    happen(10)
    streamEvents(log, output, since)
    t.equal(written(), `retry: 1000\n\n${text}`, `since ${since}`)
  }
})

t.test('a reader that has stopped reading is disconnected', async (t) => {
  const { log } = setupEventStream()
  const stuck = new Writable({ write: () => {} })
  streamEvents(log, stuck)
  for (let n = 0; n < 5; n++) log.push('journal', new Date(NOON), 'x'.repeat(4 * 1024 * 1024))
  t.equal(stuck.destroyed, true)
})
