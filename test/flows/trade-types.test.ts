import { createPublicKey } from 'node:crypto'
import t from 'tap'
import { isSignedBy, paymentText } from '../../mock-server/wire/sign-v3.ts'
import { signV2 } from '../../mock-server/wire/sign-v2.ts'
import type { OrderTerms, TradeType } from '../../src/index.ts'
import { both, merchant, SIGNATURES } from '../helpers.ts'

const PAGE = { sceneInfo: { h5Info: { type: 'Wap' as const, appName: 'Tea', appUrl: 'https://tea.example.com' } } }
const EVERYTHING = {
  detail: {
    costPrice: 1500,
    goodsDetail: [{ merchantGoodsId: 'tea-1', goodsName: '龙井', quantity: 2, unitPrice: 625 }],
  },
  goodsTag: 'WXG',
  supportFapiao: true,
  profitSharing: true,
}

const termsOf = <T extends TradeType>(tradeType: T, part: Partial<OrderTerms<T>> = {}): OrderTerms<T> => ({
  key: `cart-${tradeType}`,
  tradeType,
  description: '龙井茶',
  totalFee: 1250,
  clientIp: '203.0.113.7',
  expiresAt: new Date(Date.now() + 3_600_000),
  ...part,
})

const OF_OTHERS: [TradeType, gives: string, value: RegExp, part: object][] = [
  ['NATIVE', 'codeUrl', /^weixin:\/\/wxpay\/bizpayurl/, {}],
  ['APP', 'appParams', /^$/, {}],
  ['H5', 'h5Url', /^https:\/\/wx\.tenpay\.com\//, PAGE],
]

for (const [tradeType, gives, value, part] of OF_OTHERS) {
  both(`${tradeType}: ordered, ordered again, paid by anybody, delivered`, async (t, open) => {
    const shop = await open(t)
    const { orders } = shop.app.wechat
    const terms = termsOf(tradeType, {
      ...EVERYTHING,
      ...part,
      expiresAt: new Date(shop.world.clock.now().getTime() + 3_600_000),
    })
    const { order, ...given } = await orders.create(terms)
    t.strictSame(Object.keys(given), [gives])
    if (tradeType !== 'APP') t.match(Object.values(given)[0], value)
    const again = await orders.create(terms)
    t.equal(again.order.outTradeNo, order.outTradeNo, 'the same order')
    if (tradeType !== 'APP') t.same(again, { order, ...given }, 'and nobody is asked for what is still good')
    t.equal(shop.world.journal.count({ api: 'unifiedorder' }), 1)
    t.match((await shop.world.pay(order.outTradeNo, { openid: 'oStranger' })).delivery, { verdict: 'acked' })
    await shop.settle()
    t.strictSame(shop.paid, [order.outTradeNo])
    t.match(await orders.get(order.outTradeNo), { tradeType, state: 'paid', payment: { openid: 'oStranger' } })
  })

  both(`${tradeType}: closed on WeChat's word, and found paid by asking`, async (t, open) => {
    const shop = await open(t)
    const { orders } = shop.app.wechat
    const expiresAt = new Date(shop.world.clock.now().getTime() + 3_600_000)
    const first = (await orders.create(termsOf(tradeType, { ...part, expiresAt }))).order
    t.match(await orders.cancel(first.outTradeNo), { state: 'closed', liveKey: null })
    const { outTradeNo } = (await orders.create(termsOf(tradeType, { ...part, expiresAt }))).order
    t.not(outTradeNo, first.outTradeNo)
    await shop.world.pay(outTradeNo, { openid: 'oStranger', deliver: 'hold' })
    t.match(await orders.refresh(outTradeNo), { state: 'paid' })
  })
}

both('the page of an H5 order ends after five minutes, and another one opens the same order', async (t, open) => {
  const shop = await open(t, { world: { behaviour: { repeatedPrepayId: 'new' } } })
  const expiresAt = new Date(shop.world.clock.now().getTime() + 3_600_000)
  const create = () => shop.app.wechat.orders.create(termsOf('H5', { ...PAGE, expiresAt }))
  const first = await create()
  await shop.world.advance('3m')
  t.equal((await create()).h5Url, first.h5Url)
  await shop.world.advance('2m')
  const second = await create()
  t.equal(second.order.outTradeNo, first.order.outTradeNo)
  t.not(second.h5Url, first.h5Url)
})

for (const [name, signing] of SIGNATURES) {
  t.test(`${name}: the second signature of an app`, async (t) => {
    const { app, world } = await merchant(t, signing)
    const expiresAt = new Date(world.clock.now().getTime() + 3_600_000)
    const { order, appParams } = await app.wechat.orders.create(termsOf('APP', { expiresAt }))
    const { sign, ...params } = appParams
    t.match(params, { appid: order.appid, partnerid: order.mchId, prepayid: order.prepayId, package: 'Sign=WXPay' })
    if (signing.version === 'v3') {
      const text = paymentText(params.appid, params.timestamp, params.noncestr, params.prepayid)
      t.ok(isSignedBy(text, sign, createPublicKey(world.credentials.v3.certificate)))
    } else t.equal(sign, signV2(Object.entries(params), world.credentials.apiKey, signing.signType!))
  })
}

both('what price says is sent, kept and sent again unchanged', async (t, open, version) => {
  const shop = await open(t)
  const price = { ...EVERYTHING, key: 'cart-all', ...(version === 'v2' && { limitPay: 'no_credit' as const }) }
  const expiresAt = new Date(shop.world.clock.now().getTime() + 20 * 60_000)
  const outTradeNo = await shop.order({ price: { ...price, expiresAt } })
  const order = (await shop.app.wechat.orders.get(outTradeNo))!
  const { key: _, ...extras } = price
  t.same(order.extras, extras)
  t.strictSame(order.expiresAt, expiresAt)
  // The same cart three minutes later, whose limit has moved: the order stays as it was made.
  await shop.world.advance('3m')
  t.equal(await shop.order({ price: { ...price, expiresAt: new Date(expiresAt.getTime() + 180_000) } }), outTradeNo)
  t.strictSame((await shop.app.wechat.orders.get(outTradeNo))!.expiresAt, expiresAt)
  t.not(
    await shop.order({ price: { ...price, goodsTag: 'OTHER', expiresAt } }),
    outTradeNo,
    'other terms: another order',
  )
  t.strictSame(
    shop.world.journal
      .entries({ api: 'unifiedorder' })
      .flatMap(({ lint = [] }) => lint.filter(({ level }) => level !== 'info')),
    [],
    'and WeChat would find nothing wrong',
  )
})
