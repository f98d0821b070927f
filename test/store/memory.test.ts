import t from 'tap'
import { memoryStore } from '../../src/store/memory.ts'
import { storeContract } from '../../src/testing.ts'

for (const { name, run } of storeContract({ makeStore: memoryStore })) t.test(name, run)
