import tap from 'tap'
import type { Test } from 'tap'
import type { WechatPayOptions } from '../../src/index.ts'
import { both, HANG_MS, merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

/** A shop with a paid and fulfilled order, and the refunds that `onRefunded` ran for. */
async function paid(
  t: Parameters<typeof merchant>[0],
  open: typeof merchant,
  options: Parameters<typeof merchant>[1] = {},
): Promise<{ shop: Merchant; outTradeNo: string; refunded: string[] }> {
  const refunded: string[] = []
  const shop = await open(t, {
    ...options,
    options: (world) => ({
      onRefunded: (_order, { outRefundNo }) => {
        refunded.push(outRefundNo)
      },
      ...(typeof options.options === 'function' ? options.options(world) : options.options),
    }),
  })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  await shop.settle()
  return { shop, outTradeNo, refunded }
}

/** A refund made in the merchant platform, without a notification. */
async function refundSilently({ world }: Merchant, outTradeNo: string, refundFee: number): Promise<string> {
  const { outRefundNo } = world.refundFromConsole(outTradeNo, { refundFee, notifyUrl: null })
  await world.settleRefund(outRefundNo, 'SUCCESS')
  return outRefundNo
}

const asked = ({ world }: Merchant, api: 'orderquery' | 'refundquery') => world.journal.count({ api })

both('a refund without a notification is found by refresh and recorded, and onRefunded runs once', async (t, open) => {
  const { shop, outTradeNo, refunded } = await paid(t, open)
  const outRefundNo = await refundSilently(shop, outTradeNo, 1250)
  await shop.world.advance('48h')
  await shop.settle()
  t.equal(asked(shop, 'orderquery'), 0, 'no sweep queries a paid order')
  for (let times = 0; times < 2; times++) {
    await shop.app.wechat.orders.refresh(outTradeNo)
    await shop.settle()
    t.match(await shop.app.wechat.refunds.list(outTradeNo), [
      { outRefundNo, origin: 'external', refundFee: 1250, state: 'success', fulfilment: 'done' },
    ])
    t.strictSame(refunded, [outRefundNo])
  }
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
  await t.rejects(shop.app.wechat.refunds.create(outTradeNo, { key: 'again', refundFee: 1 }), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: /the 0 fen that can still be refunded/,
  })
})

both('partial refunds made elsewhere are found too, however many, and count towards the limit', async (t, open) => {
  const { shop, outTradeNo, refunded } = await paid(t, open)
  const numbers: string[] = []
  for (let n = 0; n < 23; n++) numbers.push(await refundSilently(shop, outTradeNo, 50))
  await shop.app.wechat.orders.refresh(outTradeNo)
  await shop.settle()
  t.equal(asked(shop, 'refundquery'), 3, 'ten at a time')
  t.strictSame([...refunded].sort(), [...numbers].sort())
  await t.rejects(shop.app.wechat.refunds.create(outTradeNo, { key: 'rest', refundFee: 101 }), {
    message: /the 100 fen/,
  })
  t.match(await shop.app.wechat.refunds.create(outTradeNo, { key: 'rest', refundFee: 100 }), { state: 'processing' })
})

both(
  'a GET some minutes after the payment or the last query finds refunds, and does not fail if WeChat is down',
  async (t, open) => {
    const { shop, outTradeNo, refunded } = await paid(t, open, { options: { timeoutMs: HANG_MS } })
    const outRefundNo = await refundSilently(shop, outTradeNo, 250)
    const headers = await shop.login()
    const get = async () => {
      const response = await fetch(`${shop.url}/wechat/orders/${outTradeNo}`, { headers })
      return { status: response.status, body: await response.json() }
    }
    const shown = { status: 200, body: { state: 'paid', paid: true } }
    t.match(await get(), shown)
    t.equal(asked(shop, 'orderquery'), 0, 'right after the payment GET does not query')
    await shop.world.advance('5m')
    shop.world.fault('orderquery', { kind: 'hang' }, { times: 2 })
    t.match(await get(), shown)
    t.match(await get(), shown)
    t.equal(asked(shop, 'orderquery'), 2, 'one query and its retry; the second GET does not query')
    await shop.world.advance('5m')
    shop.world.fault('refundquery', { kind: 'hang' }, { times: 2 })
    t.match(await get(), shown)
    await shop.settle()
    t.strictSame(refunded, [])
    await shop.world.advance('5m')
    t.match(await get(), shown)
    await shop.settle()
    t.strictSame(refunded, [outRefundNo])
    t.match(await shop.app.wechat.refunds.list(outTradeNo), [{ outRefundNo, state: 'success', fulfilment: 'done' }])
  },
)

both('a refund in progress is followed until it ends', async (t, open) => {
  const { shop, outTradeNo, refunded } = await paid(t, open)
  const { outRefundNo } = shop.world.refundFromConsole(outTradeNo, { refundFee: 300, notifyUrl: null })
  await shop.app.wechat.orders.refresh(outTradeNo)
  t.match(await shop.app.wechat.refunds.list(outTradeNo), [{ outRefundNo, state: 'processing', refundId: /^50/ }])
  await shop.world.settleRefund(outRefundNo, 'SUCCESS')
  await shop.world.advance('2m')
  await shop.settle()
  t.strictSame(refunded, [outRefundNo])
})

both('while refunds cannot be listed, nothing is fulfilled, and the next query tries again', async (t, open) => {
  let failing = true
  const { shop, outTradeNo } = await paid(t, open, {
    options: {
      timeoutMs: HANG_MS,
      onPaid: () => {
        if (failing) throw new Error('sold out')
      },
    },
  })
  failing = false
  await refundSilently(shop, outTradeNo, 1250)
  shop.world.fault('refundquery', { kind: 'hang' }, { times: 2 })
  await t.rejects(shop.app.wechat.orders.refresh(outTradeNo), { code: 'WECHAT_TIMEOUT' })
  t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'held', refunds: [] })
  t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'refunded' }])
  await shop.app.wechat.orders.refresh(outTradeNo)
  t.match(await shop.app.wechat.orders.get(outTradeNo), { fulfilment: 'dismissed', refunds: [{ state: 'success' }] })
})

both('after a full refund while onPaid is due it does not run again; after a partial one it does', async (t, open) => {
  for (const [refundFee, fulfilment] of [
    [1250, 'dismissed'],
    [1249, 'due'],
  ] as const) {
    const { shop, outTradeNo } = await paid(t, open, {
      options: {
        onPaid: () => {
          throw new Error('sold out')
        },
      },
    })
    await refundSilently(shop, outTradeNo, refundFee)
    t.match(await shop.app.wechat.orders.refresh(outTradeNo), { fulfilment })
    t.strictSame(await shop.app.wechat.anomalies.list(), [], 'nothing is left to query')
  }
})

both('a payment and its refund that were both missed are found by one query', async (t, open) => {
  const shop = await open(t)
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  const outRefundNo = await refundSilently(shop, outTradeNo, 250)
  t.match(await shop.app.wechat.orders.refresh(outTradeNo), {
    state: 'paid',
    fulfilment: 'held',
    refunds: [{ outRefundNo, refundFee: 250, state: 'success' }],
  })
  t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'refunded' }])
})

const { startTime, day } = { startTime: new Date('2026-01-15T12:00:00+08:00'), day: '2026-01-15' }

/** A merchant of v3, with the key of v2 or without it: v3 itself cannot list the refunds of an order. */
async function v3(t: Test, withKey: boolean, onPaid?: () => void): ReturnType<typeof paid> {
  return await paid(t, merchant, {
    version: 'v3',
    world: { startTime },
    options: (world) => {
      const { apiKey, ...merchant } = world.merchantOptions('v3') as { apiKey: string } & WechatPayOptions['merchant']
      return {
        merchant: { ...merchant, ...(withKey && { apiKey }) } as WechatPayOptions['merchant'],
        ...(onPaid && { onPaid }),
      }
    },
  })
}

tap.test(
  'v3 without the key of v2: a refund that nobody was notified of is an anomaly until the bill tells',
  async (t) => {
    const { shop, outTradeNo, refunded } = await v3(t, false)
    const outRefundNo = await refundSilently(shop, outTradeNo, 250)
    for (let times = 0; times < 2; times++) {
      await shop.app.wechat.orders.refresh(outTradeNo)
      await shop.settle()
    }
    t.strictSame(await shop.app.wechat.refunds.list(outTradeNo), [], 'how much, by which refund, is not known')
    t.match(
      await shop.app.wechat.anomalies.list(),
      [{ kind: 'refunded', outTradeNo }],
      'one, however often it is asked',
    )
    t.equal(asked(shop, 'refundquery'), 0)
    t.strictSame(shop.paid, [outTradeNo])

    await shop.world.advance('48h')
    t.match(await shop.app.wechat.reconcile(day), { healed: 1, open: 0 })
    await shop.settle()
    t.match(await shop.app.wechat.refunds.list(outTradeNo), [
      { outRefundNo, origin: 'external', refundFee: 250, state: 'success' },
    ])
    t.strictSame(refunded, [outRefundNo])
    t.strictSame(await shop.app.wechat.anomalies.list(), [])
  },
)

tap.test('… and what has not been delivered waits for a person even then', async (t) => {
  const { shop, outTradeNo } = await v3(t, false, () => {
    throw new Error('sold out')
  })
  await refundSilently(shop, outTradeNo, 250)
  t.match(await shop.app.wechat.orders.refresh(outTradeNo), { fulfilment: 'held', refunds: [] })
  await shop.world.advance('48h')
  t.match(await shop.app.wechat.reconcile(day), { healed: 1 })
  t.match(await shop.app.wechat.orders.get(outTradeNo), { fulfilment: 'held', refunds: [{ refundFee: 250 }] })
  t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'refunded', outTradeNo }])
})

tap.test('v3 with the key of v2: the refundquery of v2 lists it', async (t) => {
  const { shop, outTradeNo, refunded } = await v3(t, true)
  const outRefundNo = await refundSilently(shop, outTradeNo, 250)
  await shop.app.wechat.orders.refresh(outTradeNo)
  await shop.settle()
  t.equal(asked(shop, 'refundquery'), 1)
  t.match(shop.world.journal.find({ api: 'refundquery' })[0]!.request.url, '/pay/refundquery')
  t.match(await shop.app.wechat.refunds.list(outTradeNo), [{ outRefundNo, refundFee: 250, state: 'success' }])
  t.strictSame(refunded, [outRefundNo])
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
})
