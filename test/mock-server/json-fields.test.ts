import t from 'tap'
import { changeJson, flatJson } from '../../mock-server/wire/json-fields.ts'
import { parseRfc3339, rfc3339 } from '../../mock-server/wire/time.ts'

t.test('values by path', async (t) => {
  t.same(flatJson({ a: 'x', b: { c: 1, d: { e: true } }, f: [1, { g: 2 }], h: null }), {
    a: 'x',
    'b.c': '1',
    'b.d.e': 'true',
    f: '[1,{"g":2}]',
    h: 'null',
  })
  t.same(flatJson('x'), {})
})

t.test('changes keep types and the order of the other values', async (t) => {
  const message = { mchid: '1', amount: { total: 1250, currency: 'CNY' } }
  t.equal(
    JSON.stringify(changeJson(message, { 'amount.total': '1', mchid: '2', attach: 'x' })),
    '{"mchid":"2","amount":{"total":1,"currency":"CNY"},"attach":"x"}',
  )
  t.equal(JSON.stringify(changeJson(message, { 'amount.currency': null, mchid: null })), '{"amount":{"total":1250}}')
  t.same(changeJson(message, { 'amount.total': 'many' }), { mchid: '1', amount: { total: 'many', currency: 'CNY' } })
  t.same(changeJson(message, { 'payer.openid': 'o' }), { ...message, payer: { openid: 'o' } })
})

t.test('times of API v3', async (t) => {
  t.equal(rfc3339(new Date(Date.UTC(2026, 0, 15, 20))), '2026-01-16T04:00:00+08:00')
  for (const text of ['2026-01-16T04:00:00+08:00', '2026-01-15T20:00:00Z', '2026-01-15T20:00:00.000+00:00']) {
    t.equal(parseRfc3339(text)?.getTime(), Date.UTC(2026, 0, 15, 20), text)
  }
  for (const text of [
    '',
    '2026-01-16',
    '2026-01-16T04:00:00',
    '2026-02-30T00:00:00+08:00',
    '2026-13-01T00:00:00Z',
    '2026-01-16 04:00:00+08:00',
  ]) {
    t.equal(parseRfc3339(text), undefined, text)
  }
})
