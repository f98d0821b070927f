import { constants, publicEncrypt } from 'node:crypto'
import t, { type Test } from 'tap'
import type { World, WorldOptions } from '../../../../mock-server/index.ts'
import { callPay, placeOrder, placeRefund, readReqInfo, startShop, type Shop } from '../../helpers.ts'
import { get, open, order, post, query, refundBody, REFUNDS, startV3 } from '../../v3.ts'

async function paid(t: Test, options: WorldOptions = {}): Promise<{ world: World; shop: Shop }> {
  const world = await startV3(t, { world: options })
  const shop = await startShop(t)
  await order(world, shop.notifyUrl)
  await world.pay('tea-0001')
  return { world, shop }
}

t.test('a refund as recorded: keys in alphabetical order, nothing refunded yet', async (t) => {
  const { world } = await paid(t)
  const { transactionId } = world.order('tea-0001')
  const { text, json } = await post(
    world,
    REFUNDS,
    refundBody({ amount: { refund: 250, total: 1250, currency: 'CNY' } }),
  )
  t.equal(
    text,
    JSON.stringify({
      amount: {
        currency: 'CNY',
        discount_refund: 0,
        from: [],
        payer_refund: 250,
        payer_total: 1250,
        refund: 250,
        refund_fee: 0,
        settlement_refund: 250,
        settlement_total: 1250,
        total: 1250,
      },
      channel: 'ORIGINAL',
      create_time: '2026-01-15T12:00:00+08:00',
      funds_account: 'UNSETTLED',
      out_refund_no: 'tea-0001-r1',
      out_trade_no: 'tea-0001',
      promotion_detail: [],
      refund_id: json.refund_id,
      status: 'PROCESSING',
      transaction_id: transactionId,
      user_received_account: '支付用户零钱',
    }),
  )
  t.match(json.refund_id, /^50\d{27}$/)
  t.match(await query(world), {
    json: { trade_state: 'REFUND', trade_state_desc: '订单发生过退款，退款详情请查询退款单' },
  })
  await world.settleRefund('tea-0001-r1', 'SUCCESS')
  t.match(await get(world, `${REFUNDS}/tea-0001-r1`), {
    json: { status: 'SUCCESS', success_time: '2026-01-15T12:00:00+08:00' },
  })
})

t.test('refusals', async (t) => {
  const { world, shop } = await paid(t)
  await order(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await order(world, shop.notifyUrl, { out_trade_no: 'tea-0003' })
  await world.pay('tea-0002')
  const { transactionId } = world.order('tea-0002')
  await post(
    world,
    REFUNDS,
    refundBody({ out_refund_no: 'part', amount: { refund: 250, total: 1250, currency: 'CNY' } }),
  )
  const amount = (values: object) => ({ amount: { refund: 1, total: 1250, currency: 'CNY', ...values } })
  const cases: [change: object, status: number, code: string, message: string | RegExp][] = [
    [{ out_trade_no: undefined }, 400, 'PARAM_ERROR', /transaction_id.*必填性/],
    [{ out_trade_no: 'tea-0009' }, 404, 'RESOURCE_NOT_EXISTS', '订单不存在'],
    [{ out_trade_no: 'tea-0003' }, 404, 'RESOURCE_NOT_EXISTS', '订单不存在'],
    [{ transaction_id: transactionId }, 400, 'INVALID_REQUEST', '您的请求参数与订单信息不一致'],
    [amount({ total: 1 }), 400, 'INVALID_REQUEST', '您的请求参数与订单信息不一致'],
    [amount({ refund: 1001 }), 400, 'INVALID_REQUEST', '退款金额大于可退金额'],
    [
      { out_refund_no: 'part', ...amount({ refund: 2 }) },
      400,
      'INVALID_REQUEST',
      '订单金额或退款金额与之前请求不一致，请核实后再试',
    ],
    [{ out_refund_no: 'part', out_trade_no: 'tea-0002' }, 400, 'INVALID_REQUEST', '支付单号校验不一致，请核实后再试'],
    [amount({ from: [{ account: 'AVAILABLE', amount: 2 }] }), 400, 'INVALID_REQUEST', '您的请求参数与订单信息不一致'],
    [
      amount({
        refund: 2,
        from: [
          { account: 'AVAILABLE', amount: 1 },
          { account: 'AVAILABLE', amount: 1 },
        ],
      }),
      400,
      'INVALID_REQUEST',
      '您的请求参数与订单信息不一致',
    ],
    [{ reason: '茶'.repeat(27) }, 400, 'PARAM_ERROR', /字节数 81，大于最大值 80/],
    [{ out_refund_no: 'a b' }, 400, 'PARAM_ERROR', /正则表达式/],
    [{ mchid: world.credentials.mchId }, 400, 'PARAM_ERROR', '请求中含有未在API文档中定义的参数'],
    [{ funds_account: 'OTHER' }, 400, 'PARAM_ERROR', /\^\(AVAILABLE\|UNSETTLED\)\$/],
  ]
  for (const [change, status, code, message] of cases) {
    t.match(
      await post(world, REFUNDS, refundBody({ ...amount({}), ...change })),
      { status, json: { code, message }, signedBy: 'public-key' },
      JSON.stringify(change),
    )
  }
  t.match(await get(world, `${REFUNDS}/none`), {
    status: 404,
    json: { code: 'RESOURCE_NOT_EXISTS', message: '退款单不存在' },
  })
  await post(world, REFUNDS, refundBody({ out_refund_no: 'rest', ...amount({ refund: 1000 }) }))
  t.match(await post(world, REFUNDS, refundBody({ out_refund_no: 'more', ...amount({}) })), {
    json: { code: 'INVALID_REQUEST', message: '订单已全额退款' },
  })
  await world.advance(`${366 * 24}h`)
  t.match(await post(world, REFUNDS, refundBody({ out_trade_no: 'tea-0002', out_refund_no: 'late', ...amount({}) })), {
    json: { message: '订单已经超过退款期限' },
  })
})

t.test('reserved characters in a number, by either number of the order, accounts that pay', async (t) => {
  const { world } = await paid(t)
  const { transactionId } = world.order('tea-0001')
  const from = [
    { account: 'AVAILABLE', amount: 2 },
    { account: 'UNAVAILABLE', amount: 3 },
  ]
  const body = {
    transaction_id: transactionId,
    out_refund_no: 'a|b*c@d_e-f',
    funds_account: 'AVAILABLE',
    amount: { refund: 5, total: 1250, currency: 'CNY', from },
    goods_detail: [{ merchant_goods_id: '1', unit_price: 5, refund_amount: 5, refund_quantity: 1 }],
  }
  t.match(await post(world, REFUNDS, body), { status: 200, json: { funds_account: 'AVAILABLE', amount: { from } } })
  t.match(await get(world, `${REFUNDS}/${encodeURIComponent(body.out_refund_no)}`), {
    json: { out_refund_no: body.out_refund_no },
  })
  t.match(world.journal.entries().at(-1), { api: 'refundquery', outTradeNo: 'tea-0001' })
  t.match(world.refund(body.out_refund_no), { version: 'v3', from })
  t.match(
    await post(world, REFUNDS, { ...body, out_trade_no: 'tea-0001' }),
    { status: 200 },
    'both numbers, and the same again',
  )
})

t.test('every end is notified in v3, and shown by a query', async (t) => {
  const { world, shop } = await paid(t)
  const cases = [
    ['SUCCESS', 'REFUND.SUCCESS', '退款成功', 'SUCCESS'],
    ['CHANGE', 'REFUND.ABNORMAL', '退款异常', 'ABNORMAL'],
    ['REFUNDCLOSE', 'REFUND.CLOSED', '退款关闭', 'CLOSED'],
  ] as const
  for (const [end, event, summary, status] of cases) {
    const amount = { refund: 100, total: 1250, currency: 'CNY' }
    const { json } = await post(world, REFUNDS, refundBody({ out_refund_no: end, amount, notify_url: shop.notifyUrl }))
    const { notification, delivery } = await world.settleRefund(end, end)
    t.match(delivery, { verdict: 'acked', version: 'v3' })
    const { body } = shop.received.at(-1)!
    t.match(JSON.parse(body), {
      event_type: event,
      summary,
      resource: { original_type: 'refund', associated_data: 'refund' },
    })
    t.same(open(body, world), {
      mchid: world.credentials.mchId,
      out_trade_no: 'tea-0001',
      transaction_id: world.order('tea-0001').transactionId,
      out_refund_no: end,
      refund_id: json.refund_id,
      refund_status: status,
      ...(end === 'SUCCESS' && { success_time: '2026-01-15T12:00:00+08:00' }),
      amount: { total: 1250, refund: 100, payer_total: 1250, payer_refund: 100 },
      user_received_account: '支付用户零钱',
    })
    t.equal(notification!.id, `refund:${end}`)
    t.match(await get(world, `${REFUNDS}/${end}`), { json: { status } })
  }
})

t.test('coupons: what the payer and the merchant get back', async (t) => {
  const world = await startV3(t)
  const shop = await startShop(t)
  await order(world, shop.notifyUrl)
  await world.pay('tea-0001', {
    coupons: [
      { fee: 250, id: '1', type: 'NO_CASH' },
      { fee: 100, id: '2' },
    ],
  })
  t.match(open(shop.received[0]!.body, world), {
    amount: { total: 1250, payer_total: 900 },
    promotion_detail: [
      { coupon_id: '1', amount: 250, type: 'NOCASH', merchant_contribute: 250, wechatpay_contribute: 0 },
      { coupon_id: '2', amount: 100, type: 'CASH', merchant_contribute: 0, wechatpay_contribute: 100 },
    ],
  })
  t.match(await query(world), {
    json: { amount: { payer_total: 900, total: 1250 }, promotion_detail: [{ coupon_id: '1' }, {}] },
  })
  t.match(await post(world, REFUNDS, refundBody()), {
    json: {
      amount: {
        payer_total: 900,
        payer_refund: 900,
        discount_refund: 350,
        settlement_total: 1000,
        settlement_refund: 1000,
      },
      promotion_detail: [
        { promotion_id: '1', amount: 250, refund_amount: 250, type: 'NOCASH', scope: 'GLOBAL' },
        { promotion_id: '2', amount: 100, refund_amount: 100, type: 'CASH' },
      ],
    },
  })
  await order(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002', { coupons: [{ fee: 1 }] })
  t.match(
    await post(
      world,
      REFUNDS,
      refundBody({
        out_trade_no: 'tea-0002',
        out_refund_no: 'r2',
        amount: { refund: 1, total: 1250, currency: 'CNY' },
      }),
    ),
    {
      json: { promotion_detail: [] },
    },
    'nothing of the coupon',
  )
})

t.test('an abnormal refund goes to a bank card', async (t) => {
  const { world, shop } = await paid(t, { refundDelay: '1m' })
  const { v3 } = world.credentials
  const { json } = await post(world, REFUNDS, refundBody({ notify_url: shop.notifyUrl }))
  const url = `${REFUNDS}/${json.refund_id}/apply-abnormal-refund`
  const seal = (text: string, key = v3.publicKey) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, Buffer.from(text)).toString(
      'base64',
    )
  const body = {
    out_refund_no: 'tea-0001-r1',
    type: 'USER_BANK_CARD',
    bank_type: 'ICBC_DEBIT',
    bank_account: seal('6222020000001234'),
    real_name: seal('张三'),
  }
  const named = { headers: { 'wechatpay-serial': v3.publicKeyId } }
  t.match(await post(world, url, body, named), {
    status: 400,
    json: { message: '退款单状态不是退款异常，不能发起异常退款' },
  })
  await world.settleRefund('tea-0001-r1', 'CHANGE')
  const cases: [change: object, options: object, status: number, message: string | RegExp][] = [
    [{ out_refund_no: 'other' }, named, 404, '退款单不存在'],
    [{}, {}, 400, 'HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)'],
    [{}, { headers: { 'wechatpay-serial': v3.serialNo } }, 400, '平台证书序列号Wechatpay-Serial错误'],
    [{ bank_type: undefined }, named, 400, /bank_type/],
    [{ real_name: undefined }, named, 400, /real_name.*必填性/],
    [{ bank_account: 'plain' }, named, 400, '参数错误'],
  ]
  for (const [change, options, status, message] of cases) {
    t.match(await post(world, url, { ...body, ...change }, options), { status, json: { message } }, String(message))
  }
  t.match(await post(world, `${REFUNDS}/1/apply-abnormal-refund`, body, named), { status: 404 })
  t.match(await post(world, url, body, named), {
    status: 200,
    json: { status: 'PROCESSING', channel: 'OTHER_BANKCARD', user_received_account: 'ICBC_DEBIT1234' },
  })
  t.match(world.journal.entries().at(-1), { api: 'abnormalrefund', outTradeNo: 'tea-0001' })
  t.match((await world.advance('1m')).deliveries, [{ kind: 'refund', verdict: 'acked' }])
  t.match(await get(world, `${REFUNDS}/tea-0001-r1`), { json: { status: 'SUCCESS' } })

  const other = await paid(t, { keyMode: 'certificate' })
  const refunded = await post(other.world, REFUNDS, refundBody())
  await other.world.settleRefund('tea-0001-r1', 'CHANGE')
  t.match(
    await post(other.world, `${REFUNDS}/${refunded.json.refund_id}/apply-abnormal-refund`, {
      out_refund_no: 'tea-0001-r1',
      type: 'MERCHANT_BANK_CARD',
    }),
    { json: { user_received_account: '商户结算银行账户', status: 'PROCESSING' }, signedBy: 'certificate' },
  )
  t.equal(other.world.refund('tea-0001-r1').dueAt, undefined, 'it ends when it is settled')
})

t.test('orders of one version can be used with the other; a notification has the version of the call', async (t) => {
  const world = await startV3(t)
  const { mchId, apiKey } = world.credentials
  const shop = await startShop(t)
  const v3Shop = await startShop(t, () => '')
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'old-0001' })
  await order(world, v3Shop.notifyUrl, { out_trade_no: 'new-0001' })
  t.match(await query(world, 'old-0001'), { json: { trade_state: 'NOTPAY' } })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'new-0001' }), { fields: { trade_state: 'NOTPAY' } })
  t.match(await world.pay('old-0001'), { delivery: { verdict: 'acked', version: 'v2' } })
  t.match(await world.pay('new-0001'), { delivery: { verdict: 'acked', version: 'v3' } })
  t.match(world.orders(), [
    { version: 'v2', signType: 'MD5' },
    { version: 'v3', signType: 'RSA' },
  ])

  await post(
    world,
    REFUNDS,
    refundBody({ out_trade_no: 'old-0001', out_refund_no: 'r3', notify_url: v3Shop.notifyUrl }),
  )
  await placeRefund(world, {
    out_trade_no: 'new-0001',
    out_refund_no: 'r2',
    refund_fee: 100,
    notify_url: shop.notifyUrl,
  })
  t.match(await world.settleRefund('r3', 'SUCCESS'), { delivery: { verdict: 'acked', version: 'v3' } })
  t.match(await world.settleRefund('r2', 'SUCCESS'), { delivery: { verdict: 'acked', version: 'v2' } })
  t.match(readReqInfo(shop.received.at(-1)!.body, apiKey), { out_refund_no: 'r2', refund_status: 'SUCCESS' })
  world.refundFromConsole('new-0001', { outRefundNo: 'by-hand', notifyUrl: shop.notifyUrl })
  t.match(await world.settleRefund('by-hand', 'SUCCESS'), { delivery: { verdict: 'acked', version: 'v2' } })
  t.match(await callPay(world, 'refundquery', { out_refund_no: 'r3' }), { fields: { refund_status_0: 'SUCCESS' } })
  t.match(await get(world, `${REFUNDS}/r2`), { json: { status: 'SUCCESS' } })
  t.match(world.merchants(), [{ mchId }])

  const xml = await paid(t, { behaviour: { refundNotifications: 'v2' } })
  await post(xml.world, REFUNDS, refundBody({ notify_url: xml.shop.notifyUrl }))
  t.match(
    await xml.world.settleRefund('tea-0001-r1', 'SUCCESS'),
    { delivery: { version: 'v2' } },
    'XML although v3 asked',
  )
})

t.test('the same number in the other version is another order', async (t) => {
  const world = await startV3(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  await t.rejects(order(world, shop.notifyUrl), /请求重入时/)
  t.equal(world.orders().length, 1)
})
