import t from 'tap'
import { ERRCODES } from '../../mock-server/wire/error-codes.ts'
import type { Order, Shipment } from '../../src/index.ts'
import { both, merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import { everyStore } from '../store/databases.ts'

const PARCEL = { itemDesc: '龙井茶', trackingNo: 'YT1', expressCompany: 'YTO' }
const EXPRESS: Shipment = { logisticsType: 'express', parcels: [PARCEL] }

async function paidOrder({ app, world, order, settle }: Merchant, key = 'cart-1'): Promise<Order> {
  const outTradeNo = await order({ price: { key } })
  await world.pay(outTradeNo)
  await settle()
  return (await app.wechat.orders.get(outTradeNo))!
}

const uploads = ({ world }: Merchant) => world.journal.count({ api: 'upload_shipping_info' })
const shippingOf = async ({ app }: Merchant, { outTradeNo }: Order) =>
  (await app.wechat.orders.get(outTradeNo))!.shipping

both('shipping is owed until WeChat has taken it, a minute after the payment at the earliest', async (t, open) => {
  const shop = await open(t)
  const { ship, miniProgram } = shop.app.wechat
  const order = await paidOrder(shop)
  t.match(await ship(order, EXPRESS), { shipping: { shipments: [EXPRESS], sent: 0 } })
  t.match(await ship(order, EXPRESS), { shipping: { shipments: [EXPRESS] } }, 'the same again is one')
  await shop.settle()
  t.equal(uploads(shop), 0, 'WeChat does not know the payment yet')
  await shop.world.advance('61s')
  await shop.settle()
  t.match(await shippingOf(shop, order), { sent: 1, dueAt: null })
  t.match(await miniProgram.shippingOrder(order as never), { state: 'shipped' })
  await ship(order, EXPRESS)
  await shop.world.advance('1h')
  await shop.settle()
  t.equal(uploads(shop), 1, 'once')
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
})

both('parts of an order go out one after the other', async (t, open) => {
  const shop = await open(t)
  const order = await paidOrder(shop)
  for (const trackingNo of ['YT1', 'YT2']) {
    const part = {
      logisticsType: 'express',
      parcels: [{ ...PARCEL, trackingNo }],
      isAllDelivered: trackingNo === 'YT2',
    } as const
    await shop.app.wechat.ship(order, part)
  }
  await shop.world.advance('61s')
  await shop.settle()
  t.match(await shippingOf(shop, order), { sent: 2, dueAt: null })
  const sent = shop.world.journal
    .entries({ api: 'upload_shipping_info' })
    .map(({ request }) => JSON.parse(request!.body))
  t.match(sent, [
    { is_all_delivered: false, shipping_list: [{ tracking_no: 'YT1' }] },
    { is_all_delivered: true, shipping_list: [{ tracking_no: 'YT2' }] },
  ])
})

t.test(
  'each errcode: what repeating may cure is repeated, anything else is an anomaly, and the next part goes on',
  async (t) => {
    const shop = await merchant(t)
    for (const errcode of Object.keys(ERRCODES.upload_shipping_info).map(Number)) {
      const order = await paidOrder(shop, `cart ${errcode}`)
      await shop.app.wechat.ship(order, EXPRESS)
      await shop.world.advance('61s')
      shop.world.fault('upload_shipping_info', { kind: 'errcode', errcode } as never, {
        times: [40001, 40014, 42001].includes(errcode) ? 2 : 1,
      })
      await shop.settle()
      const once = (await shippingOf(shop, order))!
      const found = (await shop.app.wechat.anomalies.list()).filter(({ outTradeNo }) => outTradeNo === order.outTradeNo)
      if (once.sent === 1) {
        t.equal(found.length, errcode === 10060023 ? 0 : 1, `${errcode} is final`)
        t.match(
          found,
          errcode === 10060023 ? [] : [{ kind: 'shipping-refused', reason: new RegExp(`^shipment 1: .*${errcode}`) }],
        )
      } else {
        t.match(once, { attempts: 1 }, `${errcode} is repeated`)
        t.strictSame(found, [])
        await shop.world.advance('10s')
        await shop.settle()
        t.match(await shippingOf(shop, order), { sent: 1, attempts: 0, dueAt: null }, `${errcode}: taken later`)
      }
    }
    const order = await paidOrder(shop, 'two')
    for (const trackingNo of ['YT1', 'YT2']) {
      await shop.app.wechat.ship(order, { logisticsType: 'express', parcels: [{ ...PARCEL, trackingNo }] })
    }
    await shop.world.advance('61s')
    shop.world.fault('upload_shipping_info', { kind: 'errcode', errcode: 10060014 } as never, { times: 1 })
    await shop.settle()
    t.match(await shippingOf(shop, order), { sent: 2, dueAt: null })
  },
)

t.test(
  'a report that keeps failing raises a finding, and is sent again; payments and refunds do not wait for it',
  async (t) => {
    const shop = await merchant(t)
    const order = await paidOrder(shop)
    await shop.app.wechat.ship(order, EXPRESS)
    shop.world.fault('upload_shipping_info', { kind: 'errcode', errcode: 10060012 } as never, { times: 11 })
    await shop.world.advance('61s')
    await shop.settle()
    const { outRefundNo } = await shop.app.wechat.refunds.create(order.outTradeNo, { key: 'back', refundFee: 100 })
    await shop.world.settleRefund(outRefundNo, 'SUCCESS')
    const other = await paidOrder(shop, 'other')
    t.match(other, { state: 'paid', fulfilment: 'done' })
    await shop.settle()
    t.match(await shop.app.wechat.refunds.list(order.outTradeNo), [{ state: 'success', fulfilment: 'done' }])
    for (let n = 0; n < 12; n++) {
      await shop.world.advance('31m')
      await shop.settle()
    }
    t.match(await shop.app.wechat.anomalies.list(), [
      { kind: 'shipping-refused', reason: /not reported after 10 attempts, which go on/ },
    ])
    await shop.world.advance('31m')
    await shop.settle()
    t.match(await shippingOf(shop, order), { sent: 1, dueAt: null })
  },
)

t.test(
  'killed between: WeChat has taken it, or has not been told; another process sends it, and it counts once',
  async (t) => {
    for (const what of ['answer lost', 'claimed by a process that died'] as const) {
      const shop = await merchant(t)
      const order = await paidOrder(shop)
      await shop.app.wechat.ship(order, EXPRESS)
      await shop.world.advance('61s')
      if (what === 'answer lost') {
        shop.world.fault('upload_shipping_info', { kind: 'reset', when: 'after' } as never, { times: 2 })
        await shop.settle()
        t.match(await shippingOf(shop, order), { sent: 0, attempts: 1 })
      } else {
        const { appid, mchId } = shop.world.credentials
        const owner = { appids: [appid], mchId }
        const [claim] = await shop.store.claimDue(owner, shop.world.clock.now(), 1, 60_000, { claimer: 'dead' })
        t.equal(claim?.order.outTradeNo, order.outTradeNo)
        await shop.settle()
        t.equal(uploads(shop), 0, 'its lease stands')
      }
      await shop.world.advance('61s')
      await shop.settle()
      t.match(await shippingOf(shop, order), { sent: 1, dueAt: null }, what)
      t.match(await shop.app.wechat.miniProgram.shippingOrder(order as never), { state: 'shipped', finishedCount: 1 })
      t.strictSame(await shop.app.wechat.anomalies.list(), [])
    }
  },
)

t.test('shipping waits for onPaid, which is not run sooner for it', async (t) => {
  let runs = 0
  let fails = true
  const shop = await merchant(t, {
    options: {
      onPaid() {
        runs++
        if (fails && runs < 20) throw new Error('out of tea')
      },
    },
  })
  const order = await paidOrder(shop)
  await shop.app.wechat.ship(order, EXPRESS)
  await shop.world.advance('61s')
  await shop.settle()
  await shop.settle()
  t.equal(runs, 2, 'its waits stay')
  t.equal(uploads(shop), 0)
  fails = false
  await shop.world.advance('1m')
  await shop.settle()
  t.equal(runs, 3)
  t.match(await shippingOf(shop, order), { sent: 1, dueAt: null })
})

t.test('orders and values that cannot be shipped', async (t) => {
  const shop = await merchant(t)
  const { ship, refunds } = shop.app.wechat
  const unpaid = await shop.order({ price: { key: 'unpaid' } })
  await t.rejects(ship({ outTradeNo: unpaid }, EXPRESS), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: /is prepaid, not paid/,
  })
  await t.rejects(ship({ outTradeNo: 'unknown' }, EXPRESS), { code: 'WECHAT_ORDER_NOT_FOUND' })
  const order = await paidOrder(shop)
  for (const wrong of [{}, { ...EXPRESS, parcels: [] }, { ...EXPRESS, when: 'now' }, null, 'express']) {
    await t.rejects(ship(order, wrong as never), { code: 'WECHAT_INPUT_INVALID', sent: false })
  }
  for (let n = 0; n < 20; n++) await ship(order, { ...EXPRESS, parcels: [{ ...PARCEL, trackingNo: `YT${n}` }] })
  await t.rejects(ship(order, { ...EXPRESS, parcels: [{ itemDesc: 'one more' }] }), { code: 'WECHAT_ORDER_CONFLICT' })
  const back = await paidOrder(shop, 'back')
  await refunds.create(back.outTradeNo, { key: 'all', refundFee: 1250 })
  await t.rejects(ship(back, EXPRESS), { code: 'WECHAT_ORDER_CONFLICT', message: /all of it is refunded/ })
})

for (const [name, open] of await everyStore(t)) {
  t.test(`reported in the transaction of onPaid, or not at all: ${name}`, async (t) => {
    let fails = true
    const shop = await merchant(t, {
      store: await open(),
      options: {
        onPaid: async (order, { tx }) => {
          await shop.app.wechat.ship(order, { ...EXPRESS, tx })
          if (fails) throw new Error('out of tea')
        },
      },
    })
    const order = await paidOrder(shop)
    if (name !== 'memory') t.equal(order.shipping, undefined, 'rolled back with the hook')
    t.match(order, { fulfilment: 'due' })
    fails = false
    await shop.world.advance('61s')
    await shop.settle()
    t.match(await shop.app.wechat.orders.get(order.outTradeNo), {
      fulfilment: 'done',
      shipping: { sent: 1, dueAt: null },
    })
    t.equal(uploads(shop), 1)
  })
}
