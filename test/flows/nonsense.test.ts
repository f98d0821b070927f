import t from 'tap'
import type { Test } from 'tap'
import type { WechatPayOptions } from '../../src/index.ts'
import { merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import { NASTY } from '../nonsense.ts'

// Hooks are the user's code: they may throw anything and answer anything. Whatever it is, it counts as what it is, and is told at bounded length.

/** A shop, and for each thing a hook may throw what has to be true of it. Everything it logs is short. */
async function throwing(
  t: Test,
  options: (throws: () => never) => Partial<WechatPayOptions<any>>,
  run: (t: Test, shop: Merchant, name: string) => Promise<void>,
): Promise<void> {
  let thrown: unknown
  const shop = await merchant(t, {
    options: options(() => {
      throw thrown
    }),
  })
  for (const [name, make] of Object.entries(NASTY)) {
    await t.test(name, async (t) => {
      thrown = make()
      shop.logs.length = 0
      await run(t, shop, name)
      t.ok(JSON.stringify(shop.logs).length < 60_000, 'the log is short')
    })
  }
}

t.test('onPaid throws: a failed run like any other, run again after a wait', async (t) => {
  await throwing(
    t,
    (throws) => ({ onPaid: throws }),
    async (t, { app, logs, order, settle, world }, name) => {
      const outTradeNo = await order({ price: { key: name } })
      t.match(await world.pay(outTradeNo), { verdict: 'acked' })
      await settle()
      t.match(await app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'due', attempts: 1 })
      const { dueAt } = (await app.wechat.orders.get(outTradeNo))!
      t.equal(Number(dueAt) - Number(world.clock.now()), 5000)
      t.match((await app.wechat.orders.history(outTradeNo)).at(-1), { seen: /^fulfil-failed: [^]{1,500}$/ })
      t.equal(logs.filter(({ msg }) => msg === 'onPaid failed; it will be run again').length, 1)
    },
  )
})

t.test('onRefunded throws: as onPaid', async (t) => {
  await throwing(
    t,
    (throws) => ({ onRefunded: throws }),
    async (t, { app, logs, order, settle, world }, name) => {
      const outTradeNo = await order({ price: { key: name } })
      await world.pay(outTradeNo)
      const { outRefundNo } = await app.wechat.refunds.create(outTradeNo, { key: 'return', refundFee: 1 })
      await world.settleRefund(outRefundNo, 'SUCCESS')
      await settle()
      t.match(await app.wechat.refunds.get(outTradeNo, outRefundNo), {
        state: 'success',
        fulfilment: 'due',
        attempts: 1,
      })
      t.equal(logs.filter(({ msg }) => msg === 'onRefunded failed; it will be run again').length, 1)
    },
  )
})

t.test('onAnomaly throws: it is logged, and the finding stays', async (t) => {
  await throwing(
    t,
    (throws) => ({ onAnomaly: throws }),
    async (t, { app, logs, order, settle, world }, name) => {
      const outTradeNo = await order({ price: { key: name } })
      await world.pay(outTradeNo, { openid: 'oMallory' })
      await settle()
      t.ok((await app.wechat.anomalies.list()).some((anomaly) => anomaly.outTradeNo === outTradeNo))
      t.equal(logs.filter(({ msg }) => msg === 'onAnomaly failed').length, 1)
    },
  )
})
