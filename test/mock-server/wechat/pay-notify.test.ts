import t from 'tap'
import type { Order, Payment } from '../../../mock-server/orders.ts'
import { createRandom } from '../../../mock-server/random.ts'
import { signV2 } from '../../../mock-server/sign-v2.ts'
import { notifyStyle, payNotifyBody, type NotifyStyle } from '../../../mock-server/wechat/pay-notify.ts'
import { readXml } from '../../../mock-server/wire.ts'
import { NOON, sample } from '../helpers.ts'

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
  "each style says the same, signed by the order's algorithm, fields in alphabetical order or the other way round",
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

t.test('what the order had is told: attach, device_info', async (t) => {
  const fields = readXml(payNotifyBody(order({ attach: '桌 4 & ]]>', deviceInfo: 'WEB' }), payment(), merchant, PLAIN))
  t.equal(fields.get('attach'), '桌 4 & ]]>')
  t.equal(fields.get('device_info'), 'WEB')
})

t.test('coupons: indexed from 0, the type only if it is known, the settlement without the granted ones', async (t) => {
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
