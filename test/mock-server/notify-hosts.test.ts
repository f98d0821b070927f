import t from 'tap'
import { onlyTo } from '../../mock-server/notify-hosts.ts'
import { placeOrder, startMock, startShop } from './helpers.ts'

t.test('only the hosts that are named', async (t) => {
  const posted: string[] = []
  let closed = false
  const sender = onlyTo(['shop', '::1'], {
    post: async (url) => {
      posted.push(url)
      return { durationMs: 1, timedOut: true }
    },
    close: () => {
      closed = true
    },
  })
  for (const url of ['http://shop/notify', 'https://shop:8443/notify', 'http://[::1]:3000/']) {
    t.match(await sender.post(url, {}, 'x', 1), { timedOut: true })
  }
  for (const url of ['http://shop.example.com/', 'http://127.0.0.1/']) {
    t.match(await sender.post(url, {}, 'x', 1), {
      durationMs: 0,
      error: { code: 'EHOSTUNREACH', message: /sends to shop, ::1 only, not to/ },
    })
  }
  t.match(
    await sender.post('nonsense', {}, 'x', 1),
    { timedOut: true },
    'what is no address goes nowhere: the sender says so',
  )
  t.equal(posted.length, 4)
  sender.close()
  t.ok(closed)
})

t.test('a notification that may not leave is one to which nobody listened', async (t) => {
  const { default: world } = await startMock(t, { notifyHosts: ['shop'] })
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  t.match(await world.pay('tea-0001'), { verdict: 'connection_refused', reason: /--allow-notify-host 127\.0\.0\.1/ })
  t.equal(shop.received.length, 0)
})
