import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createMockWechat } from '../../mock-server/index.ts'
import type { MockWechat } from '../../mock-server/index.ts'
import { open } from './open.ts'

// node:test: one mock for the file, one world for each test, so tests may run at once.

let mock: MockWechat
before(async () => {
  mock = await createMockWechat()
})
after(() => mock.close())

describe('the app', { concurrency: true }, () => {
  test('delivers what was paid for', async (t) => {
    const { app, world, user } = await open(mock)
    t.after(() => app.close())
    const { outTradeNo } = await user.order({ cart: 'cart-1' })
    const { delivery } = await world.pay(outTradeNo)
    assert.equal(delivery?.verdict, 'acked')
    await app.wechat.idle()
    assert.deepEqual(await user.cart('cart-1'), { total: 1250, isPaid: true })
  })

  test('learns of a payment whose notification was lost from asking WeChat', async (t) => {
    const { app, world, user } = await open(mock)
    t.after(() => app.close())
    const { outTradeNo } = await user.order({ cart: 'cart-1' })
    await world.pay(outTradeNo, { deliver: 'hold' })
    assert.equal((await app.wechat.orders.refresh(outTradeNo))?.state, 'paid')
  })
})
