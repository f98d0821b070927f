import t from 'tap'
import { encryptReqInfo } from '../../../mock-server/wechat/refund-notify.ts'
import { readXml } from '../../../mock-server/wire.ts'
import {
  ACK,
  decryptReqInfo,
  NOON,
  placeOrder,
  placeRefund,
  readReqInfo,
  REFUSAL,
  startMock,
  startPaid,
  startShop,
  vectors,
} from '../helpers.ts'

interface Vector {
  name: string
  plain: string
  apiKey?: string
  reqInfo?: string
}

t.test('req_info is encrypted as in the published vectors', async (t) => {
  for (const { name, apiKey, plain, reqInfo } of vectors<Vector[]>('refund-notify-v2')) {
    if (apiKey) t.equal(encryptReqInfo(plain, apiKey), reqInfo, name)
  }
})

t.test('sent when the refund ends: every value in CDATA, the outer part unsigned', async (t) => {
  for (const status of ['SUCCESS', 'CHANGE', 'REFUNDCLOSE'] as const) {
    const { world, shop } = await startPaid(t)
    const { refund_id: refundId } = await placeRefund(world, {
      refund_fee: 250,
      notify_url: `${shop.notifyUrl}/refund`,
    })
    t.equal(shop.received.length, 1, 'nothing is sent while it is PROCESSING')
    await world.advance('1h')
    const delivery = await world.settleRefund('tea-0001-r1', status)
    t.match(delivery, {
      kind: 'refund',
      outTradeNo: 'tea-0001',
      outRefundNo: 'tea-0001-r1',
      notificationId: 'refund:tea-0001-r1',
      attempt: 0,
      verdict: 'acked',
      sentAt: new Date(NOON + 3_600_000),
      response: { body: ACK },
    })
    t.match(shop.received[1], {
      method: 'POST',
      url: '/notify/refund',
      headers: { 'content-type': 'text/xml' },
      body: delivery!.request.body,
    })
    t.match(world.refundNotification('tea-0001-r1'), { id: 'refund:tea-0001-r1', state: 'acked', attempts: [delivery] })
    t.match(world.journal.entries({ direction: 'out', api: 'refundnotify' }), [
      { outTradeNo: 'tea-0001', note: /^acked/ },
    ])

    const { return_msg: _optional, ...outer } = Object.fromEntries(readXml(shop.received[1]!.body))
    t.same(Object.keys(outer), ['return_code', 'appid', 'mch_id', 'nonce_str', 'req_info'])
    t.match(outer, {
      return_code: 'SUCCESS',
      appid: world.credentials.appid,
      mch_id: world.credentials.mchId,
      nonce_str: /^\w{16}$/,
    })
    const { cash_refund_fee: _maybe, ...inner } = readReqInfo(shop.received[1]!.body, world.credentials.apiKey)
    t.same(inner, {
      out_refund_no: 'tea-0001-r1',
      out_trade_no: 'tea-0001',
      refund_account: 'REFUND_SOURCE_UNSETTLED_FUNDS',
      refund_fee: '250',
      refund_id: refundId,
      refund_recv_accout: '支付用户零钱',
      refund_request_source: 'API',
      refund_status: status,
      settlement_refund_fee: '250',
      settlement_total_fee: '1250',
      ...(status === 'SUCCESS' && { success_time: '2026-01-15 13:00:00' }),
      total_fee: '1250',
      transaction_id: world.order('tea-0001').transactionId,
    })
  }
})

t.test("judged and repeated as a payment's", async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, ({ url }) => (url === '/notify' ? ACK : REFUSAL))
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await placeRefund(world, { notify_url: `${shop.notifyUrl}/refund` })
  t.match(await world.settleRefund('tea-0001-r1', 'SUCCESS'), { verdict: 'fail_xml' })
  t.match(world.clock.timers(), [{ what: 'notify refund:tea-0001-r1 attempt 1' }])
  await world.advance('24h4m')
  const sent = world.deliveries().filter(({ kind }) => kind === 'refund')
  t.same(
    sent.map(({ sentAt }) => (sentAt.getTime() - NOON) / 1000),
    [0, 15, 30, 60, 240, 840, 2040, 3840, 5640, 7440, 11_040, 21_840, 32_640, 43_440, 65_040, 86_640],
  )
  t.equal(new Set(sent.map(({ request }) => request.body)).size, 1)
  t.equal(world.refundNotification('tea-0001-r1').state, 'exhausted')
})

t.test('what real ones do either way varies by the seed', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  const seen = new Set<string>()
  for (let seed = 0; seed < 24; seed++) {
    const world = mock.world({ seed })
    await placeOrder(world, shop.notifyUrl)
    await world.pay('tea-0001')
    await placeRefund(world, { notify_url: shop.notifyUrl })
    const { body } = (await world.settleRefund('tea-0001-r1', 'SUCCESS', { deliver: 'hold' }))!
    const inner = readReqInfo(body, world.credentials.apiKey)
    seen.add(`return_msg ${readXml(body).get('return_msg')}`)
    seen.add(`cash_refund_fee ${inner.cash_refund_fee}`)
    seen.add(`lines ${body.includes('\n')}`)
    t.same(Object.keys(inner), Object.keys(inner).sort())
    t.match(
      decryptReqInfo(body, world.credentials.apiKey),
      /^<root>(?:<(\w+)><!\[CDATA\[[^<]*\]\]><\/\1>\n?)+<\/root>$/,
      'every value is CDATA',
    )
  }
  t.same(
    seen,
    new Set([
      'return_msg OK',
      'return_msg undefined',
      'cash_refund_fee 1250',
      'cash_refund_fee undefined',
      'lines true',
      'lines false',
    ]),
  )
})
