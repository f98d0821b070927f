import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import type { Test } from 'tap'
import type { World } from '../../mock-server/index.ts'
import { both, merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

// Keys change while orders are in progress: no order is lost and no process restarts.

const NEXT_KEY = 'NextKeyOf32Characters0123456789a'
const NEXT_SECRET = '0123456789abcdef0123456789abcdef'

/**
 * Does everything a shop does, with one order from before and one from after the change of keys, and returns WeChat's
 * verdicts on its answers.
 */
async function tradeAcross(shop: Merchant, change: (world: World) => void, name: string): Promise<string[]> {
  const { world } = shop
  const before = await shop.order({ price: { key: `${name}-before` } })
  const waiting = await shop.order({ price: { key: `${name}-waiting` } })
  await world.pay(waiting, { deliver: 'hold' })
  change(world)
  const verdicts = [(await world.pay(before)).delivery!.verdict]
  verdicts.push((await world.notification(waiting).deliver())[0]!.verdict)
  const after = await shop.order({ price: { key: `${name}-after` } })
  verdicts.push((await world.pay(after)).delivery!.verdict)
  const { outRefundNo } = await shop.app.wechat.refunds.create(after, { key: 'r1', refundFee: 100 })
  verdicts.push((await world.settleRefund(outRefundNo, 'SUCCESS')).delivery!.verdict)
  await shop.settle()
  return verdicts
}

/** Checks that every order is paid and fulfilled, and nothing was refused. */
async function allIsWell(t: Test, shop: Merchant, orders: number): Promise<void> {
  t.equal(shop.paid.length, orders)
  t.equal(new Set(shop.paid).size, orders)
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
  t.strictSame(
    shop.logs.filter(({ level }) => Number(level) >= 40).map(({ msg }) => msg),
    [],
  )
}

const ACKED = ['acked', 'acked', 'acked', 'acked']

t.test('a new platform certificate is downloaded when a message first names it', async (t) => {
  const shop = await merchant(t, { version: 'v3', world: { keyMode: 'certificate' } })
  const { world } = shop
  await shop.order()
  // WeChat lists a certificate long before it signs with it, so after a download the next one waits five minutes.
  await world.advance('5m')
  for (const keepOld of [true, false]) {
    const rotate = () => world.rotateKey('platform-certificate', { keepOld })
    t.strictSame(await tradeAcross(shop, rotate, `${keepOld}`), ACKED)
    await world.advance('5m')
  }
  t.equal(world.journal.count({ api: 'certificates' }), 3)
  await allIsWell(t, shop, 6)
})

t.test('a merchant moves from platform certificates to a public key while WeChat signs with either', async (t) => {
  const shop = await merchant(t, { version: 'v3', world: { keyMode: 'changing' } })
  const { world } = shop
  const { mchId } = world.credentials
  for (const share of [0, 0.5, 1]) {
    const change = () => world.setMerchant(mchId, { publicKeyShare: share })
    t.strictSame(await tradeAcross(shop, change, `share ${share}`), ACKED)
  }
  const end = () => world.setMerchant(mchId, { keyMode: 'public-key' })
  t.strictSame(await tradeAcross(shop, end, 'end'), ACKED)
  await allIsWell(t, shop, 12)
})

t.test('a replaced merchant certificate keeps working until the deploy', async (t) => {
  const shop = await merchant(t, { version: 'v3' })
  const rotate = (world: World) => world.rotateKey('merchant-certificate', { keepOld: true })
  t.strictSame(await tradeAcross(shop, rotate, 'old'), ACKED)
  await allIsWell(t, shop, 3)
})

both('the API key: the next one is configured before it is set in the merchant platform', async (t, open, version) => {
  const name = version === 'v2' ? 'apiKey' : 'apiV3Key'
  const shop = await open(t, {
    options: (world) => {
      const merchant = world.merchantOptions(version)
      const current = merchant[name as 'apiKey']!
      return { merchant: { ...merchant, [name]: [current, NEXT_KEY] } }
    },
  })
  const { mchId } = shop.world.credentials
  t.strictSame(await tradeAcross(shop, (world) => world.setMerchant(mchId, { [name]: NEXT_KEY }), 'key'), ACKED)
  await allIsWell(t, shop, 3)
})

both('the app secret: the next one is configured before it is set at WeChat', async (t, open) => {
  const shop = await open(t, {
    options: ({ credentials: { appSecret } }) => ({ appSecret: [appSecret, NEXT_SECRET] }),
  })
  const { appid } = shop.world.credentials
  t.ok(await shop.login())
  shop.world.setApp(appid, { appSecret: NEXT_SECRET })
  t.ok(await shop.login())
})

for (const shape of ['live', 'docs'] as const) {
  t.test(
    `WeChat's signature probes (${shape}), in replies and notifications, are refused and nothing is lost`,
    async (t) => {
      const shop = await merchant(t, { version: 'v3' })
      const { world, logs } = shop
      const outcomes: unknown[] = []
      const count = (message: unknown) => {
        outcomes.push((message as { outcome: string }).outcome)
      }
      subscribe('fastify-wechat-pay:notification', count)
      t.teardown(() => unsubscribe('fastify-wechat-pay:notification', count))
      const outTradeNo = await shop.order()
      world.fault('orderquery', { kind: 'probe', shape })
      t.match(await shop.app.wechat.orders.refresh(outTradeNo), { state: 'prepaid' })
      t.equal(world.journal.count({ api: 'orderquery' }), 2, 'the call is repeated')
      world.fault('notify', { kind: 'probe', shape })
      t.match((await world.pay(outTradeNo)).delivery, { verdict: 'http_status', response: { status: 401 } })
      await shop.settle()
      t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid' })
      t.match(await world.advance('15s'), { deliveries: [{ verdict: 'acked' }] })
      await shop.settle()
      t.strictSame(shop.paid, [outTradeNo])
      t.strictSame(outcomes, ['probe', 'settled'], 'counted apart')
      t.equal(
        logs.filter(({ level, msg, fault }) => level === 20 && (fault === 'probe' || /tested whether/.test(msg)))
          .length,
        2,
      )
      t.notOk(logs.some(({ level }) => Number(level) >= 40))
      world.assertDrained()
    },
  )
}
