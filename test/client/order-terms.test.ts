import t from 'tap'
import { extrasFaultV2, orderFields } from '../../src/client/pay-v2/unified-order.ts'
import { extrasFaultV3, orderBody } from '../../src/client/pay-v3/transactions.ts'
import type { H5Info, Order, OrderExtras, TradeType } from '../../src/model.ts'
import { newOrder } from '../engine/helpers.ts'

const NOTIFY_URL = 'https://shop.example.com/wechat/notify'
const GOODS = { merchantGoodsId: 'tea-1', wechatpayGoodsId: '1001', goodsName: '龙井茶', quantity: 2, unitPrice: 500 }
const STORE = { id: '001', name: '西湖店', areaCode: '330106', address: '龙井路 1 号' }
const STORE_WIRE = { id: '001', name: '西湖店', area_code: '330106', address: '龙井路 1 号' }

const h5 = (h5Info: H5Info): OrderExtras => ({ sceneInfo: { h5Info } })

/** What an order says besides, and what each version makes of it: the fields of v2, where objects are JSON, and the body of v3. */
const CASES: [what: string, extras: OrderExtras, v2: Record<string, unknown>, v3: object | undefined][] = [
  ['nothing', {}, {}, {}],
  ['a tag', { goodsTag: 'WXG' }, { goods_tag: 'WXG' }, { goods_tag: 'WXG' }],
  ['no credit cards', { limitPay: 'no_credit' }, { limit_pay: 'no_credit' }, undefined],
  ['an invoice', { supportFapiao: true }, { receipt: 'Y' }, { support_fapiao: true }],
  ['no invoice', { supportFapiao: false }, {}, { support_fapiao: false }],
  ['shared profit', { profitSharing: true }, { profit_sharing: 'Y' }, { settle_info: { profit_sharing: true } }],
  ['no shared profit', { profitSharing: false }, { profit_sharing: 'N' }, { settle_info: { profit_sharing: false } }],
  [
    'goods',
    { detail: { costPrice: 1500, invoiceId: 'receipt-7', goodsDetail: [GOODS] } },
    {
      version: '1.0',
      detail: {
        cost_price: 1500,
        receipt_id: 'receipt-7',
        goods_detail: [{ goods_id: 'tea-1', wxpay_goods_id: '1001', goods_name: '龙井茶', quantity: 2, price: 500 }],
      },
    },
    {
      detail: {
        cost_price: 1500,
        invoice_id: 'receipt-7',
        goods_detail: [
          {
            ...{ merchant_goods_id: 'tea-1', wechatpay_goods_id: '1001', goods_name: '龙井茶' },
            ...{ quantity: 2, unit_price: 500 },
          },
        ],
      },
    },
  ],
  [
    'a price before discounts',
    { detail: { costPrice: 1 } },
    { detail: { cost_price: 1 } },
    { detail: { cost_price: 1 } },
  ],
  [
    'a device and a store',
    { sceneInfo: { deviceId: 'till-3', storeInfo: STORE } },
    { device_info: 'till-3', scene_info: { store_info: STORE_WIRE } },
    { scene_info: { device_id: 'till-3', store_info: STORE_WIRE } },
  ],
  [
    'a page',
    h5({ type: 'Wap', appName: 'Tea', appUrl: 'https://tea.example.com' }),
    { scene_info: { h5_info: { type: 'Wap', wap_name: 'Tea', wap_url: 'https://tea.example.com' } } },
    { scene_info: { h5_info: { type: 'Wap', app_name: 'Tea', app_url: 'https://tea.example.com' } } },
  ],
  [
    'an app of iOS',
    h5({ type: 'iOS', appName: 'Tea', bundleId: 'com.example.tea' }),
    { scene_info: { h5_info: { type: 'IOS', app_name: 'Tea', bundle_id: 'com.example.tea' } } },
    { scene_info: { h5_info: { type: 'iOS', app_name: 'Tea', bundle_id: 'com.example.tea' } } },
  ],
]

/** With JSON as the object that it says. */
const opened = (fields: [string, string][]) =>
  Object.fromEntries(
    fields.map(([name, value]) => [name, value.startsWith('{') ? (JSON.parse(value) as unknown) : value]),
  )

const PLAIN = newOrder({ attach: 'a=b' })
const PLAIN_V2 = opened(orderFields(PLAIN, NOTIFY_URL))
const PLAIN_V3 = orderBody(PLAIN) as { scene_info: object }

for (const [what, extras, v2, v3] of CASES) {
  t.test(what, async (t) => {
    t.strictSame(opened(orderFields({ ...PLAIN, extras }, NOTIFY_URL)), { ...PLAIN_V2, ...v2 }, 'v2')
    t.equal(extrasFaultV2(extras), undefined)
    if (v3 === undefined) {
      t.match(extrasFaultV3(extras), /API v3 documents none/)
      return
    }
    t.equal(extrasFaultV3(extras), undefined)
    const scene = { ...PLAIN_V3.scene_info, ...(v3 as { scene_info?: object }).scene_info }
    const body = JSON.parse(JSON.stringify(orderBody({ ...PLAIN, extras }))) as object
    t.strictSame(body, { ...PLAIN_V3, ...v3, scene_info: scene }, 'v3')
  })
}

t.test('how an order is paid', async (t) => {
  const { outTradeNo, openid } = PLAIN
  const cases: [TradeType, object, object][] = [
    ['JSAPI', { trade_type: 'JSAPI', openid }, { payer: { openid } }],
    ['NATIVE', { trade_type: 'NATIVE', product_id: outTradeNo }, {}],
    ['APP', { trade_type: 'APP' }, {}],
    ['H5', { trade_type: 'MWEB' }, {}],
  ]
  const { openid: _, trade_type: __, ...v2 } = PLAIN_V2 as Record<string, unknown>
  const { payer: ___, ...v3 } = PLAIN_V3 as Record<string, unknown>
  for (const [tradeType, fields, body] of cases) {
    const order: Order = { ...PLAIN, tradeType }
    t.strictSame(opened(orderFields(order, NOTIFY_URL)), { ...v2, ...fields }, `v2 ${tradeType}`)
    t.strictSame(orderBody(order), { ...v3, ...body }, `v3 ${tradeType}`)
  }
})

t.test('terms that cannot be sent', async (t) => {
  const goods = (count: number): OrderExtras => ({ detail: { goodsDetail: Array<typeof GOODS>(count).fill(GOODS) } })
  const long: OrderExtras = { sceneInfo: { storeInfo: { ...STORE, address: '路'.repeat(80) } } }
  t.match(extrasFaultV2(goods(80)), /detail has \d{4} bytes as JSON, and API v2 takes 6000/)
  t.match(extrasFaultV3(goods(80)), /detail has \d{4} bytes as JSON, and API v3 takes 6144/)
  t.match(extrasFaultV2(long), /sceneInfo has \d{3} bytes as JSON, and API v2 takes 256/)
  t.equal(extrasFaultV3(long), undefined)
  const hidden: OrderExtras = { detail: { goodsDetail: [{ ...GOODS, goodsName: 'tea&total_fee=1' }] } }
  t.match(extrasFaultV2(hidden), /contains "&total_fee="/)
  t.match(extrasFaultV3({ goodsTag: '🍵' }), /four bytes in UTF-8/)
})
