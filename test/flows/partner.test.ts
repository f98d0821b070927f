import type { Test } from 'tap'
import type { MerchantV2, MerchantV3, PayParams } from '../../src/index.ts'
import { both } from '../helpers.ts'
import type { merchant, Version } from '../helpers.ts'

const PEOPLE = { sp: 'oInSp', a: 'oInA', b: 'oInB' }
type App = keyof typeof PEOPLE

/** A service provider with its own mini program `sp`, and two sub-merchants with theirs. Each order names its sub-merchant in the body. */
async function provider(t: Test, open: typeof merchant, version: Version) {
  const made = await open(t, {
    world: { subMerchants: 2 },
    options: (world) => {
      const { appid, appSecret, subMerchants } = world.credentials
      const [a, b] = subMerchants!
      const own: MerchantV2 | MerchantV3 = world.merchantOptions(version)
      return {
        ...{ appid: undefined, appSecret: undefined, merchant: own },
        apps: { sp: { appid, appSecret }, a: appOf(a!), b: appOf(b!) },
        price: (request) => ({ key: 'cart', description: '龙井茶', totalFee: 1250, ...(request.body as object) }),
      }
    },
  })
  const { world, post, app } = made
  const [a, b] = world.credentials.subMerchants!
  const appids = { sp: world.credentials.appid, a: a!.appid, b: b!.appid }
  return {
    ...{ ...made, a: a!.mchId, b: b!.mchId, appids },
    async login(name: App) {
      const { code } = world.loginCode({ openid: PEOPLE[name], appid: appids[name] })
      const { body } = await post('/wechat/login', { code, app: name })
      return { authorization: `Bearer ${(body as { token: string }).token}` }
    },
    async order(name: App, terms: object) {
      const { status, body } = await post('/wechat/orders', terms, await this.login(name))
      if (status !== 200) throw new Error(JSON.stringify(body))
      const { outTradeNo, ...params } = body as { outTradeNo: string } & PayParams
      // The phone refuses a paySign for another app than the one it is in.
      world.requestPayment(params)
      return (await app.wechat.orders.get(outTradeNo))!
    },
  }
}

function appOf({ appid, appSecret }: { appid: string; appSecret: string }) {
  return { appid, appSecret }
}

both('orders of two sub-merchants, in their own apps and in that of the provider', async (t, open, version) => {
  const made = await provider(t, open, version)
  const { app, world, paid, settle, url, a, b, appids } = made
  const cases: [App, subMchId: string, key: string][] = [
    ['a', a, 'cart'],
    ['b', b, 'cart'],
    ['sp', a, 'mall'],
    ['sp', b, 'mall'],
  ]
  const numbers: string[] = []
  for (const [name, subMchId, key] of cases) {
    const order = await made.order(name, { subMchId, key })
    const { outTradeNo } = order
    t.match(order, { subMchId, spAppid: appids.sp, appid: appids[name], openid: PEOPLE[name], state: 'prepaid' })
    t.match(await app.wechat.orders.refresh(outTradeNo), { state: 'prepaid' }, 'a query')
    const { delivery } = await world.pay(outTradeNo)
    t.equal(delivery?.verdict, 'acked', 'a notification')
    await settle()
    t.match(await app.wechat.orders.refresh(outTradeNo), {
      state: 'paid',
      fulfilment: 'done',
      payment: { appid: appids[name], openid: PEOPLE[name] },
    })
    const { outRefundNo, state } = await app.wechat.refunds.create(outTradeNo, { key: 'back', refundFee: 200 })
    t.equal(state, 'processing')
    t.equal((await world.settleRefund(outRefundNo, 'SUCCESS')).delivery?.verdict, 'acked', 'of a refund')
    await settle()
    const console = world.refundFromConsole(outTradeNo, { refundFee: 300, notifyUrl: `${url}/wechat/notify` })
    t.equal(
      (await world.settleRefund(console.outRefundNo, 'SUCCESS')).delivery?.verdict,
      'acked',
      'of one from the console',
    )
    await settle()
    t.match(await app.wechat.refunds.list(outTradeNo), [{ state: 'success' }, { state: 'success', origin: 'external' }])
    numbers.push(outTradeNo)
  }
  t.strictSame(paid, numbers)
  t.equal(new Set(numbers).size, 4, 'the same key at two sub-merchants is two orders')
  t.strictSame(await app.wechat.anomalies.list(), [])
  world.assertNoUnexpected()
})

both('an order of a sub-merchant is closed, and ordered again at another', async (t, open, version) => {
  const made = await provider(t, open, version)
  const { app, world, a, b } = made
  const { outTradeNo } = await made.order('sp', { subMchId: a })
  await app.wechat.orders.cancel(outTradeNo)
  t.match(await app.wechat.orders.get(outTradeNo), { state: 'closed', liveKey: null })
  t.match(await made.order('sp', { subMchId: b }), { subMchId: b, state: 'prepaid' })
  for (const terms of [{}, { subMchId: '1900000299' }]) {
    const { status, body } = await made.post('/wechat/orders', terms, await made.login('sp'))
    t.match({ status, body }, { status: 500, body: { code: 'WECHAT_PRICE_INVALID' } })
  }
  world.assertNoUnexpected()
})

both("a lost notification is found by the sweep, and by the provider's bill", async (t, open, version) => {
  const made = await provider(t, open, version)
  const { app, world, a, b, paid, settle } = made
  const swept = await made.order('a', { subMchId: a })
  await world.pay(swept.outTradeNo, { deliver: 'hold' })
  await world.advance('10s')
  await settle()
  const equal = await made.order('sp', { subMchId: b })
  await world.pay(equal.outTradeNo)
  await settle()
  t.strictSame(paid, [swept.outTradeNo, equal.outTradeNo])

  const lost = await made.order('b', { subMchId: b, key: 'lost' })
  await world.pay(lost.outTradeNo, { deliver: 'hold' })
  const date = new Date(world.clock.now().getTime() + 8 * 3_600_000).toISOString().slice(0, 10)
  await world.advance('2d')
  const report = await app.wechat.reconcile(date)
  t.match(report, { rows: 3, equal: 2, healed: 1, open: 0, foreign: 0 })
  await settle()
  t.match(await app.wechat.orders.get(lost.outTradeNo), { state: 'paid', fulfilment: 'done' })
  t.match(await app.wechat.reconcile(date), { rows: 3, equal: 3, differences: [] })
  const rows: unknown[] = []
  for await (const row of app.wechat.bills.trades(date, { subMchId: b })) rows.push(row.subMchId)
  t.strictSame(rows, [b, b], 'the bill of one sub-merchant')
  t.strictSame(await app.wechat.anomalies.list(), [])

  // WeChat is asked about rows of orders that are not there under their sub-merchants.
  await world.advance('1d')
  t.equal(await made.store.archive({ before: world.clock.now() }), 3)
  t.match(await app.wechat.reconcile(date), { rows: 3, open: 3, foreign: 0 })
  t.match(await app.wechat.anomalies.list(), Array(3).fill({ kind: 'unknown-order' }))
})

both('the self-test asks about an order of a sub-merchant', async (t, open, version) => {
  const { app } = await provider(t, open, version)
  const failed = (await app.wechat.selfTest()).filter(({ ok, check }) => !ok && check !== 'public URL')
  t.strictSame(failed, [])
})
