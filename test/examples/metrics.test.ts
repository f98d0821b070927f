import { hasSubscribers } from 'node:diagnostics_channel'
import t from 'tap'
import { metrics } from '../../examples/metrics.ts'
import { merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

/** The samples of GET /metrics: `name{labels}` → value. */
async function scrape({ url }: Merchant): Promise<Record<string, number>> {
  const response = await fetch(`${url}/metrics`)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

const metered = (t: Parameters<typeof merchant>[0], onPaid: () => void) =>
  merchant(t, {
    before: (app) => {
      app.register(metrics)
    },
    options: { onPaid },
  })

t.test("the operator's counters", async (t) => {
  let closed = true
  const shop = await metered(t, () => {
    if (closed) throw new Error('the warehouse is closed')
  })
  const contentType = (await fetch(`${shop.url}/metrics`)).headers.get('content-type')
  t.match(contentType, 'text/plain; version=0.0.4')

  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  await shop.world.advance('20s')
  await shop.world.notification(outTradeNo).deliver({ count: 2 })
  await shop.notify('<xml></xml>')
  await shop.settle()
  t.match(await scrape(shop), {
    'wechat_notifications_total{outcome="settled",accepted="true"}': 1,
    'wechat_notifications_total{outcome="repeated",accepted="true"}': 1,
    'wechat_notifications_total{outcome="incomplete",accepted="false"}': 1,
    'wechat_notification_lag_seconds_bucket{le="15"}': 0,
    'wechat_notification_lag_seconds_bucket{le="30"}': 2,
    wechat_notification_lag_seconds_sum: 40,
    wechat_notification_lag_seconds_count: 2,
    'wechat_settlements_total{source="notify",late="false"}': 1,
    'wechat_hooks_total{hook="onPaid",outcome="failed"}': 1,
    wechat_orders_stuck: 0,
  })

  closed = false
  await shop.world.advance('1m')
  await shop.settle()
  const rescued = await shop.order({ price: { key: 'rescued' } })
  await shop.world.pay(rescued, { deliver: 'hold' })
  await shop.app.wechat.orders.refresh(rescued)
  const stranger = await shop.order({ price: { key: 'stranger' } })
  await shop.world.pay(stranger, { openid: 'oMallory' })
  await shop.settle()
  t.match(await scrape(shop), {
    'wechat_settlements_total{source="query",late="false"}': 1,
    'wechat_hooks_total{hook="onPaid",outcome="done"}': 2,
    'wechat_anomalies_total{kind="mismatch"}': 1,
  })
})

t.test('orders whose work fails are due, and count as stuck after ten minutes', async (t) => {
  const shop = await metered(t, () => {})
  shop.store.claimDue = async () => []
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  await shop.app.wechat.orders.refresh(outTradeNo)
  await shop.settle()
  t.match(await scrape(shop), { wechat_orders_due: 1, wechat_orders_stuck: 0 })
  await shop.world.advance('11m')
  await shop.settle()
  t.match(await scrape(shop), { wechat_orders_due: 1, wechat_orders_stuck: 1 })
})

t.test('closing the app removes the subscriptions', async (t) => {
  const shop = await metered(t, () => {})
  t.ok(hasSubscribers('fastify-wechat-pay:sweep'))
  await shop.app.close()
  t.notOk(hasSubscribers('fastify-wechat-pay:sweep'))
})
