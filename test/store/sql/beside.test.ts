import t from 'tap'
import type { Order } from '../../../src/model.ts'
import { besideOf } from '../../../src/store/sql/beside.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import { tables } from '../../../src/store/sql/schema/tables.ts'
import { ACCOUNT, at, newOrder } from '../orders.ts'

const { statements, moved } = besideOf(tables(), DIALECTS.sqlite)
const MCH_ID = ACCOUNT.mchId
const order = (part: Partial<Order> = {}) => newOrder('tea', part)
const none = order({ liveKey: null })

t.test('the rows beside an order follow it', async (t) => {
  const insertDue = 'insert into wechat_schedule (mch_id, due_at, out_trade_no) values (?, ?, ?)'
  const insertKey = 'insert into wechat_keys (mch_id, live_key, out_trade_no) values (?, ?, ?)'
  const deleteKey = 'delete from wechat_keys where mch_id = ? and live_key = ?'
  const here = 'mch_id = ? and due_at = ? and out_trade_no = ?'
  const cases: [what: string, order: Order, before: Order | undefined, expected: unknown[]][] = [
    ['a new order', order(), undefined, [[insertKey, MCH_ID, 'tea', 'tea']]],
    ['a new order that is finished', none, undefined, []],
    ['an order that stays unchanged', order({ dueAt: at(0) }), order({ dueAt: at(0) }), []],
    ['an order that gets work', order({ dueAt: at(0) }), order(), [[insertDue, MCH_ID, at(0).getTime(), 'tea']]],
    [
      'an order whose work is due later',
      order({ dueAt: at(1) }),
      order({ dueAt: at(0) }),
      [[`update wechat_schedule set due_at = ? where (${here})`, at(1).getTime(), MCH_ID, at(0).getTime(), 'tea']],
    ],
    [
      'an order with no work left',
      order(),
      order({ dueAt: at(0) }),
      [[`delete from wechat_schedule where ${here}`, MCH_ID, at(0).getTime(), 'tea']],
    ],
    ['a closed order', none, order(), [[deleteKey, MCH_ID, 'tea']]],
    ['an order that takes its key back', order(), none, [[insertKey, MCH_ID, 'tea', 'tea']]],
    [
      'an order that takes another key',
      order({ liveKey: 'cake' }),
      order(),
      [
        [deleteKey, MCH_ID, 'tea'],
        [insertKey, MCH_ID, 'cake', 'tea'],
      ],
    ],
  ]
  for (const [what, next, before, expected] of cases) {
    t.same(
      statements(next, before).map(({ sql, values }) => [sql, ...values]),
      expected,
      what,
    )
  }
})

t.test('several orders are moved at once', async (t) => {
  const { values } = moved([order({ dueAt: at(0) }), newOrder('cake', { dueAt: at(1) })], at(9))
  t.same(values, [at(9).getTime(), MCH_ID, at(0).getTime(), 'tea', MCH_ID, at(1).getTime(), 'cake'])
})
