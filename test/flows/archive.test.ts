import t from 'tap'
import { both, merchant } from '../helpers.ts'

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

both(
  'a refund that WeChat notifies of an archived order reaches a person, once; nothing is refunded again',
  async (t, open) => {
    const shop = await open(t)
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo)
    await shop.settle()
    const own = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
    t.equal(await shop.store.archive({ before: LATER }), 0, 'a refund that is not over keeps its order')
    await shop.world.settleRefund(own.outRefundNo, 'SUCCESS')
    await shop.settle()
    t.equal(await shop.store.archive({ before: LATER }), 1)

    const { outRefundNo } = shop.world.refundFromConsole(outTradeNo, {
      refundFee: 300,
      notifyUrl: `${shop.url}/wechat/notify`,
    })
    t.match((await shop.world.settleRefund(outRefundNo, 'SUCCESS')).delivery, { verdict: 'fail' })
    for (let n = 0; n < 2; n++) {
      for (const number of [own.outRefundNo, outRefundNo]) {
        const [delivery] = await shop.world.refundNotification(number).deliver()
        t.match(delivery, { verdict: /^(fail_xml|http_status)$/ })
      }
    }
    const found = await shop.app.wechat.anomalies.list()
    const reasons = [
      `WeChat reports the refund ${own.outRefundNo} of 250 fen, but there is no order with this number`,
      `WeChat reports the refund ${outRefundNo} of 300 fen, but there is no order with this number`,
    ]
    t.same(found.map(({ reason }) => reason).toSorted(), reasons.toSorted())
    for (const each of found) t.match(each, { kind: 'unknown-order', outTradeNo })
    await shop.app.wechat.anomalies.resolve(found[0]!.id, 'dismiss', 'looked up in the archive')
    t.equal((await shop.app.wechat.anomalies.list()).length, 1)
    t.equal(shop.world.refunds().length, 2)
  },
)
