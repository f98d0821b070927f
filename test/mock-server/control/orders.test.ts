import t from 'tap'
import { control, paymentParams, placeOrder, startMock, startShop } from '../helpers.ts'

t.test('an order is shown, paid and shown again', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  t.match(await control(mock, 'GET', '/worlds/default/orders'), {
    status: 200,
    json: [{ outTradeNo: 'tea-0001', tradeState: 'NOTPAY', createdAt: '2026-01-15T04:00:00.000Z' }],
  })
  t.match(
    await control(mock, 'POST', '/worlds/default/orders/tea-0001/pay', {
      openid: 'o-bob',
      bankType: 'CFT',
      coupons: [{ fee: 50, type: 'CASH' }],
    }),
    {
      status: 200,
      json: {
        id: 'd1',
        attempt: 0,
        verdict: 'acked',
        reason: /./,
        sentAt: '2026-01-15T04:00:00.000Z',
        order: { tradeState: 'SUCCESS', openid: 'o-bob', bankType: 'CFT', cashFee: 1200, transactionId: /^4200/ },
      },
    },
  )
  t.match(await control(mock, 'GET', '/worlds/default/orders/tea-0001'), { json: { tradeState: 'SUCCESS' } })
  t.match(await control(mock, 'POST', '/worlds/default/orders/tea-0001/pay'), {
    status: 409,
    json: { code: 'ORDER_NOT_PAYABLE' },
  })
})

t.test('hold and background answer with the notification', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  for (const [deliver, state] of [
    ['hold', 'held'],
    ['background', 'pending'],
  ]) {
    const outTradeNo = `tea-${deliver}`
    await placeOrder(mock.default, shop.notifyUrl, { out_trade_no: outTradeNo })
    t.match(await control(mock, 'POST', `/worlds/default/orders/${outTradeNo}/pay`, { deliver }), {
      status: 200,
      json: { notification: { outTradeNo, state, body: /^<xml>/, attempts: [] }, order: { tradeState: 'SUCCESS' } },
    })
  }
})

t.test('a payment fails, an order expires', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  for (const n of [1, 2]) await placeOrder(mock.default, shop.notifyUrl, { out_trade_no: `tea-000${n}` })
  const path = '/worlds/default/orders/tea-0001'
  t.match(await control(mock, 'POST', `${path}/fail`), {
    status: 200,
    json: {
      errMsg: 'requestPayment:fail',
      err_code: 'NOTENOUGH',
      err_code_des: '余额不足',
      order: { tradeState: 'NOTPAY' },
    },
  })
  t.match(
    await control(mock, 'POST', `${path}/fail`, { err_code: 'BANKERROR', err_code_des: '银行系统异常', notify: true }),
    { status: 200, json: { err_code: 'BANKERROR', delivery: { kind: 'fail', verdict: 'acked' } } },
  )
  t.match(await control(mock, 'POST', `${path}/expire`), {
    status: 200,
    json: { outTradeNo: 'tea-0001', tradeState: 'CLOSED', expiresAt: '2026-01-15T04:00:00.000Z' },
  })
  t.match(await control(mock, 'POST', `${path}/fail`), { status: 409, json: { code: 'ORDER_NOT_PAYABLE' } })
  await mock.default.pay('tea-0002')
  t.match(await control(mock, 'POST', '/worlds/default/orders/tea-0002/expire'), {
    status: 409,
    json: { code: 'ORDER_PAID' },
  })
  for (const [name, body, field] of [
    ['fail', { errCode: 'X' }, 'errCode'],
    ['fail', { err_code: 'X'.repeat(33) }, 'err_code'],
    ['fail', { notify: 1 }, 'notify'],
    ['expire', { at: 1 }, 'at'],
  ] as const) {
    t.match(await control(mock, 'POST', `${path}/${name}`, body), { status: 400, json: { code: 'BAD_INPUT', field } })
  }
})

t.test('request-payment is the check of the WeChat client', async (t) => {
  const mock = await startMock(t)
  const params = paymentParams(mock.default, await placeOrder(mock.default, 'http://127.0.0.1/notify'))
  t.same(await control(mock, 'POST', '/worlds/default/request-payment', params), {
    status: 200,
    json: { errMsg: 'requestPayment:ok', outTradeNo: 'tea-0001' },
  })
  t.match(await control(mock, 'POST', '/worlds/default/request-payment', { ...params, paySign: 'X' }), {
    status: 422,
    json: {
      code: 'PAYMENT_REFUSED',
      errMsg: 'requestPayment:fail',
      err_code: '-1',
      err_desc: '支付验证签名失败',
      reason: /paySign is not/,
    },
  })
  t.match(await control(mock, 'POST', '/worlds/default/request-payment', {}), {
    status: 422,
    json: { reason: /timeStamp must be/ },
  })
})

t.test('orders by their state', async (t) => {
  const mock = await startMock(t)
  for (const outTradeNo of ['tea-0001', 'tea-0002']) {
    await placeOrder(mock.default, 'http://127.0.0.1:1/notify', { out_trade_no: outTradeNo })
  }
  await mock.default.pay('tea-0001', { deliver: 'hold' })
  for (const [state, numbers] of [
    ['SUCCESS', ['tea-0001']],
    ['NOTPAY', ['tea-0002']],
    ['CLOSED', []],
  ] as const) {
    const { json } = await control(mock, 'GET', `/worlds/default/orders?state=${state}`)
    t.same(
      json.map(({ outTradeNo }: { outTradeNo: string }) => outTradeNo),
      numbers,
      state,
    )
  }
  t.match(await control(mock, 'GET', '/worlds/default/orders?state=PAID'), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'state' },
  })
})
