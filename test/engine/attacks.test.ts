import t from 'tap'
import {
  closed,
  errors,
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
import type { Call, Rig } from './helpers.ts'
import { createAnomalies } from '../../src/engine/anomalies.ts'
import { WechatError } from '../../src/errors.ts'
import type { Refund, RefundReport } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'

// Found by attacking the engine: each of these once lost money, or refunded it twice.

scenario('an order of another merchant in the same table is never queried with our credentials', async (t, rig) => {
  const foreign = newOrder({
    outTradeNo: 'foreign-1',
    mchId: '1900000999',
    state: 'prepaid',
    prepayId: 'wx1',
    dueAt: rig.now(),
  })
  await rig.store.insertOrder({ order: foreign, history: [], anomalies: [] })
  const code = 'WECHAT_ORDER_CONFLICT'
  const other = newOrder({ outTradeNo: 'app-2', appid: 'wx00000000000000c0', state: 'prepaid', prepayId: 'wx2' })
  await rig.store.insertOrder({ order: other, history: [], anomalies: [] })
  await t.rejects(rig.orders.create(termsOf()), { code, message: /belongs to the merchant 1900000109 and wx\w+c0/ })
  await t.rejects(rig.orders.refresh('foreign-1'), { code })
  await t.rejects(rig.orders.cancel('foreign-1'), { code })
  await t.rejects(rig.refunds.create('foreign-1', { key: 'k', refundFee: 1 }), { code, message: /another account/ })
  await t.rejects(rig.refunds.refresh('foreign-1', 'console-1'), { code, message: /another account/ })
  const payment = paymentOf(foreign, { totalFee: 1 })
  await rig.store.insertAnomaly({
    id: 'foreign',
    kind: 'mismatch',
    outTradeNo: 'foreign-1',
    at: rig.now(),
    reason: '',
    payment,
  })
  for (const action of ['refund', 'fulfil', 'dismiss'] as const) {
    await t.rejects(createAnomalies(rig).resolve('foreign', action, ''), { code, message: /another account/ })
  }
  t.equal(await rig.work.sweep(), 0)
  t.match(await rig.orders.get('foreign-1'), { state: 'prepaid', fulfilment: 'none', claims: 0 })
  t.strictSame(rig.logged, [])
})

t.test("another merchant's order is refused even if the store hands it out as work", async (t) => {
  const store = memoryStore() as Store
  const foreign = newOrder({ mchId: '1900000999', state: 'prepaid', prepayId: 'wx1', dueAt: T0 })
  const owner = { appids: [foreign.appid], mchId: foreign.mchId }
  await store.insertOrder({ order: foreign, history: [], anomalies: [] })
  const made = rig({ store: { ...store, claimDue: (_owner, ...rest) => store.claimDue(owner, ...rest) } })
  t.equal(await made.work.sweep(), 1)
  t.match(await made.orders.get(foreign.outTradeNo), { state: 'prepaid' })
  t.match(made.logged, [/another account's order: it breaks the contract/])
  t.strictSame(made.pay.asked, [])
})

scenario('an order that WeChat accepted and then does not know is not treated as closed', async (t, rig) => {
  const { outTradeNo } = await ordered(rig)
  rig.pay.expect(['query', { tradeState: 'NOT_EXIST' }], ['close', 'not-exist'])
  t.match(await rig.orders.cancel(outTradeNo), { state: 'closing', liveKey: 'cart-1' })
  rig.advance(3 * HOUR)
  rig.pay.expect(['query', { tradeState: 'NOT_EXIST' }], ['close', 'not-exist'])
  await rig.work.sweep()
  t.match(await rig.orders.get(outTradeNo), { state: 'closed' }, 'only once it has expired')
})

scenario('an unreadable answer to a refund is not a refusal: the amount stays reserved', async (t, rig) => {
  const { outTradeNo, ...order } = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf({ outTradeNo, ...order }))
  await rig.work.sweep()
  rig.pay.expect(['refund', new WechatError('WECHAT_REPLY_INVALID', 'unreadable', { advice: 'query' })])
  t.match(await rig.refunds.create(outTradeNo, { key: 'a', refundFee: 1000 }), { state: 'unknown' })
  await t.rejects(rig.refunds.create(outTradeNo, { key: 'b', refundFee: 1000 }), { message: /the 250 fen/ })

  for (let tries = 1; tries < 8; tries++) {
    rig.advance(HOUR)
    rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
    await rig.work.sweep()
    t.match(
      await rig.refunds.list(outTradeNo),
      [{ state: 'unknown', attempts: tries + 1 }],
      'a refusal after a lost answer is not yet proof',
    )
  }
  rig.advance(HOUR)
  rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
  await rig.work.sweep()
  t.match(await rig.refunds.list(outTradeNo), [{ state: 'failed' }])
  t.match(rig.anomalies, [{ kind: 'refund-refused' }])
})

for (const [second, state] of [
  ['5000', 'processing'],
  [errors.timeout(), 'failed'],
] as const) {
  scenario(
    `of two calls for one refund, WeChat refuses the first, and ${state === 'processing' ? 'accepts the second' : 'the answer to the second is lost'}`,
    async (t, rig) => {
      await rig.orders.observePayment('notify', paymentOf(await ordered(rig)))
      await rig.work.sweep()
      const request = { key: 'return', refundFee: 1250 }
      rig.pay.expect(
        [
          'refund',
          async () => {
            await t.rejects(rig.refunds.create('order-1', request), { code: 'WECHAT_ACCOUNT_REFUSED' })
            if (second instanceof Error) throw second
            return second
          },
        ],
        ['refund', errors.refused()],
        ['queryRefund', undefined],
      )
      t.match(await rig.refunds.create('order-1', request), { state })
      if (state === 'processing') {
        await t.rejects(
          rig.refunds.create('order-1', { key: 'again', refundFee: 1250 }),
          { code: 'WECHAT_ORDER_CONFLICT' },
          'an accepted refund is not made twice',
        )
        return
      }
      rig.advance(MINUTE)
      rig.pay.expect(['queryRefund', { ...inFull, outRefundNo: 'order-1-1' }])
      await rig.work.sweep()
      t.match(
        await rig.refunds.list('order-1'),
        [{ state: 'success' }],
        'WeChat is asked whether it accepted the refund',
      )
    },
  )

  scenario(
    `of two calls for one refund, WeChat refuses the first, and the refusal arrives last: ${state}`,
    async (t, rig) => {
      await rig.orders.observePayment('notify', paymentOf(await ordered(rig)))
      await rig.work.sweep()
      const request = { key: 'return', refundFee: 1250 }
      rig.pay.expect(
        [
          'refund',
          async () => {
            await rig.refunds.create('order-1', request)
            throw errors.refused()
          },
        ],
        ['refund', second],
        ['queryRefund', undefined],
      )
      t.match(
        await rig.refunds.create('order-1', request),
        { state: state === 'processing' ? state : 'unknown' },
        'a refusal does not undo a refund that may have been accepted',
      )
      await t.rejects(rig.refunds.create('order-1', { key: 'again', refundFee: 1250 }), {
        code: 'WECHAT_ORDER_CONFLICT',
      })
    },
  )
}

scenario(
  'a decision that cannot be carried out is not recorded as done',
  async (t, rig) => {
    const order = await closed(rig)
    await rig.orders.observePayment('notify', paymentOf(order))
    const anomalies = createAnomalies(rig)
    const [late] = await anomalies.list()
    rig.advance(30 * SECOND)
    rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
    await rig.work.sweep()
    t.match(
      await rig.refunds.list(order.outTradeNo),
      [{ state: 'failed' }],
      'the policy asked for a refund, and WeChat refused it',
    )

    await t.rejects(anomalies.resolve(late!.id, 'fulfil', ''), {
      code: 'WECHAT_INPUT_INVALID',
      message: /decided otherwise/,
    })
    t.match(
      (await anomalies.list()).map(({ kind }) => kind),
      ['late', 'refund-refused'],
    )
    await anomalies.resolve(late!.id, 'refund', 'after the balance was topped up')
    rig.advance(30 * SECOND)
    rig.pay.expect(['refund', '5000'])
    await rig.work.sweep()
    t.match(await rig.refunds.list(order.outTradeNo), [{ state: 'failed' }, { state: 'processing', refundFee: 1250 }])
  },
  { latePayment: 'refund' },
)

const REFUNDED = 'REFUND'
const inFull: RefundReport = {
  outRefundNo: 'console-1',
  outTradeNo: 'order-1',
  refundId: '5000',
  refundFee: 1250,
  state: 'success',
}

scenario(
  'a payment refunded before we knew of it is recorded but not fulfilled',
  async (t, rig) => {
    const order = await ordered(rig)
    const hint = { seen: 'refund-hinted', source: 'notify', outRefundNo: 'console-1', refundFee: 1250 } as const
    t.hasStrict(
      await rig.orders.observe('order-1', hint),
      { outcome: 'refused', order: { dueAt: rig.now(), refunds: [] } },
      'WeChat has to send it again, and is queried meanwhile',
    )
    t.strictSame(rig.started, ['order-1'])
    rig.pay.expect(['query', { tradeState: REFUNDED, payment: paymentOf(order) }])
    t.equal(await rig.work.sweep(), 1)
    t.hasStrict(await rig.orders.get('order-1'), {
      state: 'paid',
      fulfilment: 'held',
      payment: paymentOf(order),
      dueAt: null,
    })
    t.hasStrict(rig.anomalies, [{ kind: 'refunded' }])

    t.hasStrict(await rig.orders.observe('order-1', hint), { outcome: 'changed' })
    rig.pay.expect(['queryRefund', inFull])
    await rig.work.sweep()
    t.hasStrict(await rig.orders.get('order-1'), {
      fulfilment: 'dismissed',
      refunds: [{ state: 'success', fulfilment: 'done' }],
      dueAt: null,
    })
    const anomalies = createAnomalies(rig)
    await t.rejects(
      anomalies.resolve(rig.anomalies[0]!.id, 'fulfil', ''),
      { code: 'WECHAT_INPUT_INVALID' },
      'there is no money left to fulfil for',
    )
    await anomalies.resolve(rig.anomalies[0]!.id, 'dismiss', 'the shop gave it back')
    t.strictSame(ran.splice(0), [])
  },
  {
    onPaid: () => {
      ran.push('onPaid')
    },
  },
)

scenario('a late payment known only through its refund is found too', async (t, rig) => {
  const order = await closed(rig)
  const hint = { seen: 'refund-hinted', source: 'notify', outRefundNo: 'console-1', refundFee: 250 } as const
  for (const answer of [
    { tradeState: 'CLOSED' as const },
    errors.timeout(),
    { tradeState: 'SUCCESS' as const, payment: paymentOf(order, { totalFee: 1 }) },
  ]) {
    rig.advance(MINUTE)
    t.hasStrict(await rig.orders.observe('order-1', hint), { outcome: 'refused' })
    rig.pay.expect(['query', answer])
    t.equal(await rig.work.sweep(), 1)
    t.hasStrict(
      await rig.orders.get('order-1'),
      { state: 'closed', dueAt: null, payment: undefined },
      'WeChat is queried once per hint',
    )
  }
  rig.advance(MINUTE)
  await rig.orders.observe('order-1', hint)
  rig.pay.expect(['query', { tradeState: REFUNDED, payment: paymentOf(order) }])
  await rig.work.sweep()
  t.hasStrict(await rig.orders.get('order-1'), {
    state: 'closed',
    fulfilment: 'held',
    payment: paymentOf(order),
    dueAt: null,
  })
  t.hasStrict(rig.anomalies.at(-1), { kind: 'refunded' })
})

scenario('refund hints for an unpaid order trigger one query at once, not one per hint', async (t, rig) => {
  await ordered(rig)
  // Once for the hints, once because the query plan says so.
  rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['query', { tradeState: 'NOTPAY' }])
  for (let n = 0; n < 20; n++) {
    await rig.orders.observe('order-1', {
      seen: 'refund-hinted',
      source: 'notify',
      outRefundNo: 'console-1',
      refundFee: 1,
    })
    await rig.work.sweep()
    rig.advance(SECOND)
  }
})

scenario('after a partial refund a person decides, and the order can still be fulfilled', async (t, rig) => {
  const order = await ordered(rig)
  rig.pay.expect(['query', { tradeState: REFUNDED, payment: paymentOf(order) }])
  await rig.orders.refresh('order-1')
  await createAnomalies(rig).resolve(rig.anomalies[0]!.id, 'fulfil', 'one of two pieces')
  await rig.work.sweep()
  t.hasStrict(await rig.orders.get('order-1'), { fulfilment: 'done' })
})

/** A paid order whose onPaid has failed once. */
async function failing(rig: Rig): Promise<void> {
  await rig.orders.observePayment('notify', paymentOf(await ordered(rig)))
  await rig.work.sweep()
}

/** Refunds all of it while onPaid is due. */
const GIVEN_BACK: [how: string, calls: Call[], refund: Partial<Refund>, decided: boolean][] = [
  ['accepted', [['refund', '5000']], { state: 'processing' }, true],
  ['the answer lost', [['refund', errors.timeout()]], { state: 'unknown' }, false],
]
for (const [how, calls, refund, decided] of GIVEN_BACK) {
  scenario(
    `after a full refund while onPaid is due, ${how}, onPaid does not run again`,
    async (t, rig) => {
      await failing(rig)
      rig.pay.expect(...calls)
      t.hasStrict(await rig.refunds.create('order-1', { key: 'sold out', refundFee: 1250 }), refund)
      t.hasStrict(await rig.orders.get('order-1'), { fulfilment: decided ? 'dismissed' : 'due' })
      ran.length = 0
      rig.advance(MINUTE)
      if (decided) rig.pay.expect(['queryRefund', { ...inFull, outRefundNo: 'order-1-1' }])
      else rig.pay.expect(['refund', '5000'])
      await rig.work.sweep()
      t.hasStrict(await rig.orders.get('order-1'), { fulfilment: 'dismissed' })
      t.match(
        (await rig.orders.history('order-1')).find(({ outcome }) => outcome.includes('no longer owed')),
        { source: 'refund' },
        'history says why',
      )
      rig.advance(HOUR)
      if (!decided) rig.pay.expect(['queryRefund', { ...inFull, outRefundNo: 'order-1-1' }])
      await rig.work.sweep()
      t.strictSame(ran.splice(0), [])
      t.strictSame(rig.anomalies, [])
      t.hasStrict(await rig.orders.get('order-1'), { dueAt: null, refunds: [{ state: 'success', fulfilment: 'done' }] })
    },
    {
      onPaid: () => {
        ran.push('onPaid')
        throw new Error('sold out')
      },
    },
  )
}

scenario(
  'when WeChat refuses a full refund, onPaid is owed again',
  async (t, rig) => {
    await failing(rig)
    rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
    await t.rejects(rig.refunds.create('order-1', { key: 'sold out', refundFee: 1250 }))
    t.hasStrict(await rig.orders.get('order-1'), { fulfilment: 'due' })
    ran.length = 0
    rig.advance(30 * SECOND)
    await rig.work.sweep()
    t.strictSame(ran.splice(0), ['onPaid'])
  },
  {
    onPaid: () => {
      ran.push('onPaid')
      throw new Error('sold out')
    },
  },
)

scenario(
  'after a partial refund while onPaid is due, onPaid is still owed',
  async (t, rig) => {
    await failing(rig)
    rig.pay.expect(['refund', '5000'])
    await rig.refunds.create('order-1', { key: 'one piece', refundFee: 1249 })
    rig.advance(5 * SECOND)
    ran.length = 0
    await rig.work.sweep()
    t.strictSame(ran.splice(0), ['onPaid'])
  },
  {
    onPaid: () => {
      ran.push('onPaid')
      throw new Error('sold out')
    },
  },
)

scenario(
  'a refund that fails for lack of balance is reported at once and only once, and goes through once there is money',
  async (t, rig) => {
    await rig.orders.observePayment('notify', paymentOf(await ordered(rig)))
    await rig.work.sweep()
    const empty = new WechatError('WECHAT_REFUSED', 'WeChat Pay refused: NOTENOUGH.', {
      wechatCode: 'NOTENOUGH',
      advice: 'repeat',
    })
    rig.pay.expect(['refund', empty])
    await rig.refunds.create('order-1', { key: 'return', refundFee: 1250 })
    for (let times = 2; times <= 30; times++) {
      rig.advance(30 * MINUTE)
      rig.pay.expect(['refund', empty])
      await rig.work.sweep()
      t.strictSame(
        rig.anomalies.map(({ kind }) => kind),
        ['refund-stuck'],
        `after ${times} requests`,
      )
    }
    rig.advance(30 * MINUTE)
    rig.pay.expect(['refund', '5000'])
    await rig.work.sweep()
    t.hasStrict(await rig.refunds.list('order-1'), [{ state: 'processing' }])
  },
)

const ran: string[] = []

scenario('a stopped sweep takes no more work', async (t, rig) => {
  await ordered(rig)
  rig.advance(6 * SECOND)
  rig.work.stop()
  t.equal(await rig.work.sweep(), 0)
})

for (const [name, poll] of [
  [
    'asks',
    async ({ orders, pay }: Rig) => {
      pay.expect(['query', { tradeState: 'NOTPAY' }])
      await orders.refresh('order-1')
    },
  ],
  [
    'asks and gets no answer',
    async ({ orders, pay }: Rig) => {
      pay.expect(['query', errors.timeout()])
      await orders.refresh('order-1').catch(() => {})
    },
  ],
  [
    'cancels',
    async ({ orders, pay }: Rig) => {
      pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', errors.timeout()])
      await orders.cancel('order-1').catch(() => {})
    },
  ],
] as const) {
  scenario(`a client that ${name} again and again does not keep the order from being closed`, async (t, rig) => {
    await ordered(rig)
    rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', errors.timeout()])
    await rig.orders.cancel('order-1').catch(() => {})
    const closing = (await rig.orders.get('order-1'))!
    for (let seconds = 0; seconds < 30; seconds += 2) {
      t.hasStrict(await rig.orders.get('order-1'), { state: 'closing', attempts: 0, dueAt: closing.dueAt })
      rig.advance(2 * SECOND)
      await poll(rig)
      t.hasStrict(
        await rig.orders.get('order-1'),
        { queriedAt: rig.now() },
        'the time of the query is recorded, so the next one can wait',
      )
    }
    rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'])
    t.equal(await rig.work.sweep(), 1)
    t.hasStrict(await rig.orders.get('order-1'), { state: 'closed' })
  })
}
