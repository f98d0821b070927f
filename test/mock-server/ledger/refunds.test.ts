import t from 'tap'
import { type ConsoleRefund, createMockWechat, type World } from '../../../mock-server/index.ts'
import type { Order, Payment } from '../../../mock-server/ledger/orders.ts'
import { refundFromConsole } from '../../../mock-server/ledger/refund-rules.ts'
import {
  couponRefundFee,
  createRefundBook,
  divideRefund,
  liveRefunds,
  rechargeRefundFee,
  type Refund,
  refundedFee,
  refundSettlement,
} from '../../../mock-server/ledger/refunds.ts'
import type { Account } from '../../../mock-server/ledger/account.ts'
import { callPay, NOON, placeOrder, placeRefund, readReqInfo, startPaid, startShop } from '../helpers.ts'

const refund = (values: Partial<Refund> = {}): Refund => ({
  version: 'v2',
  from: [],
  outRefundNo: 'r1',
  refundId: '5001',
  ordinal: 0,
  outTradeNo: 'tea-1',
  refundFee: 10,
  cashRefundFee: 10,
  coupons: [],
  desc: '',
  account: 'REFUND_SOURCE_UNSETTLED_FUNDS',
  source: 'API',
  notifyUrl: '',
  requestedAt: new Date(NOON),
  status: 'PROCESSING',
  channel: 'ORIGINAL',
  receivedBy: '支付用户零钱',
  endedAt: undefined,
  dueAt: undefined,
  cancelTimer: () => {},
  notificationId: undefined,
  ...values,
})

const payment = (...fees: number[]): Payment => ({
  transactionId: '42',
  openid: 'o',
  bankType: 'OTHERS',
  coupons: fees.map((fee, n) => ({ fee, id: `c${n}` })),
  paidAt: new Date(NOON),
})

t.test('refunds are found by each of their numbers', async (t) => {
  const book = createRefundBook()
  const [one, two] = [refund(), refund({ outRefundNo: 'r2', refundId: '5002' })]
  book.add(one)
  book.add(two)
  book.add(refund({ outRefundNo: 'r3', refundId: '5003', outTradeNo: 'tea-2' }))
  t.equal(book.find('r1'), one)
  t.equal(book.findId('5002'), two)
  t.same(book.ofOrder('tea-1'), [one, two])
  t.same(book.ofOrder('tea-3'), [])
  t.equal(book.find('r4'), undefined)
  t.equal(book.findId('5004'), undefined)
  t.equal(book.list().length, 3)
})

t.test('a closed refund returns its money to the merchant, any other holds it', async (t) => {
  const refunds = (['PROCESSING', 'SUCCESS', 'CHANGE', 'REFUNDCLOSE'] as const).map((status, n) =>
    refund({ status, refundFee: 10 ** n }),
  )
  t.equal(refundedFee(refunds), 111)
  t.same(
    liveRefunds(refunds).map(({ status }) => status),
    ['PROCESSING', 'SUCCESS', 'CHANGE'],
  )
})

t.test('a refund is split in proportion', async (t) => {
  const shares = (total: number, coupons: number[], fee: number) => {
    const { coupons: parts, cashRefundFee } = divideRefund(total, payment(...coupons), [], fee)
    return [...parts.map(({ fee }) => fee), cashRefundFee]
  }
  t.same(shares(100, [], 30), [30])
  t.same(shares(100, [40], 50), [20, 30])
  t.same(shares(100, [10, 20], 100), [10, 20, 70])
  t.same(shares(100, [50, 50], 1), [0, 1, 0], 'without a cash payment nothing is refunded in cash')
  t.same(divideRefund(10, { ...payment(), coupons: [{ fee: 5, id: 'c', type: 'CASH' }] }, [], 10).coupons, [
    { fee: 5, id: 'c', type: 'CASH' },
  ])
})

t.test('however an order is refunded, the parts add up, and in the end each part is fully refunded', async (t) => {
  for (const coupons of [[], [1], [33, 33], [50, 50], [1, 1, 1], [99], [7, 13, 17]]) {
    for (const steps of [[1, 1, 98], [33, 33, 34], [99, 1], Array(50).fill(2), [100]] as number[][]) {
      const paid = payment(...coupons)
      const done: Refund[] = []
      for (const [n, refundFee] of steps.entries()) {
        const attempt = () => refund({ refundFee, ...divideRefund(100, paid, done, refundFee) })
        // A closed refund does not affect the next ones.
        if (n % 2) done.push({ ...attempt(), status: 'REFUNDCLOSE' })
        const made = attempt()
        t.equal(couponRefundFee(made) + made.cashRefundFee, refundFee)
        t.ok(
          [...made.coupons.map(({ fee }) => fee), made.cashRefundFee].every((fee) => fee >= 0),
          JSON.stringify(made),
        )
        done.push(made)
      }
      const returned = (n: number) => liveRefunds(done).reduce((sum, made) => sum + made.coupons[n]!.fee, 0)
      t.same(
        coupons.map((_, n) => returned(n)),
        coupons,
        JSON.stringify([coupons, steps]),
      )
    }
  }
})

t.test('granted coupons are not settled with the merchant', async (t) => {
  const coupons = [
    { fee: 30, id: 'a', type: 'NO_CASH' as const },
    { fee: 20, id: 'b', type: 'CASH' as const },
    { fee: 10, id: 'c' },
  ]
  const order = { totalFee: 100, payment: { ...payment(), coupons } } as unknown as Order
  const half = refund({ refundFee: 50, coupons: coupons.map(({ fee, ...rest }) => ({ ...rest, fee: fee / 2 })) })
  t.same(refundSettlement(order, half), { totalFee: 70, refundFee: 35 })
  t.equal(rechargeRefundFee(half), 10, 'bought coupons are')
})

t.test('refunds of a dropped order are gone under each of their numbers; the ordinals continue', async (t) => {
  const book = createRefundBook()
  t.equal(book.next(), 0)
  for (const [ordinal, outTradeNo] of ['tea-1', 'tea-2', 'tea-1'].entries()) {
    book.add(refund({ outTradeNo, ordinal, outRefundNo: `r${ordinal}`, refundId: `500${ordinal}` }))
  }
  book.forget((outTradeNo) => outTradeNo === 'tea-1')
  t.same(
    book.list().map(({ outRefundNo }) => outRefundNo),
    ['r1'],
  )
  t.equal(book.find('r0') ?? book.findId('5002'), undefined)
  t.same(book.ofOrder('tea-1'), [])
  t.match(book.findId('5001'), { outRefundNo: 'r1' })
  t.equal(book.next(), 3)

  const restored = createRefundBook()
  restored.load(book.dump())
  t.equal(restored.next(), 2)
  restored.load([])
  t.equal(restored.next(), 0)
})

const statusOf = async (world: World, outRefundNo: string) =>
  (await callPay(world, 'refundquery', { out_refund_no: outRefundNo })).fields.refund_status_0

const at = (seconds: number) => new Date(NOON + seconds * 1000)

t.test('a refund stays open until it is settled, however much time passes', async (t) => {
  const { world } = await startPaid(t)
  await placeRefund(world)
  await world.advance('30d')
  t.equal(await statusOf(world, 'tea-0001-r1'), 'PROCESSING')
  t.equal((await world.settleRefund('tea-0001-r1', 'SUCCESS')).delivery, undefined, 'there is no URL to notify')
  t.equal(await statusOf(world, 'tea-0001-r1'), 'SUCCESS')
  t.match(world.refund('tea-0001-r1'), {
    status: 'SUCCESS',
    notifyUrl: '',
    notificationId: undefined,
    endedAt: at(30 * 86_400),
    dueAt: undefined,
  })
  t.throws(() => world.refundNotification('tea-0001-r1'), {
    code: 'UNKNOWN_NOTIFICATION',
    message: /it is SUCCESS and its notify_url is ''/,
  })
})

t.test('or until a delay has passed', async (t) => {
  const { world, shop } = await startPaid(t, { refundDelay: '20m' })
  for (const n of [1, 2, 3]) {
    await placeRefund(world, { out_refund_no: `r-${n}`, refund_fee: n, ...(n < 3 && { notify_url: shop.notifyUrl }) })
  }
  t.match(world.refund('r-1').dueAt, at(1200))
  await world.settleRefund('r-2', 'CHANGE')
  t.match(
    (await world.advance('19m59s')).remainingTimers,
    [
      { due: at(1200), what: 'refund r-1 succeeds' },
      { due: at(1200), what: 'refund r-3 succeeds' },
    ],
    'a refund that was settled is not settled again',
  )
  t.equal(await statusOf(world, 'r-1'), 'PROCESSING')
  t.match(await world.advance('1s'), {
    deliveries: [{ outRefundNo: 'r-1', verdict: 'acked', sentAt: at(1200) }],
    remainingTimers: [],
  })
  t.same(
    world.refunds().map(({ status }) => status),
    ['SUCCESS', 'CHANGE', 'SUCCESS'],
  )
  t.match(world.refund('r-1'), { endedAt: at(1200), dueAt: undefined })
})

t.test('at the same moment, refunds end before anything is sent again', async (t) => {
  const { world, shop } = await startPaid(t, { refundDelay: '15s', schedule: [15] })
  shop.server.close()
  shop.server.closeAllConnections()
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002')
  for (const n of [1, 2, 3]) {
    await placeRefund(world, { out_refund_no: `r-${n}`, refund_fee: n, notify_url: shop.notifyUrl })
  }
  const { deliveries } = await world.advance('15s')
  t.same(
    deliveries.map(({ notificationId }) => notificationId),
    ['refund:r-1', 'refund:r-2', 'refund:r-3', 'tea-0002'],
  )
})

t.test('on the real clock a refund succeeds automatically after five seconds by default', async (t) => {
  async function timers(refundDelay?: string | number) {
    const { world } = await startPaid(t, { clock: 'real', ...(refundDelay !== undefined && { refundDelay }) })
    const [before] = [world.clock.now().getTime()]
    await placeRefund(world)
    return world.clock.timers().map(({ due }) => Math.round((due.getTime() - before) / 1000))
  }
  t.same(await timers(), [5])
  t.same(await timers('never'), [])
  t.same(await timers('1h'), [3600])
  t.same(await timers(2000), [2])
  await t.rejects(createMockWechat({ world: { refundDelay: 'soon' } }), {
    code: 'BAD_INPUT',
    message: /^refundDelay: /,
  })
})

t.test('CHANGE can be handled manually; every other end is final', async (t) => {
  const { world, shop } = await startPaid(t)
  await placeRefund(world, { refund_fee: 100, notify_url: shop.notifyUrl })
  await world.settleRefund('tea-0001-r1', 'CHANGE', { deliver: 'hold' })
  const refused = (status: string, is: string) => ({
    code: 'REFUND_ENDED',
    message: `refund tea-0001-r1 cannot become ${status}: it is already ${is}`,
  })
  await t.rejects(world.settleRefund('tea-0001-r1', 'CHANGE'), refused('CHANGE', 'CHANGE'))
  t.match((await world.settleRefund('tea-0001-r1', 'SUCCESS')).delivery, { notificationId: 'refund:tea-0001-r1:2' })
  t.match(world.notification('refund:tea-0001-r1'), { kind: 'refund', state: 'held' })
  t.match(world.refundNotification('tea-0001-r1'), { state: 'acked' })
  for (const status of ['SUCCESS', 'CHANGE', 'REFUNDCLOSE'] as const) {
    await t.rejects(world.settleRefund('tea-0001-r1', status), refused(status, 'SUCCESS'))
  }
  await placeRefund(world, { refund_fee: 100, out_refund_no: 'r-2' })
  await world.settleRefund('r-2', 'REFUNDCLOSE')
  await t.rejects(world.settleRefund('r-2', 'SUCCESS'), { code: 'REFUND_ENDED' })
  await t.rejects(world.settleRefund('r-3', 'SUCCESS'), { code: 'UNKNOWN_REFUND', message: /no refund r-3; .*mch_id/ })
  t.throws(() => world.refund('r-3'), { code: 'UNKNOWN_REFUND' })
})

t.test('settled without sending, or without waiting', async (t) => {
  const { world, shop } = await startPaid(t)
  for (const n of [1, 2, 3]) {
    await placeRefund(world, { out_refund_no: `r-${n}`, refund_fee: n, ...(n < 3 && { notify_url: shop.notifyUrl }) })
  }
  t.match((await world.settleRefund('r-1', 'SUCCESS', { deliver: 'hold' })).notification, {
    state: 'held',
    outRefundNo: 'r-1',
  })
  t.match((await world.settleRefund('r-2', 'SUCCESS', { deliver: 'background' })).notification, { state: 'pending' })
  t.equal((await world.settleRefund('r-3', 'SUCCESS', { deliver: 'hold' })).notification, undefined)
  await world.advance(0)
  t.equal(world.refundNotification('r-2').state, 'acked')
  t.match(await world.refundNotification('r-1').deliver({ count: 2 }), [
    { outRefundNo: 'r-1', verdict: 'acked' },
    { verdict: 'acked' },
  ])
})

t.test("where a refund is notified: its own URL, otherwise the merchant's", async (t) => {
  const platform = await startShop(t)
  const { world, shop } = await startPaid(t, { refundNotifyUrl: platform.notifyUrl })
  await placeRefund(world, { out_refund_no: 'r-1', refund_fee: 1, notify_url: shop.notifyUrl })
  await placeRefund(world, { out_refund_no: 'r-2', refund_fee: 2 })
  t.match((await world.settleRefund('r-1', 'SUCCESS')).delivery, { url: shop.notifyUrl })
  t.match((await world.settleRefund('r-2', 'SUCCESS')).delivery, { url: platform.notifyUrl })
  await t.rejects(createMockWechat({ world: { refundNotifyUrl: '/refund' } }), {
    code: 'BAD_INPUT',
    details: { field: 'refundNotifyUrl' },
  })
})

t.test("the merchant's console", async (t) => {
  const { world, shop } = await startPaid(t)
  const first = world.refundFromConsole('tea-0001', {
    refundFee: 250,
    desc: '碎了',
    account: 'REFUND_SOURCE_RECHARGE_FUNDS',
    notifyUrl: shop.notifyUrl,
  })
  t.match(first, {
    outRefundNo: /^\d{28}$/,
    status: 'PROCESSING',
    source: 'VENDOR_PLATFORM',
    refundFee: 250,
    desc: '碎了',
    notifyUrl: shop.notifyUrl,
  })
  t.equal(world.order('tea-0001').tradeState, 'REFUND')
  t.match((await world.settleRefund(first.outRefundNo, 'SUCCESS')).delivery, { verdict: 'acked' })
  t.match(readReqInfo(shop.received[1]!.body, world.credentials.apiKey), {
    refund_request_source: 'VENDOR_PLATFORM',
    out_refund_no: first.outRefundNo,
    refund_account: 'REFUND_SOURCE_RECHARGE_FUNDS',
  })

  t.match(
    world.refundFromConsole('tea-0001', { refundFee: 100, outRefundNo: 'mine', notifyUrl: `${shop.notifyUrl}/refund` }),
    {
      outRefundNo: 'mine',
      notifyUrl: `${shop.notifyUrl}/refund`,
    },
  )
  const rest = world.refundFromConsole('tea-0001', { notifyUrl: null })
  t.match(rest, { refundFee: 900, notifyUrl: '' })
  t.not(rest.outRefundNo, first.outRefundNo)
  t.equal(world.refunds().length, 3)
  t.match(await callPay(world, 'refundquery', { out_trade_no: 'tea-0001' }), { fields: { refund_count: '3' } })
})

t.test("the console notifies the merchant platform's URL, if there is one", async (t) => {
  const platform = await startShop(t)
  const { world } = await startPaid(t, { refundNotifyUrl: platform.notifyUrl })
  t.match(world.refundFromConsole('tea-0001'), { notifyUrl: platform.notifyUrl })
})

t.test('a refund made in the console is notified only if the merchant platform has a URL', async (t) => {
  const { world, shop } = await startPaid(t)
  const { outRefundNo, notifyUrl } = world.refundFromConsole('tea-0001')
  t.equal(notifyUrl, '', "not the order's own")
  const settled = await world.settleRefund(outRefundNo, 'SUCCESS')
  t.match(settled, { notification: undefined, delivery: undefined, note: /^no notification: .*refundNotifyUrl/ })
  t.equal(shop.received.length, 1, 'the payment')
  t.match((await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })).fields, { trade_state: 'REFUND' })
  t.match((await callPay(world, 'refundquery', { out_trade_no: 'tea-0001' })).fields, { out_refund_no_0: outRefundNo })
})

t.test('refusals of the console', async (t) => {
  const { world } = await startPaid(t)
  await placeOrder(world, 'http://127.0.0.1/notify', { out_trade_no: 'unpaid' })
  const refused = (outTradeNo: string, options: ConsoleRefund, error: object) =>
    t.throws(() => world.refundFromConsole(outTradeNo, options), error as Error, JSON.stringify(options))
  for (const refundFee of [0, -1, 1.5, NaN]) {
    refused('tea-0001', { refundFee }, { code: 'BAD_INPUT', details: { field: 'refundFee' } })
  }
  for (const outRefundNo of ['', 'a b', 'x'.repeat(65)]) {
    refused('tea-0001', { outRefundNo }, { code: 'BAD_INPUT', details: { field: 'outRefundNo' } })
  }
  refused('tea-0001', { notifyUrl: '' }, { code: 'BAD_INPUT', details: { field: 'notifyUrl' } })
  refused('nobody', {}, { code: 'UNKNOWN_ORDER' })
  refused(
    'unpaid',
    {},
    { code: 'REFUND_REFUSED', message: 'order unpaid cannot be refunded: ORDERNOTEXIST 订单不存在' },
  )
  refused(
    'tea-0001',
    { refundFee: 1251 },
    { code: 'REFUND_REFUSED', details: { err_code: 'INVALID_REQUEST', err_code_des: 'refund_fee大于可退金额' } },
  )
  world.refundFromConsole('tea-0001')
  refused('tea-0001', {}, { code: 'REFUND_REFUSED', message: /订单已全额退款/ })
})

t.test('a bug in the mock is not reported as a refusal', async (t) => {
  const broken = {
    refundNotifyUrl: 'http://127.0.0.1/notify',
    refunds: {
      ofOrder: () => [],
      find: () => {
        throw new Error('broken')
      },
    },
  } as unknown as Account
  t.throws(
    () => refundFromConsole(broken, { outTradeNo: 'tea-1', totalFee: 1, payment: {} } as Order, { outRefundNo: 'r' }),
    { name: 'Error', message: 'broken' },
  )
})
