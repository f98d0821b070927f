import { createServer } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import type { MockWechat } from '../../../mock-server/index.ts'
import {
  casesOf,
  createRun,
  exitCodeOf,
  explained,
  gateOf,
  htmlOf,
  junitOf,
  listed,
  markdownOf,
  readBaseline,
  readSeverities,
  readWord,
  reportCard,
  runCard,
  runCommand,
  suiteOf,
  SUITES,
  textOf,
  type Card,
  type CardOptions,
} from '../../../mock-server/report/index.ts'
import { checkOptions, isNear, selectCases } from '../../../mock-server/report/options.ts'
import { curlOf } from '../../../mock-server/report/output/text.ts'
import { NO_TIME } from '../../../mock-server/report/parts/budget.ts'
import { askBy, pauseFor, StepError } from '../../../mock-server/report/parts/merchant.ts'
import { shoot } from '../../../mock-server/report/parts/shoot.ts'
import { leakIn } from '../../../mock-server/report/common/transport.ts'
import { ACK, deadUrl, listen, port, startMock, startShop, REFUSAL } from '../helpers.ts'
import { inParallel, runLogin, runToy, stepsOf, traceOf } from './plant.ts'
import { startToy } from './toy/server.ts'

const idsOf = ({ results }: Card, verdict: string) =>
  results.filter((result) => result.verdict === verdict).map(({ id }) => id)

t.test('which addresses may be attacked without confirmation', async (t) => {
  const near = [
    'http://127.0.0.1:8080/n',
    'http://localhost/n',
    'http://[::1]:1/n',
    'http://10.1.2.3/n',
    'http://192.168.0.9/n',
    'http://172.20.0.2/n',
    'http://app:8080/n',
    'http://shop.local/n',
    'http://a.test/n',
  ]
  const far = ['https://pay.example.com/n', 'http://8.8.8.8/n', 'http://172.32.0.1/n', 'http://[2001:db8::1]/n']
  for (const url of near) t.equal(isNear(url), true, url)
  for (const url of far) {
    t.equal(isNear(url), false, url)
    t.throws(() => checkOptions({ notifyUrl: url }), { code: 'BAD_INPUT', message: /--i-own-this-host/ }, url)
    checkOptions({ notifyUrl: url, ownHost: true })
  }
  const wrong: [CardOptions, RegExp][] = [
    [{}, /notifyUrl.*missing/],
    [{ notifyUrl: 'ftp://127.0.0.1/n' }, /absolute http/],
    [{ notifyUrl: 'http://', ownHost: true }, /absolute http/],
    [{ notifyUrl: near[0], only: ['X-1'] }, /no case of notify@1 is called X-1/],
  ]
  for (const [options, message] of wrong) t.throws(() => checkOptions(options), { code: 'BAD_INPUT', message })
})

t.test('cases are selected before the run', async (t) => {
  const all = casesOf(suiteOf('v2')).length
  const ids = (options: CardOptions) => selectCases(options).map(({ id }) => id)
  t.equal(ids({}).length, all)
  t.strictSame(ids({ only: ['n-201', 'N-206'] }), ['N-201', 'N-206'])
  t.ok(ids({ only: ['N-7'] }).every((id) => id.startsWith('N-7')))
  t.equal(ids({ exclude: ['N-201'] }).length, all - 1)
  t.equal(ids({ quick: true }).length, 20)
  for (const suite of SUITES) {
    const seen = casesOf(suite).map(({ id }) => id)
    t.equal(new Set(seen).size, seen.length, `${suite.id}: ids are unique`)
  }
})

t.test('level L0: a case that cannot be checked is SKIP, never PASS', async (t) => {
  const mock = await startMock(t)
  const takesAll = await listen(t, (request, response) => request.resume().on('end', () => response.end(ACK)))
  const all = await runCard(mock.default, { notifyUrl: `http://127.0.0.1:${port(takesAll)}/`, quick: true })
  t.equal(all.level, 'L0')
  t.match(all.sentence, /^Money-safe: no \(\d+ cases\)/)
  for (const id of ['N-301', 'N-302', 'N-304', 'N-306']) t.ok(idsOf(all, 'FAIL').includes(id), id)
  for (const id of ['N-201', 'N-203', 'N-206', 'N-701']) t.ok(idsOf(all, 'SKIP').includes(id), id)
  t.ok(idsOf(all, 'INFO').includes('N-309'))
  t.ok(idsOf(all, 'SKIP').includes('N-307'), 'accepted; only a probe shows whether goods went out')

  const refusesAll = await startShop(t, () => REFUSAL)
  const none = await runCard(mock.default, { notifyUrl: refusesAll.notifyUrl, only: ['N-101', 'N-301', 'N-501'] })
  t.strictSame([idsOf(none, 'SKIP'), idsOf(none, 'PASS')], [['N-101', 'N-301'], ['N-501']])
  t.match(none.sentence, 'Money-safe: unknown')
})

t.test('level L1: a backend that accepts no genuine notification fails', async (t) => {
  const mock = await startMock(t)
  const card = await runToy(mock, { only: ['N-101', 'N-301'], probe: undefined }, ['ack-text'])
  t.equal(card.level, 'L1')
  t.strictSame([idsOf(card, 'FAIL'), idsOf(card, 'SKIP')], [['N-101'], ['N-301']])
})

/** For a backend that never answers. */
const HANGS = { answerMs: 1000, comesBackMs: 0, restartMs: 1000, quickLookMs: 1000 }

t.test('a backend that hangs', { jobs: 4 }, async (t) => {
  const mock = await startMock(t)
  t.test('the restart command brings it back, and the run goes on', { buffered: true }, async (t) => {
    const card = await runToy(mock, { only: ['N-523', 'N-201'] }, ['wedges'], {}, HANGS)
    t.match(card.results.find(({ id }) => id === 'N-523')!.said, /restart command/)
    t.strictSame(idsOf(card, 'PASS'), ['N-201'])
  })
  t.test('after a right answer: a hygiene case then counts as availability', { buffered: true }, async (t) => {
    const { results } = await runToy(mock, { only: ['N-523', 'N-532'] }, ['wedges-later'], {}, HANGS)
    const said = /^the next order was not served/
    t.match(results, [
      { id: 'N-523', verdict: 'FAIL', severity: 'security', said },
      { id: 'N-532', verdict: 'FAIL', severity: 'availability', said },
    ])
  })
  t.test('while a slow client is connected: it stays longer than the others wait', { buffered: true }, async (t) => {
    const card = await runToy(mock, { only: ['N-601', 'N-605', 'N-617'] }, ['one-at-a-time'], {}, HANGS)
    t.strictSame(idsOf(card, 'FAIL'), ['N-601', 'N-605', 'N-617'])
  })
  t.test('the verdict mentions a restart command that fails', { buffered: true }, async (t) => {
    let tries = 0
    const world = mock.world()
    const toy = await startToy(world, ['wedges'])
    t.teardown(() => toy.close())
    const restart = async () => {
      tries++
      await toy.restart()
      throw new Error('no such service')
    }
    const card = await runCard(world, { notifyUrl: toy.notifyUrl, only: ['N-523'], restart }, undefined, HANGS)
    t.equal(tries, 1)
    t.match(card.results[0]!.said, /restart command failed \(no such service\), but it came back/)
  })
  t.test('it stays dead without a restart command; the next cases are SKIP', { buffered: true }, async (t) => {
    const world = mock.world()
    const toy = await startToy(world, ['wedges'])
    t.teardown(() => toy.close())
    const run = createRun(world, { notifyUrl: toy.notifyUrl, only: ['N-505', 'N-523', 'N-528'] }, HANGS)
    const results = []
    for (const id of ['N-523', 'N-528', 'N-505']) {
      const one = run.cases.find((one) => one.id === id)!
      results.push(await run.one(one))
      if (one.id === 'N-528') await toy.restart()
    }
    const said = Object.fromEntries(results.map(({ id, verdict, said }) => [id, `${verdict} ${said}`]))
    t.match(said, {
      'N-523': /^FAIL.*it has not come back/,
      'N-528': /^SKIP the backend is dead \(since N-523/,
      'N-505': /^PASS/,
    })
    await run.finish()
  })
})

t.test('the verdict is ERROR if the runner cannot do its work', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  const url = await deadUrl()
  const cases: [CardOptions['order'], RegExp, orderMs?: number][] = [
    [askBy(url, undefined, 'POST'), /does not answer: .*ECONNREFUSED/],
    [askBy(undefined, 'echo no >&2; exit 3', 'POST'), /ended with 3: no/],
    [askBy(undefined, 'exit 4', 'POST'), /ended with 4/],
    [async () => {}, /none reached WeChat within 0.05 s/, 50],
  ]
  for (const [order, said, orderMs = 10_000] of cases) {
    const options = { notifyUrl: shop.notifyUrl, order, only: ['N-101'] }
    const { results } = await runCard(mock.default, options, undefined, { orderMs })
    t.match(results[0], { verdict: 'ERROR', said }, String(said))
  }
  for (const [error, said] of [
    [new StepError('no tea'), 'no tea'],
    [new TypeError('no tea'), 'TypeError: no tea'],
  ] as const) {
    const world = mock.world()
    const toy = await startToy(world)
    t.teardown(() => toy.close())
    const { order, ...steps } = stepsOf(toy)
    let asked = 0
    const second: CardOptions['order'] = async (values) => {
      if (++asked === 2) throw error
      return order!(values)
    }
    const { results } = await runCard(world, { ...steps, order: second, notifyUrl: toy.notifyUrl, only: ['N-101'] })
    t.match(results, [{ verdict: 'ERROR', said }])
  }
})

t.test("WeChat refuses the runner's own order, or does not answer", async (t) => {
  const mock = await startMock(t)
  const long = `http://127.0.0.1:1/${'n'.repeat(300)}`
  const refused = await runCard(mock.default, { notifyUrl: long, only: ['N-101'] })
  t.match(refused.results, [{ verdict: 'ERROR', said: /^the mock refused the runner's own order: \S/ }])
  await mock.close()
  const silent = await runCard(mock.default, { notifyUrl: 'http://127.0.0.1:1/', only: ['N-101'] })
  t.match(silent.results, [{ verdict: 'ERROR', said: /^the mock at http\S+ does not answer/ }])
})

t.test('a careful backend has choices', async (t) => {
  const mock = await startMock(t)
  const choices: [string, string, string, CardOptions?][] = [
    ['stored-late', 'N-206', 'PASS'],
    ['repeat-refused', 'N-211', 'LAX'],
    ['repeat-refused', 'N-212', 'INFO'],
    ['', 'N-211', 'PASS', { refundUrl: undefined }],
    ['digits-only', 'N-311', 'SKIP'],
    ['digits-only', 'V-311', 'SKIP', { version: 'v3' }],
    // The order is paid before the backend knows that WeChat has it.
    ['paid-meanwhile-refused', 'N-206', 'PASS'],
    // A backend that believes WeChat's answer, not the notification.
    ...['N-701', 'N-707', 'N-708', 'N-712'].map((id): [string, string, string] => ['refund-asked', id, 'PASS']),
    ...['V-701', 'V-707', 'V-708', 'V-712'].map((id): [string, string, string, CardOptions] => [
      'refund-asked',
      id,
      'PASS',
      { version: 'v3' },
    ]),
    // What looks like API v2 is refused in its words.
    ['v2-refused-in-xml', 'V-535', 'PASS', { version: 'v3' }],
  ]
  for (const [bug, id, verdict, options] of choices) {
    const { results } = await runToy(mock, { only: [id], settleMs: 100, ...options }, [bug])
    t.match(results, [{ id, verdict }], bug)
  }
})

t.test('the bytes that go out, and the answers that come back', async (t) => {
  const odd = await listen(t, (request, response) => response.end(Buffer.from([0xff, 0xfe])))
  t.match(await shoot({ url: `http://127.0.0.1:${port(odd)}/`, headers: {}, body: '' }, 5000), {
    reply: { status: 200, raw: Buffer.from([0xff, 0xfe]) },
  })
  const nobody = (await deadUrl()).replace('http:', 'https:')
  t.match(await shoot({ url: nobody, headers: {}, body: '' }, 5000), { error: { code: 'ECONNREFUSED' } })

  const silent = await listen(t, (request) => request.resume())
  const transport = { kind: 'drip', bytes: 1, everyMs: 20 } as const
  const url = `http://127.0.0.1:${port(silent)}/`
  t.match(await shoot({ url, headers: {}, body: 'x'.repeat(1000), transport }, 50), { timedOut: true })
  await t.rejects(askBy(url, undefined, 'GET', 50)!({}), /does not answer: no answer in 0.05 s/)
})

t.test('the answers of a probe', async (t) => {
  t.strictSame(readWord(' 2\n'), { paid: true, fulfilments: 2 })
  t.strictSame(readWord('0'), { paid: false, fulfilments: 0 })
  t.strictSame(readWord('{"fulfilments":1,"amount":1250,"transaction_id":"42","refunds":0}'), {
    paid: true,
    fulfilments: 1,
    amount: 1250,
    transactionId: '42',
    refunds: 0,
  })
  t.strictSame(readWord('{"fulfilments":0,"paid":true}'), { paid: true, fulfilments: 0 })
  for (const told of ['yes', '{"paid":true}']) t.throws(() => readWord(told), /the probe must answer/, told)
  t.equal(await runCommand('echo $OUT_TRADE_NO', { out_trade_no: 'tea-1' }), 'tea-1\n')
  const shop = await startShop(t, (_notified, response) => {
    response.writeHead(404).end('none')
    return undefined
  })
  await t.rejects(
    askBy(`GET ${shop.notifyUrl}?n={out_trade_no}&{other}`, undefined, 'POST')!({ out_trade_no: 'a b' }),
    /n=a%20b&\{other\} answers HTTP 404: none/,
  )
  t.equal(shop.received[0]!.method, 'GET')
})

t.test('the same seed sends the same bytes and reaches the same verdicts', async (t) => {
  const runs: ((mock: MockWechat, seed: string) => Promise<Card>)[] = [
    (mock, seed) => runToy(mock, { seed, only: ['N-104', 'N-301', 'N-304', 'N-501', 'N-508', 'N-704'] }),
    (mock, seed) => runToy(mock, { version: 'v3', seed, only: ['V-104', 'V-301', 'V-402', 'V-528', 'V-701'] }),
    (mock, seed) => runLogin(mock, { seed, only: ['L-101', 'L-202', 'L-306', 'L-320'] }),
  ]
  for (const run of runs) {
    const once = async (seed: string) => traceOf(await run(await startMock(t), seed))
    const first = await once('a')
    t.strictSame(await once('a'), first)
    t.notSame(await once('b'), first)
  }
})

/** A step that first waits for something else, from its nth call on. */
const slowed = <A, B>(step: (argument: A) => B | Promise<B>, wait: () => Promise<void>, from = 1) => {
  let calls = 0
  return async (argument: A): Promise<B> => {
    if (++calls >= from) await wait()
    return step(argument)
  }
}

t.test('a probe that fails when every order is looked at again changes no verdict', async (t) => {
  const mock = await startMock(t)
  const world = mock.world()
  const toy = await startToy(world)
  t.teardown(() => toy.close())
  const steps = stepsOf(toy)
  let probes = 0
  const probe = async (outTradeNo: string) => {
    if (++probes > 3) throw new Error('the database is gone')
    return steps.probe!(outTradeNo)
  }
  const { results } = await runCard(world, { ...steps, probe, notifyUrl: toy.notifyUrl, only: ['N-101'], quick: true })
  t.equal(probes, 4)
  t.match(results, [{ id: 'N-101', verdict: 'PASS' }])
})

t.test('a quick run ends in time, however slow the probe is: what is left out is SKIP, not PASS', async (t) => {
  const mock = await startMock(t)
  const world = mock.world()
  const toy = await startToy(world)
  t.teardown(() => toy.close())
  const steps = stepsOf(toy)
  const options = {
    ...steps,
    probe: slowed(steps.probe!, () => pauseFor(200)),
    notifyUrl: toy.notifyUrl,
    refundUrl: toy.refundUrl,
  }
  const card = await runCard(world, { ...options, quick: true }, undefined, { quickMs: 4000 })
  t.ok(card.durationMs < 5500, `${card.durationMs} ms`)
  t.match(card.counts, { FAIL: 0, ERROR: 0, LAX: 0 })
  t.ok(card.counts.PASS > 0 && card.counts.SKIP > 0, JSON.stringify(card.counts))
  t.equal(card.results.length, 20)
  for (const { verdict, said } of card.results) if (verdict === 'SKIP') t.equal(said, NO_TIME)
})

t.test('a quick run whose time ends in the middle', async (t) => {
  const mock = await startMock(t)
  const ends: [step: 'order' | 'probe', from: number, id: string, bug: string, verdict: string][] = [
    ['order', 1, 'N-101', '', 'SKIP'],
    ['order', 2, 'N-101', '', 'SKIP'],
    // The order that shows whether the backend is alive: what has been seen before, counts.
    ['order', 3, 'N-301', '', 'SKIP'],
    ['order', 3, 'N-301', 'no-verify', 'FAIL'],
    // The other look at an order at the end.
    ['probe', 4, 'N-101', '', 'SKIP'],
  ]
  await inParallel(ends, 5, async ([step, from, id, bug, verdict]) => {
    const world = mock.world()
    const toy = await startToy(world, [bug])
    const steps = stepsOf(toy)
    const slow = { [step]: slowed(steps[step] as (argument: unknown) => unknown, () => new Promise(() => {}), from) }
    const options = { ...steps, ...slow, notifyUrl: toy.notifyUrl, only: [id], quick: true }
    const { results } = await runCard(world, options, undefined, { quickMs: 2500 })
    t.match(results, [{ id, verdict, ...(verdict === 'SKIP' && { said: NO_TIME }) }], `${step} ${from} ${bug}`)
    await toy.close()
  })
})

t.test('the card in each form', async (t) => {
  const mock = await startMock(t)
  const card = await runToy(
    mock,
    { only: ['N-101', 'N-113', 'N-212', 'N-301', 'N-347', 'N-511', 'N-505', 'N-602'], seed: "it's" },
    ['no-verify', 'no-comment'],
  )
  t.match(
    textOf(card),
    /^Money-safe: no \(1 case\)\nnotify@1 at level L2, seed it's[^]*FAIL {2}N-301[^]*SKIP {2}1 case: the orders[^]*card explain/,
  )
  t.match(junitOf(card), /<testsuite name="notify@1" tests="8" failures="\d" errors="0" skipped="1"/)
  for (const part of ['<failure type="money"', '<skipped', '<system-out>LAX']) t.match(junitOf(card), part)
  t.match(markdownOf(card), /^# Money-safe: no[^]*\| N-301 \| A wrong signature[^]*Badge/)
  const html = htmlOf(card)
  t.match(
    html,
    /<section id="N-301">[^]*Repeat: <code>wechat-mock card run --notify-url http:[^ ]+ --seed it&#39;s --only N-301/,
  )
  t.match(html, 'not text')
  t.notMatch(html, '<script')
  const errors: Card = {
    ...card,
    results: [{ ...card.results[0]!, verdict: 'ERROR', said: 'a\u0001' }],
    counts: { ...card.counts, ERROR: 1 },
  }
  t.match(junitOf(errors), '<error message="a\\u0001"/>')
  const good: Card = { ...card, results: [card.results[0]!] }
  t.notMatch(textOf(good), 'explain')

  const sent = card.results.flatMap(({ events }) => events)
  t.equal(curlOf(sent.find(({ request }) => !request)!), undefined)
  t.match(
    curlOf(sent.find(({ request }) => request?.body.base64 !== undefined)!),
    /^printf %s \S+ \| base64 -d \| curl -i -X POST/,
  )
  t.match(curlOf(sent.find(({ request }) => request && request.body.bytes > 1e6)!), '# and the rest of the body')
})

t.test('card explain and card list cover every case', async (t) => {
  for (const suite of SUITES) {
    const list = listed(suite)
    for (const one of casesOf(suite)) {
      t.match(
        explained(suite, one),
        /Source: [^]*Outcomes:\n {2}\w+[^]*Fix: \S[^]*Repeat: wechat-mock card run/,
        one.id,
      )
      t.ok(list.includes(`  ${one.id} `), one.id)
    }
  }
})

t.test('what makes a run fail', async (t) => {
  const result = (id: string, verdict: string, severity = 'money') => ({ id, verdict, severity })
  const card = {
    results: [result('N-1', 'FAIL'), result('N-2', 'FAIL', 'hygiene'), result('N-3', 'PASS'), result('N-4', 'SKIP')],
  } as never
  const codes: [Parameters<typeof gateOf>[1], string[], number][] = [
    [undefined, [], 1],
    [['security'], [], 0],
    [['money'], ['N-1'], 0],
    [undefined, ['N-1', 'N-2'], 0],
    [undefined, ['N-1', 'N-2', 'N-3'], 1],
    [undefined, ['N-1', 'N-2', 'N-4'], 0],
  ]
  for (const [failOn, baseline, code] of codes) {
    t.equal(exitCodeOf(gateOf(card, failOn, baseline)), code, `${failOn} ${baseline}`)
  }
  t.equal(exitCodeOf(gateOf({ results: [result('N-1', 'ERROR')] } as never)), 2)
  t.strictSame(readBaseline('# known\nN-1 # since May\n\nN-2'), ['N-1', 'N-2'])
  t.strictSame(readBaseline(JSON.stringify(card)), ['N-1', 'N-2'])
  t.strictSame(readSeverities(['money']), ['money'])
  t.throws(() => readSeverities(['all']), { code: 'BAD_INPUT' })
})

t.test('leaks in an answer', async (t) => {
  const leaks: [string, string | undefined][] = [
    ['the key is KEY', 'the API key'],
    ['Error: x\n    at Object.<anonymous> (/srv/app.js:3:1)', 'a stack trace'],
    ['Traceback (most recent call last)', 'a stack trace'],
    ['SQLSTATE[42000]: syntax', 'an SQL statement'],
    ['cannot open /var/www/keys/a.pem', 'a path on the machine'],
    [REFUSAL, undefined],
  ]
  for (const [body, leak] of leaks) t.equal(leakIn(body, 'KEY'), leak, body)
})

t.test('an answer that is too long or cut off counts as none', async (t) => {
  const mock = await startMock(t)
  const server = createServer((request, response) => {
    request.resume()
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' }).write('<xml>')
      setTimeout(() => response.destroy(), 10)
    } else response.end('x'.repeat(2 << 20))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  for (const path of ['/long', '/cut']) {
    const options = { notifyUrl: `http://127.0.0.1:${port(server)}${path}`, only: ['N-501'] }
    const card = await runCard(mock.default, options, undefined, { comesBackMs: 0 })
    t.ok(card.results.length === 1, `${path} ${card.results[0]!.said}`)
  }
})

t.test('in the process: one test per case', async (t) => {
  const mock = await startMock(t)
  const toy = await startToy(mock.default, ['fee-unread'])
  t.teardown(() => toy.close())
  const told = async (number: string) =>
    JSON.parse(await (await fetch(toy.probeUrl.replace('{out_trade_no}', number))).text())
  const card = reportCard(() => mock.default, {
    notifyUrl: () => toy.notifyUrl,
    refundUrl: toy.refundUrl,
    order: ({ openid, fee }) =>
      fetch(toy.orderUrl.replace('{openid}', openid!).replace('{fee}', fee!), { method: 'POST' }),
    probe: async (number) => (await told(number)).fulfilments,
    only: ['N-101', 'N-307', 'N-209'],
    settleMs: 300,
  })
  t.strictSame(
    card.cases.map(({ id, title }) => `${id} ${title}`),
    [
      'N-101 A valid notification',
      'N-209 Paid after the backend closed the order',
      'N-307 Validly signed: total_fee is less than the price',
    ],
  )
  const [first, second, third] = card.cases
  t.match(await first!.run(), { verdict: 'PASS' })
  t.match(await second!.run(), { verdict: 'SKIP' })
  await t.rejects(
    third!.run(),
    /^N-307 FAIL \(money\): the backend accepted it; the order counts as paid.*After the signature, compare/,
  )
  t.match(await card.finish(), { sentence: 'Money-safe: no (1 case)' })
  const whole = reportCard(mock.default, {
    notifyUrl: toy.notifyUrl,
    only: ['N-501'],
    probe: () => ({ paid: false, fulfilments: 0 }),
  })
  t.match(await whole.cases[0]!.run(), { verdict: 'PASS' })
  t.throws(() => reportCard(mock.default, { only: ['N-0'] }), { code: 'BAD_INPUT' })
})
