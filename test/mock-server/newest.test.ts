import t from 'tap'
import { keepNewest } from '../../mock-server/newest.ts'

t.test('at twice the limit the oldest go, in one block', async (t) => {
  for (const make of [
    (names: string[]) => new Set(names),
    (names: string[]) => new Map(names.map((name) => [name, 1])),
  ]) {
    const kept = (names: string[], limit: number) => {
      const index = make(names)
      keepNewest(index, limit)
      return [...index.keys()].join('')
    }
    t.equal(kept(['a', 'b', 'c'], 2), 'abc')
    t.equal(kept(['a', 'b', 'c', 'd'], 2), 'cd')
    t.equal(kept(['a', 'b'], 1), 'b')
    t.equal(kept(['a'], 100), 'a')
  }
})
