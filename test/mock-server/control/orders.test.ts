import t from 'tap'
import { STANDARD } from '../../../mock-server/ledger/merchant.ts'
import { control, NOON, paymentParams, placeOrder, placeRefund, startMock, startPaid, startShop } from '../helpers.ts'
import { loginAs } from '../login.ts'

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
        delivery: { id: 'd1', attempt: 0, verdict: 'acked', reason: /./, sentAt: '2026-01-15T04:00:00.000Z' },
        notification: { id: 'tea-0001', state: 'acked' },
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

t.test('request-payment checks as the WeChat client does', async (t) => {
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

t.test('a refund is shown and settled', async (t) => {
  const { mock, world, shop } = await startPaid(t)
  await placeRefund(world, { notify_url: shop.notifyUrl, refund_fee: 250 })
  const shown = {
    outRefundNo: 'tea-0001-r1',
    outTradeNo: 'tea-0001',
    status: 'PROCESSING',
    refundFee: 250,
    totalFee: 1250,
    requestedAt: '2026-01-15T04:00:00.000Z',
  }
  t.match(await control(mock, 'GET', '/worlds/default/refunds'), { status: 200, json: [shown] })
  t.match(await control(mock, 'GET', '/worlds/default/refunds/tea-0001-r1'), { status: 200, json: shown })
  t.match(await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', { status: 'CHANGE' }), {
    status: 200,
    json: {
      delivery: { id: 'd2', kind: 'refund', verdict: 'acked', outRefundNo: 'tea-0001-r1' },
      refund: { ...shown, status: 'CHANGE', endedAt: '2026-01-15T04:00:00.000Z' },
    },
  })
  t.match(await control(mock, 'GET', '/worlds/default/notifications/refund:tea-0001-r1'), {
    status: 200,
    json: { id: 'refund:tea-0001-r1', kind: 'refund', outRefundNo: 'tea-0001-r1', state: 'acked' },
  })
  t.match(
    await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', {
      status: 'SUCCESS',
      channel: 'BALANCE',
      receivedBy: '支付用户零钱通',
      deliver: 'hold',
    }),
    {
      status: 200,
      json: {
        notification: { id: 'refund:tea-0001-r1:2', state: 'held' },
        refund: { status: 'SUCCESS', channel: 'BALANCE', receivedBy: '支付用户零钱通' },
      },
    },
  )
  t.match(await control(mock, 'POST', '/worlds/default/refunds/tea-0001-r1/settle', { status: 'SUCCESS' }), {
    status: 409,
    json: { code: 'REFUND_ENDED' },
  })
})

t.test('without a notification the result has only the refund and a note', async (t) => {
  const { mock, world } = await startPaid(t)
  for (const [outRefundNo, deliver] of [
    ['r-1', undefined],
    ['r-2', 'background'],
  ]) {
    await placeRefund(world, { out_refund_no: outRefundNo, refund_fee: 1 })
    const { status, json } = await control(mock, 'POST', `/worlds/default/refunds/${outRefundNo}/settle`, {
      status: 'SUCCESS',
      deliver,
    })
    t.equal(status, 200)
    t.match(json, { refund: { outRefundNo }, note: /^no notification: / })
    t.notOk('notification' in json)
  }
})

t.test("the merchant's console", async (t) => {
  const { mock, shop } = await startPaid(t)
  t.match(
    await control(mock, 'POST', '/worlds/default/orders/tea-0001/refunds', {
      refundFee: 50,
      outRefundNo: 'by@hand',
      desc: '碎了',
      account: 'REFUND_SOURCE_RECHARGE_FUNDS',
      notifyUrl: `${shop.notifyUrl}/refund`,
    }),
    {
      status: 200,
      json: {
        outRefundNo: 'by@hand',
        refundFee: 50,
        source: 'VENDOR_PLATFORM',
        desc: '碎了',
        account: 'REFUND_SOURCE_RECHARGE_FUNDS',
        notifyUrl: `${shop.notifyUrl}/refund`,
      },
    },
  )
  t.match(await control(mock, 'POST', '/worlds/default/refunds/by%40hand/settle', { status: 'SUCCESS' }), {
    status: 200,
    json: { delivery: { url: `${shop.notifyUrl}/refund` } },
  })
  t.match(await control(mock, 'POST', '/worlds/default/orders/tea-0001/refunds', { notifyUrl: null }), {
    status: 200,
    json: { refundFee: 1200, notifyUrl: '' },
  })
  t.match(await control(mock, 'POST', '/worlds/default/orders/tea-0001/refunds'), {
    status: 409,
    json: { code: 'REFUND_REFUSED', err_code: 'INVALID_REQUEST', err_code_des: '订单已全额退款' },
  })
})

t.test('bad input', async (t) => {
  const { mock } = await startPaid(t)
  const cases: [path: string, body: object | undefined, field: string][] = [
    ['refunds/r-1/settle', undefined, 'status'],
    ['refunds/r-1/settle', { status: 'PROCESSING' }, 'status'],
    ['refunds/r-1/settle', { status: 'SUCCESS', channel: 'CASH' }, 'channel'],
    ['refunds/r-1/settle', { status: 'SUCCESS', receivedBy: '' }, 'receivedBy'],
    ['refunds/r-1/settle', { status: 'SUCCESS', deliver: 'never' }, 'deliver'],
    ['orders/tea-0001/refunds', { refundFee: 0 }, 'refundFee'],
    ['orders/tea-0001/refunds', { refund_fee: 1 }, 'refund_fee'],
    ['orders/tea-0001/refunds', { outRefundNo: 'a b' }, 'outRefundNo'],
    ['orders/tea-0001/refunds', { account: 'MINE' }, 'account'],
    ['orders/tea-0001/refunds', { notifyUrl: 'x' }, 'notifyUrl'],
  ]
  for (const [path, body, field] of cases) {
    t.match(
      await control(mock, 'POST', `/worlds/default/${path}`, body),
      { status: 400, json: { code: 'BAD_INPUT', field } },
      JSON.stringify(body),
    )
  }
  t.match(await control(mock, 'GET', '/worlds/default/refunds/r-1'), { status: 404, json: { code: 'UNKNOWN_REFUND' } })
  t.match(await control(mock, 'POST', '/worlds/default/refunds/r-1/settle', { status: 'SUCCESS' }), {
    status: 404,
    json: { code: 'UNKNOWN_REFUND' },
  })
})

t.test('the merchant and the app of a world are changed', async (t) => {
  const mock = await startMock(t)
  const { mchId, appid, apiKey, appSecret, v3 } = mock.default.credentials
  const merchant = { ...STANDARD, mchId, apiKey, apiV3Key: v3.apiV3Key, signType: 'MD5' }
  const put = (path: string, body: object) => control(mock, 'PUT', `/worlds/default/${path}`, body)
  t.same(await put(`merchants/${mchId}`, { signType: 'MD5' }), {
    status: 200,
    json: merchant,
  })
  t.same(await put(`merchants/${mchId}`, { signType: 'MD5' }), { status: 200, json: merchant }, 'once more')
  t.same(await put(`apps/${appid}`, {}), { status: 200, json: { appid, appSecret } })
  t.same(await put(`apps/${appid}`, { appSecret: 's' }), { status: 200, json: { appid, appSecret: 's' } })
  t.match(await control(mock, 'GET', '/worlds/default'), { json: { appSecret: 's', env: { WECHAT_APP_SECRET: 's' } } })
  t.match(
    await put('merchants/10000100', { certMode: 'none' }),
    { status: 200, json: { mchId: '10000100', apiKey: /^\w{32}$/ } },
    'another one',
  )
  t.match(await control(mock, 'GET', '/worlds/default/merchants'), { json: [{ mchId }, { mchId: '10000100' }] })
  t.match(
    await put('apps/wxd930ea5d5a258f4f', {}),
    { status: 200, json: { appid: 'wxd930ea5d5a258f4f', appSecret: /^\w{32}$/ } },
    'another one',
  )
  t.match(await control(mock, 'GET', '/worlds/default/apps'), { json: [{ appid }, { appid: 'wxd930ea5d5a258f4f' }] })
  const refused: [path: string, body: object, status: number, code: string][] = [
    ['merchants/shop', {}, 400, 'BAD_INPUT'],
    ['apps/wx-1', {}, 400, 'BAD_INPUT'],
    [`merchants/${mchId}`, { apiKey: 'short' }, 400, 'BAD_INPUT'],
    [`merchants/${mchId}`, { signType: 'RSA' }, 400, 'BAD_INPUT'],
    [`merchants/${mchId}`, { certMode: 'required' }, 400, 'BAD_INPUT'],
    [`apps/${appid}`, { secret: 's' }, 400, 'BAD_INPUT'],
  ]
  for (const [path, body, status, code] of refused) {
    t.match(await put(path, body), { status, json: { code } }, `${path} ${JSON.stringify(body)}`)
  }
})

const ALICE = '/worlds/default/users/o-alice'

t.test('a user is created, named, listed, and given a new key', async (t) => {
  const mock = await startMock(t)
  t.same(await control(mock, 'GET', '/worlds/default/users'), { status: 200, json: [] })
  const { status, json } = await control(mock, 'PUT', ALICE, { unionid: 'u-alice', nickName: '小明' })
  t.equal(status, 200)
  t.match(json, {
    openid: 'o-alice',
    unionid: 'u-alice',
    nickName: '小明',
    sessionKey: await loginAs(mock.default, 'o-alice'),
    sessionKeySince: new Date(NOON).toISOString(),
  })
  t.same((await control(mock, 'GET', '/worlds/default/users')).json, [json])
  const rotated = await control(mock, 'POST', `${ALICE}/rotate-session-key`)
  t.match(rotated.json, { ...json, sessionKey: /==$/ })
  t.not(rotated.json.sessionKey, json.sessionKey)
  t.equal(await loginAs(mock.default, 'o-alice'), rotated.json.sessionKey)
  t.match(mock.default.users(), [{ openid: 'o-alice', sessionKey: rotated.json.sessionKey }])
})

t.test("the client's data: a profile, a phone number", async (t) => {
  const mock = await startMock(t)
  const watermark = { appid: 'wx1', timestamp: 1 }
  t.match(await control(mock, 'POST', `${ALICE}/profile`, { nickName: 'Al', gender: 1, city: '', watermark }), {
    status: 200,
    json: {
      openid: 'o-alice',
      userInfo: { nickName: 'Al', gender: 1 },
      rawData: /^\{"nickName":"Al","gender":1,/,
      signature: /^[0-9a-f]{40}$/,
      encryptedData: /^[\w+/]+=*$/,
      iv: /==$/,
    },
  })
  t.match(await control(mock, 'POST', `${ALICE}/profile`), {
    status: 200,
    json: { userInfo: { nickName: '微信用户' } },
  })
  t.match(
    await control(mock, 'POST', `${ALICE}/phone-number`, {
      phoneNumber: '612345678',
      countryCode: '34',
      ttl: 60,
      uses: 2,
      watermark,
    }),
    {
      status: 200,
      json: {
        openid: 'o-alice',
        code: /^[0-9a-f]{64}$/,
        expiresAt: new Date(NOON + 60_000).toISOString(),
        phone: { phoneNumber: '+34612345678', purePhoneNumber: '612345678', countryCode: '34' },
        encryptedData: /./,
        iv: /==$/,
      },
    },
  )
  t.match(await control(mock, 'POST', `${ALICE}/phone-number`), { status: 200, json: { phone: { countryCode: '86' } } })
})

t.test('invalid values are refused, with the field and the rule', async (t) => {
  const mock = await startMock(t)
  const cases: [method: string, path: string, body: object, field: string, rule: string][] = [
    ['PUT', ALICE, { unionid: '' }, 'unionid', 'minLength'],
    ['PUT', ALICE, { nickname: 'Al' }, 'nickname', 'additionalProperties'],
    ['POST', `${ALICE}/profile`, { gender: 3 }, 'gender', 'maximum'],
    ['POST', `${ALICE}/profile`, { name: 'Al' }, 'name', 'additionalProperties'],
    ['POST', `${ALICE}/profile`, { watermark: { timestamp: 'noon' } }, 'watermark.timestamp', 'type'],
    ['POST', `${ALICE}/phone-number`, { phoneNumber: '+34 612' }, 'phoneNumber', 'pattern'],
    ['POST', `${ALICE}/phone-number`, { countryCode: 86 }, 'countryCode', 'type'],
    ['POST', `${ALICE}/phone-number`, { uses: 0 }, 'uses', 'minimum'],
    ['POST', `${ALICE}/rotate-session-key`, { age: 'new' }, 'age', 'additionalProperties'],
  ]
  for (const [method, path, body, field, rule] of cases) {
    t.match(
      await control(mock, method, path, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule } },
      `${path} ${JSON.stringify(body)}`,
    )
  }
  t.same(mock.default.users(), [])
  t.match(await control(mock, 'PUT', '/worlds/nowhere/users/o-alice', {}), {
    status: 404,
    json: { code: 'UNKNOWN_WORLD' },
  })
})
