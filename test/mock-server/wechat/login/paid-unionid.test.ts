import t from 'tap'
import { NOON, placeOrder, startMock } from '../../helpers.ts'
import { askUnionid, getToken } from '../../login.ts'
import { orderV2, startPartner, SUB_OPENID, subsOf } from '../../partner.ts'

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

t.test('of an order of a sub-merchant, in the app that the openid belongs to', async (t) => {
  const { world } = await startPartner(t)
  const [sub] = subsOf(world)
  await orderV2(world, 'http://127.0.0.1:9/notify')
  const { order } = await world.pay('tea-0001', { deliver: 'hold' })
  const apps = [
    { ...world.credentials, openid: order.openid, unionid: 'u-provider' },
    { ...sub!, openid: SUB_OPENID, unionid: 'u-sub' },
  ]
  for (const { appid, openid, unionid } of apps) world.setUser(openid, { appid, unionid })
  for (const { appid, appSecret, openid, unionid } of apps) {
    const { access_token: token } = (await getToken(world, { appid, secret: appSecret })).json
    const ask = (payer: string) =>
      askUnionid(world, payer, { access_token: token, transaction_id: order.transactionId! })
    t.match((await ask(openid)).json, { errcode: 0, unionid }, unionid)
    world.setUser('o-both', { appid })
    t.match((await ask('o-both')).json, { errcode: 89300 }, 'somebody else')
  }
})
