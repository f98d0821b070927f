import t from 'tap'
import { keptReply } from '../../mock-server/kept-reply.ts'

const KEPT = 65_536

t.test('what is not long is kept as it is', async (t) => {
  const reply = { status: 200, headers: {}, body: 'x'.repeat(KEPT) }
  t.equal(keptReply(reply), reply)
})

t.test('of a long reply the beginning is kept, and how long it was', async (t) => {
  const reply = { status: 500, headers: { server: 'nginx' }, body: `\uFEFF${'茶'.repeat(30_000)}` }
  const kept = keptReply(reply)
  t.match(kept, { status: 500, headers: { server: 'nginx' }, length: 90_003 })
  t.ok(Buffer.byteLength(kept.body) > KEPT - 3, 'nearly all that may be')
  t.ok(reply.body.startsWith(kept.body), 'no character is cut in two')
  t.notOk('raw' in kept)
})

t.test('of bytes that are no text too', async (t) => {
  const raw = Buffer.alloc(100_000, 0xb2)
  const kept = keptReply({ status: 200, headers: {}, body: raw.toString(), raw })
  t.same(kept.raw, raw.subarray(0, KEPT))
  t.not(kept.raw?.buffer, raw.buffer)
  t.equal(kept.length, 100_000)
})
