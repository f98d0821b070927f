import t from 'tap'
import { accepted, merchant, resigned } from '../helpers.ts'

t.test('a transaction that has paid one order pays no other', async (t) => {
  const shop = await merchant(t)
  const first = await shop.order()
  await shop.world.pay(first)
  const genuine = shop.world.notification(first).body
  const second = await shop.order({ price: { key: 'cart-2' } })
  const { text } = await shop.notify(resigned(genuine, { out_trade_no: second }, shop.world.credentials.apiKey))
  t.notOk(accepted(text), text)
  await shop.settle()
  t.match(await shop.app.wechat.orders.get(second), { state: 'prepaid', payment: undefined })
  t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'reused-transaction', outTradeNo: second }])
  t.strictSame(shop.paid, [first])
})
