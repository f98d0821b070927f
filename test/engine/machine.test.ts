import { readFileSync } from 'node:fs'
import t from 'tap'
import { decide } from '../../src/engine/machine.ts'
import { isOpen } from '../../src/engine/machine/ruling.ts'
import type { Observation } from '../../src/engine/machine/observation.ts'
import type { Decision, LatePayment } from '../../src/engine/machine/ruling.ts'
import type { AnomalyKind, Order, Payment, Refund, RefundReport, Resolution, Source } from '../../src/model.ts'
import { at, HOUR, MINUTE, newOrder, paymentOf, SECOND, T0 } from './helpers.ts'

const paid = { payment: paymentOf(newOrder()) }
const leased = { dueAt: at(MINUTE), claims: 1 }
const over = { liveKey: null, dueAt: null, claims: 1 }

/** The columns of the table. */
const ORDERS: Record<string, Order> = {
  created: newOrder({ state: 'created', ...leased }),
  unknown: newOrder({ state: 'unknown', ...leased }),
  prepaid: newOrder({ state: 'prepaid', prepayId: 'wx1', prepayExpiresAt: at(HOUR), ...leased }),
  closing: newOrder({ state: 'closing', ...leased }),
  'paid, due': newOrder({ state: 'paid', fulfilment: 'due', ...paid, ...leased }),
  'paid, done': newOrder({ state: 'paid', fulfilment: 'done', ...paid, dueAt: null, claims: 1 }),
  closed: newOrder({ state: 'closed', ...over }),
  failed: newOrder({ state: 'failed', ...over }),
  'closed, held': newOrder({ state: 'closed', fulfilment: 'held', ...paid, ...over }),
}
for (const order of Object.values(ORDERS)) Object.freeze(order)

const order = newOrder()
const rival = newOrder({ outTradeNo: '20260301120000tea00000000000002', state: 'prepaid' })
const paidRival = newOrder({ ...rival, state: 'paid', payment: paymentOf(rival, { transactionId: '4200000002' }) })
const OTHER: Payment = {
  transactionId: '4200000001',
  outTradeNo: 'another',
  appid: 'wxffffffffffffffff',
  mchId: '1900000000',
  openid: 'oAnother',
  totalFee: 1,
  currency: 'USD',
  paidAt: T0,
}
const hint: Observation = { seen: 'refund-hinted', source: 'notify', outRefundNo: 'console-1', refundFee: 1250 }
const SOURCES: Source[] = ['notify', 'query', 'close', 'operator']

function payments(
  part: Partial<Payment> = {},
  rivals: (Order | 'none' | undefined)[] = [undefined],
  sources = SOURCES,
  polled = false,
): Observation[] {
  return sources.flatMap((source) =>
    rivals.map((rival): Observation => ({
      seen: 'payment',
      source,
      polled,
      payment: paymentOf(order, part),
      ...(rival && { rival }),
    })),
  )
}

/** Payments in which one field differs from the order. */
function misfits(sources: Source[], polled = false): Observation[] {
  return (['outTradeNo', 'appid', 'mchId', 'openid', 'totalFee', 'currency'] as const).flatMap((name) => [
    ...payments({ [name]: OTHER[name] }, [undefined, 'none', rival, paidRival], sources, polled),
    ...payments({ [name]: OTHER[name], transactionId: '4200000009' }, [undefined], sources, polled),
  ])
}

const TAKEN = 'The transaction 4200000001 has paid the order another'

function taken(sources: Source[]): Observation[] {
  return payments({}, [undefined, 'none', rival, paidRival], sources).map((news) => ({ ...news, taken: TAKEN }))
}

function fromAll(make: (source: Source) => Observation | Observation[]): Observation[] {
  return SOURCES.flatMap(make)
}

/** A refund made in the merchant platform, as WeChat reports it. */
function back(refundFee: number, state: RefundReport['state']): Observation & { seen: 'refund-reported' } {
  return {
    seen: 'refund-reported',
    source: 'query',
    report: { outRefundNo: 'console-1', outTradeNo: order.outTradeNo, refundId: '5000', refundFee, state },
  }
}

/** The rows of the table: news that has the same effect from any source, and the policies it is tested with. */
const NEWS: Record<string, { news: Observation[]; policies?: LatePayment[] }> = {
  prepaid: { news: [{ seen: 'prepaid', prepayId: 'wx2', prepayExpiresAt: at(2 * HOUR) }] },
  'prepay-refused': { news: [{ seen: 'prepay-refused', reason: 'NOAUTH' }] },
  'prepay-unknown': { news: [{ seen: 'prepay-unknown', reason: 'timeout' }] },
  payment: { news: payments() },
  'payment, another transaction': { news: payments({ transactionId: '4200000009' }) },
  'payment, one field differs': { news: misfits(SOURCES.filter((source) => source !== 'query')) },
  'payment found by a query, one field differs': { news: misfits(['query']) },
  'payment found by a poll, one field differs': { news: misfits(['query'], true) },
  'payment, transaction paid another order': {
    news: taken(SOURCES.filter((source) => source !== 'query')),
  },
  'payment found by a query, transaction paid another order': { news: taken(['query']) },
  'payment, no rival, hold': { news: payments({}, ['none']), policies: ['hold'] },
  'payment, no rival, fulfil': { news: payments({}, ['none']), policies: ['fulfil'] },
  'payment, no rival, refund': { news: payments({}, ['none']), policies: ['refund'] },
  'payment, unpaid rival': { news: payments({}, [rival]), policies: ['hold', 'fulfil'] },
  'payment, unpaid rival, refund': { news: payments({}, [rival]), policies: ['refund'] },
  'payment, paid rival': { news: payments({}, [paidRival]), policies: ['hold', 'fulfil'] },
  'payment, paid rival, refund': { news: payments({}, [paidRival]), policies: ['refund'] },
  'payment found refunded': {
    news: [undefined, 'none' as const, rival, paidRival].flatMap((rival): Observation => ({
      seen: 'payment',
      source: 'query',
      payment: paymentOf(order),
      refunded: true,
      ...(rival && { rival }),
    })),
  },
  'payment-hinted': { news: fromAll((source) => ({ seen: 'payment-hinted', source, transactionId: '4200000001' })) },
  'payment-hinted, another transaction': {
    news: fromAll((source) => ({ seen: 'payment-hinted', source, transactionId: '4200000009' })),
  },
  'payment-failed': { news: fromAll((source) => ({ seen: 'payment-failed', source, reason: 'PAYERROR' })) },
  unpaid: {
    news: (['NOTPAY', 'USERPAYING', 'PAYERROR', 'ACCEPT'] as const).flatMap((tradeState) =>
      fromAll((source) => ({ seen: 'unpaid', source, tradeState })),
    ),
  },
  'not-exist': { news: fromAll((source) => ({ seen: 'not-exist', source })) },
  'unpaid or not-exist, to a poll': {
    news: fromAll((source) => [
      { seen: 'unpaid', source, tradeState: 'NOTPAY', polled: true },
      { seen: 'not-exist', source, polled: true },
    ]),
  },
  closed: { news: fromAll((source) => ({ seen: 'closed', source })) },
  'no-answer': { news: fromAll((source) => ({ seen: 'no-answer', source, reason: 'timeout' })) },
  'no-answer, to a poll': {
    news: fromAll((source) => ({ seen: 'no-answer', source, reason: 'timeout', polled: true })),
  },
  'close-wanted': { news: fromAll((source) => ({ seen: 'close-wanted', source, reason: 'cancelled' })) },
  'refund-hinted': { news: [hint, { ...hint, appid: order.appid }] },
  'refund-hinted, of another app': { news: [{ ...hint, appid: OTHER.appid }] },
  'refund-reported, a part': { news: [back(1249, 'success')] },
  'refund-reported, all, in progress': { news: [back(1250, 'processing')] },
  'refund-reported, all, money is back': { news: [back(1250, 'success')] },
  'refund-reported, all, money is back, by a notification': { news: [{ ...back(1250, 'success'), source: 'notify' }] },
  fulfilled: { news: [{ seen: 'fulfilled' }] },
  'fulfil-failed': { news: [{ seen: 'fulfil-failed', claims: 1, reason: 'no stock' }] },
  'fulfil-failed, of an overtaken claim': { news: [{ seen: 'fulfil-failed', claims: 0, reason: 'no stock' }] },
  'given-back': { news: [{ seen: 'given-back', claims: 1, reason: 'the app is closing' }] },
  'given-back, of an overtaken claim': {
    news: [{ seen: 'given-back', claims: 0, reason: 'the app is closing' }],
  },
  'hold-resolved: refund': {
    news: [{ seen: 'hold-resolved', action: 'refund', note: 'sold out', payment: paymentOf(order) }],
  },
  'hold-resolved: fulfil': {
    news: [{ seen: 'hold-resolved', action: 'fulfil', note: 'in stock', payment: paymentOf(order) }],
  },
  'hold-resolved: dismiss': {
    news: [{ seen: 'hold-resolved', action: 'dismiss', note: 'settled by phone', payment: paymentOf(order) }],
  },
  'hold-resolved: refund, another payment': { news: others('refund') },
  'hold-resolved: fulfil, another payment': { news: others('fulfil') },
  'hold-resolved: dismiss, another payment': { news: others('dismiss') },
  'hold-resolved, transaction paid another order': {
    news: (['refund', 'fulfil'] as const).flatMap(others).map((news) => ({ ...news, taken: TAKEN })),
  },
}

/** Decisions about a payment that is not the order's: a different transaction or a different amount. */
function others(action: Resolution['action']): Observation[] {
  return [{ transactionId: '4200000009' }, { totalFee: 1 }].map((part) => ({
    seen: 'hold-resolved',
    action,
    note: 'by phone',
    payment: paymentOf(order, part),
  }))
}

function cellOf(before: Order, { outcome, change }: Decision): string {
  if (change === undefined) return outcome
  const { order, anomalies } = change
  const parts = [outcome + (order.state === before.state ? '' : ` → ${order.state}`)]
  if (order.fulfilment !== before.fulfilment) parts.push(order.fulfilment)
  if (order.dueAt?.getTime() !== before.dueAt?.getTime()) parts.push(whenOf(order.dueAt))
  return parts.join(' · ') + anomalies.map(({ kind }) => ` ! ${kind}`).join('')
}

function whenOf(dueAt: Date | null): string {
  if (dueAt === null) return 'never'
  const seconds = (dueAt.getTime() - T0.getTime()) / 1000
  return seconds === 0 ? 'now' : `in ${seconds} s`
}

t.test('every kind of news changes every order as machine.md says', async (t) => {
  const lines = readFileSync(new URL('machine.md', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
  const [header, , ...rows] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  t.same(header?.slice(1), Object.keys(ORDERS), 'a column for every order')
  t.same(
    rows.map(([name]) => name),
    Object.keys(NEWS),
    'a row for every kind of news',
  )
  for (const [name, ...cells] of rows) {
    for (const [n, [column, before]] of Object.entries(ORDERS).entries()) {
      const { news, policies = ['hold', 'refund', 'fulfil'] } = NEWS[name!]!
      const made = new Set(
        news.flatMap((observation) =>
          policies.map((latePayment) => cellOf(before, decide(before, observation, { latePayment }, T0))),
        ),
      )
      t.same([...made], [cells[n]], `${name} × ${column}`)
    }
  }
})

function changeOf(
  before: Order,
  observation: Observation,
  { latePayment = 'hold', now = T0 }: { latePayment?: LatePayment; now?: Date } = {},
) {
  const { change } = decide(before, observation, { latePayment }, now)
  return change!
}

const payment = paymentOf(order)
const another = paymentOf(order, { transactionId: '4200000009' })
const settle: Observation = { seen: 'payment', source: 'notify', payment }

/** Fields that the table does not show. */
const FIELDS: [what: string, before: string, news: Observation, after: Partial<Order>][] = [
  [
    'the prepay id and its expiry are stored',
    'created',
    { seen: 'prepaid', prepayId: 'wx2', prepayExpiresAt: at(HOUR) },
    { prepayId: 'wx2', prepayExpiresAt: at(HOUR) },
  ],
  [
    'a later prepay id replaces the first',
    'prepaid',
    { seen: 'prepaid', prepayId: 'wx2', prepayExpiresAt: at(HOUR) },
    { prepayId: 'wx2', prepayExpiresAt: at(HOUR) },
  ],
  ['a payment is stored, and the key stays taken', 'prepaid', settle, { payment, liveKey: 'cart-1' }],
  [
    'a late payment on hold is stored, and the key stays free',
    'closed',
    { ...settle, rival: 'none' },
    { payment, liveKey: null },
  ],
  ['a refusal frees the key', 'created', { seen: 'prepay-refused', reason: 'NOAUTH' }, { liveKey: null }],
  ['closing frees the key', 'closing', { seen: 'closed', source: 'close' }, { liveKey: null }],
  [
    'an order that is being closed keeps its key',
    'prepaid',
    { seen: 'close-wanted', source: 'order', reason: 'cancelled' },
    { liveKey: 'cart-1' },
  ],
  [
    'the time of a query is recorded',
    'prepaid',
    { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY' },
    { queriedAt: T0 },
  ],
  ['also when WeChat does not know the order', 'unknown', { seen: 'not-exist', source: 'query' }, { queriedAt: T0 }],
  ['also when WeChat has closed it', 'prepaid', { seen: 'closed', source: 'query' }, { queriedAt: T0 }],
  ...(['closed', 'failed', 'paid, due', 'paid, done', 'closed, held'] as const).flatMap((column) =>
    (
      [
        { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY' },
        { seen: 'no-answer', source: 'query', reason: 'timeout' },
        { ...settle, source: 'query', rival: 'none', payment: paymentOf(order, { totalFee: 1 }) },
        { ...settle, source: 'query', rival: 'none' },
      ] as const
    ).map((news): [string, string, Observation, Partial<Order>] => [
      'the time of a query is recorded for a finished order too',
      column,
      news,
      { queriedAt: T0 },
    ]),
  ),
  [
    'news from another source is not a query',
    'prepaid',
    { seen: 'unpaid', source: 'close', tradeState: 'NOTPAY' },
    { queriedAt: undefined },
  ],
  [
    'a failed query counts as a failed attempt and as a query',
    'prepaid',
    { seen: 'no-answer', source: 'query', reason: 'timeout' },
    { attempts: 4, queriedAt: T0 },
  ],
  [
    'a failed poll counts as a query, but not as a failed attempt',
    'closing',
    { seen: 'no-answer', source: 'query', reason: 'timeout', polled: true },
    { attempts: 3, queriedAt: T0 },
  ],
  [
    'an answered poll is not a failed attempt',
    'prepaid',
    { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY', polled: true },
    { attempts: 3, queriedAt: T0 },
  ],
  [
    'a poll that finds a mismatched payment is not a failed attempt',
    'closing',
    { ...settle, source: 'query', polled: true, payment: paymentOf(order, { totalFee: 1 }) },
    { attempts: 3, queriedAt: T0 },
  ],
  [
    'an answer resets the attempts of an open order',
    'prepaid',
    { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY' },
    { attempts: 0 },
  ],
  [
    'but not those of a close that keeps failing',
    'closing',
    { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY' },
    { attempts: 3 },
  ],
  [
    'a query that finds a mismatched payment is a failed attempt',
    'closing',
    { ...settle, source: 'query', payment: paymentOf(order, { totalFee: 1 }) },
    { attempts: 4 },
  ],
  [
    'a notification of a mismatched payment is not',
    'closing',
    { ...settle, payment: paymentOf(order, { totalFee: 1 }) },
    { attempts: 3 },
  ],
  [
    'ordering, closing and paying reset the attempts',
    'unknown',
    { seen: 'prepaid', prepayId: 'wx2', prepayExpiresAt: at(HOUR) },
    { attempts: 0 },
  ],
  [
    'ordering, closing and paying reset the attempts',
    'unknown',
    { seen: 'prepay-refused', reason: 'NOAUTH' },
    { attempts: 0 },
  ],
  [
    'ordering, closing and paying reset the attempts',
    'closed, held',
    { seen: 'hold-resolved', action: 'fulfil', note: 'in stock', payment },
    { attempts: 0 },
  ],
  [
    'ordering, closing and paying reset the attempts',
    'prepaid',
    { seen: 'close-wanted', source: 'order', reason: 'cancelled' },
    { attempts: 0 },
  ],
  ['ordering, closing and paying reset the attempts', 'closing', settle, { attempts: 0 }],
  [
    'a claim that is given back is not a failed attempt',
    'paid, due',
    { seen: 'given-back', claims: 1, reason: '' },
    { attempts: 3 },
  ],
  [
    'a failed onPaid is a failed attempt',
    'paid, due',
    { seen: 'fulfil-failed', claims: 1, reason: 'no stock' },
    { attempts: 4 },
  ],
  [
    'a refund does not change the lease of a running onPaid',
    'paid, due',
    { seen: 'refund-wanted', source: 'operator', key: 'r', refundFee: 1 },
    { dueAt: at(MINUTE), attempts: 3 },
  ],
  [
    'an answer about a refund is not a query of the order',
    'paid, done',
    back(1250, 'success'),
    { queriedAt: undefined },
  ],
  [
    'a payment found already refunded is stored, and the key stays taken',
    'prepaid',
    { ...settle, source: 'query', refunded: true },
    { payment, liveKey: 'cart-1' },
  ],
  [
    'also on a closed order, but there the key stays free',
    'closed',
    { ...settle, source: 'query', refunded: true },
    { payment, liveKey: null },
  ],
  ['a hint makes an unpaid order due at once', 'prepaid', hint, { dueAt: T0 }],
  [
    'so does a hint of a payment',
    'prepaid',
    { seen: 'payment-hinted', source: 'notify', transactionId: '42' },
    { dueAt: T0 },
  ],
  [
    "the decision to fulfil makes a mismatched payment the order's",
    'closing',
    { seen: 'hold-resolved', action: 'fulfil', note: '', payment: another },
    { payment: another, liveKey: 'cart-1', attempts: 0 },
  ],
  [
    'so does the decision to refund',
    'closing',
    { seen: 'hold-resolved', action: 'refund', note: '', payment: { ...another, totalFee: 7 } },
    { payment: { ...another, totalFee: 7 }, liveKey: null },
  ],
  [
    'but not the decision to dismiss',
    'closing',
    { seen: 'hold-resolved', action: 'dismiss', note: '', payment: another },
    { payment: undefined, liveKey: 'cart-1', attempts: 0 },
  ],
  [
    'fulfilling a late payment takes the key again',
    'closed, held',
    { seen: 'hold-resolved', action: 'fulfil', note: '', payment },
    { liveKey: 'cart-1' },
  ],
  ['a successful onPaid resets the attempts', 'paid, due', { seen: 'fulfilled' }, { attempts: 0 }],
]

t.test('the fields that machine.md does not show', async (t) => {
  for (const [what, column, news, after] of FIELDS) {
    t.hasStrict(changeOf({ ...ORDERS[column]!, attempts: 3 }, news).order, after, `${what}: ${news.seen} × ${column}`)
  }
  const late = changeOf({ ...ORDERS.closed!, attempts: 3 }, { ...settle, rival: 'none' }, { latePayment: 'fulfil' })
  t.hasStrict(
    late.order,
    { payment, liveKey: 'cart-1', attempts: 0 },
    'a late payment under the policy fulfil takes the key again',
  )
})

t.test('an order whose mismatched payment was dismissed ends when a query reports that payment again', async (t) => {
  const dismissed = changeOf(ORDERS.prepaid!, {
    seen: 'hold-resolved',
    action: 'dismiss',
    note: '',
    payment: another,
  }).order
  const misfit = paymentOf(order, { totalFee: 1 })
  for (const polled of [false, true]) {
    const { order: after, anomalies } = changeOf(dismissed, {
      seen: 'payment',
      source: 'query',
      polled,
      payment: misfit,
    })
    t.match(after, { state: 'failed', liveKey: null, payment: undefined, dueAt: null, queriedAt: T0 })
    t.match(anomalies, [{ kind: 'mismatch' }])
  }
  t.match(
    changeOf(dismissed, { seen: 'payment', source: 'notify', payment: misfit }).order,
    { state: 'closing', liveKey: 'cart-1' },
    'a notification does not end it',
  )
  t.match(changeOf(dismissed, { seen: 'closed', source: 'close' }).order, { state: 'closed', liveKey: null })
  t.match(
    changeOf(dismissed, settle).order,
    { state: 'paid', fulfilment: 'due', payment },
    'the right payment still settles it',
  )
})

t.test('failures are reported from the tenth on, always under the same id, and retries continue', async (t) => {
  const refunding = changeOf(
    { ...ORDERS['paid, done']! },
    { seen: 'refund-wanted', source: 'operator', key: 'k', refundFee: 1 },
  ).order
  const outRefundNo = refunding.refunds[0]!.outRefundNo
  const back = {
    ...refunding,
    refunds: [{ ...refunding.refunds[0]!, state: 'success' as const, fulfilment: 'due' as const }],
  }
  const cases: [order: Order, news: Observation, kind: AnomalyKind, id: string, reason: string][] = [
    [
      ORDERS['paid, due']!,
      { seen: 'fulfil-failed', claims: 1, reason: 'no stock' },
      'hook-failing',
      `hook-failing:${order.outTradeNo}:4200000001`,
      'onPaid has failed 10 times: no stock',
    ],
    [
      back,
      { seen: 'refund-fulfil-failed', outRefundNo, claims: 1, reason: 'closed' },
      'hook-failing',
      `hook-failing:${outRefundNo}`,
      `onRefunded has failed 10 times for ${outRefundNo}: closed`,
    ],
    [
      refunding,
      { seen: 'refund-unsure', outRefundNo, reason: 'NOTENOUGH' },
      'refund-stuck',
      `refund-stuck:${outRefundNo}`,
      'requested 10 times without success: NOTENOUGH',
    ],
  ]
  for (const [first, news, kind, id, reason] of cases) {
    let failing = first
    for (let times = 1; times <= 20; times++) {
      const { order: next, anomalies } = changeOf(failing, news)
      t.match(
        anomalies,
        times < 10 ? [] : [{ kind, id, reason: reason.replace('10', String(times)), outTradeNo: order.outTradeNo }],
        `${kind}, time ${times}`,
      )
      t.equal(anomalies.length, times < 10 ? 0 : 1)
      t.not(next.dueAt, null, 'tried on')
      failing = next
    }
  }
})

/** One line of history for each kind of news: its source and what was seen. */
const SEEN: [news: Observation, source: Source, seen: string, before: string, outcome: string][] = [
  [{ seen: 'prepaid', prepayId: 'wx2', prepayExpiresAt: at(HOUR) }, 'order', 'prepaid', 'created', 'prepaid'],
  [
    { seen: 'prepaid', prepayId: 'wx2', prepayExpiresAt: at(HOUR) },
    'order',
    'prepaid',
    'paid, due',
    'ignored: the order is no longer open',
  ],
  [{ seen: 'prepay-refused', reason: 'NOAUTH' }, 'order', 'prepay-refused: NOAUTH', 'created', 'refused by WeChat'],
  [{ seen: 'prepay-refused', reason: 'NOAUTH' }, 'order', 'prepay-refused: NOAUTH', 'unknown', 'to be closed'],
  [
    { seen: 'prepay-refused', reason: 'NOAUTH' },
    'order',
    'prepay-refused: NOAUTH',
    'prepaid',
    'ignored: an earlier answer stands',
  ],
  [
    { seen: 'prepay-unknown', reason: 'timeout' },
    'order',
    'prepay-unknown: timeout',
    'created',
    'the order may exist at WeChat',
  ],
  [
    { seen: 'prepay-unknown', reason: 'timeout' },
    'order',
    'prepay-unknown: timeout',
    'prepaid',
    'ignored: an earlier answer stands',
  ],
  [settle, 'notify', 'payment 4200000001', 'prepaid', 'paid'],
  [settle, 'notify', 'payment 4200000001', 'paid, due', 'ignored: already known'],
  [{ ...settle, source: 'query', rival: 'none' }, 'query', 'payment 4200000001', 'closed', 'late, on hold'],
  [{ ...settle, rival: paidRival }, 'notify', 'payment 4200000001', 'failed', 'duplicate, on hold'],
  [
    { ...settle, payment: paymentOf(order, { totalFee: 1 }) },
    'notify',
    'payment 4200000001',
    'prepaid',
    "refused: totalFee is 1, the order's is 1250",
  ],
  [
    { ...settle, refunded: true, payment: paymentOf(order, { totalFee: 1 }) },
    'notify',
    'payment 4200000001, refunded',
    'prepaid',
    "refused: totalFee is 1, the order's is 1250; WeChat has refunded some or all of it",
  ],
  [
    { ...settle, payment: paymentOf(order, { openid: 'oAnother' }) },
    'notify',
    'payment 4200000001',
    'paid, done',
    "refused: the payer is another than the order's",
  ],
  [
    { ...settle, payment: paymentOf(order, { transactionId: '4200000009' }) },
    'notify',
    'payment 4200000009',
    'paid, done',
    'refused: the order is paid by 4200000001, and now 4200000009 claims it',
  ],
  [
    { ...settle, taken: TAKEN },
    'notify',
    'payment 4200000001',
    'prepaid',
    'refused: The transaction 4200000001 has paid the order another',
  ],
  [
    { seen: 'payment-failed', source: 'notify', reason: 'BANKERROR' },
    'notify',
    'payment-failed: BANKERROR',
    'prepaid',
    'ignored: the order can still be paid',
  ],
  [{ seen: 'unpaid', source: 'query', tradeState: 'USERPAYING' }, 'query', 'USERPAYING', 'prepaid', 'not paid yet'],
  [
    { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY' },
    'query',
    'NOTPAY',
    'paid, due',
    'ignored: weaker than what is known',
  ],
  [{ seen: 'not-exist', source: 'query' }, 'query', 'not-exist', 'created', 'not known to WeChat yet'],
  [{ seen: 'closed', source: 'close' }, 'close', 'closed', 'closing', 'closed'],
  [{ seen: 'closed', source: 'query' }, 'query', 'closed', 'paid, due', 'ignored: weaker than what is known'],
  [
    { seen: 'no-answer', source: 'query', reason: 'timeout' },
    'query',
    'no-answer: timeout',
    'prepaid',
    'to be queried again',
  ],
  [
    { seen: 'no-answer', source: 'query', reason: 'timeout' },
    'query',
    'no-answer: timeout',
    'closed',
    'ignored: weaker than what is known',
  ],
  [
    { seen: 'close-wanted', source: 'operator', reason: 'cancelled' },
    'operator',
    'close-wanted: cancelled',
    'prepaid',
    'to be closed',
  ],
  [
    { seen: 'close-wanted', source: 'order', reason: 'expired' },
    'order',
    'close-wanted: expired',
    'closing',
    'ignored: already in progress',
  ],
  [
    { seen: 'close-wanted', source: 'order', reason: 'cancelled' },
    'order',
    'close-wanted: cancelled',
    'paid, due',
    'ignored: the order is no longer open',
  ],
  [
    { seen: 'hold-resolved', action: 'fulfil', note: 'in stock', payment },
    'operator',
    'fulfil: in stock',
    'closed, held',
    'to be fulfilled, by decision of the operator',
  ],
  [
    { seen: 'hold-resolved', action: 'refund', note: 'sold out', payment },
    'operator',
    'refund: sold out',
    'closed, held',
    'refunded by the operator',
  ],
  [
    { seen: 'hold-resolved', action: 'dismiss', note: 'settled', payment },
    'operator',
    'dismiss: settled',
    'closed, held',
    'dismissed by the operator',
  ],
  [
    { seen: 'hold-resolved', action: 'dismiss', note: 'settled', payment },
    'operator',
    'dismiss: settled',
    'paid, due',
    'already decided otherwise (due)',
  ],
  [
    { seen: 'hold-resolved', action: 'fulfil', note: 'in stock', payment },
    'operator',
    'fulfil: in stock',
    'paid, done',
    'ignored: already decided so',
  ],
  [
    { seen: 'hold-resolved', action: 'fulfil', note: 'in stock', payment: another },
    'operator',
    'fulfil: in stock',
    'paid, done',
    'the order is paid by 4200000001: move this money in the merchant platform',
  ],
  [
    { seen: 'hold-resolved', action: 'dismiss', note: 'settled', payment: another },
    'operator',
    'dismiss: settled',
    'paid, done',
    'ignored: not what the order was paid by',
  ],
  [{ seen: 'fulfilled' }, 'fulfil', 'fulfilled', 'paid, due', 'done'],
  [{ seen: 'fulfilled' }, 'fulfil', 'fulfilled', 'paid, done', 'ignored: nothing is due'],
  [{ seen: 'fulfilled' }, 'fulfil', 'fulfilled', 'closed, held', 'done, although held meanwhile'],
  [
    { ...settle, source: 'query', refunded: true },
    'query',
    'payment 4200000001, refunded',
    'prepaid',
    'paid and refunded elsewhere, on hold',
  ],
  [
    { ...settle, source: 'query', refunded: true },
    'query',
    'payment 4200000001, refunded',
    'paid, due',
    'refunded elsewhere, on hold',
  ],
  [
    { ...settle, source: 'query', refunded: true },
    'query',
    'payment 4200000001, refunded',
    'paid, done',
    'ignored: already known',
  ],
  [
    { ...settle, source: 'query', refunded: true, unlisted: true },
    'query',
    'payment 4200000001, refunded',
    'paid, done',
    'already known, and refunded elsewhere',
  ],
  ...(
    [
      ['prepaid', 'refused: not proof on its own, so WeChat is queried'],
      ['paid, due', 'ignored: already known'],
    ] as const
  ).map(([column, outcome]): [Observation, Source, string, string, string] => [
    { seen: 'payment-hinted', source: 'notify', transactionId: '4200000001' },
    'notify',
    'payment-hinted 4200000001',
    column,
    outcome,
  ]),
  [
    { seen: 'payment-hinted', source: 'notify', transactionId: '4200000009' },
    'notify',
    'payment-hinted 4200000009',
    'paid, done',
    'refused: the order is paid by 4200000001',
  ],
  [hint, 'notify', 'refund-hinted console-1', 'prepaid', 'refused: no payment of the order is known'],
  [hint, 'notify', 'refund-hinted console-1', 'paid, due', 'a refund made elsewhere, to be queried'],
  [
    { ...hint, appid: 'wxffffffffffffffff' },
    'notify',
    'refund-hinted console-1',
    'paid, due',
    'refused: the order belongs to wx0123456789abcdef, not wxffffffffffffffff',
  ],
  [
    back(1250, 'processing'),
    'query',
    'refund console-1 is processing',
    'paid, due',
    'in progress; all of it is refunded, so onPaid is no longer owed',
  ],
  [back(1249, 'success'), 'query', 'refund console-1 is success', 'paid, due', 'the money is back'],
  [
    { seen: 'fulfil-failed', claims: 1, reason: 'no stock' },
    'fulfil',
    'fulfil-failed: no stock',
    'paid, due',
    'to be tried again',
  ],
  [
    { seen: 'fulfil-failed', claims: 1, reason: 'no stock' },
    'fulfil',
    'fulfil-failed: no stock',
    'paid, done',
    'ignored: nothing is due',
  ],
  [
    { seen: 'fulfil-failed', claims: 0, reason: 'no stock' },
    'fulfil',
    'fulfil-failed: no stock',
    'paid, due',
    'ignored: another process has taken it over',
  ],
  ...(
    [
      [1, 'prepaid', 'for any process to do'],
      [1, 'paid, done', 'ignored: nothing is due'],
      [0, 'paid, due', 'ignored: another process has taken it over'],
    ] as const
  ).map(([claims, column, outcome]): (typeof SEEN)[number] => [
    { seen: 'given-back', claims, reason: 'the app is closing' },
    'fulfil',
    'given-back: the app is closing',
    column,
    outcome,
  ]),
]

t.test('every piece of news adds one line of history, whether or not it changes anything', async (t) => {
  for (const [news, source, seen, column, outcome] of SEEN) {
    const before = ORDERS[column]!
    const { order: after, history } = changeOf(before, news, { now: at(SECOND) })
    t.same(
      history,
      [{ outTradeNo: before.outTradeNo, at: at(SECOND), source, seen, outcome, from: before.state, to: after.state }],
      `${news.seen} × ${column}`,
    )
  }
})

t.test('an anomaly carries its evidence, and gets the same id each time it is found', async (t) => {
  type Case = [kind: AnomalyKind, column: string, part: Partial<Payment>, rival: Order | 'none', reason: string]
  const cases: Case[] = [
    ['mismatch', 'prepaid', { mchId: '1900000000' }, 'none', "mchId is 1900000000, the order's is 1900000109"],
    [
      'second-transaction',
      'paid, done',
      { transactionId: '4200000009' },
      'none',
      'the order is paid by 4200000001, and now 4200000009 claims it',
    ],
    ['reused-transaction', 'prepaid', {}, 'none', TAKEN],
    ['late', 'closed', {}, 'none', 'paid after the order was closed'],
    ['late', 'failed', {}, rival, 'paid after the order was failed'],
    ['duplicate', 'closed', {}, paidRival, 'paid after the order was closed'],
    ...['prepaid', 'closed', 'paid, due'].map((column): Case => [
      'refunded',
      column,
      {},
      'none',
      'WeChat has refunded some or all of it, by a refund that is not known here',
    ]),
  ]
  for (const [kind, column, part, rival, reason] of cases) {
    const payment = paymentOf(order, part)
    const found = [SECOND, MINUTE].map(
      (ms) =>
        changeOf(
          ORDERS[column]!,
          {
            seen: 'payment',
            source: 'query',
            payment,
            rival,
            refunded: kind === 'refunded',
            ...(kind === 'reused-transaction' && { taken: TAKEN }),
          },
          { now: at(ms) },
        ).anomalies,
    )
    const id = `${kind}:${order.outTradeNo}:${payment.transactionId}`
    t.same(
      found,
      [SECOND, MINUTE].map((ms) => [{ id, kind, outTradeNo: order.outTradeNo, at: at(ms), reason, payment }]),
      kind,
    )
  }
})

t.test('created, unknown and prepaid orders are open', async (t) => {
  t.same(
    Object.entries(ORDERS)
      .filter(([, order]) => isOpen(order))
      .map(([name]) => name),
    ['created', 'unknown', 'prepaid'],
  )
})

t.test('money returned by a refund that no list shows', async (t) => {
  const refunded = { ...settle, source: 'query' as const, refunded: true }
  const refund: Refund = {
    ...{ outRefundNo: 'r1', key: 'r1', refundFee: 100, origin: 'local', state: 'success', refundId: '501' },
    ...{ createdAt: T0, attempts: 0, dueAt: null, fulfilment: 'done' },
  }
  const done = ORDERS['paid, done']!
  const cases: [what: string, order: Order, observation: Observation, kinds: AnomalyKind[]][] = [
    ['reported if the order was fulfilled', done, { ...refunded, unlisted: true }, ['refunded']],
    ['not reported unless a list failed', done, refunded, []],
    [
      'not reported if a refund of ours explains it',
      { ...done, refunds: [refund] },
      { ...refunded, unlisted: true },
      [],
    ],
  ]
  for (const [what, order, observation, kinds] of cases) {
    const { change, outcome } = decide(order, observation, { latePayment: 'hold' }, T0)
    t.equal(outcome, 'repeated')
    t.strictSame(
      change!.anomalies.map(({ kind }) => kind),
      kinds,
      what,
    )
  }
})
