import t, { type Test } from 'tap'
import type { World } from '../../../../mock-server/index.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import {
  callPay,
  NOON,
  placeOrder,
  placeRefund,
  postRaw,
  refundFields,
  sample,
  signedXml,
  startPaid,
  startShop,
  type Values,
} from '../../helpers.ts'

const CHANGED = { err_code: 'REFUND_FEE_MISMATCH', err_code_des: '订单金额或退款金额与之前请求不一致，请核实后再试' }
const TOO_MUCH = { err_code: 'INVALID_REQUEST', err_code_des: 'refund_fee大于可退金额' }

const refund = (world: World, values: Values = {}) =>
  callPay(world, 'refund', refundFields(values)).then(({ fields }) => fields)
const part = (n: number, refundFee: number): Values => ({ out_refund_no: `part-${n}`, refund_fee: refundFee })

t.test('accepted: the fields of a real reply; the order becomes REFUND, the refund is PROCESSING', async (t) => {
  const { world } = await startPaid(t)
  const { transactionId } = world.order('tea-0001')
  const {
    nonce_str: _nonce,
    sign: _sign,
    ...fields
  } = await refund(world, { refund_desc: '茶凉了', op_user_id: world.credentials.mchId })
  const { appid, mchId } = world.credentials
  t.match(fields.refund_id, /^50000\d{5}20260115\d{11}$/)
  t.same(fields, {
    return_code: 'SUCCESS',
    return_msg: 'OK',
    appid,
    mch_id: mchId,
    result_code: 'SUCCESS',
    transaction_id: transactionId,
    out_trade_no: 'tea-0001',
    out_refund_no: 'tea-0001-r1',
    refund_id: fields.refund_id,
    refund_channel: '',
    refund_fee: '1250',
    total_fee: '1250',
    fee_type: 'CNY',
    cash_fee: '1250',
    cash_refund_fee: '1250',
    coupon_refund_fee: '0',
    coupon_refund_count: '0',
  })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), {
    fields: { trade_state: 'REFUND', trade_state_desc: '订单发生过退款，退款详情请查询退款单' },
  })
  t.match(world.refund('tea-0001-r1'), {
    status: 'PROCESSING',
    desc: '茶凉了',
    source: 'API',
    account: 'REFUND_SOURCE_UNSETTLED_FUNDS',
    requestedAt: new Date(NOON),
    endedAt: undefined,
    totalFee: 1250,
    transactionId,
  })
})

t.test('coupons are refunded in proportion', async (t) => {
  const { world } = await startPaid(
    t,
    {},
    { total_fee: 1000 },
    {
      coupons: [
        { fee: 100, id: '1', type: 'NO_CASH' },
        { fee: 1, id: '2' },
        { fee: 200, id: '3', type: 'CASH' },
      ],
    },
  )
  t.match(await refund(world, { total_fee: 1000, refund_fee: 500 }), {
    refund_fee: '500',
    settlement_refund_fee: '450',
    total_fee: '1000',
    settlement_total_fee: '900',
    cash_fee: '699',
    cash_refund_fee: '350',
    coupon_refund_fee: '150',
    coupon_refund_count: '2',
    coupon_refund_id_0: '1',
    coupon_refund_fee_0: '50',
    coupon_type_0: 'NO_CASH',
    coupon_refund_id_1: '3',
    coupon_refund_fee_1: '100',
    coupon_type_1: 'CASH',
  })
  const rest = await refund(world, { total_fee: 1000, ...part(2, 500) })
  t.match(rest, { cash_refund_fee: '349', coupon_refund_count: '3', coupon_refund_id_1: '2', coupon_refund_fee_1: '1' })
  t.notOk('coupon_type_1' in rest, 'an unknown type')
})

t.test('both paths, both algorithms, either number; transaction_id wins', async (t) => {
  const { world } = await startPaid(t)
  const { transactionId } = world.order('tea-0001')
  let n = 0
  for (const path of ['/secapi/pay/refund', '/pay/refund']) {
    for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
      for (const values of [
        {},
        { out_trade_no: undefined, transaction_id: transactionId },
        { out_trade_no: 'other', transaction_id: transactionId },
      ]) {
        const { fields } = await postRaw(
          `${world.baseUrl}${path}`,
          signedXml(world, refundFields({ ...part(++n, 1), ...values }), signType),
        )
        t.match(
          fields,
          { result_code: 'SUCCESS', out_trade_no: 'tea-0001', sign: signType === 'MD5' ? /^\w{32}$/ : /^\w{64}$/ },
          `${path} ${signType} ${JSON.stringify(values)}`,
        )
      }
    }
  }
  t.equal(world.refunds().length, n)
})

t.test('fields that are refused', async (t) => {
  const { world } = await startPaid(t)
  const refusals: [message: string, ...values: Values[]][] = [
    [
      '缺少参数',
      ...['out_refund_no', 'total_fee', 'refund_fee', 'out_trade_no'].map((name) => ({ [name]: undefined })),
    ],
    ['out_refund_no参数长度有误', { out_refund_no: 'x'.repeat(65) }],
    ['out_refund_no参数格式错误', { out_refund_no: 'tea 1' }, { out_refund_no: '茶' }],
    ['total_fee参数格式错误', { total_fee: '12.5' }],
    ['refund_fee参数格式错误', { refund_fee: 0 }, { refund_fee: -1 }],
    ['refund_fee_type参数格式错误', { refund_fee_type: 'USD' }],
    ['refund_desc参数长度有误', { refund_desc: 'x'.repeat(81) }],
    ['refund_account参数格式错误', { refund_account: 'MINE' }],
    ['invalid notify_url', { notify_url: 'https://shop.example.com/refund?a=1' }],
    ['invalid refund_fee', { refund_fee: 1251 }],
  ]
  for (const [message, ...all] of refusals) {
    for (const values of all) {
      t.same(await refund(world, values), { return_code: 'FAIL', return_msg: message }, JSON.stringify(values))
    }
  }
  t.same(world.refunds(), [])
  t.equal(world.order('tea-0001').tradeState, 'SUCCESS')
})

t.test('a repeated refund number must have exactly the same values', async (t) => {
  const { world, shop } = await startPaid(t)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002')
  const { nonce_str: _nonce, sign: _sign, ...first } = await placeRefund(world, { refund_fee: 100 })
  for (const status of ['PROCESSING', 'SUCCESS'] as const) {
    if (status === 'SUCCESS') await world.settleRefund('tea-0001-r1', status)
    t.match(await refund(world, { refund_fee: 100 }), first, `the same again while ${status}: the same reply`)
    for (const values of [
      { refund_fee: 101 },
      { refund_fee: 100, total_fee: 1251 },
      { refund_fee: 100, out_trade_no: 'tea-0002' },
    ]) {
      t.match(await refund(world, values), CHANGED, JSON.stringify(values))
    }
  }
  t.equal(world.refunds().length, 1)
  for (const outRefundNo of ['TEA-0001-r1', 'tea-0001-r1@', 'x'.repeat(64), '*|_-@']) {
    t.match(await refund(world, { out_refund_no: outRefundNo, refund_fee: 1 }), { result_code: 'SUCCESS' }, outRefundNo)
  }
})

t.test('orders that cannot be refunded', async (t) => {
  const { world } = await startPaid(t)
  await placeOrder(world, 'http://127.0.0.1/notify', { out_trade_no: 'unpaid' })
  await placeOrder(world, 'http://127.0.0.1/notify', { out_trade_no: 'closed' })
  await callPay(world, 'closeorder', { out_trade_no: 'closed' })
  const unknown = { err_code: 'ORDERNOTEXIST', err_code_des: '订单不存在' }
  for (const outTradeNo of ['nobody', 'unpaid', 'closed']) {
    t.match(await refund(world, { out_trade_no: outTradeNo }), unknown, outTradeNo)
  }
  t.match(await refund(world, { transaction_id: '4200000540202005267407409907' }), {
    err_code: 'INVALID_TRANSACTIONID',
    err_code_des: '无效transaction_id',
  })
  t.match(await refund(world, { total_fee: 1251 }), CHANGED)
  t.same(world.refunds(), [])
})

t.test('never more than was paid', async (t) => {
  const { world } = await startPaid(t)
  await placeRefund(world, part(1, 1000))
  t.match(await refund(world, part(2, 251)), TOO_MUCH)
  await world.settleRefund('part-1', 'CHANGE')
  t.match(await refund(world, part(2, 251)), TOO_MUCH, 'an abnormal refund holds its money')
  await world.settleRefund('part-1', 'REFUNDCLOSE')
  await placeRefund(world, part(2, 1250))
  t.match(await refund(world, part(3, 1)), { err_code: 'INVALID_REQUEST', err_code_des: '订单已全额退款' })
})

t.test('many at once never exceed the payment', async (t) => {
  const { world } = await startPaid(t)
  const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => refund(world, part(n, 100))))
  t.equal(replies.filter(({ result_code: result }) => result === 'SUCCESS').length, 12)
  t.equal(
    world.refunds().reduce((sum, { refundFee }) => sum + refundFee, 0),
    1200,
  )
})

t.test('the refusals of earlier years', async (t) => {
  const { world } = await startPaid(t, { behaviour: { refundRefusals: 'legacy' } })
  await placeRefund(world, part(1, 1000))
  t.match(await refund(world, part(2, 251)), {
    err_code: 'REFUND_FEE_INVALID',
    err_code_des: '累计退款金额大于支付金额',
  })
  await placeRefund(world, part(3, 250))
  t.match(await refund(world, part(4, 1)), { err_code: 'ERROR', err_code_des: '订单已全额退款' })
})

t.test('fifty refunds, and a year', async (t) => {
  const { world } = await startPaid(t)
  for (let n = 1; n <= 50; n++) await placeRefund(world, part(n, 1))
  t.match(await refund(world, part(51, 1)), {
    err_code: 'INVALID_REQUEST',
    err_code_des: '请求参数符合参数格式，但不符合业务规则',
  })
  t.match(await refund(world, part(50, 1)), { result_code: 'SUCCESS' }, 'the fiftieth again')

  const { world: other } = await startPaid(t)
  await other.advance('365d')
  await placeRefund(other, part(1, 1))
  await other.advance('1s')
  t.match(await refund(other, part(2, 1)), { err_code: 'TRADE_OVERDUE', err_code_des: '订单已经超过退款期限' })
})

const query = (world: World, values: Values) => callPay(world, 'refundquery', values).then(({ fields }) => fields)
const NOT_EXIST = { result_code: 'FAIL', err_code: 'REFUNDNOTEXIST', err_code_des: 'not exist' }

/** A world with one paid order of 1250 fen and `count` refunds of 1 fen. */
async function refunded(t: Test, count: number): Promise<World> {
  const { world } = await startPaid(t)
  for (let n = 1; n <= count; n++) await placeRefund(world, { out_refund_no: `r-${n}`, refund_fee: 1 })
  return world
}

t.test('one refund, from PROCESSING to its end', async (t) => {
  const world = await refunded(t, 1)
  const fields = await query(world, { out_trade_no: 'tea-0001' })
  for (const name of readXml(sample('15-refundquery.response.processing.xml')).keys()) {
    t.ok(name in fields, `${name}, of the recorded reply`)
  }
  const { transactionId } = world.order('tea-0001')
  t.match(fields, {
    transaction_id: transactionId,
    out_trade_no: 'tea-0001',
    total_fee: '1250',
    fee_type: 'CNY',
    cash_fee: '1250',
    refund_count: '1',
    out_refund_no_0: 'r-1',
    refund_id_0: world.refund('r-1').refundId,
    refund_channel_0: 'ORIGINAL',
    refund_fee_0: '1',
    coupon_refund_fee_0: '0',
    coupon_refund_count_0: '0',
    refund_status_0: 'PROCESSING',
    refund_account_0: 'REFUND_SOURCE_UNSETTLED_FUNDS',
    refund_recv_accout_0: '支付用户零钱',
  })
  for (const name of [
    'refund_success_time_0',
    'total_refund_count',
    'settlement_total_fee',
    'settlement_refund_fee_0',
  ]) {
    t.notOk(name in fields, name)
  }

  await world.advance('1h')
  await world.settleRefund('r-1', 'CHANGE')
  t.match(await query(world, { out_refund_no: 'r-1' }), { refund_status_0: 'CHANGE', refund_success_time_0: undefined })
  await world.settleRefund('r-1', 'SUCCESS', { channel: 'OTHER_BANKCARD', receivedBy: '招商银行借记卡0403' })
  t.match(await query(world, { out_refund_no: 'r-1' }), {
    refund_status_0: 'SUCCESS',
    refund_channel_0: 'OTHER_BANKCARD',
    refund_recv_accout_0: '招商银行借记卡0403',
    refund_success_time_0: '2026-01-15 13:00:00',
  })
})

t.test('four numbers in their order of priority', async (t) => {
  const world = await refunded(t, 2)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002')
  await placeRefund(world, { out_trade_no: 'tea-0002', out_refund_no: 'other', refund_fee: 5 })
  const refundId = (outRefundNo: string) => world.refund(outRefundNo).refundId
  const transactionId = (outTradeNo: string) => world.order(outTradeNo).transactionId
  const cases: [values: Values, found: string[]][] = [
    [
      {
        refund_id: refundId('other'),
        out_refund_no: 'r-1',
        transaction_id: transactionId('tea-0001'),
        out_trade_no: 'tea-0001',
      },
      ['other'],
    ],
    [{ out_refund_no: 'r-2', transaction_id: transactionId('tea-0002'), out_trade_no: 'tea-0002' }, ['r-2']],
    [{ transaction_id: transactionId('tea-0002'), out_trade_no: 'tea-0001' }, ['other']],
    [{ out_trade_no: 'tea-0001' }, ['r-1', 'r-2']],
  ]
  for (const [values, found] of cases) {
    const fields = await query(world, values)
    t.equal(fields.refund_count, String(found.length))
    t.same(
      found.map((_, n) => fields[`out_refund_no_${n}`]),
      found,
      JSON.stringify(values),
    )
  }
  for (const [values, outTradeNo] of [
    [{ refund_id: refundId('other') }, 'tea-0002'],
    [{ out_refund_no: 'r-1' }, 'tea-0001'],
    [{ transaction_id: transactionId('tea-0002') }, 'tea-0002'],
    [{ out_refund_no: 'nobody' }, undefined],
  ] as const) {
    await query(world, values)
    t.equal(world.journal.entries().at(-1)?.outTradeNo, outTradeNo, 'the journal has it under its order')
  }
})

t.test('refunds that are not found', async (t) => {
  const world = await refunded(t, 1)
  await placeOrder(world, 'http://127.0.0.1/notify', { out_trade_no: 'no-refund' })
  t.match(await query(world, {}), { return_code: 'FAIL', return_msg: '缺少参数' })
  t.match(await query(world, { out_refund_no: 'a b' }), {
    return_code: 'FAIL',
    return_msg: 'out_refund_no参数格式错误',
  })
  t.match(await query(world, { out_refund_no: 'r-1', offset: -1 }), {
    return_code: 'FAIL',
    return_msg: 'offset参数格式错误',
  })
  for (const values of [
    { refund_id: '5' },
    { out_refund_no: 'r-2' },
    { out_trade_no: 'nobody' },
    { out_trade_no: 'no-refund' },
    { refund_id: '5', out_refund_no: 'r-1' },
  ]) {
    t.match(await query(world, values), NOT_EXIST, JSON.stringify(values))
  }
  t.match(await query(world, { transaction_id: '4200000540202005267407409907' }), {
    err_code: 'INVALID_TRANSACTIONID',
    err_code_des: '无效transaction_id',
  })
})

t.test('ten at a time', async (t) => {
  const world = await refunded(t, 26)
  const page = async (offset?: number) => {
    const fields = await query(world, { out_trade_no: 'tea-0001', offset })
    const { refund_count: count, total_refund_count: total, err_code: error } = fields
    return { count, total, error, first: fields.out_refund_no_0, last: fields[`out_refund_no_${Number(count) - 1}`] }
  }
  const total = '26'
  t.match(await page(), { count: '10', total, first: 'r-1', last: 'r-10' })
  t.match(await page(0), { count: '10', total, first: 'r-1', last: 'r-10' })
  t.match(await page(10), { count: '10', total, first: 'r-11', last: 'r-20' })
  t.match(await page(24), { count: '2', total, first: 'r-25', last: 'r-26' })
  t.match(await page(26), { count: '0', total })
  t.match(await page(27), { error: 'PARAM_ERROR' })
  t.match(await query(world, { out_refund_no: 'r-1', offset: 0 }), { refund_count: '1', total_refund_count: '1' })
})

t.test('coupons in two levels', async (t) => {
  const { world } = await startPaid(
    t,
    {},
    { total_fee: 1000 },
    {
      coupons: [
        { fee: 100, id: '1', type: 'NO_CASH' },
        { fee: 200, id: '2', type: 'CASH' },
      ],
    },
  )
  for (const n of [0, 1]) await placeRefund(world, { total_fee: 1000, refund_fee: 500, out_refund_no: `r-${n}` })
  const fields = await query(world, { out_trade_no: 'tea-0001' })
  t.match(fields, { settlement_total_fee: '900', cash_fee: '700' })
  for (const n of [0, 1]) {
    t.match(fields, {
      [`settlement_refund_fee_${n}`]: '450',
      [`coupon_refund_fee_${n}`]: '150',
      [`coupon_refund_count_${n}`]: '2',
      [`coupon_refund_id_${n}_0`]: '1',
      [`coupon_refund_fee_${n}_0`]: '50',
      [`coupon_type_${n}_0`]: 'NO_CASH',
      [`coupon_refund_id_${n}_1`]: '2',
      [`coupon_refund_fee_${n}_1`]: '100',
      [`coupon_type_${n}_1`]: 'CASH',
    })
  }
})

t.test('after one and a half years the transaction_id is needed', async (t) => {
  const world = await refunded(t, 1)
  const { refundId } = world.refund('r-1')
  const { transactionId } = world.order('tea-0001')
  await world.advance('548d')
  t.match(await query(world, { out_refund_no: 'r-1' }), { result_code: 'SUCCESS' })
  await world.advance('1s')
  for (const values of [{ out_refund_no: 'r-1' }, { refund_id: refundId }, { out_trade_no: 'tea-0001' }]) {
    t.match(await query(world, values), NOT_EXIST, JSON.stringify(values))
  }
  for (const values of [{ transaction_id: transactionId }, { transaction_id: transactionId, refund_id: refundId }]) {
    t.match(await query(world, values), { result_code: 'SUCCESS' }, JSON.stringify(values))
  }
})
