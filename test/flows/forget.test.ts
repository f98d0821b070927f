import { both } from '../helpers.ts'

both('a payer who is forgotten: the money stays right, and news of it is no finding', async (t, open) => {
  const shop = await open(t)
  const { wechat } = shop.app
  const headers = await shop.login()
  const get = async (path: string) => (await fetch(`${shop.url}/wechat${path}`, { headers })).status
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  const { openid } = (await wechat.orders.get(outTradeNo))!
  t.strictSame(await wechat.forget(openid!), { masked: 0, kept: 1 }, 'it is not paid yet')
  await shop.world.notification(outTradeNo).deliver()
  await shop.settle()
  t.equal(await get(`/orders/${outTradeNo}`), 401, 'the payer has to log in again')

  t.strictSame(await wechat.forget(openid!), { masked: 1, kept: 0 })
  const order = (await wechat.orders.get(outTradeNo))!
  t.equal(order.openid, undefined)
  t.match(order, { state: 'paid', fulfilment: 'done', payment: { openid: '', totalFee: 1250 } })
  t.notMatch(JSON.stringify(await wechat.orders.history(outTradeNo)), openid!)

  t.match(await shop.world.notification(outTradeNo).deliver(), [{ verdict: 'acked' }])
  t.match(await wechat.orders.refresh(outTradeNo), { payment: { openid: '' } }, 'the answer to a query is no news')
  const shipment = { logisticsType: 'virtual', parcels: [{ itemDesc: 'tea' }] } as const
  await t.rejects(wechat.ship(order, shipment), { code: 'WECHAT_ORDER_CONFLICT', message: /payer was forgotten/ })
  const { outRefundNo } = await wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 1250 })
  await shop.world.settleRefund(outRefundNo, 'SUCCESS')
  await shop.settle()
  t.match(await wechat.refunds.get(outTradeNo, outRefundNo), { state: 'success' })
  t.strictSame(await wechat.anomalies.list(), [])
  t.strictSame(shop.paid, [outTradeNo], 'delivered once')
  t.equal(await shop.store.archive({ before: new Date('2999-01-01') }), 1)
})

both(
  'a closed order whose payer was forgotten, and which is paid after all, is on hold like any other',
  async (t, open) => {
    const shop = await open(t)
    const { wechat } = shop.app
    const outTradeNo = await shop.order()
    const { openid } = (await wechat.orders.get(outTradeNo))!
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    await shop.store.updateOrder(outTradeNo, (order) => ({
      order: { ...order, state: 'closed', liveKey: null, dueAt: null },
      history: [],
      anomalies: [],
    }))
    t.strictSame(await wechat.forget(openid!), { masked: 1, kept: 0 })
    await shop.world.notification(outTradeNo).deliver()
    t.match(await wechat.anomalies.list(), [{ kind: 'late', payment: { openid, totalFee: 1250 } }])
    t.match(await wechat.orders.get(outTradeNo), { fulfilment: 'held', payment: { openid } })
    t.strictSame(await wechat.forget(openid!), { masked: 0, kept: 1 })
  },
)
