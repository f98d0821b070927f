import t from 'tap'
import { between } from '../between.ts'
import { merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

// Attacks on money in API v3: lost, doubled, forged, replayed, downgraded.

async function paid(shop: Merchant): Promise<string> {
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  await shop.settle()
  return outTradeNo
}

t.test(
  'an abnormal refund whose request was carried out and whose answers were lost is followed to its end',
  async (t) => {
    const refunded: string[] = []
    const shop = await merchant(t, {
      version: 'v3',
      options: {
        onRefunded: (_order, { outRefundNo }) => {
          refunded.push(outRefundNo)
        },
      },
    })
    const { refunds } = shop.app.wechat
    for (const [key, faults] of [
      ['one answer is lost', 1],
      ['both answers are lost', 2],
    ] as const) {
      const outTradeNo = await shop.order({ price: { key } })
      await shop.world.pay(outTradeNo)
      await shop.settle()
      const { outRefundNo } = await refunds.create(outTradeNo, { key, refundFee: 250 })
      await shop.world.settleRefund(outRefundNo, 'CHANGE')
      await shop.settle()
      shop.world.fault('abnormalrefund', { kind: 'reset', when: 'after' }, { times: faults })
      t.match(await refunds.settleAbnormal(outTradeNo, outRefundNo, 'merchant'), { state: 'processing' }, key)
      await shop.world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
      await shop.world.advance('30m')
      await shop.settle()
      t.match(await refunds.get(outTradeNo, outRefundNo), { state: 'success', fulfilment: 'done' }, key)
    }
    t.equal(refunded.length, 2)
  },
)

t.test('an abnormal refund that WeChat refuses stays as it is, and the operator learns why', async (t) => {
  const shop = await merchant(t, { version: 'v3' })
  const { refunds } = shop.app.wechat
  const outTradeNo = await paid(shop)
  const { outRefundNo } = await refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  await shop.world.settleRefund(outRefundNo, 'CHANGE')
  await shop.settle()
  shop.world.fault('abnormalrefund', { kind: 'v3_error', code: 'INVALID_REQUEST', message: '银行卡不支持' })
  await t.rejects(refunds.settleAbnormal(outTradeNo, outRefundNo, 'merchant'), {
    code: 'WECHAT_ORDER_CONFLICT',
    wechatText: '银行卡不支持',
  })
  t.match(await refunds.get(outTradeNo, outRefundNo), { state: 'abnormal' })
})

t.test('… and if WeChat cannot be queried either, the schedule queries it later', async (t) => {
  const shop = await merchant(t, { version: 'v3' })
  const { refunds } = shop.app.wechat
  const outTradeNo = await paid(shop)
  const { outRefundNo } = await refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  await shop.world.settleRefund(outRefundNo, 'CHANGE')
  await shop.settle()
  shop.world.fault('abnormalrefund', { kind: 'reset', when: 'after' }, { times: 2 })
  shop.world.fault('refundquery', { kind: 'reset' }, { times: 2 })
  await t.rejects(refunds.settleAbnormal(outTradeNo, outRefundNo, 'merchant'), { code: 'WECHAT_NETWORK' })
  await shop.world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
  await shop.world.advance('30m')
  await shop.settle()
  t.match(await refunds.get(outTradeNo, outRefundNo), { state: 'success' })
})

t.test('messages that WeChat signed for another merchant move no money here', async (t) => {
  const other = '1900000999'
  const shop = await merchant(t, { version: 'v3', world: { keyMode: 'certificate' } })
  const { world } = shop
  world.setMerchant(other, { keyMode: 'certificate' })
  const outTradeNo = await shop.order()
  await world.pay(outTradeNo, { deliver: 'hold' })
  const genuine = world.notification(outTradeNo).body
  const { apiV3Key } = world.merchants().find(({ mchId }) => mchId === other)!
  for (const [what, options, verdict] of [
    ['of the other number, in our key', { fields: { mchid: other } }, /wrong-account/],
    ['in the key of the other', { key: apiV3Key }, /not-decrypted/],
    ['by the certificate of the other', { serial: 'AB'.repeat(20) }, /unknown-key/],
    ['by a stranger', { signer: 'stranger' }, /bad-signature/],
    ['replayed after six minutes', { skewSeconds: -360 }, /stale/],
    ['from the future', { skewSeconds: 360 }, /stale/],
    ['of a fen', { fields: { 'amount.total': '1' } }, /mismatch|incomplete/],
    ['of another payer', { fields: { 'payer.openid': 'oMallory' } }, /mismatch/],
    ['for another app', { fields: { appid: 'wx0123456789abcdef' } }, /wrong-account/],
    ['unpaid', { fields: { trade_state: 'NOTPAY' } }, undefined],
    ['as v2, signed with a key that is not ours', { version: 'v2', key: 'x'.repeat(32) }, /FAIL/],
  ] as const) {
    const [delivery] = await world.craft(outTradeNo, options as never).deliver()
    if (verdict !== undefined) t.match(delivery!.response!.body, verdict, what)
    await shop.app.wechat.idle()
    t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid', payment: undefined }, what)
  }
  t.strictSame(shop.paid, [])
  t.equal(world.notification(outTradeNo).body, genuine)
  await world.notification(outTradeNo).deliver()
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo], 'and the genuine one is taken')
})

t.test('a notification of a payment is no reply, and a reply is no notification', async (t) => {
  const shop = await merchant(t, { version: 'v3' })
  const { world } = shop
  const outTradeNo = await shop.order()
  const { authorization } = await shop.login()
  await world.pay(outTradeNo, { deliver: 'hold' })
  await fetch(`${shop.url}/wechat/orders/none`, { headers: { authorization } })
  await shop.app.wechat.pay.query(outTradeNo)
  const { response } = world.journal.find({ api: 'orderquery' }).at(-1)!
  const { status, text } = await shop.notify(response!.body, response!.headers as Record<string, string>)
  t.match([status, text], [400, /incomplete/])
  t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid' })
})

t.test("messages without WeChat's signature never count as facts about money", async (t) => {
  const lies: [status: number, body: object][] = [
    [404, { code: 'ORDER_NOT_EXIST', message: '订单不存在' }],
    [404, { code: 'RESOURCE_NOT_EXISTS', message: '退款单不存在' }],
    [400, { code: 'ORDERPAID', message: '该订单已支付' }],
    [400, { code: 'ORDER_CLOSED', message: '订单已关闭' }],
    [403, { code: 'OUT_TRADE_NO_USED', message: '商户订单号重复' }],
    [200, { trade_state: 'CLOSED' }],
    [204, {}],
    [500, { code: 'OPENID_MISMATCH' }],
  ]
  for (const [status, body] of lies) {
    const shop = await merchant(t, { version: 'v3' })
    const { world, store } = shop
    const outTradeNo = await shop.order()
    const liar = await between(t, world.baseUrl)
    liar.meddle = () => ({ status, headers: {}, body: Buffer.from(status === 204 ? '' : JSON.stringify(body)) })
    const deceived = await merchant(t, {
      version: 'v3',
      store,
      options: {
        appid: world.credentials.appid,
        appSecret: world.credentials.appSecret,
        merchant: world.merchantOptions('v3'),
        baseUrl: liar.url,
        now: () => world.clock.now(),
      },
    })
    const { orders } = deceived.app.wechat
    await orders.refresh(outTradeNo).catch(() => {})
    await orders.cancel(outTradeNo).catch(() => {})
    t.match((await orders.get(outTradeNo))!.state, /prepaid|closing/, `${status} ${JSON.stringify(body)}`)
    await world.pay(outTradeNo)
    await shop.settle()
    t.strictSame(shop.paid, [outTradeNo], 'the genuine notification still counts')
  }
})

/** The mock signs what it makes up in v2 for an order of v3 with MD5. */
const alsoV2 = (world: Merchant['world']) => ({
  merchant: { ...world.merchantOptions('v3'), signType: 'MD5' as const },
})

t.test('the same payment notified in v2 and in v3, twenty times each and at once, counts once', async (t) => {
  const shop = await merchant(t, { version: 'v3', options: alsoV2 })
  const { world } = shop
  const outTradeNo = await shop.order()
  await world.pay(outTradeNo, { deliver: 'hold' })
  const v2 = world.craft(outTradeNo, { version: 'v2' })
  const [told] = await Promise.all([
    world.notification(outTradeNo).deliver({ count: 20, concurrent: true }),
    v2.deliver({ count: 20, concurrent: true }),
  ])
  t.ok(told.every(({ verdict }) => verdict === 'acked'))
  t.match(await v2.deliver(), [{ verdict: 'acked' }], 'once WeChat has been asked, or has told in v3')
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo])
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
})

t.test('a leaked v2 key causes queries, and moves no money', async (t) => {
  const shop = await merchant(t, { version: 'v3', options: alsoV2 })
  const { world } = shop
  const [paidOrder, unpaid] = [await paid(shop), await shop.order({ price: { key: 'cart-2' } })]
  const forged = world.craft(paidOrder, { version: 'v2', fields: { out_trade_no: unpaid } })
  for (let seconds = 0; seconds < 60; seconds++) {
    t.match((await forged.deliver())[0]!.response!.body, /ambiguous/)
    await shop.settle()
    await world.advance('1s')
  }
  t.match(await shop.app.wechat.orders.get(unpaid), { state: 'prepaid', payment: undefined })
  t.ok(
    world.journal.count({ api: 'orderquery' }) <= 6,
    `${world.journal.count({ api: 'orderquery' })} questions in a minute`,
  )
  t.strictSame(shop.paid, [paidOrder])
})

t.test(
  'a flood of made-up key names: one download, ten lines in the log, and genuine notifications are taken',
  async (t) => {
    const shop = await merchant(t, { version: 'v3', world: { keyMode: 'certificate' } })
    const { world, logs } = shop
    const outTradeNo = await shop.order()
    await world.advance('5m')
    const before = world.journal.count({ api: 'certificates' })
    const timestamp = String(Math.floor(world.clock.now().getTime() / 1000))
    for (let n = 0; n < 1000; n++) {
      const serial = n.toString(16).padStart(40, 'B')
      const headers = { timestamp, nonce: 'x', serial, signature: 'eHh4' }
      const named = Object.entries(headers).map(([name, value]) => [`wechatpay-${name}`, value])
      const { status } = await shop.notify('{}', Object.fromEntries(named) as Record<string, string>)
      if (status !== 401) t.fail(`${status}`)
    }
    t.equal(world.journal.count({ api: 'certificates' }) - before, 1)
    t.equal(logs.filter(({ fault }) => fault === 'unknown-key').length, 10)
    t.match((await world.pay(outTradeNo)).delivery, { verdict: 'acked' })
  },
)
