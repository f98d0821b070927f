import { both } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

async function paid(shop: Merchant): Promise<string> {
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  await shop.settle()
  return outTradeNo
}

/** What WeChat knows of its refunds: how many, and where the money comes from. */
const sources = ({ world }: Merchant) => world.refunds().map(({ outRefundNo, account }) => [outRefundNo, account])

const ACCOUNTS = [
  [undefined, 'REFUND_SOURCE_UNSETTLED_FUNDS'],
  ['UNSETTLED', 'REFUND_SOURCE_UNSETTLED_FUNDS'],
  ['AVAILABLE', 'REFUND_SOURCE_RECHARGE_FUNDS'],
] as const

both('the account that a refund comes out of', async (t, open) => {
  const shop = await open(t)
  const { refunds } = shop.app.wechat
  const outTradeNo = await paid(shop)
  for (const [n, [refundAccount, expected]] of ACCOUNTS.entries()) {
    const request = { key: `r${n}`, refundFee: 100, ...(refundAccount && { refundAccount }) }
    const { outRefundNo } = await refunds.create(outTradeNo, request)
    t.strictSame(sources(shop).at(n), [outRefundNo, expected])
    t.match(await refunds.get(outTradeNo, outRefundNo), { refundAccount })
    await shop.world.advance('2m')
  }
  await t.rejects(refunds.create(outTradeNo, { key: 'r9', refundFee: 1, refundAccount: 'BASIC' as 'AVAILABLE' }), {
    code: 'WECHAT_INPUT_INVALID',
    message: /refundAccount must be one of UNSETTLED, AVAILABLE/,
  })
})

both('too little money: the operator hears of it at once, and the refund goes on under its number', async (t, open) => {
  const shop = await open(t)
  const { refunds, anomalies } = shop.app.wechat
  const outTradeNo = await paid(shop)
  shop.world.fault('refund', { kind: 'result_code_fail', err_code: 'NOTENOUGH' }, { times: 3 })
  const { outRefundNo, state } = await refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  t.equal(state, 'unknown')
  const [told] = await anomalies.list()
  t.match(told, { kind: 'refund-stuck', reason: /Top up the merchant's account.*refunds\.retry/ })

  // Nothing chooses another account by itself: the schedule repeats what was asked for.
  await shop.world.advance('1m')
  await shop.settle()
  t.match(await refunds.get(outTradeNo, outRefundNo), { state: 'unknown', refundAccount: undefined })
  t.equal((await anomalies.list()).length, 1, 'reported once')

  // The operator's call still fails, and is remembered: the schedule goes on with the account that was chosen.
  t.match(await refunds.retry(outTradeNo, outRefundNo, 'AVAILABLE'), { state: 'unknown' })
  t.strictSame(sources(shop), [])
  await shop.world.advance('10m')
  await shop.settle()
  t.strictSame(sources(shop), [[outRefundNo, 'REFUND_SOURCE_RECHARGE_FUNDS']])
  t.match(await refunds.get(outTradeNo, outRefundNo), { state: 'processing', refundAccount: 'AVAILABLE' })
  await t.rejects(refunds.retry(outTradeNo, outRefundNo), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: /is processing \(local\): only one that WeChat has not accepted yet/,
  })
  await t.rejects(refunds.retry(outTradeNo, 'r-9'), { code: 'WECHAT_ORDER_NOT_FOUND' })
  await t.rejects(refunds.retry('order-9', 'r-9'), { code: 'WECHAT_ORDER_NOT_FOUND' })
})

both('topped up: the same refund again, from where it was asked for', async (t, open) => {
  const shop = await open(t)
  const { refunds } = shop.app.wechat
  const outTradeNo = await paid(shop)
  shop.world.fault('refund', { kind: 'result_code_fail', err_code: 'NOTENOUGH' }, { times: 1 })
  const { outRefundNo } = await refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  t.match(await refunds.retry(outTradeNo, outRefundNo), { state: 'processing' })
  t.strictSame(sources(shop), [[outRefundNo, 'REFUND_SOURCE_UNSETTLED_FUNDS']])
})

both('an abnormal refund is sent elsewhere by the operator', async (t, open, version) => {
  const shop = await open(t)
  const { refunds, anomalies } = shop.app.wechat
  const outTradeNo = await paid(shop)
  const { outRefundNo } = await refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  await t.rejects(refunds.settleAbnormal(outTradeNo, outRefundNo, 'merchant'), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: /is processing, not abnormal/,
  })
  await shop.world.settleRefund(outRefundNo, 'CHANGE')
  await shop.settle()
  t.match(await anomalies.list(), [{ kind: 'refund-abnormal', reason: /refunds\.settleAbnormal/ }])
  if (version === 'v2') {
    await t.rejects(refunds.settleAbnormal(outTradeNo, outRefundNo, 'merchant'), {
      code: 'WECHAT_INPUT_INVALID',
      message: /API v2 has no call for abnormal refunds/,
    })
    return
  }
  const card = { bankType: 'ICBC_DEBIT', bankAccount: '6222020000001234', realName: '张三' }
  t.match(await refunds.settleAbnormal(outTradeNo, outRefundNo, card), { state: 'processing' })
  await shop.world.settleRefund(outRefundNo, 'SUCCESS')
  await shop.settle()
  t.match(await refunds.get(outTradeNo, outRefundNo), { state: 'success', fulfilment: 'done' })
})

both('money on hold goes back by its transaction', async (t, open) => {
  const shop = await open(t)
  const { orders, refunds } = shop.app.wechat
  const outTradeNo = await paid(shop)
  const { transactionId } = (await orders.get(outTradeNo))!.payment!
  await refunds.create(outTradeNo, { key: 'r1', refundFee: 1 })
  const [{ request } = { request: undefined }] = shop.world.journal.entries({ api: 'refund' })
  t.match(request?.body, transactionId)
  t.notMatch(request?.body, outTradeNo.concat('<'), 'not by the number of the order')
})
