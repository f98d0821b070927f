import t from 'tap'
import { decide } from '../../../src/engine/machine.ts'
import { createForget } from '../../../src/engine/users/forget.ts'
import type { Anomaly, Order } from '../../../src/model.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { at, newOrder, paymentOf } from '../helpers.ts'

const PAYER = 'oTea_payer'
const MCH_ID = '1900000109'

let made = 0

/** An order that is over, unless `part` says otherwise. */
function over(part: Partial<Order> = {}): Order {
  const order = newOrder({ outTradeNo: `order-${String(++made).padStart(6, '0')}`, state: 'closed', ...part })
  return { ...order, key: order.outTradeNo, liveKey: null }
}

function paid(part: Partial<Order> = {}, openid = PAYER): Order {
  const order = over({ state: 'paid', fulfilment: 'done', ...part })
  return { ...order, payment: paymentOf(order, { transactionId: `42${order.outTradeNo}`, openid }) }
}

async function shop(orders: Order[], store: Store = memoryStore()) {
  for (const order of orders) await store.insertOrder({ order, history: [], anomalies: [] })
  return { store, forget: createForget({ store, mchId: MCH_ID, now: () => at(1) }) }
}

const found = ({ outTradeNo, payment }: Order): Anomaly => ({
  id: `late:${outTradeNo}`,
  kind: 'late',
  outTradeNo,
  at: at(0),
  reason: 'paid late',
  payment,
})

t.test('orders that are over forget their payer, whether paid or not; nothing else changes', async (t) => {
  const refund = { outRefundNo: 'r', key: 'r', refundFee: 1, origin: 'local', createdAt: at(0), attempts: 0 } as const
  const gone: Order[] = [
    over(),
    over({ state: 'failed' }),
    paid(),
    paid({ fulfilment: 'dismissed', refunds: [{ ...refund, state: 'success', dueAt: null, fulfilment: 'done' }] }),
    paid({ tradeType: 'NATIVE', openid: undefined }),
  ]
  const stays: Order[] = [
    over({ openid: 'oAnother' }),
    paid({ openid: 'oAnother' }, 'oAnother'),
    paid({ mchId: 'other' }),
  ]
  const { store, forget } = await shop([...gone, ...stays])
  t.strictSame(await forget(PAYER), { masked: gone.length, kept: 0 })
  for (const { openid: _, ...order } of gone) {
    t.strictSame(await store.findOrder(order.outTradeNo), {
      ...order,
      ...(order.payment && { payment: { ...order.payment, openid: '' } }),
    })
    t.match(await store.history(order.outTradeNo), [{ source: 'operator', seen: 'payer forgotten', at: at(1) }])
  }
  for (const order of stays) t.strictSame(await store.findOrder(order.outTradeNo), order)
  t.strictSame(await forget(PAYER), { masked: 0, kept: 0 }, 'again changes nothing')
})

t.test('an order that is not over keeps its payer until it is', async (t) => {
  const doubtful = paid()
  const stays = [
    over({ state: 'prepaid', dueAt: at(5) }),
    over({ state: 'closing', dueAt: at(5) }),
    paid({ fulfilment: 'due', dueAt: at(5) }),
    paid({ fulfilment: 'held' }),
    paid({ dueAt: at(5) }),
    doubtful,
  ]
  const { store, forget } = await shop(stays)
  const anomaly = found(doubtful)
  await store.insertAnomaly(anomaly)
  t.strictSame(await forget(PAYER), { masked: 0, kept: stays.length })
  for (const order of stays) t.strictSame(await store.findOrder(order.outTradeNo), order)

  await store.resolveAnomaly(anomaly.id, { action: 'dismiss', note: '', at: at(2) })
  t.strictSame(await forget(PAYER), { masked: 1, kept: stays.length - 1 })
  t.match(await store.findAnomaly(anomaly.id), { payment: { openid: '' } })
})

t.test("a finding keeps its payer until it is decided, even about somebody else's order", async (t) => {
  const [another, masked] = [paid({ openid: 'oAnother' }, 'oAnother'), paid()]
  const memory = memoryStore()
  const late = found(masked)
  const { store, forget } = await shop([another, masked], {
    ...memory,
    async updateOrder(outTradeNo, decide) {
      await memory.insertAnomaly(late)
      return await memory.updateOrder(outTradeNo, decide)
    },
  })
  const payment = { ...another.payment!, openid: PAYER }
  const findings: Anomaly[] = [
    { ...found(another), id: 'mismatch', kind: 'mismatch', payment },
    { ...found(another), id: 'unknown', kind: 'unknown-order', outTradeNo: 'unknown', payment },
  ]
  for (const finding of findings) await store.insertAnomaly(finding)
  t.strictSame(await forget(PAYER), { masked: 1, kept: 3 })
  for (const { id } of [...findings, late]) await store.resolveAnomaly(id, { action: 'dismiss', note: '', at: at(2) })
  t.strictSame(await forget(PAYER), { masked: 0, kept: 0 })
  t.strictSame(await store.findOrder(another.outTradeNo), another)
  for (const { id } of [...findings, late]) t.match(await store.findAnomaly(id), { payment: { openid: '' } })
})

t.test('orders and findings are read page by page', async (t) => {
  const orders = Array.from({ length: 2001 }, () => over())
  const { store, forget } = await shop(orders)
  for (const order of orders.slice(0, 1001)) await store.insertAnomaly(found(order))
  t.strictSame(await forget(PAYER), { masked: 1000, kept: 1001 })
})

t.test('an order that changes meanwhile is judged as it is then', async (t) => {
  for (const [what, late, expected] of [
    ['work', { fulfilment: 'due', dueAt: at(5) }, { masked: 0, kept: 1 }],
    ['another call', { openid: undefined, payment: undefined }, { masked: 1, kept: 0 }],
    ['archive', undefined, { masked: 1, kept: 0 }],
  ] as const) {
    const memory = memoryStore()
    const order = paid()
    const { forget } = await shop([order], {
      ...memory,
      async updateOrder(outTradeNo, decide) {
        if (late === undefined) return undefined
        await memory.updateOrder(outTradeNo, (order) => ({ order: { ...order, ...late }, history: [], anomalies: [] }))
        return await memory.updateOrder(outTradeNo, decide)
      },
    })
    t.strictSame(await forget(PAYER), expected, what)
  }
})

t.test('a finding that is decided while the call runs is masked too', async (t) => {
  for (const during of ['anomalies', 'ordersBetween'] as const) {
    const memory = memoryStore()
    const another = paid({ openid: 'oAnother' }, 'oAnother')
    const finding: Anomaly = { ...found(another), kind: 'mismatch', payment: { ...another.payment!, openid: PAYER } }
    const decide = () => memory.resolveAnomaly(finding.id, { action: 'dismiss', note: '', at: at(2) })
    const { store, forget } = await shop([another], {
      ...memory,
      async anomalies(...page) {
        if (during === 'anomalies') await decide()
        return await memory.anomalies(...page)
      },
      async ordersBetween(...page) {
        if (during === 'ordersBetween') await decide()
        return await memory.ordersBetween(...page)
      },
    })
    await store.insertAnomaly(finding)
    t.strictSame(await forget(PAYER), { masked: 0, kept: 0 }, during)
    t.match(await store.findAnomaly(finding.id), { payment: { openid: '' } }, during)
  }
})

t.test('in an order that somebody else paid, the one who paid stays', async (t) => {
  const order = paid({}, 'oAnother')
  const { store, forget } = await shop([order])
  t.strictSame(await forget(PAYER), { masked: 1, kept: 0 })
  const { openid: _, ...rest } = order
  t.strictSame(await store.findOrder(order.outTradeNo), rest)
  t.strictSame(await forget('oAnother'), { masked: 1, kept: 0 })
  t.match(await store.findOrder(order.outTradeNo), { openid: undefined, payment: { openid: '' } })
})

t.test('in an order that somebody else paid, the one who ordered stays', async (t) => {
  const order = paid({}, 'oAnother')
  const { store, forget } = await shop([order])
  t.strictSame(await forget('oAnother'), { masked: 1, kept: 0 })
  t.strictSame(await store.findOrder(order.outTradeNo), { ...order, payment: { ...order.payment!, openid: '' } })
})

t.test('a late payment of an order whose payer was forgotten waits for a person: nobody can compare the payer', (t) => {
  for (const latePayment of ['hold', 'refund', 'fulfil'] as const) {
    const { openid: _, ...order } = over()
    const payment = paymentOf(over(), { outTradeNo: order.outTradeNo, openid: 'oAnother' })
    const news = { seen: 'payment', source: 'notify', payment, rival: 'none' } as const
    const { outcome, change } = decide(order, news, { latePayment }, at(1), at(1))
    t.equal(outcome, 'late', latePayment)
    t.match(change, { order: { state: 'closed', fulfilment: 'held', refunds: [] }, anomalies: [{ kind: 'late' }] })
  }
  t.end()
})
