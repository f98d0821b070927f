import t from 'tap'
import {
  callPay,
  control,
  deferred,
  NOON,
  orderFields,
  placeOrder,
  postRaw,
  signedXml,
  startMock,
  startShop,
} from './helpers.ts'

t.test('each order is paid by itself, after its time', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.advance('19s')
  t.match(world.order('tea-0001'), { tradeState: 'NOTPAY' })
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  await callPay(world, 'unifiedorder', { out_trade_no: 'tea-0003' })
  t.match(
    world.clock.timers().map(({ what }) => what),
    ['order tea-0001 is paid', 'order tea-0002 is paid'],
    'not what was refused',
  )
  t.match(await world.advance('20s'), {
    deliveries: [
      { outTradeNo: 'tea-0001', verdict: 'acked', sentAt: new Date(NOON + 20_000) },
      { outTradeNo: 'tea-0002', verdict: 'acked', sentAt: new Date(NOON + 39_000) },
    ],
  })
})

t.test('what was paid or closed by then is left alone', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: 0 } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.pay('tea-0001')
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' })
  world.expire('tea-0002')
  t.match(await world.advance(0), { deliveries: [] })
})

t.test('on the real clock too, and over HTTP', async (t) => {
  const mock = await startMock(t)
  const {
    json: { id },
  } = await control(mock, 'POST', '/worlds', { clock: 'real', autoPay: '1ms' })
  const world = mock.worlds().find((world) => world.id === id)!
  const paid = deferred<void>()
  const shop = await startShop(t, () => {
    paid.resolve()
    return 'x'
  })
  await placeOrder(world, shop.notifyUrl)
  await paid.promise
  t.match(world.orders(), [{ tradeState: 'SUCCESS' }])
  t.match(await control(mock, 'POST', '/worlds', { autoPay: 'soon' }), {
    status: 400,
    json: { code: 'BAD_INPUT', field: 'autoPay' },
  })
})

t.test('also one whose reply was late or lost; a repeated unifiedorder changes nothing', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  world.fault('unifiedorder', { kind: 'delay', ms: 1 })
  await placeOrder(world, notifyUrl)
  world.fault('unifiedorder', { kind: 'reset', when: 'after' })
  await t.rejects(placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002', nonce_str: 'n2' }))
  await world.advance('10s')
  await placeOrder(world, notifyUrl, { nonce_str: 'n3' })
  t.same(
    world.clock.timers().map(({ what }) => what),
    ['order tea-0001 is paid', 'order tea-0002 is paid'],
  )
  t.match(await world.advance('10s'), { deliveries: [{ outTradeNo: 'tea-0001' }, { outTradeNo: 'tea-0002' }] })
})

t.test('a snapshot and an export know when', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  await placeOrder(world, notifyUrl)
  await world.advance('5s')
  const timers = world.clock.timers()
  const exported = JSON.parse(JSON.stringify(world.export()))
  world.snapshot('s')
  for (const back of [
    () => world.restore('s'),
    () => world.import(exported),
    () => {
      world.restore('s')
      world.reset('clock')
    },
  ]) {
    await world.advance('1m')
    t.match(world.order('tea-0001'), { tradeState: 'SUCCESS', paidAt: new Date(NOON + 20_000) })
    back()
    t.same(world.clock.timers(), timers)
  }
  world.reset('orders')
  t.same(world.clock.timers(), [], 'what is gone is not paid')
})

t.test('an order of the sandbox is paid there', async (t) => {
  const { default: world } = await startMock(t, { world: { autoPay: '20s' } })
  const { notifyUrl } = await startShop(t)
  const apiKey = (await postRaw(`${world.baseUrl}/sandboxnew/pay/getsignkey`, signedXml(world, {}))).fields
    .sandbox_signkey!
  const sandbox = { credentials: { ...world.credentials, apiKey } }
  await placeOrder(world, notifyUrl)
  await world.pay('tea-0001')
  await postRaw(
    `${world.baseUrl}/sandboxnew/pay/unifiedorder`,
    signedXml(sandbox, orderFields(notifyUrl, { total_fee: 101 })),
  )
  await world.advance('20s')
  t.same(
    world.orders().map(({ totalFee, tradeState }) => `${totalFee} ${tradeState}`),
    ['1250 SUCCESS', '101 SUCCESS'],
  )
})
