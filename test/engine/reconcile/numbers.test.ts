import { randomInt } from 'node:crypto'
import t from 'tap'
import { firstNumberAt, isOurs, newOutTradeNo } from '../../../src/engine/reconcile/numbers.ts'

t.test('an order number contains the time it was made, in GMT+8, and is unique', async (t) => {
  const at = new Date('2026-01-31T16:00:00.999Z')
  const numbers = Array.from({ length: 1000 }, () => newOutTradeNo(at, randomInt))
  t.equal(new Set(numbers).size, 1000)
  for (const number of numbers) t.match(number, /^20260201000000[0-9A-Za-z]{14}$/)
  t.ok(numbers.every(isOurs))
})

t.test('order numbers sort by time', async (t) => {
  const midnight = new Date('2026-01-31T16:00:00Z')
  const first = firstNumberAt(midnight)
  t.ok(newOutTradeNo(new Date(midnight.getTime() - 1), randomInt) < first)
  t.ok(newOutTradeNo(midnight, randomInt) > first)
})

t.test("another system's number is not ours", async (t) => {
  for (const number of ['order-1', '20260201000000', '20260201000000abcdefghijklmn-1', '4200000001', '']) {
    t.notOk(isOurs(number), number)
  }
})
