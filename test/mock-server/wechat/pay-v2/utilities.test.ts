import t from 'tap'
import type { SignType, World } from '../../../../mock-server/index.ts'
import { signV2 } from '../../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import {
  callPay,
  control,
  orderFields,
  paymentParams,
  placeOrder,
  postRaw,
  readReqInfo,
  refundFields,
  sample,
  signedXml,
  startMock,
  startShop,
  type Values,
} from '../../helpers.ts'

const WRONG_SIGN = '沙箱验证签名失败，请确认沙箱签名key是否正确（通过getsignkey调用生成）'

const getsignkey = ({ baseUrl, credentials }: World, values: Values = {}) =>
  postRaw(`${baseUrl}/sandboxnew/pay/getsignkey`, signedXml({ credentials }, { appid: undefined, ...values }))

/** The same merchant with the key of its sandbox. */
async function inSandbox(world: World) {
  const { fields } = await getsignkey(world)
  const credentials = { ...world.credentials, apiKey: fields.sandbox_signkey! }
  const call = async (path: string, values: Values, signType?: SignType) =>
    (await postRaw(`${world.baseUrl}/sandboxnew${path}`, signedXml({ credentials }, values, signType))).fields
  return { credentials, call }
}

t.test('the key: unsigned, for the merchant alone, always the same', async (t) => {
  const mock = await startMock(t)
  const { fields } = await getsignkey(mock.default)
  t.same(fields, {
    return_code: 'SUCCESS',
    return_msg: 'ok',
    mch_id: mock.default.credentials.mchId,
    sandbox_signkey: fields.sandbox_signkey,
  })
  for (const [name, value] of readXml(sample('24-sandbox.getsignkey.response.xml'))) {
    t.match(fields[name], name === 'sandbox_signkey' ? /^[0-9a-f]{32}$/ : value, name)
  }
  t.match((await getsignkey(mock.default)).fields, fields)
  t.not((await getsignkey(mock.world())).fields.sandbox_signkey, fields.sandbox_signkey)
  t.match(
    (await getsignkey(mock.default, { appid: 'whatever', sign_type: 'HMAC-SHA256' })).fields,
    { return_msg: '获取沙箱密钥失败，确认交易密钥是否正确' },
    'signed otherwise than it says',
  )
})

t.test('refusals', async (t) => {
  const { default: world } = await startMock(t)
  const wrongKey = { ...world, baseUrl: world.baseUrl, credentials: { ...world.credentials, apiKey: 'x'.repeat(32) } }
  t.same((await getsignkey(wrongKey)).fields, {
    return_code: 'FAIL',
    return_msg: '获取沙箱密钥失败，确认交易密钥是否正确',
  })
  t.same((await getsignkey(world, { mch_id: '1' })).fields, { return_code: 'FAIL', return_msg: 'MCHID不存在' })
  t.same((await getsignkey(world, { nonce_str: undefined })).fields, { return_code: 'FAIL', return_msg: '缺少参数' })
  t.same((await postRaw(`${world.baseUrl}/sandboxnew/pay/getsignkey`, '')).fields, {
    return_code: 'FAIL',
    return_msg: 'post数据为空',
  })
})

t.test('a whole life in the sandbox: its own key, its own orders, its own notifications', async (t) => {
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    const { default: world } = await startMock(t)
    const shop = await startShop(t)
    const { credentials, call } = await inSandbox(world)
    const order = await call('/pay/unifiedorder', orderFields(shop.notifyUrl, { total_fee: 101 }), signType)
    t.match(order, { result_code: 'SUCCESS', prepay_id: /^wx20260115120000\d{6}$/ })
    t.equal(order.sign, signV2(Object.entries(order), credentials.apiKey, signType))
    t.match(world.order('tea-0001'), { totalFee: 101, tradeState: 'NOTPAY' })

    t.match(await world.pay('tea-0001'), { verdict: 'acked' })
    const told = readXml(shop.received[0]!.body)
    t.equal(told.get('sign'), signV2(told, credentials.apiKey, signType))
    t.match(await call('/pay/orderquery', { transaction_id: told.get('transaction_id') }), {
      trade_state: 'SUCCESS',
      out_trade_no: 'tea-0001',
    })
    t.match(
      (
        await postRaw(
          `${world.baseUrl}/xdc/apiv2sandbox/pay/orderquery`,
          signedXml({ credentials }, { out_trade_no: 'tea-0001' }, signType),
        )
      ).fields,
      { trade_state: 'SUCCESS' },
      'its place of today',
    )
    t.match(await call('/pay/closeorder', { out_trade_no: 'tea-0001' }), { err_code: 'ORDERPAID' })

    const refund = refundFields({ total_fee: 101, refund_fee: 1, notify_url: shop.notifyUrl })
    t.match(await call('/pay/refund', refund), { result_code: 'SUCCESS' })
    t.match(await call('/secapi/pay/refund', refund), { result_code: 'SUCCESS' }, 'some clients keep secapi')
    t.match(await world.settleRefund('tea-0001-r1', 'SUCCESS'), { verdict: 'acked' })
    t.match(readReqInfo(shop.received[1]!.body, credentials.apiKey), { refund_status: 'SUCCESS', total_fee: '101' })
    t.match(await call('/pay/refundquery', { out_refund_no: 'tea-0001-r1' }), { refund_status_0: 'SUCCESS' })
    t.match(world.refund('tea-0001'), { refundFee: 100, source: 'VENDOR_PLATFORM' })
    t.match(world.getRefund('tea-0001-r1'), { status: 'SUCCESS' })
    t.same([world.orders().length, world.refunds().length], [1, 2])

    t.match(
      (await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields,
      { err_code: 'ORDERNOTEXIST' },
      'production does not know it',
    )
    await placeOrder(world, shop.notifyUrl, { out_trade_no: 'real-1' })
    t.match(
      await call('/pay/orderquery', { out_trade_no: 'real-1' }),
      { err_code: 'ORDERNOTEXIST' },
      'nor the other way round',
    )
    t.same(
      world.orders().map(({ outTradeNo }) => outTradeNo),
      ['real-1', 'tea-0001'],
    )
  }
})

t.test('the cashier opens for an order of the sandbox, signed with its key', async (t) => {
  const { default: world } = await startMock(t)
  const { credentials, call } = await inSandbox(world)
  const { prepay_id: prepayId } = await call(
    '/pay/unifiedorder',
    orderFields('http://127.0.0.1/notify', { total_fee: 101 }),
  )
  t.same(world.requestPayment(paymentParams({ ...world, credentials }, prepayId!)), {
    errMsg: 'requestPayment:ok',
    outTradeNo: 'tea-0001',
  })
  t.throws(() => world.requestPayment(paymentParams(world, prepayId!)), {
    code: 'PAYMENT_REFUSED',
    message: /paySign is not/,
  })
})

t.test('one number on both sides: what can be done is done where it can, or where it is asked for', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const { call } = await inSandbox(world)
  const ordered = async () => {
    world.reset('orders')
    await placeOrder(world, 'http://127.0.0.1:1/notify')
    await call('/pay/unifiedorder', orderFields('http://127.0.0.1:1/notify', { total_fee: 101 }))
  }
  const states = () => world.orders().map(({ side, tradeState }) => `${side} ${tradeState}`)

  await ordered()
  await world.pay('tea-0001', { deliver: 'hold' })
  t.same(states(), ['production SUCCESS', 'sandbox NOTPAY'])
  await world.fail('tea-0001')
  await world.pay('tea-0001', { deliver: 'hold' })
  t.same(states(), ['production SUCCESS', 'sandbox SUCCESS'])
  await t.rejects(world.pay('tea-0001'), { code: 'ORDER_NOT_PAYABLE' })
  t.match(
    [world.order('tea-0001'), world.order('tea-0001', { side: 'sandbox' })],
    [{ side: 'production' }, { side: 'sandbox' }],
  )
  t.throws(() => world.order('tea-0002', { side: 'sandbox' }), {
    code: 'UNKNOWN_ORDER',
    message: 'world default has no order tea-0002 in the sandbox; was unifiedorder called with mch_id '.concat(
      world.credentials.mchId,
      '?',
    ),
  })

  const path = '/worlds/default/orders/tea-0001'
  await ordered()
  t.match(await control(mock, 'POST', `${path}/pay`, { side: 'sandbox', deliver: 'hold' }), {
    status: 200,
    json: { order: { side: 'sandbox', tradeState: 'SUCCESS' } },
  })
  t.match(await control(mock, 'GET', `${path}?side=sandbox`), { status: 200, json: { totalFee: 101 } })
  t.match(await control(mock, 'GET', path), { status: 200, json: { totalFee: 1250 } })
  t.match(
    await control(mock, 'POST', `${path}/refunds`, { outRefundNo: 'r-1' }),
    { status: 200, json: { totalFee: 101 } },
    'the one that is paid',
  )
  t.match(await control(mock, 'POST', `${path}/fail`, { side: 'sandbox' }), {
    status: 409,
    json: { code: 'ORDER_NOT_PAYABLE' },
  })
  t.match(await control(mock, 'POST', `${path}/expire`), {
    status: 200,
    json: { side: 'production', tradeState: 'CLOSED' },
  })
  t.match(await control(mock, 'POST', `${path}/expire`, { side: 'sandbox' }), {
    status: 409,
    json: { code: 'ORDER_PAID' },
  })
  t.match(await control(mock, 'POST', `${path}/refunds`, { side: 'production' }), {
    status: 409,
    json: { code: 'REFUND_REFUSED' },
  })

  await world.settleRefund('r-1', 'REFUNDCLOSE', { deliver: 'hold' })
  await ordered()
  for (const side of ['production', 'sandbox'] as const) {
    await world.pay('tea-0001', { side, deliver: 'hold' })
    world.refund('tea-0001', { side, outRefundNo: 'r-1' })
  }
  for (const status of ['SUCCESS', 'CHANGE'] as const) await world.settleRefund('r-1', status, { deliver: 'hold' })
  t.same(
    world.refunds().map(({ status }) => status),
    ['SUCCESS', 'CHANGE'],
    'the one that has not ended',
  )
  await t.rejects(world.settleRefund('r-2', 'SUCCESS'), { code: 'UNKNOWN_REFUND' })
})

t.test('an order of the sandbox fails and expires like any other', async (t) => {
  const { default: world } = await startMock(t)
  const { call } = await inSandbox(world)
  await call('/pay/unifiedorder', orderFields('http://127.0.0.1/notify', { total_fee: 102 }))
  t.match(await world.fail('tea-0001'), { err_code: 'NOTENOUGH' })
  t.match(world.expire('tea-0001'), { tradeState: 'CLOSED' })
})

t.test('keys do not mix', async (t) => {
  const { default: world } = await startMock(t)
  const { credentials } = await inSandbox(world)
  const query = (path: string, side: Pick<World, 'credentials'>) =>
    postRaw(`${world.baseUrl}${path}/pay/orderquery`, signedXml(side, { out_trade_no: 'tea-0001' }))
  t.same((await query('/sandboxnew', world)).fields, { return_code: 'FAIL', return_msg: WRONG_SIGN })
  t.match(world.journal.entries().at(-1)?.note, /another key, or other values than were sent/)
  t.same((await query('', { credentials })).fields, { return_code: 'FAIL', return_msg: '签名错误' })
})

t.test('only the scripted amounts', async (t) => {
  const { default: world } = await startMock(t)
  const { call } = await inSandbox(world)
  const order = (values: Values) => call('/pay/unifiedorder', orderFields('http://127.0.0.1/notify', values))
  for (const fee of [1, 100, 103, 301, 888]) {
    t.same(await order({ total_fee: fee }), {
      return_code: 'FAIL',
      return_msg: `沙箱支付金额(${fee})无效，请检查需要验收的case`,
    })
  }
  const scan = { trade_type: 'NATIVE', product_id: 'p', openid: undefined }
  t.match(await order({ ...scan, total_fee: 101 }), { return_msg: '沙箱支付金额(101)无效，请检查需要验收的case' })
  t.match(await order({ ...scan, total_fee: 301 }), { result_code: 'SUCCESS', code_url: /./ })
  t.match(await order({ total_fee: 101, out_trade_no: 'tea-0101' }), { result_code: 'SUCCESS' })
})

t.test(
  'one number on both sides: two transactions; what a hook changes is signed again with the key of its side',
  async (t) => {
    for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
      const { default: world } = await startMock(t)
      const shop = await startShop(t)
      const { credentials, call } = await inSandbox(world)
      await call('/pay/unifiedorder', orderFields(shop.notifyUrl, { total_fee: 101 }), signType)
      await placeOrder(world, shop.notifyUrl, {}, signType)
      for (const [side, { apiKey }] of [
        ['sandbox', credentials],
        ['production', world.credentials],
      ] as const) {
        world.once('beforeNotify', ({ fields }) => {
          fields.total_fee = '1'
        })
        await world.pay('tea-0001', { side })
        const told = readXml(shop.received.at(-1)!.body)
        t.equal(told.get('total_fee'), '1')
        t.equal(told.get('sign'), signV2(told, apiKey, signType), `${side} ${signType}`)
      }
      const numbers = (['sandbox', 'production'] as const).map(
        (side) => world.order('tea-0001', { side }).transactionId,
      )
      t.not(numbers[0], numbers[1])
    }
  },
)

t.test('reports are heard: unsigned replies', async (t) => {
  const { default: world } = await startMock(t)
  const report = {
    interface_url: 'https://api.mch.weixin.qq.com/pay/unifiedorder',
    execute_time: 120,
    return_code: 'SUCCESS',
    result_code: 'SUCCESS',
    user_ip: '8.8.8.8',
  }
  const url = `${world.baseUrl}/payitil/report`
  t.same((await postRaw(url, signedXml(world, report))).fields, {
    return_code: 'SUCCESS',
    return_msg: 'OK',
    result_code: 'SUCCESS',
  })
  t.same((await postRaw(url, signedXml(world, report).replace('8.8.8.8', '8.8.4.4'))).fields, {
    return_code: 'FAIL',
    return_msg: '签名错误',
  })
})
