import t from 'tap'
import type { TradeReport } from '../../src/client/pay.ts'
import { WechatError } from '../../src/errors.ts'
import type { Order, OrderState, OrderTerms, Payment } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import {
  at,
  closed,
  errors,
  fakePay,
  HOUR,
  MINUTE,
  newOrder,
  ordered,
  paymentOf,
  rig,
  scenario,
  SECOND,
  T0,
  termsOf,
} from './helpers.ts'
import type { Call } from './helpers.ts'

const NOTPAY: TradeReport = { tradeState: 'NOTPAY' }
const NOT_EXIST: TradeReport = { tradeState: 'NOT_EXIST' }
const CLOSED_THERE: Call[] = [
  ['query', NOTPAY],
  ['close', 'closed'],
]

/** What WeChat says of an order in that state. */
function reportOf(tradeState: TradeReport['tradeState'], order: Order): TradeReport {
  return tradeState === 'SUCCESS' || tradeState === 'REFUND'
    ? { tradeState, payment: paymentOf(order) }
    : { tradeState }
}

const paidBy = (order: Order) => reportOf('SUCCESS', order)

// ---- create

scenario(
  'an order is stored first, then sent to WeChat, and the caller gets what wx.requestPayment takes',
  async (t, { orders, pay, store }) => {
    const terms = termsOf({ attach: 'a=1' })
    pay.expect([
      'prepay',
      async () => {
        const row = await store.findOrder('order-1')
        t.hasStrict(
          row,
          { state: 'created', liveKey: 'cart-1', dueAt: at(5 * SECOND) },
          'the number is stored before it is sent to WeChat',
        )
        return 'wx1'
      },
    ])
    const { order, payParams } = await orders.create(terms)
    t.hasStrict(payParams, { package: 'prepay_id=wx1', timeStamp: String(T0.getTime() / 1000) })
    t.hasStrict(order, {
      ...terms,
      outTradeNo: 'order-1',
      appid: 'wx0123456789abcdef',
      mchId: '1900000109',
      currency: 'CNY',
      state: 'prepaid',
      prepayId: 'wx1',
      prepayExpiresAt: at(2 * HOUR),
    })
    const { prepayId, prepayExpiresAt, ...row } = order
    t.same(pay.told[0], { ...row, state: 'created', dueAt: at(5 * SECOND) }, 'WeChat gets the stored order')
    t.same(await orders.get('order-1'), order)
    t.equal(await orders.get('nobody'), undefined)
    t.same(await orders.history('order-1'), [
      {
        outTradeNo: 'order-1',
        at: T0,
        source: 'order',
        seen: 'order of 1250 fen',
        outcome: 'created',
        from: 'created',
        to: 'created',
        count: 1,
        lastAt: T0,
      },
      {
        outTradeNo: 'order-1',
        at: T0,
        source: 'order',
        seen: 'prepaid',
        outcome: 'prepaid',
        from: 'created',
        to: 'prepaid',
        count: 1,
        lastAt: T0,
      },
    ])
  },
)

scenario(
  'ordering again with the same terms returns the same order and prepay id, freshly signed, without a call to WeChat',
  async (t, made) => {
    const first = await ordered(made)
    made.advance(HOUR)
    const { order, payParams } = await made.orders.create(termsOf({ clientIp: '2001:db8::1', expiresAt: at(9 * HOUR) }))
    t.same(order, first)
    t.hasStrict(payParams, { package: 'prepay_id=wx1', timeStamp: String(at(HOUR).getTime() / 1000) })
  },
)

scenario(
  'when the prepay id is about to expire, the order is sent again under the same number with the first terms',
  async (t, made) => {
    const { orders, pay } = made
    const long = { expiresAt: at(24 * HOUR) }
    await ordered(made, long)
    made.advance(115 * MINUTE - 1)
    t.hasStrict(
      (await orders.create(termsOf(long))).payParams,
      { package: 'prepay_id=wx1' },
      'valid for five more minutes',
    )
    made.advance(1)
    pay.expect(['prepay', 'wx2'])
    const { order, payParams } = await orders.create(termsOf({ ...long, clientIp: '2001:db8::1' }))
    t.hasStrict(payParams, { package: 'prepay_id=wx2' })
    t.hasStrict(order, { outTradeNo: 'order-1', prepayId: 'wx2', prepayExpiresAt: at(235 * MINUTE) })
    t.hasStrict(pay.told[1], { ...termsOf(long), outTradeNo: 'order-1', createdAt: T0 })
  },
)

const OTHER_TERMS: Partial<OrderTerms>[] = [
  { totalFee: 1251 },
  { description: '绿茶' },
  { attach: 'b' },
  { openid: 'oAnother' },
]
for (const part of OTHER_TERMS) {
  scenario(
    `other terms (${Object.keys(part)}): the old order is closed, then a new one gets a new number`,
    async (t, made) => {
      await ordered(made)
      made.pay.expect(...CLOSED_THERE, ['prepay', 'wx2'])
      const { order } = await made.orders.create(termsOf(part))
      t.hasStrict(order, { outTradeNo: 'order-2', ...part, state: 'prepaid', liveKey: 'cart-1' })
      t.hasStrict(await made.orders.get('order-1'), { state: 'closed', liveKey: null })
      t.same(made.pay.asked, ['prepay order-1', 'query order-1', 'close order-1', 'prepay order-2'])
    },
  )
}

scenario(
  'an order made with the other API version, whose prepay id cannot be used, is closed, then a new one gets a new number',
  async (t, made) => {
    t.equal((await ordered(made)).apiVersion, 'v2')
    Object.assign(made.pay, { version: 'v3' })
    made.pay.expect(...CLOSED_THERE, ['prepay', 'wx2'])
    t.hasStrict((await made.orders.create(termsOf())).order, { outTradeNo: 'order-2', apiVersion: 'v3' })
  },
)

scenario('an order in its last minute is closed before a new one is made', async (t, made) => {
  await ordered(made)
  made.advance(119 * MINUTE)
  // Its prepay id is about to expire too.
  made.pay.expect(['prepay', 'wx2'])
  t.hasStrict((await made.orders.create(termsOf())).order, { outTradeNo: 'order-1' }, 'one minute left')
  made.advance(1)
  made.pay.expect(...CLOSED_THERE, ['prepay', 'wx3'])
  t.hasStrict((await made.orders.create(termsOf({ expiresAt: at(4 * HOUR) }))).order, { outTradeNo: 'order-2' })
})

scenario('an order that lives for one minute is handed out for half of it', async (t, made) => {
  await ordered(made, { expiresAt: at(MINUTE) })
  made.advance(30 * SECOND)
  t.hasStrict((await made.orders.create(termsOf({ expiresAt: at(90 * SECOND) }))).order, { outTradeNo: 'order-1' })
  made.advance(1)
  made.pay.expect(...CLOSED_THERE, ['prepay', 'wx2'])
  t.hasStrict((await made.orders.create(termsOf({ expiresAt: at(91 * SECOND) }))).order, { outTradeNo: 'order-2' })
})

scenario('a paid key is refused, whatever the terms', async (t, made) => {
  const order = await ordered(made)
  await made.orders.observePayment('notify', paymentOf(order))
  for (const part of [{}, { totalFee: 1 }]) {
    await t.rejects(made.orders.create(termsOf(part)), {
      code: 'WECHAT_ORDER_PAID',
      statusCode: 409,
      message: /order-1/,
    })
  }
})

scenario('an old order that turns out to be paid is settled, and the new one is refused', async (t, made) => {
  const order = await ordered(made)
  made.pay.expect(['query', paidBy(order)])
  await t.rejects(made.orders.create(termsOf({ totalFee: 1 })), { code: 'WECHAT_ORDER_PAID' })
  t.hasStrict(await made.orders.get('order-1'), { state: 'paid', fulfilment: 'due', payment: paymentOf(order) })
  t.same(made.started, ['order-1'])
})

scenario('an order that is being closed has to be closed before a new one is made', async (t, made) => {
  const { orders, pay } = made
  await ordered(made)
  pay.expect(['query', NOTPAY], ['close', errors.timeout()])
  await t.rejects(orders.cancel('order-1'), { code: 'WECHAT_TIMEOUT' })
  await t.rejects(
    orders.create(termsOf()),
    { code: 'WECHAT_ORDER_CONFLICT', message: /still being closed/, advice: 'repeat' },
    'WeChat is not asked again right away',
  )
  made.advance(2 * SECOND)
  pay.expect(...CLOSED_THERE, ['prepay', 'wx2'])
  t.hasStrict((await orders.create(termsOf())).order, { outTradeNo: 'order-2', state: 'prepaid' })
})

/** The states an order can have at WeChat when it refuses its number, and what follows. */
const REFUSED: [wechatCode: string, tradeState: TradeReport['tradeState'], close: Call[], state: OrderState][] = [
  ['ORDERPAID', 'SUCCESS', [], 'paid'],
  ['ORDERPAID', 'REFUND', [], 'paid'],
  ['ORDERCLOSED', 'CLOSED', [], 'closed'],
  ['ORDERCLOSED', 'REVOKED', [], 'closed'],
  ['INVALID_REQUEST', 'NOTPAY', [['close', 'closed']], 'closed'],
  ['INVALID_REQUEST', 'NOT_EXIST', [['close', 'closed']], 'closed'],
  ['INVALID_REQUEST', 'USERPAYING', [['close', 'closed']], 'closed'],
]
for (const [wechatCode, tradeState, close, state] of REFUSED) {
  scenario(
    `${wechatCode} for a number that WeChat reports as ${tradeState}: ${state}, ${state === 'paid' ? 'settled' : 'then a new number'}`,
    async (t, { orders, pay, started }) => {
      pay.expect(
        ['prepay', errors.repeated(wechatCode)],
        ['query', async () => reportOf(tradeState, (await orders.get('order-1'))!)],
        ...close,
      )
      if (state === 'paid') {
        await t.rejects(orders.create(termsOf()), { code: 'WECHAT_ORDER_PAID' })
      } else {
        pay.expect(['prepay', 'wx2'])
        t.hasStrict((await orders.create(termsOf())).order, { outTradeNo: 'order-2', prepayId: 'wx2' })
      }
      t.hasStrict(await orders.get('order-1'), { state })
      t.same(started, tradeState === 'SUCCESS' ? ['order-1'] : [])
    },
  )
}

scenario('a number refused while its first prepay id is in use is handled the same way', async (t, made) => {
  const long = termsOf({ expiresAt: at(24 * HOUR) })
  await ordered(made, long)
  made.advance(2 * HOUR)
  made.pay.expect(['prepay', errors.repeated('INVALID_REQUEST')], ...CLOSED_THERE, ['prepay', 'wx2'])
  t.hasStrict((await made.orders.create(long)).order, { outTradeNo: 'order-2' })
})

scenario(
  'when WeChat keeps refusing new numbers, the refusal is returned and no order stays open',
  async (t, { orders, pay }) => {
    for (let round = 0; round < 4; round++) {
      pay.expect(['prepay', errors.repeated('INVALID_REQUEST')], ['query', NOT_EXIST], ['close', 'closed'])
    }
    await t.rejects(orders.create(termsOf()), { code: 'WECHAT_ORDER_CONFLICT', wechatCode: 'INVALID_REQUEST' })
    for (const n of [1, 2, 3, 4]) t.hasStrict(await orders.get(`order-${n}`), { state: 'closed' })
  },
)

scenario(
  'if the old order can be neither settled nor closed, ordering again is refused and the old order stays',
  async (t, made) => {
    await ordered(made)
    made.pay.expect(['query', NOTPAY], ['close', 'paid'], ['query', NOTPAY])
    await t.rejects(made.orders.create(termsOf({ totalFee: 1 })), {
      code: 'WECHAT_ORDER_CONFLICT',
      advice: 'repeat',
      wechatCode: undefined,
    })
    t.hasStrict(await made.orders.get('order-1'), { state: 'closing', liveKey: 'cart-1' })
  },
)

scenario(
  'after a definite refusal the order has failed, its key is free, and the next order has a new number',
  async (t, { orders, pay }) => {
    pay.expect(['prepay', errors.refused()])
    await t.rejects(orders.create(termsOf()), { code: 'WECHAT_ACCOUNT_REFUSED' })
    t.hasStrict(await orders.get('order-1'), { state: 'failed', liveKey: null, dueAt: null })
    pay.expect(['prepay', 'wx2'])
    t.hasStrict((await orders.create(termsOf())).order, { outTradeNo: 'order-2' })
  },
)

scenario(
  'after a lost answer the order is unknown, and is sent again with the same number and terms',
  async (t, made) => {
    const { orders, pay } = made
    pay.expect(['prepay', errors.timeout()])
    await t.rejects(orders.create(termsOf()), { code: 'WECHAT_TIMEOUT' })
    t.hasStrict(await orders.get('order-1'), { state: 'unknown', liveKey: 'cart-1', dueAt: at(5 * SECOND) })
    made.advance(SECOND)
    pay.expect(['prepay', 'wx1'])
    const { order } = await orders.create(termsOf({ clientIp: '2001:db8::1', expiresAt: at(3 * HOUR) }))
    t.hasStrict(order, { outTradeNo: 'order-1', state: 'prepaid', prepayExpiresAt: at(2 * HOUR + SECOND) })
    t.hasStrict(pay.told[1], { ...termsOf(), createdAt: T0 })
  },
)

scenario(
  'a refusal after a lost answer does not end the order: WeChat has to be asked first',
  async (t, { orders, pay }) => {
    pay.expect(['prepay', errors.timeout()], ['prepay', errors.refused()])
    await t.rejects(orders.create(termsOf()), { code: 'WECHAT_TIMEOUT' })
    await t.rejects(orders.create(termsOf()), { code: 'WECHAT_ACCOUNT_REFUSED' })
    t.hasStrict(await orders.get('order-1'), { state: 'closing', liveKey: 'cart-1', dueAt: at(30 * SECOND) })
  },
)

scenario('a call that was never sent leaves the order unchanged', async (t, { orders, pay }) => {
  pay.expect(['prepay', errors.neverSent()], ['prepay', 'wx1'])
  await t.rejects(orders.create(termsOf()), { code: 'WECHAT_NETWORK' })
  t.hasStrict(await orders.get('order-1'), { state: 'created' })
  t.hasStrict((await orders.create(termsOf())).order, { outTradeNo: 'order-1', state: 'prepaid' })
})

scenario('an error that does not come from WeChat is passed on and changes nothing', async (t, { orders, pay }) => {
  const bug = new TypeError('bug')
  pay.expect(['prepay', bug])
  await t.rejects(orders.create(termsOf()), bug)
  t.hasStrict(await orders.get('order-1'), { state: 'created' })
})

scenario(
  'a notification that arrives before the answer to the order is not overwritten by that answer',
  async (t, { orders, pay }) => {
    pay.expect([
      'prepay',
      async () => {
        const order = (await orders.get('order-1'))!
        t.hasStrict(await orders.observePayment('notify', paymentOf(order)), { outcome: 'settled' })
        return 'wx1'
      },
    ])
    await t.rejects(orders.create(termsOf()), { code: 'WECHAT_ORDER_PAID' })
    t.hasStrict(await orders.get('order-1'), { state: 'paid', fulfilment: 'due', prepayId: undefined })
  },
)

scenario('an order cancelled before WeChat has answered is replaced by a new one', async (t, { orders, pay }) => {
  pay.expect(
    [
      'prepay',
      async () => {
        await orders.cancel('order-1')
        return 'wx1'
      },
    ],
    ['query', NOT_EXIST],
    ['close', 'closed'],
    ['prepay', 'wx2'],
  )
  t.hasStrict((await orders.create(termsOf())).order, { outTradeNo: 'order-2', prepayId: 'wx2' })
  t.hasStrict(await orders.get('order-1'), { state: 'closed', prepayId: undefined })
})

scenario('many taps at once make one order', async (t, { orders, pay }) => {
  for (let tap = 0; tap < 5; tap++) pay.expect(['prepay', 'wx1'])
  const made = await Promise.all(Array.from({ length: 5 }, () => orders.create(termsOf())))
  t.same(new Set(made.map(({ order }) => order.outTradeNo)), new Set(['order-1']))
  t.same(new Set(made.map(({ payParams }) => payParams.package)), new Set(['prepay_id=wx1']))
})

for (const [how, before] of [
  ['', []],
  [', after the old order was closed, once', [...CLOSED_THERE]],
] as const) {
  scenario(
    `of ten simultaneous orders with one key and different prices, one is made and the others are refused${how}`,
    async (t, made) => {
      if (before.length > 0) await ordered(made, { totalFee: 99 })
      made.pay.expect(...before, ['prepay', 'wx'])
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) => made.orders.create(termsOf({ totalFee: 100 + n }))),
      )
      const [won, ...more] = results.filter(({ status }) => status === 'fulfilled')
      t.same(more, [])
      t.hasStrict(won, { value: { order: { state: 'prepaid', liveKey: 'cart-1' } } })
      for (const result of results) {
        if (result.status === 'rejected') {
          t.match(result.reason, {
            code: 'WECHAT_ORDER_CONFLICT',
            advice: 'repeat',
            message: /is being ordered under the same key with other terms. Order again in a few seconds/,
          })
        }
      }
    },
  )
}

for (const [when, age, yields] of [
  ['that was just made', 0, true],
  ['that may still be in progress', 30 * SECOND - 1, true],
  ['whose process must have died', 30 * SECOND, false],
  ['made by a clock that is slightly ahead', -90 * SECOND, true],
  ['made by a clock that is wrong', -HOUR, false],
] as const) {
  scenario(
    `an order ${when} ${yields ? 'is left alone' : 'is replaced'} when other terms are ordered`,
    async (t, made) => {
      const createdAt = at(-age)
      const order = newOrder({ outTradeNo: 'order-0', createdAt, totalFee: 99, dueAt: null })
      await made.store.insertOrder({ order, history: [], anomalies: [] })
      if (yields) {
        await t.rejects(made.orders.create(termsOf()), { code: 'WECHAT_ORDER_CONFLICT' })
        return
      }
      made.pay.expect(...CLOSED_THERE, ['prepay', 'wx1'])
      t.hasStrict((await made.orders.create(termsOf())).order, { outTradeNo: 'order-1' })
    },
  )
}

t.test('two processes that order the same key at the same moment share the order stored first', async (t) => {
  const store = memoryStore() as Store
  const elsewhere = rig({ store })
  const here = rig({
    store: {
      ...store,
      async insertOrder(change) {
        await ordered(elsewhere)
        return await store.insertOrder({ ...change, order: { ...change.order, outTradeNo: 'order-9' } })
      },
    },
  })
  t.hasStrict((await here.orders.create(termsOf())).order, { outTradeNo: 'order-1', prepayId: 'wx1' })
  t.same(here.pay.asked, [])
  t.equal(await store.findOrder('order-9'), undefined)
})

// ---- cancel

/** WeChat's answers to a cancellation, and the resulting order. */
const CANCELLED: [what: string, calls: (order: Order) => Call[], after: Partial<Order>][] = [
  ['not paid: closed at WeChat, then here', () => CLOSED_THERE, { state: 'closed', liveKey: null, dueAt: null }],
  ['already paid: settled, not closed', (order) => [['query', paidBy(order)]], { state: 'paid', fulfilment: 'due' }],
  [
    'paid and refunded: settled, and held',
    (order) => [['query', reportOf('REFUND', order)]],
    { state: 'paid', fulfilment: 'held' },
  ],
  ['already closed: closed', () => [['query', { tradeState: 'CLOSED' }]], { state: 'closed', liveKey: null }],
  [
    'not known to WeChat yet: closed there anyway',
    () => [
      ['query', NOT_EXIST],
      ['close', 'closed'],
    ],
    { state: 'closed' },
  ],
  [
    'paid between query and close: queried again, and settled',
    (order) => [
      ['query', NOTPAY],
      ['close', 'paid'],
      ['query', paidBy(order)],
    ],
    { state: 'paid', fulfilment: 'due' },
  ],
  [
    'WeChat refuses to close a paid order but does not report the payment yet: stays closing',
    () => [
      ['query', NOTPAY],
      ['close', 'paid'],
      ['query', NOTPAY],
    ],
    { state: 'closing', liveKey: 'cart-1', dueAt: at(30 * SECOND) },
  ],
]
for (const [what, calls, after] of CANCELLED) {
  scenario(`cancel, ${what}`, async (t, made) => {
    const order = await ordered(made)
    made.pay.expect(...calls(order))
    t.hasStrict(await made.orders.cancel('order-1'), after)
    t.hasStrict(await made.orders.get('order-1'), after)
    t.same(made.started, after.fulfilment === 'due' ? ['order-1'] : [])
  })
}

for (const moment of ['query', 'close'] as const) {
  scenario(`a notification that comes while cancelling, during the ${moment}, wins`, async (t, made) => {
    const order = await ordered(made)
    const meanwhile = async <T>(answer: T) => {
      await made.orders.observePayment('notify', paymentOf(order))
      return answer
    }
    if (moment === 'query') made.pay.expect(['query', () => meanwhile(NOTPAY)])
    else made.pay.expect(['query', NOTPAY], ['close', () => meanwhile('closed' as const)])
    t.hasStrict(await made.orders.cancel('order-1'), { state: 'paid', payment: paymentOf(order), liveKey: 'cart-1' })
  })
}

const LOST: [moment: string, calls: Call[]][] = [
  ['query', [['query', errors.timeout()]]],
  [
    'close',
    [
      ['query', NOTPAY],
      ['close', errors.timeout()],
    ],
  ],
  [
    'second query',
    [
      ['query', NOTPAY],
      ['close', 'paid'],
      ['query', errors.timeout()],
    ],
  ],
]
for (const [moment, calls] of LOST) {
  scenario(
    `an order whose cancellation gets no answer to its ${moment} stays closing, can still be paid, and can be cancelled again`,
    async (t, made) => {
      const { orders, pay } = made
      await ordered(made)
      pay.expect(...calls)
      await t.rejects(orders.cancel('order-1', 'changed her mind'), { code: 'WECHAT_TIMEOUT' })
      t.hasStrict(await orders.get('order-1'), {
        state: 'closing',
        liveKey: 'cart-1',
        attempts: 0,
        dueAt: at(30 * SECOND),
      })
      t.hasStrict(await orders.history('order-1'), [{}, {}, { seen: 'close-wanted: changed her mind' }])
      t.hasStrict(await orders.cancel('order-1'), { state: 'closing' }, 'WeChat is not asked again right away')
      made.advance(2 * SECOND)
      pay.expect(...CLOSED_THERE)
      t.hasStrict(await orders.cancel('order-1'), { state: 'closed' })
    },
  )
}

scenario('cancelling a finished order changes nothing, and an unknown order is undefined', async (t, made) => {
  const order = await ordered(made)
  await made.orders.observePayment('notify', paymentOf(order))
  t.hasStrict(await made.orders.cancel('order-1'), { state: 'paid' })
  t.equal(await made.orders.cancel('nobody'), undefined)
})

// ---- refresh

const REFRESHED: [tradeState: TradeReport['tradeState'], after: Partial<Order>][] = [
  ['SUCCESS', { state: 'paid', fulfilment: 'due' }],
  ['REFUND', { state: 'paid', fulfilment: 'held', dueAt: null }],
  ['NOTPAY', { state: 'prepaid', queriedAt: at(10 * SECOND), dueAt: at(5 * SECOND) }],
  ['USERPAYING', { state: 'prepaid', queriedAt: at(10 * SECOND) }],
  ['ACCEPT', { state: 'prepaid', queriedAt: at(10 * SECOND) }],
  ['PAYERROR', { state: 'prepaid', queriedAt: at(10 * SECOND) }],
  ['NOT_EXIST', { state: 'prepaid', queriedAt: at(10 * SECOND) }],
  ['CLOSED', { state: 'closed', liveKey: null }],
  ['REVOKED', { state: 'closed', liveKey: null }],
]
for (const [tradeState, after] of REFRESHED) {
  scenario(`refresh: ${tradeState} makes it ${after.state}`, async (t, made) => {
    const order = await ordered(made)
    made.advance(10 * SECOND)
    made.pay.expect(['query', reportOf(tradeState, order)])
    t.hasStrict(await made.orders.refresh('order-1'), after)
  })
}

scenario("a refresh without an answer records the query and keeps the order's place in the plan", async (t, made) => {
  await ordered(made)
  made.pay.expect(['query', errors.neverSent()])
  await t.rejects(made.orders.refresh('order-1'), { code: 'WECHAT_NETWORK' })
  t.hasStrict(await made.orders.get('order-1'), {
    state: 'prepaid',
    queriedAt: T0,
    dueAt: at(5 * SECOND),
    attempts: 0,
  })
  t.equal(await made.orders.refresh('nobody'), undefined)
})

scenario('a late NOTPAY that arrives after the payment is ignored', async (t, made) => {
  const order = await ordered(made)
  made.pay.expect([
    'query',
    async () => {
      await made.orders.observePayment('notify', paymentOf(order))
      return NOTPAY
    },
  ])
  t.hasStrict(await made.orders.refresh('order-1'), { state: 'paid', fulfilment: 'due' })
})

// ---- payments

scenario('20 identical payments at once settle the order once', async (t, made) => {
  const order = await ordered(made)
  const observed = await Promise.all(
    Array.from({ length: 20 }, () => made.orders.observePayment('notify', paymentOf(order))),
  )
  t.same(observed.map((one) => one?.outcome).sort(), [...Array.from({ length: 19 }, () => 'repeated'), 'settled'])
  t.same(made.started, ['order-1'])
  t.same(made.anomalies, [])
})

const MISFITS: Partial<Payment>[] = [
  { totalFee: 1 },
  { appid: 'wxffffffffffffffff' },
  { mchId: '1900000000' },
  { currency: 'USD' },
  { openid: 'oAnother' },
]
for (const part of MISFITS) {
  scenario(
    `a payment with another ${Object.keys(part)} than the order is set aside and reported once`,
    async (t, made) => {
      const order = await ordered(made)
      const payment = paymentOf(order, part)
      for (let time = 0; time < 3; time++) {
        t.hasStrict(await made.orders.observePayment('notify', payment), {
          outcome: 'refused',
          order: { state: 'prepaid' },
        })
      }
      t.hasStrict(made.anomalies, [{ kind: 'mismatch', outTradeNo: 'order-1', payment }])
      t.equal(made.anomalies.length, 1)
      t.same(made.started, [])
      t.hasStrict(
        await made.orders.observePayment('notify', paymentOf(order)),
        { outcome: 'settled' },
        'the right payment still settles the order',
      )
    },
  )
}

scenario('a second transaction for a paid order is set aside', async (t, made) => {
  const order = await ordered(made)
  await made.orders.observePayment('notify', paymentOf(order))
  t.hasStrict(await made.orders.observePayment('query', paymentOf(order, { transactionId: '4200000009' })), {
    outcome: 'refused',
    order: { payment: paymentOf(order) },
  })
  t.hasStrict(made.anomalies, [{ kind: 'second-transaction', payment: { transactionId: '4200000009' } }])
  t.same(made.started, ['order-1'])
})

scenario(
  'a transaction that paid one order never pays another, whatever the source and however often it is reported',
  async (t, made) => {
    const { orders, anomalies, pay } = made
    const first = await ordered(made)
    await orders.observePayment('notify', paymentOf(first))
    const second = await ordered(made, { key: 'cart-2' })
    const reused = paymentOf(second)
    for (const bring of [
      () => orders.observePayment('notify', reused),
      () => orders.observePayment('notify', reused),
      async () => {
        pay.expect(['query', { tradeState: 'SUCCESS', payment: reused }])
        return { outcome: 'refused', order: await orders.refresh(second.outTradeNo) }
      },
    ]) {
      t.match(await bring(), { outcome: 'refused', order: { state: 'prepaid', payment: undefined } })
    }
    t.match(anomalies, [
      {
        kind: 'reused-transaction',
        outTradeNo: second.outTradeNo,
        reason: `The transaction 4200000001 has paid the order ${first.outTradeNo}`,
        payment: reused,
      },
    ])
    t.equal(anomalies.length, 1, 'reported once')
    t.match(await orders.observePayment('notify', paymentOf(second, { transactionId: '4200000002' })), {
      outcome: 'settled',
    })
  },
)

scenario(
  'it does not pay a closed order either, under any policy',
  async (t, made) => {
    const first = await ordered(made)
    await made.orders.observePayment('notify', paymentOf(first))
    const second = await closed(made, { key: 'cart-2' })
    t.match(await made.orders.observePayment('notify', paymentOf(second)), {
      outcome: 'refused',
      order: { state: 'closed', payment: undefined, liveKey: null },
    })
    t.match(made.anomalies, [{ kind: 'reused-transaction' }])
  },
  { latePayment: 'fulfil' },
)

scenario(
  'when one transaction is reported for 20 orders at once, exactly one is paid',
  async (t, made) => {
    const orders: Order[] = []
    for (let n = 0; n < 20; n++) orders.push(await ordered(made, { key: `cart-${n}` }))
    const observed = await Promise.all(orders.map((order) => made.orders.observePayment('notify', paymentOf(order))))
    const outcomes = observed.map((each) => each!.outcome)
    t.same(outcomes.filter((outcome) => outcome === 'settled').length, 1)
    t.same(outcomes.filter((outcome) => outcome === 'refused').length, 19)
    t.equal(made.anomalies.length, 19)
  },
  { startWork: true },
)

scenario(
  'a payment for an unknown order is recorded, reported once, and answered with undefined',
  async (t, { orders, anomalies, store }) => {
    const payment = paymentOf({
      ...termsOf(),
      outTradeNo: 'nobody',
      appid: 'wx0123456789abcdef',
      mchId: '1900000109',
      currency: 'CNY',
    } as Order)
    for (let time = 0; time < 3; time++) t.equal(await orders.observePayment('notify', payment), undefined)
    const found = {
      id: 'unknown-order:1900000109/nobody:4200000001',
      kind: 'unknown-order',
      outTradeNo: 'nobody',
      at: T0,
      reason: 'there is no order with this number',
      payment,
    }
    t.same(anomalies, [found])
    t.same(await store.anomalies(100), [found])
  },
)

scenario('a late payment is held for a person to decide, and the key stays free', async (t, made) => {
  const order = await closed(made)
  t.hasStrict(await made.orders.observePayment('notify', paymentOf(order)), {
    outcome: 'late',
    order: { state: 'closed', payment: paymentOf(order), fulfilment: 'held', liveKey: null },
  })
  t.hasStrict(await made.orders.observePayment('notify', paymentOf(order)), { outcome: 'repeated' })
  t.hasStrict(made.anomalies, [{ kind: 'late' }])
  t.equal(made.anomalies.length, 1)
  t.same(made.started, [])
})

scenario(
  'a late payment under the policy "fulfil" pays the order',
  async (t, made) => {
    const order = await closed(made)
    t.hasStrict(await made.orders.observePayment('query', paymentOf(order)), {
      outcome: 'late',
      order: { state: 'paid', fulfilment: 'due', liveKey: 'cart-1' },
    })
    t.hasStrict(made.anomalies, [{ kind: 'late' }])
    t.same(made.started, ['order-1'])
  },
  { latePayment: 'fulfil' },
)

scenario(
  'a late payment never pays a key twice: it is held if another order is open, and a duplicate if another is paid',
  async (t, made) => {
    const late = await closed(made)
    const latest = await closed(made)
    const live = await ordered(made)
    t.hasStrict(await made.orders.observePayment('notify', paymentOf(late)), {
      outcome: 'late',
      order: { state: 'closed', fulfilment: 'held' },
    })
    await made.orders.observePayment('notify', paymentOf(live, { transactionId: '4200000002' }))
    t.hasStrict(await made.orders.observePayment('notify', paymentOf(latest, { transactionId: '4200000003' })), {
      outcome: 'late',
      order: { state: 'closed', fulfilment: 'held' },
    })
    t.hasStrict(made.anomalies, [
      { kind: 'late', outTradeNo: 'order-1' },
      { kind: 'duplicate', outTradeNo: 'order-2' },
    ])
    t.same(made.started, ['order-3'])
  },
  { latePayment: 'fulfil' },
)

t.test('a late payment is held if a new order takes its key at the same moment', async (t) => {
  const store = memoryStore() as Store
  const elsewhere = rig({ store })
  const here = rig({
    latePayment: 'fulfil',
    store: {
      ...store,
      async findLiveOrder(key, mchId) {
        const live = await store.findLiveOrder(key, mchId)
        if (live === undefined) {
          await store.insertOrder({
            order: { ...late, outTradeNo: 'order-9', state: 'created', liveKey: key },
            history: [],
            anomalies: [],
          })
        }
        return live
      },
    },
  })
  const late = await closed(elsewhere)
  t.hasStrict(await here.orders.observePayment('notify', paymentOf(late)), {
    outcome: 'late',
    order: { state: 'closed', fulfilment: 'held', payment: paymentOf(late) },
  })
  t.hasStrict(await store.findLiveOrder('cart-1', late.mchId), { outTradeNo: 'order-9' })
  t.hasStrict(here.anomalies, [{ kind: 'late' }])
})

t.test('a store error is passed on: nothing is acknowledged that is not stored', async (t) => {
  const down = new WechatError('WECHAT_UNAVAILABLE', 'The database is down.')
  for (const error of [new Error('down'), down]) {
    const { orders, started } = rig({
      store: {
        ...(memoryStore() as Store),
        async updateOrder() {
          throw error
        },
      },
    })
    await t.rejects(orders.observePayment('notify', paymentOf({ outTradeNo: 'order-1' } as Order)), error)
    t.same(started, [])
  }
})

t.test('the scripted WeChat of these tests reports unexpected and missing calls', async (t) => {
  const pay = fakePay()
  pay.expect(['close', 'closed'])
  await t.rejects(pay.query('order-1'))
  await t.rejects(pay.query('order-1'))
  pay.expect(['query', NOTPAY])
  t.same(pay.faults(), [
    'query order-1 came instead of close',
    'query order-1 came instead of nothing',
    'query did not come',
  ])
})
