import t from 'tap'
import Fastify from 'fastify'
import wechatPay, { formatReconciliation, memoryStore } from '../../src/index.ts'
import type { Reconciliation } from '../../src/index.ts'
import { merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import { size } from '../sizes.ts'

const DAY = '2026-01-15'
const startTime = new Date(`${DAY}T09:00:00+08:00`)

interface Shop extends Merchant {
  refunded: string[]
  found: string[]
  /** Pays as a user would; the notification gets lost if `lost`. */
  buy(key: string, lost?: boolean): Promise<string>
  reconcile(): Promise<Reconciliation>
}

async function shop(test: Parameters<typeof merchant>[0], options: Parameters<typeof merchant>[1] = {}): Promise<Shop> {
  const refunded: string[] = []
  const found: string[] = []
  const made = await merchant(test, {
    ...options,
    world: { startTime, ...options.world },
    options: {
      onRefunded: (_order, { outRefundNo }) => {
        refunded.push(outRefundNo)
      },
      onAnomaly: ({ kind, outTradeNo }) => {
        found.push(`${kind} ${outTradeNo}`)
      },
      ...options.options,
    },
  })
  const { world, order, app } = made
  return {
    ...made,
    refunded,
    found,
    async buy(key, lost = false) {
      const outTradeNo = await order({ price: { key } })
      await world.pay(outTradeNo, lost ? { deliver: 'hold' } : {})
      return outTradeNo
    },
    reconcile: async () => {
      const report = await app.wechat.reconcile(DAY)
      await made.settle()
      return report
    },
  }
}

/** From now on these texts are replaced in WeChat's bill. */
function spoil({ app }: Merchant, change: (line: string) => string): void {
  const { pay } = app.wechat
  const { tradeBill } = pay
  pay.tradeBill = async function* (...args) {
    const chunks: Buffer[] = []
    for await (const chunk of tradeBill(...args)) chunks.push(chunk)
    yield Buffer.from(Buffer.concat(chunks).toString().split('\r\n').map(change).join('\r\n'))
  }
}

t.test('a day: lost notifications and console refunds heal, wrong lines wait for a person', async (t) => {
  const { orders, lost, refunds, wrong } = size(
    { orders: 60, lost: 6, refunds: 4, wrong: 3 },
    { orders: 10_000, lost: 50, refunds: 20, wrong: 5 },
  )
  // The orders' own queries would find the payments before the bill does.
  const shop_ = await shop(t, {
    options: { orderTtlMs: 7 * 86_400_000 },
    // The mock must not forget the day's first orders before it makes its bill, nor an exchange that is counted.
    world: { maxJournal: Math.max(5000, 10 * orders) },
  })
  const { app, world, paid, refunded, found } = shop_
  const numbers: string[] = []
  for (let n = 0; n < orders; n++) numbers.push(await shop_.buy(`cart-${n}`, n < lost))
  const missed = numbers.slice(0, lost)
  const refundedSilently: string[] = []
  for (const outTradeNo of numbers.slice(lost, lost + refunds)) {
    const { outRefundNo } = world.refundFromConsole(outTradeNo, { refundFee: 250, notifyUrl: null })
    await world.settleRefund(outRefundNo, 'SUCCESS')
    refundedSilently.push(outRefundNo)
  }
  await app.wechat.idle()
  t.equal(paid.length, orders - lost)
  // No process worked on the orders meanwhile.
  await world.advance('26h')

  const spoilt = numbers.slice(-wrong)
  spoil(shop_, (line) => (spoilt.some((number) => line.includes(number)) ? line.replaceAll('`12.50', '`12.49') : line))
  const report = await shop_.reconcile()
  t.match(report, {
    date: DAY,
    rows: orders + refunds,
    equal: orders - lost - wrong,
    healed: lost + refunds,
    open: wrong,
    decided: 0,
    foreign: 0,
    elsewhere: 0,
    more: 0,
    unreadableRows: 0,
    summary: { count: orders + refunds },
  })
  t.strictSame([...paid].sort(), [...numbers].sort(), 'every payment is fulfilled once')
  t.strictSame([...refunded].sort(), [...refundedSilently].sort(), 'onRefunded ran for every refund')
  for (const outTradeNo of missed) {
    t.match(
      (await app.wechat.orders.history(outTradeNo)).map(({ source }) => source),
      ['order', 'order', 'bill', 'fulfil'],
    )
  }
  t.strictSame([...found].sort(), spoilt.map((number) => `bill-differs ${number}`).sort())
  t.match(
    report.differences
      .filter(({ outcome }) => outcome === 'open')
      .map(({ kind, ours, theirs }) => [kind, ours, theirs]),
    spoilt.map(() => ['amount-differs', /^paid, 1250 fen/, /^paid, 1249 fen/]),
  )
  const text = formatReconciliation(report)
  t.match(
    text,
    `${DAY}: ${orders + refunds} rows, ${orders - lost - wrong} equal, ${lost + refunds} healed, ${wrong} open\n`,
  )
  for (const number of spoilt) t.match(text, new RegExp(`open +amount-differs +${number} `))

  const calls = world.journal.count({ direction: 'in' })
  const again = await shop_.reconcile()
  t.match(again, { equal: orders + refunds - wrong, healed: 0, open: wrong })
  t.equal(world.journal.count({ direction: 'in' }), calls + 1, 'a second run only downloads the bill')
  t.equal(paid.length, orders)
  t.equal(refunded.length, refunds)
  const [first] = await app.wechat.anomalies.list()
  await app.wechat.anomalies.resolve(first!.id, 'dismiss', 'the bill of that day was corrected by mail')
  t.match(await shop_.reconcile(), { open: wrong - 1, decided: 1 })
})

t.test('API v2 and v3 give the same result', async (t) => {
  for (const version of ['v2', 'v3'] as const) {
    const made = await shop(t, { version })
    const outTradeNo = await made.buy('lost', true)
    const { outRefundNo } = made.world.refundFromConsole(outTradeNo, { refundFee: 250, notifyUrl: null })
    await made.world.settleRefund(outRefundNo, 'SUCCESS')
    await made.world.advance('26h')
    t.match(await made.reconcile(), { rows: 2, healed: 2, open: 0 }, version)
    t.match(await made.app.wechat.orders.get(outTradeNo), {
      payment: { totalFee: 1250 },
      refunds: [{ outRefundNo, state: 'success', origin: 'external' }],
    })
  }
})

t.test('reconciliation runs each morning in the sweeps of one of several processes', async (t) => {
  const store = memoryStore()
  const made = await shop(t, { store, options: { reconcileAt: '10:30' } })
  const { world, app, paid } = made
  await made.buy('lost', true)
  const other = Fastify()
  t.teardown(() => other.close())
  const { appid, appSecret } = world.credentials
  await other.register(wechatPay, {
    ...{ appid, appSecret, merchant: world.merchantOptions('v2'), baseUrl: world.baseUrl, publicUrl: made.url },
    ...{ store, now: () => world.clock.now(), sweepIntervalMs: 0, reconcileAt: '10:30' },
    price: () => ({ key: '', description: '', totalFee: 0 }),
    onPaid() {},
  })
  await world.advance('25h29m')
  const bills = () => world.journal.count({ api: 'downloadbill' })
  const sweep = async () => {
    await Promise.all([app, other].map(async ({ wechat }) => await wechat.sweep()))
    await Promise.all([app, other].map(async ({ wechat }) => await wechat.idle()))
  }
  await world.advance('1m')
  await sweep()
  await world.advance('2m')
  await sweep()
  t.equal(bills(), 1)
  t.equal(paid.length, 1)
})
