import t from 'tap'
import { createQuery } from '../../src/engine/query.ts'
import type { Observation } from '../../src/engine/machine/observation.ts'
import type { Order, RefundReport } from '../../src/model.ts'
import { errors, newOrder, paymentOf } from './helpers.ts'

const unpaid = newOrder({ state: 'prepaid' })
const payment = paymentOf(unpaid)
const paid = { ...unpaid, state: 'paid' as const, payment }

const report = (outRefundNo: string, state: RefundReport['state'], refundFee = 100): RefundReport => ({
  outRefundNo,
  outTradeNo: unpaid.outTradeNo,
  refundId: `50${outRefundNo}`,
  refundFee,
  state,
})

/** What is applied to the order, in short, when WeChat says that money went back and lists these refunds. */
async function applied(order: Order, refunds: RefundReport[] | Error | undefined): Promise<string[]> {
  const seen: Observation[] = []
  const query = createQuery({
    pay: {
      query: async () => ({ tradeState: 'REFUND', payment }),
      ...(refunds !== undefined && {
        listRefunds: async () => {
          if (refunds instanceof Error) throw refunds
          return [...refunds]
        },
      }),
    },
    apply: async (current, observation) => {
      seen.push(observation)
      return current
    },
  })
  await query(order, true).catch((error: unknown) => {
    if (error !== refunds) throw error
    seen.push({ seen: 'no-answer', source: 'query', reason: 'it passes through' })
  })
  return seen.map((each) =>
    each.seen === 'refund-reported'
      ? `${each.report.outRefundNo} ${each.report.state}`
      : each.seen +
        ('refunded' in each && each.refunded ? ', refunded' : '') +
        ('unlisted' in each && each.unlisted ? ' by what is not listed' : ''),
  )
}

t.test('a trade of which money went back: which refunds, and when they are applied', async (t) => {
  const [first, second, closed] = [report('a', 'success'), report('b', 'processing'), report('c', 'closed')]
  const known = (part: object) => ({
    ...paid,
    refunds: [
      {
        ...{ outRefundNo: 'a', key: 'a', refundFee: 100, origin: 'external' as const, state: 'success' as const },
        ...{ refundId: '50a', createdAt: payment.paidAt, attempts: 0, dueAt: null, fulfilment: 'done' as const },
        ...part,
      },
    ],
  })
  const cases: [what: string, order: Order, refunds: RefundReport[] | Error | undefined, expected: string[]][] = [
    ['paid: the refunds first', paid, [first], ['a success', 'payment, refunded']],
    ['unpaid: the payment first', unpaid, [first], ['payment, refunded', 'a success']],
    [
      'closed refunds make room',
      paid,
      [first, second, closed],
      ['c closed', 'a success', 'b processing', 'payment, refunded'],
    ],
    ['known refunds are no news', known({}), [first, second], ['b processing', 'payment, refunded']],
    [
      'unless it is a rumour',
      known({ refundId: undefined, state: 'success' }),
      [first],
      ['a success', 'payment, refunded'],
    ],
    ['or stands otherwise', known({ state: 'processing' }), [first], ['a success', 'payment, refunded']],
    ['or is of another amount', known({ refundFee: 1 }), [first], ['a success', 'payment, refunded']],
    ['none', paid, [], ['payment, refunded by what is not listed']],
    ['a list that fails', paid, errors.timeout(), ['payment, refunded', 'no-answer']],
    ['the same of an unpaid one', unpaid, errors.timeout(), ['payment, refunded', 'no-answer']],
    ['an API that lists none', paid, undefined, ['payment, refunded by what is not listed']],
  ]
  for (const [what, order, refunds, expected] of cases) t.strictSame(await applied(order, refunds), expected, what)
})
