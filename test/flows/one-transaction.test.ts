import { randomBytes } from 'node:crypto'
import t from 'tap'
import { accepted, both, HANG_MS, merchant, recut, resigned } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import type { SignType } from '../../src/index.ts'

const reasonOf = (text: string) => /<return_msg><!\[CDATA\[(.*?)\]\]>/.exec(text)?.[1]
const queries = ({ world }: Merchant) => world.journal.count({ api: 'orderquery' })

/** Orders as the merchant's other software would: the plugin refuses such an `attach`. */
async function orderElsewhere({ world, url }: Merchant, attach: string, signType: SignType): Promise<string> {
  const { appid, mchId, apiKey } = world.credentials
  const outTradeNo = randomBytes(14).toString('hex')
  const fields = {
    ...{ appid, mch_id: mchId, nonce_str: outTradeNo, sign_type: signType, body: 'tea', attach, openid: 'oAlice' },
    ...{ out_trade_no: outTradeNo, total_fee: '1250', spbill_create_ip: '203.0.113.7', trade_type: 'JSAPI' },
    notify_url: `${url}/wechat/notify`,
  }
  const response = await fetch(`${world.baseUrl}/pay/unifiedorder`, {
    method: 'POST',
    body: resigned('<xml></xml>', fields, apiKey, signType),
  })
  if (!(await response.text()).includes('prepay_id')) throw new Error('WeChat refused the order')
  return outTradeNo
}

both('a transaction that paid one order pays no other', async (t, open) => {
  const shop = await open(t)
  const first = await shop.order()
  await shop.world.pay(first)
  const second = await shop.order({ price: { key: 'cart-2' } })
  const [delivery] = await shop.world.craft(first, { fields: { out_trade_no: second } }).deliver()
  t.match(delivery!.response!.body, /mismatch/)
  await shop.settle()
  t.match(await shop.app.wechat.orders.get(second), { state: 'prepaid', payment: undefined })
  t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'reused-transaction', outTradeNo: second }])
  t.strictSame(shop.paid, [first])
})

t.test(
  'the signed text of one payment, split into other fields, pays no other order and cannot be used to flood WeChat',
  async (t) => {
    for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
      const shop = await merchant(t, { signType })
      const victim = await shop.order()
      const { mchId } = shop.world.credentials
      const own = await orderElsewhere(shop, `x&mch_id=${mchId}&openid=oAlice&out_trade_no=${victim}&p=`, signType)
      await shop.world.pay(own, { deliver: 'hold' })
      const forged = recut(shop.world.notification(own).body, 'p')
      for (let seconds = 0; seconds < 60; seconds++) {
        t.equal(reasonOf((await shop.notify(forged)).text), 'ambiguous')
        await shop.settle()
        await shop.world.advance('1s')
      }
      t.ok(queries(shop) <= 5, `${queries(shop)} queries, three of them from the plan`)
      t.match(await shop.app.wechat.orders.get(victim), { state: 'prepaid', payment: undefined })
      t.strictSame(await shop.app.wechat.anomalies.list(), [])
      t.strictSame(shop.paid, [])
    }
  },
)

/** A paid order, and a genuine notification of it that one value makes ambiguous. */
async function ambiguous(shop: Merchant, openid?: string): Promise<{ outTradeNo: string; body: string }> {
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold', ...(openid && { openid }) })
  const genuine = shop.world.notification(outTradeNo).body
  return { outTradeNo, body: resigned(genuine, { attach: 'x&out_trade_no=1' }, shop.world.credentials.apiKey) }
}

t.test('a genuine notification with such a text is accepted once a query has confirmed it', async (t) => {
  const shop = await merchant(t)
  const { outTradeNo, body } = await ambiguous(shop)
  t.equal(reasonOf((await shop.notify(body)).text), 'ambiguous')
  await shop.app.wechat.idle()
  t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid' }, 'the query is sent at once, without a sweep')
  for (let times = 0; times < 3; times++) t.ok(accepted((await shop.notify(body)).text))
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo])
  t.equal(queries(shop), 1)
  const other = resigned(body, { transaction_id: '4200000000' }, shop.world.credentials.apiKey)
  t.equal(reasonOf((await shop.notify(other)).text), 'ambiguous', 'but not with another transaction')
  t.equal(queries(shop), 1)
})

t.test('such a notification is not accepted if WeChat does not answer or says something else', async (t) => {
  const shop = await merchant(t, { options: { timeoutMs: HANG_MS } })
  const { outTradeNo, body } = await ambiguous(shop, 'oMallory')
  shop.world.fault('orderquery', { kind: 'hang' }, { times: 2 })
  for (let times = 0; times < 2; times++) {
    t.equal(reasonOf((await shop.notify(body)).text), 'ambiguous')
    await shop.settle()
    t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid', payment: undefined })
    await shop.world.advance('31s')
  }
  t.match(await shop.app.wechat.anomalies.list(), [
    { kind: 'mismatch', reason: "the payer is another than the order's" },
  ])
  t.equal(reasonOf((await shop.notify(body)).text), 'ambiguous')
  t.strictSame(shop.paid, [])
})

t.test('such a notification of an unknown order is neither accepted nor stored', async (t) => {
  const shop = await merchant(t)
  const { body } = await ambiguous(shop)
  const unknown = resigned(body, { out_trade_no: 'unknown-number' }, shop.world.credentials.apiKey)
  t.equal(reasonOf((await shop.notify(unknown)).text), 'unknown-order')
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
})

t.test('an order is refused if one of its texts could be read as a field', async (t) => {
  const shop = await merchant(t)
  for (const [field, price] of [
    ['attach', { attach: 'x&mch_id=1&p=' }],
    ['description', { description: '茶&out_trade_no=1' }],
  ] as const) {
    await t.rejects(shop.order({ price }), {
      message: new RegExp(`WECHAT_PRICE_INVALID.*The ${field} of an order cannot be sent: it contains`),
    })
    shop.world.journal.verify({ api: 'unifiedorder' }, 0)
  }
})
