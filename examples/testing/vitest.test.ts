import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createMockWechat } from '../../mock-server/index.ts'
import type { MockWechat } from '../../mock-server/index.ts'
import { open } from './open.ts'

// vitest: one mock for the file, one world for each test, so tests may run at once.

let mock: MockWechat
beforeAll(async () => {
  mock = await createMockWechat()
})
afterAll(() => mock.close())

test.concurrent('delivers what was paid for', async () => {
  const { app, world, user } = await open(mock)
  onTestFinished(() => app.close())
  const { outTradeNo } = await user.order({ cart: 'cart-1' })
  await expect(world.pay(outTradeNo)).resolves.toMatchObject({ delivery: { verdict: 'acked' } })
  await app.wechat.idle()
  await expect(user.cart('cart-1')).resolves.toEqual({ total: 1250, isPaid: true })
})

test.concurrent('delivers once, although WeChat notifies twenty times at once', async () => {
  const { app, world, user } = await open(mock)
  onTestFinished(() => app.close())
  const { outTradeNo } = await user.order({ cart: 'cart-1' })
  await world.pay(outTradeNo, { deliver: 'hold' })
  const deliveries = await world.notification(outTradeNo).deliver({ count: 20, concurrent: true })
  expect(new Set(deliveries.map(({ verdict }) => verdict))).toEqual(new Set(['acked']))
  await app.wechat.idle()
  expect((await app.wechat.orders.get(outTradeNo))?.fulfilment).toBe('done')
})
