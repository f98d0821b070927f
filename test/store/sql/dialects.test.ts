import t from 'tap'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'

const at = new Date('2026-02-28T15:59:59.999Z')

t.test('times are written so that no driver converts their time zone', async (t) => {
  t.equal(DIALECTS.postgres.time(at), '2026-02-28T15:59:59.999Z')
  t.equal(DIALECTS.mysql.time(at), '2026-02-28 15:59:59.999')
  t.equal(DIALECTS.sqlite.time(at), at.getTime())
})

t.test('and read as ms since 1970, independently of the driver', async (t) => {
  t.equal(DIALECTS.postgres.read('time', 'a.b'), '(extract(epoch from a.b) * 1000)::bigint')
  t.equal(DIALECTS.mysql.read('time', 'a.b'), "timestampdiff(microsecond, '1970-01-01', a.b) div 1000")
  t.equal(DIALECTS.sqlite.read('time', 'a.b'), 'a.b')
})

t.test('keys in MySQL are bytes, so case, accents and spaces count, and are read as text', async (t) => {
  t.match(DIALECTS.mysql.types.key, /^varbinary/)
  t.equal(DIALECTS.mysql.read('key', 'a.b'), 'convert(a.b using utf8mb4)')
  t.equal(DIALECTS.mysql.read('text', 'a.b'), 'a.b')
})

t.test("PostgreSQL's placeholders are numbered", async (t) => {
  const sql = 'a = ?::text and b in (?::bigint, ?::bigint)'
  t.equal(DIALECTS.postgres.numbered(sql), 'a = $1::text and b in ($2::bigint, $3::bigint)')
  t.equal(DIALECTS.mysql.numbered(sql), sql)
  t.equal(DIALECTS.sqlite.numbered(sql), sql)
})

t.test('a row replaces the one with its key', async (t) => {
  t.equal(DIALECTS.postgres.replacing('a', ['a', 'b']), 'on conflict (a) do update set a = excluded.a, b = excluded.b')
  t.equal(DIALECTS.sqlite.replacing('a', ['a', 'b']), 'on conflict (a) do update set a = excluded.a, b = excluded.b')
  t.equal(DIALECTS.mysql.replacing('a', ['a', 'b']), 'on duplicate key update a = values(a), b = values(b)')
})
