import t, { type Test } from 'tap'
import type { World } from '../../../mock-server/index.ts'
import { readXml } from '../../../mock-server/wire.ts'
import { callPay, placeOrder, placeRefund, sample, startPaid, startShop, type Values } from '../helpers.ts'

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
    refund_id_0: world.getRefund('r-1').refundId,
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
  const refundId = (outRefundNo: string) => world.getRefund(outRefundNo).refundId
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

t.test('what is not found', async (t) => {
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
  const { refundId } = world.getRefund('r-1')
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
