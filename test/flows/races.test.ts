import { both, HANG_MS } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

// A gate of the mock makes each race exact: nothing here depends on timing.

const stateOf = async ({ app }: Merchant, outTradeNo: string) => (await app.wechat.orders.get(outTradeNo))?.state
const newest = ({ world }: Merchant) => world.orders().at(-1)!.outTradeNo

both('the notification arrives before the reply to unifiedorder', async (t, open) => {
  const shop = await open(t)
  const headers = await shop.login()
  const gate = shop.world.gate('unifiedorder.response')
  const ordering = shop.post('/wechat/orders', {}, headers)
  await gate.reached
  const outTradeNo = newest(shop)
  t.equal(await stateOf(shop, outTradeNo), 'created')
  t.match(
    (await shop.world.pay(outTradeNo)).delivery!,
    { verdict: 'acked' },
    'the row was stored before WeChat got the number',
  )
  gate.release()
  t.match(await ordering, { status: 409, body: { code: 'WECHAT_ORDER_PAID' } }, 'the user cannot pay twice')
  t.equal(await stateOf(shop, outTradeNo), 'paid')
  await shop.settle()
  t.strictSame(shop.paid, [outTradeNo])
})

both('the notification arrives while the order is being closed', async (t, open) => {
  for (const point of ['orderquery.response', 'closeorder.request'] as const) {
    const shop = await open(t)
    const outTradeNo = await shop.order()
    const gate = shop.world.gate(point)
    const cancelling = shop.app.wechat.orders.cancel(outTradeNo)
    await gate.reached
    t.equal(await stateOf(shop, outTradeNo), 'closing', point)
    t.match((await shop.world.pay(outTradeNo)).delivery!, { verdict: 'acked' })
    t.equal(await stateOf(shop, outTradeNo), 'paid', 'an order that is closing can still be paid')
    gate.release()
    t.match(await cancelling, { state: 'paid' })
    await shop.settle()
    t.strictSame(shop.paid, [outTradeNo])
  }
})

both('the user pays while the order is being closed, and the notification is lost', async (t, open) => {
  const shop = await open(t)
  const outTradeNo = await shop.order()
  const gate = shop.world.gate('closeorder.request')
  const cancelling = shop.app.wechat.orders.cancel(outTradeNo)
  await gate.reached
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  gate.release()
  t.match(await cancelling, { state: 'paid' }, 'WeChat says ORDERPAID, and is queried')
  t.equal(shop.world.order(outTradeNo).tradeState, 'SUCCESS')
})

both('an order whose close was not answered stays closing until WeChat confirms it', async (t, open) => {
  const shop = await open(t, { options: { timeoutMs: HANG_MS } })
  const outTradeNo = await shop.order()
  shop.world.fault('closeorder', { kind: 'hang', when: 'after' }, { times: 2 })
  await t.rejects(shop.app.wechat.orders.cancel(outTradeNo), { code: 'WECHAT_TIMEOUT' })
  t.equal(await stateOf(shop, outTradeNo), 'closing')
  await shop.world.advance('31s')
  await shop.settle()
  t.equal(await stateOf(shop, outTradeNo), 'closed')
})

both('a slow NOTPAY arrives after SUCCESS', async (t, open) => {
  const shop = await open(t)
  const outTradeNo = await shop.order()
  const gate = shop.world.gate('orderquery.response')
  const asking = shop.app.wechat.orders.refresh(outTradeNo)
  await gate.reached
  await shop.world.pay(outTradeNo)
  gate.release()
  t.match(await asking, { state: 'paid' })
  t.match((await shop.app.wechat.orders.history(outTradeNo)).at(-1), {
    outcome: /weaker than what is known|nothing is due|done/,
  })
})

both('two taps at once make one order', async (t, open) => {
  const shop = await open(t)
  const headers = await shop.login()
  const gate = shop.world.gate('unifiedorder.request')
  const taps = [shop.post('/wechat/orders', {}, headers), shop.post('/wechat/orders', {}, headers)]
  await gate.reached
  gate.release()
  const [first, second] = await Promise.all(taps)
  t.equal((first!.body as { outTradeNo: string }).outTradeNo, (second!.body as { outTradeNo: string }).outTradeNo)
  t.equal(shop.world.orders().length, 1)
})

both('when the price changes, the old order is closed at WeChat before a new one is made', async (t, open) => {
  const shop = await open(t)
  const first = await shop.order()
  const second = await shop.order({ price: { totalFee: 990 } })
  t.not(second, first)
  t.equal(shop.world.order(first).tradeState, 'CLOSED')
  t.match(await shop.app.wechat.orders.get(first), { state: 'closed', liveKey: null })
  t.match((await shop.world.pay(second)).delivery!, { verdict: 'acked' })
})

both('the old order is paid while an order with the new price is being made', async (t, open) => {
  const shop = await open(t)
  const first = await shop.order()
  await shop.world.pay(first, { deliver: 'hold' })
  await t.rejects(shop.order({ price: { totalFee: 990 } }), { message: /WECHAT_ORDER_PAID/ })
  await shop.settle()
  t.strictSame(shop.paid, [first])
})

both(
  'after a lost answer to unifiedorder the same number and terms are sent again, and one order exists',
  async (t, open) => {
    const shop = await open(t, { options: { timeoutMs: HANG_MS } })
    const headers = await shop.login()
    shop.world.fault('unifiedorder', { kind: 'hang', when: 'after' }, { times: 2 })
    t.match(await shop.post('/wechat/orders', {}, headers), { status: 504, body: { code: 'WECHAT_TIMEOUT' } })
    const outTradeNo = newest(shop)
    t.equal(await stateOf(shop, outTradeNo), 'unknown')
    t.match(await shop.post('/wechat/orders', {}, headers), { status: 200, body: { outTradeNo } })
    t.equal(shop.world.orders().length, 1)
  },
)

both('other failures while ordering leave exactly one order that can be paid', async (t, open) => {
  const mishaps = [
    [{ kind: 'result_code_fail', err_code: 'SYSTEMERROR' }, 503],
    [{ kind: 'http', status: 502 }, 503],
    [{ kind: 'result_code_fail', err_code: 'NOAUTH' }, 500],
    [{ kind: 'reset', when: 'after' }, 200],
    [{ kind: 'bad_sign' }, 200],
    [{ kind: 'html_page' }, 200],
    [{ kind: 'truncate' }, 200],
    [{ kind: 'gbk' }, 200],
  ] as const
  for (const [effect, status] of mishaps) {
    const shop = await open(t)
    const headers = await shop.login()
    shop.world.fault('unifiedorder', effect)
    t.equal((await shop.post('/wechat/orders', {}, headers)).status, status, effect.kind)
    t.equal((await shop.post('/wechat/orders', {}, headers)).status, 200)
    const payable = shop.world.orders().filter(({ tradeState }) => tradeState === 'NOTPAY')
    t.equal(payable.length, 1, `${effect.kind}: one order can be paid, ${shop.world.orders().length - 1} were closed`)
    t.match((await shop.world.pay(payable[0]!.outTradeNo)).delivery!, { verdict: 'acked' })
  }
})

both(
  'at expiry WeChat is queried, then the order is closed there; a payment at the last moment is found',
  async (t, open) => {
    for (const paid of [false, true]) {
      const shop = await open(t, { options: { orderTtlMs: 10 * 60_000 } })
      const outTradeNo = await shop.order()
      await shop.world.advance('9m59s')
      if (paid) await shop.world.pay(outTradeNo, { deliver: 'hold' })
      await shop.world.advance('2s')
      await shop.settle()
      t.equal(await stateOf(shop, outTradeNo), paid ? 'paid' : 'closed')
      t.strictSame(shop.paid, paid ? [outTradeNo] : [])
    }
  },
)

both('a payment for a closed order is recorded under every policy, and reported once', async (t, open) => {
  for (const [latePayment, expected] of [
    ['hold', { state: 'closed', fulfilment: 'held' }],
    ['fulfil', { state: 'paid', fulfilment: 'done' }],
    ['refund', { state: 'closed', fulfilment: 'dismissed' }],
  ] as const) {
    const kinds: string[] = []
    const shop = await open(t, {
      options: {
        latePayment,
        onAnomaly: ({ kind }) => {
          kinds.push(kind)
        },
      },
    })
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    // Our row is closed although WeChat took the money: this happens after a restored backup or a manual change in the
    // database.
    await closeBehindOurBack(shop, outTradeNo)
    await shop.world.notification(outTradeNo).deliver({ count: 3 })
    await shop.world.advance('31s')
    await shop.settle()
    t.match(await shop.app.wechat.orders.get(outTradeNo), { ...expected, payment: { totalFee: 1250 } }, latePayment)
    t.strictSame(kinds, ['late'])
    t.equal(shop.paid.length, latePayment === 'fulfil' ? 1 : 0)
    if (latePayment === 'refund') t.match(shop.world.refunds(), [{ refundFee: 1250 }])
  }
})

async function closeBehindOurBack({ store }: Merchant, outTradeNo: string): Promise<void> {
  await store.updateOrder(outTradeNo, (order) => ({
    order: { ...order, state: 'closed', liveKey: null, dueAt: null },
    history: [],
    anomalies: [],
  }))
}
