import t from 'tap'
import { createRandom } from '../../mock-server/random.ts'
import { TimerHeap, type Timer } from '../../mock-server/timers.ts'

const timer = (due: number, sequence: number): Timer => ({
  due,
  sequence,
  what: `${due}/${sequence}`,
  run: async () => {},
})

function drain(heap: TimerHeap, limit = Infinity): string[] {
  const popped: string[] = []
  for (let next = heap.popDue(limit); next; next = heap.popDue(limit)) popped.push(next.what)
  return popped
}

t.test('what is equal to the sequence comes in the order of its tie', async (t) => {
  const heap = new TimerHeap()
  for (const tie of [2, 0, 1]) heap.push({ ...timer(1, 1), what: String(tie), ...(tie > 0 && { tie }) })
  t.same(drain(heap), ['0', '1', '2'])
})

t.test('timers come out by due time, then by sequence, whatever the order they went in', async (t) => {
  const random = createRandom('heap')
  const timers = Array.from({ length: 300 }, (_, n) => timer(Number(random.digits(2, 'due', n)), n))
  const expected = timers.toSorted((a, b) => a.due - b.due || a.sequence - b.sequence).map(({ what }) => what)
  for (const shuffle of ['one', 'two', 'three']) {
    const heap = new TimerHeap()
    for (const one of timers.toSorted((a, b) =>
      random.hex(8, shuffle, a.what) < random.hex(8, shuffle, b.what) ? -1 : 1,
    )) {
      heap.push(one)
    }
    t.same(
      heap.list().map(({ what }) => what),
      expected,
    )
    t.same(drain(heap), expected)
  }
})

t.test('only what is due by the limit comes out', async (t) => {
  const heap = new TimerHeap()
  for (const due of [30, 10, 20]) heap.push(timer(due, 0))
  t.same(drain(heap, 20), ['10/0', '20/0'])
  t.same(drain(heap, 29), [])
  t.same(drain(heap, 30), ['30/0'])
})

t.test('a cancelled timer is neither listed nor run', async (t) => {
  const heap = new TimerHeap()
  const [one, two] = [timer(10, 0), timer(20, 0)]
  heap.push(one)
  heap.push(two)
  heap.cancel(one)
  t.same(heap.list(), [two])
  t.same(drain(heap), ['20/0'])
  for (const past of [one, two]) heap.cancel(past)
  heap.push(two)
  t.same(drain(heap), ['20/0'], 'one that has run is not remembered as cancelled')
})
