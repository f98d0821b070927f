import t from 'tap'
import { both, merchant, resigned } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

const linesOf = ({ app }: Merchant, outTradeNo: string) => app.wechat.orders.history(outTradeNo)

t.test('any number of identical requests adds a bounded number of history lines, which count them', async (t) => {
  const shop = await merchant(t)
  const headers = await shop.login()
  const outTradeNo = await shop.order()
  const get = async () => {
    await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })
  }
  const { apiKey } = shop.world.credentials

  async function polled(times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      await get()
      await shop.world.advance('3s')
    }
  }
  await polled(20)
  shop.world.fault('orderquery', { kind: 'http', status: 500 }, { times: 20 })
  await polled(5)
  const open = await linesOf(shop, outTradeNo)
  t.ok(open.length <= 5, `${open.length} lines for a polled order`)
  t.match(open[2], { seen: 'NOTPAY' })
  t.ok(open[2]!.count >= 20 && open[2]!.lastAt.getTime() - open[2]!.at.getTime() >= 57_000)

  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  const genuine = shop.world.notification(outTradeNo).body
  const wrong = resigned(genuine, { total_fee: '1' }, apiKey)
  const second = resigned(genuine, { transaction_id: '4200000000000000000000000000' }, apiKey)
  const ambiguous = resigned(genuine, { attach: 'x&out_trade_no=1' }, apiKey)
  await shop.notify(genuine)
  await shop.app.wechat.idle()
  for (let n = 0; n < 30; n++) {
    for (const body of [genuine, wrong, second, ambiguous]) await shop.notify(body)
    await shop.post(`/wechat/orders/${outTradeNo}/cancel`, {}, headers)
    await get()
  }
  const paid = await linesOf(shop, outTradeNo)
  t.ok(paid.length <= open.length + 7, `${paid.length} lines for a paid order`)
  const count = (outcome: RegExp) =>
    paid.filter((line) => outcome.test(line.outcome)).reduce((sum, line) => sum + line.count, 0)
  t.equal(count(/already known/), 60, 'genuine, but ambiguous')
  t.equal(count(/totalFee is 1/), 30)
  t.equal(count(/now 4200000000000000000000000000 claims it/), 30)
})

both(
  'replayed notifications of a refund in progress, and cancels of a closed order, leave a bounded history',
  async (t, open) => {
    const shop = await open(t)
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo)
    await shop.settle()
    const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
    await shop.world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
    const notification = shop.world.refundNotification(outRefundNo)
    const before = (await linesOf(shop, outTradeNo)).length
    for (let n = 0; n < 30; n++) {
      await notification.deliver()
      await shop.settle()
    }
    t.ok((await linesOf(shop, outTradeNo)).length <= before + 4)

    const closed = await shop.order({ price: { key: 'cart-2' } })
    await shop.app.wechat.orders.cancel(closed)
    const lines = await linesOf(shop, closed)
    for (let n = 0; n < 30; n++) {
      await shop.app.wechat.orders.cancel(closed)
      await shop.app.wechat.orders.refresh(closed)
    }
    t.equal((await linesOf(shop, closed)).length, lines.length + 1)
  },
)

t.test(
  'a refund notification sent again and again causes at most two queries a minute, whatever the state of the refund',
  async (t) => {
    for (const end of ['SUCCESS', 'REFUNDCLOSE', 'CHANGE'] as const) {
      for (const failing of [false, true]) {
        const shop = await merchant(t)
        const outTradeNo = await shop.order()
        await shop.world.pay(outTradeNo)
        await shop.settle()
        const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
        await shop.world.settleRefund(outRefundNo, end, { deliver: 'hold' })
        const { body } = shop.world.refundNotification(outRefundNo)
        if (failing) {
          shop.world.fault('refundquery', { kind: 'result_code_fail', err_code: 'SYSTEMERROR' }, { times: 100 })
        }
        for (let second = 0; second < 60; second++) {
          await Promise.all([shop.notify(body), shop.notify(body)])
          await shop.settle()
          await shop.world.advance('1s')
        }
        const questions = shop.world.journal.count({ api: 'refundquery' })
        t.ok(questions > 0 && questions <= 5, `${end}${failing ? ', and WeChat fails' : ''}: ${questions} questions`)
      }
    }
  },
)
