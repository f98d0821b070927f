import t from 'tap'
import { NOON, placeOrder, startMock } from '../../helpers.ts'
import { postJson, tokenOf } from '../../login.ts'

t.test('shipping is reported, changed once, asked for and confirmed; a snapshot keeps it', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ startTime: NOON })
  const { mchId } = world.credentials
  const call = async (name: string, json: object) =>
    (await postJson(world, `/wxa/sec/order/${name}`, { access_token: await tokenOf(world) }, json)).json
  const named = { merchant_id: mchId, merchant_trade_no: 'order-1001' }
  await placeOrder(world, 'http://127.0.0.1:9/notify', { out_trade_no: 'order-1001', openid: 'o-alice' })
  t.match(await call('get_order', named), { errcode: 10060001 }, 'not paid')
  await world.pay('order-1001', { deliver: 'hold' })
  t.match((await call('get_order', named)).order, {
    ...{ merchant_id: mchId, merchant_trade_no: 'order-1001', openid: 'o-alice', order_state: 1 },
    shipping: { finish_shipping: false, finish_shipping_count: 0, shipping_list: [] },
  })

  const parcel = {
    item_desc: '龙井茶',
    tracking_no: 'SF1',
    express_company: 'SF',
    contact: { receiver_contact: '189****1234' },
  }
  const upload = (minute: number, changes: object) =>
    call('upload_shipping_info', {
      order_key: { order_number_type: 1, mchid: mchId, out_trade_no: 'order-1001' },
      logistics_type: 1,
      delivery_mode: 2,
      shipping_list: [parcel],
      upload_time: `2026-01-15T12:0${minute}:00.000+08:00`,
      payer: { openid: 'o-alice' },
      ...changes,
    })
  t.match(await upload(0, { is_all_delivered: false }), { errcode: 0 }, 'a part')
  t.match((await call('get_order', named)).order, { order_state: 1, shipping: { finish_shipping: false } })
  const all = [parcel, { ...parcel, tracking_no: 'SF2' }]
  t.match(await upload(1, { is_all_delivered: true, shipping_list: all }), { errcode: 0 }, 'the rest')
  t.match(await upload(2, { delivery_mode: 1 }), { errcode: 0 }, 'changed once')

  world.import(JSON.parse(JSON.stringify(world.export())) as ReturnType<typeof world.export>)
  const { order } = await call('get_order', named)
  t.match(order, {
    order_state: 2,
    shipping: {
      ...{ delivery_mode: 1, logistics_type: 1, finish_shipping: true, finish_shipping_count: 2, goods_desc: '龙井茶' },
      shipping_list: [{ tracking_no: 'SF1', express_company: 'SF', contact: { receiver_contact: '189****1234' } }],
    },
  })
  t.match(await call('notify_confirm_receive', { ...named, received_time: NOON / 1000 + 600 }), { errcode: 0 })
  t.match((await call('get_order', named)).order, { order_state: 3 })
  t.match(await upload(3, { delivery_mode: 1 }), { errcode: 10060002 }, 'completed')
  world.refundFromConsole('order-1001')
  t.match((await call('get_order', named)).order, { order_state: 5 })
})
