import t from 'tap'
import { createMockWechat } from '../../../../mock-server/index.ts'
import { control, startMock } from '../../helpers.ts'
import { callV2, orderV2, SUB_OPENID, subsOf } from '../../partner.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'

t.test('the credentials of a service provider, in the process, over HTTP and as variables', async (t) => {
  const mock = await startMock(t, { world: { seed: 'docs' } })
  t.notOk('subMerchants' in mock.default.credentials)
  t.notMatch((await control(mock, 'GET', '/worlds/default')).json, { subMerchants: [] })
  const { status, json } = await control(mock, 'POST', '/worlds', { id: 'p', seed: 1, subMerchants: 2 })
  t.equal(status, 201)
  const world = mock.worlds().find(({ id }) => id === 'p')!
  const [first, second] = subsOf(world)
  t.match(first, { mchId: /^17\d{8}$/, appid: /^wx[0-9a-f]{16}$/, appSecret: /^[0-9a-f]{32}$/ })
  t.not(first!.mchId, second!.mchId)
  t.match(json, {
    subMerchants: [first, second],
    env: {
      WECHAT_SUB_MCH_ID: first!.mchId,
      WECHAT_SUB_APPID: first!.appid,
      WECHAT_SUB_APP_SECRET: first!.appSecret,
    },
  })
  t.same(world.apps().length, 3)
  t.match(world.merchants()[0]!.actsFor, [{ mchId: first!.mchId, appids: [first!.appid] }, { mchId: second!.mchId }])

  const again = await createMockWechat({ world: { seed: 1, subMerchants: 2 } })
  t.teardown(() => again.close())
  t.same(subsOf(again.default), [first, second], 'the same seed, the same credentials')
})

t.test('an appid belongs to one world, also that of a sub-merchant', async (t) => {
  const mock = await startMock(t, { world: { subMerchants: 1 } })
  const { appid } = subsOf(mock.default)[0]!
  t.throws(() => mock.world({ appid }), { code: 'WORLD_EXISTS' })
  const drawn = await createMockWechat({ world: { seed: 1, subMerchants: 1 } })
  t.teardown(() => drawn.close())
  mock.world({ appid: subsOf(drawn.default)[0]!.appid })
  t.throws(() => mock.world({ seed: 1, subMerchants: 1 }), { code: 'WORLD_EXISTS' }, 'the app of a new sub-merchant')
  const world = mock.world()
  const { mchId } = world.credentials
  t.throws(() => world.setMerchant(mchId, { actsFor: [{ mchId: '1', appids: ['wxnew', appid] }] }), {
    code: 'ID_TAKEN',
  })
  t.same([world.apps().length, world.merchants()[0]!.actsFor], [1, []], 'nothing has changed')
})

t.test('a merchant becomes a service provider', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const { mchId } = world.credentials
  const actsFor = [{ mchId: '1900000109', appids: ['wxsub'] }]
  const { json } = await control(mock, 'PUT', `/worlds/default/merchants/${mchId}`, { actsFor })
  t.match(json, { mchId, actsFor })
  t.match(subsOf(world), [{ mchId: '1900000109', appid: 'wxsub', appSecret: /^\w{32}$/ }])
  t.match((await orderV2(world, NOTIFY)).fields, { result_code: 'SUCCESS', sub_appid: 'wxsub' })
  for (const wrong of [[{ mchId: 'x', appids: [] }], [{ mchId: '1' }], [{ mchId: '1', appids: ['a b'] }]]) {
    const { status } = await control(mock, 'PUT', `/worlds/default/merchants/${mchId}`, { actsFor: wrong })
    t.equal(status, 400, JSON.stringify(wrong))
  }
  world.setMerchant(mchId, { actsFor: [] })
  t.match(
    (
      await callV2(
        { ...world, credentials: { ...world.credentials, subMerchants: [{ ...json.actsFor[0] }] } },
        'orderquery',
      )
    ).fields,
    {
      return_msg: '普通商户不允许传sub_mch_id',
    },
  )
})

t.test('orders of sub-merchants survive an export', async (t) => {
  const { default: world } = await startMock(t, { world: { subMerchants: 1 } })
  await orderV2(world, NOTIFY)
  await world.pay('tea-0001', { deliver: 'hold' })
  const exported = world.export()
  const other = await createMockWechat({ world: exported.credentials })
  t.teardown(() => other.close())
  other.default.import(exported)
  t.match(other.default.order('tea-0001'), { subMchId: subsOf(world)[0]!.mchId, subOpenid: SUB_OPENID })
  t.same(subsOf(other.default), subsOf(world))
  t.match((await callV2(other.default, 'orderquery')).fields, { trade_state: 'SUCCESS' })
  t.equal(other.default.apps().length, 2)
})
