import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as tick } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { DiagnosticsName } from '../../src/index.ts'
import { listens, publish } from '../../src/base/diagnostics.ts'
import { merchant } from '../helpers.ts'

const NAMES: DiagnosticsName[] = [
  'fastify-wechat-pay:notification',
  'fastify-wechat-pay:settlement',
  'fastify-wechat-pay:hook',
  'fastify-wechat-pay:anomaly',
  'fastify-wechat-pay:sweep',
]

t.test('the messages about a payment', async (t) => {
  const seen: [string, unknown][] = []
  const listener = (message: unknown, name: string | symbol) => {
    seen.push([String(name).replace('fastify-wechat-pay:', ''), message])
  }
  for (const name of NAMES) {
    publish(name, () => {
      throw new Error('the message was created without a subscriber')
    })
    subscribe(name, listener)
    t.ok(listens(name))
  }
  t.teardown(() => {
    for (const name of NAMES) unsubscribe(name, listener)
  })
  const take = () => seen.splice(0)

  let fails = true
  const shop = await merchant(t, {
    options: {
      onPaid: () => {
        if (fails) throw new Error('closed')
      },
    },
  })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  await shop.world.advance('3s')
  await shop.notify('<xml></xml>')
  await shop.world.notification(outTradeNo).deliver({ count: 2 })
  t.strictSame(take(), [
    ['notification', { outcome: 'incomplete', accepted: false, lagMs: undefined }],
    ['settlement', { outTradeNo, source: 'notify', late: false }],
    ['notification', { outcome: 'settled', accepted: true, lagMs: 3000 }],
    ['hook', { outTradeNo, hook: 'onPaid', outcome: 'failed' }],
    ['notification', { outcome: 'repeated', accepted: true, lagMs: 3000 }],
  ])

  await shop.world.advance('11m')
  fails = false
  await shop.app.wechat.sweep()
  t.strictSame(take(), [
    ['hook', { outTradeNo, hook: 'onPaid', outcome: 'done' }],
    ['sweep', { worked: 1, due: 0, stuck: 0 }],
  ])

  const stranger = await shop.order({ price: { key: 'another' } })
  await shop.world.pay(stranger, { openid: 'oMallory' })
  t.match(take(), [
    ['anomaly', { outTradeNo: stranger, kind: 'mismatch' }],
    ['notification', { outcome: 'mismatch', accepted: false }],
  ])

  const rescued = await shop.order({ price: { key: 'rescued' } })
  await shop.world.pay(rescued, { deliver: 'hold' })
  await shop.app.wechat.orders.refresh(rescued)
  t.match(take(), [['settlement', { outTradeNo: rescued, source: 'query', late: false }]])
})

t.test('a subscriber hears everything, whatever the garbage collector does', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  publish('fastify-wechat-pay:sweep', () => ({ worked: 0, due: 0, stuck: 0 }))
  await tick()
  gc()
  const heard: unknown[] = []
  const listener = (message: unknown) => heard.push(message)
  subscribe('fastify-wechat-pay:sweep', listener)
  t.teardown(() => unsubscribe('fastify-wechat-pay:sweep', listener))
  // Node forgets a channel by its name, some turns after the channel has been collected.
  for (let turns = 0; turns < 10; turns++) await tick()
  publish('fastify-wechat-pay:sweep', () => ({ worked: 1, due: 0, stuck: 0 }))
  t.same(heard, [{ worked: 1, due: 0, stuck: 0 }])
})
