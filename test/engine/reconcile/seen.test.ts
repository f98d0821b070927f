import t from 'tap'
import { Seen } from '../../../src/engine/reconcile/seen.ts'

t.test('remembers every added string, and no other', async (t) => {
  const seen = new Seen()
  t.notOk(seen.has('order-0'))
  // More than two chunks, the last one not full.
  const count = 150_000
  for (let n = 0; n < count; n++) seen.add(`order-${n}`)
  t.equal(seen.size, count)
  let [missing, mistaken] = [0, 0]
  for (let n = 0; n < count; n++) {
    if (!seen.has(`order-${n}`)) missing++
    if (seen.has(`order-${n + count}`)) mistaken++
  }
  t.strictSame({ missing, mistaken }, { missing: 0, mistaken: 0 })
  for (const text of ['', 'Order-1', 'order-1 ', 'refund order-1']) t.notOk(seen.has(text), JSON.stringify(text))
})

t.test('takes eight bytes per string, whatever its length', async (t) => {
  const count = 200_000
  const before = process.memoryUsage().arrayBuffers
  const seen = new Seen()
  for (let n = 0; n < count; n++) seen.add('x'.repeat(32) + String(n))
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(seen.has(`${'x'.repeat(32)}7`))
  t.ok(grown <= 8 * 4 * (1 << 16), `${grown} bytes for ${count} texts`)
})
