import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { isSpent, replaced, restored } from '../../src/routes/body.ts'
import { serve } from '../fixtures.ts'

const text = async (stream: Readable | undefined) => Buffer.concat((await stream!.toArray()) as Buffer[]).toString()

t.test(
  'a body counts as consumed when it was read to its end, not when it is passed on as another stream',
  async (t) => {
    const seen: unknown[] = []
    const url = await serve(t, (request, response) => {
      seen.push(isSpent(request, request))
      request.resume().on('end', () => {
        setImmediate(() => {
          seen.push(isSpent(request, request), isSpent(request, Readable.from([])))
          response.end()
        })
      })
    })
    await (await fetch(url, { method: 'POST', body: 'x' })).text()
    t.strictSame(seen, [false, true, false])
  },
)

t.test('a body kept by a middleware is used', async (t) => {
  const cases: [kept: unknown, type: string, body: string][] = [
    ['code=1', 'text/plain', 'code=1'],
    [Buffer.from('茶'), 'text/plain', '茶'],
    [new Uint8Array([65, 66]), 'text/plain', 'AB'],
    [{ code: '1' }, 'application/json', '{"code":"1"}'],
    [null, 'application/json', 'null'],
  ]
  for (const [body, type, expected] of cases) {
    const raw = { headers: { 'content-length': '7', 'content-type': 'text/plain' }, body }
    t.equal(await text(restored(raw as unknown as IncomingMessage)), expected)
    t.strictSame(raw.headers, { 'content-type': type })
  }
  t.equal(restored({ headers: {} } as IncomingMessage), undefined)
  t.equal(await text(replaced({ headers: {} } as IncomingMessage, '')), '')
})
