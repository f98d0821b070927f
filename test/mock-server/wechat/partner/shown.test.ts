import t from 'tap'
import { signedXml } from '../../helpers.ts'
import { both, orderV2, orderV3, PARTNER, startPartner, SUB_OPENID, subsOf } from '../../partner.ts'
import { get } from '../../v3.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'

t.test('the pages show whose order it is', async (t) => {
  const { world } = await startPartner(t)
  const [sub, other] = subsOf(world)
  const page = async (path: string) => (await fetch(`${world.baseUrl}/__mock/ui/${world.id}/${path}`)).text()
  await orderV2(world, NOTIFY, { body: 'Longjing' })
  await orderV3(world, NOTIFY, { out_trade_no: 'tea-native', sub_appid: undefined, payer: undefined }, 'native')
  await get(world, `${PARTNER}/out-trade-no/tea-native?${both(world)}`)
  const order = await page('orders/tea-0001')
  t.match(order, `<dt>Sub-merchant</dt><dd><span class="mono">${sub!.mchId} · ${sub!.appid}</span></dd>`)
  t.match(order, `<dt>Payer</dt><dd><span class="mono">${SUB_OPENID}</span></dd>`)
  t.match(order, '/pay/unifiedorder')
  const native = await page('orders/tea-native')
  t.match(native, `<dt>Payer</dt><dd><span class="mono">anybody</span></dd>`)
  t.match(native, `<span class="mono">${sub!.mchId}</span>`)
  t.match(native, '/partner/transactions/out-trade-no/')
  t.match(await page(`phone/${world.order('tea-0001').prepayId}`), `Merchant ${sub!.mchId}</p>`)
  for (const [q, found] of [
    [sub!.mchId, true],
    [`payer:${SUB_OPENID}`, true],
    [other!.mchId, false],
  ] as const) {
    t.equal((await page(`orders?q=${q}`)).includes('>Longjing<'), found, q)
  }
  t.match(await page('orders'), `<span class="payer dim mono" title="${SUB_OPENID}">`)
  t.match(await page('setup'), `WECHAT_SUB_MCH_ID=${sub!.mchId}`)

  // The same number of an ordinary merchant of the world is another order.
  const second = world.setMerchant('1900000109')
  const merchant = { ...world, credentials: { ...world.credentials, mchId: second.mchId, apiKey: second.apiKey } }
  await fetch(`${world.baseUrl}/pay/orderquery`, {
    method: 'POST',
    body: signedXml(merchant, { out_trade_no: 'tea-native' }),
  })
  t.notMatch(await page(`orders/tea-native?mchId=${world.credentials.mchId}`), '/pay/orderquery')
})

t.test('an openid of an unusual form is reported, for users of either app', async (t) => {
  const { world } = await startPartner(t)
  await orderV2(world, NOTIFY, { sub_openid: 'alice' })
  await orderV3(world, NOTIFY, { out_trade_no: 'tea-v3', payer: { sp_openid: 'bob', sub_openid: 'alice' } })
  t.same(
    world
      .lint()
      .filter(({ rule }) => rule === 'openid-form')
      .map(({ field }) => field),
    ['sub_openid', 'payer.sp_openid', 'payer.sub_openid'],
  )
  const { world: strict } = await startPartner(t, { strict: true })
  t.match((await orderV2(strict, NOTIFY, { sub_openid: 'alice' })).fields, { return_msg: '无效的openid' })
})

t.test('a wrong signature is explained, the fields of a provider included', async (t) => {
  const { world } = await startPartner(t)
  const xml = signedXml(world, { sub_mch_id: subsOf(world)[0]!.mchId, sub_appid: '', out_trade_no: 'tea-0001' })
  t.match(world.explainSign(xml.replace('<sub_mch_id>', '<sub_mch_id>9')), { ours: /&sub_mch_id=9/ })
  const forgotten = signedXml(world, { out_trade_no: 'tea-0001' }).replace(
    '</xml>',
    '<sub_mch_id>17</sub_mch_id></xml>',
  )
  t.match(world.explainSign(forgotten), {
    mistake: 'sub_mch_id was not signed, but sent',
    difference: { field: 'sub_mch_id' },
  })
  await fetch(`${world.baseUrl}/pay/orderquery`, { method: 'POST', body: forgotten })
  t.match(world.journal.entries().at(-1)!.sign, { mistake: 'sub_mch_id was not signed, but sent' })
})
