import t from 'tap'
import type { World } from '../../../../mock-server/index.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import {
  callPay,
  NOON,
  orderFields,
  paymentParams,
  placeOrder,
  sample,
  startMock,
  startShop,
  type Values,
} from '../../helpers.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'
const order = (world: World, values: Values = {}) =>
  callPay(world, 'unifiedorder', orderFields(NOTIFY, values)).then(({ fields }) => fields)

t.test('a prepay_id: wx, ddHHmmss in GMT+8, 26 hex digits', async (t) => {
  const { default: world } = await startMock(t)
  const { text, fields } = await callPay(world, 'unifiedorder', orderFields(NOTIFY))
  t.match(fields, { result_code: 'SUCCESS', trade_type: 'JSAPI', prepay_id: /^wx15120000[0-9a-f]{26}$/ })
  t.match(text, /<\/result_code>\n<prepay_id>.*\n<trade_type>.*<\/xml>$/)
  t.match(world.order('tea-0001'), {
    body: '龙井茶 & 点心',
    attach: '0',
    feeType: 'CNY',
    signType: 'MD5',
    createdAt: new Date(NOON),
    expiresAt: undefined,
  })
})

t.test('the other ways to pay', async (t) => {
  const { default: world } = await startMock(t)
  const ways: [values: Values, reply: Record<string, RegExp>][] = [
    [
      { trade_type: 'NATIVE', product_id: 'p1', openid: undefined },
      { code_url: /^weixin:\/\/wxpay\/bizpayurl\?pr=\w{9}$/ },
    ],
    [
      { trade_type: 'MWEB', scene_info: '{}', openid: undefined },
      { mweb_url: /^https:\/\/wx\.tenpay\.com\/.*prepay_id=wx.*&package=\d{10}$/ },
    ],
    [{ trade_type: 'APP', openid: undefined }, {}],
  ]
  for (const [values, reply] of ways) {
    t.match(await order(world, { out_trade_no: `tea-${String(values.trade_type)}`, ...values }), {
      result_code: 'SUCCESS',
      trade_type: values.trade_type,
      prepay_id: /^wx/,
      ...reply,
    })
  }
})

t.test('fields that are refused', async (t) => {
  const { default: world } = await startMock(t)
  const many = (length: number) => 'x'.repeat(length)
  const refusals: [message: string, ...values: Values[]][] = [
    [
      '缺少参数',
      ...['body', 'out_trade_no', 'total_fee', 'spbill_create_ip', 'trade_type'].map((name) => ({ [name]: undefined })),
    ],
    ['缺少参数', { trade_type: 'NATIVE' }, { trade_type: 'MWEB' }],
    ['JSAPI支付必须传openid', { openid: undefined }, { openid: '' }],
    ['body参数长度有误', { body: many(128) }, { body: '茶'.repeat(43) }],
    ['detail参数长度有误', { detail: many(6001) }],
    ['attach参数长度有误', { attach: many(128) }],
    ['out_trade_no参数长度有误', { out_trade_no: many(33) }],
    [
      'out_trade_no参数格式错误',
      { out_trade_no: many(5) },
      { out_trade_no: 'tea@0001' },
      { out_trade_no: 'tea 0001' },
      { out_trade_no: '龙井茶叶' },
    ],
    ['fee_type参数格式错误', { fee_type: 'USD' }],
    ['total_fee参数格式错误', ...['0', '-1', '1.5', '12.50', '01', '1e3', 'abc'].map((fee) => ({ total_fee: fee }))],
    ['total_fee参数长度有误', { total_fee: '10000000000' }],
    ['invalid spbill_create_ip', { spbill_create_ip: 'localhost' }, { spbill_create_ip: '1.2.3' }],
    ['time_start参数格式错误', { time_start: '20260230000000' }],
    ['time_expire参数格式错误', { time_expire: '2026-01-15' }],
    ['notify_url参数长度有误', { notify_url: `https://shop.example.com/${many(240)}` }],
    [
      'invalid notify_url',
      ...[
        '/notify',
        'shop.example.com/notify',
        'ftp://shop.example.com/notify',
        'https://shop.example.com',
        'https://shop.example.com/notify?a=1',
        'https://shop.example.com/notify#a',
        'http://:80/notify',
      ].map((url) => ({ notify_url: url })),
    ],
    ['trade_type参数格式错误', { trade_type: 'MICROPAY' }, { trade_type: 'jsapi' }],
    ['limit_pay参数格式错误', { limit_pay: 'credit' }],
    ['openid参数长度有误', { openid: many(129) }],
    ['receipt参数格式错误', { receipt: 'N' }],
    ['profit_sharing参数格式错误', { profit_sharing: 'X' }],
    ['profit_sharing参数长度有误', { profit_sharing: 'YN' }],
    [
      'time_expire时间过短，刷卡至少1分钟，其他5分钟',
      { time_expire: '20260115120059' },
      { time_expire: '20260115040500' },
    ],
  ]
  for (const [message, ...all] of refusals) {
    for (const values of all) {
      t.same(await order(world, values), { return_code: 'FAIL', return_msg: message }, JSON.stringify(values))
    }
  }
  t.same(world.orders(), [])
  t.match(
    world.journal.entries().at(-1)?.note,
    /time_expire is 20260115040500, the world's time is 20260115120000 \(both GMT\+8\)/,
  )
})

t.test('fields that are accepted up to the limit', async (t) => {
  const { default: world } = await startMock(t)
  const accepted: Values[] = [
    { body: 'x'.repeat(127) },
    { body: `${'茶'.repeat(42)}x` },
    { attach: 'x'.repeat(127) },
    { detail: 'x'.repeat(6000) },
    { out_trade_no: 'abc_-|*1' },
    { out_trade_no: 'x'.repeat(32) },
    { out_trade_no: '123456' },
    { total_fee: 1 },
    { spbill_create_ip: '2001:db8::1' },
    { notify_url: 'http://127.0.0.1:3000/' },
    { time_start: '20260115115900', time_expire: '20260115120100' },
    { fee_type: 'CNY', goods_tag: 'g', limit_pay: 'no_credit', receipt: 'Y', profit_sharing: 'N' },
  ]
  for (const [n, values] of accepted.entries()) {
    t.match(
      await order(world, { out_trade_no: `tea-${1000 + n}`, ...values }),
      { result_code: 'SUCCESS' },
      JSON.stringify(values).slice(0, 60),
    )
  }
})

t.test('a repeated order number', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const base = { notify_url: shop.notifyUrl }
  const repeated = { result_code: 'FAIL', err_code: 'INVALID_REQUEST', err_code_des: '201 商户订单号重复' }
  const changed: Values[] = [
    { body: '普洱茶' },
    { body: '龙井茶 & 点心 ' },
    { total_fee: 1251 },
    { trade_type: 'APP' },
    { openid: 'o-bob' },
  ]
  const first = await placeOrder(world, shop.notifyUrl)

  t.equal(await placeOrder(world, shop.notifyUrl), first, 'the same: the same prepay_id')
  for (const values of changed) t.match(await order(world, { ...base, ...values }), repeated, JSON.stringify(values))

  const harmless = {
    nonce_str: 'another',
    time_start: '20260115120000',
    time_expire: '20260116120000',
    spbill_create_ip: '1.2.3.4',
    attach: 'new',
    notify_url: `${shop.notifyUrl}2`,
    fee_type: 'CNY',
    detail: 'new',
    device_info: 'WEB',
  }
  t.match(await order(world, harmless), { result_code: 'SUCCESS', prepay_id: first })
  t.match(
    world.order('tea-0001'),
    { attach: 'new', notifyUrl: `${shop.notifyUrl}2`, expiresAt: new Date(NOON + 86_400_000) },
    'the new values apply',
  )

  await world.advance('1h59m59s')
  t.equal(await placeOrder(world, shop.notifyUrl), first)
  await world.advance('1s')
  const second = await placeOrder(world, shop.notifyUrl)
  t.not(second, first, 'after two hours a new prepay_id')
  t.match(second, /^wx15140000/)

  await world.pay('tea-0001')
  t.match(await order(world, base), { result_code: 'FAIL', err_code: 'ORDERPAID', err_code_des: '该订单已支付' })
  t.match(await order(world, { ...base, total_fee: 1 }), repeated, 'terms are compared before the state')
})

t.test('the payer does not change what was ordered', async (t) => {
  const { default: world } = await startMock(t)
  const { notifyUrl } = await startShop(t)
  const ways: [values: Values, payer: string | undefined][] = [
    [{ out_trade_no: 'scanned-1', trade_type: 'NATIVE', product_id: 'p1', openid: undefined }, undefined],
    [{ out_trade_no: 'treated-1' }, 'o-bob'],
  ]
  for (const [values, openid] of ways) {
    await placeOrder(world, notifyUrl, values)
    const outTradeNo = String(values.out_trade_no)
    await world.pay(outTradeNo, { ...(openid !== undefined && { openid }) })
    t.match(world.order(outTradeNo).openid, openid ?? /^o./, 'the order shows the payer')
    t.match(
      await order(world, { notify_url: notifyUrl, ...values }),
      { result_code: 'FAIL', err_code: 'ORDERPAID' },
      outTradeNo,
    )
  }
})

t.test('a world can have a new prepay_id with every call; the last one opens the cashier', async (t) => {
  const { default: world } = await startMock(t, { world: { behaviour: { repeatedPrepayId: 'new' } } })
  const [first, second] = [await placeOrder(world, NOTIFY), await placeOrder(world, NOTIFY)]
  t.not(first, second)
  t.throws(() => world.requestPayment(paymentParams(world, first)), { message: /was replaced by a later unifiedorder/ })
  t.match(world.requestPayment(paymentParams(world, second)), { outTradeNo: 'tea-0001' })
})

t.test('a closed number stays closed', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, NOTIFY, { time_expire: '20260115120500' })
  await world.advance('5m')
  for (const values of [{}, { total_fee: 1 }]) {
    t.match(await order(world, values), { result_code: 'FAIL', err_code: 'ORDERCLOSED', err_code_des: '订单已关闭' })
  }
})

const COMMON = ['return_code', 'return_msg', 'appid', 'mch_id', 'nonce_str', 'sign', 'result_code']

t.test('which order is queried', async (t) => {
  const { default: world } = await startMock(t)
  t.match(await callPay(world, 'orderquery', {}), { fields: { return_code: 'FAIL', return_msg: '缺少参数' } })
  for (const values of [{ out_trade_no: 'nobody' }, { transaction_id: '4200000540202005267407409907' }]) {
    t.match(await callPay(world, 'orderquery', values), {
      fields: { err_code: 'ORDERNOTEXIST', err_code_des: 'order not exist' },
    })
  }
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'x'.repeat(33) }), {
    fields: { return_msg: 'out_trade_no参数长度有误' },
  })
})

t.test('not paid: the fields of the recorded reply', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'http://127.0.0.1/notify')
  const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  const recorded = readXml(sample('07-orderquery.response.notpay.recorded-masked.xml'))
  t.same(Object.keys(fields), [...recorded.keys()])
  t.match(fields, {
    total_fee: '1250',
    out_trade_no: 'tea-0001',
    trade_state: 'NOTPAY',
    trade_state_desc: recorded.get('trade_state_desc'),
  })
})

t.test('paid, queried by either number', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl, { attach: '桌 4', device_info: 'WEB' })
  await world.pay('tea-0001', { bankType: 'CFT', coupons: [{ fee: 50, id: '10000', type: 'NO_CASH' }] })
  const { transactionId } = world.order('tea-0001')
  const paid = {
    device_info: 'WEB',
    openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
    is_subscribe: 'N',
    trade_type: 'JSAPI',
    bank_type: 'CFT',
    total_fee: '1250',
    settlement_total_fee: '1200',
    fee_type: 'CNY',
    cash_fee: '1200',
    coupon_fee: '50',
    coupon_count: '1',
    coupon_id_0: '10000',
    coupon_type_0: 'NO_CASH',
    coupon_fee_0: '50',
    transaction_id: transactionId,
    out_trade_no: 'tea-0001',
    attach: '桌 4',
    time_end: '20260115120000',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
  }
  for (const values of [
    { out_trade_no: 'tea-0001' },
    { transaction_id: transactionId },
    { transaction_id: transactionId, out_trade_no: 'other' },
    { out_trade_no: 'tea-0001', device_info: 'WEB' },
  ]) {
    const { fields } = await callPay(world, 'orderquery', values)
    t.match(fields, paid, JSON.stringify(values))
    t.same(Object.keys(fields).sort(), [...COMMON, ...Object.keys(paid)].sort())
  }
})

t.test('closed: no amounts paid', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'http://127.0.0.1/notify', { time_expire: '20260115120500', attach: 'a' })
  await world.advance('5m')
  const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.same(Object.keys(fields), [...COMMON, 'out_trade_no', 'attach', 'trade_state', 'trade_state_desc'])
  t.match(fields, { attach: 'a', trade_state: 'CLOSED', trade_state_desc: '订单已关闭' })
})

t.test('a missing attach is an empty element or absent, depending on the seed', async (t) => {
  const shop = await startShop(t)
  const forms = new Set<string | undefined>()
  const mock = await startMock(t)
  for (let seed = 0; seed < 10; seed++) {
    const world = mock.world({ seed })
    await placeOrder(world, shop.notifyUrl, { attach: undefined })
    await world.pay('tea-0001')
    forms.add((await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields.attach)
  }
  t.same(forms, new Set(['', undefined]))
})

const NOTIFYCloseorder = 'http://127.0.0.1/notify'

t.test('an open order is closed: the fields of the documented reply', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, NOTIFYCloseorder)
  const { fields } = await callPay(world, 'closeorder', { out_trade_no: 'tea-0001' })
  t.same(Object.keys(fields), [...readXml(sample('10-closeorder.response.success.xml')).keys()])
  t.match(fields, { result_code: 'SUCCESS', result_msg: 'OK' })
  t.equal(world.order('tea-0001').tradeState, 'CLOSED')
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { trade_state: 'CLOSED' } })
  await t.rejects(world.pay('tea-0001'), { code: 'ORDER_NOT_PAYABLE', message: /it is CLOSED/ })
})

t.test('orders that cannot be closed', async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const close = async (outTradeNo?: string) => (await callPay(world, 'closeorder', { out_trade_no: outTradeNo })).fields
  await placeOrder(world, shop.notifyUrl)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'expiring', time_expire: '20260115120500' })
  await world.pay('tea-0001')
  await world.advance('5m')
  t.match(await close(), { return_code: 'FAIL', return_msg: '缺少参数' })
  t.match(await close('x'.repeat(33)), { return_code: 'FAIL', return_msg: 'out_trade_no参数长度有误' })
  t.match(await close('tea-0001'), { result_code: 'FAIL', err_code: 'ORDERPAID', err_code_des: 'order paid' })
  t.match(await close('expiring'), { result_code: 'FAIL', err_code: 'ORDERCLOSED', err_code_des: '订单已关闭' })
  t.equal(world.order('tea-0001').tradeState, 'SUCCESS')
})

t.test('where WeChat is undocumented, the world can choose', async (t) => {
  const mock = await startMock(t)
  const other = mock.world({
    startTime: Date.UTC(2026, 0, 15, 4),
    behaviour: { closeUnknown: 'ORDERNOTEXIST', closeEarly: 'SYSTEMERROR', closeTwice: 'success' },
  })
  const close = async (world: typeof other, outTradeNo: string) =>
    (await callPay(world, 'closeorder', { out_trade_no: outTradeNo })).fields
  const ok = { result_code: 'SUCCESS', result_msg: 'OK' }
  for (const world of [mock.default, other]) await placeOrder(world, NOTIFYCloseorder)

  t.match(await close(mock.default, 'nobody'), ok)
  t.same(
    mock.default.orders().map(({ outTradeNo }) => outTradeNo),
    ['tea-0001'],
  )
  t.match(await close(other, 'nobody'), { err_code: 'ORDERNOTEXIST', err_code_des: '订单不存在' })

  await other.advance('4m59s')
  t.match(await close(other, 'tea-0001'), { err_code: 'SYSTEMERROR', err_code_des: '系统错误' })
  t.equal(other.order('tea-0001').tradeState, 'NOTPAY')
  await other.advance('1s')
  for (const world of [mock.default, other]) t.match(await close(world, 'tea-0001'), ok)

  t.match(await close(mock.default, 'tea-0001'), { err_code: 'ORDERCLOSED' })
  t.match(await close(other, 'tea-0001'), ok)
})
