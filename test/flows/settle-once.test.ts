import t from 'tap'
import { accepted, both, merchant, SIGNATURES } from '../helpers.ts'

both('20 identical notifications at once settle once', async (t, open) => {
  const shop = await open(t)
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  const deliveries = await shop.world.notification(outTradeNo).deliver({ count: 20, concurrent: true })
  t.strictSame(
    deliveries.map(({ verdict }) => verdict),
    Array(20).fill('acked'),
  )
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo])
  const history = await shop.app.wechat.orders.history(outTradeNo)
  t.equal(history.filter(({ from, to }) => from !== 'paid' && to === 'paid').length, 1)
  t.match(
    history.filter(({ outcome }) => outcome === 'ignored: already known'),
    [{ count: 19 }],
    'the others are counted',
  )
})

for (const [name, signing] of SIGNATURES) {
  t.test(
    `${name}: a payment is recorded even if only the last of the notifications, after 24 h 4 min, is accepted`,
    async (t) => {
      let up = false
      const shop = await merchant(t, {
        ...signing,
        before: (app) => {
          app.addHook('onRequest', async (request) => {
            if (!up && request.url.endsWith('/notify')) throw new Error('down')
          })
        },
      })
      const outTradeNo = await shop.order()
      const first = (await shop.world.pay(outTradeNo)).delivery!
      t.not(first.verdict, 'acked')
      const { deliveries } = await shop.world.advance('18h4m')
      t.equal(deliveries.length, 14)
      up = true
      const last = await shop.world.advance('6h')
      t.match(last.deliveries, [{ attempt: 15, verdict: 'acked' }])
      t.equal(last.deliveries[0]!.sentAt.getTime() - first.sentAt.getTime(), 86_640_000)
      t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid' })
    },
  )
}

both('an onPaid that throws runs again after growing waits, and WeChat never waits for it', async (t, open) => {
  const runs: Date[] = []
  const shop = await open(t, {
    options: {
      onPaid: () => {
        runs.push(shop.world.clock.now())
        if (runs.length <= 3) throw new Error('warehouse is closed')
      },
    },
  })
  const outTradeNo = await shop.order()
  t.match((await shop.world.pay(outTradeNo)).delivery!, { verdict: 'acked' })
  for (let second = 0; second < 40; second++) {
    await shop.world.advance('1s')
    await shop.settle()
  }
  t.strictSame(
    runs.slice(1).map((at, n) => at.getTime() - runs[n]!.getTime()),
    [5000, 10_000, 20_000],
  )
  t.match(await shop.app.wechat.orders.get(outTradeNo), { fulfilment: 'done', dueAt: null })
})

both(
  'an order made in code is not closed before it expires, and forged notifications do not change it',
  async (t, open) => {
    const shop = await open(t)
    const outTradeNo = await shop.order()
    await shop.world.advance('1h')
    await shop.settle()
    t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid' })
    t.notOk(accepted((await shop.notify(`<xml><out_trade_no>${outTradeNo}</out_trade_no></xml>`)).text))
  },
)
