import { EventEmitter } from 'node:events'
import t from 'tap'
import { outliveLosses } from '../../../src/store/adapters/lost.ts'

/** A pool and one of its clients, as in pg: a client has its own `release`. */
function double() {
  const pool = new EventEmitter()
  const released: (boolean | undefined)[] = []
  const client = Object.assign(new EventEmitter(), { release: (_destroy?: boolean) => {} })
  return {
    pool,
    client,
    released,
    acquire() {
      pool.emit('acquire', client)
      client.release = (destroy) => {
        released.push(destroy)
        pool.emit('release', undefined, client)
      }
    },
  }
}

const lost = new Error('terminating connection due to administrator command')

t.test('a lost client frees its place at once, and releasing it later does nothing', async (t) => {
  const { pool, client, acquire, released } = double()
  outliveLosses(pool)
  acquire()
  client.emit('error', lost)
  t.same(released, [true])
  client.release()
  client.emit('error', new Error('Connection terminated unexpectedly'))
  t.same(released, [true])
})

t.test('an idle client is left to the pool', async (t) => {
  const { pool, client, acquire, released } = double()
  outliveLosses(pool)
  acquire()
  client.release()
  client.emit('error', lost)
  pool.emit('error', lost, client)
  t.same(released, [undefined])
})

t.test('pools and clients get one listener, however many stores use them', async (t) => {
  const { pool, client, acquire } = double()
  outliveLosses(pool)
  outliveLosses(pool)
  acquire()
  client.release()
  acquire()
  t.same([pool.listenerCount('error'), client.listenerCount('error')], [1, 1])
})
