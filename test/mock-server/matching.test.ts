import t from 'tap'
import type { JournalEntry } from '../../mock-server/journal.ts'
import { checkMatch, differences, requestFields, type JournalMatch } from '../../mock-server/matching.ts'
import { NOON } from './helpers.ts'

const entry: JournalEntry = {
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

t.test('everything that is given must fit', async (t) => {
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
      differences(entry, match).map(({ field }) => field),
      fields,
      JSON.stringify(match),
    )
  }
  t.same(differences(entry, { note: 'FAIL', fault: /f/ }), [
    { field: 'note', expected: '"FAIL"', actual: 'SUCCESS' },
    { field: 'fault', expected: '/f/', actual: undefined },
  ])
})

t.test('a match that could never say what was meant is refused', async (t) => {
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
  const of = (url: string, body: string) => requestFields({ ...entry, request: { ...entry.request, url, body } })
  t.same(of('/sns/jscode2session?appid=wx&js_code=0a', ''), { appid: 'wx', js_code: '0a' })
  t.same(of('/pay', '<xml><a>1</a></xml>'), { a: '1' })
  t.same(of('/wxa?access_token=t', '{"code":"0a","n":1}'), { access_token: 't', code: '0a', n: '1' })
  for (const body of ['<xml>', 'nonsense', '{', 'null']) t.same(of('/pay', body), {}, body)
})

t.test('a reply that never was has no fields', async (t) => {
  const { response: _none, ...lost } = entry
  t.same(
    differences(lost, { reply: { prepay_id: 'wx1' } }).map(({ actual }) => actual),
    [undefined],
  )
})
