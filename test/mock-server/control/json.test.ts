import { Readable } from 'node:stream'
import t from 'tap'
import { jsonOf } from '../../../mock-server/control/json.ts'
import { control, startMock } from '../helpers.ts'

const values: unknown[] = [
  null,
  0,
  'tea',
  '',
  true,
  [],
  {},
  [[]],
  [{}],
  { a: undefined },
  { a: undefined, b: 1, c: undefined },
  [undefined, null],
  { run() {}, b: [() => {}] },
  { 'a "quoted" name': '\n龙井茶\u0000' },
  new Date(5),
  Buffer.from('x'),
  [new Date(6), { at: new Date(7), raw: Buffer.from([1, 2]), list: [1, 'x', [2]] }],
]

t.test('the same as JSON.stringify, in one text or in many', async (t) => {
  for (const value of values) {
    const json = JSON.stringify(value)
    t.equal(jsonOf(value), json, json)
    for (const limit of [0, 1, 5]) {
      const answer = jsonOf(value, limit)
      const parts = typeof answer === 'string' ? [answer] : ((await answer.toArray()) as string[])
      t.equal(parts.join(''), json, `${json} by ${limit}`)
      t.equal(answer instanceof Readable, json.length > limit)
    }
  }
})

t.test('no piece is much longer than the limit, however much there is', async (t) => {
  const exchange = { body: 'x'.repeat(50), response: { status: 200 } }
  const parts = (await (jsonOf({ entries: Array(1000).fill(exchange) }, 100) as Readable).toArray()) as string[]
  t.ok(parts.length > 500)
  for (const part of parts) t.ok(part.length <= 200)
})

t.test('a journal that is long is answered whole', async (t) => {
  const mock = await startMock(t)
  // Six characters each in JSON.
  const body = '\u0001'.repeat(60_000)
  for (let n = 0; n < 60; n++) await fetch(`${mock.url}/pay/micropay`, { method: 'POST', body })
  const { entries } = mock.default.journal
  t.equal(entries().length, 60)
  const response = await fetch(`${mock.controlUrl}/worlds/default/journal`)
  t.match(Object.fromEntries(response.headers), {
    'content-type': 'application/json; charset=utf-8',
    'transfer-encoding': 'chunked',
  })
  t.same(await response.json(), JSON.parse(JSON.stringify({ entries: entries(), cursor: 60 })))
  const { status, json } = await control(mock, 'GET', '/worlds/default/export')
  t.same([status, json.state.journal.entries.length], [200, 60])
})
