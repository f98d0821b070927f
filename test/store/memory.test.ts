import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { memoryStore } from '../../src/store/memory.ts'
import { storeContract } from '../../src/testing.ts'

for (const { name, run } of storeContract({ makeStore: memoryStore })) t.test(name, run)

t.test('in production it warns that it forgets everything, once in each process', async (t) => {
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
