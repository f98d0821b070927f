import fc from 'fast-check'
import t from 'tap'
import {
  formatRfc3339,
  formatSeconds,
  formatTime,
  parseHttpDate,
  parseRfc3339,
  parseTime,
} from '../../src/protocol/time.ts'

t.test('times are Beijing time, whatever the zone of the machine', async (t) => {
  const cases: [string, string, string][] = [
    ['20140903131540', '2014-09-03 13:15:40', '2014-09-03T05:15:40.000Z'],
    ['20200526152550', '2020-05-26 15:25:50', '2020-05-26T07:25:50.000Z'],
    ['20240101000000', '2024-01-01 00:00:00', '2023-12-31T16:00:00.000Z'],
    ['20240101075959', '2024-01-01 07:59:59', '2023-12-31T23:59:59.000Z'],
    ['20240229235959', '2024-02-29 23:59:59', '2024-02-29T15:59:59.000Z'],
  ]
  for (const [compact, dashed, iso] of cases) {
    t.equal(formatTime(new Date(iso)), compact, `${iso} is written ${compact}`)
    t.equal(parseTime(compact)?.toISOString(), iso, `${compact} is read`)
    t.equal(parseTime(dashed)?.toISOString(), iso, `${dashed} is read`)
  }
  t.equal(
    formatTime(new Date('2024-01-01T00:00:00.999Z')),
    '20240101080000',
    'fractions of a second are dropped, not rounded',
  )
})

t.test('times are read as they were written', async () => {
  const seconds = fc.integer({ min: 0, max: Date.parse('9999-12-31T15:59:59Z') / 1000 })
  fc.assert(fc.property(seconds, (value) => parseTime(formatTime(new Date(value * 1000)))?.getTime() === value * 1000))
})

t.test('other forms and impossible times are not read', async (t) => {
  const bad = [
    '',
    '2014090313154',
    '201409031315401',
    '20140903T131540',
    '2014-09-03T13:15:40',
    '2014-09-03 13:15:40Z',
    ' 20140903131540',
    '20140903131540\n',
    '２０140903131540',
    '2014/09/03 13:15:40',
    '2014-09-03  13:15:40',
    '1409721340',
    '20140003131540',
    '20141303131540',
    '20140900131540',
    '20140431131540',
    '20230229131540',
    '20140932131540',
    '20140903241540',
    '20140903240000',
    '20140903136040',
    '20140903131560',
  ]
  for (const text of bad) {
    t.equal(parseTime(text), undefined, JSON.stringify(text))
  }
})

t.test('wx.requestPayment takes whole UNIX seconds with ten digits', async (t) => {
  t.equal(formatSeconds(new Date(1490840662000)), '1490840662', 'the official example')
  t.equal(formatSeconds(new Date(1490840662999)), '1490840662', 'fractions of a second are dropped, not rounded')
})

t.test('times of API v3', async (t) => {
  t.equal(formatRfc3339(new Date('2026-01-01T00:00:00.999Z')), '2026-01-01T08:00:00+08:00')
  const cases: [text: string, expected: string | undefined][] = [
    ['2018-06-08T10:34:56+08:00', '2018-06-08T02:34:56.000Z'],
    ['2018-06-08T10:34:56.123+08:00', '2018-06-08T02:34:56.123Z'],
    ['2018-06-08T10:34:56Z', '2018-06-08T10:34:56.000Z'],
    ['2018-06-08T10:34:56-05:30', '2018-06-08T16:04:56.000Z'],
    ['2018-06-31T10:34:56+08:00', undefined],
    ['2018-06-08T24:00:00+08:00', undefined],
    ['2018-06-08T10:34:60+08:00', undefined],
    ['2018-06-08T10:34:56+15:00', undefined],
    ['2018-06-08T10:34:56', undefined],
    ['2018-06-08 10:34:56+08:00', undefined],
    ['20180608103456', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of cases) t.equal(parseRfc3339(text)?.toISOString(), expected, text)
})

t.test('a Date header is read only in the form that servers have to send', async (t) => {
  t.same(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), new Date('1994-11-06T08:49:37Z'))
  t.same(parseHttpDate(new Date(0).toUTCString()), new Date(0))
  for (const header of [
    undefined,
    ['Sun, 06 Nov 1994 08:49:37 GMT'],
    '',
    '0',
    '2026',
    'now',
    'Invalid Date',
    'Mon, 06 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 +0800',
    'Sun, 31 Feb 2026 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    '1994-11-06T08:49:37.000Z',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:38 GMT',
  ]) {
    t.equal(parseHttpDate(header), undefined, String(header))
  }
})
