import t from 'tap'
import { createRandom } from '../../../../mock-server/base/random.ts'
import type { Order, Payment } from '../../../../mock-server/ledger/orders.ts'
import {
  encryptReqInfo,
  notifyStyle,
  type NotifyStyle,
  payNotifyBody,
} from '../../../../mock-server/wechat/pay-v2/notifications.ts'
import { signV2 } from '../../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import {
  ACK,
  decryptReqInfo,
  NOON,
  placeOrder,
  placeRefund,
  readReqInfo,
  REFUSAL,
  sample,
  startMock,
  startPaid,
  startShop,
  vectors,
} from '../../helpers.ts'

const merchant = { mchId: '1900000109', apiKey: '0123456789abcdef0123456789abcdef' }
const PLAIN: NotifyStyle = {
  signType: false,
  emptyAttach: false,
  cashFeeInCdata: false,
  lines: false,
  descending: false,
}

const payment = (values: Partial<Payment> = {}): Payment => ({
  transactionId: '4200000540202005267407409907',
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  bankType: 'OTHERS',
  coupons: [],
  paidAt: new Date(Date.UTC(2020, 4, 26, 7, 25, 50)),
  ...values,
})
const order = (values: Partial<Order> = {}): Order => ({
  version: 'v2',
  parameters: '',
  outTradeNo: '20052615250005',
  body: '茶',
  totalFee: 1,
  feeType: 'CNY',
  tradeType: 'JSAPI',
  appid: 'wx1234567890abcdef',
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  createdAt: new Date(NOON),
  deviceInfo: '',
  attach: '',
  notifyUrl: 'http://127.0.0.1/notify',
  nonceStr: '1590477937689',
  signType: 'HMAC-SHA256',
  prepayId: 'wx1',
  prepayIssuedAt: new Date(NOON),
  expiresAt: undefined,
  tradeState: 'SUCCESS',
  payment: undefined,
  ...values,
})

t.test('the recorded notification of an HMAC merchant, byte for byte', async (t) => {
  const body = payNotifyBody(order(), payment(), merchant, { ...PLAIN, cashFeeInCdata: true, lines: true })
  t.equal(
    body,
    sample('18-notify.pay.hmac-no-sign_type.recorded-masked.xml')
      .trimEnd()
      .replace('</transaction_id>\n</xml>', '</transaction_id></xml>'),
  )
})

t.test(
  "each style has the same content, signed with the order's algorithm, with fields in alphabetical or reverse order",
  async (t) => {
    for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
      for (let bits = 0; bits < 32; bits++) {
        const style = {
          signType: (bits & 1) > 0,
          emptyAttach: (bits & 2) > 0,
          cashFeeInCdata: (bits & 4) > 0,
          lines: (bits & 8) > 0,
          descending: (bits & 16) > 0,
        }
        const body = payNotifyBody(order({ signType }), payment(), merchant, style)
        const fields = readXml(body)
        const name = `${signType} ${JSON.stringify(style)}`
        t.equal(fields.get('sign'), signV2(fields, merchant.apiKey, signType), name)
        const sorted = [...fields.keys()].sort()
        t.same([...fields.keys()], style.descending ? sorted.reverse() : sorted, name)
        t.equal(fields.get('sign_type'), style.signType ? signType : undefined, name)
        t.equal(fields.get('attach'), style.emptyAttach ? '' : undefined, name)
        t.equal(body.includes('<cash_fee><![CDATA[1]]></cash_fee>'), style.cashFeeInCdata, name)
        t.equal(body.includes('\n'), style.lines, name)
        t.match(body, '<total_fee>1</total_fee>', name)
        t.match(
          Object.fromEntries(fields),
          {
            nonce_str: '1590477937689',
            openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
            time_end: '20200526152550',
            cash_fee: '1',
          },
          name,
        )
      }
    }
  },
)

t.test("the order's attach and device_info are repeated", async (t) => {
  const fields = readXml(payNotifyBody(order({ attach: '桌 4 & ]]>', deviceInfo: 'WEB' }), payment(), merchant, PLAIN))
  t.equal(fields.get('attach'), '桌 4 & ]]>')
  t.equal(fields.get('device_info'), 'WEB')
})

t.test('coupons: indexed from 0, the type only if known, the settlement without granted ones', async (t) => {
  const coupons = [
    { fee: 30, id: '10000' },
    { fee: 20, id: '10001', type: 'CASH' as const },
    { fee: 8, id: '10002', type: 'NO_CASH' as const },
  ]
  const told = (list: Payment['coupons']) =>
    Object.fromEntries(readXml(payNotifyBody(order({ totalFee: 100 }), payment({ coupons: list }), merchant, PLAIN)))
  const all = told(coupons)
  t.match(all, { total_fee: '100', cash_fee: '42', coupon_fee: '58', coupon_count: '3', settlement_total_fee: '92' })
  t.match(all, {
    coupon_id_0: '10000',
    coupon_fee_0: '30',
    coupon_id_1: '10001',
    coupon_fee_1: '20',
    coupon_type_1: 'CASH',
    coupon_fee_2: '8',
    coupon_type_2: 'NO_CASH',
  })
  t.notOk('coupon_type_0' in all)
  t.notOk('settlement_total_fee' in told(coupons.slice(0, 2)))
})

t.test('a seed has one style, and seeds differ', async (t) => {
  const styles = Array.from({ length: 30 }, (_, seed) => notifyStyle(createRandom(String(seed))))
  t.same(notifyStyle(createRandom('7')), styles[7])
  for (const name of ['signType', 'emptyAttach', 'cashFeeInCdata', 'lines', 'descending'] as const) {
    t.equal(new Set(styles.map((style) => style[name])).size, 2, name)
  }
})

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
    const delivery = (await world.settleRefund('tea-0001-r1', status)).delivery
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

t.test("judged and repeated like a payment's", async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, ({ url }) => (url === '/notify' ? ACK : REFUSAL))
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await placeRefund(world, { notify_url: `${shop.notifyUrl}/refund` })
  t.match((await world.settleRefund('tea-0001-r1', 'SUCCESS')).delivery, { verdict: 'fail_xml' })
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

t.test('variations of real notifications depend on the seed', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  const seen = new Set<string>()
  for (let seed = 0; seed < 24; seed++) {
    const world = mock.world({ seed })
    await placeOrder(world, shop.notifyUrl)
    await world.pay('tea-0001')
    await placeRefund(world, { notify_url: shop.notifyUrl })
    const { body } = (await world.settleRefund('tea-0001-r1', 'SUCCESS', { deliver: 'hold' })).notification!
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

t.test(
  'a refund is notified in one of two forms, depending on the seed: the recorded one, or that of payments',
  async (t) => {
    const shop = await startShop(t)
    const forms = new Set<string>()
    for (let seed = 1; forms.size < 2 && seed < 20; seed++) {
      const { default: world } = await startMock(t, { world: { seed } })
      await placeOrder(world, shop.notifyUrl)
      await world.pay('tea-0001')
      await placeRefund(world, { notify_url: shop.notifyUrl })
      await world.settleRefund('tea-0001-r1', 'SUCCESS')
      const { body, headers } = shop.received.at(-1)!
      const recorded =
        /^<xml><return_code>SUCCESS<\/return_code><appid><!\[CDATA\[wx\w+\]\]><\/appid><mch_id><!\[CDATA\[\d+\]\]><\/mch_id><nonce_str><!\[CDATA\[[0-9a-f]{32}\]\]><\/nonce_str><req_info><!\[CDATA\[[\w+/=]+\]\]><\/req_info><\/xml>$/
      const likePayments =
        /^<xml><return_code><!\[CDATA\[SUCCESS\]\]><\/return_code>\n?<return_msg><!\[CDATA\[OK\]\]><\/return_msg>/
      t.ok(recorded.test(body) !== likePayments.test(body), body)
      forms.add(recorded.test(body) ? 'recorded' : 'like payments')
      t.match(
        headers,
        { accept: '*/*', pragma: 'no-cache', 'user-agent': 'Mozilla/4.0', 'content-type': 'text/xml' },
        'as in the recorded request',
      )
      t.match(readReqInfo(body, world.credentials.apiKey), { refund_status: 'SUCCESS' })
    }
    t.equal(forms.size, 2)
  },
)
