import t from 'tap'
import { callPay, control, orderFields, placeOrder, startMock, startShop } from '../helpers.ts'

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

t.test('delete answers with what it took', async (t) => {
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
    ['POST', '/verify', { match: {}, times: {} }, 'times', 'type'],
  ]
  for (const [method, path, body, field, rule] of cases) {
    t.match(
      await ask(method, path, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule } },
      JSON.stringify({ path, body }),
    )
  }
})

t.test("how many exchanges are kept is a world's own", async (t) => {
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
      message: /found 2.*; but 3 older entries were forgotten: raise maxJournal/,
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

t.test('a word that is no verdict, and a name that every object has', async (t) => {
  const { ask } = await setup(t)
  t.match(await ask('POST', '/verify', { match: { verdict: 'ackd' }, times: 0 }), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'match.verdict', message: /acked, fail_xml, .*, tls$/ },
  })
  t.match(await ask('POST', '/verify', { match: { verdict: 'acked' } }), { status: 200 })
  t.same(await ask('POST', '/count', { match: { fields: { toString: { pattern: '.' } } } }), {
    status: 200,
    json: { count: 0 },
  })
})

t.test('whoever waits for what does not come any more, because the world has ended, is told so', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ id: 'mine' })
  const waiting = control(mock, 'POST', '/worlds/mine/journal/wait', { match: { api: 'refund' }, timeoutMs: 600_000 })
  // By then it has most likely arrived; the answer is the same if not.
  await control(mock, 'GET', '/worlds/mine/journal')
  world.close()
  t.match(await waiting, { status: 404, json: { code: 'UNKNOWN_WORLD' } })
})
