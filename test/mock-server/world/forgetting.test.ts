import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createRandom } from '../../../mock-server/base/random.ts'
import type { NotificationKind, World } from '../../../mock-server/index.ts'
import type { Order, TradeState } from '../../../mock-server/ledger/orders.ts'
import type { Refund } from '../../../mock-server/ledger/refunds.ts'
import type { Account } from '../../../mock-server/ledger/account.ts'
import { createForgetting, type Memory } from '../../../mock-server/world/forgetting.ts'
import { createWorld } from '../../../mock-server/world/create-world.ts'
import { ACK, callPay, NOON, placeOrder, placeRefund, REFUSAL, startMock, startShop } from '../helpers.ts'
import { size } from '../../sizes.ts'

/** The core of a world whose merchant answers `reply`, and its memory. */
function setup(memory: Memory, reply = ACK) {
  const { core, world } = createWorld(
    {
      id: 'w',
      seed: '42',
      baseUrl: () => 'http://mock',
      sender: {
        post: async () => ({ durationMs: 1, reply: { status: 200, headers: {}, body: reply } }),
        close: () => {},
      },
      tls: false,
      log: () => {},
      checkFree: () => {},
      claimMchId: () => {},
      claimAppid: () => {},
      remove: () => {},
    },
    { startTime: NOON },
  )
  const account = core.accounts[0]!
  const notice = (outTradeNo: string, kind: NotificationKind = 'pay', { mchId } = account) =>
    core.notifier.create(outTradeNo, 'http://shop', '<xml/>', { version: 'v2', kind, mchId })
  return { core, account, world, notice, forget: createForgetting(core, memory) }
}

const add = (account: Account, outTradeNo: string, tradeState: TradeState, expiresAt?: Date) => {
  account.orders.add({ version: 'v2', outTradeNo, tradeState, expiresAt, prepayId: `prepay-${outTradeNo}` } as Order)
  account.orders.indexPrepay(account.orders.find(outTradeNo)!)
}
const known = ({ orders }: Account) =>
  orders
    .list()
    .map(({ outTradeNo }) => outTradeNo)
    .join('')

t.test('the newest finished orders stay; nothing is dropped before there are twice as many', async (t) => {
  const { account, forget } = setup({ over: 2, unpaid: 10 })
  const seen = [...'abcdefg'].map((name) => {
    add(account, name, name === 'b' ? 'REFUND' : 'CLOSED')
    forget()
    return known(account)
  })
  t.same(seen, ['a', 'ab', 'abc', 'cd', 'cde', 'ef', 'efg'])
  t.equal(account.orders.findPrepay('prepay-a'), undefined)
  t.ok(account.orders.findPrepay('prepay-g'))
})

t.test('unpaid orders have a separate limit, until they expire', async (t) => {
  const { account, world, forget } = setup({ over: 1, unpaid: 3 })
  add(account, 'a', 'NOTPAY', new Date(NOON + 1000))
  for (const name of 'bcd') add(account, name, 'NOTPAY')
  forget()
  t.equal(known(account), 'bcd')
  for (const name of 'ef') add(account, name, 'SUCCESS')
  forget()
  t.equal(known(account), 'bcdef', 'the next time is when there are six')
  add(account, 'g', 'NOTPAY', new Date(NOON + 1000))
  await world.advance('1s')
  forget()
  t.equal(known(account), 'bcdg')
})

t.test('a crafted notification keeps its order only until it has been sent', async (t) => {
  const { account, notice, forget } = setup({ over: 1, unpaid: 1 })
  for (const name of 'abcd') add(account, name, 'SUCCESS')
  const [sent] = ['a', 'b'].map((name) => notice(name, 'crafted'))
  await sent!.deliver()
  t.equal(sent!.state, 'acked')
  forget()
  t.equal(known(account), 'bd')
})

t.test('a refused crafted notification does not keep its order either', async (t) => {
  const { core, account, notice, forget } = setup({ over: 1, unpaid: 1 }, REFUSAL)
  for (const name of 'abcd') add(account, name, 'SUCCESS')
  const [sent] = ['a', 'b'].map((name) => notice(name, 'crafted'))
  await sent!.deliver()
  t.equal(sent!.state, 'held', 'it can be sent again')
  forget()
  t.equal(known(account), 'bd')
  t.equal(core.notifier.find(sent!.id), undefined)
})

t.test('orders with pending events stay, with all their data', async (t) => {
  const { core, account, notice, forget } = setup({ over: 1, unpaid: 1 }, REFUSAL)
  for (const name of 'abcde') add(account, name, 'SUCCESS')
  for (const status of ['PROCESSING', 'SUCCESS'] as const) {
    const outTradeNo = status === 'PROCESSING' ? 'b' : 'a'
    account.refunds.add({
      outTradeNo,
      outRefundNo: `${outTradeNo}1`,
      refundId: `5${outTradeNo}`,
      ordinal: account.refunds.next(),
      status,
    } as Refund)
  }
  await core.notifier.start(notice('c'))
  notice('d')
  const cancelled = notice('a')
  cancelled.cancel()
  const fault = core.faults.set('orderquery', { kind: 'reset' }, { probability: 0 })
  for (const name of ['a', 'b', undefined]) core.faults.claim('orderquery', name)
  forget()
  t.equal(known(account), 'bcde')
  t.same(
    account.refunds.list().map(({ outRefundNo }) => outRefundNo),
    ['b1'],
  )
  t.equal(account.refunds.find('a1') ?? account.refunds.findId('5a'), undefined)
  t.same(account.refunds.ofOrder('a'), [])
  t.equal(account.refunds.next(), 2, 'the ordinals continue')
  t.same(
    core.notifier.list().map(({ id }) => id),
    ['c', 'd'],
  )
  t.match(core.faults.dump(), [{ options: { name: fault.name }, turns: { b: 1, '': 1 } }])
  t.notOk('a' in core.faults.dump()[0]!.turns)
  t.equal(notice('e').data.sequence, 3, 'and so does the order of creation')
})

t.test('a notification is dropped with its order, even if another merchant has the same number', async (t) => {
  const { core, account, world, notice, forget } = setup({ over: 1, unpaid: 1 })
  world.setMerchant('10000100')
  const other = core.accounts[1]!
  for (const [owner, name] of [
    [account, 'a'],
    [account, 'b'],
    [other, 'a'],
  ] as const) {
    add(owner, name, 'SUCCESS')
    notice(name, 'pay', owner).cancel()
  }
  forget()
  t.same([known(account), known(other)], ['b', 'a'])
  t.same(
    core.notifier.list().map(({ mchId, outTradeNo }) => [mchId, outTradeNo]),
    [
      [account.mchId, 'b'],
      ['10000100', 'a'],
    ],
  )
})

t.test('many remaining orders do not make dropping expensive', async (t) => {
  const { account, forget } = setup({ over: 1, unpaid: 1000 })
  let listed = 0
  const { list } = account.orders
  Object.assign(account.orders, {
    list: () => {
      listed++
      return list()
    },
  })
  for (let n = 0; n < 1000; n++) {
    add(account, `tea-${n}`, 'NOTPAY')
    forget()
  }
  t.equal(account.orders.count(), 1000)
  t.ok(listed < 12, `all orders were scanned ${listed} times`)
})

t.test('a world drops old orders automatically, and a dropped order is unknown', async (t) => {
  const { default: world } = await startMock(t, { world: { maxJournal: 2 } })
  const { notifyUrl } = await startShop(t)
  for (let n = 1; n <= 4; n++) {
    await placeOrder(world, notifyUrl, { out_trade_no: `tea-000${n}`, nonce_str: `n${n}` })
    await world.pay(`tea-000${n}`)
    await placeRefund(world, { out_trade_no: `tea-000${n}`, out_refund_no: `back-${n}` })
    await world.settleRefund(`back-${n}`, 'SUCCESS')
  }
  const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.match(fields, { result_code: 'FAIL', err_code: 'ORDERNOTEXIST' })
  t.same(
    world.orders().map(({ outTradeNo }) => outTradeNo),
    ['tea-0002', 'tea-0003', 'tea-0004'],
  )
  t.same(
    world.refunds().map(({ outRefundNo }) => outRefundNo),
    ['back-2', 'back-3', 'back-4'],
  )
  t.same(
    new Set(world.notifications().map(({ outTradeNo }) => outTradeNo)),
    new Set(['tea-0002', 'tea-0003', 'tea-0004']),
  )
  t.throws(() => world.order('tea-0001'), { code: 'UNKNOWN_ORDER' })
  t.equal(world.deliveries().length, 2)
})

// A busy machine must not cause a failure, neither here nor in an advance.
t.setTimeout(600_000)
const PATIENT = { realTimeoutMs: 300_000 }

const GAPS = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600]
/** Seconds from the payment to each send. */
const SENDS = GAPS.reduce((sends, gap) => [...sends, sends.at(-1)! + gap], [0])
const WHOLE_S = SENDS.at(-1)!

/** Random steps that add up to 24 h 4 min. */
function* steps(draw: () => number): Generator<number> {
  let left = WHOLE_S * 1000
  while (left > 0) {
    const step = Math.min(left, Math.floor(draw() * WHOLE_S * 250))
    yield step
    left -= step
  }
}

/**
 * Many worlds at once, each with one paid order. The application takes its time, asks WeChat inside its notify handler, and
 * first acknowledges at the world's own attempt: 0 … 15, or never. Gives every delivery of every world.
 */
async function run(t: Test, count: number, latencies: string): Promise<string[][]> {
  const random = createRandom(latencies)
  let drawn = 0
  const draw = () => random.fraction(drawn++)
  const mock = await startMock(t)
  const worlds = Array.from({ length: count }, (_, n) =>
    mock.world({ id: `shop-${n}`, seed: n, startTime: NOON, ackTimeoutMs: 60_000 }),
  )
  const notified = new Map<World, number>()
  const shop = await startShop(t, async ({ url }) => {
    const n = Number(url!.split('-')[1])
    const world = worlds[n]!
    const attempt = notified.get(world) ?? 0
    notified.set(world, attempt + 1)
    await pause(draw() * 4)
    const { fields } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
    await pause(draw() * 4)
    return fields.trade_state === 'SUCCESS' && attempt >= n % 17 ? ACK : REFUSAL
  })
  await Promise.all(
    worlds.map(async (world) => {
      await pause(draw() * 20)
      await placeOrder(world, `${shop.notifyUrl}/${world.id}`)
      await world.pay('tea-0001')
      for (const step of steps(draw)) await world.advance(step, PATIENT)
    }),
  )
  return worlds.map((world) =>
    world
      .deliveries()
      .map(
        ({ id, attempt, sentAt, verdict, request }) =>
          `${id} #${attempt} +${(sentAt.getTime() - NOON) / 1000} s ${verdict} ${request.body}`,
      ),
  )
}

const COUNT = size(34, 300)
t.test(`${COUNT} worlds at once: the same deliveries on every run, whatever the interleaving`, async (t) => {
  const first = await run(t, COUNT, 'some')
  for (const [n, deliveries] of first.entries()) {
    const sends = SENDS.slice(0, (n % 17) + 1)
    const expected = sends.map(
      (second, attempt) => `d${attempt + 1} #${attempt} +${second} s ${attempt === n % 17 ? 'acked' : 'fail_xml'}`,
    )
    t.same(
      deliveries.map((delivery) => delivery.split(' <xml>')[0]),
      expected,
      `world ${n}`,
    )
  }
  t.equal(
    new Set(first.flat().map((delivery) => delivery.split(' <xml>')[1])).size,
    COUNT,
    'one notification each, the same bytes every time',
  )
  t.equal(JSON.stringify(await run(t, COUNT, 'others')), JSON.stringify(first), 'other latencies, another interleaving')
})

const ORDERS = size(50, 1000)
t.test(`24 h 4 min over ${ORDERS} unacknowledged orders: exactly ${16 * ORDERS} real POSTs`, async (t) => {
  const { default: world } = await startMock(t)
  const posts = new Map<string, number>()
  const shop = await startShop(t, ({ body }) => {
    const number = /<out_trade_no><!\[CDATA\[(.*?)\]\]>/.exec(body)![1]!
    posts.set(number, (posts.get(number) ?? 0) + 1)
    return REFUSAL
  })
  const numbers = Array.from({ length: ORDERS }, (_, n) => `order-${n}`)
  for (const number of numbers) {
    await placeOrder(world, shop.notifyUrl, { out_trade_no: number })
    await world.pay(number)
  }
  const { deliveries, remainingTimers, to } = await world.advance('24h4m', PATIENT)
  t.equal(deliveries.length, 15 * ORDERS)
  t.equal(shop.received.length, 16 * ORDERS)
  t.same([...posts.values()], Array(ORDERS).fill(16))
  t.same(remainingTimers, [])
  t.same(to, new Date(NOON + WHOLE_S * 1000))
  t.same(
    world.notifications().map(({ state }) => state),
    Array(ORDERS).fill('exhausted'),
  )
  const expected = SENDS.slice(1).flatMap((second) => numbers.map((number) => `${number} +${second} s`))
  const made = deliveries.map(({ outTradeNo, sentAt }) => `${outTradeNo} +${(sentAt.getTime() - NOON) / 1000} s`)
  t.equal(made.join(), expected.join(), 'those of one moment are in the order of payment')
})
