import t from 'tap'
import { billDay, billText, feeOf, isBillDate, isGzip, yuan } from '../../../mock-server/wechat/bill.ts'

t.test('fen become yuan', async (t) => {
  t.same(
    [0, 1, 12, 123, 123_456, -8].map((fen) => yuan(fen)),
    ['0.00', '0.01', '0.12', '1.23', '1234.56', '-0.08'],
  )
  t.equal(yuan(8, 5), '0.08000')
})

t.test('a fee of 0.60 % in whole fen', async (t) => {
  t.same([0, 1, 83, 84, 1250, 100_000].map(feeOf), [0, 0, 0, 1, 8, 600])
})

t.test('dates and packing', async (t) => {
  for (const text of ['20260115', '20240229']) t.ok(isBillDate(text), text)
  for (const text of ['', '2026011', '202601151', '2026-01-15', '20260230', '20261301']) t.notOk(isBillDate(text), text)
  t.ok(isGzip('GZIP'))
  t.notOk(isGzip('gzip'))
})

t.test('a day is one of China; its bill comes at ten on the next', async (t) => {
  const day = (now: string) => billDay('20260115', new Date(now))
  const { has } = day('2026-01-20T00:00:00Z')
  for (const [moment, inside] of [
    ['2026-01-14T15:59:59.999Z', false],
    ['2026-01-14T16:00:00Z', true],
    ['2026-01-15T15:59:59.999Z', true],
    ['2026-01-15T16:00:00Z', false],
  ] as const) {
    t.equal(has(new Date(moment)), inside, moment)
  }
  t.equal(day('2026-01-14T15:59:59.999Z').state, 'future')
  t.equal(day('2026-01-14T16:00:00Z').state, 'creating')
  t.equal(day('2026-01-16T01:59:59.999Z').state, 'creating')
  t.match(day('2026-01-16T02:00:00Z'), { state: 'ready', ageMs: 34 * 3_600_000 })
})

t.test('a table: BOM, CRLF, back-ticks before values', async (t) => {
  const text = billText(
    [
      ['名', ({ a }: { a: string }) => a],
      ['二', () => ''],
    ],
    [{ a: 'x,y' }, { a: '' }],
    [
      ['总', '2'],
      ['额', '0.00'],
    ],
  )
  t.equal(text, '\uFEFF名,二\r\n`x,y,`\r\n`,`\r\n总,额\r\n`2,`0.00\r\n')
})
