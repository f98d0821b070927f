import t from 'tap'
import { formatReconciliation } from '../../../src/engine/reconcile/report.ts'
import { reportOf } from './bills.ts'

const DAY = '2026-01-31'

t.test('a day on which nothing differs is one line', async (t) => {
  t.equal(formatReconciliation(reportOf(DAY)), '2026-01-31: 0 rows, 0 open')
  t.equal(
    formatReconciliation(reportOf(DAY, { rows: 5, equal: 3, foreign: 2, elsewhere: 1 })),
    '2026-01-31: 5 rows, 3 equal, 0 open, 2 foreign, 1 elsewhere',
  )
})

t.test('differences are a table, followed by unreadable lines', async (t) => {
  const text = formatReconciliation(
    reportOf(DAY, {
      rows: 3,
      healed: 1,
      open: 1,
      unreadableRows: 1,
      differences: [
        {
          kind: 'theirs-only',
          outTradeNo: 'order-1',
          outRefundNo: undefined,
          ours: '-',
          theirs: 'paid, 1250 fen, 42',
          outcome: 'healed',
          reason: 'WeChat says so',
        },
        {
          kind: 'amount-differs',
          outTradeNo: 'order-12',
          outRefundNo: 'order-12-1',
          ours: 'success, 1 fen, 50',
          theirs: 'SUCCESS, 2 fen, 50',
          outcome: 'open',
          reason: 'WeChat says otherwise',
        },
      ],
      unreadable: [{ line: 7, reason: 'it has 2 values' }],
    }),
  )
  t.equal(
    text,
    [
      '2026-01-31: 3 rows, 1 healed, 1 open, 1 unreadable',
      'outcome  kind            order     refund      ours                theirs',
      'healed   theirs-only     order-1               -                   paid, 1250 fen, 42  WeChat says so',
      'open     amount-differs  order-12  order-12-1  success, 1 fen, 50  SUCCESS, 2 fen, 50  WeChat says otherwise',
      'line 7 of the bill cannot be read: it has 2 values',
    ].join('\n'),
  )
})
