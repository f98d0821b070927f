import t from 'tap'
import { NOON, placeOrder, startMock } from '../../helpers.ts'
import { askUnionid } from '../../login.ts'

t.test('the unionid of a user who has just paid, by either number', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ startTime: NOON })
  const { mchId } = world.credentials
  world.setUser('o-alice', { unionid: 'u-alice' })
  await placeOrder(world, 'http://127.0.0.1:9/notify', { out_trade_no: 'order-1001', openid: 'o-alice' })
  const { order } = await world.pay('order-1001', { deliver: 'hold' })
  await world.advance('299s')
  for (const values of [
    { transaction_id: order.transactionId! },
    { mch_id: mchId, out_trade_no: 'order-1001' },
    { transaction_id: order.transactionId!, mch_id: '1', out_trade_no: 'order-1002' },
  ]) {
    t.match(await askUnionid(world, 'o-alice', values), {
      status: 200,
      contentType: 'application/json; charset=utf-8',
      text: '{"unionid":"u-alice","errcode":0,"errmsg":"ok"}',
    })
  }
  t.match(world.journal.entries({ api: 'getpaidunionid' }), [{ note: 'ok' }, { note: 'ok' }, { note: 'ok' }])
  world.refundFromConsole('order-1001')
  t.match(
    (await askUnionid(world, 'o-alice', { transaction_id: order.transactionId! })).json,
    { errcode: 0 },
    'refunded',
  )
})
