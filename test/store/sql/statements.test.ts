import t from 'tap'
import type { Codec } from '../../../src/store/sql/codec.ts'
import { insert, joined, update } from '../../../src/store/sql/statements.ts'

interface Point {
  x: number
  y: number
}

const point: Codec<Point> = {
  columns: ['x', 'y'],
  places: ['?::bigint', '?'],
  selection: 'x, y',
  write: ({ x, y }) => [x, y],
  read: ({ x, y }) => ({ x: Number(x), y: Number(y) }),
}

t.test('insert adds any number of rows in one statement', async (t) => {
  t.equal(insert('points', point, []), undefined)
  t.same(
    insert('points', point, [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ]),
    { sql: 'insert into points (x, y) values (?::bigint, ?), (?::bigint, ?)', values: [1, 2, 3, 4] },
  )
})

t.test('update sets only what differs', async (t) => {
  const before = { x: 1, y: 2 }
  t.equal(update('points', point, before, { ...before }, 'id = ?', ['a']), undefined)
  t.same(update('points', point, before, { x: 1, y: 5 }, 'id = ?', ['a']), {
    sql: 'update points set y = ? where id = ?',
    values: [5, 'a'],
  })
})

t.test('joined combines several statements into one, with their values in order', async (t) => {
  const [one, two, three] = ['one', 'two', 'three'].map((sql, n) => ({ sql, values: [n] })) as [any, any, any]
  t.same(joined([]), [])
  t.same(joined([one]), [one])
  t.same(joined([one, two, three]), [{ sql: 'with step_0 as (one), step_1 as (two) three', values: [0, 1, 2] }])
})
