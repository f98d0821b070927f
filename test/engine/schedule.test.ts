import t from 'tap'
import { furthest, isDue, nextDue } from '../../src/engine/schedule.ts'
import type { Order, OrderState } from '../../src/model.ts'
import { at, HOUR, MINUTE, newOrder, paymentOf, SECOND, T0 } from './helpers.ts'

const paid = { payment: paymentOf(newOrder()) }

t.test('an open order is due at the times of the query plan, and finally when it expires', async (t) => {
  const times = (order: Order) => {
    const found: number[] = []
    let now = order.createdAt
    while (now < order.expiresAt) {
      now = nextDue(order, now, now)!
      found.push((now.getTime() - order.createdAt.getTime()) / SECOND)
    }
    return found
  }
  const plans: [OrderState, ttl: number, seconds: number[]][] = [
    ['prepaid', 2 * HOUR, [5, 30, 60, 180, 300, 600, 1800, 7200]],
    ['unknown', 2 * HOUR, [5, 30, 60, 180, 300, 600, 1800, 7200]],
    ['created', 2 * HOUR, [5, 30, 60, 180, 300, 600, 1800, 7200]],
    ['prepaid', 5 * MINUTE, [5, 30, 60, 180, 300]],
    ['prepaid', 2 * MINUTE, [5, 30, 60, 120]],
  ]
  for (const [state, ttl, seconds] of plans) {
    t.same(times(newOrder({ state, expiresAt: at(ttl) })), seconds, `${state}, ${ttl / MINUTE} min`)
  }
  t.same(
    nextDue(newOrder({ state: 'prepaid', expiresAt: at(MINUTE) }), at(HOUR), at(HOUR)),
    at(HOUR + 30 * SECOND),
    'an expired order is due for closing',
  )
})

t.test('failed work is retried after growing waits', async (t) => {
  const waits = (part: Partial<Order>) =>
    [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 5000].map(
      (attempts) => (nextDue(newOrder({ ...paid, ...part, attempts }), T0, T0)!.getTime() - T0.getTime()) / SECOND,
    )
  t.same(waits({ state: 'paid', fulfilment: 'due' }), [0, 5, 10, 20, 40, 80, 640, 1280, 1800, 1800, 1800], 'onPaid')
  t.same(
    waits({ state: 'closing' }),
    [30, 30, 30, 30, 40, 80, 640, 1280, 1800, 1800, 1800],
    'a close whose calls may be in progress',
  )
})

t.test('a finished order is not due, unless onPaid is', async (t) => {
  for (const state of ['paid', 'closed', 'failed'] as const) t.equal(nextDue(newOrder({ state }), T0, T0), null, state)
})

const DAY = 24 * HOUR

for (const [clock, ms] of [
  ['90 seconds ahead', 90 * SECOND],
  ['90 seconds behind', -90 * SECOND],
  ['an hour ahead', HOUR],
  ['an hour behind', -HOUR],
  ['years ahead', 3650 * DAY],
] as const) {
  t.test(`a process whose clock is ${clock} queries and closes an order by WeChat's time`, async (t) => {
    const order = newOrder({ state: 'prepaid' })
    for (const age of [0, 10 * SECOND, 10 * MINUTE, HOUR, 3 * HOUR]) {
      const ours = at(age + ms)
      t.equal(
        nextDue(order, ours, at(age))!.getTime() - ours.getTime(),
        nextDue(order, at(age), at(age))!.getTime() - at(age).getTime(),
        'the wait is the same',
      )
    }
  })
}

t.test('an order created in the future is queried soon', async (t) => {
  for (const [ahead, wait] of [
    [SECOND, 6 * SECOND],
    [90 * SECOND, 95 * SECOND],
    [HOUR, 5 * MINUTE],
    [3650 * DAY, 5 * MINUTE],
  ] as const) {
    const order = newOrder({ state: 'prepaid', createdAt: at(ahead), expiresAt: at(ahead + 2 * HOUR) })
    t.same(nextDue(order, T0, T0), at(wait))
  }
})

t.test('a due time too far in the future was set by a fast clock, so the order is due now', async (t) => {
  for (const [when, expected] of [
    [-HOUR, true],
    [0, true],
    [1, false],
    [30 * MINUTE, false],
    [35 * MINUTE, false],
    [35 * MINUTE + 1, true],
    [3650 * DAY, true],
  ] as const) {
    t.equal(isDue(at(when), T0), expected, `${when} ms`)
  }
  t.equal(isDue(null, T0), false)
  t.same([furthest(T0), furthest(T0, HOUR)], [at(35 * MINUTE), at(65 * MINUTE)], 'a longer lease moves the limit')
})
