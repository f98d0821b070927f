import t from 'tap'
import { merchant } from '../helpers.ts'

const LATER = new Date('2999-01-01')

t.test(
  'a notification of an archived order reaches a person; its key is free, and nobody finds it any more',
  async (t) => {
    const shop = await merchant(t)
    const headers = await shop.login()
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    const late = shop.world.notification(outTradeNo).body
    t.equal(await shop.store.archive({ before: LATER }), 0, 'an open order stays')
    await shop.notify(late)
    await shop.settle()
    t.same(shop.paid, [outTradeNo])
    const archived: unknown[] = []
    const to = (orders: unknown[]) => {
      archived.push(...orders)
    }
    t.equal(await shop.store.archive({ before: LATER, to }), 1)
    t.match(archived, [{ order: { outTradeNo, state: 'paid', payment: {} }, history: [{}, {}, {}, {}] }])

    for (let n = 0; n < 3; n++) t.match(await shop.notify(late), { text: /unknown-order/ })
    t.match(await shop.app.wechat.anomalies.list(), [
      { kind: 'unknown-order', outTradeNo, payment: { totalFee: 1250 } },
    ])
    t.equal((await shop.app.wechat.anomalies.list()).length, 1, 'once')
    t.same(shop.paid, [outTradeNo], 'nothing is delivered twice')

    const { wechat } = shop.app
    t.equal(await wechat.orders.get(outTradeNo), undefined)
    t.equal(await wechat.orders.refresh(outTradeNo), undefined)
    t.equal(await wechat.orders.cancel(outTradeNo), undefined)
    t.equal((await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })).status, 404)
    t.not(await shop.order(), outTradeNo)
  },
)

t.test('an order that is archived while WeChat is asked about it stays archived', async (t) => {
  const shop = await merchant(t)
  const outTradeNo = await shop.order()
  await shop.app.wechat.orders.cancel(outTradeNo)
  const gate = shop.world.gate('orderquery.response')
  const refreshing = shop.app.wechat.orders.refresh(outTradeNo)
  await gate.reached
  t.equal(await shop.store.archive({ before: LATER }), 1)
  gate.release()
  t.match(await refreshing, { outTradeNo, state: 'closed' })
  t.equal(await shop.app.wechat.orders.get(outTradeNo), undefined)
})
