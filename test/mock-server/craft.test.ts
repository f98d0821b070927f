import t from 'tap'
import type { CraftOptions } from '../../mock-server/index.ts'
import { signV2 } from '../../mock-server/sign-v2.ts'
import { readXml } from '../../mock-server/wire.ts'
import { placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

t.test("made up of the order's own", async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  const { apiKey } = world.credentials
  const other = 'another-key-of-exactly-32-bytes!'
  const cases: [options: CraftOptions | undefined, fields: object, signedWith: string | undefined][] = [
    [
      undefined,
      {
        total_fee: '1250',
        out_trade_no: 'tea-0001',
        transaction_id: /^4200\d{24}$/,
        openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
      },
      apiKey,
    ],
    [{ fields: { total_fee: '1', attach: null } }, { total_fee: '1', attach: undefined }, apiKey],
    [{ fields: { total_fee: '1' }, sign: 'keep' }, { total_fee: '1', sign: /^[0-9A-F]{32}$/ }, undefined],
    [{ sign: 'wrong' }, { total_fee: '1250', sign: /^[0-9A-F]{32}$/ }, undefined],
    [{ sign: 'none' }, { total_fee: '1250', sign: undefined }, undefined],
    [{ key: other }, { total_fee: '1250' }, other],
  ]
  for (const [options, expected, signedWith] of cases) {
    const notification = world.craft('tea-0001', options)
    const fields = readXml(notification.body)
    t.match(Object.fromEntries(fields), expected, JSON.stringify(options))
    for (const key of [apiKey, other]) t.equal(fields.get('sign') === signV2(fields, key, 'MD5'), key === signedWith)
  }
  t.match(world.order('tea-0001'), { tradeState: 'NOTPAY' }, 'nobody has paid')
  t.equal(shop.received.length, 0)
})

t.test('what could not be sent is refused', async (t) => {
  const { default: world } = await startMock(t)
  await placeOrder(world, 'https://shop.example.com/notify')
  const cases: [options: CraftOptions, field: string][] = [
    [{ url: 'not a url' }, 'url'],
    [{ url: 'ftp://x/y' }, 'url'],
    [{ fields: { 'a b<': '1' } }, 'fields.a b<'],
    [{ fields: { 'a(': '1' }, sign: 'keep' }, 'fields.a('],
    [{ fields: { xml: '1' } }, 'fields.xml'],
    [{ fields: { '': '1' } }, 'fields.'],
  ]
  for (const [options, field] of cases) {
    t.throws(() => world.craft('tea-0001', options), { code: 'BAD_INPUT', details: { field } }, field)
  }
  t.ok(world.craft('tea-0001', { url: 'http://shop/notify?with=query', fields: { _a: ']]>\u0000<' } }))
  t.same(world.notifications().length, 1)
})

t.test("sent by hand, to any address, or on WeChat's schedule", async (t) => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, 'https://shop.example.com/notify')
  await world.pay('tea-0001', { deliver: 'hold' })
  const forged = world.craft('tea-0001', { url: shop.notifyUrl, body: '<xml><!DOCTYPE xml></xml>' })
  t.match(forged, { id: 'crafted:tea-0001', kind: 'crafted', state: 'held' })
  t.match(await forged.deliver(), [{ verdict: 'fail_xml', kind: 'crafted' }])
  t.equal(shop.received[0]!.body, '<xml><!DOCTYPE xml></xml>')

  const again = world.craft('tea-0001', { url: shop.notifyUrl })
  t.equal(again.id, 'crafted:tea-0001:2')
  await again.release()
  t.equal((await world.advance('24h4m')).deliveries.length, 15)
  t.equal(readXml(again.body).get('transaction_id'), world.order('tea-0001').transactionId, 'the payment there was')
  t.throws(() => world.craft('tea-0002'), { code: 'UNKNOWN_ORDER' })
  t.same(
    world.notifications().map(({ id, state }) => `${id} ${state}`),
    ['tea-0001 held', 'crafted:tea-0001 held', 'crafted:tea-0001:2 exhausted'],
  )
})

t.test(
  'one that names no merchant of the world and is changed by a hook is signed again with the key of the first',
  async (t) => {
    const { default: world } = await startMock(t)
    const shop = await startShop(t)
    await placeOrder(world, shop.notifyUrl)
    world.once('beforeNotify', (draft) => {
      draft.fields.attach = 'changed'
    })
    await world.craft('tea-0001', { fields: { mch_id: '1' } }).deliver()
    const changed = readXml(shop.received[0]!.body)
    t.same([changed.get('mch_id'), changed.get('attach')], ['1', 'changed'])
    t.equal(signV2(changed, world.credentials.apiKey, 'MD5'), changed.get('sign'))
  },
)
