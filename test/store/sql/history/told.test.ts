import t from 'tap'
import type { HistoryLine } from '../../../../src/model.ts'
import { tell, toldBy } from '../../../../src/store/sql/history/told.ts'
import { at } from '../../orders.ts'

const line = (part: Partial<HistoryLine> = {}): HistoryLine => ({
  outTradeNo: 'tea',
  at: at(0),
  source: 'query',
  seen: 'NOTPAY',
  outcome: 'not paid yet',
  from: 'prepaid',
  to: 'prepaid',
  ...part,
})
const once = (said: HistoryLine) => ({ ...said, count: 1, lastAt: said.at })

t.test('lines come back as they were written, together or one after the other', async (t) => {
  const lines = [
    line({ source: 'order', seen: 'order of 100 fen', outcome: 'created', from: 'created', to: 'created' }),
    line({ at: at(40), seen: 'prepaid', from: 'created' }),
    line({ at: at(5000) }),
    line({ at: at(20), seen: 'an earlier time, \0, half of \ud83d and "quotes"', from: 'closing', to: 'closing' }),
    line({ at: at(9000), seen: 'payment', from: 'closing', to: 'paid' }),
  ]
  t.same(toldBy(tell([], lines), 'tea'), lines.map(once))
  let text = tell([], [])
  for (const each of lines) text = tell(toldBy(text, 'tea'), [each])
  t.same(toldBy(text, 'tea'), lines.map(once))
})

t.test('a repeated line is counted at its first occurrence; a change of state never', async (t) => {
  const paid = line({ at: at(7), seen: 'payment', to: 'paid' })
  const lines = [line(), paid, line({ at: at(8) }), line({ at: at(9) }), paid]
  t.same(toldBy(tell([], lines), 'tea'), [{ ...line(), count: 3, lastAt: at(9) }, once(paid), once(paid)])
})

t.test('the latest line is the first of the text, so that a new one leaves the rest as it is', async (t) => {
  const text = tell([], [line(), line({ at: at(5), seen: 'ORDERED', to: 'closing' })])
  const next = tell(toldBy(text, 'tea'), [line({ at: at(9), seen: 'closed', from: 'closing', to: 'closed' })])
  t.equal(next, `[[4,2,9,"not paid yet",9],${text.slice(1)}`)
  t.equal(
    tell(toldBy(next, 'tea'), [line({ at: at(12), seen: 'closed', from: 'closed', to: 'closed' })]),
    `[[3,2,9,"not paid yet"],${next.slice(1)}`,
  )
})

t.test('texts written in full, or with the words in use now, stay readable forever', async (t) => {
  const full =
    '[[1,"notify","payment","paid",["closing","paid"]],[[4,2,9],"query","asked","any answer but NOTPAY is noted"],[0,"order","prepaid","prepaid","prepaid"],[1772294399999,"order","order of 100 fen","created"]]'
  const short = '[[1,4,"payment",5,[13,5]],[[4,2,9],2,3,10],[0,0,1,1,1],[1772294399999,0,"order of 100 fen",12]]'
  const lines = toldBy(full, 'tea')
  t.match(lines, [{ outcome: 'created' }, { to: 'prepaid' }, { count: 3 }, { from: 'closing', to: 'paid' }])
  t.same(toldBy(short, 'tea'), lines)
  t.equal(tell(lines, []), short)
  const rest = '[[0,6,7,8,[14,15]],[0,11,16,"x",[17,18]]]'
  t.match(toldBy(rest, 'tea'), [
    { source: 'fulfilled', seen: 'refund', from: 'bill', to: 'operator' },
    { source: 'fulfil', seen: 'done', outcome: 'close', from: 'unknown', to: 'failed' },
  ])
})

t.test('if there are too many lines, the first and the latest stay', async (t) => {
  const lines = Array.from({ length: 1002 }, (_, n) => line({ at: at(n), seen: `news ${n}` }))
  const kept = toldBy(tell([], lines), 'tea').map(({ seen }) => Number(seen.slice(5)))
  t.equal(kept.length, 1000)
  t.same([kept[0], kept[99], kept[100], kept.at(-1)], [0, 99, 102, 1001])
})
