import t from 'tap'
import { createFaultBook, type FaultOptions, type FaultView } from '../../../mock-server/faults/faults.ts'
import type { Api, EffectOf, World } from '../../../mock-server/index.ts'
import { createRandom } from '../../../mock-server/base/random.ts'
import { NOON } from '../helpers.ts'

const SYSTEMERROR = { kind: 'result_code_fail', err_code: 'SYSTEMERROR' } as const

/** A book of faults with a clock of its own; `strikes(n)` lists which of n exchanges were struck. */
function setup(seed = '42') {
  let now = NOON
  const told: FaultView[] = []
  const book = createFaultBook(
    createRandom(seed),
    () => new Date(now),
    (fault) => {
      told.push(fault)
    },
  )
  const strikes = (count: number, outTradeNo?: string, api: Api = 'orderquery') =>
    Array.from({ length: count }, () => book.claim(api, outTradeNo) !== undefined)
  return {
    book,
    told,
    strikes,
    pass: (ms: number) => {
      now += ms
    },
  }
}
const yes = true
const no = false

t.test('once, and only the call it was set for', async (t) => {
  const { book, told, strikes } = setup()
  const fault = book.set('orderquery', SYSTEMERROR)
  t.match(fault, {
    name: 'orderquery-1',
    api: 'orderquery',
    effect: SYSTEMERROR,
    times: 1,
    seen: 0,
    hits: 0,
    used: false,
  })
  t.same(strikes(2, 'tea-1', 'closeorder'), [no, no])
  t.same(strikes(3), [yes, no, no])
  t.match(fault, { seen: 3, hits: 1, used: true })
  t.match(told, [{ name: 'orderquery-1', hits: 1 }])
})

t.test('which exchanges a fault applies to', async (t) => {
  const cases: [options: FaultOptions, struck: boolean[], times: number | 'always'][] = [
    [{ times: 2 }, [yes, yes, no, no, no, no, no], 2],
    [{ times: 'always' }, [yes, yes, yes, yes, yes, yes, yes], 'always'],
    [{ nth: 3 }, [no, no, yes, no, no, no, no], 1],
    [{ every: 3 }, [no, no, yes, no, no, yes, no], 'always'],
    [{ every: 2, times: 2 }, [no, yes, no, yes, no, no, no], 2],
    [{ probability: 0 }, [no, no, no, no, no, no, no], 'always'],
    [{ probability: 1 }, [yes, yes, yes, yes, yes, yes, yes], 'always'],
    [{ rate: { limit: 5, per: '1m' } }, [no, no, no, no, no, yes, yes], 'always'],
  ]
  for (const [options, struck, times] of cases) {
    const { book, strikes } = setup()
    t.equal(book.set('orderquery', SYSTEMERROR, options).times, times)
    t.same(strikes(struck.length), struck, JSON.stringify(options))
  }
})

t.test('one order only', async (t) => {
  const { book, strikes } = setup()
  const fault = book.set('orderquery', SYSTEMERROR, { outTradeNo: 'tea-1', nth: 2 })
  t.same(strikes(1), [no], 'an exchange about no order')
  t.same(strikes(3, 'tea-2'), [no, no, no])
  t.same(strikes(3, 'tea-1'), [no, yes, no])
  t.equal(fault.seen, 3)
})

t.test('a probability is drawn from the seed, per order', async (t) => {
  const draw = (seed: string, order: string[]) => {
    const { book } = setup(seed)
    book.set('orderquery', SYSTEMERROR, { name: 'flaky', probability: 0.3 })
    const struck = new Map<string, string>()
    for (const outTradeNo of order) {
      struck.set(outTradeNo, `${struck.get(outTradeNo) ?? ''}${book.claim('orderquery', outTradeNo) ? 'x' : '.'}`)
    }
    return Object.fromEntries([...struck].sort())
  }
  const oneByOne = [...Array<string>(200).fill('tea-1'), ...Array<string>(200).fill('tea-2')]
  const interleaved = Array.from({ length: 400 }, (_, n) => (n % 2 === 0 ? 'tea-2' : 'tea-1'))
  const drawn = draw('42', oneByOne)
  t.same(draw('42', interleaved), drawn, 'whatever the others do')
  t.not(drawn['tea-1'], drawn['tea-2'])
  t.not(draw('43', oneByOne)['tea-1'], drawn['tea-1'])
  const share = drawn['tea-1']!.replaceAll('.', '').length / 200
  t.ok(share > 0.2 && share < 0.4, String(share))
  t.same(
    new Set(Object.entries(draw('42', Array<string>(200).fill('__proto__')))[0]![1]),
    new Set('.x'),
    'whatever its number',
  )
})

t.test("a rate limit counts exchanges within a period of the world's time", async (t) => {
  const { book, strikes, pass } = setup()
  book.set('jscode2session', { kind: 'errcode', errcode: 45011 }, { rate: { limit: 2, per: '1m' } })
  const login = () => strikes(1, undefined, 'jscode2session')[0]
  t.same([login(), login(), login()], [no, no, yes])
  pass(30_000)
  t.same([login()], [yes])
  pass(30_000)
  t.same([login(), login(), login()], [no, no, yes], 'what was refused does not count')
})

t.test('several faults: the first one set that matches applies, the others keep counting', async (t) => {
  const { book } = setup()
  const struck = () => book.claim('orderquery', 'tea-1')?.name
  const first = book.set('orderquery', SYSTEMERROR, { name: 'first' })
  const second = book.set('orderquery', { kind: 'reset' }, { name: 'second' })
  book.set('orderquery', { kind: 'hang' }, { name: 'third', nth: 3 })
  t.same([struck(), struck(), struck(), struck()], ['first', 'second', 'third', undefined])
  t.match(
    [first, second],
    [
      { seen: 4, hits: 1 },
      { seen: 4, hits: 1 },
    ],
  )
})

t.test('a name stands for one fault, which can be removed', async (t) => {
  const { book, strikes } = setup()
  const old = book.set('orderquery', SYSTEMERROR, { name: 'down', times: 'always' })
  const fresh = book.set('orderquery', SYSTEMERROR, { name: 'down' })
  t.match(book.list(), [{ name: 'down', times: 1 }])
  old.remove()
  t.equal(book.list().length, 1, 'what has been replaced takes nothing back')
  fresh.remove()
  t.same(book.list(), [])
  book.set('orderquery', SYSTEMERROR)
  book.clear()
  t.same(strikes(1), [no])
})

t.test('a fault is stored in a snapshot and restored with its counts', async (t) => {
  const { book, strikes } = setup()
  book.set('orderquery', SYSTEMERROR, { name: 'second', nth: 2 })
  book.set('orderquery', SYSTEMERROR, { name: 'rate', rate: { limit: 3, per: 0 } })
  strikes(1)
  const dump = book.dump()
  t.same(strikes(2), [yes, no])
  book.load(JSON.parse(JSON.stringify(dump)))
  t.match(book.list(), [{ name: 'second', seen: 1, hits: 0 }, { name: 'rate' }])
  t.same(strikes(2), [yes, no])
})

t.test('used up: applied as often as requested, or at least once', async (t) => {
  for (const [options, after, used] of [
    [{ times: 2 }, 1, no],
    [{ times: 2 }, 2, yes],
    [{ times: 'always' }, 0, no],
    [{ times: 'always' }, 1, yes],
  ] as const) {
    const { book, strikes } = setup()
    const fault = book.set('orderquery', SYSTEMERROR, options)
    strikes(after)
    t.equal(fault.used, used, JSON.stringify({ ...options, after }))
  }
})

t.test('invalid faults are refused, for callers without types', async (t) => {
  const { book } = setup()
  const cases: [
    api: string,
    effect: object,
    options: object,
    error: { field: string; rule: string; message: string | RegExp },
  ][] = [
    [
      'refnud',
      { kind: 'reset' },
      {},
      { field: 'api', rule: 'enum', message: /^api: must be one of unifiedorder, .*, refundnotify; got "refnud"$/ },
    ],
    [
      'refund',
      { kind: 'rest' },
      {},
      {
        field: 'effect.kind',
        rule: 'enum',
        message:
          'effect.kind: must be one of delay, reset, hang, http, html_page, truncate, oversize, endless_headers, return_code_fail, result_code_fail, v3_error, bad_sign, probe, skew, gbk for refund; got "rest"',
      },
    ],
    [
      'jscode2session',
      { kind: 'bad_sign' },
      {},
      {
        field: 'effect.kind',
        rule: 'enum',
        message:
          /one of delay, reset, hang, http, html_page, truncate, oversize, endless_headers, errcode for jscode2session/,
      },
    ],
    ['downloadbill', SYSTEMERROR, {}, { field: 'effect.kind', rule: 'enum', message: /for downloadbill/ }],
    [
      'notify',
      { kind: 'hang' },
      {},
      { field: 'effect.kind', rule: 'enum', message: /one of delay, reset, bad_sign, probe, skew for notify/ },
    ],
    [
      'refundnotify',
      { kind: 'bad_sign' },
      {},
      { field: 'effect.kind', rule: 'enum', message: /one of delay, reset, probe, skew for refundnotify/ },
    ],
    [
      'orderquery',
      { kind: 'result_code_fail', err_code: 'ORDERPAID' },
      {},
      {
        field: 'effect.err_code',
        rule: 'enum',
        message: /one of SYSTEMERROR, .*ORDERNOTEXIST for orderquery; got "ORDERPAID"/,
      },
    ],
    [
      'jscode2session',
      { kind: 'errcode', errcode: 42001 },
      {},
      { field: 'effect.errcode', rule: 'enum', message: /40029.* for jscode2session; got 42001/ },
    ],
    [
      'refund',
      { kind: 'return_code_fail', error_code: '20003' },
      {},
      { field: 'effect.error_code', rule: 'api', message: /for refund: only downloadbill/ },
    ],
    [
      'refund',
      { kind: 'reset' },
      { times: 0 },
      { field: 'times', rule: 'minimum', message: /whole number from 1; got 0/ },
    ],
    ['refund', { kind: 'reset' }, { nth: 1.5 }, { field: 'nth', rule: 'type', message: /1.5/ }],
    ['refund', { kind: 'reset' }, { every: -1 }, { field: 'every', rule: 'minimum', message: /-1/ }],
    [
      'refund',
      { kind: 'reset' },
      { probability: 1.1 },
      { field: 'probability', rule: 'maximum', message: /from 0 to 1; got 1.1/ },
    ],
    ['refund', { kind: 'reset' }, { probability: NaN }, { field: 'probability', rule: 'type', message: /./ }],
    [
      'refund',
      { kind: 'reset' },
      { rate: { limit: 0, per: '1m' } },
      { field: 'rate.limit', rule: 'minimum', message: /./ },
    ],
    [
      'refund',
      { kind: 'reset', whne: 'after' },
      {},
      { field: 'effect.whne', rule: 'additionalProperties', message: /known: kind, when$/ },
    ],
    [
      'refund',
      { kind: 'truncate', when: 'after' },
      {},
      { field: 'effect.when', rule: 'additionalProperties', message: /known: kind, bytes$/ },
    ],
    [
      'refund',
      { kind: 'reset', when: 'later' },
      {},
      { field: 'effect.when', rule: 'enum', message: /before, after; got "later"/ },
    ],
    [
      'refund',
      { kind: 'reset' },
      { time: 3 },
      {
        field: 'time',
        rule: 'additionalProperties',
        message: /known: name, outTradeNo, nth, every, times, probability, rate$/,
      },
    ],
    [
      'refund',
      { kind: 'reset' },
      { out_trade_no: 'tea-1' },
      { field: 'out_trade_no', rule: 'additionalProperties', message: /./ },
    ],
    [
      'refund',
      { kind: 'reset' },
      { rate: { limit: 1, per: '1m', burst: 5 } },
      { field: 'rate.burst', rule: 'additionalProperties', message: /./ },
    ],
    [
      'refund',
      { kind: 'reset' },
      { rate: { limit: 1, per: 'minute' } },
      { field: 'rate.per', rule: 'duration', message: /^rate.per: .*"minute"/ },
    ],
  ]
  for (const [api, effect, options, { message, ...details }] of cases) {
    t.throws(
      () => book.set(api as Api, effect as EffectOf<Api>, options),
      { code: 'BAD_INPUT', message, details },
      JSON.stringify([api, effect, options]),
    )
  }
  t.same(book.list(), [])
  book.set('jscode2session', { kind: 'errcode', errcode: -1 })
})

t.test('a mistake in a fault does not compile', async (t) => {
  // Never called: the compiler is the test.
  const typed = (world: World) => {
    world.fault(
      'refund',
      { kind: 'result_code_fail', err_code: 'BIZERR_NEED_RETRY', when: 'after' },
      { outTradeNo: 'tea-1', nth: 2 },
    )
    world.fault('jscode2session', { kind: 'errcode', errcode: -1 }, { times: 'always' })
    world.fault('notify', { kind: 'bad_sign' })
    // @ts-expect-error no such call
    world.fault('refunds', { kind: 'reset' })
    // @ts-expect-error no such effect
    world.fault('refund', { kind: 'rest' })
    // @ts-expect-error no such moment
    world.fault('refund', { kind: 'reset', when: 'later' })
    // @ts-expect-error a code of another call
    world.fault('orderquery', { kind: 'result_code_fail', err_code: 'ORDERPAID' })
    // @ts-expect-error a code of another call
    world.fault('jscode2session', { kind: 'errcode', errcode: 42001 })
    // @ts-expect-error a number of another call
    world.fault('refund', { kind: 'return_code_fail', error_code: '20100' })
    // @ts-expect-error login replies are not signed
    world.fault('jscode2session', { kind: 'bad_sign' })
    // @ts-expect-error a status is needed
    world.fault('refund', { kind: 'http' })
    // @ts-expect-error a bad signature comes with WeChat's own reply, there is no before
    world.fault('refund', { kind: 'bad_sign', when: 'before' })
    // @ts-expect-error no such option
    world.fault('refund', { kind: 'reset' }, { time: 2 })
    // @ts-expect-error no such point
    world.gate('unifiedorder.reply')
    // @ts-expect-error no such event
    world.gate('unifiedorder.response', { until: 'delivery.done' })
  }
  t.type(typed, 'function')
})

t.test('the counters of an order are dropped with it', async (t) => {
  const { book, strikes } = setup()
  book.set('orderquery', SYSTEMERROR, { probability: 0.5 })
  const drawn = ['tea-1', 'tea-2'].map((outTradeNo) => strikes(20, outTradeNo))
  book.forget((outTradeNo) => outTradeNo === 'tea-1')
  t.same(strikes(20, 'tea-1'), drawn[0], 'drawing starts again')
  t.notSame(strikes(20, 'tea-2'), drawn[1])
})

t.test('restored counters continue where they were, whatever the order number', async (t) => {
  const { book, strikes } = setup()
  book.set('orderquery', SYSTEMERROR, { probability: 0.5 })
  strikes(7, '__proto__')
  const dump = JSON.parse(JSON.stringify(book.dump())) as ReturnType<typeof book.dump>
  const afterwards = strikes(20, '__proto__')
  book.load(dump)
  t.same(strikes(20, '__proto__'), afterwards)
})
