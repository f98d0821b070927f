import t from 'tap'
import { codec } from '../../../src/store/sql/codec.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import type { Fields } from '../../../src/store/sql/fields.ts'

interface Cup {
  id: string
  price: number
  madeAt: Date
  soldAt: Date | null
  label?: string | undefined
  refills: readonly string[]
  owner?: { name: string; since?: Date | undefined } | undefined
}

const CUP: Fields<Cup> = {
  id: { column: 'id', kind: 'key' },
  price: { column: 'price', kind: 'integer' },
  madeAt: { column: 'made_at', kind: 'time' },
  soldAt: { column: 'sold_at', kind: 'time', empty: null },
  label: { column: 'label', kind: 'text', empty: undefined },
  refills: { column: 'refill_count', kind: 'count' },
  owner: {
    name: { column: 'owner', kind: 'name', empty: undefined },
    since: { column: 'owner_since', kind: 'time', empty: undefined },
  },
}

const at = new Date('2026-02-28T15:59:59.999Z')
const ms = at.getTime()
const bare: Cup = { id: 'a', price: 1250, madeAt: at, soldAt: null, label: undefined, refills: [] }
const full: Cup = {
  id: 'b',
  price: Number.MAX_SAFE_INTEGER,
  madeAt: at,
  soldAt: at,
  label: '',
  refills: [],
  owner: { name: 'o', since: at },
}

const row = codec(CUP, DIALECTS.sqlite, 'cups')

t.test('there is a column for each property, including those of groups', async (t) => {
  t.same(row.columns, ['id', 'price', 'made_at', 'sold_at', 'label', 'refill_count', 'owner', 'owner_since'])
  t.equal(row.places.length, row.columns.length)
  t.equal(row.selection, row.columns.map((column) => `cups.${column} as ${column}`).join(', '))
})

t.test('absent values are written as NULL, and are absent again when read', async (t) => {
  const values = ['a', 1250, ms, null, null, 0, null, null]
  t.same(row.write(bare), values)
  t.strictSame(row.read(Object.fromEntries(values.map((value, n) => [row.columns[n], value]))), bare)
})

t.test('values are read back unchanged, in any form in which drivers return integers', async (t) => {
  const values = ['b', Number.MAX_SAFE_INTEGER, ms, ms, '', 0, 'o', ms]
  t.same(row.write(full), values)
  for (const integer of [Number, String, BigInt]) {
    t.strictSame(
      row.read(
        Object.fromEntries(
          values.map((value, n) => [row.columns[n], typeof value === 'number' ? integer(value) : value]),
        ),
      ),
      full,
      integer.name,
    )
  }
})

t.test('for a group with its own table only the number is written', async (t) => {
  t.equal(row.write({ ...bare, refills: ['one', 'two'] })[5], 2)
})
