import t from 'tap'
import { RequestPaymentError } from '../../../mock-server/index.ts'
import { callPay, orderFields, paymentParams, placeOrder, startMock, startShop } from '../helpers.ts'

const NOTIFY = 'http://127.0.0.1/notify'
const SIGNATURE = { name: 'MockError', errMsg: 'requestPayment:fail', err_code: '-1', err_desc: '支付验证签名失败' }
const EXPIRED = { name: 'MockError', errMsg: 'requestPayment:fail', err_code: '2', err_desc: '该订单已过期,请重新下单' }

t.test('good parameters open the cashier, under both algorithms, with or without appId', async (t) => {
  const { default: world } = await startMock(t)
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    const params = paymentParams(
      world,
      await placeOrder(world, NOTIFY, { out_trade_no: `tea-${signType}` }, signType),
      signType,
    )
    t.same(world.requestPayment(params), { errMsg: 'requestPayment:ok', outTradeNo: `tea-${signType}` })
    t.ok(world.requestPayment({ ...params, appId: world.credentials.appid }))
  }
  const { signType: _md5, ...params } = paymentParams(world, await placeOrder(world, NOTIFY))
  t.ok(world.requestPayment(params), 'MD5 is the default')
})

t.test('refusals: what the client says, and why', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const good = paymentParams(world, await placeOrder(world, NOTIFY))
  const prepayId = good.package.slice('prepay_id='.length)
  const { fields } = await callPay(world, 'unifiedorder', orderFields(NOTIFY))
  const parameter = (name: string) => ({ errMsg: `requestPayment:fail parameter error: ${name}`, err_code: undefined })
  const cases: [why: string, params: Record<string, unknown>, expected: object][] = [
    [
      'a number for timeStamp',
      { ...good, timeStamp: 1768449600 },
      { ...parameter('timeStamp'), reason: /string; got 1768449600/ },
    ],
    [
      'timestamp in lower case',
      { ...good, timeStamp: undefined, timestamp: good.timeStamp },
      { ...parameter('timeStamp'), reason: /got nothing/ },
    ],
    [
      'milliseconds',
      { ...good, timeStamp: `${good.timeStamp}000` },
      { ...parameter('timeStamp'), reason: /10 digits; got 1768449600000/ },
    ],
    [
      'a time of the documents',
      { ...good, timeStamp: '1490840662' },
      { ...parameter('timeStamp'), reason: /more than 48 h/ },
    ],
    ['no nonceStr', { ...good, nonceStr: '' }, parameter('nonceStr')],
    ['a long nonceStr', { ...good, nonceStr: 'n'.repeat(33) }, { ...parameter('nonceStr'), reason: /33 characters/ }],
    ['package without prepay_id=', { ...good, package: prepayId }, { ...parameter('package'), reason: /'prepay_id='/ }],
    ['package of an app', { ...good, package: 'Sign=WXPay' }, parameter('package')],
    ['no paySign', { ...good, paySign: undefined }, parameter('paySign')],
    ['RSA', { ...good, signType: 'RSA' }, { ...parameter('signType'), reason: /MD5 or HMAC-SHA256 in V2; got RSA/ }],
    [
      'the sign of unifiedorder',
      { ...good, paySign: fields.sign },
      { ...SIGNATURE, reason: /is not the upper-case MD5 of appId=wx/ },
    ],
    ['lower case', { ...good, paySign: good.paySign.toLowerCase() }, SIGNATURE],
    ['a value changed after signing', { ...good, nonceStr: 'other' }, SIGNATURE],
    ['another app', { ...good, appId: 'wx0000000000000000' }, { ...SIGNATURE, reason: /not wx0000000000000000/ }],
    [
      'another algorithm than unifiedorder',
      paymentParams(world, prepayId, 'HMAC-SHA256'),
      { ...SIGNATURE, reason: /unifiedorder was signed with MD5/ },
    ],
    [
      'an unknown prepay_id',
      paymentParams(world, 'wx1319002573923303ad89e9881683799500'),
      { ...EXPIRED, reason: /no order of merchant/ },
    ],
    ['the prepay_id of another merchant', paymentParams(world, await placeOrder(mock.world(), NOTIFY)), EXPIRED],
  ]
  for (const [why, params, expected] of cases) {
    t.throws(
      () => world.requestPayment(params as never),
      { ...expected, name: 'MockError', code: 'PAYMENT_REFUSED' },
      why,
    )
  }
})

t.test('the state of the order', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const open = (prepayId: string) => () => world.requestPayment(paymentParams(world, prepayId))

  const paid = await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  t.throws(open(paid), { name: 'MockError', errMsg: 'requestPayment:fail 该订单已支付', reason: /paid already/ })

  const closing = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-0002', time_expire: '20260115120500' })
  const first = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-0003' })
  await world.advance('5m')
  t.throws(open(closing), { ...EXPIRED, reason: /tea-0002 is closed/ })
  await world.advance('1h54m59s')
  t.ok(open(first)())
  await world.advance('1s')
  t.throws(open(first), { ...EXPIRED, reason: /older than 2 h, or .*; call unifiedorder again/ })
  const second = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-0003' })
  t.ok(open(second)())
  t.throws(open(first), EXPIRED, 'the old prepay_id does not come back')
})

t.test('it is an Error a test can tell apart', async (t) => {
  const error = new RequestPaymentError('requestPayment:fail', 'because', { err_code: '2', err_desc: 'x' })
  t.ok(error instanceof Error)
  t.match(error, {
    message: 'requestPayment:fail: because',
    statusCode: 422,
    details: { errMsg: 'requestPayment:fail', err_code: '2', err_desc: 'x', reason: 'because' },
  })
})
