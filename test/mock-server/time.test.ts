import t from 'tap'
import { parseWechatTime, wechatDateTime, wechatTime } from '../../mock-server/time.ts'

t.test('times are written in GMT+8 without a zone', async (t) => {
  t.equal(wechatTime(new Date('2026-01-15T04:05:06.789Z')), '20260115120506')
  t.equal(wechatTime(new Date('2025-12-31T16:00:00Z')), '20260101000000', 'a new year begins eight hours before UTC')
  t.equal(wechatDateTime(new Date('2025-12-31T16:05:06.789Z')), '2026-01-01 00:05:06')
})

t.test('and read so', async (t) => {
  t.same(parseWechatTime('20260115120506'), new Date('2026-01-15T04:05:06Z'))
  t.same(parseWechatTime('20240229000000'), new Date('2024-02-28T16:00:00Z'))
  for (const text of [
    '',
    '2026011512050',
    '202601151205060',
    '20261315120506',
    '20260230120506',
    '20250229000000',
    '20260115240000',
    '20260115126000',
    '2026-01-15 12:0',
  ]) {
    t.equal(parseWechatTime(text), undefined, `'${text}' is no moment`)
  }
})
