import t from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import { open } from './open.ts'

// tap: one mock for the file, one world for each test.

const mock = await createMockWechat()
t.teardown(() => mock.close())

t.test('delivers what was paid for', async (t) => {
  const { app, world, user } = await open(mock)
  t.teardown(() => app.close())
  const { outTradeNo } = await user.order({ cart: 'cart-1' })
  t.match(await world.pay(outTradeNo), { delivery: { verdict: 'acked' } })
  await app.wechat.idle()
  t.strictSame(await user.cart('cart-1'), { total: 1250, isPaid: true })
})

t.test('refuses a notification whose amount is another', async (t) => {
  const { app, world, user } = await open(mock)
  t.teardown(() => app.close())
  const { outTradeNo } = await user.order({ cart: 'cart-1' })
  world.once('beforeNotify', (draft) => {
    draft.fields['amount.total'] = '1'
  })
  t.not((await world.pay(outTradeNo)).delivery?.verdict, 'acked')
  t.strictSame(await user.cart('cart-1'), { total: 1250, isPaid: false })
})
