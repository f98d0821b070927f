import t from 'tap'
import { codec } from '../../../src/store/sql/codec.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import { ANOMALY, HISTORY, ORDER, REFUND, SESSION } from '../../../src/store/sql/fields.ts'
import type { Fields } from '../../../src/store/sql/fields.ts'
import { schema } from '../../../src/store/sql/schema/schema.ts'
import { sqliteFile } from '../databases.ts'

/** Columns without a property, in SQLite's description of a table, with whether they may be NULL. */
const OWN: Record<string, string[]> = { history: ['id'], trades: ['history'] }

const db = sqliteFile(':memory:', t)
for (const sql of schema('sqlite')) db.exec(sql)

for (const [name, fields] of Object.entries({
  trades: ORDER,
  refunds: REFUND,
  history: HISTORY,
  anomalies: ANOMALY,
  sessions: SESSION,
})) {
  t.test(`${name}: each column has a property, and may be NULL if the property may be empty`, async (t) => {
    const columns = db.pragma(`table_info(wechat_${name})`) as { name: string; notnull: number }[]
    const made = columns
      .filter(({ name: column }) => !OWN[name]?.includes(column))
      .map(({ name, notnull }) => [name, notnull === 0])
    const single = Object.values(fields).flatMap((field) =>
      typeof field.column === 'string' ? [field] : Object.values<{ column: string }>(field),
    )
    t.same(
      codec(fields as Fields<unknown>, DIALECTS.sqlite, '').columns,
      single.map(({ column }) => column),
    )
    t.same(made.sort(), single.map((field) => [field.column, 'empty' in field]).sort())
  })
}
