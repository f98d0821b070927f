import { closed, errors, HOUR, newOrder, ordered, paymentOf, scenario, SECOND, termsOf } from './helpers.ts'
import type { Rig } from './helpers.ts'
import { createAnomalies } from '../../src/engine/anomalies.ts'
import { WechatError } from '../../src/errors.ts'

// Found by attack: each of these lost money, or gave it back twice.

scenario('an order of another merchant in the same table is never asked about with our credentials', async (t, rig) => {
  const foreign = newOrder({ outTradeNo: 'foreign-1', mchId: '1900000999', state: 'prepaid', prepayId: 'wx1', dueAt: rig.now() })
  await rig.store.insertOrder({ order: foreign, history: [], anomalies: [] })
  const code = 'WECHAT_ORDER_CONFLICT'
  await t.rejects(rig.orders.create(termsOf()), { code, message: /belongs to the merchant 1900000999/ })
  await t.rejects(rig.orders.refresh('foreign-1'), { code })
  await t.rejects(rig.orders.cancel('foreign-1'), { code })
  await t.rejects(rig.refunds.create('foreign-1', { key: 'k', refundFee: 1 }), { code, message: /another account/ })
  t.equal(await rig.work.sweep(), 1)
  t.match(await rig.orders.get('foreign-1'), { state: 'prepaid', fulfilment: 'none' })
  t.match(rig.logged, [/another account's order/])
})

scenario('an order that WeChat accepted and then does not know is not taken for closed', async (t, rig) => {
  const { outTradeNo } = await ordered(rig)
  rig.pay.expect(['query', { tradeState: 'NOT_EXIST' }], ['close', 'not-exist'])
  t.match(await rig.orders.cancel(outTradeNo), { state: 'closing', liveKey: 'cart-1' })
  rig.advance(3 * HOUR)
  rig.pay.expect(['query', { tradeState: 'NOT_EXIST' }], ['close', 'not-exist'])
  await rig.work.sweep()
  t.match(await rig.orders.get(outTradeNo), { state: 'closed' }, 'only when its time is over')
})

scenario('an unreadable answer to a refund is no refusal: the amount stays taken', async (t, rig) => {
  const { outTradeNo, ...order } = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf({ outTradeNo, ...order }))
  await rig.work.sweep()
  rig.pay.expect(['refund', new WechatError('WECHAT_REPLY_INVALID', 'unreadable', { advice: 'query' })])
  t.match(await rig.refunds.create(outTradeNo, { key: 'a', refundFee: 1000 }), { state: 'unknown' })
  await t.rejects(rig.refunds.create(outTradeNo, { key: 'b', refundFee: 1000 }), { message: /the 250 fen/ })

  for (let tries = 1; tries < 8; tries++) {
    rig.advance(HOUR)
    rig.pay.expect(['refund', errors.refused()])
    await rig.work.sweep()
    t.match(await rig.refunds.list(outTradeNo), [{ state: 'unknown', attempts: tries + 1 }], 'a refusal after a lost answer proves nothing yet')
  }
  rig.advance(HOUR)
  rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
  await rig.work.sweep()
  t.match(await rig.refunds.list(outTradeNo), [{ state: 'failed' }])
  t.match(rig.anomalies, [{ kind: 'refund-refused' }])
})

scenario('a decision that cannot be carried out is not recorded as done', async (t, rig) => {
  const order = await closed(rig)
  await rig.orders.observePayment('notify', paymentOf(order))
  const anomalies = createAnomalies(rig)
  const [late] = await anomalies.list()
  rig.advance(30 * SECOND)
  rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
  await rig.work.sweep()
  t.match(await rig.refunds.list(order.outTradeNo), [{ state: 'failed' }], 'the policy gave it back, and WeChat refused')

  await t.rejects(anomalies.resolve(late!.id, 'fulfil', ''), { code: 'WECHAT_INPUT_INVALID', message: /decided otherwise/ })
  t.match((await anomalies.list()).map(({ kind }) => kind), ['late', 'refund-refused'])
  await anomalies.resolve(late!.id, 'refund', 'after the balance was topped up')
  rig.advance(30 * SECOND)
  rig.pay.expect(['refund', '5000'])
  await rig.work.sweep()
  t.match(await rig.refunds.list(order.outTradeNo), [{ state: 'failed' }, { state: 'processing', refundFee: 1250 }])
}, { latePayment: 'refund' })

scenario('a sweep that is stopped takes no further work', async (t, rig) => {
  await ordered(rig)
  rig.advance(6 * SECOND)
  rig.work.stop()
  t.equal(await rig.work.sweep(), 0)
})

for (const [name, poll] of [
  ['asks', async ({ orders, pay }: Rig) => { pay.expect(['query', { tradeState: 'NOTPAY' }]); await orders.refresh('order-1') }],
  ['asks in vain', async ({ orders, pay }: Rig) => { pay.expect(['query', errors.timeout()]); await orders.refresh('order-1').catch(() => {}) }],
  ['cancels', async ({ orders, pay }: Rig) => { pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', errors.timeout()]); await orders.cancel('order-1').catch(() => {}) }]
] as const) {
  scenario(`a client that ${name} again and again does not keep the order from being closed`, async (t, rig) => {
    await ordered(rig)
    rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', errors.timeout()])
    await rig.orders.cancel('order-1').catch(() => {})
    const closing = (await rig.orders.get('order-1'))!
    for (let seconds = 0; seconds < 30; seconds++) {
      t.hasStrict(await rig.orders.get('order-1'), { state: 'closing', attempts: 0, dueAt: closing.dueAt })
      rig.advance(SECOND)
      await poll(rig)
      t.hasStrict(await rig.orders.get('order-1'), { queriedAt: rig.now() }, 'and the question is noted, so that the next can wait')
    }
    rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'])
    t.equal(await rig.work.sweep(), 1)
    t.hasStrict(await rig.orders.get('order-1'), { state: 'closed' })
  })
}
