import { both } from '../helpers.ts'

const NO_BILL = { v2: 'No Bill Exist', v3: '请求的账单文件不存在' }

both('the bills of a day: what WeChat keeps of a payment and its refund', async (t, open, version) => {
  const { app, order, world, settle } = await open(t, {
    world: { startTime: new Date('2026-01-15T12:00:00+08:00') },
  })
  const day = '2026-01-15'
  const outTradeNo = await order()
  await world.pay(outTradeNo)
  await app.wechat.refunds.create(outTradeNo, { key: 'part', refundFee: 250 })
  await t.rejects(app.wechat.bills.trades(day).next(), { code: 'WECHAT_UNAVAILABLE', message: /after 10:00/ })
  await world.advance('48h')
  await settle()

  const rows = []
  for await (const row of app.wechat.bills.trades(day)) rows.push(row)
  t.match(rows, [
    { outTradeNo, tradeState: 'SUCCESS', totalFee: 1250, description: '龙井茶 & <茶>', attach: 'a=b&c="0"' },
    { outTradeNo, tradeState: 'REFUND', refund: { outRefundNo: `${outTradeNo}-1`, refundFee: 250 } },
  ])
  const movements: number[] = []
  for await (const { direction, fee } of app.wechat.bills.funds(day)) movements.push(direction === 'in' ? fee : -fee)
  t.strictSame(movements, [1250, -8, -248], 'the payment, its fee, and the refund, which returns part of the fee')
  await t.rejects(app.wechat.bills.trades('2026-01-14').next(), {
    code: 'WECHAT_REFUSED',
    wechatText: NO_BILL[version],
  })
  for (const { lint } of world.journal.entries({ api: 'downloadbill' })) {
    t.strictSame(lint, undefined, 'the mock found nothing odd in the requests')
  }
})
