import t from 'tap'
import { listRefunds, readRefund } from '../../../src/client/pay-v2/refunds.ts'

type Values = Record<string, string>

const fieldsOf = (values: Values) => new Map(Object.entries(values))

/** The n-th refund of a reply, as WeChat names its fields. */
const refund = (n: number, change: Values = {}): Values => ({
  [`out_refund_no_${n}`]: `console-${n}`,
  [`refund_id_${n}`]: `500${n}`,
  [`refund_fee_${n}`]: '100',
  [`refund_status_${n}`]: 'SUCCESS',
  [`refund_success_time_${n}`]: '2026-01-02 08:00:00',
  ...change,
})

/** A reply with this many refunds. */
function page(count: number, change: Values = {}): Values {
  const refunds = Array.from({ length: count }, (_, n) => refund(n))
  return Object.assign({ out_trade_no: 'tea', refund_count: String(count) }, ...refunds, change) as Values
}

t.test('each status of a refund', async (t) => {
  for (const [status, state] of [
    ['PROCESSING', 'processing'],
    ['SUCCESS', 'success'],
    ['REFUNDCLOSE', 'closed'],
    ['CHANGE', 'abnormal'],
    ['NOTSURE', undefined],
    ['', undefined],
  ] as const) {
    t.equal(readRefund(fieldsOf(page(2, { refund_status_1: status })), 1)?.state, state, status)
  }
})

t.test('a refund with a missing field is ignored', async (t) => {
  const found = readRefund(fieldsOf(page(1)), 0)
  t.strictSame(found, {
    outRefundNo: 'console-0',
    outTradeNo: 'tea',
    refundId: '5000',
    refundFee: 100,
    state: 'success',
    succeededAt: new Date('2026-01-02T00:00:00Z'),
  })
  for (const name of ['out_trade_no', 'out_refund_no_0', 'refund_id_0', 'refund_fee_0', 'refund_status_0']) {
    t.equal(readRefund(fieldsOf(page(1, { [name]: '' })), 0), undefined, name)
  }
  t.match(readRefund(fieldsOf(page(1, { refund_success_time_0: '' })), 0), { succeededAt: undefined })
  t.equal(readRefund(fieldsOf(page(1)), 1), undefined)
})

/** WeChat's answers one after the other, and the offsets requested. */
function answers(...pages: (Values | undefined)[]) {
  const offsets: number[] = []
  return {
    offsets,
    ask: async (offset: number) => {
      offsets.push(offset)
      const values = pages.length > 1 ? pages.shift() : pages[0]
      return values && fieldsOf(values)
    },
  }
}

t.test('pages are requested until all refunds have arrived', async (t) => {
  const cases: [what: string, pages: (Values | undefined)[], offsets: number[], count: number][] = [
    ['none', [undefined], [0], 0],
    ['one', [page(1)], [0], 1],
    ['exactly ten', [page(10)], [0], 10],
    ['eleven', [page(10, { total_refund_count: '11' }), page(1, { total_refund_count: '11' })], [0, 10], 11],
    ['fifty', [page(10, { total_refund_count: '50' })], [0, 10, 20, 30, 40], 50],
    ['a page that has disappeared meanwhile', [page(10, { total_refund_count: '11' }), undefined], [0, 10], 10],
  ]
  for (const [what, pages, offsets, count] of cases) {
    const wechat = answers(...pages)
    t.equal((await listRefunds(wechat.ask, 'tea')).length, count, what)
    t.strictSame(wechat.offsets, offsets, what)
  }
})

t.test('an answer with an unreadable part is rejected', async (t) => {
  const cases: [what: string, Values, calls: number][] = [
    ['of another order', page(1, { out_trade_no: 'another' }), 1],
    ['no count', page(1, { refund_count: '' }), 1],
    ['a count of zero', page(0), 1],
    ['an invalid count', page(1, { refund_count: 'all' }), 1],
    ['more refunds than its count', page(1, { refund_count: '2' }), 1],
    ['a count that is impossibly large', page(1, { refund_count: '9007199254740991' }), 1],
    ['an unknown status', page(2, { refund_status_1: 'NOTSURE' }), 1],
    ['no end', page(10, { total_refund_count: '9007199254740991' }), 5],
  ]
  for (const [what, values, calls] of cases) {
    const wechat = answers(values)
    await t.rejects(
      listRefunds(wechat.ask, 'tea'),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', message: /the refunds of tea and gave no valid answer/ },
      what,
    )
    t.equal(wechat.offsets.length, calls, what)
  }
})
