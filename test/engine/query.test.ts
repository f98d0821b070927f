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

/** A summary of what is applied to the order when WeChat reports refunded money and lists these refunds. */
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
    seen.push({ seen: 'no-answer', source: 'query', reason: 'the error is passed on' })
  })
  return seen.map((each) =>
    each.seen === 'refund-reported'
      ? `${each.report.outRefundNo} ${each.report.state}`
      : each.seen +
        ('refunded' in each && each.refunded ? ', refunded' : '') +
        ('unlisted' in each && each.unlisted ? ' by an unlisted refund' : ''),
  )
}

t.test('which refunds of a refunded trade are applied, and in which order', async (t) => {
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
    ['a paid order: the refunds first', paid, [first], ['a success', 'payment, refunded']],
    ['an unpaid order: the payment first', unpaid, [first], ['payment, refunded', 'a success']],
    [
      'closed refunds come first, to make room',
      paid,
      [first, second, closed],
      ['c closed', 'a success', 'b processing', 'payment, refunded'],
    ],
    ['known refunds are not applied again', known({}), [first, second], ['b processing', 'payment, refunded']],
    [
      'unless the known refund is a rumour',
      known({ refundId: undefined, state: 'success' }),
      [first],
      ['a success', 'payment, refunded'],
    ],
    ['or its state differs', known({ state: 'processing' }), [first], ['a success', 'payment, refunded']],
    ['or its amount differs', known({ refundFee: 1 }), [first], ['a success', 'payment, refunded']],
    ['none', paid, [], ['payment, refunded by an unlisted refund']],
    ['a list that fails', paid, errors.timeout(), ['payment, refunded', 'no-answer']],
    ['a list that fails, for an unpaid order', unpaid, errors.timeout(), ['payment, refunded', 'no-answer']],
    ['an API that lists no refunds', paid, undefined, ['payment, refunded by an unlisted refund']],
  ]
  for (const [what, order, refunds, expected] of cases) t.strictSame(await applied(order, refunds), expected, what)
})
