import { createAnomalies } from '../../src/engine/anomalies.ts'
import { closed, ordered, paymentOf, scenario, SECOND } from './helpers.ts'
import type { Rig } from './helpers.ts'

const anomaliesOf = ({ store, orders, now }: Rig) => createAnomalies({ store, orders, now })

/** A payment on hold: it came after its order was closed. */
async function held (rig: Rig): Promise<string> {
  const order = await closed(rig)
  await rig.orders.observePayment('notify', paymentOf(order))
  return order.outTradeNo
}

for (const [action, expected] of [['fulfil', 'done'], ['refund', 'dismissed'], ['dismiss', 'dismissed']] as const) {
  scenario(`a payment on hold: ${action}`, async (t, rig) => {
    const anomalies = anomaliesOf(rig)
    const outTradeNo = await held(rig)
    const [found] = await anomalies.list()
    t.hasStrict(found, { kind: 'late', outTradeNo, reason: 'paid after the order was closed' })
    await anomalies.resolve(found!.id, action, 'as agreed on the phone')
    if (action === 'refund') rig.pay.expect(['refund', '5000'])
    rig.advance(30 * SECOND)
    await rig.work.sweep()
    t.hasStrict(await rig.orders.get(outTradeNo), { fulfilment: expected, state: 'closed', refunds: action === 'refund' ? [{ refundFee: 1250, state: 'processing', reason: 'as agreed on the phone' }] : [] })
    t.strictSame(await anomalies.list(), [])
    t.hasStrict((await rig.orders.history(outTradeNo)).find(({ source }) => source === 'operator'), { seen: `${action}: as agreed on the phone` })
    await t.rejects(anomalies.resolve(found!.id, 'dismiss', 'again'), { code: 'WECHAT_INPUT_INVALID', message: /waits/ })
  })
}

scenario('a decision that died half-way is made again without doing anything twice', async (t, rig) => {
  const outTradeNo = await held(rig)
  const [found] = await anomaliesOf(rig).list()
  await rig.orders.observe(outTradeNo, { seen: 'hold-resolved', action: 'fulfil', note: 'first' })
  await rig.work.sweep()
  await anomaliesOf(rig).resolve(found!.id, 'fulfil', 'second')
  await rig.work.sweep()
  t.hasStrict(await rig.orders.get(outTradeNo), { fulfilment: 'done' })
  t.strictSame(ran.splice(0), [outTradeNo])
}, { onPaid: ({ outTradeNo }) => { ran.push(outTradeNo) } })

const ran: string[] = []

scenario('two operators: the second is told', async (t, rig) => {
  await held(rig)
  const [found] = await rig.store.anomalies()
  const store = { ...rig.store, resolveAnomaly: async () => false }
  await t.rejects(createAnomalies({ ...rig, store }).resolve(found!.id, 'dismiss', ''), { message: /decided meanwhile/ })
})

scenario('money that fits no order can only be dismissed', async (t, rig) => {
  const anomalies = anomaliesOf(rig)
  const order = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf(order, { totalFee: 1 }))
  const [found] = await anomalies.list()
  for (const action of ['refund', 'fulfil'] as const) await t.rejects(anomalies.resolve(found!.id, action, ''), { message: /mismatch can only be dismissed/ })
  await anomalies.resolve(found!.id, 'dismiss', 'a test payment')
  t.strictSame(await anomalies.list(), [])
  t.hasStrict(await rig.store.findAnomaly(found!.id), { resolution: { action: 'dismiss', note: 'a test payment', at: rig.now() } })
  await t.rejects(anomalies.resolve('nothing', 'dismiss', ''), { code: 'WECHAT_INPUT_INVALID' })
})

scenario('what was refunded in part is given back for the rest', async (t, rig) => {
  const outTradeNo = await held(rig)
  rig.pay.expect(['refund', '5000'])
  await rig.refunds.create(outTradeNo, { key: 'part', refundFee: 250 })
  const [found] = await anomaliesOf(rig).list()
  await anomaliesOf(rig).resolve(found!.id, 'refund', '')
  t.hasStrict(await rig.refunds.list(outTradeNo), [{ refundFee: 250 }, { refundFee: 1000 }])
})

scenario('what was refunded in full needs no more', async (t, rig) => {
  const outTradeNo = await held(rig)
  rig.pay.expect(['refund', '5000'])
  await rig.refunds.create(outTradeNo, { key: 'all', refundFee: 1250 })
  const [found] = await anomaliesOf(rig).list()
  await anomaliesOf(rig).resolve(found!.id, 'refund', '')
  t.hasStrict(await rig.orders.get(outTradeNo), { fulfilment: 'dismissed', refunds: [{ refundFee: 1250 }] })
})
