import t from 'tap'
import { control, placeRefund, startPaid } from '../helpers.ts'

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
      id: 'd2',
      kind: 'refund',
      verdict: 'acked',
      outRefundNo: 'tea-0001-r1',
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

t.test('with nobody to tell there is only the refund', async (t) => {
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
    t.same(Object.keys(json), ['refund'])
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
    json: { url: `${shop.notifyUrl}/refund` },
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
