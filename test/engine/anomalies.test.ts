import { createAnomalies } from '../../src/engine/anomalies.ts'
import type { Order } from '../../src/model.ts'
import { closed, ordered, paymentOf, scenario, SECOND, termsOf } from './helpers.ts'
import type { Rig } from './helpers.ts'

const anomaliesOf = (rig: Rig) => createAnomalies(rig)

/** A payment on hold because it arrived after its order was closed. */
async function held(rig: Rig): Promise<string> {
  const order = await closed(rig)
  await rig.orders.observePayment('notify', paymentOf(order))
  return order.outTradeNo
}

for (const [action, expected] of [
  ['fulfil', { fulfilment: 'done', state: 'paid', liveKey: 'cart-1' }],
  ['refund', { fulfilment: 'dismissed', state: 'closed', liveKey: null }],
  ['dismiss', { fulfilment: 'dismissed', state: 'closed', liveKey: null }],
] as const) {
  scenario(`a payment on hold: ${action}`, async (t, rig) => {
    const anomalies = anomaliesOf(rig)
    const outTradeNo = await held(rig)
    const [found] = await anomalies.list()
    t.hasStrict(found, { kind: 'late', outTradeNo, reason: 'paid after the order was closed' })
    await anomalies.resolve(found!.id, action, 'as agreed on the phone')
    if (action === 'refund') rig.pay.expect(['refund', '5000'])
    rig.advance(30 * SECOND)
    await rig.work.sweep()
    t.hasStrict(await rig.orders.get(outTradeNo), {
      ...expected,
      refunds: action === 'refund' ? [{ refundFee: 1250, state: 'processing', reason: 'as agreed on the phone' }] : [],
    })
    t.strictSame(await anomalies.list(), [])
    t.hasStrict(
      (await rig.orders.history(outTradeNo)).find(({ source }) => source === 'operator'),
      { seen: `${action}: as agreed on the phone` },
    )
    await t.rejects(anomalies.resolve(found!.id, 'dismiss', 'again'), {
      code: 'WECHAT_INPUT_INVALID',
      message: /undecided/,
    })
  })
}

scenario(
  'a decision interrupted half-way can be repeated, and nothing is done twice',
  async (t, rig) => {
    const outTradeNo = await held(rig)
    const [found] = await anomaliesOf(rig).list()
    await rig.orders.observe(outTradeNo, {
      seen: 'hold-resolved',
      action: 'fulfil',
      note: 'first',
      payment: found!.payment!,
    })
    await rig.work.sweep()
    await anomaliesOf(rig).resolve(found!.id, 'fulfil', 'second')
    await rig.work.sweep()
    t.hasStrict(await rig.orders.get(outTradeNo), { fulfilment: 'done' })
    t.strictSame(ran.splice(0), [outTradeNo])
  },
  {
    onPaid: ({ outTradeNo }) => {
      ran.push(outTradeNo)
    },
  },
)

const ran: string[] = []

scenario('two operators: the second gets an error', async (t, rig) => {
  await held(rig)
  const [found] = await rig.store.anomalies(100)
  const store = { ...rig.store, resolveAnomaly: async () => false }
  await t.rejects(createAnomalies({ ...rig, store }).resolve(found!.id, 'dismiss', ''), {
    message: /decided meanwhile/,
  })
})

scenario(
  'a late payment cannot be fulfilled while another order with the same key is live, and nothing is recorded',
  async (t, rig) => {
    const anomalies = anomaliesOf(rig)
    const outTradeNo = await held(rig)
    const [found] = await anomalies.list()
    const live = await ordered(rig)
    await t.rejects(anomalies.resolve(found!.id, 'fulfil', ''), { code: 'WECHAT_ORDER_CONFLICT' })
    t.hasStrict(await rig.orders.get(outTradeNo), { state: 'closed', fulfilment: 'held', liveKey: null })
    t.hasStrict(await anomalies.list(), [{ id: found!.id, resolution: undefined }])

    rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'])
    await rig.orders.cancel(live.outTradeNo)
    await anomalies.resolve(found!.id, 'fulfil', '')
    await t.rejects(
      rig.orders.create(termsOf()),
      { code: 'WECHAT_ORDER_PAID' },
      'the same thing cannot be paid for again',
    )
  },
)

/** An order that WeChat reports as paid by another payer, so it can be neither settled nor closed. */
async function stranded(rig: Rig): Promise<Order> {
  const order = await ordered(rig)
  const misfit = { tradeState: 'SUCCESS' as const, payment: paymentOf(order, { openid: 'oAnother', totalFee: 1200 }) }
  rig.pay.expect(['query', misfit], ['close', 'paid'], ['query', misfit])
  return (await rig.orders.cancel(order.outTradeNo))!
}

for (const [action, expected] of [
  ['dismiss', { state: 'failed', fulfilment: 'dismissed', liveKey: null }],
  [
    'refund',
    { state: 'failed', fulfilment: 'dismissed', liveKey: null, refunds: [{ refundFee: 1200, state: 'processing' }] },
  ],
  ['fulfil', { state: 'paid', fulfilment: 'done', liveKey: 'cart-1' }],
] as const) {
  scenario(`a payment that does not fit: ${action} ends the order`, async (t, rig) => {
    const anomalies = anomaliesOf(rig)
    const order = await stranded(rig)
    t.hasStrict(order, { state: 'closing', payment: undefined })
    const [found] = await anomalies.list()
    await anomalies.resolve(found!.id, action, 'paid by the aunt')
    rig.advance(30 * SECOND)
    if (action === 'refund') rig.pay.expect(['refund', '5000'])
    if (action === 'dismiss') rig.pay.expect(['query', { tradeState: 'SUCCESS', payment: found!.payment! }])
    await rig.work.sweep()
    t.hasStrict(await rig.orders.get('order-1'), {
      ...expected,
      payment: action === 'dismiss' ? undefined : found!.payment,
    })
    t.strictSame(await anomalies.list(), [])
    t.hasStrict(await rig.orders.observePayment('notify', found!.payment!), {
      outcome: action === 'dismiss' ? 'refused' : 'repeated',
    })
    t.equal(rig.anomalies.length, 1, 'it is not reported again')
    if (action === 'fulfil') await t.rejects(rig.orders.create(termsOf()), { code: 'WECHAT_ORDER_PAID' })
    else t.hasStrict(await ordered(rig), { outTradeNo: 'order-2' }, 'the key is free again')
  })
}

scenario('a mismatched payment cannot be accepted once its transaction has paid another order', async (t, rig) => {
  const anomalies = anomaliesOf(rig)
  const order = await stranded(rig)
  const [found] = await anomalies.list()
  const other = await ordered(rig, { key: 'cart-2' })
  await rig.orders.observePayment('notify', paymentOf(other))
  for (const action of ['fulfil', 'refund'] as const) {
    await t.rejects(anomalies.resolve(found!.id, action, ''), {
      code: 'WECHAT_INPUT_INVALID',
      message: `${order.outTradeNo} was not changed: The transaction 4200000001 has paid the order ${other.outTradeNo}.`,
    })
  }
  t.hasStrict(await rig.orders.get(order.outTradeNo), { state: 'closing', payment: undefined })
  t.hasStrict(await anomalies.list(), [{ id: found!.id }])
})

scenario('a transaction that paid another order can be dismissed, which ends this order', async (t, rig) => {
  const anomalies = anomaliesOf(rig)
  await rig.orders.observePayment('notify', paymentOf(await ordered(rig)))
  const second = await ordered(rig, { key: 'cart-2' })
  const reused = { tradeState: 'SUCCESS' as const, payment: paymentOf(second) }
  rig.pay.expect(['query', reused])
  await rig.orders.refresh(second.outTradeNo)
  const [found] = await anomalies.list()
  for (const action of ['refund', 'fulfil'] as const) {
    await t.rejects(anomalies.resolve(found!.id, action, ''), { message: /reused-transaction can only be dismissed/ })
  }
  await anomalies.resolve(found!.id, 'dismiss', 'seen in the merchant platform')
  rig.advance(30 * SECOND)
  rig.pay.expect(['query', reused])
  await rig.work.sweep()
  t.hasStrict(await rig.orders.get(second.outTradeNo), { state: 'failed', liveKey: null, dueAt: null })
  t.strictSame(await anomalies.list(), [])
})

scenario('a dismissed mismatched payment is never fulfilled, but the right payment still is', async (t, rig) => {
  const anomalies = anomaliesOf(rig)
  const order = await stranded(rig)
  const [found] = await anomalies.list()
  await rig.orders.observe('order-1', {
    seen: 'hold-resolved',
    action: 'dismiss',
    note: 'by another operator whose process died',
    payment: found!.payment!,
  })
  await t.rejects(anomalies.resolve(found!.id, 'fulfil', ''), { message: /already decided otherwise \(dismissed\)/ })
  t.hasStrict(await rig.orders.observePayment('notify', paymentOf(order, { transactionId: '4200000009' })), {
    outcome: 'settled',
    order: { fulfilment: 'due', payment: { transactionId: '4200000009' } },
  })
  await anomalies.resolve(found!.id, 'dismiss', '')
  t.hasStrict(await rig.orders.get('order-1'), { fulfilment: 'due' })
})

scenario('if the order was already paid correctly, a mismatched payment can only be dismissed', async (t, rig) => {
  const anomalies = anomaliesOf(rig)
  const order = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf(order, { totalFee: 1, transactionId: '4200000009' }))
  await rig.orders.observePayment('notify', paymentOf(order))
  const [found] = await anomalies.list()
  for (const action of ['refund', 'fulfil'] as const) {
    await t.rejects(anomalies.resolve(found!.id, action, ''), {
      code: 'WECHAT_INPUT_INVALID',
      message: /is paid by 4200000001: move this money/,
    })
  }
  await anomalies.resolve(found!.id, 'dismiss', '')
  t.hasStrict(await rig.orders.get('order-1'), { state: 'paid', fulfilment: 'due', payment: paymentOf(order) })
})

scenario('money that cannot be refunded is not recorded as refunded', async (t, rig) => {
  const outTradeNo = await held(rig)
  const [found] = await anomaliesOf(rig).list()
  for (let n = 0; n < 50; n++) {
    rig.pay.expect(['refund', '5000'])
    await rig.refunds.create(outTradeNo, { key: `k${n}`, refundFee: 1 })
  }
  await t.rejects(anomaliesOf(rig).resolve(found!.id, 'refund', ''), { message: /has had 50 refunds/ })
  t.hasStrict(await anomaliesOf(rig).list(), [{ id: found!.id }])
})

scenario('a refund decision is rejected when the merchant certificate is missing', async (t, rig) => {
  await held(rig)
  const [found] = await rig.store.anomalies(100)
  const anomalies = createAnomalies({ ...rig, pay: { canRefund: false } })
  await t.rejects(anomalies.resolve(found!.id, 'refund', ''), {
    code: 'WECHAT_OPTIONS_INVALID',
    message: /merchant\.cert/,
  })
  t.hasStrict(await rig.orders.get('order-1'), { fulfilment: 'held', refunds: [] })
  await anomalies.resolve(found!.id, 'dismiss', 'refunded in the merchant platform')
})

scenario(
  'the note of a refund decision is shown to the payer, so a note that cannot be sent is rejected',
  async (t, rig) => {
    await held(rig)
    const [found] = await rig.store.anomalies(100)
    const anomalies = createAnomalies({ ...rig, pay: { canRefund: true, textFault: (text) => `it holds ${text}` } })
    for (const note of ['退'.repeat(27), 'x&total_fee=1']) {
      await t.rejects(anomalies.resolve(found!.id, 'refund', note), {
        code: 'WECHAT_INPUT_INVALID',
        message: /reason of a refund/,
      })
    }
    t.hasStrict(await rig.orders.get('order-1'), { fulfilment: 'held', refunds: [] })
  },
)

scenario('a payment that matches no order can only be dismissed', async (t, rig) => {
  const anomalies = anomaliesOf(rig)
  const order = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf(order))
  await rig.orders.observePayment('notify', paymentOf(order, { transactionId: '4200000009' }))
  const [found] = await anomalies.list()
  for (const action of ['refund', 'fulfil'] as const) {
    await t.rejects(anomalies.resolve(found!.id, action, ''), { message: /second-transaction can only be dismissed/ })
  }
  await anomalies.resolve(found!.id, 'dismiss', 'a test payment')
  t.strictSame(await anomalies.list(), [])
  t.hasStrict(await rig.store.findAnomaly(found!.id), {
    resolution: { action: 'dismiss', note: 'a test payment', at: rig.now() },
  })
  await t.rejects(anomalies.resolve('nothing', 'dismiss', ''), { code: 'WECHAT_INPUT_INVALID' })
})

scenario('after a partial refund, the decision to refund returns the rest', async (t, rig) => {
  const outTradeNo = await held(rig)
  rig.pay.expect(['refund', '5000'])
  await rig.refunds.create(outTradeNo, { key: 'part', refundFee: 250 })
  const [found] = await anomaliesOf(rig).list()
  await anomaliesOf(rig).resolve(found!.id, 'refund', '')
  t.hasStrict(await rig.refunds.list(outTradeNo), [{ refundFee: 250 }, { refundFee: 1000 }])
})

scenario('after a full refund, the decision to refund sends nothing more', async (t, rig) => {
  const outTradeNo = await held(rig)
  rig.pay.expect(['refund', '5000'])
  await rig.refunds.create(outTradeNo, { key: 'all', refundFee: 1250 })
  const [found] = await anomaliesOf(rig).list()
  await anomaliesOf(rig).resolve(found!.id, 'refund', '')
  t.hasStrict(await rig.orders.get(outTradeNo), { fulfilment: 'dismissed', refunds: [{ refundFee: 1250 }] })
})
