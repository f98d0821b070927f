import t from 'tap'
import { createTalks } from '../../src/engine/asking.ts'
import type { Order } from '../../src/model.ts'
import { at, closed, errors, HOUR, MINUTE, newOrder, ordered, paymentOf, scenario, SECOND } from './helpers.ts'
import type { Rig } from './helpers.ts'

const NOTPAY = { tradeState: 'NOTPAY' } as const

/** What two hundred clients get when they all do the same thing at the same moment. */
async function crowd(act: () => Promise<Order | undefined>): Promise<unknown[]> {
  const results = await Promise.allSettled(Array.from({ length: 200 }, act))
  return [
    ...new Set(
      results.map((result) =>
        result.status === 'fulfilled' ? result.value!.state : (result.reason as { code: string }).code,
      ),
    ),
  ]
}

const look = async ({ orders }: Rig) => await orders.look((await orders.get('order-1'))!)
const cancel = async ({ orders }: Rig) => await orders.cancel('order-1')

scenario(
  '200 simultaneous looks query WeChat once, and 200 more within two seconds do not query at all',
  async (t, rig) => {
    await ordered(rig)
    rig.pay.expect(['query', NOTPAY])
    t.same(await crowd(() => look(rig)), ['prepaid'])
    rig.advance(2 * SECOND - 1)
    t.same(await crowd(() => look(rig)), ['prepaid'])
    rig.advance(1)
    rig.pay.expect(['query', { tradeState: 'SUCCESS', payment: paymentOf(newOrder({ outTradeNo: 'order-1' })) }])
    t.same(await crowd(() => look(rig)), ['paid'])
  },
)

scenario(
  'a look at a paid order queries WeChat every five minutes, for refunds made elsewhere; a closed order is never queried',
  async (t, rig) => {
    const order = await ordered(rig)
    const payment = paymentOf(order)
    await rig.orders.observePayment('notify', payment)
    const asked = () => rig.pay.asked.filter((call) => call.startsWith('query')).length
    for (const [ms, questions] of [
      [0, 0],
      [5 * MINUTE - 1, 0],
      [1, 1],
      [5 * MINUTE - 1, 1],
      [1, 2],
      [HOUR, 3],
    ] as const) {
      rig.advance(ms)
      if (questions > asked()) rig.pay.expect(['query', { tradeState: 'SUCCESS', payment }])
      t.same(await crowd(() => look(rig)), ['paid'])
      t.equal(asked(), questions)
    }
    const over = await closed(rig, { key: 'cart-2' })
    const before = asked()
    rig.advance(HOUR)
    t.match(await rig.orders.look(over), { state: 'closed' })
    t.equal(asked(), before)
  },
)

scenario('a payment or query dated in the future does not block the next query', async (t, rig) => {
  const order = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf(order, { paidAt: at(HOUR) }))
  rig.pay.expect(['query', errors.timeout()])
  await t.rejects(look(rig), { code: 'WECHAT_TIMEOUT' })
  t.match(await look(rig), { state: 'paid', queriedAt: rig.now() }, 'the time of the query was recorded')
})

scenario(
  '200 simultaneous cancels talk to WeChat once, and 200 more on the closed order not at all',
  async (t, rig) => {
    await ordered(rig)
    rig.pay.expect(['query', NOTPAY], ['close', 'closed'])
    t.same(await crowd(() => cancel(rig)), ['closed'])
    const lines = (await rig.orders.history('order-1')).length
    rig.advance(HOUR)
    t.same(await crowd(() => cancel(rig)), ['closed'])
    t.equal((await rig.orders.history('order-1')).length, lines, 'history does not grow either')
  },
)

scenario('a failed close is retried at most every two seconds, however many callers ask for it', async (t, rig) => {
  await ordered(rig)
  for (let round = 0; round < 3; round++) {
    rig.pay.expect(['query', NOTPAY], ['close', errors.timeout()])
    t.same(await crowd(() => cancel(rig)), ['WECHAT_TIMEOUT'], 'every caller sees that it failed')
    t.same(await crowd(() => cancel(rig)), ['closing'], 'later callers see that it is in progress')
    rig.advance(2 * SECOND)
  }
})

scenario('a recent look does not suppress a cancel', async (t, rig) => {
  await ordered(rig)
  rig.pay.expect(['query', NOTPAY])
  await look(rig)
  rig.pay.expect(['query', NOTPAY], ['close', 'closed'])
  t.hasStrict(await cancel(rig), { state: 'closed' })
})

for (const [when, queriedAt, asks] of [
  ['never', undefined, true],
  ['a moment ago', at(-2 * SECOND + 1), false],
  ['now', at(0), false],
  ['two seconds ago', at(-2 * SECOND), true],
  ['by a clock that was 90 seconds ahead', at(90 * SECOND), true],
  ['before the clock was set back by an hour', at(HOUR), true],
] as const) {
  scenario(`an order last queried ${when} ${asks ? 'is queried' : 'is not queried'}`, async (t, rig) => {
    const order = newOrder({ outTradeNo: 'order-1', state: 'prepaid', queriedAt, dueAt: at(HOUR) })
    await rig.store.insertOrder({ order, history: [], anomalies: [] })
    if (asks) rig.pay.expect(['query', NOTPAY])
    await look(rig)
    await look(rig)
    t.hasStrict(await rig.orders.get('order-1'), { queriedAt: asks ? at(0) : queriedAt })
    t.same(await rig.orders.look(order), order, 'only once, whatever clock values other processes write into its row')
  })
}

scenario('an order of another account is not queried', async (t, rig) => {
  await t.rejects(rig.orders.look(newOrder({ mchId: '1900000000' })), { code: 'WECHAT_ORDER_CONFLICT' })
  const { outTradeNo } = await closed(rig)
  t.hasStrict(await rig.orders.cancel(outTradeNo), { state: 'closed' })
})

t.test('conversations forget an order as soon as possible', async (t) => {
  let now = at(0)
  let talked = 0
  const talks = createTalks(2 * SECOND, () => now)
  const talk = async () => {
    talked++
    return newOrder()
  }
  for (let n = 0; n < 1000; n++) {
    await talks.join(`order-${n}`, talk)
    t.ok(talks.size <= 2)
    now = new Date(now.getTime() + SECOND)
  }
  t.equal(talked, 1000)
  t.equal(await talks.join('order-999', talk), undefined)
  t.ok(await talks.join('order-999', talk, true), 'an urgent conversation starts at once')
})
