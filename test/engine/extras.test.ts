import t from 'tap'
import { checkPrice, checkTerms, isOfTerms } from '../../src/engine/terms.ts'
import type { OrderExtras, OrderTerms, TradeType } from '../../src/model.ts'
import { newOrder, termsOf } from './helpers.ts'

const { key, description, totalFee } = termsOf()
const PRICE = { key, description, totalFee }

/** Everything that an order may say besides. */
const EXTRAS: OrderExtras = {
  detail: {
    costPrice: 1500,
    invoiceId: 'receipt-7',
    goodsDetail: [
      { merchantGoodsId: 'tea-1', wechatpayGoodsId: '1001', goodsName: '龙井茶', quantity: 2, unitPrice: 500 },
      { merchantGoodsId: 'tea-2', quantity: 1, unitPrice: 250 },
    ],
  },
  sceneInfo: {
    deviceId: 'till-3',
    storeInfo: { id: '001', name: '西湖店', areaCode: '330106', address: '龙井路 1 号' },
    h5Info: { type: 'iOS', appName: 'Tea', bundleId: 'com.example.tea' },
  },
  goodsTag: 'WXG',
  limitPay: 'no_credit',
  supportFapiao: true,
  profitSharing: false,
}

t.test('each documented field passes, in price and in terms', async (t) => {
  const expiresAt = new Date()
  t.strictSame(checkPrice({ ...PRICE, ...EXTRAS, expiresAt }), { ...PRICE, expiresAt, ...EXTRAS })
  t.same(checkTerms({ ...termsOf(), ...EXTRAS }).extras, EXTRAS)
  for (const [name, value] of Object.entries(EXTRAS)) {
    t.same(checkTerms({ ...termsOf(), [name]: value }).extras, { [name]: value }, name)
  }
  t.equal(checkTerms(termsOf()).extras, undefined, 'nothing besides')
})

t.test('each invalid field is refused, and named by its path', async (t) => {
  const goods = EXTRAS.detail!.goodsDetail![0]!
  const cases: [unknown, RegExp][] = [
    [{ goodsTag: '' }, /goodsTag must be a string of 1 to 32 bytes/],
    [{ goodsTag: 'x'.repeat(33) }, /goodsTag .* not of 33/],
    [{ limitPay: 'no_debit' }, /limitPay must be one of no_credit, not a string of 8 characters/],
    [{ supportFapiao: 'Y' }, /supportFapiao must be one of true, false/],
    [{ profitSharing: 1 }, /profitSharing must be one of true, false, not 1/],
    [{ detail: [] }, /detail must be an object, not an array/],
    [{ detail: { cost_price: 1 } }, /detail is wrong: 'cost_price' is none of costPrice, invoiceId, goodsDetail/],
    [{ detail: { costPrice: 1.5 } }, /detail is wrong: costPrice must be an integer number of fen/],
    [{ detail: { goodsDetail: [] } }, /goodsDetail must have 1 to 1000 entries, not 0/],
    [{ detail: { goodsDetail: {} } }, /goodsDetail must be an array, not/],
    [
      { detail: { goodsDetail: [goods, { ...goods, quantity: 0 }] } },
      /goodsDetail has an entry, number 2, that is wrong: quantity must be an integer of at least 1, not 0/,
    ],
    [{ detail: { goodsDetail: [{ ...goods, price: 1 }] } }, /'price' is none of merchantGoodsId/],
    [{ sceneInfo: { storeInfo: {} } }, /sceneInfo is wrong: storeInfo is wrong: id must be a string/],
    [{ sceneInfo: { h5Info: { type: 'web' } } }, /h5Info is wrong: type must be one of Wap, iOS, Android/],
    [{ expiresAt: 'tomorrow' }, /expiresAt must be a valid Date/],
  ]
  for (const [part, message] of cases) {
    t.throws(() => checkPrice({ ...PRICE, ...(part as object) }), { code: 'WECHAT_PRICE_INVALID', message })
  }
})

t.test('a value that the API cannot send is refused before anything is stored', async (t) => {
  const sender = { extrasFault: ({ goodsTag }: OrderExtras) => goodsTag && 'goodsTag is bad' }
  t.throws(() => checkTerms({ ...termsOf(), goodsTag: 'bad' }, sender), {
    code: 'WECHAT_PRICE_INVALID',
    message: /The terms of an order cannot be sent: goodsTag is bad\. Check .* Nothing was ordered/,
  })
  t.ok(checkTerms(termsOf(), sender))
})

t.test('when the payer must be known from the start', async (t) => {
  const { openid: _, ...nobody } = termsOf()
  t.throws(() => checkTerms(nobody), { message: /openid must be who pays/ })
  for (const tradeType of ['NATIVE', 'APP'] as const) {
    t.strictSame(checkTerms({ ...nobody, tradeType }), { ...nobody, tradeType })
  }
  t.throws(() => checkTerms({ ...nobody, tradeType: 'H5' }), { message: /type H5 needs sceneInfo\.h5Info/ })
  t.match(checkTerms({ ...nobody, tradeType: 'H5', sceneInfo: { h5Info: { type: 'Wap' } } }), { tradeType: 'H5' })
  t.throws(() => checkTerms({ ...nobody, tradeType: 'MWEB' }), {
    message: /tradeType must be one of JSAPI, NATIVE, APP, H5/,
  })
})

t.test('terms are equal in any order of names, and any difference counts', async (t) => {
  const terms = checkTerms({ ...termsOf(), ...EXTRAS })
  const order = newOrder(terms)
  const turned = Object.fromEntries(Object.entries(EXTRAS).reverse())
  const read = JSON.parse(JSON.stringify(order.extras)) as OrderExtras
  t.ok(isOfTerms({ ...order, extras: read }, checkTerms({ ...termsOf(), ...turned })), 'as a database keeps it')
  const others: Partial<OrderTerms<TradeType>>[] = [
    { goodsTag: 'other' },
    { profitSharing: true },
    { detail: undefined },
    { sceneInfo: { deviceId: 'till-4' } },
    { tradeType: 'APP' },
    { openid: 'oOther' },
  ]
  for (const part of others) {
    t.notOk(isOfTerms(order, checkTerms({ ...termsOf(), ...EXTRAS, ...part })), Object.keys(part).join())
  }
  t.ok(isOfTerms(order, { ...terms, expiresAt: new Date(0), clientIp: '::1' }), 'it keeps its time limit and address')
})
