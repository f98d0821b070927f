import t from 'tap'
import { revocable } from '../../src/store/revocable.ts'

class Client {
  #sent: string[] = []
  get sent() {
    return this.#sent.length
  }
  query(sql: string) {
    this.#sent.push(sql)
    return this
  }
  static also = () => 'also'
}

const OVER = { message: 'over' }

t.test('it works like its target until it is revoked', async (t) => {
  const client = new Client()
  const { value, revoke } = revocable(client, 'over')
  const { query } = value
  t.ok(value instanceof Client)
  t.equal(
    value.query('select 1'),
    value,
    'with its private fields, and a method that returns the target returns the wrapper',
  )
  t.equal(value.sent, 1)
  revoke()
  t.throws(() => value.query('insert'), OVER)
  t.throws(() => value.sent, OVER)
  t.throws(() => query.call(value, 'insert'), OVER, 'a method obtained earlier is revoked too')
  t.equal(client.query('select 2').sent, 2, 'the target keeps working')
})

t.test('methods keep their properties and their this', async (t) => {
  const raw = Object.assign(
    function (this: unknown) {
      return this
    },
    { ref: 'kept' },
  )
  const { value } = revocable({ raw }, 'over')
  t.equal(value.raw.ref, 'kept')
  t.equal(value.raw.call('somebody else'), 'somebody else')
  const frozen = Object.freeze({ query: () => 'answer' })
  t.equal(revocable(frozen, 'over').value.query(), 'answer')
})

t.test('a function itself is revoked too', async (t) => {
  const { value, revoke } = revocable(
    Object.assign((table: string) => `from ${table}`, { schema: 'shop' }),
    'over',
  )
  t.equal(value('orders'), 'from orders')
  t.equal(value.schema, 'shop')
  revoke()
  t.throws(() => value('orders'), OVER)
})

t.test('values that are not objects stay as they are', async (t) => {
  for (const plain of [undefined, null, 'text']) {
    const { value, revoke } = revocable(plain, 'over')
    revoke()
    t.equal(value, plain)
  }
})

t.test('statements that it prepared are revoked with it', async (t) => {
  const statement = {
    runs: 0,
    run() {
      this.runs++
      return this
    },
  }
  const { value, revoke } = revocable({ prepare: () => statement }, 'over')
  const other = revocable({ prepare: async () => statement }, 'over')
  const [now, later] = [value.prepare(), await other.value.prepare()]
  now.run().run()
  later.run()
  t.equal(statement.runs, 3)
  revoke()
  other.revoke()
  t.throws(() => now.run(), OVER)
  t.throws(() => later.run(), OVER)
  t.equal(statement.runs, 3)
})

t.test('methods that would end it are refused', async (t) => {
  let ended = 0
  const end = () => {
    ended++
  }
  const { value } = revocable(
    { commit: end, rollback: end, release: end, destroy: end, end, close: end, beginTransaction: end },
    'over',
  )
  for (const name of ['commit', 'rollback', 'release', 'destroy', 'end', 'close', 'beginTransaction'] as const) {
    t.throws(
      () => {
        value[name]()
      },
      {
        message: `A hook may not call ${name} of its transaction: it is committed when the hook ends, and rolled back when the hook throws`,
      },
    )
  }
  t.equal(ended, 0)
})
