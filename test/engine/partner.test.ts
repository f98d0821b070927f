import tap from 'tap'
import type { TradeRow } from '../../src/protocol/trade-bill.ts'
import type { Observation } from '../../src/engine/machine/observation.ts'
import { HOUR, newOrder, ordered, paymentOf, rig, scenario, termsOf } from './helpers.ts'
import { rowOf } from './reconcile/bills.ts'

const [SUB, OTHER] = ['1900000201', '1900000202'] as const
const { appid } = newOrder()
const partner = { spAppid: appid, subMchIds: [SUB, OTHER] } as const

scenario(
  'each sub-merchant has its live order of a key; its merchant and the appid of the provider are kept',
  async (t, rig) => {
    const { orders, pay, store } = rig
    const one = await ordered(rig, { subMchId: SUB })
    const two = await ordered(rig, { subMchId: OTHER })
    t.not(one.outTradeNo, two.outTradeNo)
    for (const [order, subMchId] of [
      [one, SUB],
      [two, OTHER],
    ] as const) {
      t.match(order, { subMchId, spAppid: appid, key: 'cart-1', liveKey: `${subMchId}:cart-1`, state: 'prepaid' })
      t.equal((await orders.create(termsOf({ subMchId }))).order.outTradeNo, order.outTradeNo, 'the same again')
    }
    t.match(
      pay.told,
      [{ subMchId: SUB, spAppid: appid }, { subMchId: OTHER }],
      'WeChat is told the sub-merchant of each order',
    )

    // The provider has another appid by now: WeChat would refuse other terms under the same number.
    await store.updateOrder(one.outTradeNo, (order) => ({
      order: { ...order, spAppid: 'wx0000000000000000' },
      history: [],
      anomalies: [],
    }))
    pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'], ['prepay', 'wx2'])
    const { order } = await orders.create(termsOf({ subMchId: SUB }))
    t.not(order.outTradeNo, one.outTradeNo)
    t.match(order, { spAppid: appid, subMchId: SUB })
  },
  { partner },
)

scenario(
  'a late payment takes the key of its own sub-merchant back, and no other',
  async (t, rig) => {
    const { orders, pay } = rig
    const { outTradeNo } = await ordered(rig, { subMchId: SUB })
    pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'])
    const closed = (await orders.cancel(outTradeNo))!
    await ordered(rig, { subMchId: OTHER })
    t.match(await orders.observePayment('notify', paymentOf(closed), undefined, SUB), {
      outcome: 'late',
      order: { state: 'paid', liveKey: `${SUB}:cart-1`, fulfilment: 'due' },
    })
    await t.rejects(orders.create(termsOf({ subMchId: SUB })), { code: 'WECHAT_ORDER_PAID' })
  },
  { partner, latePayment: 'fulfil' },
)

tap.test('an order must name its sub-merchant, which must be allowed', async (t) => {
  const invalid = { code: 'WECHAT_PRICE_INVALID' }
  for (const [what, options, terms] of [
    ['one of several', partner, {}],
    ['none of them', partner, { subMchId: '1900000299' }],
    ['any, but a number', { spAppid: appid, subMchIds: 'any' }, { subMchId: 'shop' }],
    ['any, but named', { spAppid: appid, subMchIds: 'any' }, {}],
    ['not a provider', undefined, { subMchId: SUB }],
    ['not text', partner, { subMchId: 1900000201 as never }],
  ] as const) {
    const { orders, store } = rig({ ...(options && { partner: options }) })
    await t.rejects(orders.create(termsOf(terms)), { ...invalid, message: /subMchId .*Nothing was ordered/ }, what)
    t.strictSame(await store.findOrders(['order-1']), [], what)
  }
  const only = rig({ partner: { spAppid: appid, subMchIds: [SUB] } })
  t.match(await ordered(only), { subMchId: SUB }, 'the only one')
  t.match(await ordered(rig({ partner: { spAppid: appid, subMchIds: 'any' } }), { subMchId: '1900000299' }), {
    subMchId: '1900000299',
  })
})

scenario(
  'news for another sub-merchant changes nothing, and a payment of it is a finding',
  async (t, rig) => {
    const { orders, store, anomalies, refunds, pay } = rig
    const order = await ordered(rig, { subMchId: SUB })
    const { outTradeNo } = order
    const before = async () => [await store.findOrder(outTradeNo), await store.history(outTradeNo)]
    const report = { outRefundNo: 'r-1', outTradeNo, refundId: '50', refundFee: 1, state: 'success' as const }
    const news: Observation[] = [
      { seen: 'payment', source: 'notify', payment: paymentOf(order) },
      { seen: 'payment-hinted', source: 'notify', transactionId: '42' },
      { seen: 'payment-failed', source: 'notify', reason: 'no funds' },
      { seen: 'refund-hinted', source: 'notify', outRefundNo: 'r-1', refundFee: 1 },
      { seen: 'refund-reported', source: 'notify', report },
    ]
    for (const each of news) {
      const was = await before()
      t.equal(await orders.observe(outTradeNo, { ...each, subMchId: OTHER } as Observation), undefined, each.seen)
      t.strictSame(await before(), was, each.seen)
    }
    t.equal(await orders.observePayment('notify', paymentOf(order), undefined, OTHER), undefined)
    t.match(anomalies, [{ kind: 'unknown-order', outTradeNo, reason: /of the sub-merchant 1900000202/ }])
    for (const each of news) {
      const told = { ...each, subMchId: SUB } as Observation
      t.ok(await orders.observe(outTradeNo, told), `${each.seen} of its own`)
    }
    t.match(await orders.get(outTradeNo), { state: 'paid' })

    // What an operator asks for carries the order's merchant.
    const asked: unknown[] = []
    await orders.observe(outTradeNo, {
      seen: 'refund-reported',
      source: 'notify',
      report: { ...report, outRefundNo: 'r-2', refundId: '51', state: 'abnormal' },
    })
    pay.applyAbnormalRefund = async (refundId, refund, of) => {
      asked.push(refundId, refund.outRefundNo, of?.subMchId)
      return { ...report, outRefundNo: 'r-2', refundId: '51', state: 'processing' }
    }
    await refunds.settleAbnormal(outTradeNo, 'r-2', 'merchant')
    t.strictSame(asked, ['51', 'r-2', SUB])
  },
  { partner },
)

tap.test("a row of the provider's bill", async (t) => {
  const { orders } = rig({ partner: { spAppid: 'wx0000000000000009', subMchIds: [SUB] } })
  const order = newOrder({ subMchId: SUB, expiresAt: new Date(HOUR) })
  const row = (part: Partial<Omit<TradeRow, 'refund'>> = {}) => rowOf(order, { appid: 'wx0000000000000009', ...part })
  for (const [what, part, ours] of [
    ["names the provider's app", {}, true],
    ["the sub-merchant's app", { appid }, false],
    ['another sub-merchant', { subMchId: OTHER }, false],
    ['no sub-merchant', { subMchId: undefined }, false],
    ['another provider', { mchId: '1900000110' }, false],
  ] as const) {
    t.equal(orders.ownsRow(row(part)), ours, what)
  }
  t.ok(rig().orders.ownsRow(rowOf(newOrder())), 'of a merchant of its own')
})
