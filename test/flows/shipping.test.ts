import { ERRCODES } from '../../mock-server/wire/error-codes.ts'
import type { Parcel, PaidOrder, Shipment } from '../../src/index.ts'
import { both, merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import t from 'tap'

async function paid({ app, world, order, settle }: Merchant): Promise<PaidOrder> {
  const outTradeNo = await order()
  await world.pay(outTradeNo)
  await settle()
  return (await app.wechat.orders.get(outTradeNo)) as PaidOrder
}

const PARCEL: Parcel = { itemDesc: '龙井茶', trackingNo: 'YT1', expressCompany: 'YTO' }
const EXPRESS: Shipment = { logisticsType: 'express', parcels: [PARCEL] }

both('the shipping of a paid order is reported, asked for and confirmed', async (t, open) => {
  const shop = await open(t)
  const { miniProgram } = shop.app.wechat
  const order = await paid(shop)
  t.match(await miniProgram.shippingOrder(order), { state: 'to-ship', isFinished: false, finishedCount: 0 })
  await miniProgram.uploadShippingInfo(order, EXPRESS)
  await miniProgram.uploadShippingInfo(order, EXPRESS)
  t.same(await miniProgram.shippingOrder(order), {
    ...{ transactionId: order.payment.transactionId, outTradeNo: order.outTradeNo },
    ...{ state: 'shipped', isFinished: true, finishedCount: 1, isInComplaint: false },
  })
  await shop.world.advance('1d')
  await miniProgram.notifyConfirmReceive(order, shop.world.clock.now())
  t.match(await miniProgram.shippingOrder(order), { state: 'received' })
  await t.rejects(miniProgram.notifyConfirmReceive(order, shop.world.clock.now()), {
    ...{ code: 'WECHAT_ORDER_CONFLICT', wechatCode: '10060030', advice: 'stop' },
  })
})

t.test('every kind of shipment', async (t) => {
  const contact = { receiverContact: '189****1234' }
  const shipments: Shipment[] = [
    { logisticsType: 'same-city', parcels: [{ itemDesc: 'tea' }] },
    { logisticsType: 'virtual', parcels: [{ itemDesc: 'tea' }] },
    { logisticsType: 'pickup', parcels: [{ itemDesc: 'tea' }] },
    { ...EXPRESS, isAllDelivered: false },
    { logisticsType: 'express', parcels: [{ ...PARCEL, expressCompany: 'SF', contact }], isAllDelivered: true },
  ]
  for (const [n, shipment] of shipments.entries()) {
    const shop = await merchant(t)
    const order = await paid(shop)
    await shop.app.wechat.miniProgram.uploadShippingInfo(order, shipment)
    const [{ request } = { request: undefined }] = shop.world.journal.entries({ api: 'upload_shipping_info' })
    const sent = JSON.parse(request!.body) as Record<string, unknown>
    t.match(sent, {
      logistics_type: [2, 3, 4, 1, 1][n],
      delivery_mode: n < 3 ? 1 : 2,
      upload_time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00$/,
      payer: { openid: 'oAlice' },
    })
  }
})

t.test('every errcode of the table has a code, an advice and a sentence', async (t) => {
  const shop = await merchant(t)
  const order = await paid(shop)
  const { miniProgram } = shop.app.wechat
  const calls = {
    upload_shipping_info: () => miniProgram.uploadShippingInfo(order, EXPRESS),
    get_order: () => miniProgram.shippingOrder(order),
    notify_confirm_receive: () => miniProgram.notifyConfirmReceive(order, new Date()),
  }
  /** Neither of these is a failure: nothing has changed, and there is no such order. */
  const answers = { upload_shipping_info: 10060023, get_order: 10060001, notify_confirm_receive: 0 }
  for (const [api, call] of Object.entries(calls)) {
    const name = api as keyof typeof calls
    for (const errcode of Object.keys(ERRCODES[name]).map(Number)) {
      // A token that is refused is fetched anew, once.
      shop.world.fault(name, { kind: 'errcode', errcode } as never, {
        times: [40001, 40014, 42001].includes(errcode) ? 2 : 1,
      })
      if (answers[name] === errcode) {
        t.equal(await call(), undefined, `${api}: ${errcode}`)
        continue
      }
      const error = await call().then(
        () => undefined,
        (thrown: unknown) => thrown as { code: string; advice: string; message: string },
      )
      t.match(
        error,
        { wechatCode: String(errcode), message: /\.$|\)$/ },
        `${api}: ${errcode} ${error?.code} ${error?.advice}`,
      )
      t.notMatch(error, { message: /^WeChat refused (an order|a reminder|shipping information)/ }, 'it is in the table')
      if (error?.code === 'WECHAT_ORDER_NOT_FOUND') t.equal(error.advice, 'repeat', 'paid a moment ago')
    }
  }
})
