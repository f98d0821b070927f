import t from 'tap'
import type { WorldCore } from '../../mock-server/core.ts'
import { createForgetting, type Memory } from '../../mock-server/forgetting.ts'
import type { Order, TradeState } from '../../mock-server/orders.ts'
import type { Refund } from '../../mock-server/refunds.ts'
import { createWorld } from '../../mock-server/world.ts'
import { ACK, callPay, NOON, placeOrder, placeRefund, REFUSAL, startMock, startShop } from './helpers.ts'

/** The inside of a world whose merchant answers `reply`, and its memory. */
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
      names: { checkFree: () => {}, claim: () => {} },
      remove: () => {},
    },
    { startTime: NOON },
  )
  return { core, world, forget: createForgetting(core, memory) }
}

const add = (side: WorldCore, outTradeNo: string, tradeState: TradeState, expiresAt?: Date) => {
  side.orders.add({ outTradeNo, tradeState, expiresAt, prepayId: `prepay-${outTradeNo}` } as Order)
  side.orders.indexPrepay(side.orders.find(outTradeNo)!)
}
const known = ({ orders }: WorldCore) =>
  orders
    .list()
    .map(({ outTradeNo }) => outTradeNo)
    .join('')

t.test('the newest orders that are over stay; nothing happens before there are twice as many', async (t) => {
  const { core, forget } = setup({ over: 2, unpaid: 10 })
  const seen = [...'abcdefg'].map((name) => {
    add(core, name, name === 'b' ? 'REFUND' : 'CLOSED')
    forget()
    return known(core)
  })
  t.same(seen, ['a', 'ab', 'abc', 'cd', 'cde', 'ef', 'efg'])
  t.equal(core.orders.findPrepay('prepay-a'), undefined)
  t.ok(core.orders.findPrepay('prepay-g'))
})

t.test('unpaid ones have a memory of their own, until their time is over', async (t) => {
  const { core, world, forget } = setup({ over: 1, unpaid: 3 })
  add(core, 'a', 'NOTPAY', new Date(NOON + 1000))
  for (const name of 'bcd') add(core, name, 'NOTPAY')
  forget()
  t.equal(known(core), 'bcd')
  for (const name of 'ef') add(core, name, 'SUCCESS')
  forget()
  t.equal(known(core), 'bcdef', 'the next time is when there are six')
  add(core, 'g', 'NOTPAY', new Date(NOON + 1000))
  await world.advance('1s')
  forget()
  t.equal(known(core), 'bcdg')
})

t.test('a forgery keeps its order only until it has been sent', async (t) => {
  const { core, forget } = setup({ over: 1, unpaid: 1 })
  for (const name of 'abcd') add(core, name, 'SUCCESS')
  const [sent] = ['a', 'b'].map((name) => core.notifier.create(name, 'http://shop', '<xml/>', { kind: 'crafted' }))
  await sent!.deliver()
  t.equal(sent!.state, 'acked')
  forget()
  t.equal(known(core), 'bd')
})

t.test('a forgery that was refused does not keep its order either', async (t) => {
  const { core, forget } = setup({ over: 1, unpaid: 1 }, REFUSAL)
  for (const name of 'abcd') add(core, name, 'SUCCESS')
  const [sent] = ['a', 'b'].map((name) => core.notifier.create(name, 'http://shop', '<xml/>', { kind: 'crafted' }))
  await sent!.deliver()
  t.equal(sent!.state, 'held', 'it can be sent again')
  forget()
  t.equal(known(core), 'bd')
  t.equal(core.notifier.find(sent!.id), undefined)
})

t.test('orders about which something is still to happen stay, with all that is known of them', async (t) => {
  const { core, forget } = setup({ over: 1, unpaid: 1 }, REFUSAL)
  for (const name of 'abcde') add(core, name, 'SUCCESS')
  for (const status of ['PROCESSING', 'SUCCESS'] as const) {
    const outTradeNo = status === 'PROCESSING' ? 'b' : 'a'
    core.refunds.add({
      outTradeNo,
      outRefundNo: `${outTradeNo}1`,
      refundId: `5${outTradeNo}`,
      ordinal: core.refunds.next(),
      status,
    } as Refund)
  }
  await core.notifier.start(core.notifier.create('c', 'http://shop', '<xml/>'))
  core.notifier.create('d', 'http://shop', '<xml/>')
  const cancelled = core.notifier.create('a', 'http://shop', '<xml/>')
  cancelled.cancel()
  const fault = core.faults.set('orderquery', { kind: 'reset' }, { probability: 0 })
  for (const name of ['a', 'b', undefined]) core.faults.claim('orderquery', name)
  forget()
  t.equal(known(core), 'bcde')
  t.same(
    core.refunds.list().map(({ outRefundNo }) => outRefundNo),
    ['b1'],
  )
  t.equal(core.refunds.find('a1') ?? core.refunds.findId('5a'), undefined)
  t.same(core.refunds.ofOrder('a'), [])
  t.equal(core.refunds.next(), 2, 'the ordinals go on')
  t.same(
    core.notifier.list().map(({ id }) => id),
    ['c', 'd'],
  )
  t.match(core.faults.dump(), [{ options: { name: fault.name }, turns: { b: 1, '': 1 } }])
  t.notOk('a' in core.faults.dump()[0]!.turns)
  t.equal(core.notifier.create('e', 'http://shop', '').data.sequence, 3, 'and so does the order of creation')
})

t.test('the sandbox counts, and keeps what the other side has forgotten', async (t) => {
  const { core, forget } = setup({ over: 1, unpaid: 1 })
  add(core, 'a', 'CLOSED')
  add(core, 'b', 'CLOSED')
  add(core.sandbox(), 'a', 'CLOSED')
  core.notifier.create('a', 'http://shop', '<xml/>').cancel()
  forget()
  t.same([known(core), known(core.sandbox())], ['b', 'a'])
  t.ok(core.notifier.find('a'))
})

t.test('a notification goes with its order, also while another merchant has the number', async (t) => {
  const { core, world, forget } = setup({ over: 1, unpaid: 1 })
  world.merchant('10000100')
  const other = core.merchants()[1]!
  for (const [side, name] of [
    [core, 'a'],
    [core, 'b'],
    [other, 'a'],
  ] as const) {
    add(side, name, 'SUCCESS')
    core.notifier.create(name, 'http://shop', '<xml/>', { kind: 'pay', mchId: side.credentials.mchId }).cancel()
  }
  forget()
  t.same([known(core), known(other)], ['b', 'a'])
  t.same(
    core.notifier.list().map(({ mchId, outTradeNo }) => [mchId, outTradeNo]),
    [
      [core.credentials.mchId, 'b'],
      ['10000100', 'a'],
    ],
  )
})

t.test('many that stay do not make the others expensive', async (t) => {
  const { core, forget } = setup({ over: 1, unpaid: 1000 })
  let listed = 0
  const { list } = core.orders
  Object.assign(core.orders, {
    list: () => {
      listed++
      return list()
    },
  })
  for (let n = 0; n < 1000; n++) {
    add(core, `tea-${n}`, 'NOTPAY')
    forget()
  }
  t.equal(core.orders.count(), 1000)
  t.ok(listed < 12, `${listed} times all orders were looked at`)
})

t.test('a world forgets by itself, and an order that is forgotten is unknown', async (t) => {
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
