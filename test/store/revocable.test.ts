import t from 'tap'
import { revocable } from '../../src/store/revocable.ts'

class Client {
  #sent: string[] = []
  get sent () { return this.#sent.length }
  query (sql: string) { this.#sent.push(sql); return this }
  static also = () => 'also'
}

const OVER = { message: 'over' }

t.test('it works as what it stands for, until it is revoked', async (t) => {
  const client = new Client()
  const { value, revoke } = revocable(client, 'over')
  const { query } = value
  t.ok(value instanceof Client)
  t.equal(value.query('select 1'), client, 'with its private fields')
  t.equal(value.sent, 1)
  revoke()
  t.throws(() => value.query('insert'), OVER)
  t.throws(() => value.sent, OVER)
  t.throws(() => query.call(value, 'insert'), OVER, 'and so does a method that was taken before')
  t.equal(client.query('select 2').sent, 2, 'what it stands for goes on')
})

t.test('methods keep what hangs on them, and whose they are', async (t) => {
  const raw = Object.assign(function (this: unknown) { return this }, { ref: 'kept' })
  const { value } = revocable({ raw }, 'over')
  t.equal(value.raw.ref, 'kept')
  t.equal(value.raw.call('somebody else'), 'somebody else')
  const frozen = Object.freeze({ query: () => 'answer' })
  t.equal(revocable(frozen, 'over').value.query(), 'answer')
})

t.test('what is called itself is revoked too', async (t) => {
  const { value, revoke } = revocable(Object.assign((table: string) => `from ${table}`, { schema: 'shop' }), 'over')
  t.equal(value('orders'), 'from orders')
  t.equal(value.schema, 'shop')
  revoke()
  t.throws(() => value('orders'), OVER)
})

t.test('what is no object stays what it is', async (t) => {
  for (const plain of [undefined, null, 'text']) {
    const { value, revoke } = revocable(plain, 'over')
    revoke()
    t.equal(value, plain)
  }
})
