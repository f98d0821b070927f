import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { memoryStore } from '../../src/store/memory.ts'
import { storeContract } from '../../src/testing.ts'
import { at, newOrder } from '../engine/helpers.ts'

for (const { name, run } of storeContract({ makeStore: memoryStore })) t.test(name, run)

t.test('in production the store warns once per process that it forgets everything', async (t) => {
  const warnings: Error[] = []
  const listen = (warning: Error) => {
    warnings.push(warning)
  }
  process.on('warning', listen)
  const { NODE_ENV } = process.env
  t.teardown(() => {
    process.off('warning', listen)
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  })

  for (const [env, count] of [
    ['development', 0],
    ['production', 1],
    ['production', 1],
  ] as const) {
    process.env.NODE_ENV = env
    memoryStore()
    await tick()
    t.equal(warnings.length, count, `${env}: ${count}`)
  }
  t.match(warnings, [{ name: 'MemoryStoreWarning', message: /are lost when this process ends.+Use sqlStore/ }])
})

t.test('an order that changes while it is handed over is not archived', async (t) => {
  const store = memoryStore()
  const over = newOrder({ state: 'closed', liveKey: null, expiresAt: at(10) })
  await store.insertOrder({ order: over, history: [], anomalies: [] })
  const before = at(9000)
  const changed = { ...over, attempts: 1 }
  const to = async () => {
    await store.updateOrder(over.outTradeNo, () => ({ order: changed, history: [], anomalies: [] }))
  }
  t.equal(await store.archive({ before, to }), 0)
  t.same(await store.findOrder(over.outTradeNo), changed)
  t.equal(await store.archive({ before }), 1)
})
