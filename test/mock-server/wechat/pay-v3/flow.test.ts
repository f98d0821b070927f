import t from 'tap'
import { startShop } from '../../helpers.ts'
import {
  get,
  JSAPI,
  open,
  order,
  orderBody,
  paymentParams,
  post,
  query,
  refundBody,
  REFUNDS,
  signer,
  startV3,
} from '../../v3.ts'

const headersOf = (headers: Record<string, unknown>) => ({ get: (name: string) => (headers[name] as string) ?? null })

t.test('an order, its payment, its refund: every reply and every notification is signed', async (t) => {
  const world = await startV3(t)
  const { appid, mchId } = world.credentials
  const shop = await startShop(t, (_notified, response) => {
    response.statusCode = 204
    return ''
  })
  const ordered = await post(world, JSAPI, orderBody(world, shop.notifyUrl, { attach: 'a' }))
  t.match(ordered, { status: 200, signedBy: 'public-key', json: { prepay_id: /^wx\w{34}$/ } })
  t.same(world.requestPayment(paymentParams(world, ordered.json.prepay_id)), {
    errMsg: 'requestPayment:ok',
    outTradeNo: 'tea-0001',
  })
  t.match(await query(world), {
    status: 200,
    signedBy: 'public-key',
    text: JSON.stringify({
      amount: { payer_currency: 'CNY', total: 1250 },
      appid,
      attach: 'a',
      mchid: mchId,
      out_trade_no: 'tea-0001',
      promotion_detail: [],
      scene_info: { device_id: '' },
      trade_state: 'NOTPAY',
      trade_state_desc: '订单未支付',
    }),
  })

  const { delivery, notification } = await world.pay('tea-0001')
  t.match(delivery, { verdict: 'acked', version: 'v3' })
  const [told] = shop.received
  t.equal(signer(world, headersOf(told!.headers), told!.body), 'public-key')
  t.match(told!.headers, { 'content-type': 'application/json', 'user-agent': 'Mozilla/4.0' })
  const transactionId = world.order('tea-0001').transactionId!
  t.match(JSON.parse(told!.body), {
    id: /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
    create_time: '2026-01-15T12:00:00+08:00',
    event_type: 'TRANSACTION.SUCCESS',
    resource: { nonce: /^\w{12}$/, associated_data: 'transaction' },
  })
  t.same(open(told!.body, world), {
    mchid: mchId,
    appid,
    out_trade_no: 'tea-0001',
    transaction_id: transactionId,
    trade_type: 'JSAPI',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
    bank_type: 'OTHERS',
    attach: 'a',
    success_time: '2026-01-15T12:00:00+08:00',
    payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
    amount: { total: 1250, payer_total: 1250, currency: 'CNY', payer_currency: 'CNY' },
  })
  t.equal(notification.version, 'v3')
  t.match(await get(world, `/v3/pay/transactions/id/${transactionId}?mchid=${mchId}`), {
    json: { trade_state: 'SUCCESS', out_trade_no: 'tea-0001' },
  })

  const refunded = await post(world, REFUNDS, refundBody({ notify_url: shop.notifyUrl, reason: '不要了' }))
  t.match(refunded, {
    status: 200,
    signedBy: 'public-key',
    json: { status: 'PROCESSING', out_refund_no: 'tea-0001-r1' },
  })
  await world.settleRefund('tea-0001-r1', 'SUCCESS')
  const refundTold = shop.received[1]!
  t.equal(signer(world, headersOf(refundTold.headers), refundTold.body), 'public-key')
  t.match(JSON.parse(refundTold.body), { event_type: 'REFUND.SUCCESS', resource: { original_type: 'refund' } })
  t.match(open(refundTold.body, world), { refund_status: 'SUCCESS', amount: { refund: 1250 } })
  t.match(await get(world, `${REFUNDS}/tea-0001-r1`), { json: { status: 'SUCCESS', channel: 'ORIGINAL' } })
})

t.test('close answers 204 with a signature over nothing', async (t) => {
  const world = await startV3(t)
  const shop = await startShop(t)
  await order(world, shop.notifyUrl)
  const url = '/v3/pay/transactions/out-trade-no/tea-0001/close'
  for (let n = 0; n < 2; n++) {
    t.match(await post(world, url, { mchid: world.credentials.mchId }), {
      status: 204,
      text: '',
      signedBy: 'public-key',
    })
  }
  t.match(await query(world), { json: { trade_state: 'CLOSED', trade_state_desc: '订单已关闭' } })
})
