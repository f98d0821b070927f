import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { World } from '../../mock-server/index.ts'
import { createRandom } from '../../mock-server/random.ts'
import { ACK, callPay, NOON, placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

// A busy machine is no reason to fail: neither here nor in an advance.
t.setTimeout(600_000)
const PATIENT = { realTimeoutMs: 300_000 }

const GAPS = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600]
/** Seconds from the payment to each send. */
const SENDS = GAPS.reduce((sends, gap) => [...sends, sends.at(-1)! + gap], [0])
const WHOLE_S = SENDS.at(-1)!

/** Steps that make 24 h 4 min together, different ones from run to run. */
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

t.test('300 worlds at once: the same deliveries on every run, whatever the interleaving', async (t) => {
  const COUNT = 300
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

t.test('24 h 4 min over 1,000 orders that nobody acknowledges: exactly 16,000 real POSTs', async (t) => {
  const { default: world } = await startMock(t)
  const posts = new Map<string, number>()
  const shop = await startShop(t, ({ body }) => {
    const number = /<out_trade_no><!\[CDATA\[(.*?)\]\]>/.exec(body)![1]!
    posts.set(number, (posts.get(number) ?? 0) + 1)
    return REFUSAL
  })
  const numbers = Array.from({ length: 1000 }, (_, n) => `order-${n}`)
  for (const number of numbers) {
    await placeOrder(world, shop.notifyUrl, { out_trade_no: number })
    await world.pay(number)
  }
  const { deliveries, remainingTimers, to } = await world.advance('24h4m', PATIENT)
  t.equal(deliveries.length, 15_000)
  t.equal(shop.received.length, 16_000)
  t.same([...posts.values()], Array(1000).fill(16))
  t.same(remainingTimers, [])
  t.same(to, new Date(NOON + WHOLE_S * 1000))
  t.same(
    world.notifications().map(({ state }) => state),
    Array(1000).fill('exhausted'),
  )
  const expected = SENDS.slice(1).flatMap((second) => numbers.map((number) => `${number} +${second} s`))
  const made = deliveries.map(({ outTradeNo, sentAt }) => `${outTradeNo} +${(sentAt.getTime() - NOON) / 1000} s`)
  t.equal(made.join(), expected.join(), 'those of one moment in the order of payment')
})
