import t from 'tap'
import type { JournalEntry } from '../../mock-server/journal/entry.ts'
import { createEventLog } from '../../mock-server/journal/event-log.ts'
import { createJournal } from '../../mock-server/journal/journal.ts'
import { masked } from '../../mock-server/journal/masking.ts'
import { checkMatch, differences, type JournalMatch, requestFields } from '../../mock-server/journal/matching.ts'
import { NOON, startMock } from './helpers.ts'
import { exchangeCode, getStableToken } from './login.ts'

type Fresh = Omit<JournalEntry, 'cursor'>
const entry = (api: JournalEntry['api'], direction: 'in' | 'out' = 'in', more: Partial<Fresh> = {}): Fresh => ({
  at: new Date(NOON),
  direction,
  api,
  request: { method: 'POST', url: '/', headers: {}, body: '' },
  ...more,
})
const cursorsOf = (entries: readonly JournalEntry[]) => entries.map(({ cursor }) => cursor)

/** Two orders, a query of each, and a notification. */
function setup(limit = 5000) {
  const told: number[] = []
  const journal = createJournal(limit, ({ cursor }) => {
    told.push(cursor)
  })
  const about = (outTradeNo: string, totalFee: number) => ({
    outTradeNo,
    request: { method: 'POST', url: '/', headers: {}, body: `<xml><total_fee>${totalFee}</total_fee></xml>` },
  })
  journal.record(entry('unifiedorder', 'in', about('tea-1', 1)))
  journal.record(entry('unifiedorder', 'in', about('tea-2', 2)))
  journal.record(entry('orderquery', 'in', { outTradeNo: 'tea-1' }))
  journal.record(entry('notify', 'out', { outTradeNo: 'tea-1', verdict: 'acked' }))
  journal.record(entry('orderquery', 'in', { outTradeNo: 'tea-2' }))
  return { journal, told }
}

t.test('entries get a cursor, and are found by it, by direction and by api', async (t) => {
  const { journal, told } = setup()
  const cursors = (filter?: Parameters<typeof journal.entries>[0]) => cursorsOf(journal.entries(filter))
  t.same(cursors(), [1, 2, 3, 4, 5])
  t.same(cursors({ since: 3 }), [4, 5])
  t.same(cursors({ direction: 'out' }), [4])
  t.same(cursors({ api: 'orderquery' }), [3, 5])
  t.same(cursors({ since: 5 }), [])
  t.equal(journal.cursor(), 5)
  t.same(told, [1, 2, 3, 4, 5])
  t.equal(createJournal(5).cursor(), 0)
})

t.test('it keeps the newest', async (t) => {
  const journal = createJournal(3)
  for (let n = 1; n <= 10; n++) {
    journal.record(entry('orderquery'))
    t.same(
      cursorsOf(journal.entries()),
      [n - 2, n - 1, n].filter((cursor) => cursor > 0),
    )
  }
  t.equal(journal.count({}), 3)
})

t.test('verify takes dropped entries into account', async (t) => {
  const { journal } = setup(3)
  const limited: [match: JournalMatch, times: Parameters<typeof journal.verify>[1]][] = [
    [{ api: 'unifiedorder' }, 0],
    [{ api: 'orderquery' }, 2],
    [{ api: 'orderquery' }, { atLeast: 1, atMost: 2 }],
  ]
  for (const [match, times] of limited) {
    t.throws(() => journal.verify(match, times), {
      code: 'VERIFICATION_FAILED',
      message: /; but 2 older entries were dropped: raise maxJournal, or empty the journal before the part to verify$/,
      details: { forgotten: 2 },
    })
  }
  journal.verify({ api: 'orderquery' }, { atLeast: 2 })
  journal.verify({ api: 'unifiedorder' }, { atLeast: 0 })
  journal.verify({ api: 'orderquery' }, { atMost: 4 })
  t.throws(
    () => journal.verify({ api: 'unifiedorder' }),
    { message: /found 0; nearest is entry 5: .*; but 2 older entries/ },
    'it may have been among them',
  )
  t.throws(
    () => journal.verify({ api: 'orderquery' }, 1),
    { message: /^expected exactly 1 of {"api":"orderquery"}, found 2; nearest is entry 4: [^;]+$/ },
    'two are too many anyway',
  )

  journal.delete({ api: 'orderquery' })
  t.throws(
    () => journal.verify({ api: 'refund' }, 0),
    { code: 'VERIFICATION_FAILED', details: { forgotten: 2 } },
    'they are still gone',
  )
  const dump = journal.dump()
  for (const match of [undefined, {}]) {
    journal.load(dump)
    t.throws(() => journal.verify({ api: 'refund' }, 0), { code: 'VERIFICATION_FAILED', details: { forgotten: 2 } })
    journal.delete(match)
    journal.verify({ api: 'refund' }, 0)
  }
})

t.test('the last 100 calls that are not emulated are kept longer', async (t) => {
  const journal = createJournal(3)
  journal.record(entry('unknown'))
  for (let n = 2; n <= 20; n++) {
    journal.record(entry('orderquery'))
    t.same(cursorsOf(journal.entries({ api: 'unknown' })), [1])
    t.same(
      cursorsOf(journal.entries({ api: 'orderquery' })),
      [n - 2, n - 1, n].filter((cursor) => cursor > 1),
    )
  }
  t.throws(() => journal.verify({ api: 'refund' }, 0), { code: 'VERIFICATION_FAILED', details: { forgotten: 16 } })
  for (let n = 1; n <= 300; n++) journal.record(entry('unknown'))
  t.same(
    cursorsOf(journal.entries()),
    Array.from({ length: 103 }, (_, n) => 218 + n),
  )
  const forgotten = 320 - 103
  t.throws(() => journal.verify({ api: 'refund' }, 0), { code: 'VERIFICATION_FAILED', details: { forgotten } })
  for (let n = 1; n <= 200; n++) journal.record(entry('orderquery'))
  t.same(
    cursorsOf(journal.find({ api: 'unknown' })),
    Array.from({ length: 100 }, (_, n) => 221 + n),
  )
  t.equal(journal.delete({ api: 'unknown' }).length, 100)
  t.equal(journal.count({}), 3)
})

t.test('find and count', async (t) => {
  const { journal } = setup()
  t.same(cursorsOf(journal.find({ outTradeNo: 'tea-1' })), [1, 3, 4])
  t.same(cursorsOf(journal.find({ outTradeNo: 'tea-1' }, { since: 1 })), [3, 4])
  t.equal(journal.count({ api: 'notify', verdict: 'acked' }), 1)
  t.equal(journal.count({ fields: { total_fee: '2' } }), 1)
  t.equal(journal.count({ api: 'refund' }), 0)
})

t.test('wait: earlier entries count', async (t) => {
  const { journal } = setup()
  t.match(await journal.wait({ api: 'orderquery' }), {
    matched: true,
    entries: [{ cursor: 3 }, { cursor: 5 }],
    cursor: 5,
  })
  t.match(await journal.wait({ api: 'unifiedorder' }, { count: 2 }), {
    matched: true,
    entries: [{ cursor: 1 }, { cursor: 2 }],
    cursor: 2,
  })
  t.match(await journal.wait({}, { since: 5, count: 0 }), { matched: true, entries: [], cursor: 5 })
})

t.test('wait: only what arrives in time counts', async (t) => {
  const { journal } = setup()
  const waited = journal.wait({ api: 'orderquery' }, { since: 3, count: 3 })
  journal.record(entry('orderquery'))
  journal.record(entry('refund'))
  journal.record(entry('orderquery'))
  journal.record(entry('orderquery'))
  t.match(await waited, { matched: true, entries: [{ cursor: 5 }, { cursor: 6 }, { cursor: 8 }], cursor: 8 })
})

t.test('wait: a timeout returns where to continue', async (t) => {
  const { journal } = setup()
  t.match(await journal.wait({ api: 'orderquery' }, { count: 3, timeoutMs: 10 }), {
    matched: false,
    entries: [{ cursor: 3 }, { cursor: 5 }],
    cursor: 5,
  })
  journal.record(entry('orderquery'))
  t.match(await journal.wait({ api: 'orderquery' }, { since: 5 }), { matched: true, entries: [{ cursor: 6 }] })
})

t.test('verify', async (t) => {
  const { journal } = setup()
  const good: [match: JournalMatch, times?: Parameters<typeof journal.verify>[1]][] = [
    [{ api: 'orderquery' }],
    [{ api: 'orderquery' }, 2],
    [{ api: 'refund' }, 0],
    [{ api: 'orderquery' }, { atLeast: 2 }],
    [{ api: 'orderquery' }, { atMost: 2 }],
    [{ api: 'orderquery' }, { atLeast: 1, atMost: 3 }],
  ]
  for (const [match, times] of good) journal.verify(match, times)

  const bad: [match: JournalMatch, times: Parameters<typeof journal.verify>[1], message: string][] = [
    [
      { api: 'refund' },
      undefined,
      'expected at least 1 of {"api":"refund"}, found 0; nearest is entry 5: api is "orderquery", not "refund"',
    ],
    [
      { api: 'unifiedorder', fields: { total_fee: '3' } },
      1,
      'expected exactly 1 of {"api":"unifiedorder","fields":{"total_fee":"3"}}, found 0; nearest is entry 2: fields.total_fee is "2", not "3"',
    ],
    [
      { outTradeNo: /^cup-/ },
      { atLeast: 1, atMost: 2 },
      'expected at least 1 and at most 2 of {"outTradeNo":"/^cup-/"}, found 0; nearest is entry 5: outTradeNo is "tea-2", not /^cup-/',
    ],
    [
      { api: 'notify', fields: { attach: 'x' } },
      { atLeast: 1 },
      'expected at least 1 of {"api":"notify","fields":{"attach":"x"}}, found 0; nearest is entry 4: fields.attach is absent, not "x"',
    ],
    [{}, { atMost: 4 }, 'expected at most 4 of {}, found 5'],
  ]
  for (const [match, times, message] of bad) {
    t.throws(() => journal.verify(match, times), { code: 'VERIFICATION_FAILED', statusCode: 422, message })
  }
  const expected = {
    code: 'VERIFICATION_FAILED',
    details: {
      count: 0,
      nearest: { entry: { cursor: 5 }, differences: [{ field: 'api', expected: '"refund"', actual: 'orderquery' }] },
    },
  }
  t.throws(() => journal.verify({ api: 'refund' }, 1), expected)
  t.throws(() => createJournal(5).verify({ api: 'refund' }), {
    message: 'expected at least 1 of {"api":"refund"}, found 0',
    details: { count: 0 },
  })
})

t.test('invalid expectations are refused', async (t) => {
  const { journal } = setup()
  const cases: [field: string, ask: () => unknown][] = [
    ['match.apii', () => journal.verify({ apii: 'refund' } as object, 0)],
    ['match.api', () => journal.find({ api: 'refnud' as 'refund' })],
    ['match.api', () => journal.delete({ api: 'refnud' as 'refund' })],
    ['times.atleast', () => journal.verify({}, { atleast: 3 } as object)],
    ['times.atMost', () => journal.verify({}, { atMost: -1 })],
    ['times', () => journal.verify({}, {})],
    ['times', () => journal.verify({}, 1.5)],
    ['times', () => journal.verify({}, '2' as unknown as number)],
    ['times', () => journal.verify({}, null as unknown as number)],
  ]
  for (const [field, ask] of cases) t.throws(ask, { code: 'BAD_INPUT', details: { field } }, String(ask))
  await t.rejects(journal.wait({ verdict: 'ackd' as 'acked' }), { code: 'BAD_INPUT' })
  t.equal(journal.count({}), 5)
})

t.test('delete returns what it removed, and nothing that came later', async (t) => {
  const { journal } = setup()
  t.same(cursorsOf(journal.delete({ outTradeNo: 'tea-2' })), [2, 5])
  journal.record(entry('refund'))
  t.same(cursorsOf(journal.entries()), [1, 3, 4, 6], 'cursors continue')
  t.same(cursorsOf(journal.delete()), [1, 3, 4, 6])
  t.same(journal.entries(), [])
  t.equal(journal.cursor(), 6)
})

t.test('it is stored in a snapshot and restored', async (t) => {
  const { journal } = setup(3)
  const dump = journal.dump()
  journal.record(entry('refund'))
  journal.load(dump)
  t.same(cursorsOf(journal.entries()), [3, 4, 5])
})

t.test('wait: ends with the journal', async (t) => {
  const { journal } = setup()
  const waited = journal.wait({ api: 'refund' }, { timeoutMs: 600_000 })
  journal.close()
  t.match(
    [await waited, await journal.wait({ api: 'refund' }, { timeoutMs: 600_000 })],
    [
      { matched: false, cursor: 5 },
      { matched: false, cursor: 5 },
    ],
  )
})

t.test('a cursor is not reused after a restore', async (t) => {
  const { journal } = setup()
  const dump = journal.dump()
  journal.record(entry('refund'))
  journal.load(dump)
  t.equal(journal.cursor(), 6)
  journal.record(entry('refund'))
  t.same(cursorsOf(journal.find({ api: 'refund' }, { since: 6 })), [7])
})

const entryMatching: JournalEntry = {
  cursor: 1,
  at: new Date(NOON),
  direction: 'in',
  api: 'unifiedorder',
  outTradeNo: 'tea-1',
  note: 'SUCCESS',
  request: {
    method: 'POST',
    url: '/pay/unifiedorder?v=1',
    headers: {},
    body: '<xml><total_fee>1</total_fee><body><![CDATA[龙井]]></body></xml>',
  },
  response: { status: 200, headers: {}, body: '<xml><prepay_id>wx1</prepay_id></xml>' },
}

t.test('every given property must match', async (t) => {
  const cases: [match: JournalMatch, ...fields: string[]][] = [
    [{}],
    [
      {
        api: 'unifiedorder',
        direction: 'in',
        outTradeNo: 'tea-1',
        note: 'SUCCESS',
        fields: { total_fee: '1', v: '1' },
        reply: { prepay_id: /^wx/ },
      },
    ],
    [{ outTradeNo: /^tea-\d$/, fields: { body: /龙/g } }],
    [{ outTradeNo: 'tea' }, 'outTradeNo'],
    [{ api: 'refund', direction: 'out' }, 'api', 'direction'],
    [{ fault: 'f', verdict: 'acked' }, 'fault', 'verdict'],
    [
      { fields: { toString: /./, ['__proto__']: /./ }, reply: { constructor: 'x' } },
      'fields.toString',
      'fields.__proto__',
      'reply.constructor',
    ],
    [
      { fields: { total_fee: '2', attach: 'x' }, reply: { prepay_id: 'wx', sign: /./ } },
      'fields.total_fee',
      'fields.attach',
      'reply.prepay_id',
      'reply.sign',
    ],
  ]
  for (const [match, ...fields] of cases) {
    t.same(
      differences(entryMatching, match).map(({ field }) => field),
      fields,
      JSON.stringify(match),
    )
  }
  t.same(differences(entryMatching, { note: 'FAIL', fault: /f/ }), [
    { field: 'note', expected: '"FAIL"', actual: 'SUCCESS' },
    { field: 'fault', expected: '/f/', actual: undefined },
  ])
})

t.test('an invalid match is refused', async (t) => {
  checkMatch({})
  checkMatch({
    api: 'unknown',
    direction: 'out',
    verdict: 'acked',
    outTradeNo: /^tea/,
    note: 'x',
    fault: 'f',
    fields: { a: '1' },
    reply: { b: /./ },
  })
  const cases: [match: object, field: string, rule: string][] = [
    [{ apii: 'refund' }, 'match.apii', 'additionalProperties'],
    [{ api: 'refnud' }, 'match.api', 'enum'],
    [{ direction: 'up' }, 'match.direction', 'enum'],
    [{ verdict: 'ackd' }, 'match.verdict', 'enum'],
    [{ verdict: undefined }, 'match.verdict', 'enum'],
    [{ outTradeNo: 5 }, 'match.outTradeNo', 'type'],
    [{ fields: { total_fee: 1 } }, 'match.fields.total_fee', 'type'],
    [{ reply: { result_code: null } }, 'match.reply.result_code', 'type'],
  ]
  for (const [match, field, rule] of cases) {
    t.throws(() => checkMatch(match), { code: 'BAD_INPUT', details: { field, rule } }, JSON.stringify(match))
  }
})

t.test('the fields of a request are those of its query, its XML or its JSON', async (t) => {
  const of = (url: string, body: string) =>
    requestFields({ ...entryMatching, request: { ...entryMatching.request, url, body } })
  t.same(of('/sns/jscode2session?appid=wx&js_code=0a', ''), { appid: 'wx', js_code: '0a' })
  t.same(of('/pay', '<xml><a>1</a></xml>'), { a: '1' })
  t.same(of('/wxa?access_token=t', '{"code":"0a","n":1}'), { access_token: 't', code: '0a', n: '1' })
  for (const body of ['<xml>', 'nonsense', '{', 'null']) t.same(of('/pay', body), {}, body)
})

t.test('a missing reply has no fields', async (t) => {
  const { response: _none, ...lost } = entryMatching
  t.same(
    differences(lost, { reply: { prepay_id: 'wx1' } }).map(({ actual }) => actual),
    [undefined],
  )
})

t.test('secrets are masked by name, wherever they are', async (t) => {
  const cases: [text: string, shown: string][] = [
    ['/cgi-bin/token?appid=wx1&secret=abc&grant_type=x', '/cgi-bin/token?appid=wx1&secret=<appSecret>&grant_type=x'],
    ['/cgi-bin/token?secret=abc', '/cgi-bin/token?secret=<appSecret>'],
    ['secret=abc&appid=wx1', 'secret=<appSecret>&appid=wx1'],
    ['{"appid":"wx1","secret":"a\\"b","x":1}', '{"appid":"wx1","secret":"<appSecret>","x":1}'],
    ['{ "secret" : "abc" }', '{ "secret" : "<appSecret>" }'],
    ['/cgi-bin/token?appid=wx1&%73e%63ret=abc', '/cgi-bin/token?appid=wx1&%73e%63ret=<appSecret>'],
    ['{"\\u0073ecre\\u0074":"abc"}', '{"\\u0073ecre\\u0074":"<appSecret>"}'],
    ['/sns/jscode2session?js_code=secret&mysecret=1', '/sns/jscode2session?js_code=secret&mysecret=1'],
    ['<xml><secret>1</secret></xml>', '<xml><secret>1</secret></xml>'],
  ]
  for (const [text, shown] of cases) t.equal(masked(text), shown, text)
})

t.test('a known secret is masked under any name, unless it is too short to be recognised', async (t) => {
  t.equal(masked('/?Secret=0123abcd#0123abcd', ['0123abcd']), '/?Secret=<appSecret>#<appSecret>')
  t.equal(masked('/pay?a=pay', ['pay']), '/pay?a=pay')
})

t.test('neither the journal nor the log has an AppSecret', async (t) => {
  const lines: string[] = []
  const mock = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  const world = mock.default
  const { appSecret } = world.credentials
  await exchangeCode(world, { js_code: world.loginCode().code })
  await exchangeCode(world, { js_code: 'x', secret: 'of-another-app' })
  await getStableToken(world)
  await fetch(`${mock.url}/cgi-bin/tokens?secret=${appSecret}`)
  await fetch(`${mock.url}/cgi-bin/tokens?key=${appSecret}`)
  await fetch(`${mock.url}/sns/jscode2session?%73ecret=of-another-app`, {
    headers: { 'x-from': `/${appSecret}`, 'x-page': '/?secret=of-another-app' },
  })
  await fetch(`${mock.url}/cgi-bin/stable_token`, { method: 'POST', body: '{"\\u0073ecret":"of-another-app"}' })
  const kept = JSON.stringify(world.journal.entries()) + lines.join('\n') + JSON.stringify(world.events.since(0))
  for (const secret of [appSecret, 'of-another-app']) t.notOk(kept.includes(secret), secret)
  world.verify({ fields: { secret: '<appSecret>' } }, 6)
})

t.test('events are numbered, passed to listeners, and remembered for a while', async (t) => {
  const log = createEventLog(3)
  t.equal(log.newest(), 0)
  const heard: number[] = []
  const stop = log.subscribe(({ id }) => {
    heard.push(id)
  })
  for (let n = 1; n <= 10; n++) log.push('journal', new Date(NOON), n)
  stop()
  log.push('clock', new Date(NOON), { to: 11 })
  t.same(heard, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  t.equal(log.newest(), 11)
  t.same(log.since(9), [
    { id: 10, event: 'journal', at: new Date(NOON), data: 10 },
    { id: 11, event: 'clock', at: new Date(NOON), data: { to: 11 } },
  ])
  t.same(
    log.since(0).map(({ id }) => id),
    [9, 10, 11],
  )
  t.same(log.since(11), [])
})
