import t, { type Test } from 'tap'
import { AppPaymentError, type AppPaymentParams, type SignType, type World } from '../../../mock-server/index.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { control, paymentParams, placeOrder, startMock } from '../helpers.ts'
import { bodyV3, orderV2, orderV3, startPartner, subsOf } from '../partner.ts'
import { orderBody, paymentParams as paymentParamsV3, post, sign } from '../v3.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'

/** The seven values, without the signature. */
const valuesOf = (world: World, prepayid: string, values: object = {}) => ({
  appid: world.credentials.appid,
  partnerid: world.credentials.mchId,
  prepayid,
  package: 'Sign=WXPay',
  noncestr: '5K8264ILTKCH16CQ2502SI8ZNMTM67VS',
  timestamp: String(Math.floor(world.clock.now().getTime() / 1000)),
  ...values,
})

const signedV2 = (world: World, prepayid: string, values: object = {}, type: SignType = 'MD5'): AppPaymentParams => {
  const params = valuesOf(world, prepayid, values)
  return { ...params, sign: signV2(Object.entries(params), world.credentials.apiKey, type) }
}

const textV3 = ({ appid, timestamp, noncestr }: AppPaymentParams | ReturnType<typeof valuesOf>, last: string) =>
  `${appid}\n${timestamp}\n${noncestr}\n${last}\n`

const signedV3 = (world: World, prepayid: string, values: object = {}): AppPaymentParams => {
  const params = valuesOf(world, prepayid, values)
  return { ...params, sign: sign(textV3(params, prepayid), world.credentials.v3.privateKey) }
}

const appV2 = (world: World, values: object = {}, type?: SignType) =>
  placeOrder(world, NOTIFY, { trade_type: 'APP', openid: undefined, ...values }, type)

async function appV3(world: World, values: object = {}): Promise<string> {
  const { json } = await post(world, '/v3/pay/transactions/app', {
    ...orderBody(world, NOTIFY, { out_trade_no: 'tea-v3', payer: undefined, ...values }),
  })
  return json.prepay_id as string
}

const OPENED = { errCode: 0, outTradeNo: 'tea-0001' }

function refused(t: Test, world: World, params: object, reason: RegExp, why = String(reason)): void {
  t.throws(() => world.appPayment(params as AppPaymentParams), { name: 'MockError', reason }, why)
}

t.test('good values open the cashier, whatever the case of their names', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const good = signedV2(world, await appV2(world))
  t.same(world.appPayment(good), OPENED)
  const { appid: appId, partnerid: partnerId, prepayid: prepayId, noncestr: nonceStr, timestamp: timeStamp } = good
  const android = { appId, partnerId, prepayId, packageValue: good.package, nonceStr, timeStamp, sign: good.sign }
  t.same((await control(mock, 'POST', '/worlds/default/app-payment', android)).json, OPENED)
  const hmac = await appV2(world, { out_trade_no: 'tea-hmac' }, 'HMAC-SHA256')
  t.match(world.appPayment(signedV2(world, hmac, {}, 'HMAC-SHA256')), { errCode: 0 })
  t.same(world.appPayment(signedV3(world, await appV3(world))), { errCode: 0, outTradeNo: 'tea-v3' })
  t.equal(world.order('tea-v3').tradeState, 'NOTPAY')
})

t.test('refusals: -1, and the value that is wrong', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const prepayid = await appV2(world)
  const good = signedV2(world, prepayid)
  const signed = (values: object) => signedV2(world, prepayid, values)
  const { apiKey, appSecret, appid, mchId } = world.credentials
  const camel = {
    appId: good.appid,
    nonceStr: good.noncestr,
    package: good.package,
    partnerId: mchId,
    prepayId: prepayid,
    timeStamp: good.timestamp,
  }
  const mini = paymentParams(world, prepayid)
  const rows: [params: object, reason: RegExp][] = [
    [{ ...good, sign: undefined }, /^sign must be a non-empty string; got nothing/],
    [{ ...good, timestamp: 1768449600 }, /^timestamp must be a non-empty string; got 1768449600/],
    [signed({ timestamp: '1768449600000' }), /^timestamp must be UNIX seconds/],
    [signed({ timestamp: '1668449600' }), /^timestamp 1668449600 is more than 48 h/],
    [signed({ noncestr: 'n'.repeat(33) }), /^noncestr has 33 characters/],
    [signed({ package: `prepay_id=${prepayid}` }), /^package must be Sign=WXPay; got prepay_id=/],
    [signed({ prepayid: `prepay_id=${prepayid}` }), /^prepayid must be the bare prepay_id/],
    [signed({ prepayid: 'wx0' }), /has the prepay_id wx0/],
    [signed({ appid: 'wxother' }), new RegExp(`^appid is wxother, the order is for ${appid}`)],
    [signed({ partnerid: '1900000109' }), new RegExp(`^partnerid is 1900000109, the order is of ${mchId}$`)],
    [{ ...good, sign: signV2(Object.entries(camel), apiKey, 'MD5') }, /camelCase/],
    [{ ...good, timestamp: mini.timeStamp, noncestr: mini.nonceStr, sign: mini.paySign }, /paySign of a mini program/],
    [{ ...good, sign: good.sign.toLowerCase() }, /not in upper case/],
    [{ ...good, sign: signedV2(world, prepayid, {}, 'HMAC-SHA256').sign }, /HMAC-SHA256 instead of MD5/],
    [{ ...good, sign: signV2(Object.entries({ ...good, sign: '' }), appSecret, 'MD5') }, /AppSecret/],
    [{ ...good, noncestr: 'other' }, /another key used, or were the values changed/],
  ]
  for (const [params, reason] of rows) refused(t, world, params, reason)
  const { status, json } = await control(mock, 'POST', '/worlds/default/app-payment', signed({ appid: 'wxother' }))
  t.match(
    { status, json },
    { status: 422, json: { code: 'PAYMENT_REFUSED', errCode: -1, reason: /^appid is wxother/ } },
  )
  try {
    world.appPayment(signed({ appid: 'wxother' }))
  } catch (error) {
    t.ok(error instanceof AppPaymentError)
  }
  t.notMatch(JSON.stringify(json), new RegExp(apiKey))

  const own = await placeOrder(world, NOTIFY, { out_trade_no: 'tea-mini' })
  refused(t, world, signedV2(world, own), /for JSAPI, and this cashier for APP/)
  t.throws(() => world.requestPayment(paymentParams(world, prepayid)), {
    name: 'MockError',
    errMsg: 'requestPayment:fail 支付场景非法',
  })
  await world.pay('tea-0001', { deliver: 'hold' })
  refused(t, world, good, /already paid/)
})

t.test('refusals of v3', async (t) => {
  const { default: world } = await startMock(t)
  const prepayid = await appV3(world)
  const good = signedV3(world, prepayid)
  const { privateKey } = world.credentials.v3
  const mini = sign(textV3(good, `prepay_id=${prepayid}`), privateKey)
  refused(t, world, { ...good, sign: mini }, /fourth line is prepay_id=…, that of an app the bare prepay_id/)
  refused(t, world, { ...good, noncestr: 'other' }, /not SHA256 with RSA.*other/)
  refused(t, world, signedV2(world, prepayid), /not SHA256 with RSA/)
  t.throws(() => world.requestPayment(paymentParamsV3(world, prepayid)), { name: 'MockError', errMsg: /支付场景非法/ })
  world.rotateKey('merchant-certificate')
  refused(t, world, good, /not SHA256 with RSA/, 'signed by a certificate that is gone')
  world.expire('tea-v3')
  refused(t, world, signedV3(world, prepayid), /is CLOSED/)
})

t.test('the app of a sub-merchant', async (t) => {
  const { world } = await startPartner(t)
  const [sub] = subsOf(world)
  const { appid, mchId } = world.credentials
  const ofSub = { appid: sub!.appid, partnerid: sub!.mchId }
  const { fields } = await orderV2(world, NOTIFY, { trade_type: 'APP', sub_openid: undefined })
  const v2 = (values: object) => signedV2(world, fields.prepay_id!, values)
  t.same(world.appPayment(v2(ofSub)), OPENED)
  refused(t, world, v2({ ...ofSub, appid }), new RegExp(`^appid is ${appid}, the order is for ${sub!.appid}`))
  refused(t, world, v2({ ...ofSub, partnerid: mchId }), new RegExp(`the order is of ${sub!.mchId}$`))
  const { payer: _payer, ...order } = bodyV3(world, NOTIFY, { out_trade_no: 'tea-v3' })
  const { json } = await orderV3(world, NOTIFY, { ...order, payer: undefined }, 'app')
  for (const partnerid of [sub!.mchId, mchId]) {
    t.match(world.appPayment(signedV3(world, json.prepay_id, { ...ofSub, partnerid })), { errCode: 0 })
  }
  refused(t, world, signedV3(world, json.prepay_id, { ...ofSub, partnerid: '1' }), / or /)
})
