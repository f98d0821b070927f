import t from 'tap'
import { createDeliveryLog } from '../../mock-server/delivery-log.ts'
import type { Delivery } from '../../mock-server/notification.ts'

const delivery = (id: string) => ({ id }) as Delivery
const ids = (deliveries: readonly Delivery[]) => deliveries.map(({ id }) => id)

t.test('in the order of sending, whatever the order of judging', async (t) => {
  const log = createDeliveryLog(10)
  const places = [log.take(), log.take(), log.take()]
  t.same(places, [0, 1, 2])
  for (const place of [2, 0]) log.fill(place, delivery(`d${place}`))
  t.same(ids(log.list()), ['d0', 'd2'], 'only what is judged')
  log.fill(1, delivery('d1'))
  t.same(ids(log.list()), ['d0', 'd1', 'd2'])
})

t.test('it keeps the newest; a collection keeps all of its time', async (t) => {
  const log = createDeliveryLog(3)
  const add = () => {
    const place = log.take()
    log.fill(place, delivery(`d${place}`))
  }
  const before = log.take()
  const collected = log.collect()
  for (let n = 1; n <= 10; n++) {
    add()
    t.equal(log.list().length, Math.min(n, 3))
  }
  log.fill(before, delivery('sent before'))
  t.same(
    ids(collected()),
    ['sent before', ...Array.from({ length: 10 }, (_, n) => `d${n + 1}`)],
    'also what was under way',
  )
  add()
  t.same(ids(log.list()).at(-1), 'd11')
})

t.test('it goes into a snapshot and comes back', async (t) => {
  const log = createDeliveryLog(3)
  for (let n = 0; n < 5; n++) log.fill(log.take(), delivery(`d${n}`))
  const dump = log.dump()
  t.match(dump, { taken: 5, deliveries: [{ id: 'd2' }, { id: 'd3' }, { id: 'd4' }] })
  const other = createDeliveryLog(3)
  other.load(dump)
  t.equal(other.take(), 5)
  other.fill(5, delivery('d5'))
  t.same(ids(other.list()), ['d3', 'd4', 'd5'])
})

t.test('a number that was taken is not taken again after a dump has come back', async (t) => {
  const log = createDeliveryLog(3)
  log.fill(log.take(), delivery('d1'))
  const dump = log.dump()
  log.fill(log.take(), delivery('d2'))
  log.load(dump)
  t.same(ids(log.list()), ['d1'])
  t.equal(log.take(), 2)
})
