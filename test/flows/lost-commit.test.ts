import { both } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import type { Order } from '../../src/index.ts'

// A database that fails over to a replica may lose the last commits, although WeChat got its SUCCESS: the order is as it was before.

async function lose({ store }: Merchant, before: Order): Promise<void> {
  await store.updateOrder(before.outTradeNo, () => ({ order: before, history: [], anomalies: [] }))
}

both('a payment whose commit is lost after SUCCESS is found by querying the order', async (t, open) => {
  const shop = await open(t)
  const outTradeNo = await shop.order()
  const before = (await shop.store.findOrder(outTradeNo))!
  t.match((await shop.world.pay(outTradeNo)).delivery, { verdict: 'acked' })
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo])

  await lose(shop, before)
  t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid', payment: undefined })
  await shop.world.advance('30m')
  await shop.settle()
  t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'done' })
  t.strictSame(shop.paid, [outTradeNo, outTradeNo], 'onPaid runs again, as what it had written is lost too')
})

both('a refund whose commit is lost is requested again under the same number, and paid once', async (t, open) => {
  const shop = await open(t)
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  await shop.settle()
  const before = (await shop.store.findOrder(outTradeNo))!
  const refund = async () => await shop.app.wechat.refunds.create(outTradeNo, { key: 'return', refundFee: 500 })
  const { outRefundNo } = await refund()

  await lose(shop, before)
  t.strictSame(await shop.app.wechat.refunds.list(outTradeNo), [])
  t.equal((await refund()).outRefundNo, outRefundNo)
  t.match(shop.world.refunds(), [{ refundFee: 500 }])
  t.equal(shop.world.refunds().length, 1)
})
